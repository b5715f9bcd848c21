"""Numbers as far from their mean as they are from each other: what is learned of columns, and how it is used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

MIN_DEVIATION = 1e-6  # as a share of the mean: below it a column never changes
NEVER = 1e30  # the deviation of such a column: whatever it is, it is 0
MAX_STANDARDISED = 1e3  # of either sign: what is beyond must not drown the others
TOLERANCE = 1e-4  # by which readers in other languages may differ


def learned(table: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Numbers (N, F), which may be NaN -> mean and deviation of each column."""
    known = np.isfinite(table)
    count = np.maximum(known.sum(axis=0), 1)
    values = np.where(known, table, 0.0).astype(np.float64)
    mean = values.sum(axis=0) / count
    deviation = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count)
    deviation = np.where(deviation > MIN_DEVIATION * np.maximum(np.abs(mean), MIN_DEVIATION), deviation, NEVER)
    return tuple(mean.tolist()), tuple(deviation.tolist())


def standardised(table: tf.Tensor, mean: Sequence[float], deviation: Sequence[float]) -> tf.Tensor:
    """Numbers (..., F) -> the same by mean and deviation, 0 for NaN."""
    found = (table - tf.constant(mean, tf.float32)) / tf.constant(deviation, tf.float32)
    found = tf.where(tf.math.is_finite(found), found, tf.zeros_like(found))
    return tf.clip_by_value(found, -MAX_STANDARDISED, MAX_STANDARDISED)
