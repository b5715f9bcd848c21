"""Is a review positive or negative?

Many-to-one. IMDB's 50,000 film reviews (Maas et al., 2011), half of them for the test, through TensorFlow Datasets; or
the project's own few hundred sentences, in which order and negation decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import numpy as np

from seqtasks.codecs.labels import Labels
from seqtasks.codecs.text import Text
from seqtasks.data import tfds
from seqtasks.errors import unknown
from seqtasks.patterns import many_to_one
from seqtasks.task import Examples, Folders, Task

DATASET = "imdb_reviews"

SUBJECTS = (
    "the food",
    "the film",
    "the café",
    "the ending",
    "the music",
    "this story",
    "the whole cast",
    "the dialogue",
)
GOOD = ("good", "funny", "clever", "moving", "touching")
BAD = ("bad", "dull", "silly", "clichéd", "boring")
FRAMES = (  # {s} a subject, {g} a good word, {b} a bad one; the second of a pair says the opposite of the first
    ("{s} was {g}, not {b} at all.", "{s} was {b}, not {g} at all."),
    ("I thought {s} would be {b}, but it was {g}!", "I thought {s} would be {g}, but it was {b}!"),
    ("{s} is never {b}.", "{s} is never {g}."),
    ("{s} is anything but {b}: {g} from start to end.", "{s} is anything but {g}: {b} from start to end."),
)
HELD_OUT = 7  # every seventh pair of sentences is for the test


def examples(dataset: str, folders: Folders) -> Mapping[str, Examples]:
    """IMDB's official train and test splits: texts, bytes (N,), and "negative" or "positive", str (N,)."""
    if dataset != DATASET:
        raise unknown("data set", dataset, [DATASET, "sample"])
    splits = tfds.load(dataset, folders, ["train", "test"])
    names = np.array(["negative", "positive"], dtype=object)
    return {name: Examples(rows["text"], names[rows["label"]]) for name, rows in splits.items()}


def sample() -> Mapping[str, Examples]:
    """Sentences from a small grammar, each in a good and a bad version of nearly the same words."""
    rows: dict[str, list[tuple[bytes, str]]] = {"train": [], "test": []}
    triples = product(FRAMES, SUBJECTS, zip(GOOD, BAD, strict=True), ("", "Honestly, ", "Really: "))
    for number, (pair, subject, (good, bad), opening) in enumerate(triples):
        split = "test" if number % HELD_OUT == 0 else "train"
        for frame, label in zip(pair, ("positive", "negative"), strict=True):
            sentence = opening + frame.format(s=subject, g=good, b=bad)
            rows[split].append(((sentence[0].upper() + sentence[1:]).encode(), label))
    return {split: Examples.of(pairs) for split, pairs in rows.items()}


TASK = Task(
    name="sentiment",
    pattern=many_to_one,
    inputs=Text(bigram_vocabulary_size=100_000),
    targets=Labels(),
    dataset=DATASET,
    examples=examples,
    sample=sample,
    settings={
        "epochs": 4,
        "bidirectional": True,
        "dropout": 0.5,
        "adversarial_epsilon": 0.5,
        "adversarial_start_epoch": 1,
        "output_dropout": 0.5,
    },
)
