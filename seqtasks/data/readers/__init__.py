"""People's own files, a row at a time: CSV, TSV, JSON Lines, Parquet, FASTA, plain text; plain or .gz.

A folder holds a folder per class with a text per file, or a FASTA file per class.

Nothing is guessed silently: a row that cannot be read is a `Reject` with its number and reason, for the caller to raise
or to set aside. Memory does not grow with the file.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import os
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from seqtasks.data.readers import fasta
from seqtasks.errors import InputError, IntegrityError, UsageError

LONGEST = 1_000_000  # characters of one field, where it is one example
SUFFIXES = {".csv": ",", ".tsv": "\t", ".jsonl": "", ".ndjson": "", ".parquet": "", ".txt": ""} | dict.fromkeys(
    fasta.SUFFIXES, ""
)
FASTA = fasta.SUFFIXES
STANDARD_INPUT = Path("-")


@dataclass(frozen=True)
class Options:
    """How a file is to be read; what is None is found out."""

    input_column: str | None = None
    label_column: str | None = None
    separator: str | None = None
    encoding: str = "utf-8"
    kind: str | None = None  # csv, tsv, jsonl, txt, fa: what a file is whose name does not say so
    longest: int = LONGEST  # characters of one field
    label_pattern: str | None = None  # regular expression that finds the label in a FASTA header, in its first group
    skip_invalid: bool = False  # whether rows that cannot be used are left out and counted


@dataclass(frozen=True)
class Row:
    number: int  # the line in the file, or the row where a file has no lines
    fields: dict[str, str]
    original: dict[str, Any]  # the fields with the types that the file gives them


@dataclass(frozen=True)
class Reject:
    number: int
    reason: str


def rows(path: Path, options: Options) -> Iterator[Row | Reject]:
    """Every row of a file or folder, in order; `-` is standard input.

    Raises InputError for what is no such file, IntegrityError for a file that is cut off or altered.
    """
    if path.is_dir():
        yield from _folder(path, options)
        return
    kind = kind_of(path, options)
    if kind == ".parquet":
        yield from _parquet(path, options)
        return
    with opened(path, options) as lines:
        if kind in (".csv", ".tsv"):
            yield from _table(path, lines, options.separator or SUFFIXES[kind], options)
        elif kind in fasta.SUFFIXES:
            yield from _fasta(path, lines, options)
        elif kind == ".txt":
            yield from (
                _checked(number, {"text": line.rstrip("\r\n")}, options) for number, line in enumerate(lines, 1)
            )
        else:
            yield from (_object(number, line, options) for number, line in enumerate(lines, 1) if line.strip())


def column(
    path: Path, found: Sequence[str], wanted: str | None, usual: Sequence[str], *, what: str, option: str
) -> str:
    """The name of the column that holds the inputs or the labels; raises InputError that names those found."""
    if wanted in found:
        return str(wanted)
    if wanted is None:
        named = {name.lower().strip(): name for name in reversed(found)}
        for name in usual:
            if name in named:
                return named[name]
    missing = f"no column {wanted!r}" if wanted else f"no column that is known to hold the {what}"
    hint = "; give --separator ';'" if len(found) == 1 and ";" in found[0] else ""
    raise InputError(f"{path} has {missing}; it has {', '.join(found)}: name one with {option}{hint}")


def fields(path: Path, options: Options) -> list[str]:
    """The names of a file's columns, from its first row; raises InputError for a file with no rows."""
    bad = 0
    for row in rows(path, options):
        if isinstance(row, Row):
            return list(row.fields)
        if not options.skip_invalid:
            raise InputError(f"{path}:{row.number} {row.reason}")
        bad += 1
    of = f" of {bad:,}" if bad else ""
    raise InputError(f"0 usable rows{of} in {path}; give a file with a header and rows")


def kind_of(path: Path, options: Options) -> str:
    """The suffix that says how a file is to be read; raises UsageError for any other, InputError for no file."""
    kind = f".{options.kind}" if options.kind else _suffix(path)
    if path == STANDARD_INPUT:
        return kind or ".txt"
    if kind not in SUFFIXES:
        raise UsageError(f"{path} ends in none of {', '.join(SUFFIXES)}, plain or .gz; rename it or convert it")
    if not path.exists():
        raise InputError(f"{path} does not exist; give the path of a file or folder")
    return kind


