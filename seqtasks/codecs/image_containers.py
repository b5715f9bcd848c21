"""The containers of pictures, parsed in the graph: JPEG, PNG, GIF and WebP.

Of an animation the first frame is left, as a still picture with its place on the canvas. Nothing is decoded here.

Sources: ITU-T T.81, annex B (JPEG); PNG, third edition, section 5; GIF89a, sections 17 to 26; RFC 9649 (WebP).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from seqtasks.codecs.image_bytes import REST, Step, big, first_of_each, length_of, little, octets, part

JPEG, PNG, GIF, WEBP, UNKNOWN = range(5)
MARKS = ((0, b"\xff\xd8\xff"), (0, b"\x89PNG"), (0, b"GIF8"), (8, b"WEBPVP8"))  # in the order of the formats
GIF_HEAD_BYTES = 1 << 16  # in which the first frame of a GIF begins
EXIF_BYTES = 1 << 16  # a JPEG's segment is no longer
END_OF_JPEG = b"\xff\xd9"
END_OF_PNG = b"\0\0\0\0IEND\xaeB`\x82"
ADOBE = b"\xff\xee\0\x0eAdobe\0d\0\0\0\0\0"  # a segment that says: four inks, inverted
FULL_BLOCK = 255  # bytes of a GIF's data
MAX_BLOCKS = 1 << 15  # others that are gone through
NO_COLOR = 256  # of a GIF: an index that no table has
FOUR_INKS = 4  # components of a JPEG in CMYK
WEBP_SIDES = 1 << 14  # what the number of pixels of a WebP's side is below
WEBP_ANIMATED = 2  # a flag of VP8X
WEBP_ALPHA = b"\x10\0\0\0"  # the flags of VP8X where there may be an ALPH chunk


class Parsed(NamedTuple):
    """A still picture of a file, encoded, and how it is to be shown."""

    format: tf.Tensor  # int32 (): JPEG, PNG, GIF, WEBP or UNKNOWN
    content: tf.Tensor  # string (): the still picture
    canvas: tf.Tensor  # int64 (2,): height and width in pixels; 0 where there is no picture
    offset: tf.Tensor  # int64 (2,): of the still picture from the top and the left of the canvas, in pixels
    exif: tf.Tensor  # string (): from its byte order on; empty where there is none


@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)  # traced once, wherever it is used
def parse(content: tf.Tensor) -> Parsed:
    """A file's bytes, string () -> its picture. Fails for a JPEG whose head is damaged."""
    format = format_of(content)
    readers = (_jpeg, _png, _gif, _webp, _unknown)
    return Parsed(format, *tf.switch_case(format, [lambda reader=reader: reader(content) for reader in readers]))


def format_of(content: tf.Tensor) -> tf.Tensor:
    """JPEG, PNG, GIF, WEBP or UNKNOWN, int32 ()."""
    known = tf.stack([tf.equal(part(content, place, len(mark)), mark) for place, mark in MARKS])
    return tf.where(tf.reduce_any(known), tf.argmax(tf.cast(known, tf.int32), output_type=tf.int32), UNKNOWN)


