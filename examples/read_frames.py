"""A recording of joints or sensors, or a film -> frames: what `seqtasks` does in TensorFlow's graph, in plain Python.

`codec` is the `inputs` of an export's codecs.json, where the codec is `frames`.
"""

import io
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent))
import read_tables  # beside this program, from wherever that is run

AXES = 3
MAX_PIXELS, GREY = 50_000_000, 128  # of all frames of a film together; of what is none
MSR_JOINTS, MSR_CELLS = 20, 4  # of a frame, and of a line, of the files of MSR-Action3D


def read(codec: dict, value: bytes) -> np.ndarray:
    """A file's bytes -> frames, float32 (1, steps, numbers), of a film uint8 (1, steps, size, size, 3).

    Of what cannot be read it is one frame of zeros, or a grey one.
    """
    most = codec["max_length"]
    if codec["medium"] == "film":
        return film(value, most, codec["image_size"])[None]
    if codec["medium"] == "joints":
        table = positions(value, codec["joints"], most)
    else:
        table = read_tables.by_name(value, codec["names"], most)
    found = read_tables.standardised(read_tables.filled(table), codec)
    return (found if len(found) else np.zeros((1, table.shape[1]), np.float32))[None]


def positions(value: bytes, joints: int, most: int) -> np.ndarray:
    """The places of the joints in each frame; NaN where a frame cannot be read, or all joints are in the origin."""
    width = AXES * joints
    lines = read_tables.cells(value, most * width * read_tables.BYTES_PER_NUMBER)
    lines = lines[read_tables.has_header(lines) :]
    if all(len(line) == MSR_CELLS for line in lines):
        rows = read_tables.of_width(lines[: most * MSR_JOINTS], MSR_CELLS)[:, :AXES]
        frames = rows[: len(rows) // MSR_JOINTS * MSR_JOINTS].reshape(-1, MSR_JOINTS * AXES)
        frames = frames if joints == MSR_JOINTS else np.full((len(frames), width), np.nan, np.float32)
    else:
        frames = read_tables.of_width(lines[:most], width)
    frames[(frames == 0).all(axis=1) | np.isnan(frames).any(axis=1)] = np.nan
    return frames


def film(value: bytes, most: int, size: int) -> np.ndarray:
    """The frames of an animated GIF that are taken, evenly from the first to the last; Pillow reads them."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(value), formats=("GIF",)) as picture:
            count = picture.n_frames
            if count * picture.width * picture.height > MAX_PIXELS:
                raise ValueError("too large")
            taken = np.rint(np.linspace(0, count - 1, min(count, most)).astype(np.float32)).astype(int)
            frames = []
            for place in taken:
                picture.seek(int(place))
                bands = picture.convert("RGB").split()
                small = [band.convert("F").resize((size, size), Image.Resampling.BILINEAR) for band in bands]
                frames.append(np.stack(small, axis=-1))
    except (OSError, ValueError, SyntaxError, EOFError):
        return np.full((1, size, size, 3), GREY, np.uint8)
    return np.clip(np.rint(np.stack(frames)), 0, 255).astype(np.uint8)
