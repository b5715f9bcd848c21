"""Folders: a folder per class with a text per file, or a FASTA file per class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from seqtasks.data.readers import fasta
from seqtasks.data.readers.row import Options, Reject, Row, checked
from seqtasks.data.readers.text import opened, suffix


def rows(path: Path, options: Options) -> Iterator[Row | Reject]:
    """FASTA files first, each group in the order of names."""
    number = 0
    for file in sorted(each for each in path.iterdir() if suffix(each) in fasta.SUFFIXES):
        with opened(file, options) as lines:
            for row in fasta.rows(file, lines, options, label=file.name.removesuffix(".gz").rpartition(".")[0]):
                number += 1
                yield _renumbered(row, number, f"{file.name}:{row.number}")
    for folder in sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith(".")):
        for file in sorted(folder.glob("*.txt*")):
            number += 1
            with opened(file, options) as text:
                fields = {"text": text.read(options.max_characters + 1), "label": folder.name}
            yield _renumbered(checked(number, fields, options), number, str(file.relative_to(path)))


def _renumbered(row: Row | Reject, number: int, where: str) -> Row | Reject:
    """The row by its number in the folder; a reject also says in which file it is."""
    if isinstance(row, Row):
        return Row(number, row.fields, row.original)
    return Reject(number, f"({where}) {row.reason}")
