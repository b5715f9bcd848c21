"""A decoder that carries its states: an embedding, recurrent layers and a head, used in three ways.

Read whole under teacher forcing (the model that is trained), read to the end of a prompt, or asked for one token after
the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from seqtasks.decoding import Step
from seqtasks.errors import UsageError
from seqtasks.layers import stack
from seqtasks.layers.tied_dense import TiedDense
from seqtasks.setting import Setting, Settings, at_least, share

SETTINGS: Settings = {
    **{name: setting for name, setting in stack.SETTINGS.items() if name != "bidirectional"},
    "embedding_dim": Setting(128, "width of a token's vector", at_least(1)),
    "embedding_dropout": Setting(0.0, "of whole features of the tokens' vectors", share),
    "output_dropout": Setting(0.0, "of whole features before the logits", share),
    "tie_embeddings": Setting(False, "whether the embedding's matrix makes the logits (Press and Wolf, 2017)"),
}

States = tuple[tuple[tf.Tensor, ...], ...]  # of each layer, (B, U) each
Named = dict[str, tf.Tensor]


def check(settings: Mapping[str, Any]) -> None:
    """Raises UsageError for settings that do not go together."""
    width, units = settings["embedding_dim"], settings["units"]
    if settings["tie_embeddings"] and width != units:
        raise UsageError(f"a tied embedding is as wide as the layer: embedding_dim is {width}, units are {units}")


def build(
    ids: keras.KerasTensor, reset_states: keras.KerasTensor, choices: int, settings: Mapping[str, Any]
) -> keras.KerasTensor:
    """Ids (B, T) below `choices` V, and the rows whose states are reset, bool (B,) -> logits (B, T, V).

    States are carried from batch to batch.
    """
    initializer = keras.initializers.RandomUniform(-0.05, 0.05)
    embedding = keras.layers.Embedding(choices, settings["embedding_dim"], initializer, name="embedding")
    states = stack.stateful_stack(ids, reset_states, settings, embedding=embedding)
    last = states[-1] if len(states) == 1 else ops.concatenate(states, axis=-1)
    last = keras.layers.SpatialDropout1D(settings["output_dropout"], name="output_dropout")(last)
    tied = settings["tie_embeddings"]
    head = TiedDense(embedding, name="logits") if tied else keras.layers.Dense(choices, name="logits")
    return head(last)


@dataclass(frozen=True)
class DecoderParts:
    """A trained model's parts, for inference: `parts_of(model)`."""

    fused: Any  # embedding and first layer
    recurrent: tuple[Any, ...]  # all layers, from the first
    head: Any

    def initial_state(self, rows: tf.Tensor) -> States:
        """The states of so many rows that have read nothing."""
        return tuple(tuple(tf.zeros([rows, units]) for units in layer.state_size) for layer in self.recurrent)

    def prefill(self, ids: tf.Tensor, mask: tf.Tensor, states: States) -> tuple[tf.Tensor, States]:
        """Ids (B, T), mask (B, T), states -> what the head takes, (B, T, ...), and the states at each row's own end."""
        values, outputs, after = ids, [], []
        for layer, initial in zip((self.fused, *self.recurrent[1:]), states, strict=True):
            values, *last = layer(values, mask=mask, initial_state=list(initial), training=False)
            outputs.append(tf.cast(values, tf.float32))  # a layer may be in bfloat16 while it is in training
            after.append(tuple(tf.cast(each, tf.float32) for each in last))
        return tf.concat(outputs, -1), tuple(after)

    def step(self) -> Step:
        """Token (B,), states -> logits (B, V), states. What depends on the weights alone is made here, once."""
        fuse = self.fused.can_fuse(training=False)
        weights = [layer.weights_of_steps() for layer in self.recurrent]
        if fuse:
            weights[0] = self.fused.table(self.recurrent[0])

        def step(token: tf.Tensor, states: States) -> tuple[tf.Tensor, States]:
            values = token[:, None] if fuse else self.fused.embedding(token)
            outputs, after = [], []
            for layer, before, own in zip(self.recurrent, states, weights, strict=True):
                values, last = layer.step(values, before, own)
                outputs.append(values)
                after.append(tuple(last))
            return self.head(tf.concat(outputs, -1)), tuple(after)

        return step


def parts_of(model: keras.Model) -> DecoderParts:
    """The parts of a model that `build` made."""
    numbers = range(1, 1 + sum(layer.name.startswith("stateful_") for layer in model.layers))
    inner = [model.get_layer(f"stateful_{number}").recurrent for number in numbers]
    return DecoderParts(inner[0], (inner[0].recurrent, *inner[1:]), model.get_layer("logits"))


def flat(token: tf.Tensor, states: States, more: Mapping[str, tf.Tensor]) -> Named:
    """The last token (B,), the layers' states and what else is carried, by name: a form that every caller can hold."""
    named = {
        f"layer_{number}_{part}": state
        for number, own in enumerate(states, 1)
        for part, state in zip("hc", own, strict=False)
    }
    return {"token": token, **named, **more}


def layers_of(states: Mapping[str, tf.Tensor]) -> States:
    """The opposite of `flat`, for the layers."""
    count = len({name.split("_")[1] for name in states if name.startswith("layer_")})
    parts = ([f"layer_{number}_{part}" for part in "hc"] for number in range(1, count + 1))
    return tuple(tuple(states[name] for name in names if name in states) for names in parts)


def any_rows(states: Mapping[str, tf.Tensor]) -> dict[str, tf.TensorSpec]:
    """The specification of flat states of any number of rows."""
    return {
        name: tf.TensorSpec([None, *state.shape[1:]] if state.shape.rank else [], state.dtype, name=name)
        for name, state in states.items()
    }


def portable(
    prefill: Callable[[tf.Tensor], tuple[tf.Tensor, Any, Any]], step: Callable[[Any], Step], values: tf.TensorSpec
) -> dict[str, tuple[Callable[..., Any], list[tf.TensorSpec]]]:
    """Functions and signatures by which a caller with a loop of its own writes one row.

    `prefill` gives the token (1,) to begin with, what is only attended to and the states; `step` takes the second. Both
    are any trees of tensors, which here have flat names.

    prefill  values (1, ...) -> token, memory_1, ..., state_1, ...
    step     the same -> logits (1, V), next_state_1, ...
    """
    traced = tf.function(prefill, input_signature=[values], autograph=False)
    _, memory, states = traced.get_concrete_function().structured_outputs
    given = _numbered("memory", memory) | _numbered("state", states)
    attended = len(tf.nest.flatten(memory))

    def prefilled(values: tf.Tensor) -> Named:
        token, memory, states = prefill(values)
        return {"token": token, **_numbered("memory", memory), **_numbered("state", states)}

    def stepped(token: tf.Tensor, *tensors: tf.Tensor) -> Named:
        seen = tf.nest.pack_sequence_as(memory, tensors[:attended])
        logits, after = step(seen)(token, tf.nest.pack_sequence_as(states, tensors[attended:]))
        return {"logits": logits, **_numbered("next_state", after)}

    named = [tf.TensorSpec(each.shape, each.dtype, name=name) for name, each in given.items()]
    return {
        "prefill": (prefilled, [values]),
        "step": (stepped, [tf.TensorSpec([1], tf.int32, name="token"), *named]),
    }


def _numbered(name: str, tree: Any) -> dict[str, Any]:
    return {f"{name}_{number}": each for number, each in enumerate(tf.nest.flatten(tree), 1)}
