"""Which people, places and other names are in a text, and where?

Many-to-many. LeNER-Br's Brazilian legal texts (Luz de Araujo et al., 2018), four more sets in Portuguese and English,
or the project's own sentences, in which a word is a name or not by what is around it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seqtasks.codecs.entities import Entities, Entity, lines
from seqtasks.codecs.words import Words
from seqtasks.data import tfds
from seqtasks.data.samples import names
from seqtasks.errors import unknown
from seqtasks.patterns import many_to_many
from seqtasks.setting import Value
from seqtasks.task import Examples, Folders, Task

DATASET = "lener_br"
NOTHING: dict[str, Value] = {}  # of its own
DATASETS: dict[str, dict[str, Value]] = {  # and what they declare
    "lener_br": NOTHING,
    "wnut17": {"mention_replacement": 0.6, "missed_cost": 2.0, "character_filters": 128},  # hardly a name occurs twice
    "uner_pt_bosque": NOTHING,
    "broad_twitter": NOTHING,
    "harem_selective": NOTHING,
}
SENTENCES, HELD_OUT = 420, 7  # of the sample; the first and every seventh after it are for the test


def examples(dataset: str, folders: Folders) -> Mapping[str, Examples]:
    """The splits that the data set has: texts, bytes (N,), and their entities, a line each, str (N,)."""
    if dataset not in DATASETS:
        raise unknown("data set", dataset, [*DATASETS, "sample"])
    splits = tfds.load_all(dataset, folders)
    return {
        name: Examples(rows["text"], np.array([each.decode() for each in rows["entities"]], dtype=object))
        for name, rows in splits.items()
    }


def sample() -> Mapping[str, Examples]:
    """Sentences from a small grammar, English and Portuguese by turns."""
    rows: dict[str, list[tuple[bytes, str]]] = {"train": [], "test": []}
    for number, (text, found) in enumerate(names.sentences(SENTENCES)):
        target = lines(Entity(*each) for each in found)
        rows["test" if number % HELD_OUT == 0 else "train"].append((text.encode(), target))
    return {split: Examples.of(pairs) for split, pairs in rows.items()}


TASK = Task(
    name="ner",
    pattern=many_to_many,
    inputs=Words(),
    targets=Entities(),
    dataset=DATASET,
    examples=examples,
    sample=sample,
    settings={
        "epochs": 16,
        "patience": 16,
        "batch_size": 32,
        "learning_rate": 3e-3,
        "ema_momentum": 0.998,
        "monitor": "f1",
        "cell": "lstm",
        "units": 200,
        "bidirectional": True,
        "dropout": 0.5,
        "output_dropout": 0.5,
    },
    dataset_settings=DATASETS,
)
