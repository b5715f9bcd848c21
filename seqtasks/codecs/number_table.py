"""Tables of numbers, read in the graph: a line a row, cells between commas, semicolons, tabs or blanks.

Where cells are between semicolons or tabs a comma is a decimal comma. Lines that begin with # are remarks. A cell that
is no finite number is NaN, a missing one too, and neither harms the cells beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
MAX_NUMBER = 1e30  # beyond it, of either sign, a cell is no number: its square would not be finite
BYTES_PER_NUMBER = 32  # at most, on average, with what is around it: what is behind is not read


def cells(content: tf.Tensor, most: int) -> tf.RaggedTensor:
    """A file's first `most` bytes, a scalar string -> the cells of its lines, string (L, None)."""
    text = tf.strings.unicode_transcode(tf.strings.substr(content, 0, most), "UTF-8", "UTF-8")
    text = tf.strings.regex_replace(text, '[\x00\ufeff"]', "")
    exact = tf.strings.regex_full_match(text, r"(?s).*[;\t].*")
    text = tf.cond(exact, lambda: tf.strings.regex_replace(text, ",", "."), lambda: text)
    lines = tf.strings.strip(tf.strings.split(tf.strings.regex_replace(text, "\r\n?", "\n"), "\n"))
    lines = tf.boolean_mask(lines, ~tf.strings.regex_full_match(lines, "(#.*)?"))
    lines = tf.strings.regex_replace(lines, r"[ ]*[,;\t][ ]*", "\t")
    blank = ~tf.strings.regex_full_match(lines, r".*\t.*")
    return tf.strings.split(tf.where(blank, tf.strings.regex_replace(lines, r"\s+", "\t"), lines), "\t")


def numbers(found: tf.RaggedTensor) -> tf.RaggedTensor:
    """Cells (L, None) -> their numbers, float32; NaN for those that are none."""
    flat = found.flat_values
    value = tf.strings.to_number(
        tf.where(tf.strings.regex_full_match(flat, NUMBER), flat, tf.constant("nan")), tf.float64
    )
    value = tf.where(tf.abs(value) < MAX_NUMBER, value, tf.constant(np.nan, tf.float64))
    return found.with_flat_values(tf.cast(value, tf.float32))


def has_header(found: tf.RaggedTensor) -> tf.Tensor:
    """Whether the first line has words and no number, bool."""
    first = found[:1].flat_values
    return (tf.size(first) > 0) & ~tf.reduce_any(tf.strings.regex_full_match(first, NUMBER))


def by_name(content: tf.Tensor, names: Sequence[str], most_lines: int) -> tf.Tensor:
    """A table with a header -> its columns of these names in this order, float32 (L, F), NaN where it lacks one.

    One without a header has them in this order already, and a line of another number of cells is NaN.
    """
    found = cells(content, (most_lines + 1) * (len(names) + 4) * BYTES_PER_NUMBER)
    width = len(names)

    def named() -> tf.Tensor:
        header = found[0]
        matches = tf.cast(tf.constant(names)[:, None] == header[None, :], tf.int32)
        places = tf.where(tf.reduce_max(matches, axis=1) > 0, tf.argmax(matches, axis=1, output_type=tf.int32), -1)
        table = of_width(found[1 : most_lines + 1], tf.size(header))
        table = tf.pad(table, [[0, 0], [0, 1]], constant_values=np.nan)  # the column of those that are missing
        return tf.gather(table, tf.where(places < 0, tf.shape(table)[1] - 1, places), axis=1)

    def in_order() -> tf.Tensor:
        return of_width(found[:most_lines], width)

    table = tf.cond(has_header(found), named, in_order)
    return tf.ensure_shape(table, [None, width])


def of_width(found: tf.RaggedTensor, width: int | tf.Tensor) -> tf.Tensor:
    """Cells (L, None) -> numbers (L, width); a line of another number of cells is NaN."""
    table = numbers(found[:, :width]).to_tensor(np.nan)
    table = tf.pad(table, [[0, 0], [0, width - tf.shape(table)[1]]], constant_values=np.nan)
    right = tf.cast(found.row_lengths(), tf.int32) == width
    return tf.where(right[:, None], table, tf.constant(np.nan, tf.float32))


def filled(table: tf.Tensor) -> tf.Tensor:
    """Numbers (L, F) -> the same where NaN is on the line between the numbers before and behind in its column.

    Beyond a column's last number, or before its first, it is that number; NaN where there is none.
    """
    columns = tf.transpose(table)  # (F, L)
    count = tf.shape(columns)[1]
    places = tf.broadcast_to(tf.range(count)[None, :], tf.shape(columns))
    known = tf.math.is_finite(columns)
    ordered = tf.sort(tf.where(known, places, count), axis=1)  # the places of the numbers, then `count`
    padded = tf.pad(ordered, [[0, 0], [1, 1]], constant_values=count)
    before = tf.gather(padded, tf.searchsorted(ordered, places, side="right"), axis=1, batch_dims=1)
    behind = tf.gather(padded, tf.searchsorted(ordered, places, side="left") + 1, axis=1, batch_dims=1)
    first = tf.where(before < count, before, behind)
    last = tf.where(behind < count, behind, first)
    share = tf.cast(places - first, tf.float32) / tf.cast(tf.maximum(last - first, 1), tf.float32)
    low, high = (
        tf.gather(columns, tf.minimum(each, tf.maximum(count - 1, 0)), axis=1, batch_dims=1) for each in (first, last)
    )
    return tf.transpose(tf.where(known, columns, low * (1 - share) + high * share))
