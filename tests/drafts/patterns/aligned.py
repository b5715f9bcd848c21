"""Aligned: a tag for each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast

import keras
import numpy as np
import tensorflow as tf

from seqtasks import codecs
from seqtasks.codecs import InputCodec, TargetCodec
from seqtasks.data import Batches
from seqtasks.data.batches import Batch, RowBatches
from seqtasks.data.columns import Columns
from seqtasks.data.prepare import Data
from seqtasks.data.rows import ROWS
from seqtasks.layers import stack
from seqtasks.layers.masking import LengthMask
from seqtasks.metrics.report import Report
from seqtasks.patterns import Answers, Endpoint, Metric, Objective
from seqtasks.setting import Settings
from seqtasks.task import Examples, Task

FORM = ROWS
MONITORS = ("accuracy",)
SETTINGS: Settings = stack.SETTINGS


class SequenceCodec(InputCodec, Protocol):
    def embed(self, values: Any, settings: Mapping[str, Any]) -> Any:
        """The network's input (B, T, ...) -> vectors (B, T, E)."""


Tagger = Task[SequenceCodec, TargetCodec]


def check(settings: Mapping[str, Any]) -> None:
    """Any settings go together."""


def batches(task: Tagger, encoded: Columns) -> RowBatches:
    return RowBatches(encoded, encoded.inputs.lengths, _collate)


def _collate(batch: Batch) -> tuple[Any, Any]:
    ids = np.full(batch.values.shape[:2], -1, np.int32)  # -1 where there is no step
    for row, length in enumerate(batch.target_lengths):
        ids[row, :length] = batch.targets[row, :length]
    return (batch.values, batch.lengths), ids


def build(task: Tagger) -> keras.Model:
    """A model of (values (B, T, ...), lengths (B,)) -> logits (B, T, K)."""
    values, lengths = task.inputs.placeholder(), keras.Input((), dtype="int32", name="lengths")
    mask = LengthMask(name="mask")(values, lengths)
    states = stack.stack(task.inputs.embed(values, task.settings), mask, task.settings, sequences=True)
    return keras.Model([values, lengths], keras.layers.Dense(task.targets.choices, name="logits")(states))


def objective(task: Tagger) -> Objective:
    def loss(y: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(y, 0), output)
        return tf.boolean_mask(nats, y >= 0)

    def steps(y: tf.Tensor, output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.boolean_mask(y, y >= 0), tf.boolean_mask(output, y >= 0)

    return Objective(loss, {"accuracy": Metric(keras.metrics.SparseCategoricalAccuracy(), steps)})


def summary(task: Tagger, batches: Batches) -> str:
    return f"{len(batches):,} rows, {task.targets.choices} tags"


def answer(model: keras.Model, task: Tagger, batches: Batches) -> dict[str, np.ndarray]:
    rows = cast("RowBatches", batches)
    right, steps = np.zeros(len(rows), int), np.zeros(len(rows), int)
    for index in rows.eval_batches(batch_size=64):
        x, y = rows.batch(index)
        right[index] = ((model(list(x), training=False).numpy().argmax(-1) == y) & (y >= 0)).sum(1)
        steps[index] = (y >= 0).sum(1)
    return {"right": right, "steps": steps}


def report(task: Tagger, data: Data, split: str, answers: Answers) -> Report:
    steps = int(answers["steps"].sum())
    return Report({"accuracy": float(answers["right"].sum() / steps)}, headline="accuracy", size=(steps, "steps"))


def golden(task: Tagger) -> list[bytes]:
    return list(task.sample()["test"].inputs)


def endpoints(model: keras.Model, task: Tagger) -> dict[str, Endpoint]:
    """serve: strings (B,) -> answer, string (B,): a tag a step."""

    def serve(values: tf.Tensor) -> dict[str, tf.Tensor]:
        read, lengths = task.inputs.encode(values)
        ids = tf.argmax(model([read, lengths], training=False), -1, output_type=tf.int32)
        return {"answer": task.targets.decode(tf.where(tf.sequence_mask(lengths, tf.shape(ids)[1]), ids, -1))}

    return {"serve": Endpoint(serve, [tf.TensorSpec([None], tf.string, name="values")], columns=("answer",))}


def portable(model: keras.Model, task: Tagger) -> dict[str, Endpoint]:
    """serve: one row as its codec gives it, (1, T, ...) -> probabilities of the tags, (1, T, K)."""
    values = task.inputs.placeholder()

    def serve(values: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": tf.nn.softmax(model([values, tf.shape(values)[1:2]], training=False))}

    return {"serve": Endpoint(serve, [tf.TensorSpec([1, *values.shape[1:]], values.dtype, name="values")])}


def portable_examples(task: Tagger, examples: Examples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    ids = task.targets.encode(tf.constant(examples.targets[:]))
    rows = codecs.network_rows(task.inputs, examples.inputs[:])
    return ((row, target.numpy()) for row, target in zip(rows, ids, strict=True))
