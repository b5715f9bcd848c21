"""F1 of entities while a model is trained, from tags."""

from __future__ import annotations

import keras
import tensorflow as tf

from seqtasks.decoding import entities


class EntityF1(keras.metrics.Metric):
    """Of tags (B, T), -1 behind a row's end, and those that were found: F1 of entities, type and both borders right."""

    def __init__(self) -> None:
        super().__init__(name="f1")
        self.counts = self.add_variable(shape=(3,), initializer="zeros", name="counts")  # in both, in truth, found

    def update_state(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: None = None) -> None:
        real = y_true >= 0
        outside = [[0, 0], [0, 1]]  # a step between two rows
        truth, found = (tf.reshape(tf.pad(tf.where(real, each, 0), outside), [-1]) for each in (y_true, y_pred))
        truth, found = (entities.repaired(each, tf.zeros_like(each, tf.bool)) for each in (truth, found))
        begun = [tf.reduce_sum(tf.cast(each % 2 == 1, tf.int32)) for each in (truth, found)]
        counts = tf.stack([entities.matches(truth, found), *begun])
        self.counts.assign_add(tf.cast(counts, tf.float32))

    def result(self) -> tf.Tensor:
        return 2 * self.counts[0] / tf.maximum(self.counts[1] + self.counts[2], 1.0)
