"""Your own text: a file, a folder of files or a column of a table, read as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqtasks.data import readers
from seqtasks.data.readers import Options, Reject
from seqtasks.errors import InputError
from seqtasks.task import Examples, Notice

if TYPE_CHECKING:
    from seqtasks.data.user import Source

MAX_TEXT_CHARACTERS = 2**30  # of one field: a novel may be one


def read(source: Source, columns: Sequence[str], notice: Notice) -> dict[str, Examples]:
    """A person's text as one row: train and, where there is a file for it, test.

    Raises InputError that names file and row for what cannot be used.
    """
    return {name: _one_row(path, source.options, columns, notice) for name, path in source.paths.items()}


def text(path: Path, options: Options, columns: Sequence[str]) -> bytes:
    """The text of a file, of a folder's .txt files, or of the column with one of these names.

    Between files and between rows is an empty line. Every line ends with a line feed, whatever it ended with in the
    file. Raises InputError for what cannot be used.
    """
    readers.check_file(path)
    if path.is_dir():
        found = sorted(path.rglob("*.txt")) + sorted(path.rglob("*.txt.gz"))
        if not found:
            raise InputError(f"{path} has no .txt file; give a folder of texts")
        return b"\n\n".join(text(each, options, columns).rstrip(b"\n") for each in found) + b"\n"
    options = replace(options, max_characters=MAX_TEXT_CHARACTERS)
    plain = readers.kind_of(path, options) == ".txt"
    name = "text" if plain else _column(path, options, columns)
    parts = []
    for row in readers.rows(path, options):
        if isinstance(row, Reject):
            raise InputError(f"{path}:{row.number} {row.reason}")
        parts.append(row.fields.get(name, "").encode())
    between = b"\n" if plain else b"\n\n"
    return between.join(parts) + b"\n" if parts else b""


def _one_row(path: Path, options: Options, columns: Sequence[str], notice: Notice) -> Examples:
    notice(f"reading {path}")
    column = np.array([text(path, options, columns)], dtype=object)
    return Examples(column, column)


def _column(path: Path, options: Options, columns: Sequence[str]) -> str:
    names = readers.fields(path, options)
    return readers.column(path, names, options.input_column, columns, what="texts", option="--text-column")
