"""Encoded examples, and the order in which a training sees them: a pure function of (seed, epoch).

Rows of like length share a batch, so that little is computed on padding.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from seqtasks import files
from seqtasks.errors import InputError
from seqtasks.task import Examples

CHUNK = 500  # rows encoded at a time
POOL = 50  # batches whose rows are sorted by length together
SLICE = 1_000_000  # steps read at a time
ROUND = 8  # padded lengths are multiples of this, so that few different ones occur and compiled pieces are full


@dataclass(frozen=True)
class Flat:
    """An array (N, ...) that stays on disk: a slice of it is read when it is asked for."""

    file: Path
    shape: tuple[int, ...]
    dtype: np.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, end, _ = rows.indices(self.shape[0])
        item = self.dtype.itemsize * int(np.prod(self.shape[1:]))
        content = os.pread(self._handle, (end - start) * item, start * item)
        return np.frombuffer(content, self.dtype).reshape(-1, *self.shape[1:])

    @cached_property
    def _handle(self) -> int:
        return os.open(self.file, os.O_RDONLY)


class Batches(Protocol):
    """Encoded examples in batches: rows of their own (`Encoded`), or one long text (`streams.Stream`).

    A batch is told by its place, whatever that is. The order of an epoch is a pure function of (seed, epoch).
    """

    @property
    def varied(self) -> bool:
        """Whether batches differ much in steps."""

    def __len__(self) -> int: ...

    def order(self, *, size: int, least: int, seed: int, epoch: int) -> list[Any]:
        """The epoch's places, at least so many, of batches of at most `size` rows."""

    def sweep(self, *, size: int) -> Iterable[Any]:
        """Places at which everything is read once, for measuring."""

    def batch(self, place: Any) -> tuple[Any, Any]:
        """x and y of the batch, as the pattern's `pair` takes them."""

    def steps(self, place: Any) -> int:
        """How many steps the batch has."""

    def named(self, place: Any) -> str:
        """Where it is, in a person's words."""

    def fingerprint(self) -> str:
        """sha256 of what is read."""


