"""How a CSV or TSV separates and quotes its fields: what is given, or what its rows show."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqtasks.errors import UsageError

SEPARATORS = {".csv": ",", ".tsv": "\t"}
CANDIDATES = (",", ";", "\t", "|")
SPELLED = {r"\t": "\t", "tab": "\t", "TAB": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
SEEMS = "seems double"  # where nobody has said so: rows that one mark may have taken for one are looked at
QUOTING: dict[str, dict[str, Any]] = {  # how a quotation mark stands inside a field: what csv.reader takes
    "double": {"strict": True},
    SEEMS: {"strict": True},
    "backslash": {"strict": True, "escapechar": "\\"},
    "none": {"quoting": csv.QUOTE_NONE},
}
REGULAR = 0.9  # share of the rows that have as many fields as the header where a separator is the right one
SEP = re.compile(r"\s*sep=(.)\s*", re.IGNORECASE)  # Excel's first line
FEW = 50  # values of a column in which rows fall into classes


@dataclass(frozen=True)
class Dialect:
    separator: str
    quoting: str

    def reader(self, lines: Iterable[str]) -> Any:
        return csv.reader(lines, delimiter=self.separator, **QUOTING[self.quoting])


def separator(given: str) -> str:
    r"""One character, from a person's word for it: `\t`, tab, comma, ...; raises UsageError for any other."""
    found = SPELLED.get(given, given)
    if len(found) != 1 or found in '"\r\n\\' or (not found.isprintable() and found not in "\t\x1f\x1e\x01"):
        raise UsageError(rf"--separator is one character, such as ; or \t, not {given!r}; give that")
    return found


def of_sep_line(line: str) -> str | None:
    """The separator that Excel's line `sep=;` names; None for any other line."""
    found = SEP.fullmatch(line)
    return found.group(1) if found else None


def found_separator(sample: Sequence[str], usual: str) -> str:
    """The usual separator or, where the rows show that it is another, that one."""
    if sample and (given := of_sep_line(sample[0])):
        return given
    for candidate in (usual, *(each for each in CANDIDATES if each != usual)):
        widths = [len(row) for row in _lenient(sample, candidate) if row]
        same = sum(width == widths[0] for width in widths) if widths else 0
        if widths and widths[0] > 1 and same >= REGULAR * len(widths):
            return candidate
    headers = {each: len(next(_lenient(sample, each), [])) for each in CANDIDATES}
    named = [each for each, width in headers.items() if width > 1]
    return named[0] if headers.get(usual, 0) < 2 and len(named) == 1 else usual


def found_quoting(lines: Callable[[], Iterable[str]], separator: str) -> str:
    """`none` where a file's quotation marks are signs like others, as in many a TSV; else SEEMS.

    They quote where all rows have the header's fields with them. Where all lines have these without them too, they do
    not, if a row would take several lines or if one stands inside a field. Fields between commas and semicolons are
    quoted always: otherwise these could not stand in a text.
    """
    begins = re.compile(f'(?:^|{re.escape(separator)})"').search
    if separator in ",;" or not any(begins(line) for line in lines()):
        return SEEMS
    inside = re.compile(f'(?:^|{re.escape(separator)})[^"{re.escape(separator)}][^{re.escape(separator)}]*"').search
    wrong = {name: _wrong_rows(lines(), Dialect(separator, name)) for name in (SEEMS, "none")}
    (as_quoted, several), (as_plain, _) = wrong[SEEMS], wrong["none"]
    if as_quoted != as_plain:
        return min((SEEMS, as_quoted), ("none", as_plain), key=lambda each: each[1])[0]
    return "none" if as_plain or several or any(inside(line) for line in lines()) else SEEMS


def classes(lines: Iterable[str], separator: str) -> dict[int, set[str]]:
    """The columns of few values, each of which comes again, with these: what labels look like. Quotes are not read."""
    rows = [line.rstrip("\r\n").split(separator) for line in lines if line.strip()]
    rows = [row for row in rows if len(row) == len(rows[0])]
    found: dict[int, set[str]] = {}
    for place, column in enumerate(zip(*rows[1:], strict=True)):
        values = set(column)
        if len(values) <= FEW and len(values) * 2 <= len(column):
            found[place] = values
    return found


def swallowed(lines: Sequence[str], separator: str, width: int, known: Mapping[int, set[str]]) -> bool:
    """Whether the lines of one quoted row look like a row each, by a class that other rows have in their place."""
    rows = [line.rstrip("\r\n").split(separator) for line in lines]
    for place, values in known.items():
        if place in (0, width - 1):  # where it is known however many separators a text holds
            looks = all(row[-1 if place else 0] in values for row in rows)
        else:
            looks = all(len(row) == width and row[place] in values for row in rows)
        if looks:
            return True
    return False


def _wrong_rows(lines: Iterable[str], dialect: Dialect) -> tuple[float, bool]:
    """How many rows have not the header's fields, infinity where reading fails; whether one takes several lines."""
    reader, width, wrong, several, before = dialect.reader(lines), 0, 0, False, 0
    try:
        for row in reader:
            width = width or len(row)
            wrong += bool(row) and len(row) != width
            several |= reader.line_num > before + 1
            before = reader.line_num
    except csv.Error:
        return float("inf"), several
    return wrong, several


def _lenient(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    try:
        yield from csv.reader(lines, delimiter=separator)
    except csv.Error:
        return
