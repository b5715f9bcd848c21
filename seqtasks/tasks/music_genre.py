"""Of which genre is a piece of music, by its features?

One-to-one, without a time axis. GTZAN's 57 features (Tzanetakis and Cook, 2002), or how often each note is in a folk
tune, through builders of ours; or the project's own pieces, whose features are drawn around those of their genre.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from seqtasks.codecs.features import Features
from seqtasks.codecs.labels import Labels
from seqtasks.data import tfds
from seqtasks.errors import unknown
from seqtasks.patterns import one_to_one
from seqtasks.setting import Value
from seqtasks.task import Examples, Folders, Task

DATASET = "gtzan"
CHOSEN: dict[str, Value] = {"validation_split": 0.0}  # epochs were chosen on folds, not on a validation split
DATASETS = {  # and what they declare
    "gtzan": CHOSEN,
    "nottingham": CHOSEN,
}
MIN_TUNES = 5  # that have a note, or it is not counted

GENRES = {  # of the sample: tempo, energy, brightness, variety, where each is drawn around
    "balada": (70.0, 0.2, 1_500.0, 0.3),
    "samba": (105.0, 0.7, 3_000.0, 0.8),
    "techno": (130.0, 0.9, 2_500.0, 0.1),
    "valsa": (90.0, 0.3, 2_000.0, 0.6),
}
NAMES = ("andamento", "energia", "brilho médio", "variação")
SPREAD = (5.0, 0.06, 250.0, 0.07)  # standard deviations
PIECES, HELD_OUT, SEED = 320, 7, 57  # of the sample; the first of each genre and every seventh are for the test


def examples(dataset: str, folders: Folders) -> Mapping[str, Examples]:
    """All pieces: lines of names and numbers, bytes (N,), and the names of their genres, str (N,)."""
    if dataset not in DATASETS:
        raise unknown("data set", dataset, [*DATASETS, "sample"])
    splits, names = tfds.load_classes(dataset, folders)
    rows = splits["train"]
    inputs = rows["features"] if dataset == DATASET else bags([tune.decode().split() for tune in rows["tune"]])
    return {"train": Examples(inputs, names[rows["label"]])}


def bags(tunes: list[list[str]]) -> np.ndarray:
    """Notes and bar lines of tunes -> the share of each in a tune, lines of names and numbers, bytes (N,)."""
    spread = Counter(note for tune in tunes for note in set(tune))
    known = sorted(note for note, count in spread.items() if count >= MIN_TUNES)
    rows = []
    for tune in tunes:
        found = Counter(tune)
        rows.append("\t".join(f"{found[note] / max(len(tune), 1):.5f}" for note in known))
    names = "\t".join(f"note {note}" for note in known)
    return np.array([f"{names}\n{row}".encode() for row in rows], object)


def sample() -> Mapping[str, Examples]:
    """Pieces of four genres, four features each."""
    draw = np.random.default_rng(SEED)
    rows: dict[str, list[tuple[bytes, str]]] = {"train": [], "test": []}
    for number in range(PIECES):
        genre = list(GENRES)[number % len(GENRES)]
        numbers = "\t".join(f"{each:.3f}" for each in draw.normal(GENRES[genre], SPREAD))
        value = "\t".join(NAMES) + "\n" + numbers
        rows["test" if number // len(GENRES) % HELD_OUT == 0 else "train"].append((value.encode(), genre))
    return {split: Examples.of(pairs) for split, pairs in rows.items()}


TASK = Task(
    name="music_genre",
    pattern=one_to_one,
    inputs=Features(),
    targets=Labels(),
    dataset=DATASET,
    examples=examples,
    sample=sample,
    settings={
        "epochs": 60,
        "patience": 60,
        "batch_size": 64,
        "min_steps_per_epoch": 0,
        "learning_rate": 2e-3,
        "label_smoothing": 0.1,
    },
    dataset_settings=DATASETS,
)
