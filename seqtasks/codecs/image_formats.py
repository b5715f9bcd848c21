"""What a file is that is not read as a picture, by its bytes, and how to make a JPEG or a PNG of it."""

from __future__ import annotations

import codecs
import json
import re

WANTED = "no JPEG, PNG, GIF or WebP"
READ = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8")  # how what is read begins, but for WebP
HEAD_BYTES = 4096  # in which a text says what it is
SHOWN = 40  # characters of a text
CONVERT = "convert it, for example with: magick FILE out.jpg"
DOWNLOAD = "download the picture again"

FRAME = "take a frame, for example with: ffmpeg -i FILE -frames:v 1 out.jpg"
JXL = "convert it, for example with: djxl FILE out.jpg"

MARKS = (  # how a file begins
    (rb"BM.{4}\0{4}", "a BMP picture", CONVERT),
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", "a TIFF or a camera's raw picture", CONVERT),
    (rb"IIRO|IIU\0|FUJIFILM", "a camera's raw picture", CONVERT),
    (rb"II\xbc\x01", "a JPEG XR", CONVERT),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000", CONVERT),
    (rb"\0\0\0\x0cJXL |\xff\x0a", "a JPEG XL", JXL),
    (rb"\0\0[\x01\x02]\0", "an icon (ICO)", CONVERT),
    (rb"icns", "an icon (ICNS)", CONVERT),
    (rb"8BPS", "a Photoshop file (PSD)", CONVERT),
    (rb"DDS ", "a DDS", CONVERT),
    (rb"v/1\x01", "an OpenEXR", CONVERT),
    (rb"#\?RADIANCE", "a Radiance HDR", CONVERT),
    (rb"qoif", "a QOI", CONVERT),
    (rb"\x8aMNG", "an MNG", CONVERT),
    (rb"SIMPLE  =", "a FITS", CONVERT),
    (rb".{128}DICM", "a DICOM", "convert it, for example with: dcmj2pnm --write-png FILE out.png"),
    (rb"%PDF", "a PDF", "convert a page, for example with: pdftoppm -jpeg FILE out"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript file", CONVERT),
    (rb"\x1a\x45\xdf\xa3", "a video (WebM or Matroska)", FRAME),
    (rb"RIFF.{4}AVI ", "a video (AVI)", FRAME),
    (rb"\0\0\x01\xba", "a video (MPEG)", FRAME),
    (rb"\0.{3}(moov|mdat|wide|free|skip)", "a video (QuickTime)", FRAME),
    (rb"\0\x05\x16\x07", "a Mac's file beside a picture (AppleDouble)", "give the picture itself"),
    (rb"\x1f\x8b", "a file compressed with gzip", "unpack it first: gunzip -c FILE > out.jpg"),
    (rb"BZh\d", "a file compressed with bzip2", "unpack it first: bunzip2 -c FILE > out.jpg"),
    (rb"\xfd7zXZ\0", "a file compressed with xz", "unpack it first: xz -dc FILE > out.jpg"),
    (rb"\x28\xb5\x2f\xfd", "a file compressed with Zstandard", "unpack it first: zstd -dc FILE > out.jpg"),
    (rb"PK\x03\x04", "a ZIP archive or an office document", "unpack it first: unzip FILE"),
    (rb"Rar!", "a RAR archive", "unpack it first: unrar x FILE"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first: 7z x FILE"),
    (rb".{257}ustar", "a tar archive", "unpack it first: tar -xf FILE"),
)
BRANDS = (  # of ISO base media files (ISO/IEC 14496-12, 4.3), the first that fits
    (rb"avi[fos]", "an AVIF picture", "convert it, for example with: avifdec FILE out.png"),
    (rb"hei[cxms]|hev[cxms]", "a HEIC picture", "convert it, for example with: heif-convert FILE out.jpg"),
    (rb"crx ", "a camera's raw picture (CR3)", CONVERT),
    (rb"mif1|msf1|mif2", "a HEIF picture", "convert it, for example with: heif-convert FILE out.jpg"),
    (rb"jxl ", "a JPEG XL", JXL),
    (rb"jp[2xm] ", "a JPEG 2000", CONVERT),
    (rb"", "a video (MP4 or QuickTime)", FRAME),
)
TEXTS = (  # how a text begins, in small letters, behind comments and white space
    (rb"version https://git-lfs", "a pointer of Git LFS in a picture's place", "fetch it: git lfs pull"),
    (rb"/?\S*annex/objects/", "a pointer of git-annex in a picture's place", "fetch it: git annex get"),
    (rb"<svg|<!doctype svg|<\w+:svg", "an SVG", "draw it, for example with: rsvg-convert FILE -o out.png"),
    (rb"<!doctype html|<(html|head|body|title|meta|script|div|center|h1|p)\b", "a web page (HTML)", DOWNLOAD),
    (rb"<", "XML, perhaps a server's message", DOWNLOAD),
    (rb"data:image/", "a data URI", "decode what follows the comma: base64 -d"),
    (rb"/9j/|ivborw0kggo|r0lgod|uklgr", "a picture in base64", "decode it: base64 -d FILE > out.jpg"),
    (rb"p[1-7]\s+[#\d]", "a PNM", CONVERT),
    (rb"/\* xpm|#define \w+_width", "an X pixmap", CONVERT),
)
PREAMBLE = re.compile(rb"(?:\xef\xbb\xbf|\s|<\?xml.*?\?>|<!--.*?-->)*", re.DOTALL)
FRAMES = {  # of JPEG (ITU-T T.81, table B.1; T.87), by the second byte of their marker
    0xC3: "a lossless JPEG", 0xC5: "a hierarchical JPEG", 0xC6: "a hierarchical JPEG", 0xC7: "a hierarchical JPEG",
    0xC9: "a JPEG in arithmetic coding", 0xCA: "a JPEG in arithmetic coding", 0xCB: "a JPEG in arithmetic coding",
    0xF7: "a JPEG-LS",
}  # fmt: skip


def name(content: bytes) -> str | None:
    """What a file is that cannot be read, what was wanted, and what to do, on one line; None where nobody can tell."""
    if content.startswith(READ):
        found = _of_jpeg(content) or _of_png(content)
    else:
        found = _of_marks(content) or _of_text(content) or _behind(content)
    return f"{found[0]}, {WANTED}; {found[1]}" if found else None


def _of_marks(content: bytes) -> tuple[str, str] | None:
    for mark, what, advice in MARKS:
        if re.match(mark, content, re.DOTALL):
            return what, advice
    if content[4:8] != b"ftyp":
        return None
    size = int.from_bytes(content[:4])
    brands = [content[place : place + 4] for place in (8, *range(16, min(size, 256), 4))]
    return next((what, advice) for brand, what, advice in BRANDS if any(re.match(brand, each) for each in brands))


def _of_text(content: bytes) -> tuple[str, str] | None:
    head = content[:HEAD_BYTES]
    if not any(head):
        return "nothing but zeros", f"{DOWNLOAD}, or copy it again"
    begin = PREAMBLE.match(head)
    text = head[begin.end() if begin else 0 :].lower()
    for pattern, what, advice in TEXTS:
        if re.match(pattern, text):
            return what, advice
    try:
        words = codecs.getincrementaldecoder("utf-8")().decode(head)  # whose last character may be cut
        if text[:1] in (b"{", b"["):
            json.loads(content)
            return "JSON, perhaps a server's message", DOWNLOAD
    except (ValueError, RecursionError):
        return None
    plain = all(character.isprintable() or character.isspace() for character in words)
    return (f"a text that begins with {words[:SHOWN]!r}", DOWNLOAD) if plain else None


def _of_jpeg(content: bytes) -> tuple[str, str] | None:
    """A JPEG of a kind that is hardly ever read."""
    place = 2 if content.startswith(b"\xff\xd8\xff") else len(content)
    while content[place : place + 1] == b"\xff" and len(content) > place + 4:
        code = content[place + 1]
        if code in FRAMES or (0xC0 <= code <= 0xC2 and content[place + 4] != 8):
            return FRAMES.get(code, f"a JPEG of {content[place + 4]} bits"), CONVERT
        place += 2 + int.from_bytes(content[place + 2 : place + 4])
    return None


def _of_png(content: bytes) -> tuple[str, str] | None:
    """A PNG that only Apple's programs read."""
    if content.startswith(b"\x89PNG") and content[12:16] == b"CgBI":
        return "a PNG as Xcode packs it (CgBI)", "convert it, for example with: pngcrush -revert-iphone-optimizations"
    return None


def _behind(content: bytes) -> tuple[str, str] | None:
    """A picture with something before it."""
    found = [place for mark in READ if (place := content.find(mark, 1, HEAD_BYTES)) > 0]
    if not found:
        return None
    return f"a picture behind {min(found):,} other bytes", f"remove them: tail -c +{min(found) + 1} FILE > out.jpg"
