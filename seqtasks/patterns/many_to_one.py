"""Many-to-one: a sequence is read, one class is the answer. Sentiment of a text, family of a gene."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from seqtasks import codecs
from seqtasks.codecs import InputCodec, TargetCodec, Tensor
from seqtasks.data import Batches
from seqtasks.data.batches import Batch, RowBatches
from seqtasks.data.columns import Columns
from seqtasks.data.prepare import Data
from seqtasks.data.rows import ROWS
from seqtasks.layers import convolution, stack
from seqtasks.layers.adversarial import LAYER, AdversarialGradients, AdversarialPerturbation
from seqtasks.layers.embeddings import PositionEmbedding
from seqtasks.layers.masking import LengthMask
from seqtasks.layers.pooling import POOLS, pool
from seqtasks.metrics import classification
from seqtasks.metrics.report import Report
from seqtasks.patterns import Answers, Endpoint, Metric, Objective
from seqtasks.setting import Setting, Settings, at_least, one_of, share
from seqtasks.task import Examples, Task

FORM = ROWS
MONITORS = ("accuracy",)
SETTINGS: Settings = {
    **stack.SETTINGS,
    **convolution.SETTINGS,
    "position_embedding": Setting(False, "whether each place has a vector, for what is told by where it is"),
    "pooling": Setting("max", "over time: max, mean, attention, or the last state", one_of(*POOLS, "last")),
    "output_dropout": Setting(0.0, "of the pooled states", share),
    "adversarial_epsilon": Setting(
        0.0, "L2 norm by which a row's vectors are moved against it (Miyato et al., 2017); 0 for none", at_least(0)
    ),
    "adversarial_start_epoch": Setting(0, "epochs before adversarial training begins", at_least(0)),
}
EVAL_BATCH_SIZE = 256  # rows


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
    return RowBatches(encoded, encoded.inputs.lengths, _collate)


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
    accuracy = keras.metrics.SparseCategoricalAccuracy()
    return Objective(
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none"),
        {"accuracy": Metric(accuracy, lambda y, output: (y, output))},
        phases=[(start, AdversarialGradients(epsilon))] if epsilon else [],
    )


def summary(task: Reader, batches: Batches) -> str:
    """How many rows each class has, how long they are, and how much of a batch is padding."""
    rows = cast("RowBatches", batches)
    size, minimum = int(task.settings["batch_size"]), int(task.settings["min_steps_per_epoch"])
    order = rows.epoch_batches(batch_size=size, min_steps=minimum, seed=0, epoch=0)
    counts = np.bincount(_targets(rows), minlength=task.targets.choices)
    labels = ", ".join(f"{name} {count:,}" for name, count in zip(task.targets.names, counts, strict=True))
    median, high, most = np.percentile(rows.columns.inputs.lengths, [50, 95, 100]).astype(int)
    padding = f"{rows.padded_share(order):.1%} padding"
    return f"labels: {labels}; lengths: median {median}, 95 % up to {high}, longest {most} steps; {padding}"


def answer(model: keras.Model, task: Reader, batches: Batches) -> dict[str, np.ndarray]:
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


def report(task: Reader, data: Data, split: str, answers: Answers) -> Report:
    """Accuracy and its kin, the confusion matrix, and the answers that were most confidently wrong."""
    targets, probabilities, lengths = (answers[name] for name in ("targets", "probabilities", "lengths"))
    return classification.report(targets, probabilities, lengths, task.targets.names, data.part(split).inputs)


def golden(task: Reader) -> list[bytes]:
    return list(task.sample()["test"].inputs)


def endpoints(model: keras.Model, task: Reader) -> dict[str, Endpoint]:
    """serve: strings (B,) -> answer, string (B,), its probability (B,) and those of all classes (B, C)."""

    def serve(values: Tensor) -> dict[str, Tensor]:
        shares = tf.nn.softmax(model(list(task.inputs.encode(values)), training=False))
        answer = task.targets.decode(tf.argmax(shares, axis=1))
        return {"answer": answer, "probability": tf.reduce_max(shares, axis=1), "probabilities": shares}

    def classes() -> dict[str, Tensor]:
        return {"answer": tf.constant(task.targets.names)}

    strings = tf.TensorSpec([None], tf.string, name="values")
    return {
        "serve": Endpoint(serve, [strings], classes=("probabilities",), columns=("answer", "probability")),
        "classes": Endpoint(classes, []),
    }


def portable(model: keras.Model, task: Reader) -> dict[str, Endpoint]:
    """serve: one example as its codec gives it, (1, T, ...) -> the probabilities of all classes, (1, C)."""
    values = task.inputs.placeholder()

    def serve(values: Tensor) -> dict[str, Tensor]:
        return {"probabilities": tf.nn.softmax(model([values, tf.shape(values)[1:2]], training=False))}

    row = tf.TensorSpec([1, *values.shape[1:]], values.dtype, name="values")
    return {"serve": Endpoint(serve, [row], classes=("probabilities",))}


def portable_examples(task: Reader, examples: Examples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows (1, T, ...) and the class id of each, (1,)."""
    targets = task.targets.encode(tf.constant(examples.targets[:])).numpy()
    rows = codecs.network_rows(task.inputs, examples.inputs[:])
    return ((row, np.atleast_1d(target)) for row, target in zip(rows, targets, strict=True))


def _targets(rows: RowBatches) -> np.ndarray:
    return np.asarray(rows.columns.targets.values[:])
