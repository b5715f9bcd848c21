"""The gradients of a plain training step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


def plain_gradients(
    model: keras.Model, loss: Callable[..., tf.Tensor], x: Any, y: Any
) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
    """Output, losses and the gradients of their mean for all trainable variables."""
    with tf.GradientTape() as tape:
        output = model(x, training=True)
        losses = loss(y, output)
        mean = tf.reduce_mean(losses)
    gradients = tape.gradient(mean, model.trainable_variables)
    return output, losses, [tf.convert_to_tensor(each) for each in gradients]


def signature_of(batch: Any) -> Any:
    """The specification of batches with any number of rows and steps; of ids, any number of anything."""
    return tf.nest.map_structure(_any_size, batch)


def _any_size(tensor: tf.Tensor) -> tf.TensorSpec:
    kept = [] if tensor.dtype == tf.int32 else tensor.shape[2:]
    return tf.TensorSpec([None] * (tensor.shape.rank - len(kept)) + list(kept), tensor.dtype)
