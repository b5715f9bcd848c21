"""JSON: an object a line, objects over several lines, or an array of objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from seqtasks.data.readers.row import Reject, Row, whole
from seqtasks.errors import InputError

SUFFIXES = (".jsonl", ".ndjson", ".json")
BLOCK = 1 << 16  # characters read together, at first
WORD = 16  # characters of the longest word of JSON, `-Infinity`, and some more
REMEDY = "give one object a line, or an array of objects"
HALF = re.compile(r"\\u[dD][89a-fA-F]")  # where a character may be cut in half


def rows(path: Path, lines: TextIO) -> Iterator[Row | Reject]:
    """A row an object; empty lines are skipped, and half a character is read as U+FFFD.

    Raises InputError where objects are not a line each and one of them is damaged: where the next begins is not known.
    """
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    first = [next(numbered, (1, "")), next(numbered, (1, ""))]
    start = first[0][1].lstrip()
    if start.startswith("[") or (start.startswith("{") and not any(_is_object(line) for _, line in first)):
        yield from _spread(path, first[0][0], chain((line for _, line in first), _blocks(lines)))
        return
    for number, line in chain(first, numbered):
        if line:
            yield _row(number, line)


def _row(number: int, line: str) -> Row | Reject:
    if not line.isascii() and whole(line) != line:  # bytes of another encoding
        found = _text_around(line)
        return Reject(number, f"is not in this encoding (near {found!r}); give the --encoding that it is in")
    try:
        return _of_value(number, _DECODER.decode(line), line)
    except (ValueError, RecursionError) as error:
        return Reject(number, f"is no JSON ({str(error)[:80]}); {REMEDY}")


def _of_value(number: int, value: Any, source: str) -> Row | Reject:
    if not isinstance(value, dict):
        return Reject(number, f"is no JSON object; {REMEDY}")
    return Row(number, _whole(value) if HALF.search(source) else value)


def _spread(path: Path, number: int, blocks: Iterable[str]) -> Iterator[Row | Reject]:
    """The objects of an array, or of a file with one behind the other, wherever its lines end."""
    text = _Text(iter(blocks))
    array = text.skip("[")
    while text.skip(",") or not text.ended():
        if array and text.skip("]"):
            if not text.ended():
                raise InputError(f"{path}:{number + text.lines} has more behind its array; {REMEDY}")
            return
        line = number + text.lines
        try:
            value, source = text.value()
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}:{line} is no JSON ({str(error)[:80]}); {REMEDY}") from None
        yield _of_value(line, value, source)
    if array:
        raise InputError(f"{path}:{number + text.lines} is cut off: its array does not end; copy it again")


class _Text:
    """A text that is read block by block, value by value."""

    def __init__(self, blocks: Iterator[str]) -> None:
        self.blocks, self.held, self.place, self.lines = blocks, "", 0, 0

    def skip(self, sign: str) -> bool:
        """Whether the sign comes next, which is then behind us, as blanks before it are."""
        if self.ended() or self.held[self.place] != sign:
            return False
        self._go(1)
        return True

    def ended(self) -> bool:
        """Whether nothing but blanks is left."""
        while True:
            rest = len(self.held) - self.place - len(self.held[self.place :].lstrip())
            self._go(rest)
            if self.place < len(self.held):
                return False
            if not self._more():
                return True

    def value(self) -> tuple[Any, str]:
        """The next value, and its text; raises ValueError for what is none."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self.held, self.place)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated string") or error.pos > len(self.held) - WORD
                if not cut or not self._more():
                    raise
                continue
            if end == len(self.held) and self._more():  # a number may go on
                continue
            source = self.held[self.place : end]
            self._go(end - self.place)
            return value, source

    def _more(self) -> bool:
        """Reads on, as much again as is held already; false at the end."""
        pieces, wanted = [self.held[self.place :]], max(len(self.held) - self.place, 1)
        while wanted > 0 and (block := next(self.blocks, "")):
            pieces.append(block)
            wanted -= len(block)
        self.held, self.place = "".join(pieces), 0
        return len(pieces) > 1

    def _go(self, characters: int) -> None:
        end = self.place + characters
        self.lines += self.held.count("\n", self.place, end)
        self.place = end


def _blocks(lines: TextIO) -> Iterator[str]:
    while block := lines.read(BLOCK):
        yield block


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _named_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError for an object that has a name twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has {next(name for name in names if names.count(name) > 1)!r} twice")
    return found


def _whole(value: Any) -> Any:
    """The same with U+FFFD for each half of a character."""
    if isinstance(value, dict):
        return {whole(name): _whole(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return whole(value) if isinstance(value, str) else value


def _text_around(line: str) -> str:
    """What stands before the first byte that is not of the encoding."""
    place = next(place for place, sign in enumerate(line) if "\ud800" <= sign <= "\udfff")
    return line[max(place - 20, 0) : place]


_DECODER = json.JSONDecoder(object_pairs_hook=_named_once)
