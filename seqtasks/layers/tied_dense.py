"""Logits by the matrix of an embedding."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops


class TiedDense(keras.layers.Layer):
    """Values (..., E) -> logits (..., V): the product with each entry's vector, and a bias (Press and Wolf, 2017)."""

    def __init__(self, embedding: keras.layers.Embedding, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.embedding = embedding

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.bias = self.add_weight(shape=(self.embedding.input_dim,), initializer="zeros", name="bias")

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*shape[:-1], self.embedding.input_dim)

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return ops.matmul(values, ops.transpose(self.embedding.embeddings)) + self.bias
