"""Recordings of sensors, read in the graph: a table with a line a reading and a column a sensor.

A column is known by its name, so that the order does not matter; a reading that is missing is on the line between those
around it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from seqtasks.codecs import number_table
from seqtasks.errors import InputError

# columns that say when, or of which row or file, in small letters
LEFT_OUT = ("time", "timestamp", "t", "seconds", "index", "frame", "", "id", "file", "filename", "path", "name", "row")


def header(content: bytes) -> list[str]:
    """The names of a table's columns; none where its first line is of numbers."""
    found = number_table.cells(tf.constant(content), len(content) + 1)
    if not number_table.has_header(found):
        return []
    return [name.decode(errors="replace") for name in found[0].numpy()]


def names(content: bytes, wanted: str) -> tuple[str, ...]:
    """The columns that are read of a table: those wanted, with commas between, or all that are not left out.

    Without a header they are 1, 2, ... Raises InputError for a table that lacks one, or has one twice.
    """
    present = header(content)
    if not present:
        found = number_table.cells(tf.constant(content), len(content) + 1)
        present = [str(place + 1) for place in range(int(found[0].shape[0] if found.nrows() else 0))]
    chosen = (
        [each.strip() for each in wanted.split(",")]
        if wanted
        else [name for name in present if name.lower() not in LEFT_OUT]
    )
    if missing := [name for name in chosen if name not in present]:
        raise InputError(f"lacks the column {missing[0]!r}; it has {', '.join(present) or 'none'}")
    if twice := [name for name in chosen if present.count(name) > 1]:
        raise InputError(f"has the column {twice[0]!r} twice; give each its own name")
    return tuple(chosen)


def fault(content: bytes, wanted: str, learned: Sequence[str]) -> str | None:
    """Why a file's bytes are no recording with these columns, in words; None if they are."""
    try:
        columns = tuple(learned) if learned and not header(content) else names(content, wanted or ",".join(learned))
    except InputError as error:
        return f"a table that {error}"
    if not columns:
        return "a table without a column of readings; give a line for each, and a header with their names"
    table = number_table.by_name(tf.constant(content), columns, 1 + content.count(b"\n") + content.count(b"\r"))
    values = table.numpy()
    if not len(values):
        return "a table without a reading"
    empty = np.flatnonzero(~np.isfinite(values).any(axis=1))
    if empty.size:
        return f"without a number in row {int(empty[0]) + 1:,}; a row has {len(columns)} readings"
    if (silent := np.flatnonzero(~np.isfinite(values).any(axis=0))).size:
        return f"without a number in the column {columns[int(silent[0])]!r}"
    return None
