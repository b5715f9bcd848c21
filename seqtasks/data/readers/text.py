"""Text files, plain or compressed, and standard input."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from seqtasks import files
from seqtasks.data.readers import encodings
from seqtasks.data.readers.row import Options, Reject, Row
from seqtasks.errors import InputError, IntegrityError

STANDARD_INPUT = Path("-")
COMPRESSED: dict[str, tuple[bytes, Callable[[Path], Any]]] = {  # suffix -> how such a file begins, what opens it
    ".gz": (b"\x1f\x8b", gzip.open),
    ".bz2": (b"BZh", bz2.open),
    ".xz": (b"\xfd7zXZ\0", lzma.open),
}
START = 1 << 16  # bytes that are looked at before the rest is read
BLOCK = 1 << 18


def suffix(path: Path) -> str:
    """In small letters; of a.csv.gz it is .csv."""
    name = path.name.lower()
    return Path(next((name.removesuffix(each) for each in COMPRESSED if name.endswith(each)), name)).suffix


@contextmanager
def opened(path: Path, options: Options) -> Iterator[TextIO]:
    """The file's text, without a byte-order mark.

    Raises InputError for a binary file and for one of another encoding, IntegrityError for a compressed one that is cut
    off or altered, UsageError for what is no encoding.
    """
    with _decompressed(path) as binary:
        buffered = io.BufferedReader(binary, START)
        start = buffered.peek(START)
        if options.encoding is None:
            name = encodings.marked(start) or (encodings.of_content([start]) if once(path) else encoding(path))
        else:
            name = encodings.known(options.encoding)
            encodings.refuse_other(path, name, start)
        _refuse_binary(path, start, name)
        try:
            yield io.TextIOWrapper(buffered, encodings.with_mark(name, start), errors="surrogateescape", newline="")
        except UnicodeError as error:
            remedy = "give the --encoding that it is in, or copy it again"
            raise InputError(f"{path} cannot be read as {name} ({_reason(error)}); {remedy}") from None


def encoding(path: Path) -> str:
    """The encoding that a file is in, by all of its bytes; raises IntegrityError as `opened` does."""
    with _decompressed(path) as binary:
        start = binary.read(START) or b""
        if marked := encodings.marked(start):
            return marked
        if encodings.is_utf_8(_blocks(start, binary))[1]:  # as nearly all are, and as is soon known
            return encodings.UTF_8
    with _decompressed(path) as binary:
        return encodings.of_content(_blocks(binary.read(START) or b"", binary))


def doubt(path: Path, given: str) -> str:
    """What to say where a file is read as it is told to be, but is UTF-8 as well; nothing otherwise."""
    name = encodings.known(given)
    if name.startswith(("utf", "ascii")):
        return ""
    with _decompressed(path) as binary:
        start = binary.read(START) or b""
        ascii, whole = encodings.is_utf_8(_blocks(start, binary))
    return f"read as {given}, though it is UTF-8 by all of its bytes" if whole and not ascii else ""


def once(path: Path) -> bool:
    """Whether it can be read once only: standard input, a pipe, a device."""
    return path == STANDARD_INPUT or files.is_stream(path)


def rows(lines: TextIO) -> Iterator[Row | Reject]:
    """A row a line."""
    return (Row(number, {"text": line.rstrip("\r\n")}) for number, line in enumerate(lines, 1))


@contextmanager
def _decompressed(path: Path) -> Iterator[Any]:
    """The file's bytes; raises IntegrityError where it is compressed, and cut off or altered."""
    try:
        with _bytes(path) as binary:
            yield binary
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        raise IntegrityError(f"{path} is cut off or altered ({error}); copy or download it again") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise IntegrityError(f"{path} is cut off or altered ({error}); copy or download it again") from None  # of bz2


def _bytes(path: Path) -> Any:
    """Opens it, decompressed where its name or its beginning says that it is compressed."""
    if path == STANDARD_INPUT:
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
    if path.suffix.lower() in COMPRESSED:
        return COMPRESSED[path.suffix.lower()][1](path)
    file = path.open("rb", buffering=0)
    start = b""
    if file.seekable():
        start = file.read(max(len(mark) for mark, _ in COMPRESSED.values()))
        file.seek(0)
    for mark, opener in COMPRESSED.values():
        if start.startswith(mark):
            file.close()
            return opener(path)
    return file


def _blocks(start: bytes, binary: Any) -> Iterator[bytes]:
    while start:
        yield start
        start = binary.read(BLOCK)


def _refuse_binary(path: Path, start: bytes, name: str) -> None:
    if name.startswith(encodings.WIDE):
        return
    control = sum(byte < 32 and byte not in b"\t\n\r\f\x1a" for byte in start[: encodings.START])
    if control > len(start[: encodings.START]) / 20:
        raise InputError(f"{path} is a binary file, not text; give a text file")


def _reason(error: UnicodeError) -> str:
    """In a few words."""
    if isinstance(error, UnicodeDecodeError):
        return f"{error.reason}, byte 0x{error.object[error.start]:02x}" if error.object else error.reason
    return str(error)
