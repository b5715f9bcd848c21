"""Is each letter of a word a vowel?

Aligned. Words from a few syllables.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from seqtasks.codecs.letters import Letters
from seqtasks.codecs.tags import Tags

from seqtasks.errors import unknown
from seqtasks.patterns import aligned
from seqtasks.task import Examples, Folders, Task

DATASET = "toy_words"
SYLLABLES = ("ba", "do", "fi", "gu", "le", "né", "or", "üs")
HELD_OUT = 7


def examples(dataset: str, folders: Folders) -> Mapping[str, Examples]:
    raise unknown("data set", dataset, ["sample"])


def sample() -> Mapping[str, Examples]:
    rows: dict[str, list[tuple[bytes, str]]] = {"train": [], "test": []}
    for number, parts in enumerate(product(SYLLABLES, SYLLABLES, ("", "ka", "mis"))):
        word = "".join(parts)
        tags = " ".join("vowel" if letter in "aeiouéü" else "consonant" for letter in word)
        rows["test" if number % HELD_OUT == 0 else "train"].append((word.encode(), tags))
    return {split: Examples.of(pairs) for split, pairs in rows.items()}


TASK = Task(
    name="toy_tagger",
    pattern=aligned,
    inputs=Letters(),
    targets=Tags(),
    dataset=DATASET,
    examples=examples,
    sample=sample,
    settings={"epochs": 2, "units": 256, "batch_size": 32, "learning_rate": 0.005, "min_steps_per_epoch": 30},
)
