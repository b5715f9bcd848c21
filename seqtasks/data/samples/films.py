"""Animated GIFs of a shape in motion: what it does is seen in no frame alone."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np

MOTIONS = ("left", "right", "up", "down", "clockwise", "anticlockwise")
SEED = 6
SIDE = 32  # pixels
FRAMES = (10, 17)  # of a film, from and to
MILLISECONDS = 80  # a frame
RADIUS = (3.0, 5.0)  # pixels of the shape, from and to


def draw(count: int) -> Iterator[tuple[bytes, str]]:
    """So many films, GIF files, and how the shape moves: always the same.

    It leaves at one edge and comes in at the other, or goes in circles: in any frame it may be anywhere.
    """
    random = np.random.default_rng(SEED)
    for number in range(count):
        motion, length = MOTIONS[number % len(MOTIONS)], int(random.integers(*FRAMES))
        ground, ink = random.integers(150, 256, 3), random.integers(0, 120, 3)
        size, round_one = random.uniform(*RADIUS), bool(random.integers(2))
        frames = [_frame(place, size, ground, ink, round_one=round_one) for place in _path(motion, length, random)]
        yield gif(frames), motion


def gif(frames: list[np.ndarray]) -> bytes:
    """Frames, uint8 (H, W, 3) -> the bytes of an animated GIF."""
    from PIL import Image

    first, *others = (Image.fromarray(frame).quantize(16) for frame in frames)
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=others, duration=MILLISECONDS, loop=0, optimize=False)
    return file.getvalue()


def _path(motion: str, length: int, random: np.random.Generator) -> np.ndarray:
    """The shape's middle in each frame, (row, column), from 0 to SIDE."""
    steps, start = np.arange(length), random.uniform(0, SIDE, 2)
    if motion in MOTIONS[:4]:
        direction = np.array({"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}[motion])
        return (start + steps[:, None] * random.uniform(1.5, 2.5) * direction) % SIDE
    turn = random.uniform(0, 2 * np.pi) + steps * random.uniform(0.35, 0.55) * (1 if motion == "clockwise" else -1)
    return (start + random.uniform(5, 8) * np.stack([np.sin(turn), np.cos(turn)], axis=1)) % SIDE


def _frame(middle: np.ndarray, size: float, ground: np.ndarray, ink: np.ndarray, *, round_one: bool) -> np.ndarray:
    """Pixels, uint8 (SIDE, SIDE, 3): a circle or a square, which goes on at the other edge."""
    places = np.mgrid[:SIDE, :SIDE] + 0.5
    away = np.abs((places - middle[:, None, None] + SIDE / 2) % SIDE - SIDE / 2)
    inside = (away**2).sum(axis=0) <= size**2 if round_one else away.max(axis=0) <= size * 0.85
    pixels = np.broadcast_to(ground, (SIDE, SIDE, 3)).copy()
    pixels[inside] = ink
    return pixels.astype(np.uint8)
