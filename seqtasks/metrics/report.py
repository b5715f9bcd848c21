"""What an evaluation gives: figures by name, and what is drawn and listed of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Report:
    figures: Mapping[str, Any]  # what JSON holds, by name; those that are no single numbers are not printed
    headline: str  # the figure by which models are listed
    size: tuple[int, str]  # how much was measured, and in which unit, in the plural
    breakdowns: Mapping[str, tuple[float, int]] = field(default_factory=dict)  # the headline in parts, and their sizes
    lines: Sequence[tuple[str, str]] = ()  # what else is printed: a name and what is said of it
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # name.csv -> its rows
    pictures: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)  # name.png -> draws it there
    files: Mapping[str, str] = field(default_factory=dict)  # name -> content
