"""What is to be seen in a photograph?

One-to-many. Flickr8k (Hodosh, Young and Hockenmaier, 2013), 8,000 photographs with five captions each, through a
builder of ours; COCO's 83,000 (Chen et al., 2015), through TensorFlow Datasets; one's own photographs with captions;
or the project's own scenes, which it draws: two coloured shapes and how they stand to each other.
"""

from __future__ import annotations

import functools
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from seqtasks.codecs.image import Image
from seqtasks.codecs.sentences import Sentences
from seqtasks.data import tfds, user
from seqtasks.errors import unknown
from seqtasks.metrics import classification
from seqtasks.patterns import one_to_many
from seqtasks.task import Examples, Folders, Setting, Task
from seqtasks.training import trainer

DATASET = "flickr8k"
SPLITS = ("train", "validation", "test")
DATASETS = {"flickr8k": SPLITS, "coco_captions": ("train", "val", "test")}  # and how they name their splits

SCENES, SIDE, SEED = 4_000, 64, 8  # how many, their sides in pixels, of the random numbers
HELD_OUT = 8  # every eighth is for the test
COLOURS = {"red": (214, 48, 49), "green": (60, 170, 80), "blue": (52, 90, 210), "yellow": (245, 205, 50)}
SHAPES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {  # of places from -1 to 1, down and right
    "circle": lambda y, x: y**2 + x**2 <= 1,
    "square": lambda y, x: np.maximum(abs(y), abs(x)) <= 0.9,
    "triangle": lambda y, x: (abs(y) <= 1) & (abs(x) <= (y + 1) / 2),
}
RELATIONS = ("above", "left of", "inside")
SMALL: dict[str, Setting] = {  # an encoder of its own, learned with the rest
    "encoder": "small",
    "fine_tuned": 0,
    "mirrored": False,  # or left were right
    "near": 0.0,
    "size": SIDE,
    "least": 1,
    "words": 12,
    "epochs": 12,
    "batch": 64,
    "learning_rate": 3e-3,
    "patience": 12,
    "tellers": 1,
    "units": 128,
    "embedding": 32,
    "attention": 64,
    "dropout": 0.1,
    "embedding_dropout": 0.0,
    "output_dropout": 0.0,
    "smoothing": 0.0,
    "average": 0.99,
    "beam": 3,
}


def examples(dataset: str, folders: Folders) -> Mapping[str, Examples]:
    """The splits: photographs, bytes (N,), and their captions, about five each, str (N,), with line feeds between."""
    if dataset not in DATASETS:
        raise unknown("data set", dataset, [*DATASETS, "sample"])
    if dataset != DATASET:  # which fits into the memory
        builder = tfds.find(dataset, folders) or tfds.prepare(dataset, folders)
        store = Path(folders.datasets[0]) / "encoded"
        return {
            name: user.kept(store / f"{dataset}-{split}", functools.partial(tfds.captioned, builder, split))
            for name, split in zip(SPLITS, DATASETS[dataset], strict=True)
        }
    found = tfds.load(dataset, folders, SPLITS)
    captions = {name: [each.decode() for each in rows["captions"]] for name, rows in found.items()}
    return {name: Examples(rows["image"], np.array(captions[name], object)) for name, rows in found.items()}


def sample() -> Mapping[str, Examples]:
    """Scenes of two things of different colours, one above, left of or inside the other."""
    draw = np.random.default_rng(SEED)
    rows: dict[str, list[tuple[bytes, str]]] = {"train": [], "test": []}
    for number in range(SCENES):
        relation = RELATIONS[number % len(RELATIONS)]
        first, second = zip(draw.choice(list(COLOURS), 2, replace=False), draw.choice(list(SHAPES), 2), strict=True)
        scene = _png(_scene(first, second, relation, draw))
        caption = f"a {' '.join(first)} {relation} a {' '.join(second)}"
        rows["test" if number % HELD_OUT == 0 else "train"].append((scene, caption))
    return {split: Examples.of(pairs) for split, pairs in rows.items()}


def _scene(first: tuple[str, str], second: tuple[str, str], relation: str, draw: np.random.Generator) -> np.ndarray:
    """Pixels, uint8 (SIDE, SIDE, 3): the first thing drawn over the second, on a light ground."""
    pixels = np.full((SIDE, SIDE, 3), draw.integers(215, 256, 3), np.uint8)
    near, far = sorted(draw.uniform(0, 1, 2))
    if relation == "inside":
        size = draw.uniform(25, 30)
        middle = draw.uniform(size + 1, SIDE - size - 1, 2)
        around = middle + (size * 0.25 if second[1] == "triangle" else 0) * np.array([1, 0])  # where it is wide
        _paint(pixels, second, middle, size)
        _paint(pixels, first, around + draw.uniform(-2, 2, 2), draw.uniform(9, 11))
        return pixels
    sizes = draw.uniform(8, 13, 2)
    half = SIDE / 2
    along = np.array([sizes[0] + near * (half - 2 * sizes[0]), half + sizes[1] + far * (half - 2 * sizes[1])])
    across = half + draw.uniform(-8, 8, 2)
    for thing, size, place, aside in zip((first, second), sizes, along, across, strict=True):
        _paint(pixels, thing, np.array([place, aside] if relation == "above" else [aside, place]), size)
    return pixels


def _paint(pixels: np.ndarray, thing: tuple[str, str], middle: np.ndarray, size: float) -> None:
    """Fills a shape around the middle (row, column), of half so many pixels in size."""
    colour, shape = thing
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    pixels[SHAPES[shape]((rows - middle[0]) / size, (columns - middle[1]) / size)] = COLOURS[colour]


def _png(pixels: np.ndarray) -> bytes:
    """Pixels, uint8 (H, W, 3), as a PNG file (ISO/IEC 15948)."""
    height, width, _ = pixels.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(lines.tobytes(), 9),
        b"IEND": b"",
    }
    chunks = [
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


TASK = Task(
    name="captioning",
    pattern=one_to_many,
    inputs=Image(fine_tuned=4, mirrored=True, near=0.2),
    targets=Sentences(),
    dataset=DATASET,
    examples=examples,
    sample=sample,
    measures=classification.captions,
    settings=trainer.DEFAULTS
    | one_to_many.DEFAULTS
    | {
        "epochs": 9,
        "batch": 32,
        "learning_rate": 2e-3,
        "average": 0.998,
        "monitor": "loss",
        "patience": 3,
        "tellers": 2,
        "cell": "lstm",
        "units": 384,
        "embedding": 256,
        "dropout": 0.5,
        "embedding_dropout": 0.3,
        "output_dropout": 0.5,
        "smoothing": 0.1,
        "beam": 10,
    },
    declared={"sample": SMALL},
)
