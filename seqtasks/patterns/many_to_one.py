"""Many-to-one: a sequence is read, one class is the answer. Sentiment of a text, family of a gene."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from seqtasks.errors import unknown
from seqtasks.layers.convolution import DEFAULTS as FRONT
from seqtasks.layers.convolution import front
from seqtasks.layers.stack import DEFAULTS as STACK
from seqtasks.layers.stack import stack
from seqtasks.layers.steps import POOLS, Mask, Nudge, Position, pool

DEFAULTS: dict[str, bool | int | float | str] = (
    STACK
    | FRONT
    | {
        "embedding": 96,  # width of the vector of a word, or whatever a step is
        "positions": False,  # whether each place has a vector of its own, for what is told by where it stands
        "pool": "max",  # over time: max, mean, attention, or the last state
        "output_dropout": 0.0,
    }
)
STREAMS = False
TELLS = False


def pair(x: tuple[Any, Any], y: Any) -> tuple[Any, Any]:
    """(values (B, T, ...), lengths (B,)), class ids (B,) -> the same: one pass, one answer."""
    return x, y


def build(inputs: Any, targets: Any, settings: Mapping[str, Any]) -> keras.Model:
    """A model of (values (B, T, ...), lengths (B,)) -> logits (B, C). Raises UsageError for settings that make none."""
    if settings["pool"] not in (*POOLS, "last"):
        raise unknown("pool", settings["pool"], [*POOLS, "last"])
    values = inputs.placeholder()
    lengths = keras.Input((), dtype="int32", name="lengths")
    views = inputs.views()
    read, steps = views(values, lengths) if views else (values, lengths)
    mask = Mask(name="mask")(read, steps)
    sequences = settings["pool"] != "last"
    plain = not (settings["adversarial"] or settings["front"] or settings["positions"])
    embedding = inputs.embedding(settings) if plain else None
    if embedding is None:
        vectors = Nudge(name="nudge")(inputs.embed(read, settings))
        vectors, mask = front(vectors, mask, settings)
        if settings["positions"]:
            vectors = Position(-(-inputs.length // settings["stride"]), name="positions")(vectors)
        states = stack(vectors, mask, settings, sequences=sequences)
    else:
        states = stack(read, mask, settings, sequences=sequences, embedding=embedding)
    summary = states if settings["pool"] == "last" else pool(settings["pool"], states, mask)
    summary = keras.layers.Dropout(settings["output_dropout"], name="output_dropout")(summary)
    logits = keras.layers.Dense(targets.choices, name="logits")(summary)
    if views:
        logits = ops.mean(ops.reshape(logits, (2, -1, targets.choices)), axis=0)
    return keras.Model([values, lengths], logits, name="many_to_one")


def loss(targets: Any, settings: Mapping[str, Any]) -> keras.losses.Loss:
    """Cross-entropy in nats, one value an example."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")


def judged(y: tf.Tensor, output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Class ids (B,) and logits (B, C) by which accuracy is told: all."""
    return y, output


def endpoints(
    model: keras.Model, inputs: Any, targets: Any, settings: Mapping[str, Any]
) -> dict[str, tuple[Callable[..., Any], list[tf.TensorSpec]]]:
    """serve: strings (B,) -> answer, string (B,), its probability (B,) and those of all classes (B, C)."""

    def serve(values: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = tf.nn.softmax(model(list(inputs.encode(values)), training=False))
        answer = targets.decode(tf.argmax(probabilities, axis=1))
        return {"answer": answer, "probability": tf.reduce_max(probabilities, axis=1), "probabilities": probabilities}

    def classes() -> dict[str, tf.Tensor]:
        return {"answer": tf.constant(targets.names)}

    return {"serve": (serve, [tf.TensorSpec([None], tf.string, name="values")]), "classes": (classes, [])}


def portable(
    model: keras.Model, inputs: Any, targets: Any, settings: Mapping[str, Any]
) -> dict[str, tuple[Callable[..., Any], list[tf.TensorSpec]]]:
    """serve: one example as its codec gives it, (1, T, ...) -> the probabilities of all classes, (1, C)."""
    values = inputs.placeholder()

    def serve(values: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": tf.nn.softmax(model([values, tf.shape(values)[1:2]], training=False))}

    return {"serve": (serve, [tf.TensorSpec([1, *values.shape[1:]], values.dtype, name="values")])}
