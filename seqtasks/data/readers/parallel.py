"""Two texts that are parallel, as Moses has them: a line of one is the target of the same line of the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from seqtasks.data.readers.row import Options, Row
from seqtasks.data.readers.text import opened
from seqtasks.errors import InputError

COLUMNS = ("source", "target")


def rows(path: Path, targets: Path, options: Options) -> Iterator[Row]:
    """A row a line; raises InputError where one of the files is missing or has more lines than the other."""
    for each in (path, targets):
        if not each.is_file():
            raise InputError(f"{each} is no file; give two texts with as many lines")
    number = 0
    with opened(path, options) as sources, opened(targets, options) as others:
        for number, sides in enumerate(zip_longest(sources, others), 1):
            if None in sides:
                counts = [number - 1 if side is None else number + sum(1 for _ in rest)
                          for side, rest in zip(sides, (sources, others), strict=True)]  # fmt: skip
                raise InputError(
                    f"{path} has {counts[0]:,} lines and {targets} {counts[1]:,}; each line needs one on the other side"
                )
            yield Row(number, dict(zip(COLUMNS, (side.rstrip("\r\n") for side in sides), strict=True)))
    if not number:
        raise InputError(f"0 usable rows in {path}; give a text with lines")
