"""Text into pieces of words in the graph next to Keras's TextVectorization, whose words are whole or unknown.

Of text that the pieces were learned from, and of text in another language, in which hardly a word is a piece.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks import benchmarks
from seqtasks.codecs.subwords import Subwords
from seqtasks.data import encode, tfds
from seqtasks.data.encode import Chunk
from seqtasks.data.samples import phrases
from seqtasks.task import SAMPLE, Folders

DATASET = "multi30k/de-en"
REPEATS, SENTENCES = 5, 400


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Megabytes a second on all cores and of one, pieces of a word, seconds of learning. "sample" is small."""
    sources, targets = _texts(dataset, folders)
    begun = time.perf_counter()
    codec = Subwords(max_length=1_000).fit([sources], folders)
    learned = time.perf_counter() - begun
    say(f"{len(codec.vocabulary):,} pieces learned from {_megabytes(sources):.1f} MB in {learned:.1f} s")
    vectorize = keras.layers.TextVectorization(codec.vocabulary_size, standardize=None)
    vectorize.adapt(tf.constant(sources))
    ours, theirs = encode.of_inputs(codec), _vectorized(vectorize)
    sides = {"learned from": sources, "another language": targets}
    calls = {
        (who, side): partial(_all, texts, function, codec.traits.batch_size)
        for side, texts in sides.items()
        for who, function in {"subwords": ours, "TextVectorization": theirs}.items()
    }
    named = {"|".join(key): call for key, call in calls.items()}
    repeats = 1 if dataset == SAMPLE else REPEATS
    seconds = benchmarks.interleaved(named, repeats=repeats)
    processor = {name: min(_processor_seconds(call) for _ in range(repeats)) for name, call in named.items()}
    pieces = {side: _pieces_per_word(codec, texts) for side, texts in sides.items()}
    return {
        "benchmark": "subwords",
        "dataset": dataset or DATASET,
        **benchmarks.circumstances(),
        "rows": [
            {
                "who": who,
                "text": side,
                "megabytes_per_second": _megabytes(sides[side]) / seconds[f"{who}|{side}"],
                "megabytes_per_processor_second": _megabytes(sides[side]) / processor[f"{who}|{side}"],
                "steps_per_word": pieces[side] if who == "subwords" else 1.0,
            }
            for who, side in calls
        ],
        "learning_seconds": learned,
    }


def _texts(dataset: str | None, folders: Folders) -> tuple[np.ndarray, np.ndarray]:
    """Texts in two languages, bytes (N,) each."""
    if dataset == SAMPLE:
        pairs = [(source.encode(), target.encode()) for source, target in phrases.pairs(SENTENCES)]
        sources, targets = (np.array(side, object) for side in zip(*pairs, strict=True))
        return sources, targets
    rows = tfds.load(DATASET, folders, ["train"])["train"]
    return rows["source"], rows["target"]


def _vectorized(vectorize: keras.layers.TextVectorization) -> encode.Encode:
    traced = tf.function(vectorize, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    return lambda strings, before: Chunk(traced(tf.constant(strings, tf.string)).numpy(), None)


def _all(texts: np.ndarray, function: encode.Encode, size: int) -> None:
    for _ in encode.chunks(texts, function, size):
        pass


def _processor_seconds(call: Callable[[], None]) -> float:
    """Of all cores together: what others do on a shared machine does not count."""
    start = time.process_time()
    call()
    return time.process_time() - start


def _pieces_per_word(codec: Subwords, texts: np.ndarray) -> float:
    return len(encode.inputs(texts, codec).values[:]) / sum(len(text.split()) for text in texts)


def _megabytes(texts: np.ndarray) -> float:
    return sum(map(len, texts)) / 1e6
