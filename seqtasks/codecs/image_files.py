"""Picture files, read in the graph: JPEG, PNG, WebP and GIF, upright, on white, and none that is too large.

The size of a picture is read from its first bytes before it is decoded. A file that cannot be read becomes a grey
picture, which is marked as unreadable, and harms no other of its batch.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

import tensorflow as tf

from seqtasks.codecs import image_exif, image_formats
from seqtasks.codecs.image_bytes import length_of, part
from seqtasks.codecs.image_containers import END_OF_JPEG, EXIF_BYTES, JPEG, UNKNOWN, Parsed, format_of, parse
from seqtasks.errors import quiet

MAX_PIXELS = 40_000_000  # pixels of a picture
GREY = 128
INKS_MARK = rb"\xff[\xc0-\xc2]\0\x14\x08"  # of the frame of a JPEG with four components
WHITE = 255
OPAQUE = 255  # the highest alpha
FILLER = b"\x55" * 64  # bits that a JPEG's decoder takes for more of the picture, if it lacks any


def upright(values: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Files' bytes, string (B,) -> pictures, uint8 (B, size, size, 3), and which of them could be read, bool (B,).

    Both sides become `size`, whatever they were: a picture is squashed, not cut.
    """

    def one(content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        grey = tf.data.Dataset.from_tensors((tf.fill([size, size, 3], tf.constant(GREY, tf.uint8)), False))
        file = tf.data.Dataset.from_tensors(content)
        whole = file.map(squashed).ignore_errors()
        ended = file.map(lambda content: squashed(_ended(content))).ignore_errors()
        return whole.concatenate(ended).concatenate(grey).take(1).get_single_element()  # the first that is there

    def squashed(content: tf.Tensor) -> tuple[tf.Tensor, bool]:
        resized = tf.image.resize(_read(content), [size, size], antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8), True

    signature = (tf.TensorSpec([size, size, 3], tf.uint8), tf.TensorSpec([], tf.bool))
    return tf.map_fn(one, values, fn_output_signature=signature)


def fault(content: bytes) -> str | None:
    """Why a file's bytes cannot be read as a picture, in words; None if they can."""
    if not content:
        return "empty"
    given = tf.constant(content)
    with suppress(tf.errors.InvalidArgumentError):
        _read(given)
        return None
    with suppress(tf.errors.InvalidArgumentError), quiet():
        _read(_ended(given))
        return None
    if name := image_formats.name(content):
        return name
    format, area = int(format_of(given)), 0
    with suppress(tf.errors.InvalidArgumentError):
        area = int(_area(parse(given)))
    if area > MAX_PIXELS:
        return f"of {area / 1e6:,.0f} million pixels, more than {MAX_PIXELS / 1e6:,.0f} million; make it smaller"
    if format == UNKNOWN:
        return image_formats.WANTED
    return "a damaged JPEG" if format == JPEG and not area else "cut off or damaged"


def version(content: bytes) -> str:
    """Of the way in which a file is read, for what is kept of it: empty for what has always been read as now.

    Those are JPEGs, but for EXIF behind the first bytes, and for four inks that no segment of Adobe's called inverted.
    """
    ever = content.startswith(b"\xff\xd8\xff") and content.find(b"Exif\0\0", EXIF_BYTES) < 0
    return "" if ever and not re.search(INKS_MARK, content) else "2"


@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)  # traced once, wherever it is used
def _read(content: tf.Tensor) -> tf.Tensor:
    """One upright picture, uint8 (H, W, 3); fails for what is no picture, or too large a one."""
    parsed = parse(content)
    content = _affordable(parsed)
    decoders: list[Callable[[], tf.Tensor]] = [
        lambda: tf.io.decode_jpeg(content, channels=3),
        lambda: _on_white(tf.io.decode_png(content, channels=4)),
        lambda: _on_canvas(tf.io.decode_image(content, channels=3, expand_animations=False), parsed),
        lambda: _on_canvas(_on_white(tf.io.decode_webp(content)[0]), parsed),
    ]
    picture = tf.switch_case(parsed.format, decoders)
    picture.set_shape([None, None, 3])
    return image_exif.turned(picture, image_exif.orientation(parsed.exif))


def _area(parsed: Parsed) -> tf.Tensor:
    """Pixels, int64; 0 for what is no picture."""
    return parsed.canvas[0] * parsed.canvas[1]


def _affordable(parsed: Parsed) -> tf.Tensor:
    """What is to be decoded; fails for what is no picture, or too large a one."""
    area = _area(parsed)
    with tf.control_dependencies([tf.debugging.Assert((area > 0) & (area <= MAX_PIXELS), [area])]):
        return tf.identity(parsed.content)


def _on_white(picture: tf.Tensor) -> tf.Tensor:
    """A picture, uint8 (H, W, 3) or with alpha (H, W, 4) -> as it is seen on white, uint8 (H, W, 3)."""

    def mixed() -> tf.Tensor:
        color, alpha = tf.cast(picture[..., :3], tf.uint16), tf.cast(picture[..., 3:], tf.uint16)
        total = color * alpha + WHITE * (OPAQUE - alpha)  # at most 255 * 255: sixteen bits hold it
        return tf.cast((total + OPAQUE // 2) // OPAQUE, tf.uint8)

    transparent = tf.reduce_any(picture[..., 3:] < OPAQUE)  # of three channels there is nothing to be
    return tf.cond(transparent, mixed, lambda: picture[..., :3])


def _on_canvas(picture: tf.Tensor, parsed: Parsed) -> tf.Tensor:
    """A frame in its place on a white canvas; fails where it does not fit."""
    picture.set_shape([None, None, 3])
    before = parsed.offset
    behind = parsed.canvas - before - tf.shape(picture, tf.int64)[:2]
    margins = tf.concat([tf.stack([before, behind], axis=1), tf.zeros([1, 2], tf.int64)], axis=0)
    return tf.pad(picture, margins, constant_values=WHITE)


def _ended(content: tf.Tensor) -> tf.Tensor:
    """A JPEG that lacks its end, with it; fails for another file and where some of the picture is missing.

    The picture is whole if it does not matter what follows. Zeros at the end are nothing of it.
    """
    with tf.control_dependencies([tf.debugging.assert_equal(format_of(content), JPEG)]):
        content = _affordable(parse(content))
    backward = tf.reverse(tf.io.decode_raw(content, tf.uint8), [0])
    zeros = tf.argmax(tf.cast(backward > 0, tf.uint8))
    size = length_of(content) - zeros
    last = part(content, size - 1, 2)  # a byte of 255 in the picture, or the beginning of the end's mark
    size = tf.where(tf.equal(last, b"\xff\0"), size + 1, tf.where(tf.equal(last, b"\xff"), size - 1, size))
    data = part(content, 0, size)
    one, other = (tf.io.decode_jpeg(data + more + END_OF_JPEG, channels=3) for more in (b"", FILLER))
    with tf.control_dependencies([tf.debugging.assert_equal(one, other)]):
        return data + END_OF_JPEG
