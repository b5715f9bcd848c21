"""Rows of tagged pieces for training: long ones are cut into windows, none of which begins inside an entity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np

from seqtasks.codecs.entities import OUTSIDE, tag_ids
from seqtasks.codecs.words import END, START
from seqtasks.data import mentions
from seqtasks.data.batches import Batch, RowBatches
from seqtasks.data.columns import Columns, Ragged

DRAWS = 2**20  # different views of a row


@dataclass(frozen=True)
class WindowBatches(RowBatches):
    """Batches of windows; what a model is worth is measured on the whole rows.

    A row's views are the texts that it is with other entities in it; their number is what they are drawn by.
    """

    whole: Columns
    mention_replacement: float  # share of the entities, which training reads as others of their type

    def epoch_batches(self, *, batch_size: int, min_steps: int, seed: int, epoch: int) -> list[np.ndarray]:
        """The epoch's batches; each row in a view that is drawn."""
        batches = super().epoch_batches(batch_size=batch_size, min_steps=min_steps, seed=seed, epoch=epoch)
        if not self.mention_replacement:
            return batches
        draw = np.random.default_rng([seed, epoch, DRAWS])
        return [rows + len(self) * draw.integers(1, DRAWS, size=len(rows)) for rows in batches]

    def batch(self, index: np.ndarray) -> tuple[Any, Any]:
        """(Pieces (B, T, F), lengths (B,)), ids of tags (B, T), -1 behind a row's end."""
        views, rows = np.divmod(index, len(self))
        if not views.any():
            return super().batch(index)
        found = [
            mentions.replaced(
                self.columns, int(row), self._mentions, self.mention_replacement, np.random.default_rng([view, row])
            )
            for view, row in zip(views, rows, strict=True)
        ]
        lengths = np.array([len(tags) for _, tags in found], np.int32)
        multiple = self.columns.pad_to_multiple_of
        steps = -(-int(lengths.max()) // multiple) * multiple
        values = np.stack([np.pad(pieces, [(0, steps - len(pieces)), (0, 0)]) for pieces, _ in found])
        ids = np.stack([np.pad(tags, (0, steps - len(tags)), constant_values=-1) for _, tags in found])
        return (values, lengths), ids

    @cached_property
    def _mentions(self) -> list[np.ndarray]:
        return mentions.places(self.columns)


def batches(encoded: Columns, most: int, mention_replacement: float = 0.0) -> WindowBatches:
    """Windows of like length: (pieces (B, T, F), lengths (B,)), ids of tags (B, T), -1 behind a row's end."""
    cut = windows(encoded, most)
    return WindowBatches(cut, cut.inputs.lengths, _collate, encoded, mention_replacement)


def windows(encoded: Columns, most: int) -> Columns:
    """Rows of at most so many pieces each; only where a single entity has more is a window longer."""
    inputs, targets = encoded.inputs, cast("Ragged", encoded.targets)
    starts, firsts = [inputs.offsets], [targets.offsets]
    for row in np.flatnonzero(inputs.lengths > most):
        begin, end = inputs.offsets[row : row + 2]
        first, last = targets.offsets[row : row + 2]
        places, spans = inputs.values[begin:end][:, START : END + 1], targets.values[first:last]
        ids = tag_ids(places, spans)
        cuts = _cuts(np.append(np.flatnonzero((ids == OUTSIDE) | (ids % 2 == 1)), len(ids)), most)
        starts.append(begin + cuts)
        firsts.append(first + np.searchsorted(spans[:, 0], places[cuts, 0]))
    offsets, of_targets = (np.sort(np.concatenate(each)) for each in (starts, firsts))
    return Columns(Ragged(inputs.values, offsets), Ragged(targets.values, of_targets), encoded.pad_to_multiple_of)


def _cuts(borders: np.ndarray, most: int) -> np.ndarray:
    """Of the places, ascending, at which a row may be cut, the last of which is its end: those at which it is."""
    cuts, at = list[int](), 0
    while borders[-1] - at > most:
        place = int(np.searchsorted(borders, at + most, side="right")) - 1
        at = int(borders[place] if borders[place] > at else borders[place + 1])
        if at < borders[-1]:
            cuts.append(at)
    return np.array(cuts, int)


def _collate(batch: Batch) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    ids = np.full(batch.values.shape[:2], -1, np.int32)
    counts = cast("np.ndarray", batch.target_lengths)
    for row, (length, count) in enumerate(zip(batch.lengths, counts, strict=True)):
        ids[row, :length] = tag_ids(batch.values[row, :length, START : END + 1], batch.targets[row, :count])
    return (batch.values, batch.lengths), ids
