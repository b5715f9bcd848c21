"""A photograph's file -> pixels: what `seqtasks` does in TensorFlow's graph, with Pillow and NumPy.

`codec` is the `inputs` of an export's codecs.json, where the codec is `image`. Decoders differ by a few levels
in some pixels of a JPEG, and a rounding may fall otherwise; the pixels are the same but for that.
"""

import io

import numpy as np
from PIL import Image, ImageOps

MAX_PIXELS = 40_000_000  # of a picture
GREY = 128  # in place of a file that is no picture, or too large a one
FORMATS = ("JPEG", "PNG", "GIF", "WEBP")


def read(codec: dict, value: bytes) -> np.ndarray:
    """A file's bytes -> pixels, uint8 (1, size, size, 3): upright, squashed to a square."""
    size = codec["image_size"]
    try:
        picture = upright(value)
    except (OSError, ValueError, SyntaxError):
        return np.full((1, size, size, 3), GREY, np.uint8)
    bands = [band.convert("F").resize((size, size), Image.Resampling.BILINEAR) for band in picture.split()]
    return np.clip(np.rint(np.stack(bands, axis=-1)), 0, 255).astype(np.uint8)[None]


def upright(value: bytes) -> Image.Image:
    """The picture in RGB, as EXIF says that it was seen; raises OSError or ValueError for what is none."""
    picture = Image.open(io.BytesIO(value), formats=FORMATS)
    if picture.width * picture.height > MAX_PIXELS:
        raise ValueError("too large")
    turned = ImageOps.exif_transpose(picture) if picture.format == "JPEG" else picture
    if turned.mode.startswith("I"):  # 16 bits
        return Image.fromarray((np.asarray(turned) >> 8).astype(np.uint8)).convert("RGB")
    return (turned.convert("RGBA") if "transparency" in turned.info else turned).convert("RGB")
