"""Skeletons in motion, read in the graph: a table with a line a frame of x, y and z of each joint, y upwards.

Or, as MSR-Action3D has them, a line a joint of x, y, z and a confidence, 20 lines a frame. A frame that cannot be read,
or in which every joint is in the origin, is on the line between the frames around it.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from seqtasks.codecs import number_table
from seqtasks.codecs.number_table import BYTES_PER_NUMBER

AXES = 3
MSR_JOINTS, MSR_CELLS = 20, 4  # of a frame, and of a line, of MSR-Action3D's files
MAX_RATIO = 30  # of a recording's size to that of those learned: metres and feet are alike, metres and millimetres not


def positions(content: tf.Tensor, joints: int, most: int) -> tf.Tensor:
    """A table, a scalar string -> places of its first frames, float32 (T, 3 J), NaN where they cannot be read."""
    width = AXES * joints
    found = number_table.cells(content, most * width * BYTES_PER_NUMBER)
    found = found[tf.cast(number_table.has_header(found), tf.int32) :]
    each_joint = tf.reduce_all(found.row_lengths() == MSR_CELLS)

    def of_joints() -> tf.Tensor:
        lines = number_table.of_width(found[: most * MSR_JOINTS], MSR_CELLS)[:, :AXES]
        frames = tf.reshape(lines[: tf.shape(lines)[0] // MSR_JOINTS * MSR_JOINTS], [-1, MSR_JOINTS * AXES])
        return frames if joints == MSR_JOINTS else tf.fill([tf.shape(frames)[0], width], np.nan)

    def of_frames() -> tf.Tensor:
        return number_table.of_width(found[:most], width)

    frames = tf.cond(each_joint, of_joints, of_frames)
    dead = tf.reduce_all(frames == 0, axis=1) | tf.reduce_any(tf.math.is_nan(frames), axis=1)
    return tf.ensure_shape(tf.where(dead[:, None], tf.constant(np.nan, tf.float32), frames), [None, width])


def size(frames: np.ndarray) -> float:
    """Of places (T, 3 J): the root of the mean square of their distance from the frame's centre, axis by axis."""
    places = frames[np.isfinite(frames).all(axis=1)].reshape(-1, frames.shape[1] // AXES, AXES).astype(np.float64)
    return float(np.sqrt(np.mean((places - places.mean(axis=1, keepdims=True)) ** 2))) if len(places) else 0.0


def fault(content: bytes, joints: int, learned_size: float) -> str | None:
    """Why a file's bytes are no recording of such skeletons, in words; None if they are."""
    width = AXES * joints
    found = number_table.cells(tf.constant(content), len(content) + 1)
    found = found[int(number_table.has_header(found)) :]
    lengths = found.row_lengths().numpy()
    if not lengths.size:
        return f"a table without a frame; give a line of {width} numbers for each"
    if (lengths == MSR_CELLS).all():
        width, what = MSR_CELLS, f"numbers of a joint, of {joints} joints a frame"
        if joints != MSR_JOINTS:
            return f"of {MSR_JOINTS} joints a frame, where the model knows {joints}"
        if len(lengths) % MSR_JOINTS:
            return f"of {len(lengths):,} lines, no multiple of the {MSR_JOINTS} joints of a frame"
    else:
        what = f"numbers, x, y and z of {joints} joints"
    if (wrong := np.flatnonzero(lengths != width)).size:
        row = int(wrong[0])
        comma = "; decimals have points, or cells are between semicolons" if lengths[row] > width else ""
        return f"of {lengths[row]:,} numbers in row {row + 1:,}, expected {width} {what}{comma}"
    values = number_table.numbers(found).to_tensor(np.nan).numpy()
    if (unread := np.argwhere(~np.isfinite(values))).size:
        row, column = unread[0]
        cell = found[int(row)][int(column)].numpy().decode(errors="replace")
        return f"without a number in row {row + 1:,}, column {column + 1}: {cell[:20]!r}"
    if width == MSR_CELLS:
        values = values[:, :AXES].reshape(-1, MSR_JOINTS * AXES)
    if not values.any():
        return "without a skeleton: every number is 0"
    ratio = size(values[values.any(axis=1)]) / learned_size if learned_size else 1.0
    if ratio and not 1 / MAX_RATIO < ratio < MAX_RATIO:
        return f"of skeletons {ratio:,.3g} times as large as those learned; give them in the same unit"
    return None
