"""Encoded rows in batches, in an order that is a pure function of (seed, epoch).

Rows of like length share a batch, so that little is computed on padding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from seqtasks.data import progress
from seqtasks.data.columns import Columns, Dense, Ragged

Augment = Callable[[np.ndarray, np.random.Generator], np.ndarray]  # a row's values (T, ...) -> another's (T', ...)
DRAWS = 2**20  # different views of a row that are drawn
POOL = 50  # batches whose rows are sorted by length together


class Batch(NamedTuple):
    """Some rows, filled with 0 on the right."""

    values: np.ndarray  # (B, T, ...)
    lengths: np.ndarray  # int32 (B,)
    targets: np.ndarray  # (B, ...), or (B, S, ...) where they have steps of their own
    target_lengths: np.ndarray | None  # int32 (B,), or None where they have none


@dataclass(frozen=True)
class RowBatches:
    """Batches of rows, which an epoch sees each in one of its views, by chance.

    An index holds the rows' numbers. Number i + N * k is row i in view k; view 0 is the row itself, by which everything
    is measured. Where rows are augmented, k is what the view is drawn by.
    """

    columns: Columns
    bucket_keys: np.ndarray  # int (N,), by which rows share a batch
    collate: Callable[[Batch], tuple[Any, Any]]  # what model and loss take
    augment: Augment | None = field(default=None, kw_only=True)  # instead of the columns' own views

    varied = True

    def __len__(self) -> int:
        return len(self.columns)

    def epoch_batches(self, *, batch_size: int, min_steps: int, seed: int, epoch: int) -> list[np.ndarray]:
        """The epoch's batches: shuffled, sorted by length within pools, the batches shuffled again.

        A data set that fills fewer than `min_steps` batches is gone through several times.
        """
        keys, draw = self.bucket_keys, np.random.default_rng([seed, epoch])
        batches: list[np.ndarray] = []
        while len(batches) < max(min_steps, 1):
            rows = draw.permutation(np.arange(len(keys), dtype=np.int32))
            for start in range(0, len(rows), batch_size * POOL):
                pooled = rows[start : start + batch_size * POOL]
                pooled = pooled[np.argsort(keys[pooled], kind="stable")]
                batches += [pooled[first : first + batch_size] for first in range(0, len(pooled), batch_size)]
        shuffled = [batches[place] for place in draw.permutation(len(batches))]
        views = DRAWS if self.augment else len(self.columns.views)
        if not views:
            return shuffled
        draw = np.random.default_rng([seed, epoch, views])
        return [rows + len(self) * draw.integers(1 + views, size=len(rows)) for rows in shuffled]

    def eval_batches(self, *, batch_size: int) -> Iterator[np.ndarray]:
        """All rows once, shortest first: the cheapest order where order does not matter."""
        rows = np.argsort(self.bucket_keys, kind="stable")
        for first in range(0, len(rows), batch_size):
            yield rows[first : first + batch_size]
            progress.tell("answering", min(first + batch_size, len(rows)), len(rows), "rows")

    def batch(self, index: np.ndarray) -> tuple[Any, Any]:
        """x and y of the rows, as the pattern's collate makes them."""
        return self.collate(self.rows(index))

    def rows(self, index: np.ndarray) -> Batch:
        """The rows as they were encoded, each in the view that the index names."""
        views, rows = np.divmod(index, len(self))
        if self.augment and views.any():
            return self._augmented(rows, views, self.augment)
        lengths, targets = self._lengths(index), self.columns.targets
        steps, first = self.steps(index), self.columns.inputs.values
        values = np.zeros((len(rows), steps, *first.shape[1:]), first.dtype)
        for view, chosen in self._views(index):
            values[chosen] = view.padded(rows[chosen], steps)
        if isinstance(targets, Dense):
            return Batch(values, lengths, targets.values[rows], None)
        return Batch(values, lengths, targets.padded(rows, max(targets.longest(rows), 1)), targets.lengths_of(rows))

    def _augmented(self, rows: np.ndarray, views: np.ndarray, augment: Augment) -> Batch:
        """Rows in views that are drawn by their numbers."""
        plain, multiple = self.rows(rows), self.columns.pad_to_multiple_of
        drawn = [
            augment(values[:length], np.random.default_rng([view, row])) if view else values[:length]
            for values, length, view, row in zip(plain.values, plain.lengths, views, rows, strict=True)
        ]
        lengths = np.array([len(values) for values in drawn], np.int32)
        steps = _multiple(int(lengths.max()), multiple)
        values = np.zeros((len(rows), steps, *plain.values.shape[2:]), plain.values.dtype)
        for row, each in enumerate(drawn):
            values[row, : len(each)] = each
        return plain._replace(values=values, lengths=lengths)

    def views(self, rows: np.ndarray) -> np.ndarray:
        """The values of rows in all views, (B, W, T, ...)."""
        every = (self.columns.inputs, *self.columns.views)
        steps = max(self.steps(rows + len(self) * number) for number in range(len(every)))
        return np.stack([each.padded(rows, steps) for each in every], axis=1)

    def steps(self, index: np.ndarray) -> int:
        """How many steps the batch has."""
        return _multiple(int(self._lengths(index).max()), self.columns.pad_to_multiple_of)

    def describe(self, index: np.ndarray) -> str:
        """Which rows they are, in a person's words."""
        return f"rows {', '.join(str(row + 1) for row in sorted(index % len(self))[:5])}, ..."

    def padded_share(self, batches: Sequence[np.ndarray]) -> float:
        """The share of all computed steps that is padding, from 0 to 1."""
        computed = sum(len(index) * self.steps(index) for index in batches)
        return 1 - float(sum(self._lengths(index).sum() for index in batches)) / computed

    def _views(self, index: np.ndarray) -> Iterator[tuple[Ragged, np.ndarray]]:
        """The views that the index names, and which rows are in each, bool (B,); drawn ones are the row itself."""
        numbers = index // len(self)
        numbers = np.where(numbers > len(self.columns.views), 0, numbers)
        for number, view in enumerate((self.columns.inputs, *self.columns.views)):
            chosen = numbers == number
            if chosen.any():
                yield view, chosen

    def _lengths(self, index: np.ndarray) -> np.ndarray:
        """Steps of each row in its view, int32 (B,)."""
        lengths = np.zeros(len(index), np.int32)
        for view, chosen in self._views(index):
            lengths[chosen] = view.lengths_of(index[chosen] % len(self))
        return lengths

    def fingerprint(self) -> str:
        """sha256 of all of it, in order."""
        return self.columns.fingerprint()


def _multiple(number: int, of: int) -> int:
    """The least multiple that is no less than a number."""
    return -(-number // of) * of
