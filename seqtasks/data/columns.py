"""Columns of encoded rows, in memory or on disk: one value a row, or rows of any length."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

SLICE = 1_000_000  # steps read at a time


@dataclass(frozen=True)
class DiskArray:
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


@dataclass(frozen=True)
class Ragged:
    """Rows of any length, end to end: row i is values[offsets[i]:offsets[i + 1]]."""

    values: np.ndarray | DiskArray  # (sum of lengths, ...)
    offsets: np.ndarray  # int64 (N + 1,)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """int32 (N,), steps."""
        return np.subtract(self.offsets[1:], self.offsets[:-1], dtype=np.int32, casting="unsafe")

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        """int32 (B,), steps."""
        return (self.offsets[rows + 1] - self.offsets[rows]).astype(np.int32)

    def padded(self, rows: np.ndarray, steps: int) -> np.ndarray:
        """The rows (B, steps, ...), filled with 0 on the right."""
        found = np.zeros((len(rows), steps, *self.values.shape[1:]), self.values.dtype)
        for row, (start, end) in enumerate(zip(self.offsets[rows], self.offsets[rows + 1], strict=True)):
            found[row, : end - start] = self.values[start:end]
        return found

    def longest(self, rows: np.ndarray) -> int:
        """Steps of the longest of the rows."""
        return int(self.lengths_of(rows).max())

    def arrays(self) -> list[np.ndarray | DiskArray]:
        return [self.values, self.offsets]


@dataclass(frozen=True)
class Dense:
    """One value a row."""

    values: np.ndarray  # (N, ...)

    def __len__(self) -> int:
        return len(self.values)

    def arrays(self) -> list[np.ndarray | DiskArray]:
        return [self.values]


@dataclass(frozen=True)
class Columns:
    """Inputs and targets of the same rows, and the inputs once more in other views."""

    inputs: Ragged
    targets: Dense | Ragged
    pad_to_multiple_of: int = 1  # of a batch's steps
    views: tuple[Ragged, ...] = field(default_factory=tuple)

    def __len__(self) -> int:
        return len(self.targets)

    def fingerprint(self) -> str:
        """sha256 of all of it, in order."""
        first = digest([*self.inputs.arrays(), *self.targets.arrays()])
        if not self.views:
            return first
        every = [first, *(digest([*each.arrays(), *self.targets.arrays()]) for each in self.views)]
        return hashlib.sha256(" ".join(every).encode()).hexdigest()


def digest(arrays: Sequence[np.ndarray | DiskArray]) -> str:
    """sha256 of arrays, one behind the other."""
    found = hashlib.sha256()
    for array in arrays:
        for start in range(0, array.shape[0], SLICE):
            found.update(np.ascontiguousarray(array[start : start + SLICE]).data)
    return found.hexdigest()
