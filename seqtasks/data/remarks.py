"""What a person may not expect of a file's rows, and is told of: labels that look alike, values that are not read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from seqtasks.codecs import labels
from seqtasks.data.readers import Row, as_text, conll, delimited

MOST = 5  # lines about a file
MANY = 1_000  # labels


@dataclass
class Remarks:
    """Of the rows that were noted; `column` is that of the targets."""

    column: str
    classes: bool  # whether targets are
    rows: int = 0
    ignored: int = 0  # rows whose label is to be
    repaired: int = 0
    nameless: list[str] | None = None  # columns without a name, behind the others
    spilled: int = 0  # rows that have values there
    respelled: dict[str, str] = field(default_factory=dict)  # targets -> how they are read
    kinds: set[str] = field(default_factory=set)  # of the targets' values
    labels: set[str] = field(default_factory=set)

    def note(self, row: Row, target: str) -> None:
        self.rows += 1
        self.repaired += row.repaired
        if self.nameless is None:
            self.nameless = list(takewhile(lambda name: name.startswith(delimited.NAMELESS), [*row.fields][::-1]))
        self.spilled += any(row.fields.get(name) for name in self.nameless)
        if not self.classes or len(self.labels) > MANY:
            return
        value = row.fields[self.column]
        self.labels.add(target)
        self.kinds.add("texts" if isinstance(value, str) else "numbers")
        if (given := as_text(value).strip()) != target:
            self.respelled[given] = target

    def lines(self) -> list[str]:
        """A line each, the most at first."""
        said = [f"{self.ignored:,} rows of labels to be ignored are left out"] if self.ignored else []
        if self.repaired:
            said.append(f"{self.repaired:,} {conll.REPAIRED}")
        if self.respelled:
            said.append(f"labels are read as {_listed(self.respelled.values())} where {_listed(self.respelled)} stands")
        if self.spilled:
            said.append(f"{self.spilled:,} rows have values in columns without a name, which are not read")
        if len(self.kinds) > 1:
            said.append(f"labels are {' and '.join(sorted(self.kinds))}; those that look alike are one class")
        alike: dict[Any, list[str]] = {}
        for label in sorted(self.labels):
            alike.setdefault(labels.alike(label), []).append(label)
        said += [f"labels {' and '.join(each)} are classes of their own" for each in alike.values() if len(each) > 1]
        if len(self.labels) > max(self.rows / 2, 2):
            said.append(f"{len(self.labels):,} labels in {self.rows:,} rows: is {self.column} the right column?")
        return said[:MOST]


def _listed(names: Iterable[str]) -> str:
    shown = list(dict.fromkeys(names))
    return ", ".join(shown[:MOST]) + (", ..." if len(shown) > MOST else "")
