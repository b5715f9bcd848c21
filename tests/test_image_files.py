"""Pictures as people have them: kinds, orientations, and what is no picture."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from seqtasks.codecs import image_files
from tests.bombs import bomb, chunk

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


# What the containers of pictures hold beside one opaque picture. Files are made of their parts by hand where Pillow
# writes none such.


def rgba(hidden: str = "black") -> Image.Image:
    """As painted, but the quarter below left is transparent and hides a colour."""
    picture = painted().convert("RGBA")
    picture.paste(Image.new("RGBA", (16, 16), hidden), (0, 16))
    alpha = Image.new("L", picture.size, 255)
    alpha.paste(0, (0, 16, 16, 32))
    picture.putalpha(alpha)
    return picture


def png_of(pixels: np.ndarray, color_type: int, *chunks: bytes) -> bytes:
    """A PNG of big-endian samples (H, W, channels)."""
    height, width, depth = *pixels.shape[:2], 8 * pixels.dtype.itemsize
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    content = b"".join(name + struct.pack("<I", len(each)) + each + b"\0" * (len(each) % 2) for name, each in chunks)
    return b"RIFF" + struct.pack("<I", len(content) + 4) + b"WEBP" + content


def short(*numbers: int) -> bytes:
    """Numbers of 24 bits."""
    return b"".join(struct.pack("<I", number)[:3] for number in numbers)


def animated_webp(frame: Image.Image, left: int, top: int, side: int = 32, **options: object) -> bytes:
    """One whose only frame is somewhere on a square canvas."""
    place = short(left // 2, top // 2, frame.width - 1, frame.height - 1, 100) + b"\0"
    still = saved(frame, "WEBP", **options)[12:]
    still = still[18:] if still.startswith(b"VP8X") else still
    extended = b"\x02\0\0\0" + short(side - 1, side - 1)
    return riff((b"VP8X", extended), (b"ANIM", bytes(6)), (b"ANMF", place + still))


def placed_gif(left: int, top: int, side: int = 32, **options: object) -> bytes:
    """A GIF whose first frame, a green one of 16 x 16, is somewhere on a square canvas."""
    content = saved(Image.new("RGB", (16, 16), (10, 250, 10)), "GIF", **options)
    content = content[:6] + struct.pack("<HH", side, side) + content[10:]
    return content.replace(b",\0\0\0\0\x10\0\x10\0", struct.pack("<cHHHH", b",", left, top, 16, 16))


DEEP = np.asarray(rgba()).astype(">u2") * 257
GREEN = Image.new("RGB", (16, 16), (10, 250, 10))
BLUE = [10, 10, 250]
SHOWN = {  # the colours of the quarters, and a file
    "rgba png": ("rgww", saved(rgba(), "PNG")),
    "rgba png of 16 bits": ("rgww", png_of(DEEP, 6)),
    "png with a transparent colour": ("rgww", saved(painted(), "PNG", transparency=tuple(BLUE))),
    "png with a transparent colour of 16 bits": (
        "rgww",
        png_of(
            np.asarray(painted()).astype(">u2") * 257, 2, chunk(b"tRNS", struct.pack(">HHH", *(257 * v for v in BLUE)))
        ),
    ),
    "palette png": ("rgww", saved(rgba().quantize(8), "PNG")),
    "grey png with alpha": ("wwww", saved(Image.new("LA", (32, 32), (0, 0)), "PNG")),
    "animated png": ("rgww", saved(rgba(), "PNG", save_all=True, append_images=[painted()])),
    "gif": ("rgww", saved(rgba(), "GIF")),
    "gif that begins behind a comment": ("rgww", saved(rgba(), "GIF", comment=b"photograph " * 60, loop=0)),
    "gif whose first frame covers a part": ("wwwg", placed_gif(16, 16)),
    "gif whose first frame covers a part, and more of them": (
        "wgww",
        placed_gif(16, 0, save_all=True, append_images=[Image.new("RGB", (16, 16), "black")]),
    ),
    "gif whose second frame is larger": (
        "wwwg",
        placed_gif(16, 16)[:-1] + KINDS["gif"][KINDS["gif"].index(b",\0\0\0\0\x20\0\x20\0") :],
    ),
    "gif whose second frame is far too large": (
        "wwwg",
        placed_gif(16, 16)[:-1] + b",\0\0\0\0\xff\xff\xff\xff\0" + placed_gif(0, 0)[-24:],
    ),
    "gif whose canvas is too small": ("wwwg", placed_gif(16, 16, side=1)),
    "lossy webp": ("rgww", saved(rgba(), "WEBP", quality=95)),
    "lossless webp": ("rgww", saved(rgba("blue"), "WEBP", lossless=True, exact=True)),
    "animated webp": ("rgww", saved(rgba(), "WEBP", quality=95, save_all=True, append_images=[painted()])),
    "lossless animated webp": ("rgww", saved(rgba(), "WEBP", lossless=True, save_all=True, append_images=[painted()])),
    "animated webp whose first frame covers a part": ("wgww", animated_webp(GREEN, 16, 0, lossless=True)),
    "the same, lossy": ("wwgw", animated_webp(GREEN, 0, 16, quality=95)),
    "the same, with alpha": ("rgww", animated_webp(rgba(), 0, 0, quality=95)),
}


@pytest.mark.parametrize("kind", SHOWN)
def test_a_picture_is_seen_on_white_as_every_program_shows_it(kind: str):
    expected, content = SHOWN[kind]
    found, good = read(content)
    assert good == [True]
    assert corners(found[0]) == expected
    hidden = found[0][10:14, 2:6] if expected == "rgww" else found[0][:4, :4]
    assert expected[0] == "g" or (hidden == 255).all()


@pytest.mark.parametrize("alpha", [0, 1, 77, 128, 254, 255])
@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_alpha_mixes_a_colour_with_white(alpha: int, form: str):
    found, good = read(saved(Image.new("RGBA", (8, 8), (0, 90, 255, alpha)), form, lossless=True, exact=True))
    assert good == [True]
    assert found[0, 3, 3].tolist() == [round(color * alpha / 255 + 255 - alpha) for color in (0, 90, 255)]


def exif_of(orientation: int, *, big: bool = False, long: bool = False) -> bytes:
    order, kind = (">", b"MM\0*") if big else ("<", b"II*\0")
    value = struct.pack(f"{order}HHI", 0x0112, 4 if long else 3, 1)
    value += struct.pack(f"{order}I", orientation) if long else struct.pack(f"{order}HH", orientation, 0)
    other = struct.pack(f"{order}HHIHH", 0x010F, 3, 1, 0, 0)
    return kind + struct.pack(f"{order}IH", 8, 2) + other + value + bytes(4)


def segment(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 255, code, len(content) + 2) + content


def in_jpeg(exif: bytes) -> bytes:
    """Behind many others, one of which only looks like it, and filling bytes."""
    others = segment(0xED, b"Photoshop 3.0\0" * 4000) + segment(0xE2, b"ICC_PROFILE\0\1\1" + b"Exif\0\0" * 3000)
    others += segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>") + b"\xff\xff"
    return KINDS["jpeg"][:2] + others + segment(0xE1, b"Exif\0\0" + exif) + KINDS["jpeg"][2:]


def in_webp(exif: bytes) -> bytes:
    still = (b"VP8L", KINDS["lossless webp"][20:])
    return riff((b"VP8X", b"\x08\0\0\0" + short(31, 31)), still, (b"EXIF", exif))


WITH_EXIF = {
    "jpeg": in_jpeg,
    "png": lambda exif: KINDS["png"][:33] + chunk(b"eXIf", exif) + KINDS["png"][33:],
    "png, at the end": lambda exif: KINDS["png"][:-12] + chunk(b"eXIf", exif) + KINDS["png"][-12:],
    "webp": in_webp,
    "webp, as in a jpeg": lambda exif: in_webp(b"Exif\0\0" + exif),
}


@pytest.mark.parametrize("kind", WITH_EXIF)
def test_every_kind_of_file_is_turned_by_its_exif(kind: str):
    for orientation, seen in enumerate(("rgbw", "grwb", "wbgr", "bwrg", "rbgw", "brwg", "wgbr", "gwrb"), 1):
        big, long = orientation % 2 == 0, orientation % 3 == 0
        found, good = read(WITH_EXIF[kind](exif_of(orientation, big=big, long=long)))
        assert good == [True]
        assert corners(found[0]) == seen, orientation


@pytest.mark.parametrize("kind", WITH_EXIF)
@pytest.mark.parametrize(
    "exif", [b"", b"II*\0", b"XX*\0" + exif_of(3)[4:], exif_of(9), exif_of(3)[:9], b"MM\0*\xff\xff\xff\xff"]
)
def test_exif_that_says_nothing_turns_nothing(kind: str, exif: bytes):
    found, good = read(WITH_EXIF[kind](exif))
    assert good == [True]
    assert corners(found[0]) == "rgbw"


def inks(*, ycck: bool) -> bytes:
    """A JPEG of four inks, as Photoshop writes it: inverted, in YCCK."""
    inverted = Image.fromarray(255 - np.asarray(painted()))
    bands = [Image.fromarray(255 - np.asarray(band)) for band in inverted.convert("YCbCr").split()]
    picture = Image.merge("CMYK", [*bands, Image.new("L", (32, 32))]) if ycck else painted().convert("CMYK")
    content = saved(picture, "JPEG", quality=95)
    return content.replace(b"Adobe\0d\0\0\0\0\0", b"Adobe\0d\0\0\0\0" + bytes([2 * ycck]))


JPEG, PNG, PROGRESSIVE = KINDS["jpeg"], KINDS["png"], KINDS["progressive jpeg"]
ADOBE = inks(ycck=False)[(place := inks(ycck=False).index(b"\xff\xee")) : place + 16]
HARMLESS = {
    "jpeg without its end": JPEG[:-2],
    "jpeg with half its end": JPEG[:-1],
    "progressive jpeg without its end": PROGRESSIVE[:-2],
    "jpeg with zeros for its end": JPEG[:-2] + bytes(500),
    "jpeg with something else for its end": JPEG[:-2] + b"something else",
    "jpeg and bytes behind it": JPEG + b"something else",
    "jpeg with filled markers": JPEG.replace(b"\xff\xdb", b"\xff\xff\xff\xdb"),
    "jpeg with zeros before a marker": JPEG.replace(b"\xff\xdb", b"\0\0\xff\xdb", 1),
    "two jpegs in one file": saved(painted(), "MPO", quality=95, save_all=True, append_images=[painted(8, 8)]),
    "ycck jpeg": inks(ycck=True),
    "cmyk jpeg that does not say that it is inverted": inks(ycck=False).replace(ADOBE, b""),
    "png without its end": PNG[:-12],
    "png with half its end": PNG[:-5],
    "png whose end is damaged": PNG[:-1] + b"x",
    "png and bytes behind it": PNG + b"something else",
    "png with a damaged text": PNG[:33] + chunk(b"tEXt", b"a\0b")[:-1] + b"x" + PNG[33:],
    "gif without its end": KINDS["gif"][:-2],
    "gif that is cut off behind its first frame": KINDS["animated gif"][:-20],
    "animated webp that is cut off behind its first frame": SHOWN["animated webp"][1][:-40],
}  # fmt: skip


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_harms_no_pixel_is_read(kind: str):
    found, good = read(HARMLESS[kind])
    assert good == [True]
    assert corners(found[0]) in ("rgbw", "rgww")
    assert image_files.fault(HARMLESS[kind]) is None


LARGE = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
LACKING = {  # a share that is left
    f"{share:.0%} of a {name}": content[: int(len(content) * share)] + bytes(zeros)
    for name, content, zeros in (
        ("jpeg", saved(Image.fromarray(LARGE), "JPEG"), 0),
        ("progressive jpeg", saved(Image.fromarray(LARGE), "JPEG", progressive=True), 0),
        ("jpeg, and zeros", saved(Image.fromarray(LARGE), "JPEG"), 5000),
        ("png", saved(Image.fromarray(LARGE), "PNG"), 0),
        ("gif", saved(Image.fromarray(LARGE), "GIF"), 0),
        ("webp", saved(Image.fromarray(LARGE), "WEBP"), 0),
    )
    for share in (0.4, 0.8, 0.97)
}


@pytest.mark.parametrize("kind", LACKING)
def test_what_lacks_some_of_the_picture_is_not(kind: str):
    assert read(LACKING[kind])[1] == [False]
    assert image_files.fault(LACKING[kind]) == "cut off or damaged"


def brand(name: bytes, *others: bytes) -> bytes:
    """The beginning of a file of boxes."""
    return struct.pack(">I", 16 + 4 * len(others)) + b"ftyp" + name + bytes(4) + b"".join(others) + bytes(99)


NAMED = {  # a part of what is said of them, and files
    "empty": [b""],
    "a HEIC picture": [brand(b"heic", b"mif1", b"heic"), brand(b"mif1", b"mif1", b"heic"), brand(b"heix")],
    "a HEIF picture": [brand(b"mif1", b"miaf")],
    "an AVIF picture": [brand(b"avif", b"mif1"), brand(b"mif1", b"avif"), brand(b"avis")],
    "a TIFF or a camera's raw picture": [saved(painted(), "TIFF"), b"MM\0*" + bytes(20)],
    "a BMP picture": [saved(painted(), "BMP")],
    "an icon (ICO)": [saved(painted(), "ICO")],
    "a JPEG 2000": [b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51" + bytes(9)],
    "a JPEG XL": [b"\xff\x0a" + bytes(9), b"\0\0\0\x0cJXL \r\n\x87\n", brand(b"jxl ")],
    "a JPEG-LS": [JPEG.replace(b"\xff\xc0", b"\xff\xf7")],
    "a lossless JPEG": [JPEG.replace(b"\xff\xc0", b"\xff\xc3")],
    "a JPEG of 12 bits": [JPEG.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c")],
    "a Photoshop file": [b"8BPS\0\1" + bytes(20)],
    "an SVG": [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- drawn -->\n<!DOCTYPE svg PUBLIC '' ''>\n<svg/>",
    ],
    "a web page (HTML)": [b"<html><body>404</body></html>", b"\n <!DOCTYPE HTML>\n<p>Not found", b"<script>x</script>"],
    "XML": [b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"],
    "JSON": [b'{"error": {"code": 403}}', b"[]"],
    "Git LFS": [b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"],
    "a text that begins with 'Not Found'": [b"Not Found"],
    "a text that begins with '\u4e0d\u5b58\u5728": ["\u4e0d\u5b58\u5728".encode() * 3000],
    "base64": [b"/9j/4AAQSkZJRg", b"iVBORw0KGgo"],
    "a data URI": [b"data:image/png;base64,iVBORw0KGgo"],
    "a PDF": [b"%PDF-1.7"],
    "compressed with gzip": [b"\x1f\x8b\x08" + bytes(20)],
    "a ZIP archive": [b"PK\3\4" + bytes(20)],
    "a video (MP4 or QuickTime)": [brand(b"isom", b"mp42"), brand(b"qt  ")],
    "a video (WebM": [b"\x1a\x45\xdf\xa3" + bytes(20)],
    "nothing but zeros": [bytes(5000)],
    "a picture behind 2 other bytes, no JPEG, PNG, GIF or WebP; remove them: tail -c +3": [b"\r\n" + JPEG],
    "a PNG as Xcode packs it": [PNG[:8] + chunk(b"CgBI", bytes(4)) + PNG[8:]],
    "no JPEG, PNG, GIF or WebP": [b"\xfe\xed\0" * 9, b"{\xff", b"RIFF\0\0\0\0WAVEfmt "],
    "cut off or damaged": [saved(Image.fromarray(LARGE), "JPEG", exif=b"Exif\0\0" + JPEG)[:-200], bomb(0, 100)],
}  # fmt: skip


@pytest.mark.parametrize("said", NAMED)
def test_what_is_no_picture_of_these_kinds_is_named(said: str):
    for content in NAMED[said]:
        fault = image_files.fault(content)
        assert fault is not None
        assert said in fault
        assert "\n" not in fault
        assert fault.startswith(("empty", "cut off")) or image_files.image_formats.WANTED in fault
        assert read(content)[1] == [False]


def test_what_is_kept_of_a_picture_is_made_again_where_its_pixels_may_have_changed():
    ever = {kind for kind, content in KINDS.items() if not image_files.version(content)}
    assert ever == {"jpeg", "progressive jpeg", "high"}
    assert image_files.version(WITH_EXIF["jpeg"](exif_of(6))) == image_files.version(PNG) != ""


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
    "animated webp of 16,000 x 16,000": animated_webp(GREEN, 0, 0, 16_000),
    "animated webp whose frame is outside": animated_webp(GREEN, 24, 24),
    "animated webp without a frame": riff((b"VP8X", b"\x02\0\0\0" + short(31, 31)), (b"ANIM", bytes(6))),
    "animated webp in an animated webp": riff(
        (b"VP8X", b"\x02\0\0\0" + short(31, 31)), (b"ANMF", short(0, 0, 31, 31, 9) + b"\0" + SHOWN["animated webp"][1])
    ),
    "gif of 65,535 x 65,535": placed_gif(0, 0, side=65_535),
    "gif whose first frame is too large": KINDS["gif"].replace(b",\0\0\0\0\x20\0\x20\0", b",\0\0\0\0\xff\xff\xff\xff"),
    "gif without a frame": KINDS["gif"][:13] + b";",
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
