"""Text files, plain or .gz, and standard input."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from seqtasks.data.readers.row import Options, Reject, Row, checked
from seqtasks.errors import InputError, IntegrityError, UsageError

STANDARD_INPUT = Path("-")


def suffix(path: Path) -> str:
    """In small letters; of a.csv.gz it is .csv."""
    return Path(path.name.removesuffix(".gz")).suffix.lower()


@contextmanager
def opened(path: Path, options: Options) -> Iterator[TextIO]:
    """The file's text; raises InputError for a binary file, IntegrityError where its .gz is cut off or altered."""
    try:
        codecs.lookup(options.encoding)
    except LookupError:
        raise UsageError(f"unknown encoding {options.encoding!r}; choose from utf-8, utf-16, latin-1, ...") from None
    try:
        with _bytes(path) as binary:
            buffered = io.BufferedReader(binary)
            _refuse_binary(path, buffered.peek(4096)[:4096], options)
            name = "utf-8-sig" if options.encoding.lower() in ("utf-8", "utf8") else options.encoding
            yield io.TextIOWrapper(buffered, name, errors="surrogateescape", newline="")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise IntegrityError(f"{path} is cut off or altered ({error}); copy or download it again") from None


def rows(lines: TextIO, options: Options) -> Iterator[Row | Reject]:
    """A row a line."""
    return (checked(number, {"text": line.rstrip("\r\n")}, options) for number, line in enumerate(lines, 1))


def _bytes(path: Path) -> Any:
    if path == STANDARD_INPUT:
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb", buffering=0)


def _refuse_binary(path: Path, start: bytes, options: Options) -> None:
    if options.encoding.lower().replace("-", "").startswith("utf16"):
        return
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{path} is UTF-16; give --encoding utf-16")
    control = sum(byte < 32 and byte not in b"\t\n\r\f" for byte in start)
    if control > len(start) / 20:
        raise InputError(f"{path} is a binary file, not text; give a text file")
