"""Pictures as people have them: kinds, orientations, and what is no picture."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from seqtasks.codecs import image_files
from tests.bombs import bomb

SIZE = 16
UPRIGHT = tf.function(
    lambda values: image_files.upright(values, SIZE),
    input_signature=[tf.TensorSpec([None], tf.string)],
    autograph=False,
)


def painted(width: int = 32, height: int = 32) -> Image.Image:
    """Red above left, green above right, blue below left, white below right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (250, 10, 10)
    pixels[: height // 2, width // 2 :] = (10, 250, 10)
    pixels[height // 2 :, : width // 2] = (10, 10, 250)
    pixels[height // 2 :, width // 2 :] = (250, 250, 250)
    return Image.fromarray(pixels)


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def read(*contents: bytes) -> tuple[np.ndarray, list[bool]]:
    found, good = UPRIGHT(tf.constant(contents))
    return found.numpy(), good.numpy().tolist()


def corners(picture: np.ndarray) -> str:
    """The colours of a picture's quarters, by their first letters, row by row."""
    names = {"r": (250, 10, 10), "g": (10, 250, 10), "b": (10, 10, 250), "w": (250, 250, 250)}
    quarters = [picture[row, column].astype(int) for row in (4, 12) for column in (4, 12)]
    return "".join(min(names, key=lambda name: np.abs(names[name] - each).sum()) for each in quarters)


KINDS = {
    "jpeg": saved(painted(), "JPEG", quality=95),
    "progressive jpeg": saved(painted(), "JPEG", quality=95, progressive=True),
    "cmyk jpeg": saved(painted().convert("CMYK"), "JPEG", quality=95),
    "png": saved(painted(), "PNG"),
    "palette png": saved(painted().convert("P"), "PNG"),
    "png with alpha": saved(painted().convert("RGBA"), "PNG"),
    "gif": saved(painted(), "GIF"),
    "animated gif": saved(
        painted(), "GIF", save_all=True, append_images=[Image.new("RGB", (32, 32), "black")] * 3, duration=100
    ),
    "webp": saved(painted(), "WEBP", quality=95),
    "lossless webp": saved(painted(), "WEBP", lossless=True),
    "webp with alpha": saved(painted().convert("RGBA"), "WEBP", quality=95),
    "wide": saved(painted(200, 40), "PNG"),
    "high": saved(painted(40, 200), "JPEG", quality=95),
    "small": saved(painted(2, 2), "PNG"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read(kind: str):
    found, good = read(KINDS[kind])
    assert good == [True]
    assert found.shape == (1, SIZE, SIZE, 3)
    assert kind == "small" or corners(found[0]) == "rgbw"


def test_grey_and_16_bit_ones_too():
    grey = Image.fromarray(np.full((8, 8), 60, np.uint8))
    deep = Image.fromarray(np.full((8, 8), 60 * 257, np.uint16))
    found, good = read(saved(grey, "PNG"), saved(grey, "JPEG"), saved(deep, "PNG"))
    assert good == [True] * 3
    assert np.abs(found.astype(int) - 60).max() <= 1


@pytest.mark.parametrize(
    ("orientation", "seen"),
    list(enumerate(("rgbw", "grwb", "wbgr", "bwrg", "rbgw", "brwg", "wgbr", "gwrb"), 1)),
)  # fmt: skip
@pytest.mark.parametrize("big", [False, True])
def test_a_picture_stands_upright(orientation: int, seen: str, big: bool):
    order = ">" if big else "<"
    entries = struct.pack(f"{order}HHHIHH", 2, 0x010F, 2, 4, 0, 0) + struct.pack(
        f"{order}HHIHH", 0x0112, 3, 1, orientation, 0
    )
    tiff = (b"MM\0*" if big else b"II*\0") + struct.pack(f"{order}I", 8) + entries + bytes(4)
    found, good = read(saved(painted(), "JPEG", quality=95, exif=b"Exif\0\0" + tiff))
    assert good == [True]
    assert corners(found[0]) == seen


def test_orientations_are_those_of_pillow():
    from PIL import ImageOps

    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = saved(painted(), "JPEG", quality=95, exif=exif)
        expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).resize((SIZE, SIZE)))
        assert corners(read(content)[0][0]) == corners(expected)


ODD = {
    "nothing": b"",
    "text": b"This is no picture.",
    "html": b"<html><body>404</body></html>",
    "cut jpeg": KINDS["jpeg"][: len(KINDS["jpeg"]) // 3],
    "cut png": KINDS["png"][:60],
    "only a jpeg's mark": b"\xff\xd8\xff",
    "only a png's mark": b"\x89PNG\r\n\x1a\n",
    "bmp": saved(painted(), "BMP"),
    "tiff": saved(painted(), "TIFF"),
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "12,000 x 12,000": bomb(12_000, 12_000),
    "20,000 x 20,000": bomb(20_000, 20_000),
    "no width": bomb(0, 100),
    "exif that points nowhere": saved(painted(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f"),
}
READABLE = {"exif that points nowhere"}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_picture_is_grey_and_said_to_be_none(odd: str):
    found, good = read(ODD[odd])
    assert good == [odd in READABLE]
    assert odd in READABLE or (found == image_files.GREY).all()


def test_one_bad_picture_harms_no_other():
    contents = [KINDS["jpeg"], ODD["text"], KINDS["webp"], ODD["cut png"], KINDS["gif"]]
    found, good = read(*contents)
    assert good == [True, False, True, False, True]
    assert [corners(each) for each, fine in zip(found, good, strict=True) if fine] == ["rgbw"] * 3
    for content, together in zip(contents, found, strict=True):
        np.testing.assert_array_equal(read(content)[0][0], together)


def test_no_pictures():
    found, good = UPRIGHT(tf.zeros([0], tf.string))
    assert found.shape == (0, SIZE, SIZE, 3)
    assert good.shape == (0,)
