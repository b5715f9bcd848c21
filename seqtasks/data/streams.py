"""A text as one stream of ids, read in lanes that each go on exactly where they stopped.

An epoch cuts the stream, a ring, at a place that (seed, epoch) decides, into as many lanes of equal length as a batch
has rows; batch after batch is the next window of every lane, so that states can be carried from one to the next
(truncated back-propagation through time; Mikolov et al., 2010).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seqtasks.errors import UsageError

CHUNK = 100_000  # bytes encoded at a time
LEAST = 2_000  # tokens of a lane where the stream is only measured: its beginning knows of nothing before it


class Window(NamedTuple):
    """The next tokens of every lane."""

    starts: np.ndarray  # int64 (B,), where in the stream each lane's first token is
    length: int  # tokens
    fresh: bool  # whether the lanes begin here


@dataclass(frozen=True)
class Stream:
    values: np.ndarray  # (N,) ids
    characters: int  # that the N tokens are made of
    window: int  # tokens that gradients go back through

    varied = False

    def __len__(self) -> int:
        return len(self.values)

    def order(self, *, size: int, least: int, seed: int, epoch: int) -> list[Window]:
        """The epoch's windows of at most `size` lanes; a short stream is gone through until there are `least`."""
        draw = np.random.default_rng([seed, epoch])
        lanes = max(1, min(size, len(self) // (2 * self.window)))
        windows: list[Window] = []
        while len(windows) < max(least, 1):
            length = len(self) // lanes
            starts = int(draw.integers(len(self))) + np.arange(lanes) * length
            # what is left of a lane is another epoch's: few different lengths, and never a gradient over a few tokens
            windows += self._windows(starts, length // self.window * self.window or length)
        return windows

    def sweep(self, *, size: int) -> list[Window]:
        """Windows over the whole stream in at most `size` lanes, for measuring; their last tokens may be missing."""
        lanes = max(1, min(size, len(self) // LEAST))
        length = len(self) // lanes
        return self._windows(np.arange(lanes) * length, length)

    def rows(self, length: int, *, size: int) -> list[Window]:
        """Windows of so many tokens, one behind the other over the whole stream, each a row that begins anew."""
        starts = np.arange(0, len(self) - len(self) % length, length)
        rest = [Window(np.array([len(starts) * length]), len(self) % length, True)] if len(self) % length else []
        return [Window(starts[at : at + size], length, True) for at in range(0, len(starts), size)] + rest

    def _windows(self, starts: np.ndarray, length: int) -> list[Window]:
        return [
            Window(starts + done, min(self.window, length - done), done == 0) for done in range(0, length, self.window)
        ]

    def batch(self, window: Window) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """(ids (B, T + 1) from the one before the window on, whether rows begin here, bool (B,)), ids (B, T + 1).

        Before a beginning stands 0.
        """
        places = window.starts[:, None] + np.arange(-1, window.length)
        ids = self.values[places % len(self)].astype(np.int32)
        if window.fresh:
            ids[:, 0] = 0
        return (ids, np.full(len(ids), window.fresh)), ids

    def steps(self, window: Window) -> int:
        return window.length

    def named(self, window: Window) -> str:
        """Where the window is, in a person's words."""
        shown = ", ".join(f"{start % len(self) + 1:,}" for start in window.starts[:5])
        return f"tokens {shown}, ... and the {window.length - 1} behind each"

    def fingerprint(self) -> str:
        """sha256 of the ids, in order."""
        return hashlib.sha256(np.ascontiguousarray(self.values).data).hexdigest()


def encode(texts: Iterable[bytes], codec: Any, *, window: int) -> Stream:
    """Texts, one behind the other, as one stream. Raises UsageError for a window of no tokens."""
    if window < 1:
        raise UsageError(f"window is at least 1, not {window}")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def encoded(chunk: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return codec.encode(chunk)[0][0], codec.characters(chunk)[0]

    smallest = np.min_scalar_type(codec.choices)
    found = [encoded(tf.constant([chunk])) for chunk in chunks(texts)]
    ids = [each.numpy().astype(smallest) for each, _ in found]
    return Stream(np.concatenate([np.zeros(0, smallest), *ids]), sum(int(count) for _, count in found), window)


def chunks(texts: Iterable[bytes]) -> Iterator[bytes]:
    """The texts in parts of about CHUNK bytes, cut behind a line or before a space, never inside a character."""
    for text in texts:
        start = 0
        while start < len(text):
            yield text[start : (end := _end(text, start))]
            start = end


def _end(text: bytes, start: int) -> int:
    """Where a part that begins at `start` ends."""
    end = start + CHUNK
    if end >= len(text):
        return len(text)
    for place in (text.rfind(b"\n", start, end) + 1, text.rfind(b" ", start + 1, end)):
        if place > start:
            return place
    while end > start + 1 and text[end] & 0xC0 == 0x80:  # in the midst of a character
        end -= 1
    return end
