"""How a batch of sequences is gone through: in pieces of how many steps, compiled or not, in how many parts.

All of it depends on sizes alone, so that a training repeats itself to the bit, interrupted or not.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

# narrower layers do not repay the compiling, nor the tracing of long pieces; of broader ones the products outweigh the
# rest, and have threads of their own
COMPILED_UNITS = range(64, 256)
SPLIT_UNITS = 96  # compiled, the products are long enough for a core each from this width on
# a forward pass goes step by step, the next one's projection beside this one, from so many units on and as long as the
# recurrent kernel has fewer entries than this; narrower and broader ones are projected a piece at a time
NARROW, BROAD = 96, 2**18
SPACIOUS_UNITS = 512  # from here on shorter pieces are as fast, in float32, and take less memory
# steps of a piece: the first of which a known length is a multiple, or else the first. Longer pieces make larger
# products; but what compiled ones work on is to stay in the cache
SHORT = (8, 10, 7, 9, 6, 5)
MIDDLE = (20, 25, 16, 24, 15, 10)
LONG = (40, 50, 32, 30, 25, 20)
FEW = (1, 2, 3, 5, 10)  # the first that holds a known length which is shorter than all of these
USUAL_ROWS = 32  # batches of this size and of its doubles are usual, and worth the longest compilation
# every other batch is filled up to one of these rows: XLA compiles for each size anew
ROWS = tuple(sorted({16, *(size << double for size in (32, 48) for double in range(15))}))


@dataclass(frozen=True)
class Plan:
    """How a training step goes over a batch."""

    steps: int  # of a piece
    compiled: bool
    parts: int  # of the batch, each in a loop of its own


def plan(recurrent: tf.Tensor, length: int | None) -> Plan:
    """The fastest as measured (`seqtasks bench layers`) for a recurrent kernel (U, P) and a length of sequences."""
    units, wide = recurrent.shape
    short = recurrent.dtype == tf.bfloat16
    compiled = units in COMPILED_UNITS and not short and tf.test.is_built_with_xla()
    narrow = units < COMPILED_UNITS.start
    gated = SHORT if compiled or narrow or (units >= SPACIOUS_UNITS and not short) else MIDDLE
    near = gated if wide > units or narrow else LONG  # without gates little is kept of a step
    parts = min(2, os.cpu_count() or 1) if compiled and units >= SPLIT_UNITS else 1
    return Plan(steps_of(length, near), compiled, parts)


def steps_of(length: int | None, near: tuple[int, ...]) -> int:
    """Steps of a piece: of those named, but few where few are known to come."""
    if length and length < min(near):
        return next((each for each in FEW if each >= length), near[0])
    return next((each for each in near if length and length % each == 0), near[0])


def usual(rows: Any) -> Any:
    """Whether a batch of so many rows, a number or a tensor, has a size that people choose."""
    if isinstance(rows, int):
        return rows >= USUAL_ROWS and rows & (rows - 1) == 0
    return (rows >= USUAL_ROWS) & (tf.bitwise.bitwise_and(rows, rows - 1) == 0)


def rows_of(rows: Any) -> Any:
    """How many rows, a number or a tensor, a batch of so many has when it is compiled."""
    if isinstance(rows, int):
        return next((each for each in ROWS if each >= rows), rows)
    sizes = tf.constant(ROWS, rows.dtype)
    return tf.maximum(rows, tf.reduce_min(tf.where(sizes >= rows, sizes, ROWS[-1])))