def _still(content: tf.Tensor, sides: Sequence[tf.Tensor], exif: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """A picture that fills its canvas, of the height and the width."""
    found = tf.where(exif < 0, b"", part(content, exif, EXIF_BYTES))
    return content, tf.stack(sides), tf.zeros([2], tf.int64), found


def _unknown(content: tf.Tensor) -> tuple[tf.Tensor, ...]:
    return content, tf.zeros([2], tf.int64), tf.zeros([2], tf.int64), tf.constant(b"")


def _jpeg(content: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """One of four inks is inverted, as every program shows it, whether Adobe's segment says so or not."""

    def step(place: tf.Tensor) -> Step:
        head = octets(content, place, 4)
        code, one = head[1], tf.constant(1, tf.int64)
        marks = tf.equal(head[0], 0xFF) & ~tf.equal(code, 0) & ~tf.equal(code, 0xFF)  # 0xFF before a marker fills
        alone = ((code >= 0xD0) & (code <= 0xD9)) | tf.equal(code, 1)
        size = tf.where(~marks, one, tf.where(alone, 2 * one, 2 + big(head[2:])))
        last = marks & (tf.equal(code, 0xDA) | tf.equal(code, 0xD9))  # what follows is the picture, or nothing
        return Step(part(content, place + 1, 1) + part(content, place + 4, 6), place + 10, place + size, last)

    found, _ = first_of_each(content, 2, step, (b"\xe1Exif\0\0", b"\xeeAdobe\0"), REST)
    sides = tf.io.extract_jpeg_shape(content, tf.int64)
    marked = part(content, 0, 2) + ADOBE + part(content, 2, REST)
    inks = tf.equal(sides[2], FOUR_INKS) & (found[1] < 0)
    _, canvas, offset, exif = _still(content, (sides[0], sides[1]), found[0])
    return tf.where(inks, marked, content), canvas, offset, exif


def _png(content: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """What comes behind the last whole chunk is nothing, be it a part of the end's."""

    def step(place: tf.Tensor) -> Step:
        size, kind = big(octets(content, place, 4)), part(content, place + 4, 4)
        return Step(kind, place + 8, place + 12 + size, tf.equal(kind, b"IEND"))

    found, end = first_of_each(content, 8, step, (b"eXIf",), REST)
    sides = octets(content, 16, 8)
    _, canvas, offset, exif = _still(content, (big(sides[4:]), big(sides[:4])), found[0])
    return part(content, 0, end) + END_OF_PNG, canvas, offset, exif


def _gif(content: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """The first frame fills a screen of its own, and what is transparent of it has white for a colour."""

    def step(place: tf.Tensor) -> Step:
        mark = part(content, place, 1)
        extension = tf.equal(mark, b"!")
        following = tf.cond(extension, lambda: _behind_blocks(content, place + 2, GIF_HEAD_BYTES), lambda: place)
        kind = tf.where(extension, part(content, place, 2), mark)
        return Step(kind, tf.where(extension, place + 3, place + 1), following, ~extension)

    head = octets(content, 0, 13)
    start = 13 + _table_bytes(head[10])
    found, _ = first_of_each(content, start, step, (b"!\xf9", b","), GIF_HEAD_BYTES)
    control, frame = octets(content, found[0], 4), found[1]
    transparent = (found[0] >= 0) & tf.equal(control[0] % 2, 1)
    index = tf.where(transparent, control[3], tf.constant(NO_COLOR, tf.int64))
    described = octets(content, frame, 9)
    left, top, width, height = (little(described[place : place + 2]) for place in range(0, 8, 2))
    local = _table_bytes(described[8])
    data = frame + 9 + local
    end = _behind_blocks(content, _behind_full_blocks(content, data + 1), REST)
    still = tf.strings.join(
        [
            part(content, 0, 6) + part(content, frame + 4, 4) + part(content, 10, 3),
            _whitened(part(content, 13, start - 13), index),
            b",\0\0\0\0" + part(content, frame + 4, 5),
            _whitened(part(content, frame + 9, local), index),
            part(content, data, end - data) + tf.where(end <= length_of(content), b";", b"\0;"),
        ]
    )
    offset = tf.stack([top, left])
    canvas = tf.maximum(tf.stack([little(head[8:10]), little(head[6:8])]), offset + tf.stack([height, width]))
    return still, tf.where(frame < 0, tf.zeros_like(canvas), canvas), offset, tf.constant(b"")


def _table_bytes(flags: tf.Tensor) -> tf.Tensor:
    """The size of a GIF's table of colours, as the flags in front of it say."""
    return flags // 128 * 3 * tf.bitwise.left_shift(tf.constant(2, tf.int64), flags % 8)


def _whitened(table: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
    """A table of colours in which one is white, if it has as many."""
    changed = part(table, 0, 3 * index) + b"\xff\xff\xff" + part(table, 3 * index + 3, REST)
    return tf.where(3 * index + 3 <= length_of(table), changed, table)


def _behind_full_blocks(content: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """Where a GIF's blocks of data that are as large as can be end, of which the first begins at a place."""
    sizes = tf.io.decode_raw(part(content, place, REST), tf.uint8)[:: FULL_BLOCK + 1]
    others = tf.cast(tf.concat([sizes < FULL_BLOCK, [True]], axis=0), tf.int32)
    return place + (FULL_BLOCK + 1) * tf.argmax(others)


def _behind_blocks(content: tf.Tensor, place: tf.Tensor, limit: int) -> tf.Tensor:
    """Where a GIF's blocks of data end, of which the first begins at a place, or a little behind the limit."""
    end = tf.minimum(length_of(content), limit)
    place, _ = tf.while_loop(
        lambda place, size: (size > 0) & (place < end),
        lambda place, size: (place + 1 + size, octets(content, place + 1 + size, 1)[0]),
        (place, octets(content, place, 1)[0]),
        maximum_iterations=MAX_BLOCKS,
    )
    return place + 1


def _webp(content: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """An animated one never reaches TensorFlow's decoder, which writes behind its memory there."""

    def step(place: tf.Tensor) -> Step:
        size = little(octets(content, place + 4, 4))
        return Step(part(content, place, 4), place + 8, place + 8 + size + size % 2, tf.constant(False))

    found, _ = first_of_each(content, 12, step, (b"ANMF", b"EXIF"), REST)
    head, form = octets(content, 0, 30), part(content, 12, 4)
    lossless = little(head[21:25])
    sides = {
        b"VP8 ": (little(head[28:30]) % WEBP_SIDES, little(head[26:28]) % WEBP_SIDES),
        b"VP8L": (lossless // WEBP_SIDES % WEBP_SIDES + 1, lossless % WEBP_SIDES + 1),
        b"VP8X": (little(head[27:30]) + 1, little(head[24:27]) + 1),
    }
    canvas = tf.add_n([tf.cast(tf.equal(form, name), tf.int64) * tf.stack(each) for name, each in sides.items()])
    still, canvas, offset, exif = _still(content, (canvas[0], canvas[1]), found[1])
    animated = tf.equal(form, b"VP8X") & tf.equal(head[20] // WEBP_ANIMATED % 2, 1)
    frame = octets(content, found[0], 6)
    place = 2 * tf.stack([little(frame[3:]), little(frame[:3])])
    return tf.where(animated, _frame(content, found[0]), still), canvas, tf.where(animated, place, offset), exif


def _frame(content: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """The frame of an animated WebP as a WebP of its own, of which nothing is left where there is no frame."""
    data = part(content, place + 16, little(octets(content, place - 4, 4)) - 16)
    head = b"VP8X\x0a\0\0\0" + WEBP_ALPHA + part(content, place + 6, 6)
    whole = b"WEBP" + head + data
    return tf.where(place < 0, b"", b"RIFF" + _bytes_of(length_of(whole)) + whole)


def _bytes_of(value: tf.Tensor) -> tf.Tensor:
    """A number as four bytes, the least significant first."""
    each_byte = tf.constant([bytes([value]) for value in range(256)])
    powers = tf.constant([1, 256, 256**2, 256**3], tf.int64)
    return tf.strings.reduce_join(tf.gather(each_byte, value // powers % 256))
