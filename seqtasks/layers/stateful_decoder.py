"""What writes: an embedding, recurrent layers and a head, used in three ways.

Read whole under teacher forcing (the model that is trained), read to the end of a prompt, or asked for one token after
the other. The patterns that write differ in how the writer begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from seqtasks.decoding.generate import Step
from seqtasks.errors import UsageError
from seqtasks.layers.stack import DEFAULTS as STACK
from seqtasks.layers.stack import carried
from seqtasks.layers.tied_dense import Tied

DEFAULTS: dict[str, bool | int | float | str] = STACK | {
    "embedding": 128,  # width of a token's vector
    "embedding_dropout": 0.0,  # of whole features of a row, as all of these
    "output_dropout": 0.0,  # before the logits
    "tied": False,  # whether the logits are made by the embedding's matrix (Press and Wolf, 2017)
}

States = tuple[tuple[tf.Tensor, ...], ...]  # of each layer, (B, U) each


def build(
    ids: keras.KerasTensor, fresh: keras.KerasTensor, targets: Any, settings: Mapping[str, Any]
) -> keras.KerasTensor:
    """Ids (B, T) and which rows begin anew, bool (B,) -> logits (B, T, V).

    States are carried from batch to batch. Raises UsageError for settings that make no model.
    """
    embedding = targets.embedding(settings)
    if settings["tied"] and settings["embedding"] != settings["units"]:
        raise UsageError(
            f"a tied embedding is as wide as the layer, not {settings['embedding']} beside {settings['units']} units"
        )
    states = carried(ids, fresh, settings, embedding=embedding)
    last = states[-1] if len(states) == 1 else ops.concatenate(states, axis=-1)
    last = keras.layers.SpatialDropout1D(settings["output_dropout"], name="output_dropout")(last)
    head = Tied(embedding, name="logits") if settings["tied"] else keras.layers.Dense(targets.choices, name="logits")
    return head(last)


@dataclass(frozen=True)
class Writer:
    """A trained model's parts, for inference: `of(model)`."""

    folded: Any  # embedding and first layer
    recurrent: tuple[Any, ...]  # all layers, from the first
    head: Any

    def start(self, rows: tf.Tensor) -> States:
        """The states of so many rows that have read nothing."""
        return tuple(tuple(tf.zeros([rows, units]) for units in layer.state_size) for layer in self.recurrent)

    def read(self, ids: tf.Tensor, mask: tf.Tensor, states: States) -> tuple[tf.Tensor, States]:
        """Ids (B, T), mask (B, T), states -> what the head takes, (B, T, ...), and the states at each row's own end."""
        values, outputs, after = ids, [], []
        for layer, first in zip((self.folded, *self.recurrent[1:]), states, strict=True):
            values, *last = layer(values, mask=mask, initial_state=list(first), training=False)
            outputs.append(tf.cast(values, tf.float32))  # a layer may be in bfloat16 while it is in training
            after.append(tuple(tf.cast(each, tf.float32) for each in last))
        return tf.concat(outputs, -1), tuple(after)

    def step(self) -> Step:
        """Token (B,), states -> logits (B, V), states. What depends on the weights alone is made here, once."""
        folds = self.folded.folds(training=False)
        weights = [layer.weights_of_steps() for layer in self.recurrent]
        if folds:
            weights[0] = self.folded.table(self.recurrent[0])

        def step(token: tf.Tensor, states: States) -> tuple[tf.Tensor, States]:
            values = token[:, None] if folds else self.folded.embedding(token)
            outputs, after = [], []
            for layer, before, own in zip(self.recurrent, states, weights, strict=True):
                values, last = layer.step(values, before, own)
                outputs.append(values)
                after.append(tuple(last))
            return self.head(tf.concat(outputs, -1)), tuple(after)

        return step


def of(model: keras.Model) -> Writer:
    """The parts of a model that `build` made."""
    numbers = range(1, 1 + sum(layer.name.startswith("carried_") for layer in model.layers))
    inner = [model.get_layer(f"carried_{number}").recurrent for number in numbers]
    return Writer(inner[0], (inner[0].recurrent, *inner[1:]), model.get_layer("logits"))


def portable(
    begin: Callable[[tf.Tensor], tuple[tf.Tensor, Any, Any]], step: Callable[[Any], Step], values: tf.TensorSpec
) -> dict[str, tuple[Callable[..., Any], list[tf.TensorSpec]]]:
    """One row is written by whoever calls: begin with the values, then a step for each token.

    `begin` gives the token (1,) to go on from, what is only looked at and the states, `step` takes the second. Both are
    any trees of tensors, which here have flat names.

    begin   values (1, ...) -> token, memory_1, ..., state_1, ...
    step    the same -> logits (1, V), next_state_1, ...
    """
    begun = tf.function(begin, input_signature=[values], autograph=False).get_concrete_function().structured_outputs
    _, memory, states = begun
    given = _named("memory", memory) | _named("state", states)

    def beginning(values: tf.Tensor) -> dict[str, tf.Tensor]:
        token, memory, states = begin(values)
        return {"token": token, **_named("memory", memory), **_named("state", states)}

    def stepping(token: tf.Tensor, *flat: tf.Tensor) -> dict[str, tf.Tensor]:
        seen = tf.nest.pack_sequence_as(memory, flat[:looked_at])
        logits, after = step(seen)(token, tf.nest.pack_sequence_as(states, flat[looked_at:]))
        return {"logits": logits, **_named("next_state", after)}

    looked_at = len(tf.nest.flatten(memory))
    named = [tf.TensorSpec(each.shape, each.dtype, name=name) for name, each in given.items()]
    return {
        "begin": (beginning, [values]),
        "step": (stepping, [tf.TensorSpec([1], tf.int32, name="token"), *named]),
    }


def _named(name: str, tree: Any) -> dict[str, Any]:
    return {f"{name}_{number}": each for number, each in enumerate(tf.nest.flatten(tree), 1)}
