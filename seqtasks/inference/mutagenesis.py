"""What each base of a sequence matters to an answer: the answer is asked again with every base replaced in turn."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqtasks.errors import UsageError
from seqtasks.inference.predictor import Served


def effects(served: Served, codec: Any, value: bytes) -> np.ndarray:
    """How much less probable the answer is with each letter in each place (T, letters), in nats of log odds.

    In silico mutagenesis (Alipanahi et al., 2015), through the export. Raises UsageError for a codec without letters to
    put in a letter's place and for a value longer than what is read.
    """
    letters = getattr(codec, "alternatives", "")
    if not letters:
        raise UsageError("--plot is for sequences of a few letters, such as DNA")
    if len(value) > codec.length:
        raise UsageError(f"--plot draws at most {codec.length:,} bases, not {len(value):,}; give a part of them")
    places = [(place, letter) for place in range(len(value)) for letter in range(len(letters))]
    changed = [value[:place] + letters[letter : letter + 1].encode() + value[place + 1 :] for place, letter in places]
    whole, *others = served([value, *changed])
    odds = np.array([_odds(other["probabilities"][whole["answer"]]) for other in others])
    return (_odds(whole["probability"]) - odds).reshape(len(value), len(letters))


def _odds(probability: float) -> float:
    inside = min(max(probability, 1e-6), 1 - 1e-6)
    return float(np.log(inside / (1 - inside)))
