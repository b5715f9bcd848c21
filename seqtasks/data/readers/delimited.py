"""CSV and TSV, a row at a time."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from itertools import chain, islice, tee
from pathlib import Path

from seqtasks.data.readers import dialect
from seqtasks.data.readers.dialect import Dialect
from seqtasks.data.readers.row import Options, Reject, Row
from seqtasks.errors import InputError

NAMELESS = "column_"  # and its place: a column without a name
SAMPLE_LINES = 1_000  # by which labels are known


def rows(path: Path, lines: Iterator[str], form: Dialect, options: Options) -> Iterator[Row | Reject]:
    """Rows of a file with a header, if the options do not say that it has none.

    Columns without a name are called by their place: column_3. Raises InputError for a header that names a column
    twice, and where a quotation mark has taken several rows, or the rest of the file, for one field.
    """
    csv.field_size_limit(options.max_characters)
    first, before = next(lines, ""), 1
    if dialect.of_sep_line(first) is None:
        lines, before = chain([first], lines), 0
    sample = list(islice(lines, SAMPLE_LINES))
    known = dialect.classes(sample, form.separator) if form.quoting == dialect.SEEMS else {}
    ahead, behind = tee(chain(sample, lines))  # so that the lines of a row can be looked at
    header: list[str] | None = None
    names: list[str] = []
    reader, read = form.reader(ahead), 0
    while True:
        number = before + read + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            own, read = list(islice(behind, reader.line_num - read)), reader.line_num
            yield _unreadable(path, number, own, str(error), options)
            continue
        if reader.line_num == read + 1:
            next(behind)
        else:
            own = list(islice(behind, reader.line_num - read))
            if known and dialect.swallowed(own, form.separator, len(values), known):
                looks = f"is closed {len(own) - 1:,} lines further on, and each of these lines looks like a row"
                remedy = "close it, or give --quoting none, or --quoting double if it is one"
                raise InputError(f"{path}:{number} opens a quotation mark that {looks}; {remedy}")
        read = reader.line_num
        if header is None and values:
            header = values
            names = names_of(path, number, values) if options.header else [str(each + 1) for each in range(len(values))]
            if options.header:
                continue
        if len(values) == len(names) and (values != header or not options.header):
            yield Row(number, dict(zip(names, values, strict=True)))
        elif values == header:
            yield Reject(number, "is the header once more; leave it out")
        elif (whole := fitted(values, names)) is not None:
            yield Row(number, dict(zip(names, whole, strict=True)))
        elif values:
            reason = f"has {len(values)} fields, expected {len(names)}; quote fields that hold {form.separator!r}"
            yield Reject(number, reason)


def names_of(path: Path, number: int, values: Sequence[str]) -> list[str]:
    """The columns' names; raises InputError for two of one name."""
    given = [name.strip() for name in values]
    twice = [name for place, name in enumerate(given) if name and name in given[:place]]
    if twice:
        raise InputError(f"{path}:{number} names a column twice: {', '.join(twice)}; give each its own name")
    names: list[str] = []
    for place, name in enumerate(given, 1):
        free = name or f"{NAMELESS}{place}"
        while not name and free in given:
            free += "_"
        names.append(free)
    return names


def fitted(values: Sequence[str], names: Sequence[str]) -> Sequence[str] | None:
    """As many values as columns: empty ones beyond them, and missing ones of columns without a name, are nobody's."""
    if not values:
        return None
    if len(values) > len(names):
        return None if any(values[len(names) :]) else values[: len(names)]
    rest = names[len(values) :]
    nameless = all(name.startswith(f"{NAMELESS}{place}") for place, name in enumerate(rest, len(values) + 1))
    return [*values, *[""] * len(rest)] if nameless else None


def _unreadable(path: Path, number: int, lines: Sequence[str], error: str, options: Options) -> Reject:
    """The reject of a row whose quotes are wrong; raises InputError where it is not known where the next row begins."""
    if "field larger" in error:
        most = f"{options.max_characters:,}"
        reason = f"has over {most} characters in a field, or a quotation mark that is never closed"
        remedy = "shorten or close it"
    elif "end of data" in error:
        reason, remedy = f"opens a quotation mark that is never closed ({error})", "close it, or give --quoting none"
    elif any('\\"' in line for line in lines):
        reason = rf"cannot be read ({error}): a field has \" inside"
        remedy = "double such marks, or give --quoting backslash"
    else:
        reason = f"cannot be read ({error})"
        remedy = "double the quotation marks inside a field, or give --quoting none"
    if len(lines) > 1 or "end of data" in error:
        raise InputError(f"{path}:{number} {reason}, and the {len(lines) - 1:,} lines behind it with it; {remedy}")
    return Reject(number, f"{reason}; {remedy}")
