"""Figures of entities in texts. One counts where type and both borders are right (conlleval; Tjong Kim Sang, 2000)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np

from seqtasks.codecs.entities import Entity, entities
from seqtasks.metrics import plots
from seqtasks.metrics.report import Report, Section
from seqtasks.task import Examples

Found = Sequence[tuple[Entity, float]]  # the entities of a text, and the probability of each
SAMPLES = 20  # texts on the page
NONE = "none"
MAX_WORST = 100  # texts that are listed


def f1(right: int, found: int, truth: int) -> dict[str, float]:
    """How many entities are in both, found, and true -> precision, recall and F1, from 0 to 1."""
    return {
        "precision": right / max(found, 1),
        "recall": right / max(truth, 1),
        "f1": 2 * right / max(found + truth, 1),
    }


def counted(truth: Sequence[Collection[Entity]], found: Sequence[Collection[Entity]]) -> tuple[int, int, int]:
    """The entities of each text, and those that were found -> how many are in both, found, and true."""
    right = sum(len({*one} & {*other}) for one, other in zip(truth, found, strict=True))
    return right, sum(map(len, found)), sum(map(len, truth))


def measure(
    texts: Sequence[str], truth: Sequence[Sequence[Entity]], found: Sequence[Sequence[Entity]], known: Collection[str],
    types: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    """F1 and so on of all entities, by type, and of those whose words are not `known`; the confusion of types."""

    def only(rows: Sequence[Sequence[Entity]], wanted: Any) -> list[list[Entity]]:
        return [[entity for entity in row if wanted(text, entity)] for text, row in zip(texts, rows, strict=True)]

    def of(wanted: Any) -> dict[str, float]:
        counts = counted(only(truth, wanted), only(found, wanted))
        return {**f1(*counts), "entities": counts[2]}

    unseen = of(lambda text, entity: text[entity.start : entity.end] not in known)
    return {
        **f1(*counted(truth, found)),
        "sentence_accuracy": float(np.mean([{*one} == {*other} for one, other in zip(truth, found, strict=True)])),
        **{f"unseen_{name}": value for name, value in unseen.items()},
        "by_type": {name: of(lambda text, entity, name=name: entity.type == name) for name in types},
        "confusion": confusion(truth, found, types),
    }


def confusion(
    truth: Sequence[Sequence[Entity]], found: Sequence[Sequence[Entity]], types: Sequence[str]
) -> list[list[int]]:
    """How often entities of each type (rows) were found, both borders right, as each type (columns); last: as none."""
    counts: Counter[tuple[str, str]] = Counter()
    for one, other in zip(truth, found, strict=True):
        wanted, given = ({(each.start, each.end): each.type for each in row} for row in (one, other))
        counts.update((wanted.get(place, NONE), given.get(place, NONE)) for place in {*wanted, *given})
    names = [*types, NONE]
    return [[counts[row, column] for column in names] for row in names]


def report(examples: Examples, answers: Sequence[Found], train: Examples, types: Sequence[str]) -> Report:
    """Figures of `measure`; the confusion of types drawn and in words; the texts with the most mistakes."""
    texts = [value.decode(errors="replace") for value in examples.inputs[:]]
    truth = [entities(target) for target in examples.targets[:]]
    found = [[entity for entity, _ in row] for row in answers]
    figures = measure(texts, truth, found, surfaces(train), types)
    names = [*types, NONE]
    lines = [("precision, recall", f"{figures['precision']:.4f}, {figures['recall']:.4f}")]
    for name, row in zip(types, figures["confusion"], strict=False):
        listed = ", ".join(f"{count:,} {other}" for other, count in zip(names, row, strict=True) if count)
        lines.append((f"{name} found as", listed or "-"))
    spurious = ", ".join(
        f"{count:,} {name}" for name, count in zip(names, figures["confusion"][-1], strict=True) if count
    )
    return Report(
        figures,
        headline="f1",
        size=(len(texts), "examples"),
        breakdowns={name: (each["f1"], int(each["entities"])) for name, each in figures["by_type"].items()},
        lines=[*lines, ("found where there is none", spurious or "-")],
        tables={"worst.csv": worst(texts, truth, answers)},
        pictures={"confusion.png": lambda path: plots.confusion(figures["confusion"], names, path)},
        sections=[Section("Samples", "The first that were answered.", table=_samples(texts, truth, found))],
    )


def _samples(texts: Sequence[str], truth: Sequence[Sequence[Entity]], found: Sequence[Sequence[Entity]]) -> Any:
    """The first texts, with the entities that they have and those that were found."""
    import pandas as pd

    def listed(text: str, entities: Sequence[Entity]) -> str:
        return "; ".join(f"{each.type}: {text[each.start : each.end]}" for each in entities) or NONE

    rows = zip(texts[:SAMPLES], truth, found, strict=False)
    table = [(text, listed(text, wanted), listed(text, given)) for text, wanted, given in rows]
    return pd.DataFrame(table, columns=["text", "entities", "found"])


def surfaces(examples: Examples) -> set[str]:
    """The words of all entities."""
    rows = zip(examples.inputs[:], examples.targets[:], strict=True)
    decoded = ((value.decode(errors="replace"), target) for value, target in rows if target)
    return {text[entity.start : entity.end] for text, target in decoded for entity in entities(target)}


def worst(texts: Sequence[str], truth: Sequence[Sequence[Entity]], answers: Sequence[Found]) -> Any:
    """The texts with the most entities that were missed or found in error: row, both, the text."""
    import pandas as pd

    table: list[dict[str, Any]] = []
    for row, (text, wanted, given) in enumerate(zip(texts, truth, answers, strict=True), 1):
        missed = [entity for entity in wanted if entity not in {each for each, _ in given}]
        wrong = [(entity, share) for entity, share in given if entity not in wanted]
        if missed or wrong:
            shown = [f"{_shown(text, entity)} ({share:.2f})" for entity, share in wrong]
            listed = {"missed": _joined(_shown(text, each) for each in missed), "wrong": _joined(shown)}
            table.append({"row": row, "mistakes": len(missed) + len(wrong), **listed, "input": text})
    table.sort(key=lambda row: (-row["mistakes"], row["row"]))
    return pd.DataFrame(table[:MAX_WORST], columns=["row", "mistakes", "missed", "wrong", "input"])


def _shown(text: str, entity: Entity) -> str:
    return f"{text[entity.start : entity.end]} [{entity.type}]"


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(parts)
