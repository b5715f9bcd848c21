"""The loss of sequences that several decoders predict, and what their accuracy is measured by."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from seqtasks.codecs import Tensor
from seqtasks.codecs.vocabulary import PAD_ID


@dataclass(frozen=True)
class SequenceLoss:
    """Ids (B, K, T), (logits (B, K, T, D, V), attention (B, K, T, R)) -> cross-entropy (B, K, T) in nats.

    Its mean is that of a word and of the decoders. Added are the label smoothing, and how far each region's attention
    in a sentence is from 1.
    """

    label_smoothing: float
    attention_coverage_weight: float

    def __call__(self, y: Tensor, output: tuple[Tensor, Tensor]) -> Tensor:
        logits, attention = output
        words = tf.cast(y != PAD_ID, tf.float32)
        wanted = tf.repeat(y[..., None], tf.shape(logits)[3], axis=3)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, logits)
        if self.label_smoothing:
            even = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)
            nats = (1 - self.label_smoothing) * nats + self.label_smoothing * even
        nats = tf.reduce_mean(nats, axis=3)
        if self.attention_coverage_weight:
            attended = tf.reduce_sum(attention * words[..., None], axis=2)  # (B, K, R)
            missed = tf.reduce_mean(tf.square(1 - attended), axis=-1)
            nats += self.attention_coverage_weight * missed[..., None]
        return nats * words * tf.cast(tf.size(y), tf.float32) / tf.maximum(tf.reduce_sum(words), 1.0)


def metric_inputs(y: Tensor, output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Ids (N,) and logits (N, V) of the words."""
    words = y != PAD_ID
    return tf.boolean_mask(y, words), tf.reduce_mean(tf.boolean_mask(output[0], words), axis=1)
