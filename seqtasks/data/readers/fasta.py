"""FASTA, a piece of a record at a time: one record may be a chromosome.

Biopython reads a record whole and does not say in which line it begins. That is why this reader is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from seqtasks.data.readers import formats
from seqtasks.data.readers.row import Options, Reject, Row
from seqtasks.errors import InputError, UsageError

SUFFIXES = (".fa", ".fasta", ".fna", ".ffn", ".fas", ".fsa", ".frn", ".mfa", ".seq")
CHUNK = 1 << 16  # characters of a line that are held
NUMBERS = re.compile(
    r"(?:^|(?<=\s))\d+(?=\s|$)|\s+"
)  # of bases, as GenBank prints them before blocks of ten, and blanks


@dataclass(frozen=True)
class Header:
    number: int  # its line, from 1
    text: str  # without the >

    @property
    def name(self) -> str:
        """Its first word, by which other formats call the record."""
        return self.text.partition(" ")[0].partition("\t")[0]


def parts(lines: TextIO, path: object) -> Iterator[Header | str]:
    """A header, then its bases as the file has them, then the next; in constant memory, however long a line is.

    Empty lines and those that begin with ; are skipped, and blanks and numbers of bases inside lines. Raises InputError
    for bases before the first header, and for a file that is of another format.
    """
    number, seen = 0, False
    line = ""  # of which kind the line is that goes on: "bases" or "other"; empty where one begins
    while piece := lines.readline(CHUNK):
        if not line:
            number += 1
            line = "other" if piece[0] in ">;" else "bases"
            if piece[0] == ">":
                seen = True
                yield Header(number, piece[1:].strip())
        if line == "bases" and piece.strip():
            if not seen:
                other = formats.of_line(piece)
                reason = f"is {other}" if other else "is no FASTA: it has bases before the first line with a >"
                raise InputError(f"{path}:{number} {reason}")
            bases = piece.rstrip("\r\n")
            yield bases if bases.isalpha() else NUMBERS.sub("", bases)
        if piece[-1] in "\r\n":
            line = ""


def rows(path: Path, lines: TextIO, options: Options, label: str | None = None) -> Iterator[Row | Reject]:
    """A row a record, its number that of the header's line.

    The label is the one given or, if there is none, what the options' pattern finds in the header. Raises UsageError
    for a pattern that is no regular expression.
    """
    lines_of_names: dict[str, int] = {}
    for header, sequence in _records(path, lines, options.max_characters):
        first = lines_of_names.setdefault(header.name, header.number)
        fields = {"name": header.name, "sequence": sequence}
        if label is not None:
            fields["label"] = label
        elif options.label_pattern is not None:
            match = _pattern(options.label_pattern).search(header.text)
            if not match:
                reason = f"has a header in which --label-pattern finds nothing: {header.text[:60]!r}"
                yield Reject(header.number, reason)
                continue
            fields["label"] = match.group(1 if match.re.groups else 0) or ""
        if not header.name:
            yield Reject(header.number, "is a header without a name; give the record one")
        elif first != header.number:
            yield Reject(header.number, f"names a record {header.name}, as line {first} does; give each its own name")
        elif not sequence:
            yield Reject(header.number, f"(record {header.name}) has no bases; add them or leave it out")
        else:
            yield Row(header.number, fields, name=header.name)


def _records(path: Path, lines: TextIO, max_characters: int) -> Iterator[tuple[Header, str]]:
    """Header and bases of each record; of one that is too long, a little more than the maximum."""
    header, pieces, size = None, list[str](), 0
    for part in parts(lines, path):
        if isinstance(part, Header):
            if header:
                yield header, "".join(pieces)
            header, pieces, size = part, [], 0
        elif size <= max_characters:
            pieces.append(part)
            size += len(part)
    if header:
        yield header, "".join(pieces)


def _pattern(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--label-pattern {pattern!r} is no regular expression ({error})") from None
