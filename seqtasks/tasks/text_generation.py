"""How does a text go on?

Language model. Shakespeare's plays, a million characters (tiny_shakespeare; Karpathy, 2015), through TensorFlow
Datasets, whose validation and test splits, the last tenth, are held out; any text of one's own; or the project's own
dialogues of polite animals.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import numpy as np

from seqtasks.codecs.tokens import Tokens
from seqtasks.data import tfds
from seqtasks.errors import unknown
from seqtasks.patterns import language_model
from seqtasks.setting import Value
from seqtasks.task import Examples, Folders, Task

DATASET = "tiny_shakespeare"

ANIMALS = {  # where each lives, and how it is there
    "crow": ("nest", "high"),
    "fox": ("café", "cosy"),
    "mole": ("burrow", "dark"),
    "otter": ("river", "cool"),
    "snail": ("house", "small"),
    "toad": ("pond", "deep"),
    "wasp": ("pear", "sweet"),
}
DIALOGUE = "{A}: Good day, {b}! How is the {place}?\n{B}: The {place} is {kind}, thank you, {a}.\n\n"
HELD_OUT = 7  # every seventh dialogue is for the test
SMALL: dict[str, Value] = {  # a few thousand characters, learned within a minute
    "epochs": 4,
    "batch_size": 8,
    "learning_rate": 0.01,
    "ema_momentum": 0.9,
    "num_layers": 1,
    "units": 96,
    "dropout": 0.0,
    "weight_dropout": 0.0,
    "output_dropout": 0.0,
    "dtype_policy": "float32",
    "bptt_steps": 64,
}


def examples(dataset: str, folders: Folders) -> Mapping[str, Examples]:
    """The splits of tiny_shakespeare, a text each, bytes (1,)."""
    if dataset != DATASET:
        raise unknown("data set", dataset, [DATASET, "sample"])
    splits = tfds.load(dataset, folders, ["train", "validation", "test"])
    return {name: Examples(rows["text"], rows["text"]) for name, rows in splits.items()}


def sample() -> Mapping[str, Examples]:
    """Every animal greets every other; what is answered follows from who is asked."""
    texts = {"train": "", "test": ""}
    for number, (first, second) in enumerate(permutations(ANIMALS, 2)):
        place, kind = ANIMALS[second]
        names = {"a": first, "b": second, "A": first.upper(), "B": second.upper()}
        texts["test" if number % HELD_OUT == 0 else "train"] += DIALOGUE.format(**names, place=place, kind=kind)
    columns = {name: np.array([text.encode()], dtype=object) for name, text in texts.items()}
    return {name: Examples(column, column) for name, column in columns.items()}


TOKENS = Tokens()
TASK = Task(
    name="text_generation",
    pattern=language_model,
    inputs=TOKENS,
    targets=TOKENS,
    dataset=DATASET,
    examples=examples,
    sample=sample,
    settings={
        "epochs": 26,
        "batch_size": 32,
        "learning_rate": 3e-3,
        "ema_momentum": 0.998,
        "monitor": "loss",
        "patience": 8,
        "cell": "lstm",
        "num_layers": 2,
        "units": 512,
        "dropout": 0.5,
        "weight_dropout": 0.3,
        "output_dropout": 0.5,
        "dtype_policy": "mixed_bfloat16",
    },
    dataset_settings={
        DATASET: {"validation_split": 0.0},  # its epochs are chosen already, and a play cut in two is learned badly
        "sample": SMALL,
    },
)
