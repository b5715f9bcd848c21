"""Sentences with people, places and dates, English and Portuguese; a word is a name or not by what is around it.

Rose lives in Florence, Florence picks a rose; may, will, hope and mark are words and first names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

SEED = 26
SLOT = re.compile(r"\{(person|place|date)\}")
LECTURE = "Yesterday, {Harry Potter} met {Hermione Granger}."  # is for the test

BOTH = ("Florence", "Paris", "Victoria", "Sofia", "Jordan", "Austin", "Vitória", "Salvador")  # people and places
NAMES = ("Harry", "Hermione", "Rose", "Will", "May", "Hope", "Mark", "Grace", "Rosa", "João", "Inês", "Íris")
FIRST = (*NAMES, *BOTH)
LAST = ("Potter", "Granger", "Hunter", "Young", "Rivers", "Conceição", "Reis", "da Silva", "Flores", "O'Hara", "Müller")
PLACES = ("London", "Rio de Janeiro", "São Paulo", "New York", "Brasília", "Ávila", "Long Island", "Curitiba", *BOTH)
MONTHS = {
    "en": ("January", "March", "May", "July", "August"),
    "pt": ("janeiro", "março", "maio", "julho", "agosto"),
}
FRAMES = {
    "en": (
        "Yesterday, {person} met {person}.", "{person} lives in {place}.", "On {date}, {person} flew to {place}.",
        "Will {person} come to {place} on {date}?", "The rose in the garden of {place} is red.",
        "May I see the mark on the wall of {person}?", "{person} and {person} left {place} on {date}.",
        "Hope is what {person} needs, and grace.", "I hope that {person} will mark the day: {date}.",
        "Mark the date: {date}!", "“In {place},” said {person}, “it may rain.”",
        "The young hunter saw the rivers rise.",
    ),
    "pt": (
        "Ontem, {person} encontrou {person}.", "{person} mora em {place}.", "Em {date}, {person} viajou para {place}.",
        "A rosa do jardim de {place} é vermelha.", "{person} comprou uma rosa para {person}.",
        "A vitória foi de {person}, em {place}.", "Os reis chegaram a {place} em {date}.",
        "As flores de {person} murcharam em {date}.", "O salvador da festa foi {person}.", "Ninguém viu a íris florir.",
    ),
}  # fmt: skip

Placed = tuple[int, int, str]  # first character, the one behind the last, type


def sentences(number: int) -> Iterator[tuple[str, list[Placed]]]:
    """Different sentences and their entities, always the same; the lecture's comes first."""
    yield _lecture()
    draw, seen = np.random.default_rng(SEED), {_lecture()[0]}
    while len(seen) < number:
        language = "en" if len(seen) % 2 else "pt"
        frame = FRAMES[language][int(draw.integers(len(FRAMES[language])))]
        text, found = "", list[Placed]()
        for place, part in enumerate(SLOT.split(frame)):
            if place % 2:
                word = _filled(part, language, draw)
                found.append((len(text), len(text) + len(word), part))
                part = word
            text += part
        if text not in seen:
            seen.add(text)
            yield text, found


def _filled(kind: str, language: str, draw: np.random.Generator) -> str:
    def one(words: tuple[str, ...]) -> str:
        return words[int(draw.integers(len(words)))]

    if kind == "place":
        return one(PLACES)
    if kind == "person":
        return one(FIRST) + (f" {one(LAST)}" if draw.random() < 0.6 else "")
    day, year = int(draw.integers(1, 29)), int(draw.integers(1990, 2030)) if draw.random() < 0.5 else 0
    of = " de " if language == "pt" else " "
    return f"{day}{of}{one(MONTHS[language])}" + (f"{of}{year}" if year else "")


def _lecture() -> tuple[str, list[Placed]]:
    parts = re.split(r"[{}]", LECTURE)
    ends = np.cumsum([len(part) for part in parts])
    return "".join(parts), [(int(ends[at]) - len(parts[at]), int(ends[at]), "person") for at in range(1, len(parts), 2)]
