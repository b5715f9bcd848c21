"""Parquet, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqtasks.data.readers.row import Reject, Row
from seqtasks.errors import InputError, IntegrityError, UsageError

SUFFIX = ".parquet"
BATCH = 1_000  # rows


def rows(path: Path) -> Iterator[Row | Reject]:
    """Raises UsageError without pyarrow, IntegrityError for a file that is cut off or altered."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise UsageError(f"{path} needs pyarrow; install seqtasks[parquet]") from None
    number = 0
    try:
        with ParquetFile(path) as file:
            names = file.schema_arrow.names
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise InputError(f"{path} names a column twice: {twice}; give each its own name")
            for batch in file.iter_batches(BATCH):
                columns = [_values(path, *each) for each in zip(names, batch.columns, strict=True)]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield Row(number, dict(zip(names, values, strict=True)))
    except (ArrowException, OSError) as error:
        raise IntegrityError(f"{path} is no whole Parquet file ({' '.join(str(error).split())[:80]})") from None


def _values(path: Path, name: str, column: Any) -> list[Any]:
    """A column's values; of texts that are no UTF-8 their bytes. Raises IntegrityError where these stand deeper."""
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        from pyarrow import ArrowException, binary

        try:
            return list(column.cast(binary()).to_pylist())
        except ArrowException:
            raise IntegrityError(f"{path} has bytes that are no UTF-8 in {name}; write it again") from None
