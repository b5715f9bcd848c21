"""Other texts to train on: entities stand for others of their type (mention replacement, Dai and Adel, 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from seqtasks.codecs.entities import tag_ids
from seqtasks.codecs.words import END, START
from seqtasks.data.columns import Columns, Ragged


def places(rows: Columns) -> list[np.ndarray]:
    """Where the entities of each type are among the pieces of all rows: first and end, int (M, 2), type by type."""
    targets = cast("Ragged", rows.targets)
    found: dict[int, list[tuple[int, int]]] = {}
    for row, (begin, end) in enumerate(zip(rows.inputs.offsets, rows.inputs.offsets[1:], strict=False)):
        pieces = rows.inputs.values[begin:end]
        for start, stop, kind in targets.values[slice(*targets.offsets[row : row + 2])]:
            first, last = np.searchsorted(pieces[:, START], (start, stop))
            if last > first:
                found.setdefault(int(kind), []).append((int(begin + first), int(begin + last)))
    return [np.array(found.get(kind, []), int).reshape(-1, 2) for kind in range(1 + max(found, default=-1))]


def replaced(
    rows: Columns, row: int, others: Sequence[np.ndarray], share: float, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A row's pieces (T, F) and ids of tags (T,), each of its entities by chance (`share`) another of `others`.

    The places of its pieces, which a network does not read, are those that they had.
    """
    begin, end = rows.inputs.offsets[row : row + 2]
    targets = cast("Ragged", rows.targets)
    pieces, spans = rows.inputs.values[begin:end], targets.values[slice(*targets.offsets[row : row + 2])]
    ids, at = tag_ids(pieces[:, START : END + 1], spans), 0
    values, tags = [], []
    for start, stop, kind in spans:
        first, last = np.searchsorted(pieces[:, START], (start, stop))
        if last <= first or draw.random() >= share:
            continue
        chosen = slice(*others[kind][draw.integers(len(others[kind]))])
        values += [pieces[at:first], rows.inputs.values[chosen]]
        name = np.full(chosen.stop - chosen.start, 2 + 2 * kind, np.int32)
        name[0] -= 1
        tags += [ids[at:first], name]
        at = last
    return np.concatenate([*values, pieces[at:]]), np.concatenate([*tags, ids[at:]])
