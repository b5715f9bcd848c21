"""Other recordings of the same action, made of one: turned, stretched, faster or slower, shaken, cut at its ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

AXES = 3  # of a place: x, y, z; y is upwards


@dataclass(frozen=True)
class Changes:
    """How far a recording is changed: standard deviations, but for `cut`."""

    turn: float  # radians about the vertical, of places
    scale: float  # of each axis of places, or of all readings
    warp: float  # of the logarithm of the speed
    noise: float  # of each number, whose own deviation is about 1
    cut: int  # frames at either end, at most

    @property
    def any(self) -> bool:
        return bool(self.turn or self.scale or self.warp or self.noise or self.cut)


def changed(frames: np.ndarray, draw: np.random.Generator, changes: Changes, *, places: bool) -> np.ndarray:
    """Frames (T, F), which may be places (T, 3 J) -> another recording, float32 (T', F)."""
    first, behind = (int(each) for each in draw.integers(0, changes.cut + 1, 2))
    if first + behind < len(frames):
        frames = frames[first : len(frames) - behind]
    if changes.warp:
        frames = resampled(frames, max(1, round(len(frames) * float(np.exp(draw.normal(0, changes.warp))))))
    if places:
        angle, factors = draw.normal(0, changes.turn), 1 + draw.normal(0, changes.scale, AXES)
        frames = (frames.reshape(len(frames), -1, AXES) @ turning(angle) * factors).reshape(frames.shape)
    elif changes.scale:
        frames = frames * (1 + draw.normal(0, changes.scale))
    return (frames + draw.normal(0, changes.noise, frames.shape)).astype(np.float32)


def shifted(frames: np.ndarray, draw: np.random.Generator, *, shift: int, cut: int) -> np.ndarray:
    """Frames of a film (T, H, W, 3) -> shifted by the same few pixels, their edges repeated, and cut at both ends."""
    first, behind = (int(each) for each in draw.integers(0, cut + 1, 2))
    if first + behind < len(frames):
        frames = frames[first : len(frames) - behind]
    down, right = (int(each) for each in draw.integers(0, 2 * shift + 1, 2))
    wide = np.pad(frames, [(0, 0), (shift, shift), (shift, shift), (0, 0)], mode="edge")
    return wide[:, down : down + frames.shape[1], right : right + frames.shape[2]]


def turning(angle: float) -> np.ndarray:
    """The matrix (3, 3) that turns places (..., 3) about the vertical by an angle in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])


def resampled(frames: np.ndarray, number: int) -> np.ndarray:
    """Frames (T, F) -> so many, evenly between the first and the last, on the lines between neighbours."""
    at = np.linspace(0, len(frames) - 1, number)
    low = at.astype(int)
    high = np.minimum(low + 1, len(frames) - 1)
    share = (at - low)[:, None]
    return frames[low] * (1 - share) + frames[high] * share
