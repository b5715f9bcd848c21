"""From tags to entities. Tags are ids: 0 outside, 2 t - 1 where one of type t = 1, 2, ... begins, 2 t inside it."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Entities(NamedTuple):
    """M entities, in order."""

    first: tf.Tensor  # int32 (M,), places of their first pieces
    last: tf.Tensor  # int32 (M,), of their last ones
    types: tf.Tensor  # int32 (M,), from 0
    probabilities: tf.Tensor  # (M,), that there is exactly this entity


def types_of(tags: tf.Tensor) -> tf.Tensor:
    """The number of a tag's type, from 1; 0 outside."""
    return (tf.maximum(tags, 0) + 1) // 2


def is_inside(tags: tf.Tensor) -> tf.Tensor:
    return (tags > 0) & (tags % 2 == 0)


def repaired(tags: tf.Tensor, begins: tf.Tensor) -> tf.Tensor:
    """Tags (P,) of texts, end to end, where an entity that goes on from nothing begins there, as conlleval reads it.

    `begins`, bool (P,), is true where a text begins.
    """
    before = tf.where(begins, 0, tf.pad(types_of(tags), [[1, 0]])[:-1])
    return tf.where(is_inside(tags) & (before != types_of(tags)), tags - 1, tags)


def entities(tags: tf.Tensor, parts: tf.Tensor) -> Entities:
    """Repaired tags (P,) and the parts (P,) of the logarithms of their probabilities -> the entities."""
    starts = tags % 2 == 1
    first = tf.cast(tf.where(starts)[:, 0], tf.int32)
    number, count = tf.cumsum(tf.cast(starts, tf.int32)) - 1, tf.size(first)
    outside = tags == 0  # such places are given to no entity
    place = tf.range(tf.size(tags))
    owner = tf.where(outside, -1, number)
    last = tf.math.unsorted_segment_max(place, owner, count)
    logarithms = tf.math.unsorted_segment_sum(parts, owner, count)
    return Entities(first, last, types_of(tf.gather(tags, first)) - 1, tf.exp(tf.minimum(logarithms, 0.0)))


def matches(truth: tf.Tensor, found: tf.Tensor) -> tf.Tensor:
    """Repaired tags (P,) of texts with an O between them -> how many entities are in both: type, both borders."""
    inner = is_inside(truth)
    segment = tf.cumsum(tf.cast(~inner, tf.int32))
    further = tf.where(~inner & is_inside(found), segment - 1, -1)  # found to go on behind the end of the one before
    size = tf.size(truth) + 1
    wrong = tf.math.unsorted_segment_sum(tf.cast(truth != found, tf.int32), segment, size)
    wrong += tf.math.unsorted_segment_sum(tf.ones_like(further), further, size)
    return tf.reduce_sum(tf.cast((truth % 2 == 1) & (tf.gather(wrong, segment) == 0), tf.int32))
