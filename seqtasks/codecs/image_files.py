"""Picture files, read in the graph: JPEG, PNG, WebP and GIF, upright, and none that is too large.

The size of a picture is read from its first bytes before it is decoded. A file that cannot be read becomes a grey
picture, which is marked as unreadable, and harms no other of its batch.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

MAX_PIXELS = 40_000_000  # pixels of a picture
HEAD_BYTES = 1 << 16  # that hold a picture's size and orientation
GREY = 128
WEBP_SIDES = 1 << 14  # what the number of pixels of a WebP's side is below
ORIENTATION = 0x0112  # the tag of EXIF (CIPA DC-008)


def upright(values: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Files' bytes, string (B,) -> pictures, uint8 (B, size, size, 3), and which of them could be read, bool (B,).

    Both sides become `size`, whatever they were: a picture is squashed, not cut.
    """

    def one(content: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        grey = tf.data.Dataset.from_tensors((tf.fill([size, size, 3], tf.constant(GREY, tf.uint8)), False))
        read = tf.data.Dataset.from_tensors(content).map(lambda each: (_read(each, size), True)).ignore_errors()
        return read.concatenate(grey).take(1).get_single_element()

    signature = (tf.TensorSpec([size, size, 3], tf.uint8), tf.TensorSpec([], tf.bool))
    return tf.map_fn(one, values, fn_output_signature=signature)


def fault(content: bytes) -> str | None:
    """Why a file's bytes cannot be read as a picture, in words; None if they can."""
    if not content:
        return "empty"
    given = tf.constant(content)
    try:
        area = int(_area_of(tf.constant(content.ljust(HEAD_BYTES, b"\0"))))  # whose places are all there
    except tf.errors.InvalidArgumentError:
        return "a damaged JPEG"
    if not area:
        return "no JPEG, PNG, GIF or WebP"
    if area > MAX_PIXELS:
        return f"of {area / 1e6:,.0f} million pixels, more than {MAX_PIXELS / 1e6:,.0f} million; make it smaller"
    try:
        tf.io.decode_image(given, channels=3, expand_animations=False)
    except tf.errors.InvalidArgumentError:
        return "cut off or damaged"
    return None


def _read(content: tf.Tensor, size: int) -> tf.Tensor:
    """One upright picture; fails for what is no picture, or too large a one."""
    area = _area_of(content)
    affordable = tf.debugging.Assert((area > 0) & (area <= MAX_PIXELS), [area])
    with tf.control_dependencies([affordable]):
        picture = tf.io.decode_image(content, channels=3, expand_animations=False)
    picture.set_shape([None, None, 3])
    turned = tf.cond(_jpeg(content), lambda: _rotated(picture, _orientation(_head(content))), lambda: picture)
    resized = tf.image.resize(turned, [size, size], antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def _head(content: tf.Tensor) -> tf.Tensor:
    return tf.cast(
        tf.io.decode_raw([tf.strings.substr(content, 0, HEAD_BYTES)], tf.uint8, fixed_length=HEAD_BYTES)[0], tf.int32
    )


def _jpeg(content: tf.Tensor) -> tf.Tensor:
    return tf.equal(tf.strings.substr(content, 0, 3), b"\xff\xd8\xff")


def _area_of(content: tf.Tensor) -> tf.Tensor:
    """Pixels, int64, as the file's head says; 0 for what is no picture."""
    return tf.cond(_jpeg(content), lambda: _area_of_jpeg(content), lambda: _area(content, _head(content)))


def _area_of_jpeg(content: tf.Tensor) -> tf.Tensor:
    sides = tf.cast(tf.io.extract_jpeg_shape(content), tf.int64)
    return sides[0] * sides[1]


def _area(content: tf.Tensor, head: tf.Tensor) -> tf.Tensor:
    """Pixels, int64, as the head of a PNG, GIF or WebP says; 0 for anything else."""
    kinds: dict[tuple[int, bytes], Callable[[], tuple[tf.Tensor, tf.Tensor]]] = {
        (0, b"\x89PNG"): lambda: (_number(head, 16, 4, big=True), _number(head, 20, 4, big=True)),
        (0, b"GIF8"): lambda: (_number(head, 6, 2), _number(head, 8, 2)),
        (8, b"WEBPVP8 "): lambda: (_number(head, 26, 2) % WEBP_SIDES, _number(head, 28, 2) % WEBP_SIDES),
        (8, b"WEBPVP8L"): lambda: (
            _number(head, 21, 4) % WEBP_SIDES + 1,
            _number(head, 21, 4) // WEBP_SIDES % WEBP_SIDES + 1,
        ),
        (8, b"WEBPVP8X"): lambda: (_number(head, 24, 3) + 1, _number(head, 27, 3) + 1),
    }
    area = tf.constant(0, tf.int64)
    for (place, mark), sides in kinds.items():
        width, height = sides()
        area = tf.where(tf.equal(tf.strings.substr(content, place, len(mark)), mark), width * height, area)
    return area


def _number(head: tf.Tensor, place: tf.Tensor | int, size: int, *, big: bool | tf.Tensor = False) -> tf.Tensor:
    """The number of `size` bytes that begins at a place, int64; big-endian or not."""
    places = tf.minimum(place + tf.range(size), HEAD_BYTES - 1)
    digits = tf.cast(tf.gather(head, places), tf.int64)
    digits = tf.where(big, digits, tf.reverse(digits, [0]))
    return tf.reduce_sum(digits * tf.constant([256 ** (size - 1 - each) for each in range(size)], tf.int64))


def _orientation(head: tf.Tensor) -> tf.Tensor:
    """From 1 to 8, as EXIF has it; 1, upright, where a JPEG's head says nothing."""
    mark = tf.constant(list(b"Exif\0\0"))
    found = tf.reduce_all([tf.equal(head[offset : HEAD_BYTES - 6 + offset], mark[offset]) for offset in range(6)], 0)
    start = tf.cast(tf.argmax(found), tf.int32) + 6  # of what EXIF counts from
    big = tf.equal(head[tf.minimum(start, HEAD_BYTES - 1)], ord("M"))
    entries = start + tf.cast(tf.minimum(_number(head, start + 4, 4, big=big), HEAD_BYTES), tf.int32)
    count = tf.minimum(tf.cast(_number(head, entries, 2, big=big), tf.int32), 64)

    def value(entry: tf.Tensor) -> tf.Tensor:
        place = entries + 2 + 12 * entry
        is_orientation = tf.equal(_number(head, place, 2, big=big), ORIENTATION)
        return tf.where(is_orientation, tf.cast(_number(head, place + 8, 2, big=big), tf.int32), 0)

    values = tf.map_fn(value, tf.range(count), fn_output_signature=tf.int32)
    orientation = tf.reduce_max(tf.concat([[0], values], 0))
    return tf.where(tf.reduce_any(found) & (orientation >= 1) & (orientation <= 8), orientation, 1)


def _rotated(picture: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """The picture upright, of one with EXIF's orientation."""
    turns: list[Callable[[tf.Tensor], tf.Tensor]] = [
        tf.identity,
        tf.image.flip_left_right,
        lambda each: tf.image.rot90(each, 2),
        tf.image.flip_up_down,
        tf.image.transpose,
        lambda each: tf.image.rot90(each, 3),
        lambda each: tf.image.rot90(tf.image.transpose(each), 2),
        tf.image.rot90,
    ]
    return tf.switch_case(orientation - 1, [lambda turn=turn: turn(picture) for turn in turns])
