"""One vector of many steps: pooling that respects a mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import ops

MASKED = -1e9  # no state or score is as low: finite, so a row of no steps stays finite
ATTENTION_DIM = 64  # width in which steps are weighed


@keras.saving.register_keras_serializable("seqtasks")
class AttentionPooling(keras.layers.Layer):
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
        weights = ops.softmax(ops.where(kept[:, :, None], scores, ops.full_like(scores, MASKED)), axis=1)
        return ops.sum(weights * states, axis=1)

    def compute_mask(self, *_: Any) -> None:
        """There are no steps any more."""

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}


def pool(name: str, states: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    """States (B, T, U) and a mask (B, T) -> (B, U), or 2 U, over the steps that the mask keeps, by a name of POOLS."""
    return POOLS[name](states, mask)


def _max(states: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    return ops.max(ops.where(mask[:, :, None], states, ops.full_like(states, MASKED)), axis=1)


def _mean(states: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    kept = ops.cast(mask[:, :, None], states.dtype)
    return ops.sum(states * kept, axis=1) / ops.maximum(ops.sum(kept, axis=1), 1.0)


def _mean_and_max(states: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    return ops.concatenate([_mean(states, mask), _max(states, mask)], axis=-1)


def _attention(states: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
    return AttentionPooling(ATTENTION_DIM, name="attention")(states, mask)


POOLS: dict[str, Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]] = {
    "max": _max,
    "mean": _mean,
    "mean+max": _mean_and_max,
    "attention": _attention,
}
