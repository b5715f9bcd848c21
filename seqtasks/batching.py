"""Encoded examples, and the order in which a training sees them: a pure function of (seed, epoch).

Rows of like length share a batch, so that little is computed on padding.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from seqtasks.errors import InputError
from seqtasks.task import Examples

CHUNK = 500  # rows encoded at a time
POOL = 50  # batches whose rows are sorted by length together
ROUND = 16  # padded lengths are multiples of this, so that few different ones occur


@dataclass(frozen=True)
class Encoded:
    """Rows of different lengths, end to end: row i is values[offsets[i]:offsets[i + 1]]."""

    values: np.ndarray  # (sum of lengths, ...)
    offsets: np.ndarray  # int64 (N + 1,)
    targets: np.ndarray  # int32 (N,)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)


def encode(
    examples: Examples, inputs: Any, targets: Any, *, name: str, progress: Callable[[int], None] = lambda rows: None
) -> Encoded:
    """Encodes every example once, on all cores. Raises InputError that names the row of a strange target."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.string)])
    def both(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        values, lengths = inputs.encode(x)
        return tf.boolean_mask(values, tf.sequence_mask(lengths, tf.shape(values)[1])), lengths, targets.encode(y)

    def chunk(start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = examples.take(np.arange(start, min(start + CHUNK, len(examples))))
        values, lengths, ids = (each.numpy() for each in both(tf.constant(rows.inputs), tf.constant(rows.targets)))
        if (ids < 0).any():
            wrong = int(np.argmax(ids < 0))
            known = ", ".join(targets.names)
            raise InputError(f"{name} row {start + wrong + 1}: label {rows.targets[wrong]!r} is none of {known}")
        progress(len(ids))
        return values, lengths, ids

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        parts = list(threads.map(chunk, range(0, len(examples), CHUNK)))
    values, lengths, ids = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Encoded(values, np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), ids)


def order(lengths: np.ndarray, *, size: int, least: int, seed: int, epoch: int) -> list[np.ndarray]:
    """The epoch's batches as row numbers: shuffled, sorted by length within pools, the batches shuffled again.

    A data set that fills fewer than `least` batches is gone through several times.
    """
    draw = np.random.default_rng([seed, epoch])
    batches: list[np.ndarray] = []
    while len(batches) < max(least, 1):
        rows = draw.permutation(len(lengths))
        for start in range(0, len(rows), size * POOL):
            pooled = rows[start : start + size * POOL]
            pooled = pooled[np.argsort(lengths[pooled], kind="stable")]
            batches += [pooled[first : first + size] for first in range(0, len(pooled), size)]
    return [batches[index] for index in draw.permutation(len(batches))]


def by_length(lengths: np.ndarray, *, size: int) -> Iterator[np.ndarray]:
    """All rows once, shortest first, as batches of row numbers: the cheapest order where order does not matter."""
    rows = np.argsort(lengths, kind="stable")
    for first in range(0, len(rows), size):
        yield rows[first : first + size]


def batch(encoded: Encoded, rows: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """(values (B, T, ...), filled with 0 on the right, lengths (B,)), targets (B,)."""
    starts, ends = encoded.offsets[rows], encoded.offsets[rows + 1]
    lengths = (ends - starts).astype(np.int32)
    longest = -(-int(lengths.max()) // ROUND) * ROUND
    values = np.zeros((len(rows), longest, *encoded.values.shape[1:]), encoded.values.dtype)
    for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
        values[row, : end - start] = encoded.values[start:end]
    return (values, lengths), encoded.targets[rows]


def padded_share(lengths: np.ndarray, batches: list[np.ndarray]) -> float:
    """The share of all computed steps that is padding, from 0 to 1."""
    computed = sum(len(rows) * -(-int(lengths[rows].max()) // ROUND) * ROUND for rows in batches)
    return 1 - float(sum(lengths[rows].sum() for rows in batches)) / computed


def fingerprint(encoded: Encoded) -> str:
    """sha256 of encoded examples, in order."""
    digest = hashlib.sha256()
    for array in (encoded.values, encoded.offsets, encoded.targets):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
