"""One-to-one: a row of numbers is read at once, one class is the answer. The genre of a song by its features.

There is no time axis and nothing recurrent: what a feed-forward network can do, to compare the others with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import keras
import numpy as np

from seqtasks.codecs import InputCodec, TargetCodec
from seqtasks.data import Batches
from seqtasks.data.batches import Batch, RowBatches
from seqtasks.data.columns import Columns
from seqtasks.data.rows import ROWS
from seqtasks.patterns import Endpoint, Objective, _classes
from seqtasks.patterns._classes import MONITORS as MONITORS
from seqtasks.patterns._classes import answer as answer
from seqtasks.patterns._classes import golden as golden
from seqtasks.patterns._classes import portable_examples as portable_examples
from seqtasks.patterns._classes import report as report
from seqtasks.setting import Setting, Settings, at_least, share
from seqtasks.task import Task

FORM = ROWS
SETTINGS: Settings = {
    "num_layers": Setting(2, "hidden layers; 0 for none, which is a linear model", at_least(0)),
    "units": Setting(256, "units of the first hidden layer; each further one has half as many", at_least(1)),
    "dropout": Setting(0.5, "of the units of each hidden layer", share),
    "input_noise": Setting(0.0, "that training adds to each number (standard deviation)", at_least(0)),
    **_classes.SETTINGS,
}

RowTask = Task[InputCodec, TargetCodec]  # of a codec that gives one step a row


def check(settings: Mapping[str, Any]) -> None:
    """Any go together."""


def batches(task: RowTask, encoded: Columns) -> RowBatches:
    """Rows in any order: numbers (B, F), class ids (B,)."""
    return RowBatches(encoded, encoded.inputs.lengths, _collate)


def _collate(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    return batch.values[:, 0], batch.targets


def build(task: RowTask) -> keras.Model:
    """A model of numbers (B, F) -> logits (B, C)."""
    settings = task.settings
    values = hidden = task.inputs.placeholder()
    if settings["input_noise"]:
        hidden = keras.layers.GaussianNoise(settings["input_noise"], name="input_noise")(hidden)
    for number in range(int(settings["num_layers"])):
        units = max(1, int(settings["units"]) >> number)
        hidden = keras.layers.Dense(units, activation="relu", name=f"hidden_{number + 1}")(hidden)
        hidden = keras.layers.Dropout(settings["dropout"], name=f"dropout_{number + 1}")(hidden)
    logits = keras.layers.Dense(task.targets.choices, name="logits")(hidden)
    return keras.Model(values, logits, name="one_to_one")


def objective(task: RowTask) -> Objective:
    """Cross-entropy in nats, one value an example."""
    return _classes.objective(task.settings)


def summary(task: RowTask, batches: Batches) -> str:
    """How many rows each class has, and how many numbers a row."""
    width = cast("RowBatches", batches).columns.inputs.values.shape[-1]
    return f"labels: {_classes.counts(task, batches)}; {width} numbers a row"


def endpoints(model: keras.Model, task: RowTask) -> dict[str, Endpoint]:
    """serve: strings (B,) -> answer, its probability and those of all classes; classes."""
    return _classes.endpoints(task, lambda values: model(task.inputs.encode(values)[0][:, 0], training=False))


def portable(model: keras.Model, task: RowTask) -> dict[str, Endpoint]:
    """serve: one row as its codec gives it, (1, F) -> the probabilities of all classes, (1, C)."""
    return _classes.portable(task, lambda values: model(values, training=False))
