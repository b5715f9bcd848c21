"""How is a word spelled backwards?

Encoder and decoder. Words from a few syllables.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from seqtasks.codecs.letters import Letters
from seqtasks.codecs.spelling import Spelling

from seqtasks.errors import unknown
from seqtasks.patterns import transducer
from seqtasks.task import Examples, Folders, Task

DATASET = "toy_words"
SYLLABLES = ("ba", "do", "né")
HELD_OUT = 7


def examples(dataset: str, folders: Folders) -> Mapping[str, Examples]:
    raise unknown("data set", dataset, ["sample"])


def sample() -> Mapping[str, Examples]:
    rows: dict[str, list[tuple[bytes, str]]] = {"train": [], "test": []}
    for number, parts in enumerate(product(SYLLABLES, SYLLABLES, (*SYLLABLES, ""))):
        word = "".join(parts)
        rows["test" if number % HELD_OUT == 0 else "train"].append((word.encode(), word[::-1]))
    return {split: Examples.of(pairs) for split, pairs in rows.items()}


TASK = Task(
    name="toy_transducer",
    pattern=transducer,
    inputs=Letters(),
    targets=Spelling(),
    dataset=DATASET,
    examples=examples,
    sample=sample,
    settings={
        "epochs": 3,
        "units": 256,
        "batch_size": 16,
        "learning_rate": 0.003,
        "min_steps_per_epoch": 100,
        "monitor": "loss",
    },
)
