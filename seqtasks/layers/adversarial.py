"""Adversarial training: a second step with vectors moved the way that harms most (Miyato et al., 2017)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

LAYER = "perturbation"  # the name of the layer in a model


@keras.saving.register_keras_serializable("seqtasks")
class AdversarialPerturbation(keras.layers.Layer):
    """Values as they come, or moved by `delta`, which is set while an adversarial step is traced."""

    delta: tf.Tensor | None = None
    input: tf.Tensor | None = None

    def call(self, values: tf.Tensor) -> tf.Tensor:
        self.input = tf.identity(values)
        return self.input if self.delta is None else self.input + self.delta


@dataclasses.dataclass(frozen=True)
class AdversarialGradients:
    """Gradients of the loss, and of the loss after each row's vectors were moved by epsilon (L2 norm), added."""

    epsilon: float

    def __call__(
        self, model: keras.Model, loss: Callable[..., tf.Tensor], x: Any, y: Any
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """Output, losses and gradients of all trainable variables, as the training takes them."""
        variables, moved = model.trainable_variables, model.get_layer(LAYER)
        with tf.GradientTape() as tape:
            output = model(x, training=True)
            losses = loss(y, output)
            mean = tf.reduce_mean(losses)
        *gradients, harm = tape.gradient(mean, [*variables, moved.input])
        norm = tf.sqrt(tf.reduce_sum(harm * harm, axis=range(1, harm.shape.rank), keepdims=True))
        moved.delta = tf.math.divide_no_nan(harm * self.epsilon, norm)
        with tf.GradientTape() as tape:
            harmed = tf.reduce_mean(loss(y, model(x, training=True)))
        moved.delta = None
        return output, losses, [_sum(each) for each in zip(gradients, tape.gradient(harmed, variables), strict=True)]


def _sum(gradients: Sequence[Any]) -> tf.Tensor:
    """Dense, of a variable's gradients, which may be of a table's rows only."""
    if not isinstance(gradients[0], tf.IndexedSlices):
        return tf.add_n(gradients)
    values = tf.concat([each.values for each in gradients], 0)
    indices = tf.concat([each.indices for each in gradients], 0)
    return tf.convert_to_tensor(tf.IndexedSlices(values, indices, gradients[0].dense_shape))
