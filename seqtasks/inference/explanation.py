"""What an answer hangs on: the pieces of a value and what each adds, on a page of its own or drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks import files
from seqtasks.errors import UsageError
from seqtasks.metrics import page
from seqtasks.metrics.report import Draw

HUES = 137.5  # degrees from one type's colour to the next one's: the golden angle, so that few are alike
LARGEST = 20  # pieces in the table of a page
PAGES = (".html", ".htm")
TINY = 1e-30  # about the smallest probability of a float32
BLANKS = str.maketrans({" ": "\u2423", "\n": "\u21b5\n", "\t": "\u2192\t"})  # how white space alone is shown


@dataclass(frozen=True)
class Legend:
    """The words of a page."""

    title: str
    method: str
    notes: Sequence[str] = ()
    heading: str = "What each piece adds"
    piece: str = "piece"
    unit: str = "nats"
    adds: str = "for the answer"
    lowers: str = "against it"  # empty where no effect is below 0
    caption: str = ""  # of the drawing


@dataclass(frozen=True, eq=False)
class Explanation:
    """An answer, and what each piece of the value adds to it."""

    answer: Mapping[str, Any]  # as the export gives it
    pieces: tuple[str, ...]  # in the value's order, and joined the value; of a picture, the words of its answer
    effects: np.ndarray  # (N,) in nats; of no piece where there is a drawing alone
    change: float | None  # what they add up to: the log odds of the answer, less those for an empty text
    legend: Legend
    draw: Draw | None = field(default=None, repr=False)

    def html(self) -> str:
        """A page for a browser, which needs nothing else."""
        shown = list(zip(self.pieces, self.effects.tolist(), strict=True)) if len(self.effects) else []
        most = max((abs(effect) for _, effect in shown), default=0.0)
        coloured = [(*_apart(text), effect, round(abs(effect) / most, 3) if most else 0.0) for text, effect in shown]
        order = np.argsort(-np.abs(self.effects), kind="stable")[:LARGEST].tolist()
        words = self.legend
        return page.render(
            "explanation",
            version="",
            title=words.title,
            subtitle=_described(self.answer),
            method=words.method,
            notes=words.notes,
            heading=words.heading,
            piece=words.piece,
            unit=words.unit,
            meanings=(words.adds, words.lowers),
            largest=f"{most:.2f}",
            pieces=coloured,
            largest_pieces=[(place + 1, *coloured[place][1:3]) for place in order],
            picture=page.drawn(self.draw) if self.draw else b"",
            caption=words.caption,
        )

    def write(self, path: Path) -> None:
        """The page where the name ends in .html, else the drawing as PNG; raises UsageError where there is none."""
        if path.suffix.lower() in PAGES:
            files.write(path, self.html(), point="plot")
            return
        if self.draw is None:
            raise UsageError(f"{path} is to be a picture, and a text is explained on a page; end its name in .html")
        with files.writing(path, point="plot") as part:
            self.draw(part)


@dataclass(frozen=True, eq=False)
class Entities:
    """A text whose entities are coloured by their types."""

    answer: Mapping[str, Any]  # as the export gives it: "answer" is a list of entities, as JSON
    text: str

    def html(self) -> str:
        """A page for a browser, which needs nothing else."""
        found = json.loads(self.answer["answer"])
        types = sorted({each["type"] for each in found})
        parts, at = list[tuple[str, str, str, int]](), 0
        for each in found:
            hue = round(HUES * types.index(each["type"])) % 360
            parts.append((self.text[at : each["start"]], "", "", 0))
            parts.append((self.text[each["start"] : each["end"]], each["type"], f"{each['probability']:.2f}", hue))
            at = each["end"]
        parts.append((self.text[at:], "", "", 0))
        subtitle = f"{len(found):,} of {', '.join(types)}" if found else "none"
        return page.render("entities", version="", title="Entities", subtitle=subtitle, parts=parts)

    def write(self, path: Path) -> None:
        """Writes the page."""
        if path.suffix.lower() not in PAGES:
            raise UsageError(f"{path} is to be a picture, and entities are shown on a page; end its name in .html")
        files.write(path, self.html(), point="plot")


def log_odds(answer: Mapping[str, Any], name: str) -> float:
    """Of a class against all others, in nats; raises UsageError for an answer that is none of several classes."""
    probabilities = answer.get("probabilities")
    if not isinstance(probabilities, Mapping):
        raise UsageError("--explain compares the probabilities of classes, and these answers have none")
    others = sum(probability for each, probability in probabilities.items() if each != name)
    return float(np.log(max(probabilities[name], TINY)) - np.log(max(others, TINY)))  # 1 - p would lose digits


def _apart(text: str) -> tuple[str, str]:
    """The white space before a piece, and the piece; of a piece that is nothing else, a sign for it."""
    word = text.lstrip()
    return (text[: len(text) - len(word)], word) if word else ("", text.translate(BLANKS))


def _described(answer: Mapping[str, Any]) -> str:
    """An answer's figures in a line: its probability, and those of the classes."""
    figures = [
        f"{name.replace('_', ' ')} {page.text(value)}" for name, value in answer.items() if isinstance(value, float)
    ]
    probabilities = answer.get("probabilities")
    if isinstance(probabilities, Mapping):
        figures += [f"{name} {page.text(value)}" for name, value in probabilities.items()]
    return ", ".join(figures)
