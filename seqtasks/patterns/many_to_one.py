"""Many-to-one: a sequence is read, one class is the answer. Sentiment of a text, family of a gene."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from seqtasks.errors import unknown
from seqtasks.layers.stack import DEFAULTS as STACK
from seqtasks.layers.stack import stack
from seqtasks.layers.steps import POOLS, Mask, Nudge, pool

DEFAULTS: dict[str, bool | int | float | str] = STACK | {
    "embedding": 96,  # width of the vector of a word, or whatever a step is
    "pool": "max",  # over time: max, mean, or the last state
    "output_dropout": 0.0,
}
STREAMS = False


def pair(x: tuple[Any, Any], y: Any) -> tuple[Any, Any]:
    """(values (B, T, ...), lengths (B,)), class ids (B,) -> the same: one pass, one answer."""
    return x, y


def build(inputs: Any, targets: Any, settings: Mapping[str, Any]) -> keras.Model:
    """A model of (values (B, T, ...), lengths (B,)) -> logits (B, C). Raises UsageError for settings that make none."""
    if settings["pool"] not in (*POOLS, "last"):
        raise unknown("pool", settings["pool"], [*POOLS, "last"])
    values = inputs.placeholder()
    lengths = keras.Input((), dtype="int32", name="lengths")
    mask = Mask(name="mask")(values, lengths)
    sequences = settings["pool"] != "last"
    embedding = None if settings["adversarial"] else inputs.embedding(settings)
    if embedding is None:
        vectors = Nudge(name="nudge")(inputs.embed(values, settings))
        states = stack(vectors, mask, settings, sequences=sequences)
    else:
        states = stack(values, mask, settings, sequences=sequences, embedding=embedding)
    summary = states if settings["pool"] == "last" else pool(settings["pool"], states, mask)
    summary = keras.layers.Dropout(settings["output_dropout"], name="output_dropout")(summary)
    logits = keras.layers.Dense(targets.choices, name="logits")(summary)
    return keras.Model([values, lengths], logits, name="many_to_one")


def loss(targets: Any, settings: Mapping[str, Any]) -> keras.losses.Loss:
    """Cross-entropy in nats, one value an example."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")


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
