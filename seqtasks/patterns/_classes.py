"""What the patterns whose answer is one class have in common."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from seqtasks import codecs
from seqtasks.codecs import InputCodec, TargetCodec, Tensor
from seqtasks.data import Batches
from seqtasks.data.batches import RowBatches
from seqtasks.data.prepare import Data
from seqtasks.layers.class_loss import ClassLoss
from seqtasks.metrics import classification
from seqtasks.metrics.report import Report
from seqtasks.patterns import Answers, Endpoint, Gradients, Metric, Objective
from seqtasks.setting import Setting, Settings, between, share
from seqtasks.task import Examples, Task

MONITORS = ("accuracy",)
SETTINGS: Settings = {
    "label_smoothing": Setting(0.0, "share of the truth that is given to all classes alike in training", share),
    "validation_split": Setting(
        0.1,
        "share of train by which epochs are chosen, if there is no such split; 0: the last is kept",
        between(0, 0.5),
    ),
}
EVAL_BATCH_SIZE = 256  # rows

ClassTask = Task[InputCodec, TargetCodec]


def objective(settings: Mapping[str, Any], phases: Sequence[tuple[int, Gradients]] = ()) -> Objective:
    """Cross-entropy in nats, one value an example."""
    accuracy = Metric(keras.metrics.SparseCategoricalAccuracy(), lambda y, output: (y, output))
    return Objective(ClassLoss(float(settings["label_smoothing"])), {"accuracy": accuracy}, phases=phases)


def counts(task: ClassTask, batches: Batches) -> str:
    """How many rows each class has."""
    found = np.bincount(_targets(cast("RowBatches", batches)), minlength=task.targets.choices)
    return ", ".join(f"{name} {count:,}" for name, count in zip(task.targets.names, found, strict=True))


def answer(model: keras.Model, task: ClassTask, batches: Batches) -> dict[str, np.ndarray]:
    """Class probabilities (N, C), class ids (N,) and lengths (N,)."""
    rows, forward = cast("RowBatches", batches), _forward(model)
    probabilities = np.zeros((len(rows), task.targets.choices), np.float32)
    for index in rows.eval_batches(batch_size=EVAL_BATCH_SIZE):
        x, _ = rows.batch(index)
        probabilities[index] = forward(tf.nest.map_structure(tf.constant, x)).numpy()
    return {"probabilities": probabilities, "targets": _targets(rows), "lengths": rows.columns.inputs.lengths}


@functools.lru_cache(maxsize=1)  # the folds of a cross-validation ask one model
def _forward(model: keras.Model) -> Any:
    return tf.function(lambda x: tf.nn.softmax(model(x, training=False)), reduce_retracing=True, autograph=False)


def report(task: ClassTask, data: Data, split: str, answers: Answers) -> Report:
    """Accuracy and its kin, the confusion matrix, and the answers that were most confidently wrong."""
    targets, probabilities, lengths = (answers[name] for name in ("targets", "probabilities", "lengths"))
    return classification.report(targets, probabilities, lengths, task.targets.names, data.part(split).inputs)


def golden(task: ClassTask) -> list[bytes]:
    return list(task.sample()["test"].inputs)


def endpoints(task: ClassTask, logits: Callable[[Tensor], Tensor]) -> dict[str, Endpoint]:
    """serve: strings (B,) -> answer, string (B,), its probability (B,) and those of all classes (B, C).

    classes: the names, string (C,). `logits` is what a model makes of strings, (B, C).
    """

    def serve(values: Tensor) -> dict[str, Tensor]:
        shares = tf.nn.softmax(logits(values))
        answer = task.targets.decode(tf.argmax(shares, axis=1))
        return {"answer": answer, "probability": tf.reduce_max(shares, axis=1), "probabilities": shares}

    def classes() -> dict[str, Tensor]:
        return {"answer": tf.constant(task.targets.names)}

    strings = tf.TensorSpec([None], tf.string, name="values")
    return {
        "serve": Endpoint(serve, [strings], classes=("probabilities",), columns=("answer", "probability")),
        "classes": Endpoint(classes, []),
    }


def portable(task: ClassTask, logits: Callable[[Tensor], Tensor]) -> dict[str, Endpoint]:
    """serve: one example as its codec gives it, (1, ...) -> the probabilities of all classes, (1, C)."""
    values = task.inputs.placeholder()

    def serve(values: Tensor) -> dict[str, Tensor]:
        return {"probabilities": tf.nn.softmax(logits(values))}

    row = tf.TensorSpec([1, *values.shape[1:]], values.dtype, name="values")
    return {"serve": Endpoint(serve, [row], classes=("probabilities",))}


def portable_examples(task: ClassTask, examples: Examples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows (1, ...) and the class id of each, (1,)."""
    targets = task.targets.encode(tf.constant(examples.targets[:])).numpy()
    rows = codecs.network_rows(task.inputs, examples.inputs[:])
    return ((row, np.atleast_1d(target)) for row, target in zip(rows, targets, strict=True))


def _targets(rows: RowBatches) -> np.ndarray:
    return np.asarray(rows.columns.targets.values[:])
