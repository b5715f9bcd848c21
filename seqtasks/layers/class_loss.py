"""The loss of one class of several."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from seqtasks.codecs import Tensor


@dataclass(frozen=True)
class ClassLoss:
    """Ids (B,), logits (B, C) -> cross-entropy (B,) in nats; a share of the truth is given to all classes alike.

    (Szegedy et al., 2016)
    """

    label_smoothing: float

    def __call__(self, y: Tensor, output: Tensor) -> Tensor:
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(y, output)
        if not self.label_smoothing:
            return nats
        even = -tf.reduce_mean(tf.nn.log_softmax(output), axis=-1)
        return (1 - self.label_smoothing) * nats + self.label_smoothing * even
