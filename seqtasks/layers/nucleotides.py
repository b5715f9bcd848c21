"""Bases as sets of four bits (codecs.nucleotides): the other strand, frequencies, k-mers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

BITS = (np.arange(16)[:, None] >> np.arange(4)) & 1  # whether a set holds A, C, G, T, (16, 4)


@keras.saving.register_keras_serializable("seqtasks")
class ReverseComplement(keras.layers.Layer):
    """Bases (B, T) and lengths (B,) -> those of each row and, behind all rows, of its reverse complement."""

    def call(self, values: tf.Tensor, lengths: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        complement = tf.constant((BITS[:, ::-1] << np.arange(4)).sum(axis=1), tf.int32)
        other = tf.gather(complement, tf.cast(values, tf.int32))
        other = tf.reverse_sequence(other, lengths, seq_axis=1)  # of int32, as LiteRT reverses no uint8
        return tf.concat([values, tf.cast(other, values.dtype)], axis=0), tf.concat([lengths, lengths], axis=0)


@keras.saving.register_keras_serializable("seqtasks")
class BaseFrequencies(keras.layers.Layer):
    """Bases (B, T) -> the share of each of the four, float32 (B, T, 4); none behind a row's end."""

    def call(self, values: tf.Tensor) -> tf.Tensor:
        shares = BITS / np.maximum(BITS.sum(axis=1, keepdims=True), 1)
        return tf.gather(tf.constant(shares, tf.float32), tf.cast(values, tf.int32))


@keras.saving.register_keras_serializable("seqtasks")
class Kmers(keras.layers.Layer):
    """Bases (B, T) -> the number of the k-mer that begins at each, from 1 to 4^k; 0 where a base of it is not known."""

    def __init__(self, length: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.length = length

    def call(self, values: tf.Tensor) -> tf.Tensor:
        digits = np.where(BITS.sum(axis=1) == 1, BITS.argmax(axis=1), -(4**self.length))
        places = tf.gather(tf.constant(digits, tf.int32), tf.cast(values, tf.int32))
        padded = tf.pad(places, [[0, 0], [0, self.length - 1]], constant_values=-(4**self.length))
        steps = tf.shape(values)[1]
        kmers = tf.add_n([4**place * padded[:, place : place + steps] for place in range(self.length)])
        return ops.maximum(kmers + 1, 0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "length": self.length}
