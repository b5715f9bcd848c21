"""A sequence as a decoder attends to it: its steps, read in both directions, and both directions' last states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from seqtasks.layers import stack
from seqtasks.setting import Setting, Settings

PREFIX = "encoder_"  # of the settings that are its own, and of its layers' names
OWN = ("cell", "num_layers", "units", "dropout")  # the others are the decoder's too
SETTINGS: Settings = {
    f"{PREFIX}{name}": Setting(each.default, f"of what reads the input: {each.help}", each.check)
    for name, each in stack.SETTINGS.items()
    if name in OWN
}


def read(
    vectors: keras.KerasTensor, mask: keras.KerasTensor, settings: Mapping[str, Any]
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Vectors (B, S, E), mask (B, S) -> states of both directions (B, S, 2 U), and the last of each (B, 2 U)."""
    own = {name: settings[f"{PREFIX}{name}"] for name in OWN}
    states = stack.stack(vectors, mask, {**settings, **own, "bidirectional": True}, sequences=True, prefix=PREFIX)
    return states, LastStates(name=f"{PREFIX}last_states")(states, mask)


@keras.saving.register_keras_serializable("seqtasks")
class LastStates(keras.layers.Layer):
    """States of both directions (B, S, 2 U), mask (B, S) -> that at a row's end and that at its beginning, (B, 2 U)."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.supports_masking = True

    def call(self, states: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
        forward, backward = tf.split(states, 2, axis=-1)
        there = tf.cast(kept, states.dtype)
        ends = there - tf.pad(there[:, 1:], [[0, 0], [0, 1]])
        return tf.concat([tf.reduce_sum(forward * ends[:, :, None], axis=1), backward[:, 0]], axis=-1)

    def compute_mask(self, *_: Any) -> None:
        """There are no steps any more."""

    def compute_output_shape(self, states_shape: Any, kept_shape: Any) -> Any:
        return states_shape[0], states_shape[2]
