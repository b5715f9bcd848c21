"""Drawn scenes of two coloured shapes and how they stand to each other, with a caption each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

COLOURS = {"red": (214, 48, 49), "green": (60, 170, 80), "blue": (52, 90, 210), "yellow": (245, 205, 50)}
SHAPES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {  # of places from -1 to 1, down and right
    "circle": lambda y, x: y**2 + x**2 <= 1,
    "square": lambda y, x: np.maximum(abs(y), abs(x)) <= 0.9,
    "triangle": lambda y, x: (abs(y) <= 1) & (abs(x) <= (y + 1) / 2),
}
RELATIONS = ("above", "left of", "inside")
SEED = 8


def draw(count: int, side: int) -> Iterator[tuple[bytes, str]]:
    """So many scenes, PNG files of `side` pixels on both sides, and their captions: always the same."""
    random = np.random.default_rng(SEED)
    for number in range(count):
        relation = RELATIONS[number % len(RELATIONS)]
        first, second = zip(random.choice(list(COLOURS), 2, replace=False), random.choice(list(SHAPES), 2), strict=True)
        scene = tf.io.encode_png(_scene(side, first, second, relation, random)).numpy()
        yield scene, f"a {' '.join(first)} {relation} a {' '.join(second)}"


def _scene(
    side: int, first: tuple[str, str], second: tuple[str, str], relation: str, random: np.random.Generator
) -> np.ndarray:
    """Pixels, uint8 (side, side, 3): the first thing drawn over the second, on a light ground."""
    pixels = np.full((side, side, 3), random.integers(215, 256, 3), np.uint8)
    near, far = sorted(random.uniform(0, 1, 2))
    if relation == "inside":
        size = random.uniform(25, 30)
        middle = random.uniform(size + 1, side - size - 1, 2)
        around = middle + (size * 0.25 if second[1] == "triangle" else 0) * np.array([1, 0])  # where it is wide
        _paint(pixels, second, middle, size)
        _paint(pixels, first, around + random.uniform(-2, 2, 2), random.uniform(9, 11))
        return pixels
    sizes = random.uniform(8, 13, 2)
    half = side / 2
    along = np.array([sizes[0] + near * (half - 2 * sizes[0]), half + sizes[1] + far * (half - 2 * sizes[1])])
    across = half + random.uniform(-8, 8, 2)
    for thing, size, place, aside in zip((first, second), sizes, along, across, strict=True):
        _paint(pixels, thing, np.array([place, aside] if relation == "above" else [aside, place]), size)
    return pixels


def _paint(pixels: np.ndarray, thing: tuple[str, str], middle: np.ndarray, size: float) -> None:
    """Fills a shape around the middle (row, column), of half so many pixels in size."""
    colour, shape = thing
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    pixels[SHAPES[shape]((rows - middle[0]) / size, (columns - middle[1]) / size)] = COLOURS[colour]
