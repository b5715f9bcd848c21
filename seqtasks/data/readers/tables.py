"""Tables: CSV, TSV, JSON Lines, Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from seqtasks.data.readers.row import Options, Reject, Row, checked
from seqtasks.errors import InputError, IntegrityError, UsageError

SEPARATORS = {".csv": ",", ".tsv": "\t"}
JSON_LINES = (".jsonl", ".ndjson")
PARQUET = ".parquet"
SUFFIXES = (*SEPARATORS, *JSON_LINES, PARQUET)
PARQUET_BATCH = 1_000  # rows


def delimited(path: Path, lines: TextIO, separator: str, options: Options) -> Iterator[Row | Reject]:
    """Rows of a CSV or TSV with a header; raises InputError for a header that names a column twice."""
    csv.field_size_limit(options.max_characters)
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
            yield checked(number, dict(zip(header, values, strict=True)), options)
        elif values:
            yield Reject(
                number, f"has {len(values)} fields, expected {len(header)}; quote fields that hold {separator!r}"
            )


def json_lines(lines: TextIO, options: Options) -> Iterator[Row | Reject]:
    """A row an object; empty lines are skipped."""
    return (_object(number, line, options) for number, line in enumerate(lines, 1) if line.strip())


def parquet(path: Path, options: Options) -> Iterator[Row | Reject]:
    """Raises UsageError without pyarrow, IntegrityError for a file that is cut off or altered."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise UsageError(f"{path} needs pyarrow; install seqtasks[parquet]") from None
    number = 0
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(PARQUET_BATCH):
                for value in batch.to_pylist():
                    number += 1
                    yield checked(number, value, options)
    except (ArrowException, OSError) as error:
        raise IntegrityError(f"{path} is no whole Parquet file ({' '.join(str(error).split())[:80]})") from None


def _csv_reason(error: str, options: Options) -> str:
    if "field larger" in error:
        most = f"{options.max_characters:,}"
        return f"has over {most} characters in a field, or a quote that is never closed; shorten or close it"
    return f"cannot be read ({error}); close its quotes"


def _object(number: int, line: str, options: Options) -> Row | Reject:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Reject(number, f"is no JSON ({str(error)[:80]}); give one object a line")
    if not isinstance(value, dict):
        return Reject(number, "is no JSON object; give one object a line")
    return checked(number, value, options)
