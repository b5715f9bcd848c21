"""What does a sentence say in another language?

Encoder-decoder. Multi30k, descriptions of photographs in German and English (Elliott et al., 2016), or the project's
own sentences in Portuguese and English, whose order of words and agreement differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from seqtasks.codecs.sentences import Sentences
from seqtasks.codecs.text import Text
from seqtasks.errors import ResourceError, unknown
from seqtasks.patterns import encoder_decoder
from seqtasks.setting import Value
from seqtasks.task import SAMPLE, Examples, Folders, Task

DATASET = "multi30k/de-en"
SUBJECTS = (("Ana", "Ana"), ("O irmão", "The brother"), ("Minha avó", "My grandmother"), ("João", "João"))
VERBS = (("compra", "buys"), ("vê", "sees"), ("não quer", "does not want"), ("está pintando", "is painting"))
THINGS = (("a", "casa", "house"), ("o", "carro", "car"), ("as", "flores", "flowers"), ("os", "livros", "books"))
KINDS = (("vermelh", "red"), ("nov", "new"), ("amarel", "yellow"), ("", ""))
HELD_OUT = 7  # every seventh is for the test
SMALL: dict[str, Value] = {
    "epochs": 4,
    "min_steps_per_epoch": 150,
    "batch_size": 32,
    "learning_rate": 0.01,
    "warmup_steps": 50,
    "ema_momentum": 0.95,
    "encoder_units": 32,
    "units": 64,
    "embedding_dim": 32,
    "attention_dim": 32,
    "encoder_dropout": 0.0,
    "dropout": 0.0,
    "embedding_dropout": 0.0,
    "output_dropout": 0.0,
    "label_smoothing": 0.0,
    "num_beams": 3,
    "min_frequency": 1,
    "max_target_length": 12,
}


def examples(dataset: str, folders: Folders) -> Mapping[str, Examples]:
    """The splits: sentences, bytes (N,), and their translations, str (N,)."""
    if dataset != DATASET:
        raise unknown("data set", dataset, [DATASET, SAMPLE])
    raise ResourceError(f"data set {dataset} has no builder yet; use --sample-data")


def sample() -> Mapping[str, Examples]:
    """Somebody does something to a thing of some kind: an adjective follows its noun, and agrees with it."""
    rows: dict[str, list[tuple[bytes, str]]] = {"train": [], "test": []}
    for number, (subject, verb, thing, kind) in enumerate(product(SUBJECTS, VERBS, THINGS, KINDS)):
        article, noun, english = thing
        adjective = f" {kind[0]}{article}" if kind[0] else ""
        source = f"{subject[0]} {verb[0]} {article} {noun}{adjective}."
        target = f"{subject[1]} {verb[1]} the {kind[1]} {english}"
        rows["test" if number % HELD_OUT == 0 else "train"].append((source.encode(), " ".join(target.lower().split())))
    return {split: Examples.of(pairs) for split, pairs in rows.items()}


TASK = Task(
    name="translation",
    pattern=encoder_decoder,
    inputs=Text(max_length=100, truncation_side="right"),
    targets=Sentences(min_frequency=2, max_target_length=60),
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
    dataset_settings={SAMPLE: SMALL},
)
