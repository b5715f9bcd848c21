"""What belongs to a row and what is padding: masks from lengths, and pooling that respects them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from seqtasks.errors import unknown

LEAST = -1e9  # no state or score is as low: finite, so a row of no steps stays finite
ATTENTION = 64  # width in which steps are weighed


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
class Position(keras.layers.Layer):
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


@keras.saving.register_keras_serializable("seqtasks")
class Attention(keras.layers.Layer):
    """States (B, T, U), which are kept (B, T) -> their mean (B, U), each weighed by itself (Lin et al., 2017).

    The weight is softmax over t of v . tanh(W h_t).
    """

    def __init__(self, width: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.width = width
        self.supports_masking = True

    def build(self, states_shape: tuple[int | None, ...], kept_shape: tuple[int | None, ...]) -> None:
        self.kernel = self.add_weight(shape=(states_shape[-1], self.width), name="kernel")
        self.direction = self.add_weight(shape=(self.width, 1), name="direction")

    def call(self, states: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
        scores = ops.matmul(ops.tanh(ops.matmul(states, self.kernel)), self.direction)  # (B, T, 1)
        weights = ops.softmax(ops.where(kept[:, :, None], scores, ops.full_like(scores, LEAST)), axis=1)
        return ops.sum(weights * states, axis=1)

    def compute_mask(self, *_: Any) -> None:
        """There are no steps any more."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


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
    return ops.max(ops.where(mask[:, :, None], states, ops.full_like(states, LEAST)), axis=1)


def _mean(states: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    kept = ops.cast(mask[:, :, None], states.dtype)
    return ops.sum(states * kept, axis=1) / ops.maximum(ops.sum(kept, axis=1), 1.0)


def _attention(states: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    return Attention(ATTENTION, name="attention")(states, mask)


POOLS: dict[str, Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]] = {
    "max": _max,
    "mean": _mean,
    "attention": _attention,
}
