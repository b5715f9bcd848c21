"""EXIF's orientation, read in the graph, and pictures turned by it (CIPA DC-008, 4.6.4 and 4.6.5)."""

from __future__ import annotations

import tensorflow as tf

from seqtasks.codecs.image_bytes import REST, big, little, octets, part

ORIENTATION = 0x0112  # the tag
PREFIX = b"Exif\0\0"  # that some programs put before EXIF where none belongs
MAX_ENTRIES = 64  # that are looked at
ENTRY_BYTES = 12
TRANSPOSED = 5  # orientations from here on have rows and columns exchanged, and then, by orientation from 0 on:
UPSIDE_DOWN = (False, False, False, True, True, False, False, True, True)
FLIPPED = (False, False, True, True, False, False, True, True, False)
LONG = 4  # the type of a value of four bytes; others have it in two


def orientation(exif: tf.Tensor) -> tf.Tensor:
    """EXIF, string () -> from 1 to 8, int32 (); 1, upright, where it says nothing."""
    exif = tf.where(tf.equal(part(exif, 0, len(PREFIX)), PREFIX), part(exif, len(PREFIX), REST), exif)
    order = part(exif, 0, 2)
    motorola = tf.equal(order, b"MM")  # the most significant byte first

    def number(values: tf.Tensor) -> tf.Tensor:
        return tf.where(motorola, big(values), little(values))

    entries = number(octets(exif, 4, 4))
    count = number(octets(exif, entries, 2))
    fields = tf.reshape(octets(exif, entries + 2, MAX_ENTRIES * ENTRY_BYTES), [MAX_ENTRIES, ENTRY_BYTES])

    def short(place: int) -> tf.Tensor:
        first, second = fields[:, place], fields[:, place + 1]
        return tf.where(motorola, 256 * first + second, first + 256 * second)

    values = tf.where(motorola & tf.equal(short(2), LONG), short(10), short(8))
    named = tf.equal(short(0), ORIENTATION) & (tf.range(MAX_ENTRIES, dtype=tf.int64) < count)
    value = tf.cast(tf.reduce_max(values * tf.cast(named, tf.int64)), tf.int32)
    known = (motorola | tf.equal(order, b"II")) & (value >= 1) & (value <= 8)
    return tf.where(known, value, 1)


def turned(picture: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """The picture upright, uint8 (H, W, 3), of one with EXIF's orientation."""

    def turn() -> tf.Tensor:
        standing = tf.cond(orientation >= TRANSPOSED, lambda: tf.transpose(picture, [1, 0, 2]), lambda: picture)
        mirrored = [tf.gather(tf.constant(each), orientation) for each in (UPSIDE_DOWN, FLIPPED)]
        return tf.raw_ops.Reverse(tensor=standing, dims=tf.stack([*mirrored, False]))

    return tf.cond(orientation > 1, turn, lambda: picture)
