"""Encodings by the names that people and tools give them, and the one that a file is in."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable

from seqtasks.errors import InputError, UsageError, unknown

UTF_8 = "utf-8"
WINDOWS = "windows-1252"
COMMON = (UTF_8, "utf-16", "utf-16-le", "utf-16-be", "utf-32", WINDOWS, "latin-1", "gb18030", "shift_jis", "koi8-r")
NOT_OF_FILES = {"idna", "punycode", "undefined", "unicode_escape", "unicode-escape", "raw_unicode_escape",
                "raw-unicode-escape"}  # fmt: skip
MARKS = (  # the longest first: one of UTF-32 begins as one of UTF-16 does
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
WIDE = ("utf-16", "utf-32")  # whose letters are of two or four bytes
START = 4_096  # bytes by which an encoding without letters of one byte is known
ZEROS = 0.02  # share of the bytes at a place of a wide letter that are 0, at least: its line ends, digits and commas
# what Western European texts have in windows-1252 beside ASCII: accented letters, quotation marks, dashes, currencies
WESTERN = "".join(map(chr, [*range(0xC0, 0xD7), *range(0xD8, 0xF7), *range(0xF8, 0xFE)])).encode(WINDOWS)
WESTERN += "\xa0¡¿ªº°´·«»§©®¼½¾£€„…ŠŒŽšœž‘’“”•–—™".encode(WINDOWS)
LONG_RUN = 3  # accented letters side by side, which is rare in Western texts and the rule in others
MAX_IN_RUNS = 0.1  # share of them in such runs, at most


def known(name: str) -> str:
    """Python's name for an encoding; raises UsageError for what is no encoding of text files."""
    try:
        found = codecs.lookup(name.strip()).name
        io.TextIOWrapper(io.BytesIO(), found)  # refuses those from bytes to bytes
    except (LookupError, ValueError):
        raise unknown("encoding", name, COMMON) from None
    if found in NOT_OF_FILES:
        raise UsageError(f"{name!r} is no encoding of text files; choose from {', '.join(COMMON)}")
    return found


def marked(start: bytes) -> str | None:
    """The encoding that a byte-order mark tells of, or that zeros between ASCII letters do; None if neither is there.

    UTF-8 is told of by its mark alone.
    """
    for mark, name in MARKS:
        if start.startswith(mark):
            return name
    start = start[: min(len(start), START) // 4 * 4] or start
    for name, size, zeros, others in (
        ("utf-32-le", 4, (2, 3), (0,)),
        ("utf-32-be", 4, (0, 1), (3,)),
        ("utf-16-le", 2, (1,), (0,)),
        ("utf-16-be", 2, (0,), (1,)),
    ):
        places = [start[place::size] for place in range(min(size, len(start)))]
        if len(places) < size or any(0 in places[place] for place in others):
            continue
        least = 1 if size == 4 else ZEROS
        if all(places[place].count(0) >= max(least * len(places[place]), 1) for place in zeros) and _is_text(
            start, name
        ):
            return name
    return None


def of_content(blocks: Iterable[bytes]) -> str:
    """UTF-8 or, of what is not, windows-1252 where it reads like a Western European language.

    What is neither is UTF-8 too: its rows are then rejected, each with the byte that is at fault.
    """
    decoder = codecs.getincrementaldecoder(UTF_8)("surrogateescape")
    good = bad = high = strange = in_runs = 0
    for block in blocks:
        if block.isascii() and not decoder.getstate()[0]:
            continue
        text = decoder.decode(block)
        beyond = sum(map(len, re.findall("[^\0-\x7f]+", text)))
        escaped = len(re.findall("[\udc80-\udcff]", text)) if not _is_whole(text) else 0
        good, bad = good + beyond - escaped, bad + escaped
        runs = re.findall(rb"[\x80-\xff]+", block)
        high += sum(map(len, runs))
        in_runs += sum(len(run) for run in runs if len(run) >= LONG_RUN)
        strange += sum(len(run.translate(None, WESTERN)) for run in runs)
    bad += len(decoder.getstate()[0])  # a character that the end cuts off
    western = high and not strange and in_runs <= MAX_IN_RUNS * high
    return WINDOWS if bad > good and western else UTF_8


def refuse_other(path: object, name: str, start: bytes) -> None:
    """Raises InputError where the file's beginning shows that it is in another encoding than the one that is given."""
    found = marked(start)
    if name.startswith(WIDE) and found is None and start and 0 not in start and is_utf_8([start], cut=True)[1]:
        raise InputError(f"{path} is {UTF_8}, not {name}; leave --encoding out or give the one it is in")
    if not name.startswith(WIDE) and found is not None and found != UTF_8:
        raise InputError(f"{path} is {found.upper()}, not {name}; leave --encoding out or give --encoding {found}")


def with_mark(name: str, start: bytes) -> str:
    """The name by which Python drops the mark that a file begins with, and finds out the order of bytes without one."""
    found = marked(start)
    if name in (UTF_8, "utf-8-sig"):
        return "utf-8-sig"
    if found and name.startswith(WIDE) and found.startswith(name[:6]):
        return found if name in WIDE or found in WIDE else name
    return name


def _is_text(start: bytes, name: str) -> bool:
    """Whether bytes are text in an encoding, but for a character that their end cuts off: no control character."""
    try:
        text = codecs.getincrementaldecoder(name)().decode(start)
    except UnicodeDecodeError:
        return False
    return not re.search("[\0-\x08\x0b\x0e-\x1f]", text)


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_utf_8(blocks: Iterable[bytes], *, cut: bool = False) -> tuple[bool, bool]:
    """Whether bytes are ASCII, and whether UTF-8; of what is cut, the end may be a part of a character."""
    decoder, ascii = codecs.getincrementaldecoder(UTF_8)(), True
    try:
        for block in blocks:
            if not block.isascii() or decoder.getstate()[0]:
                ascii = False
                decoder.decode(block)
        decoder.decode(b"", final=not cut)
    except UnicodeDecodeError:
        return False, False
    return ascii, True
