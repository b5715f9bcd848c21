"""Films as animated GIFs: their size before they are decoded, the frames that are taken, what is refused."""

from __future__ import annotations

import io
import os
import runpy
import struct
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from seqtasks import codecs
from seqtasks.codecs import film
from seqtasks.codecs.frames import Frames
from seqtasks.data.samples import films
from seqtasks.errors import InputError

CODEC = Frames(medium="film", max_length=6, image_size=32)
DRAWN = [content for content, _ in films.draw(8)]
READER = Path(__file__).parents[1] / "examples" / "read_frames.py"


def frames(*levels: int, side: int = 8) -> list[np.ndarray]:
    return [np.full((side, side, 3), level, np.uint8) for level in levels]


def bomb(count: int, side: int) -> bytes:
    """A small file that says it has so many frames, each of them large."""
    block = b",\0\0\0\0" + struct.pack("<HH", side, side) + b"\0" + b"\x08\x01\x00\x00"
    return b"GIF89a" + struct.pack("<HH", side, side) + b"\0\0\0" + block * count + b";"


def sizes(content: bytes) -> tuple[int, ...]:
    return tuple(int(each) for each in film.size_of(tf.constant(content)))


@pytest.mark.parametrize("place", range(4))
def test_the_size_is_read_from_the_blocks(place: int):
    with Image.open(io.BytesIO(DRAWN[place])) as picture:
        assert sizes(DRAWN[place]) == (picture.n_frames, picture.height, picture.width)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"GIF89a\0\0", b"none", DRAWN[0][:40]])
def test_what_is_no_film_has_a_size_too(content: bytes):
    assert sizes(content)[0] in (0, 1)


def test_frames_are_taken_evenly_from_the_first_to_the_last():
    content = films.gif(frames(0, 40, 80, 120, 160, 200, 240))
    found = film.frames_of(tf.constant(content), 3, 8).numpy()
    assert found.shape == (3, 8, 8, 3)
    np.testing.assert_allclose(found[:, 0, 0, 0], [0, 120, 240], atol=2)
    assert film.frames_of(tf.constant(content), 50, 8).shape[0] == 7


def test_delays_and_partial_frames_change_nothing_else():
    first, second = (Image.fromarray(each).quantize(4) for each in frames(0, 0))
    second.paste(3, (2, 2, 4, 4))
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=[second], duration=[20, 4_000])
    found = film.frames_of(tf.constant(file.getvalue()), 9, 8).numpy()
    assert found.shape[0] == 2
    assert (found[1][0] == found[0][0]).all()


REFUSED = {
    "no GIF": (b"\x89PNG\r\n\x1a\n", "no GIF; convert the film"),
    "empty": (b"", "empty"),
    "a bomb": (
        bomb(1_000, 6_400),
        r"of 1,000 frames of 6,400 x 6,400 pixels, 40,960 million in all, more than 50 million",
    ),
    "a GIF without a frame": (bomb(0, 8), "a GIF without a frame"),
    "damaged": (bomb(1, 8), "cut off or damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_film_is_refused_by_name(name: str, tmp_path: Path):
    content, reason = REFUSED[name]
    (tmp_path / "wave.gif").write_bytes(content)
    with pytest.raises(InputError, match=f"names .*wave.gif, which is {reason}"):
        CODEC.clean(os.fsencode(tmp_path / "wave.gif"))


def test_bad_films_are_grey_and_harm_no_other():
    still = films.gif(frames(90))
    values = [DRAWN[0], *(content for content, _ in REFUSED.values()), still, DRAWN[0][: len(DRAWN[0]) // 2], DRAWN[1]]
    found, lengths = CODEC.encode(tf.constant(values))
    assert lengths.numpy().tolist()[:7] == [6, 1, 1, 1, 1, 1, 1]
    assert (found[1, 0].numpy() == film.GREY).all()
    for place in (0, len(values) - 1):
        np.testing.assert_array_equal(found[place], CODEC.encode(tf.constant([values[place]]))[0][0])


def test_a_film_is_read_in_plain_python_as_the_codec_reads_it():
    read = runpy.run_path(str(READER))["read"]
    values = [*DRAWN[:3], b"", b"none", bomb(1_000, 6_400)]
    for value, row in zip(values, codecs.network_rows(CODEC, values), strict=True):
        given = read(codecs.describe(CODEC), value)
        assert given.shape == row.shape
        assert given.dtype == row.dtype
        assert np.abs(given.astype(int) - row).max() <= CODEC.traits.reading_tolerance


@pytest.mark.thorough
def test_any_frame_alone_may_be_of_any_motion():
    """The shape of a first frame is wherever it likes, whatever it will do."""
    rows = list(films.draw(600))
    middles: dict[str, list[np.ndarray]] = {}
    for content, motion in rows:
        first = film.frames_of(tf.constant(content), 1, 32).numpy()[0].sum(axis=-1)
        middles.setdefault(motion, []).append(np.argwhere(first < first.max() - 30).mean(axis=0))
    means = np.array([np.mean(each, axis=0) for each in middles.values()])
    assert np.abs(means - 16).max() < 4
