"""Sequences of any length in windows that overlap, joined in the middle of what they share, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

Function = Callable[[tf.Tensor, tf.Tensor], Sequence[tf.Tensor]]
"""Places (G, W) in the flat sequences and the lengths (G,) of windows -> tensors (G, W)."""


def windowed(
    function: Function, lengths: tf.Tensor, dtypes: Sequence[tf.DType], *, window: int, overlap: int, batch_size: int
) -> list[tf.Tensor]:
    """What a function gives for sequences of these lengths (B,), each at least 1, end to end: tensors (P,).

    A sequence that is not longer than a window is read as it is. At most `batch_size` windows are read at once.
    """
    lengths = tf.cast(lengths, tf.int32)
    stride = window - overlap
    counts = 1 + tf.maximum(lengths - overlap - 1, 0) // stride
    before = tf.repeat(tf.cumsum(lengths, exclusive=True), counts)
    number = tf.range(tf.reduce_sum(counts)) - tf.repeat(tf.cumsum(counts, exclusive=True), counts)
    whole = tf.repeat(lengths, counts)
    start = tf.minimum(number * stride, tf.maximum(whole - window, 0))
    size = tf.minimum(whole, window)
    # a window counts from the middle of what it shares with the one before to that of what it shares with the next
    is_last = number == tf.repeat(counts, counts) - 1
    middle = (start[1:] + start[:-1] + window) // 2
    low = tf.where(number == 0, 0, tf.pad(middle, [[1, 0]])) - start
    high = tf.where(is_last, whole, tf.pad(middle, [[0, 1]])) - start

    def body(first: tf.Tensor, *arrays: tf.TensorArray) -> Any:
        chosen = slice(first, first + batch_size)
        steps = tf.range(tf.reduce_max(size[chosen]))[None]
        last = (size[chosen] - 1)[:, None]
        places = (before[chosen] + start[chosen])[:, None] + tf.minimum(steps, last)
        kept = (steps >= low[chosen][:, None]) & (steps < high[chosen][:, None])
        given = function(places, size[chosen])
        flat = [tf.boolean_mask(each, kept) for each in given]
        number = first // batch_size
        written = (array.write(number, each) for array, each in zip(arrays, flat, strict=True))
        return first + batch_size, *written

    total = tf.size(size)
    groups = (total + batch_size - 1) // batch_size
    arrays = [tf.TensorArray(dtype, groups, infer_shape=False, element_shape=[None]) for dtype in dtypes]
    found = tf.while_loop(lambda first, *_: first < total, body, (0, *arrays), parallel_iterations=1)
    return [tf.reshape(array.concat(), [-1]) for array in found[1:]]
