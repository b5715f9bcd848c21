"""What words are said to add, put to the test: they are taken out of test reviews, next to as many random ones.

The rival leaves out one word at a time. The model is the one in saved_models/sentiment or, where there is none, the
default, trained first; with --sample-data one that has learned nothing.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from seqtasks import benchmarks, tasks
from seqtasks.data import prepare
from seqtasks.export import savedmodel
from seqtasks.inference import explain, occlusion, predictor
from seqtasks.inference.explanation import log_odds
from seqtasks.inference.predictor import Predictor
from seqtasks.task import Folders
from seqtasks.training import experiment, model_folder

REVIEWS = 200
FEW = 5  # words, and
SHARE = 0.1  # of all, that are removed
DRAWS = 5  # of as many random ones
MEASURED = ("seconds", "error_of_sum")  # the error as a share of the change
MODEL = Path("saved_models") / "sentiment"

Figures = Mapping[str, float]


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """By how much the probability of the answer falls without the first words of each ranking; how exact sums are."""
    with _model(folders, say, dataset) as served:
        data = prepare.read(tasks.find("sentiment"), dataset or served.manifest.dataset, folders, say)
        inputs = data.examples["test"].inputs
        chosen = np.sort(np.random.default_rng(0).permutation(len(inputs))[: 3 if dataset else REVIEWS])
        measured: dict[str, list[Figures]] = {}
        for number, row in enumerate(chosen, 1):
            for name, figures in _measure(served, bytes(inputs[row]), np.random.default_rng(row)).items():
                measured.setdefault(name, []).append(figures)
            if number % 20 == 0:
                say(f"{number} of {len(chosen)} reviews")
    return {
        "benchmark": "explain",
        "dataset": data.name,
        "reviews": len(chosen),
        **benchmarks.circumstances(),
        "model": served.manifest.created,
        "rows": [{"ranking": name, **_summary(every, measured["random"])} for name, every in measured.items()],
    }


def _summary(every: Sequence[Figures], random: Sequence[Figures]) -> dict[str, float | None]:
    """Medians and maxima of what was measured; by how much the probability falls in the mean, and how often further."""
    columns = {name: [figures[name] for figures in every if name in figures] for name in (*MEASURED, "few", "share")}
    known = {name: columns[name] for name in MEASURED if columns[name]}
    return {
        **{name: median(known[name]) if name in known else None for name in MEASURED},
        **{f"{name}_at_most": max(known[name]) if name in known else None for name in MEASURED},
        f"fall_without_{FEW}": float(np.mean(columns["few"])),
        f"fall_without_{SHARE:.0%}": float(np.mean(columns["share"])),
        "further_than_random": float(
            np.mean([one["share"] > other["share"] for one, other in zip(every, random, strict=True)])
        ),
    }


@contextmanager
def _model(folders: Folders, say: Callable[[str], None], dataset: str | None) -> Iterator[Predictor]:
    if not dataset and predictor.numbers(MODEL):
        yield predictor.load(MODEL)
        return
    prepared = experiment.prepare(tasks.find("sentiment"), dataset, folders, say)
    with tempfile.TemporaryDirectory() as name:
        if dataset:
            yield benchmarks.export(prepared.task, model_folder.build(prepared.task), Path(name))
            return
        experiment.train(prepared, Path(name), seed=0, notice=say)
        yield predictor.load(savedmodel.export(model_folder.restore(Path(name), "sentiment")))


def _measure(served: Predictor, review: bytes, draw: np.random.Generator) -> dict[str, Figures]:
    """Each ranking's seconds, the error of its sum as a share of the change, and how far the probability falls."""
    start = time.perf_counter()
    ours = explain.words(served, review)
    seconds = time.perf_counter() - start
    pieces, name = ours.pieces, str(ours.answer["answer"])

    def odds(texts: Sequence[str]) -> np.ndarray:
        return np.array([log_odds(answer, name) for answer in served(texts)])

    start = time.perf_counter()
    every = np.ones((len(pieces) + 1, len(pieces)), bool)
    every[1:] &= ~np.eye(len(pieces), dtype=bool)
    whole, *others = odds([occlusion.remaining(pieces, kept) for kept in every])
    alone = whole - np.array(others)
    seconds_alone = time.perf_counter() - start
    empty = odds([""])[0]

    def fall(rankings: Sequence[np.ndarray], count: int) -> float:
        texts = [occlusion.remaining(pieces, ~np.isin(np.arange(len(pieces)), each[:count])) for each in rankings]
        return float(_probability(whole) - _probability(odds(texts)).mean())

    def falls(rankings: Sequence[np.ndarray]) -> dict[str, float]:
        return {"few": fall(rankings, FEW), "share": fall(rankings, max(1, round(SHARE * len(pieces))))}

    def error(effects: np.ndarray) -> float:
        return float(abs(effects.sum() - (whole - empty)) / abs(whole - empty))

    return {
        "ours": {"seconds": seconds, "error_of_sum": error(ours.effects)} | falls([np.argsort(-ours.effects)]),
        "one word left out": {"seconds": seconds_alone, "error_of_sum": error(alone)} | falls([np.argsort(-alone)]),
        "random": falls([draw.permutation(len(pieces)) for _ in range(DRAWS)]),
    }


def _probability(odds: Any) -> Any:
    return 1 / (1 + np.exp(-odds))