@dataclass(frozen=True)
class Encoded:
    """Rows of different lengths, end to end: row i is values[offsets[i]:offsets[i + 1]]."""

    values: np.ndarray | Flat  # (sum of lengths, ...)
    offsets: np.ndarray  # int64 (N + 1,)
    targets: np.ndarray  # int32 (N,)

    varied = True

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def lengths(self) -> np.ndarray:
        """int32 (N,), steps."""
        return np.subtract(self.offsets[1:], self.offsets[:-1], dtype=np.int32, casting="unsafe")

    def order(self, *, size: int, least: int, seed: int, epoch: int) -> list[np.ndarray]:
        """The epoch's batches as row numbers: shuffled, sorted by length within pools, the batches shuffled again.

        A data set that fills fewer than `least` batches is gone through several times.
        """
        lengths = self.lengths
        draw = np.random.default_rng([seed, epoch])
        batches: list[np.ndarray] = []
        while len(batches) < max(least, 1):
            rows = draw.permutation(np.arange(len(lengths), dtype=np.int32))
            for start in range(0, len(rows), size * POOL):
                pooled = rows[start : start + size * POOL]
                pooled = pooled[np.argsort(lengths[pooled], kind="stable")]
                batches += [pooled[first : first + size] for first in range(0, len(pooled), size)]
        return [batches[index] for index in draw.permutation(len(batches))]

    def sweep(self, *, size: int) -> Iterator[np.ndarray]:
        """All rows once, shortest first, as batches of row numbers: the cheapest order where order does not matter."""
        rows = np.argsort(self.lengths, kind="stable")
        for first in range(0, len(rows), size):
            yield rows[first : first + size]

    def batch(self, rows: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """(values (B, T, ...), filled with 0 on the right, lengths (B,)), targets (B,)."""
        starts, ends = self.offsets[rows], self.offsets[rows + 1]
        lengths = (ends - starts).astype(np.int32)
        values = np.zeros((len(rows), self.steps(rows), *self.values.shape[1:]), self.values.dtype)
        for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
            values[row, : end - start] = self.values[start:end]
        return (values, lengths), self.targets[rows]

    def steps(self, rows: np.ndarray) -> int:
        """How many steps their batch has."""
        longest = int((self.offsets[rows + 1] - self.offsets[rows]).max())
        return -(-longest // ROUND) * ROUND

    def named(self, rows: np.ndarray) -> str:
        """Which rows they are, in a person's words."""
        return f"rows {', '.join(str(row + 1) for row in sorted(rows)[:5])}, ..."

    def padded_share(self, batches: list[np.ndarray]) -> float:
        """The share of all computed steps that is padding, from 0 to 1."""
        computed = sum(len(rows) * self.steps(rows) for rows in batches)
        return 1 - float(sum(self.lengths[rows].sum() for rows in batches)) / computed

    def fingerprint(self) -> str:
        """sha256 of all of it, in order."""
        digest = hashlib.sha256()
        for start in range(0, self.values.shape[0], SLICE):
            digest.update(np.ascontiguousarray(self.values[start : start + SLICE]).data)
        for array in (self.offsets, self.targets):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def encode(examples: Examples, inputs: Any, targets: Any, *, name: str) -> Encoded:
    """Encodes every example once, in memory. Raises InputError that names the row of a strange target."""
    values, lengths, ids = (
        np.concatenate(each) for each in zip(*_encoded(examples, inputs, targets, name), strict=True)
    )
    return Encoded(values, np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), ids)


def encode_to_disk(examples: Examples, inputs: Any, targets: Any, folder: Path, *, name: str) -> Encoded:
    """The same into a folder, unless it is there already; memory grows by 12 bytes a row, whatever its length."""
    if not folder.exists():
        offsets, ids = np.zeros(len(examples) + 1, np.int64), np.zeros(len(examples), np.int32)
        row = 0
        with files.new_folder(folder, point="encoded") as part, (part / "values.bin").open("wb") as file:
            for values, lengths, chunk in _encoded(examples, inputs, targets, name):
                file.write(values.tobytes())
                offsets[row + 1 : row + 1 + len(chunk)] = offsets[row] + np.cumsum(lengths)
                ids[row : row + len(chunk)] = chunk
                row += len(chunk)
            file.flush()
            np.savez(part / "rows.npz", offsets=offsets, targets=ids, like=values[:0])
    with np.load(folder / "rows.npz", allow_pickle=False) as rows:
        like = rows["like"]
        shape = (int(rows["offsets"][-1]), *like.shape[1:])
        return Encoded(Flat(folder / "values.bin", shape, like.dtype), rows["offsets"], rows["targets"])


def _encoded(
    examples: Examples, inputs: Any, targets: Any, name: str
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Chunks of rows in their order, encoded on all cores: values end to end, lengths (B,), targets (B,)."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.string)], autograph=False)
    def both(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        values, lengths = inputs.encode(x)
        return tf.boolean_mask(values, tf.sequence_mask(lengths, tf.shape(values)[1])), lengths, targets.encode(y)

    def chunk(start: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = slice(start, start + CHUNK)
        x, y = examples.inputs[rows], examples.targets[rows]
        values, lengths, ids = (each.numpy() for each in both(tf.constant(x), tf.constant(y)))
        if (ids < 0).any():
            wrong = int(np.argmax(ids < 0))
            known = ", ".join(targets.names)
            raise InputError(f"{name} row {start + wrong + 1}: label {y[wrong]!r} is none of {known}")
        return values, lengths, ids

    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as threads:
        waiting: deque[Future[tuple[np.ndarray, np.ndarray, np.ndarray]]] = deque()
        for start in range(0, len(examples), CHUNK):
            waiting.append(threads.submit(chunk, start))
            if len(waiting) > 2 * cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
