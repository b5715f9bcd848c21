"""Your own text: a file, a folder of files or a column of a table, read as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqtasks.data import readers
from seqtasks.data.readers import Options, Reject, folders
from seqtasks.data.readers.encodings import UTF_8
from seqtasks.errors import InputError, UsageError
from seqtasks.task import Examples, Notice

if TYPE_CHECKING:
    from seqtasks.data.user import Source

MAX_TEXT_CHARACTERS = 2**30  # of one field: a novel may be one


def read(source: Source, columns: Sequence[str], notice: Notice) -> dict[str, Examples]:
    """A person's text as one row: train and, where there is a file for it, test.

    Raises InputError that names file and row for what cannot be used.
    """
    if source.target_data:
        raise UsageError("--target-data is for what has inputs and targets; leave it out")
    return {name: _one_row(path, source.options, columns, notice) for name, path in source.paths.items()}


def text(path: Path, options: Options, columns: Sequence[str]) -> bytes:
    """The text of a file, of a folder's .txt files, or of the column with one of these names.

    Between files and between rows is an empty line. Every line ends with a line feed, whatever it ended with in the
    file. Raises InputError for what cannot be used.
    """
    readers.check_file(path)
    if path.is_dir():
        found = [each for each in folders.below(path) if readers.is_text(each)]
        if not found:
            raise InputError(f"{path} has no .txt file; give a folder of texts")
        options = replace(options, encoding=options.encoding or UTF_8)  # for all of them: nobody is told of each
        return b"\n\n".join(text(each, options, columns).rstrip(b"\n") for each in found) + b"\n"
    options = replace(readers.settled(path, options)[0], max_characters=MAX_TEXT_CHARACTERS)
    plain = readers.kind_of(path, options) == ".txt"
    name = "text" if plain else _column(path, options, columns)
    parts = []
    for row in readers.rows(path, options):
        if isinstance(row, Reject):
            raise InputError(f"{path}:{row.number} {row.reason}")
        try:
            parts.append(row.text(name, options).encode())
        except InputError as error:
            raise InputError(f"{path}:{row.number} {error}") from None
    between = b"\n" if plain else b"\n\n"
    return between.join(parts) + b"\n" if parts else b""


def _one_row(path: Path, options: Options, columns: Sequence[str], notice: Notice) -> Examples:
    found = readers.settled(path, options)[1]
    notice(f"reading {path}" + (f": {found}" if found else ""))
    column = np.array([text(path, options, columns)], dtype=object)
    return Examples(column, column)


def _column(path: Path, options: Options, columns: Sequence[str]) -> str:
    names = readers.fields(path, options)
    return readers.column(path, names, options.input_column, columns, what="texts", option="--text-column")
