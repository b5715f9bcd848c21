"""What of a sequence matters to an answer: it is answered again with every letter replaced in turn."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtasks.codecs import Alphabet
from seqtasks.errors import UsageError
from seqtasks.inference.explanation import log_odds
from seqtasks.inference.predictor import Predictor


def effects(predictor: Predictor, codec: Any, value: bytes) -> np.ndarray:
    """How much less probable the answer is with each letter in each place (T, letters), in nats of log odds.

    In silico mutagenesis (Alipanahi et al., 2015), through the export. Raises UsageError for a codec without an
    alphabet, a value longer than the network reads, and answers that are no class.
    """
    import tensorflow as tf

    alphabet = alphabet_of(codec)
    steps = int(codec.encode(tf.constant([value]))[1][0])
    if steps < len(value):
        raise UsageError(f"--explain draws at most {steps:,} letters, not {len(value):,}; give a part of them")
    letters = alphabet.letters
    places = [(place, letter) for place in range(len(value)) for letter in letters]
    changed = [value[:place] + letter.encode() + value[place + 1 :] for place, letter in places]
    whole, *others = predictor([value, *changed])
    odds = np.array([log_odds(other, whole["answer"]) for other in others])
    return (log_odds(whole, whole["answer"]) - odds).reshape(len(value), len(letters))


def alphabet_of(codec: Any) -> Alphabet:
    """The letters that may stand in each other's place; raises UsageError for a codec that has none."""
    alphabet: Alphabet | None = codec.traits.alphabet
    if alphabet is None:
        raise UsageError("letters are replaced in sequences of a few letters, such as DNA; give one of these")
    return alphabet