def is_table(path: Path) -> bool:
    """Whether the name is that of a file with named columns."""
    return _suffix(path) in (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


@contextmanager
def opened(path: Path, options: Options) -> Iterator[TextIO]:
    """The file's text; raises InputError for one that is no text, IntegrityError where its .gz is cut or altered."""
    try:
        codecs.lookup(options.encoding)
    except LookupError:
        raise UsageError(f"unknown encoding {options.encoding!r}; utf-8, utf-16, latin-1 are usual ones") from None
    try:
        with _bytes(path) as binary:
            buffered = io.BufferedReader(binary)
            _refuse_binary(path, buffered.peek(4096)[:4096], options)
            name = "utf-8-sig" if options.encoding.lower() in ("utf-8", "utf8") else options.encoding
            yield io.TextIOWrapper(buffered, name, errors="surrogateescape", newline="")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise IntegrityError(f"{path} is cut off or altered ({error}); copy or download it again") from None


def _bytes(path: Path) -> Any:
    if path == STANDARD_INPUT:
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb", buffering=0)


def _refuse_binary(path: Path, start: bytes, options: Options) -> None:
    if options.encoding.lower().replace("-", "").startswith("utf16"):
        return
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{path} is UTF-16; give --encoding utf-16")
    odd = sum(byte < 32 and byte not in b"\t\n\r\f" for byte in start)
    if odd > len(start) / 20:
        raise InputError(f"{path} is a binary file, not text; give a text file")


def _table(path: Path, lines: TextIO, separator: str, options: Options) -> Iterator[Row | Reject]:
    csv.field_size_limit(options.longest)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    header: list[str] | None = None
    while True:
        number = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Reject(number, _csv_reason(str(error), options))
            if "end of data" in str(error):
                return
            continue
        if header is None:
            header = [name.strip() for name in values]
            if len(set(header)) < len(header):
                raise InputError(f"{path}:{number} names a column twice: {', '.join(header)}; give each its own name")
        elif len(values) == len(header):
            yield _checked(number, dict(zip(header, values, strict=True)), options)
        elif values:
            yield Reject(
                number, f"has {len(values)} fields, expected {len(header)}; quote fields that hold {separator!r}"
            )


def _csv_reason(error: str, options: Options) -> str:
    if "field larger" in error:
        return (
            f"has over {options.longest:,} characters in a field, or a quote that is never closed; shorten or close it"
        )
    return f"cannot be read ({error}); close its quotes"


def _object(number: int, line: str, options: Options) -> Row | Reject:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Reject(number, f"is no JSON ({str(error)[:80]}); give one object a line")
    if not isinstance(value, dict):
        return Reject(number, "is no JSON object; give one object a line")
    return _checked(number, value, options)


def _parquet(path: Path, options: Options) -> Iterator[Row | Reject]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise UsageError(f"{path} needs pyarrow; install seqtasks[parquet]") from None
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(1_000):
                for value in batch.to_pylist():
                    number += 1
                    yield _checked(number, value, options)
    except (ArrowException, OSError) as error:
        raise IntegrityError(f"{path} is no whole Parquet file ({' '.join(str(error).split())[:80]})") from None


def _fasta(path: Path, lines: TextIO, options: Options, label: str | None = None) -> Iterator[Row | Reject]:
    """A row a record, its number that of the header's line. Raises UsageError for a pattern that is none."""
    before: dict[str, int] = {}
    for header, sequence in _records(path, lines, options.longest):
        first = before.setdefault(header.name, header.number)
        fields = {"name": header.name, "sequence": sequence}
        if label is not None:
            fields["label"] = label
        elif options.label_pattern is not None:
            found = _pattern(options.label_pattern).search(header.text)
            if not found:
                yield Reject(
                    header.number, f"has a header in which --label-pattern finds nothing: {header.text[:60]!r}"
                )
                continue
            fields["label"] = found.group(1 if found.re.groups else 0) or ""
        if not header.name:
            yield Reject(header.number, "is a header without a name; give the record one")
        elif first != header.number:
            yield Reject(header.number, f"names a record {header.name}, as line {first} does; give each its own name")
        elif not sequence:
            yield Reject(header.number, f"(record {header.name}) has no bases; add them or leave it out")
        else:
            yield _checked(header.number, fields, options)


def _suffix(path: Path) -> str:
    """In small letters, without that of compression."""
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _records(path: Path, lines: TextIO, longest: int) -> Iterator[tuple[fasta.Header, str]]:
    """Header and bases of each record, of a longer one no more than tells that it is longer."""
    header, pieces, size = None, list[str](), 0
    for part in fasta.parts(lines, path):
        if isinstance(part, fasta.Header):
            if header:
                yield header, "".join(pieces)
            header, pieces, size = part, [], 0
        elif size <= longest:
            pieces.append(part)
            size += len(part)
    if header:
        yield header, "".join(pieces)


def _pattern(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--label-pattern {pattern!r} is no regular expression ({error})") from None


def _folder(path: Path, options: Options) -> Iterator[Row | Reject]:
    """A folder per class with a text per file, or a FASTA file per class."""
    number = 0
    for file in sorted(each for each in path.iterdir() if _suffix(each) in fasta.SUFFIXES):
        with opened(file, options) as lines:
            for row in _fasta(file, lines, options, label=file.name.removesuffix(".gz").rpartition(".")[0]):
                number += 1
                where = f"({file.name}:{row.number}) "
                yield (
                    Row(number, row.fields, row.original)
                    if isinstance(row, Row)
                    else Reject(number, where + row.reason)
                )
    for folder in sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith(".")):
        for file in sorted(folder.glob("*.txt*")):
            number += 1
            with opened(file, options) as text:
                row = _checked(number, {"text": text.read(options.longest + 1), "label": folder.name}, options)
            yield row if isinstance(row, Row) else Reject(number, f"({file.relative_to(path)}) {row.reason}")


def _checked(number: int, original: dict[str, Any], options: Options) -> Row | Reject:
    """The row, unless a field holds bytes that the encoding does not have or is longer than any text."""
    found = {name: _text(value) for name, value in original.items()}
    for name, value in found.items():
        if len(value) > options.longest:
            return Reject(number, f"has {len(value):,} characters in {name}, more than {options.longest:,}; shorten it")
        if not value.isascii() and (place := _undecoded(value)) is not None:
            byte = ord(value[place]) - 0xDC00
            where = f"byte 0x{byte:02x} behind {len(value[:place].encode())} bytes of {name}"
            return Reject(number, f"is not in this encoding ({where}); give --encoding latin-1 or the one it is in")
    return Row(number, found, original)


def _undecoded(text: str) -> int | None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def _text(value: Any) -> str:
    """A JSON or Parquet value as a CSV would have it; nothing is the empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
