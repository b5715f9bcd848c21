"""How a token is chosen by its logits."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

Choose = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]  # logits (B, V), number of the token written -> token (B, ...)


def greedy(logits: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """The most probable token, int32 (B,); of equals the first."""
    return tf.argmax(logits, axis=1, output_type=tf.int32)


def sampler(
    draws: tf.Tensor,
    *,
    temperature: tf.Tensor | float = 1.0,
    top_k: tf.Tensor | int = 0,
    top_p: tf.Tensor | float = 1.0,
) -> Choose:
    """Samples by `draws` (B, L) in [0, 1), one for each token that is written.

    temperature: what logits are divided by; 0 is greedy. top_k: only so many of the most probable tokens, 0 for all
    (Fan et al., 2018). top_p: of these only the fewest that have this probability together (Holtzman et al., 2020).
    Tokens as probable as the last one of a choice belong to it.
    """
    temperature, top_p = (tf.convert_to_tensor(each, tf.float32) for each in (temperature, top_p))
    top_k = tf.convert_to_tensor(top_k, tf.int32)

    def sampled(logits: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
        logits = logits / temperature
        logits = tf.cond((top_k > 0) | ~(top_p >= 1), lambda: _truncated(logits, top_k, top_p), lambda: logits)
        cumulative = tf.cumsum(tf.nn.softmax(logits), axis=1)
        total = cumulative[:, -1:]
        last = tf.reduce_sum(tf.cast(cumulative < total, tf.int32), 1)  # behind it nothing has a probability
        below = tf.reduce_sum(tf.cast(cumulative <= draw[:, None] * total, tf.int32), 1)
        return tf.minimum(below, last)

    def choose(logits: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        logits = tf.cast(logits, tf.float32)
        return tf.cond(temperature > 0, lambda: sampled(logits, draws[:, number]), lambda: greedy(logits, number))

    return choose


def _truncated(logits: tf.Tensor, top_k: tf.Tensor, top_p: tf.Tensor) -> tf.Tensor:
    """The logits (B, V) of the tokens that may be chosen, -inf for all others."""
    ranked = tf.sort(logits, axis=1, direction="DESCENDING")
    size = tf.shape(logits)[1]
    count = tf.where(top_k > 0, tf.minimum(top_k, size), size)
    ranked = tf.where(tf.range(size) < count, ranked, -float("inf"))
    before = tf.cumsum(tf.nn.softmax(ranked), axis=1, exclusive=True)
    chosen = (before < top_p) | (tf.range(size) == 0)  # the most probable in any case, whatever top_p is
    smallest = tf.reduce_min(tf.where(chosen & tf.math.is_finite(ranked), ranked, float("inf")), 1)
    return tf.where(logits >= smallest[:, None], logits, -float("inf"))
