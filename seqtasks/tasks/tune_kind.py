"""Of which kind is a folk tune: a jig, a reel, a waltz?

Many-to-one. The tunes of the Nottingham Music Database in ABC, notes and bar lines alone, through a builder of ours; or
the project's own tunes, whose bars tell their kind by the order of long and short notes and by nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seqtasks.codecs.labels import Labels
from seqtasks.codecs.text import Text
from seqtasks.data import tfds
from seqtasks.errors import unknown
from seqtasks.patterns import many_to_one
from seqtasks.setting import Value
from seqtasks.task import Examples, Folders, Task

DATASET = "nottingham"
CHOSEN: dict[str, Value] = {"validation_split": 0.0}  # epochs were chosen on folds, not on a validation split
DATASETS = {"nottingham": CHOSEN}

RHYTHMS = {"jig": ("2", "", "2", ""), "strathspey": ("", "2", "2", ""), "reel": ("2", "2", "", "")}  # of each bar
NOTES = "CDEFGABcdefgab"
TUNES, BARS, HELD_OUT, SEED = 360, (4, 9), 7, 16  # of the sample; bars from and to; every seventh is for the test


def examples(dataset: str, folders: Folders) -> Mapping[str, Examples]:
    """All tunes: notes and bar lines, bytes (N,), and the names of their kinds, str (N,)."""
    if dataset not in DATASETS:
        raise unknown("data set", dataset, [*DATASETS, "sample"])
    splits, names = tfds.load_classes(dataset, folders)
    return {name: Examples(rows["tune"], names[rows["label"]]) for name, rows in splits.items()}


def sample() -> Mapping[str, Examples]:
    """Tunes that wander about, in bars of two long and two short notes in the order of their kind."""
    draw = np.random.default_rng(SEED)
    rows: dict[str, list[tuple[bytes, str]]] = {"train": [], "test": []}
    for number in range(TUNES):
        kind, place = list(RHYTHMS)[number % len(RHYTHMS)], int(draw.integers(len(NOTES)))
        pieces: list[str] = []
        for _ in range(int(draw.integers(*BARS))):
            for length in RHYTHMS[kind]:
                place = int(np.clip(place + draw.integers(-2, 3), 0, len(NOTES) - 1))
                pieces.append(NOTES[place] + length)
            pieces.append("|")
        split = "test" if number // len(RHYTHMS) % HELD_OUT == 0 else "train"
        rows[split].append((" ".join(pieces).encode(), kind))
    return {split: Examples.of(pairs) for split, pairs in rows.items()}


TASK = Task(
    name="tune_kind",
    pattern=many_to_one,
    inputs=Text(level="character", max_length=400, truncation_side="right", lowercase=False),
    targets=Labels(),
    dataset=DATASET,
    examples=examples,
    sample=sample,
    settings={
        "epochs": 40,
        "patience": 40,
        "batch_size": 32,
        "min_steps_per_epoch": 0,
        "learning_rate": 3e-3,
        "embedding_dim": 24,
        "conv_kernel_size": 9,
        "conv_filters": 96,
        "pool_size": 4,
        "units": 64,
        "bidirectional": True,
        "pooling": "mean+max",
        "dropout": 0.3,
        "output_dropout": 0.3,
        "word_dropout": 0.05,
    },
    dataset_settings=DATASETS,
)
