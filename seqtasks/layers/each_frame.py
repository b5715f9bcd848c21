"""A network of pictures, for each frame of a film."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops


@keras.saving.register_keras_serializable("seqtasks")
class EachFrame(keras.layers.Layer):
    """Films (B, T, H, W, C) -> what a model of pictures (B, H, W, C) -> (B, E) makes of each frame, (B, T, E)."""

    def __init__(self, model: keras.Model, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.model = model

    def call(self, films: tf.Tensor) -> tf.Tensor:
        found = self.model(ops.reshape(films, (-1, *films.shape[2:])))
        return ops.reshape(found, (-1, ops.shape(films)[1], found.shape[-1]))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*shape[:2], self.model.output_shape[-1])
