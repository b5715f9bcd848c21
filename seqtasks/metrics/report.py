"""What an evaluation gives: figures by name, and what is drawn and listed of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Draw = Callable[[Path], None]  # writes a picture there, as PNG


@dataclass(frozen=True)
class Sample:
    """A generated text and, where it is of a picture, the picture."""

    text: str
    notes: Sequence[str] = ()  # references, or how it came about
    picture: bytes = b""  # a JPEG, PNG, GIF or WebP


@dataclass(frozen=True)
class Section:
    """A part of the page report.html that only some patterns have."""

    title: str
    text: str = ""
    pictures: Mapping[str, Draw] = field(default_factory=dict)  # what is to be seen, in words -> draws it
    table: pd.DataFrame | None = None
    samples: Sequence[Sample] = ()


@dataclass(frozen=True)
class Report:
    figures: Mapping[str, Any]  # what JSON holds, by name; those that are no single numbers are not printed
    headline: str  # the figure by which models are listed
    size: tuple[int, str]  # how much was measured, and in which unit, in the plural
    breakdowns: Mapping[str, tuple[float, int]] = field(default_factory=dict)  # the headline in parts, and their sizes
    lines: Sequence[tuple[str, str]] = ()  # what else is printed: a name and what is said of it
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # name.csv -> its rows
    pictures: Mapping[str, Draw] = field(default_factory=dict)  # name.png -> draws it there
    sections: Sequence[Section] = ()  # of the page, behind the pictures
