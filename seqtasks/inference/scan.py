"""Windows that slide along the records of a FASTA file, of any length, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqtasks.data import readers
from seqtasks.data.readers import Options, Reject, Row, fasta
from seqtasks.errors import InputError, UsageError

if TYPE_CHECKING:
    from seqtasks.codecs import Alphabet

BLOCK = 1 << 18  # bases that are read together


@dataclass
class Scan:
    """Rows of record, start and end (from 0, the end not included) and the bases between, record by record.

    The last window of a record ends where the record ends. Windows of which too little is known are left out and
    counted. A record that is shorter than a window, or that has a letter outside the alphabet, is a Reject; the windows
    before that letter are given.
    """

    path: Path
    options: Options
    alphabet: Alphabet
    window: int
    stride: int
    bases: int = 0  # read so far
    unknown: int = 0  # windows left out so far

    def __post_init__(self) -> None:
        for name, value in (("--window", self.window), ("--stride", self.stride)):
            if value < 1:
                raise UsageError(f"{name} is at least 1, not {value}")
        if readers.kind_of(self.path, self.options) not in fasta.SUFFIXES:
            raise UsageError(f"{self.path} is no FASTA file; windows slide along the records of one")

    def __iter__(self) -> Iterator[Row | Reject]:
        self.bases = self.unknown = 0
        number = 0
        with readers.opened(self.path, self.options) as lines:
            for header, blocks in _records(fasta.parts(lines, self.path)):
                try:
                    if not header.name:
                        raise InputError("is a header without a name; give the record one")
                    for start, window in self._windows(header, blocks):
                        number += 1
                        place = {"record": header.name, "start": start, "end": start + len(window)}
                        yield Row(number, {"sequence": window}, place)
                except InputError as error:
                    number += 1
                    yield Reject(number, f"(record {header.name or '?'}, line {header.number}) {error}")

    def _windows(self, header: fasta.Header, blocks: Iterator[str]) -> Iterator[tuple[int, str]]:
        held, offset, due = "", 0, 0  # bases, how many of the record precede them, where the next window begins
        for block in blocks:
            held += self._checked(block, offset + len(held))
            self.bases += len(block)
            while due + self.window <= offset + len(held):
                window = held[due - offset : due - offset + self.window]
                if self._known(window):
                    yield due, window
                due += self.stride
            done = max(min(due - offset, len(held) - self.window), 0)
            held, offset = held[done:], offset + done
        length = offset + len(held)
        if length < self.window:
            raise InputError(f"has {length:,} bases, fewer than a window of {self.window:,}; give a smaller --window")
        if due - self.stride + self.window < length and self._known(window := held[-self.window :]):
            yield length - self.window, window

    def _checked(self, block: str, before: int) -> str:
        """The block in capitals; raises InputError for a letter outside the alphabet."""
        try:
            return self.alphabet.normalized(block.encode()).decode()
        except InputError as error:
            raise InputError(f"behind {before:,} bases {error}" if before else str(error)) from None

    def _known(self, window: str) -> bool:
        known = self.alphabet.known(window.encode())
        self.unknown += not known
        return known


def _records(parts: Iterator[fasta.Header | str]) -> Iterator[tuple[fasta.Header, Iterator[str]]]:
    """Each header with the blocks of its record, which are to be read before the next header."""
    header = next(parts, None)
    while isinstance(header, fasta.Header):
        record = _Record(parts)
        yield header, iter(record)
        for _ in record:  # what was not read, after a fault
            pass
        header = record.following


class _Record:
    """The blocks of one record; after them `following` is the next header, if there is one."""

    def __init__(self, parts: Iterator[fasta.Header | str]) -> None:
        self.parts = parts
        self.following: fasta.Header | None = None

    def __iter__(self) -> Iterator[str]:
        pieces, size = list[str](), 0
        while self.following is None and (part := next(self.parts, None)) is not None:
            if isinstance(part, fasta.Header):
                self.following = part
                break
            pieces.append(part)
            size += len(part)
            if size >= BLOCK:
                yield "".join(pieces)
                pieces, size = [], 0
        if pieces:
            yield "".join(pieces)
