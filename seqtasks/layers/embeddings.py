"""What is made of ids before they are vectors, and of vectors by where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable("seqtasks")
class TokenDropout(keras.layers.Layer):
    """Ids (B, T) -> the same, each the id `replacement` with probability `rate` in training (Iyyer et al., 2015)."""

    def __init__(self, rate: float, replacement: int, seed: int | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.rate, self.replacement, self.seed = rate, replacement, seed
        self.seeds = keras.random.SeedGenerator(seed)

    def call(self, values: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return values
        dropped = keras.random.uniform(ops.shape(values), seed=self.seeds) < self.rate
        return ops.where(dropped, ops.cast(self.replacement, values.dtype), values)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "replacement": self.replacement, "seed": self.seed}


@keras.saving.register_keras_serializable("seqtasks")
class BigramIds(keras.layers.Layer):
    """Ids (B, T) below `entries` -> for each and the next one the number of their pair, from 1; 0 if it is unknown.

    A pair (a, b) has the key a * entries + b; the known keys are given in ascending order. The search is written out in
    operations that every export format has.
    """

    def __init__(self, keys: Sequence[int], entries: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.keys, self.entries = tuple(keys), entries

    def call(self, values: tf.Tensor) -> tf.Tensor:
        keys = tf.constant((-1, *self.keys), tf.int64)
        following = tf.pad(values, [[0, 0], [0, 1]])[:, 1:]
        pairs = tf.cast(values, tf.int64) * self.entries + tf.cast(following, tf.int64)
        place = tf.zeros_like(values)
        for bit in reversed(range(len(self.keys).bit_length())):  # the last key that is not above the pair's
            further = place + (1 << bit)
            inside = tf.minimum(further, len(self.keys))
            place = tf.where((further <= len(self.keys)) & (tf.gather(keys, inside) <= pairs), further, place)
        return tf.where(tf.equal(tf.gather(keys, place), pairs), place, 0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "keys": list(self.keys), "entries": self.entries}


@keras.saving.register_keras_serializable("seqtasks")
class PositionEmbedding(keras.layers.Layer):
    """Values (B, T, E) -> the same plus a vector learned for each place; all places from `length` on share the last."""

    def __init__(self, length: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.length = length

    def build(self, values: tuple[int | None, ...]) -> None:
        start = keras.initializers.RandomUniform(-0.05, 0.05)  # here: it takes its seed where it is made
        self.places = self.add_weight(shape=(self.length, values[-1]), initializer=start, name="places")

    def call(self, values: tf.Tensor) -> tf.Tensor:
        place = tf.minimum(tf.range(tf.shape(values)[1]), self.length - 1)
        return values + tf.gather(tf.convert_to_tensor(self.places), place)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "length": self.length}
