"""What belongs to a row and what is padding: masks from lengths, and pooling that respects them."""

from __future__ import annotations

from collections.abc import Callable
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
