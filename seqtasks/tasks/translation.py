"""What does a sentence say in another language?

Encoder-decoder. Multi30k, descriptions of photographs in German, English and French (Elliott et al., 2016), Tatoeba's
French and English sentences, or the project's own in English and Portuguese, whose order of words and agreement differ.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seqtasks.codecs.subword_sentences import SubwordSentences
from seqtasks.codecs.subwords import Subwords
from seqtasks.data import tfds
from seqtasks.data.samples import phrases
from seqtasks.errors import unknown
from seqtasks.patterns import encoder_decoder
from seqtasks.setting import Value
from seqtasks.task import SAMPLE, Examples, Folders, Task

DATASET = "multi30k/de-en"
NOTHING: dict[str, Value] = {}  # of its own
DATASETS: dict[str, dict[str, Value]] = {  # and what they declare
    "multi30k/de-en": NOTHING,
    "multi30k/en-de": NOTHING,
    "multi30k/en-fr": NOTHING,
    "multi30k/fr-en": NOTHING,
    "tatoeba/fr-en": {"epochs": 9, "patience": 9, "source.vocabulary_size": 10_000, "target.vocabulary_size": 10_000},
}
SENTENCES, HELD_OUT = 1_200, 20  # of the sample; the first and every twentieth after it are for the test
SMALL: dict[str, Value] = {
    "epochs": 3,
    "min_steps_per_epoch": 300,
    "batch_size": 16,
    "learning_rate": 0.005,
    "warmup_steps": 50,
    "ema_momentum": 0.95,
    "encoder_units": 56,
    "units": 56,
    "embedding_dim": 96,
    "attention_dim": 64,
    "encoder_dropout": 0.0,
    "dropout": 0.1,
    "embedding_dropout": 0.1,
    "output_dropout": 0.0,
    "label_smoothing": 0.0,
    "num_beams": 3,
    "source.vocabulary_size": 500,
    "target.vocabulary_size": 500,
    "source.max_length": 40,
    "target.max_length": 40,
}


def examples(dataset: str, folders: Folders) -> Mapping[str, Examples]:
    """The splits: sentences, bytes (N,), and their translations, a line each, str (N,)."""
    if dataset not in DATASETS:
        raise unknown("data set", dataset, [*DATASETS, SAMPLE])
    splits = tfds.load_all(dataset, folders)
    return {
        name: Examples(rows["source"], np.array([each.decode() for each in rows["target"]], dtype=object))
        for name, rows in splits.items()
    }


def sample() -> Mapping[str, Examples]:
    """Sentences from a small grammar."""
    rows: dict[str, list[tuple[bytes, str]]] = {"train": [], "test": []}
    for number, (source, target) in enumerate(phrases.pairs(SENTENCES)):
        rows["test" if number % HELD_OUT == 0 else "train"].append((source.encode(), target))
    return {split: Examples.of(pairs) for split, pairs in rows.items()}


TASK = Task(
    name="translation",
    pattern=encoder_decoder,
    inputs=Subwords(),
    targets=SubwordSentences(max_references=1),
    dataset=DATASET,
    examples=examples,
    sample=sample,
    settings={
        "epochs": 22,
        "patience": 22,
        "batch_size": 64,
        "learning_rate": 2e-3,
        "ema_momentum": 0.998,
        "monitor": "loss",
        "encoder_cell": "gru",
        "encoder_units": 256,
        "encoder_dropout": 0.3,
        "cell": "lstm",
        "units": 384,
        "embedding_dim": 256,
        "embedding_dropout": 0.3,
        "dropout": 0.4,
        "output_dropout": 0.5,
        "tie_embeddings": True,
        "label_smoothing": 0.1,
        "num_beams": 5,
        "length_penalty": 1.0,
    },
    dataset_settings={**DATASETS, SAMPLE: SMALL},
)
