"""Films as animated GIFs, decoded and sampled in the graph; none that is too large.

How many frames of which size a film has is read from its blocks before it is decoded. Frames are taken evenly from the
first to the last, whatever their delays; partial and transparent ones are filled as the format says.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

MAX_PIXELS = 50_000_000  # of all frames together, 150 MB when they are decoded
HEADER = 13  # bytes before a palette
IMAGE, EXTENSION = 0x2C, 0x21  # with which a frame begins, and anything else but the end
GREY = 128


class Size(NamedTuple):
    """Of a film; all 0 for what is none."""

    frames: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor


@tf.function(input_signature=[tf.TensorSpec([], tf.string)], autograph=False)  # a loop that is slow otherwise
def size_of(content: tf.Tensor) -> Size:
    """How many frames a GIF has, and of which size, int64; nothing of it is decoded."""
    known = tf.strings.regex_full_match(tf.strings.substr(content, 0, 6), "GIF8[79]a")
    count = tf.strings.length(content)
    data = tf.cast(tf.io.decode_raw(tf.strings.join([content, b"\0" * 16]), tf.uint8), tf.int32)  # to look ahead

    def palette(flags: tf.Tensor) -> tf.Tensor:
        return tf.where(flags >= 128, 3 * tf.bitwise.left_shift(2, flags % 8), 0)

    def more(at: tf.Tensor, frames: tf.Tensor, inside: tf.Tensor) -> tf.Tensor:
        return at < count

    def step(at: tf.Tensor, frames: tf.Tensor, inside: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        byte = data[at]
        is_image, is_extension = ~inside & (byte == IMAGE), ~inside & (byte == EXTENSION)
        block = 1 + byte  # of data, which one of no byte ends
        head = tf.where(is_image, 11 + palette(data[at + 9]), tf.where(is_extension, 2, count))
        goes_on = tf.where(inside, byte > 0, is_image | is_extension)
        return at + tf.where(inside, block, head), frames + tf.cast(is_image, tf.int32), goes_on

    start = HEADER + palette(data[10])
    begun = (tf.where(known, start, count), 0, False)
    _, frames, _ = tf.while_loop(more, step, [tf.convert_to_tensor(each) for each in begun])
    width, height = data[6] + 256 * data[7], data[8] + 256 * data[9]
    return Size(*(tf.cast(tf.where(known, each, 0), tf.int64) for each in (frames, height, width)))


def frames_of(content: tf.Tensor, most: int, side: int) -> tf.Tensor:
    """A file's bytes, a scalar string -> at most so many frames, uint8 (T, side, side, 3); one grey one of no film."""
    grey = tf.fill([1, side, side, 3], tf.constant(GREY, tf.uint8))
    file = tf.data.Dataset.from_tensors(content)
    found = file.map(lambda each: _decoded(each, most, side)).ignore_errors()
    return found.concatenate(tf.data.Dataset.from_tensors(grey)).take(1).get_single_element()


def _decoded(content: tf.Tensor, most: int, side: int) -> tf.Tensor:
    """The frames that are taken; fails for what is no film, or too large a one."""
    size = size_of(content)
    pixels = size.frames * size.height * size.width
    with tf.control_dependencies([tf.debugging.Assert((pixels > 0) & (pixels <= MAX_PIXELS), [pixels])]):
        frames = tf.io.decode_gif(tf.identity(content))
    number = tf.minimum(tf.shape(frames)[0], most)
    at = tf.linspace(0.0, tf.cast(tf.shape(frames)[0] - 1, tf.float32), number)
    taken = tf.gather(frames, tf.cast(tf.round(at), tf.int32))
    resized = tf.image.resize(taken, [side, side], antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def fault(content: bytes) -> str | None:
    """Why a file's bytes are no film, in words; None if they are."""
    if not content.startswith((b"GIF87a", b"GIF89a")):
        return "no GIF; convert the film, for example with ffmpeg"
    frames, height, width = (int(each) for each in size_of(tf.constant(content)))
    pixels = frames * height * width
    if pixels > MAX_PIXELS:
        whole, most = f"{frames:,} frames of {width:,} x {height:,} pixels", f"{MAX_PIXELS / 1e6:,.0f} million"
        return f"of {whole}, {pixels / 1e6:,.0f} million in all, more than {most}; make it smaller"
    if not pixels:
        return "a GIF without a frame"
    try:
        tf.io.decode_gif(content)
    except tf.errors.InvalidArgumentError:
        return "cut off or damaged"
    return None
