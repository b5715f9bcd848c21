"""Your own files, a row at a time: CSV, TSV, JSON Lines, Parquet, FASTA, plain text; plain or .gz; folders of them.

Nothing is guessed silently. A row that cannot be read is a `Reject` with its number and reason; the caller raises it or
leaves it out. Memory does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from seqtasks import files
from seqtasks.data.readers import conll, fasta, folders, tables, text
from seqtasks.data.readers.row import Options, Reject, Row
from seqtasks.data.readers.text import STANDARD_INPUT, opened
from seqtasks.errors import InputError, UsageError

__all__ = [
    "STANDARD_INPUT", "SUFFIXES", "Options", "Reject", "Row",
    "check_file", "column", "fields", "is_table", "kind_of", "opened", "rows",
]  # fmt: skip

SUFFIXES = (*tables.SUFFIXES, ".txt", *fasta.SUFFIXES, *conll.SUFFIXES)


def rows(path: Path, options: Options) -> Iterator[Row | Reject]:
    """Every row of a file or folder, in order; `-` is standard input.

    Raises InputError for a file that cannot be read, IntegrityError for one that is cut off or altered.
    """
    if path.is_dir():
        yield from folders.rows(path, options)
        return
    kind = kind_of(path, options)
    if kind == tables.PARQUET:
        yield from tables.parquet(path, options)
        return
    with opened(path, options) as lines:
        if kind in tables.SEPARATORS:
            yield from tables.delimited(path, lines, options.separator or tables.SEPARATORS[kind], options)
        elif kind in tables.JSON_LINES:
            yield from tables.json_lines(lines, options)
        elif kind in fasta.SUFFIXES:
            yield from fasta.rows(path, lines, options)
        elif kind in conll.SUFFIXES:
            yield from conll.rows(lines, options)
        else:
            yield from text.rows(lines, options)


def fields(path: Path, options: Options) -> list[str]:
    """The names of a file's columns, from its first row; raises InputError for a file without rows."""
    rejects = 0
    for row in rows(path, options):
        if isinstance(row, Row):
            return list(row.fields)
        if options.on_invalid != "skip":
            raise InputError(f"{path}:{row.number} {row.reason}")
        rejects += 1
    of = f" of {rejects:,}" if rejects else ""
    raise InputError(f"0 usable rows{of} in {path}; give a file with a header and rows")


def column(
    path: Path, names: Sequence[str], wanted: str | None, known: Sequence[str], *, what: str, option: str
) -> str:
    """The name of the column that holds the inputs or the targets: the one wanted or, without it, a known one.

    Raises InputError that lists the file's columns where it has no such column.
    """
    if wanted in names:
        return str(wanted)
    if wanted is None:
        originals = {name.lower().strip(): name for name in reversed(names)}
        for name in known:
            if name in originals:
                return originals[name]
    missing = f"no column {wanted!r}" if wanted else f"no column that is known to hold the {what}"
    hint = "; give --separator ';'" if len(names) == 1 and ";" in names[0] else ""
    raise InputError(f"{path} has {missing}; it has {', '.join(names)}: name one with {option}{hint}")


def kind_of(path: Path, options: Options) -> str:
    """The suffix that says how a file is read; raises UsageError for an unknown one, InputError for no file."""
    kind = f".{options.kind}" if options.kind else text.suffix(path)
    if path == STANDARD_INPUT:
        return kind or ".txt"
    if kind not in SUFFIXES:
        raise UsageError(f"{path} ends in none of {', '.join(SUFFIXES)}, plain or .gz; rename it or convert it")
    if not path.exists():
        raise InputError(f"{path} does not exist; give the path of a file or folder")
    return kind


def is_table(path: Path) -> bool:
    """Whether the name is that of a file with named columns."""
    return text.suffix(path) in tables.SUFFIXES


def check_file(path: Path) -> None:
    """Raises InputError for a pipe or a device: training data are read several times."""
    if files.is_stream(path):
        raise InputError(f"{path} is a pipe or a device; give a file")
