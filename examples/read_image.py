"""A photograph's file -> pixels: what `seqtasks` does in TensorFlow's graph, with Pillow and NumPy.

`codec` is the `inputs` of an export's codecs.json, where the codec is `image`. Decoders differ by a few levels
in some pixels of a JPEG, and a rounding may fall otherwise; the pixels are the same but for that.
"""

import io
import struct

import numpy as np
from PIL import Image

MAX_PIXELS = 40_000_000  # of a picture
GREY = 128  # in place of a file that is no picture, or too large a one
FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
END = b"\xff\xd9"  # of a JPEG
FILLER = b"\x55" * 64  # bits that a JPEG's decoder takes for more of the picture, if it lacks any
ORIENTATION = 0x0112  # the tag of EXIF
TURNS = dict(enumerate((Image.Transpose(turn) for turn in (0, 3, 1, 5, 4, 6, 2)), 2))  # by orientation


def read(codec: dict, value: bytes) -> np.ndarray:
    """A file's bytes -> pixels, uint8 (1, size, size, 3): upright, on white, squashed to a square."""
    size = codec["image_size"]
    try:
        picture = upright(value)
    except (OSError, ValueError, SyntaxError):
        return np.full((1, size, size, 3), GREY, np.uint8)
    bands = [band.convert("F").resize((size, size), Image.Resampling.BILINEAR) for band in picture.split()]
    return np.clip(np.rint(np.stack(bands, axis=-1)), 0, 255).astype(np.uint8)[None]


def upright(value: bytes) -> Image.Image:
    """The picture in RGB, as EXIF says that it was seen; raises OSError or ValueError for what is none."""
    picture = Image.open(io.BytesIO(ended(with_alpha(value))), formats=FORMATS)
    if picture.width * picture.height > MAX_PIXELS:
        raise ValueError("too large")
    left, top, right, bottom = picture.tile[0][1] if picture.format == "GIF" else (0, 0, *picture.size)
    picture.load()
    if picture.mode.startswith("I"):  # 16 bits
        deep = np.asarray(picture)
        alpha = np.where(deep == picture.info.get("transparency", -1), 0, 255)
        color = np.stack([deep >> 8] * 3, axis=-1).astype(int)
    else:
        color, alpha = np.split(np.asarray(picture.convert("RGBA")).astype(int), [3], axis=-1)
        alpha = alpha[..., 0]
    frame = np.zeros(alpha.shape, int)  # of a GIF, which may cover a part of its canvas
    frame[top:bottom, left:right] = 1
    alpha = (alpha * frame)[..., None]
    on_white = (color * alpha + 255 * (255 - alpha) + 127) // 255
    turn = TURNS.get(orientation(picture.info.get("exif", b"")))
    seen = Image.fromarray(on_white.astype(np.uint8))
    return seen if turn is None else seen.transpose(turn)


def with_alpha(value: bytes) -> bytes:
    """An animated WebP that says that it has alpha, which it has where its first frame does not cover the canvas."""
    animated = value[8:16] == b"WEBPVP8X" and len(value) > 20 and value[20] & 2
    return value[:20] + bytes([value[20] | 16]) + value[21:] if animated else value


def ended(value: bytes) -> bytes:
    """A JPEG with its end, should it lack that alone; raises ValueError where some of the picture is missing."""
    data = value.rstrip(b"\0")
    if not value.startswith(b"\xff\xd8\xff") or data.endswith(END):
        return value
    data = value[: len(data) + 1] if value[len(data) - 1 : len(data) + 1] == b"\xff\0" else data.rstrip(b"\xff")
    one, other = (np.asarray(Image.open(io.BytesIO(data + more + END))) for more in (b"", FILLER))
    if not np.array_equal(one, other):
        raise ValueError("cut off")
    return data + END


def orientation(content: bytes) -> int:
    """What EXIF says, from 1 to 8; 1, upright, where it says nothing."""
    exif = Image.Exif()
    try:
        exif.load(content)
    except (OSError, ValueError, SyntaxError, struct.error):
        return 1
    return exif.get(ORIENTATION, 1)
