"""FASTA, a stretch of bases at a time: one record may be a chromosome.

Biopython reads a record whole and does not say in which line it stands; that is why this is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from seqtasks.errors import InputError

SUFFIXES = (".fa", ".fasta", ".fna", ".ffn")
CHUNK = 1 << 16  # characters of a line that are held


@dataclass(frozen=True)
class Header:
    number: int  # its line, from 1
    text: str  # without the >

    @property
    def name(self) -> str:
        """Its first word, by which other formats call the record."""
        return self.text.partition(" ")[0].partition("\t")[0]


def parts(lines: TextIO, path: object) -> Iterator[Header | str]:
    """A header, then its bases as they stand, then the next; in constant memory, however long a line is.

    Empty lines and those that begin with ; are skipped. Raises InputError for bases before the first header.
    """
    number, seen = 0, False
    line = ""  # what the line is that goes on: bases or other; nothing where one begins
    while piece := lines.readline(CHUNK):
        if not line:
            number += 1
            line = "other" if piece[0] in ">;" else "bases"
            if piece[0] == ">":
                seen = True
                yield Header(number, piece[1:].strip())
        text = piece.rstrip("\r\n")
        if line == "bases" and text.strip():
            if not seen:
                raise InputError(f"{path}:{number} is no FASTA: bases stand there before the first line with a >")
            yield text
        if piece[-1] in "\r\n":
            line = ""
