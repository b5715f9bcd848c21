"""Your own files, a row at a time: CSV, TSV, Excel, JSON, Parquet, FASTA, text; plain or compressed; folders of them.

Nothing is guessed silently: `settled` says how a file is read. A row that cannot be read is a `Reject` with its number
and reason; the caller raises it or leaves it out. Memory does not grow with the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from seqtasks.data.readers import (
    conll,
    delimited,
    dialect,
    encodings,
    excel,
    fasta,
    folders,
    formats,
    header,
    json_rows,
    parallel,
    parquet,
    text,
)
from seqtasks.data.readers.dialect import SEPARATORS, Dialect
from seqtasks.data.readers.row import Options, Reject, Row, as_json, as_lines, as_text
from seqtasks.data.readers.text import STANDARD_INPUT, once, opened
from seqtasks.errors import InputError, UsageError

__all__ = [
    "OBJECTS", "STANDARD_INPUT", "SUFFIXES", "WHOLE_ROW", "Options", "Reject", "Row",
    "as_json", "as_lines", "as_text", "check_file", "column", "fields", "is_table", "is_text", "kind_of", "once",
    "opened", "rows", "settled",
]  # fmt: skip

TABLES = (*SEPARATORS, *excel.SUFFIXES, *json_rows.SUFFIXES, parquet.SUFFIX)
SUFFIXES = (*TABLES, ".txt", *fasta.SUFFIXES, *conll.SUFFIXES)
OBJECTS = json_rows.SUFFIXES  # whose rows may have columns each of their own
WHOLE_ROW = ""  # in place of a column's name: all of them
FIRST = 1_000  # rows that tell the names of the columns


def rows(path: Path, options: Options) -> Iterator[Row | Reject]:
    """Every row of a file or folder, in order; `-` is standard input.

    Raises InputError for a file that cannot be read, IntegrityError for one that is cut off or altered.
    """
    if options.target_file:
        yield from parallel.rows(path, Path(options.target_file), options)
        return
    options = _settled(path, options)
    if path.is_dir():
        yield from folders.rows(path, options)
        return
    kind = kind_of(path, options)
    if kind == parquet.SUFFIX:
        yield from parquet.rows(path)
        return
    if kind in excel.SUFFIXES:
        yield from excel.rows(path, options)
        return
    with opened(path, options) as lines:
        if kind in SEPARATORS:
            yield from delimited.rows(path, lines, _dialect(path, kind, options), options)
        elif kind in json_rows.SUFFIXES:
            yield from json_rows.rows(path, lines)
        elif kind in fasta.SUFFIXES:
            yield from fasta.rows(path, lines, options)
        elif kind in conll.SUFFIXES:
            yield from conll.rows(lines)
        else:
            yield from text.rows(lines)


def settled(path: Path, options: Options) -> tuple[Options, str]:
    """The options with the encoding, the separator and the quotes that a file has, and those that were found, in words.

    What can be read once only is looked at when it is read. Raises what `rows` does.
    """
    found = _settled(path, options)
    if path.is_dir() or once(path) or options.target_file:
        return found, ""
    said: list[str] = []
    if options.sheet is None and found.sheet is not None and len(names := excel.sheets(path)) > 1:
        said.append(f"the sheet {found.sheet!r} of {', '.join(names)}; --sheet NAME reads another")
    if options.encoding is None and found.encoding not in (None, encodings.UTF_8):
        said.append(f"read as {found.encoding}")
    if options.encoding is not None and (doubt := text.doubt(path, options.encoding)):
        said.append(doubt)
    if options.separator is None and found.separator not in (None, SEPARATORS.get(kind_of(path, found))):
        said.append(f"fields are separated by {found.separator!r}")
    if options.quoting is None and found.quoting == "none":
        said.append("quotation marks are signs like others")
    return found, "; ".join(said)


def _settled(path: Path, options: Options) -> Options:
    """The options with what is found out of a file that can be read again."""
    if path.is_dir() or once(path) or options.target_file:
        return options
    kind = kind_of(path, options)
    if kind == parquet.SUFFIX:
        return options
    if kind in excel.SUFFIXES:
        return replace(options, sheet=options.sheet or excel.sheets(path)[0])
    if options.encoding is None:
        options = replace(options, encoding=text.encoding(path))
    if kind in SEPARATORS and (options.separator is None or options.quoting is None):
        found = _dialect(path, kind, options)
        options = replace(options, separator=found.separator, quoting=found.quoting)
    return options


def fields(path: Path, options: Options) -> list[str]:
    """The names of a file's columns, from its first rows; raises InputError for a file without rows."""
    names: dict[str, None] = {}
    rejects = 0
    # whether all rows have the columns of the first
    alike = path.is_dir() or options.target_file or kind_of(path, options) not in OBJECTS
    for row in islice(rows(path, options), None if alike else FIRST):
        if isinstance(row, Row):
            names.update(dict.fromkeys(row.fields if row.shown is None else row.shown))
            if alike:
                break
        elif options.on_invalid != "skip":
            raise InputError(f"{path}:{row.number} {row.reason}")
        else:
            rejects += 1
    if names:
        return list(names)
    of = f" of {rejects:,}" if rejects else ""
    raise InputError(f"0 usable rows{of} in {path}; give a file with a header and rows")


