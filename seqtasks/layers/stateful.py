"""A recurrent layer whose next batch continues where the last one ended."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class Stateful(keras.layers.Layer):
    """Values (B, T, ...) and bool (B,), whose states are reset -> outputs (B, T, U); the last states are kept.

    They are each row's initial ones in the next call, with no gradient through them. Keras's `stateful` without a fixed
    batch: at most `rows` of them. The recurrent layer gives its outputs and states.
    """

    def __init__(self, recurrent: keras.layers.Layer, rows: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.recurrent, self.rows = recurrent, rows

    def build(self, shape: tuple[int | None, ...], *_: Any) -> None:
        self.recurrent.build(shape)
        _, *states = self.recurrent.compute_output_shape(shape)
        self.states = [
            self.add_weight(shape=(self.rows, state[-1]), initializer="zeros", trainable=False, name=f"state_{number}")
            for number, state in enumerate(states)
        ]

    def compute_output_shape(self, shape: tuple[int | None, ...], *_: Any) -> Any:
        return self.recurrent.compute_output_shape(shape)[0]

    def call(self, values: tf.Tensor, reset_states: tf.Tensor, training: bool = False) -> tf.Tensor:
        rows = tf.shape(values)[0]
        first = [tf.where(reset_states[:, None], 0.0, tf.convert_to_tensor(state)[:rows]) for state in self.states]
        outputs, *last = self.recurrent(values, initial_state=first, training=training)
        for state, new in zip(self.states, last, strict=True):
            state.assign(tf.concat([tf.cast(new, tf.float32), tf.convert_to_tensor(state)[rows:]], 0))
        return outputs
