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
MIN_PAIRS, MAX_PAIRS = 10, 10_000  # rows of two texts that say whether one is in the place of the other
COPIED, SHARED = 0.2, 0.6  # of rows that have one text twice, and of the targets' words that the inputs have


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
    pairs: int = 0  # rows of two texts
    copied: int = 0  # of which have one text twice
    words: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))  # of the first inputs and targets

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

    def note_pair(self, source: str, target: str) -> None:
        """Of a row of two texts."""
        self.pairs += 1
        self.copied += source.strip() == target
        if self.pairs <= MAX_PAIRS:
            for words, text in zip(self.words, (source, target), strict=True):
                words.update(text.lower().split())

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
        return [*self._of_pairs(), *said][:MOST]

    def _of_pairs(self) -> list[str]:
        if self.pairs < MIN_PAIRS:
            return []
        said, (sources, targets) = [], self.words
        if (copied := self.copied / self.pairs) > COPIED:
            said.append(f"{copied:.0%} of the rows have their input as {self.column}: are they not translated?")
        if (shared := len(sources & targets) / max(len(targets), 1)) > SHARED:
            said.append(f"{shared:.0%} of the words in {self.column} are in the inputs as well: are sides swapped?")
        return said


def _listed(names: Iterable[str]) -> str:
    shown = list(dict.fromkeys(names))
    return ", ".join(shown[:MOST]) + (", ..." if len(shown) > MOST else "")