def column(
    path: Path, names: Sequence[str], wanted: str | None, known: Sequence[str], *, what: str, option: str
) -> str:
    """The name of the column that holds the inputs or the targets: the one wanted or, without it, a known one.

    Raises InputError that lists the file's columns where it has no such column, or two that are spelled alike.
    """
    if wanted in names:
        return str(wanted)
    if wanted is None:
        for name in known:
            found = [each for each in names if each.lower().strip() == name]
            if len(found) > 1:
                raise InputError(f"{path} has {' and '.join(found)}; name the one that holds the {what} with {option}")
            if found:
                return found[0]
    missing = f"no column {wanted!r}" if wanted else f"no column that is known to hold the {what}"
    hint = "; give --separator ';'" if len(names) == 1 and ";" in names[0] else header.hint(path, names)
    raise InputError(f"{path} has {missing}; it has {', '.join(names)}: name one with {option}{hint}")


def kind_of(path: Path, options: Options) -> str:
    """The suffix that says how a file is read; raises UsageError for an unknown one, InputError for no file."""
    kind = f".{options.kind}" if options.kind else text.suffix(path)
    if path == STANDARD_INPUT:
        return kind or ".txt"
    if kind not in SUFFIXES:
        if path.exists() and (known := formats.of_name(path)):
            raise UsageError(f"{path} is {known}")
        compressed = ", ".join(text.COMPRESSED)
        raise UsageError(f"{path} ends in none of {', '.join(SUFFIXES)}, plain or {compressed}; rename or convert it")
    if not path.exists():
        raise InputError(f"{path} does not exist; give the path of a file or folder")
    return kind


def is_table(path: Path) -> bool:
    """Whether the name is that of a file with named columns."""
    return text.suffix(path) in TABLES


def is_text(path: Path) -> bool:
    """Whether the name is that of a plain text."""
    return text.suffix(path) == ".txt"


def check_file(path: Path) -> None:
    """Raises InputError for a pipe or a device: training data are read several times."""
    if path != STANDARD_INPUT and once(path):
        raise InputError(f"{path} is a pipe or a device; give a file")


def _dialect(path: Path, kind: str, options: Options) -> Dialect:
    """How a CSV or TSV separates and quotes: as the options say or, of a file that can be read again, as it shows."""
    usual = SEPARATORS[kind]
    if once(path):
        return Dialect(options.separator or usual, options.quoting or dialect.SEEMS)
    separator, quoting = options.separator, options.quoting
    if separator is None:
        with opened(path, options) as lines:
            separator = dialect.found_separator(list(islice(lines, FIRST)), usual)
    if quoting is None:

        def again() -> Iterable[str]:
            with opened(path, options) as lines:
                yield from lines

        quoting = dialect.found_quoting(again, separator)
    return Dialect(separator, quoting)
