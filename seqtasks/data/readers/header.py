"""Whether the first row of a table names its columns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from seqtasks.data.readers import excel
from seqtasks.data.readers.dialect import SEPARATORS
from seqtasks.data.readers.text import suffix

LONG = 60  # characters of a column's name at most


def hint(path: Path, names: Sequence[str]) -> str:
    """What an error about a table's columns adds: how one without a header is read."""
    if suffix(path) not in (*SEPARATORS, *excel.SUFFIXES):
        return ""
    looks = "its first row looks like data" if looks_like_a_row(names) else "if its first row is data"
    return f"; {looks}: give --no-header, and columns by their places, 1, 2, ..."


def looks_like_a_row(names: Sequence[str], chosen: Collection[str] = ()) -> bool:
    """Whether a name, or one of those that are chosen, is a number or a text.

    Numbers in their order, from 0 or 1 on, are names: they stand where there are no others.
    """
    if list(names) in ([str(place + first) for place in range(len(names))] for first in (0, 1)):
        return False
    return any(_is_number(name) or len(name) > LONG for name in (chosen or names))


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
