"""Many-to-one: a sequence is read, one class is the answer. Sentiment of a text, family of a gene."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Protocol, cast

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from seqtasks.codecs import InputCodec, TargetCodec, Tensor
from seqtasks.data import Batches
from seqtasks.data.batches import Batch, RowBatches
from seqtasks.data.columns import Columns
from seqtasks.data.rows import ROWS
from seqtasks.layers import convolution, stack
from seqtasks.layers.adversarial import LAYER, AdversarialGradients, AdversarialPerturbation
from seqtasks.layers.embeddings import PositionEmbedding
from seqtasks.layers.masking import LengthMask
from seqtasks.layers.pooling import POOLS, pool
from seqtasks.patterns import Endpoint, Objective, _classes
from seqtasks.patterns._classes import MONITORS as MONITORS
from seqtasks.patterns._classes import answer as answer
from seqtasks.patterns._classes import golden as golden
from seqtasks.patterns._classes import portable_examples as portable_examples
from seqtasks.patterns._classes import report as report
from seqtasks.setting import Setting, Settings, at_least, one_of, share
from seqtasks.task import Task

FORM = ROWS
SETTINGS: Settings = {
    **stack.SETTINGS,
    **convolution.SETTINGS,
    "position_embedding": Setting(False, "whether each place has a vector, for what is told by where it is"),
    "pooling": Setting("max", "over time: max, mean, mean+max, attention, or the last state", one_of(*POOLS, "last")),
    "output_dropout": Setting(0.0, "of the pooled states", share),
    **_classes.SETTINGS,
    "adversarial_epsilon": Setting(
        0.0, "L2 norm by which a row's vectors are moved against it (Miyato et al., 2017); 0 for none", at_least(0)
    ),
    "adversarial_start_epoch": Setting(0, "epochs before adversarial training begins", at_least(0)),
}


class SequenceCodec(InputCodec, Protocol):
    """What this pattern asks of an input codec."""

    @property
    def max_length(self) -> int:
        """Steps at most."""

    def embed(self, values: Any, settings: Mapping[str, Any]) -> Any:
        """The network's input (B, T, ...) -> vectors (B, T, E)."""


Reader = Task[SequenceCodec, TargetCodec]


def check(settings: Mapping[str, Any]) -> None:
    convolution.check(settings)


def batches(task: Reader, encoded: Columns) -> RowBatches:
    """Rows of like length together: (values (B, T, ...), lengths (B,)), class ids (B,)."""
    return RowBatches(encoded, encoded.inputs.lengths, _collate, augment=task.inputs.traits.augment)


def _collate(batch: Batch) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    return (batch.values, batch.lengths), batch.targets


def build(task: Reader) -> keras.Model:
    """A model of (values (B, T, ...), lengths (B,)) -> logits (B, C)."""
    settings, choices = task.settings, task.targets.choices
    values = task.inputs.placeholder()
    lengths = keras.Input((), dtype="int32", name="lengths")
    second_view = task.inputs.traits.second_view
    read, steps = second_view(values, lengths) if second_view else (values, lengths)
    mask = LengthMask(name="mask")(read, steps)
    vectors = task.inputs.embed(read, settings)
    if settings["adversarial_epsilon"]:
        vectors = AdversarialPerturbation(name=LAYER)(vectors)
    vectors, mask = convolution.convolution(vectors, mask, settings)
    if settings["position_embedding"]:
        places = -(-task.inputs.max_length // int(settings["pool_size"]))
        vectors = PositionEmbedding(places, name="position_embedding")(vectors)
    last = settings["pooling"] == "last"
    states = stack.stack(vectors, mask, settings, sequences=not last)
    summary = states if last else pool(str(settings["pooling"]), states, mask)
    summary = keras.layers.Dropout(settings["output_dropout"], name="output_dropout")(summary)
    logits = keras.layers.Dense(choices, name="logits")(summary)
    if second_view:
        logits = ops.mean(ops.reshape(logits, (2, -1, choices)), axis=0)
    return keras.Model([values, lengths], logits, name="many_to_one")


def objective(task: Reader) -> Objective:
    """Cross-entropy in nats, one value an example; adversarial from the epoch that is set."""
    epsilon = float(task.settings["adversarial_epsilon"])
    start = int(task.settings["adversarial_start_epoch"])
    return _classes.objective(task.settings, [(start, AdversarialGradients(epsilon))] if epsilon else [])


def summary(task: Reader, batches: Batches) -> str:
    """How many rows each class has, how long they are, and how much of a batch is padding."""
    rows = cast("RowBatches", batches)
    size, minimum = int(task.settings["batch_size"]), int(task.settings["min_steps_per_epoch"])
    order = rows.epoch_batches(batch_size=size, min_steps=minimum, seed=0, epoch=0)
    median, high, most = np.percentile(rows.columns.inputs.lengths, [50, 95, 100]).astype(int)
    padding = f"{rows.padded_share(order):.1%} padding"
    labels = _classes.counts(task, batches)
    return f"labels: {labels}; lengths: median {median}, 95 % up to {high}, longest {most} steps; {padding}"


def endpoints(model: keras.Model, task: Reader) -> dict[str, Endpoint]:
    """serve and classes; timeline, where steps are moments, gives the probabilities after each."""
    found = _classes.endpoints(task, lambda values: model(list(task.inputs.encode(values)), training=False))
    if task.inputs.traits.timed:
        strings = tf.TensorSpec([None], tf.string, name="values")
        timeline = functools.partial(_timeline, model, task)
        found["timeline"] = Endpoint(timeline, [strings], classes=("probabilities",))
    return found


def _timeline(model: keras.Model, task: Reader, values: Tensor) -> dict[str, Tensor]:
    """Strings (B,) -> the probabilities after each step, (B, T, C), of what was there by then, and lengths (B,)."""
    steps, lengths = task.inputs.encode(values)

    def after_each(row: tuple[Tensor, Tensor]) -> Tensor:
        frames, length = row
        size = tf.shape(frames)[0]
        beginnings = tf.minimum(tf.range(1, size + 1), length)
        rows = tf.repeat(frames[None], size, axis=0)
        return tf.nn.softmax(model([rows, beginnings], training=False))

    signature = tf.TensorSpec([None, task.targets.choices], tf.float32)
    shares = tf.map_fn(after_each, (steps, lengths), fn_output_signature=signature)
    return {"probabilities": shares, "lengths": lengths}


def portable(model: keras.Model, task: Reader) -> dict[str, Endpoint]:
    """serve: one example as its codec gives it, (1, T, ...) -> the probabilities of all classes, (1, C)."""
    return _classes.portable(task, lambda values: model([values, tf.shape(values)[1:2]], training=False))
