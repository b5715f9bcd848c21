"""Bytes of a file, read in the graph: numbers, parts, and the first segment of each kind. Nothing fails at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

MAX_STEPS = 4096  # segments or chunks that are looked at
REST = tf.int64.max  # a size that no file has


class Step(NamedTuple):
    """A segment, chunk or block of a file."""

    kind: tf.Tensor  # string ()
    data: tf.Tensor  # int64 (): where its content begins
    following: tf.Tensor  # int64 (): where the next one begins
    last: tf.Tensor  # bool (): whether no other matters


def part(content: tf.Tensor, place: tf.Tensor | int, size: tf.Tensor | int) -> tf.Tensor:
    """At most `size` bytes from a place on; none behind the end."""
    inside = tf.clip_by_value(tf.cast(place, tf.int64), 0, length_of(content))
    return tf.strings.substr(content, inside, tf.maximum(tf.cast(size, tf.int64), 0))


def octets(content: tf.Tensor, place: tf.Tensor | int, count: int) -> tf.Tensor:
    """The bytes from a place on, int64 (count,). Bytes behind the end are 0."""
    return tf.cast(tf.io.decode_raw(part(content, place, count), tf.uint8, fixed_length=count), tf.int64)


def little(values: tf.Tensor) -> tf.Tensor:
    """Bytes, int64 (N,) -> the number that they are, int64 (), the least significant first."""
    return tf.reduce_sum(values * tf.constant([256**power for power in range(values.shape[0])], tf.int64))


def big(values: tf.Tensor) -> tf.Tensor:
    """Bytes, int64 (N,) -> the number that they are, int64 (), the most significant first."""
    return tf.reduce_sum(values * tf.constant([256**power for power in reversed(range(values.shape[0]))], tf.int64))


def length_of(content: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.strings.length(content), tf.int64)


def first_of_each(
    content: tf.Tensor, start: tf.Tensor | int, step: Callable[[tf.Tensor], Step], kinds: Sequence[bytes], limit: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Where the first of each kind has its content, int64 (K,), -1 for none, and where the steps end, int64 ().

    They end where something is the last, or cut off, or begins behind the limit.
    """
    length = length_of(content)

    def go(place: tf.Tensor, found: tf.Tensor, steps: tf.Tensor, going: tf.Tensor) -> tuple[tf.Tensor, ...]:
        each = step(place)
        found = tf.where((found < 0) & tf.equal(each.kind, kinds), each.data, found)
        going = ~each.last & (each.following <= length)
        return tf.where(going, each.following, place), found, steps + 1, going

    place, found, steps, _ = tf.while_loop(
        lambda place, found, steps, going: going & (place < tf.minimum(length, limit)) & (steps < MAX_STEPS),
        go,
        (tf.cast(start, tf.int64), tf.fill([len(kinds)], tf.constant(-1, tf.int64)), 0, True),
    )
    return found, tf.where(steps < MAX_STEPS, place, length)
