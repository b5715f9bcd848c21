"""Which steps belong to a row and which are padding."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("seqtasks")
class LengthMask(keras.layers.Layer):
    """Values (B, T, ...) and lengths (B,) -> bool (B, T), true where a step belongs to its row."""

    def call(self, values: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        return tf.sequence_mask(lengths, tf.shape(values)[1])


@keras.saving.register_keras_serializable("seqtasks")
class MaskPadding(keras.layers.Layer):
    """Values (B, T, E) and a mask (B, T) -> the values, 0 where the mask is not: as beyond the end of the batch."""

    def call(self, values: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
        return values * tf.cast(kept, values.dtype)[:, :, None]
