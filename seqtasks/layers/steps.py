"""What belongs to a row and what is padding: masks from lengths, and pooling that respects them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from seqtasks.errors import unknown


@keras.saving.register_keras_serializable("seqtasks")
class Mask(keras.layers.Layer):
    """Values (B, T, ...) and lengths (B,) -> bool (B, T), true where a step belongs to its row."""

    def call(self, values: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        return tf.sequence_mask(lengths, tf.shape(values)[1])


@keras.saving.register_keras_serializable("seqtasks")
class DropSteps(keras.layers.Layer):
    """Ids (B, T) -> the same, each the id `other` with probability `rate` in training (Iyyer et al., 2015)."""

    def __init__(self, rate: float, other: int, seed: int | None = None, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.rate, self.other, self.seed = rate, other, seed
        self.seeds = keras.random.SeedGenerator(seed)

    def call(self, values: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training:
            return values
        dropped = keras.random.uniform(ops.shape(values), seed=self.seeds) < self.rate
        return ops.where(dropped, ops.cast(self.other, values.dtype), values)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "other": self.other, "seed": self.seed}


@keras.saving.register_keras_serializable("seqtasks")
class Pairs(keras.layers.Layer):
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
class Nudge(keras.layers.Layer):
    """Values as they come, or moved by `by`, which the training sets while it traces an adversarial step."""

    by: tf.Tensor | None = None
    seen: tf.Tensor | None = None

    def call(self, values: tf.Tensor) -> tf.Tensor:
        self.seen = tf.identity(values)
        return self.seen if self.by is None else self.seen + self.by


def pool(name: str, states: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    """States (B, T, U) and a mask (B, T) -> (B, U) over the steps that the mask keeps; raises UsageError."""
    if name not in POOLS:
        raise unknown("pool", name, POOLS)
    return POOLS[name](states, mask)


def _max(states: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    least = ops.full_like(states, -1e9)  # no state is as low: finite, so a row of no steps stays finite
    return ops.max(ops.where(mask[:, :, None], states, least), axis=1)


def _mean(states: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    kept = ops.cast(mask[:, :, None], states.dtype)
    return ops.sum(states * kept, axis=1) / ops.maximum(ops.sum(kept, axis=1), 1.0)


POOLS: dict[str, Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]] = {"max": _max, "mean": _mean}
