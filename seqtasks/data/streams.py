"""A text as one stream of ids, read by the rows of a stateful batch, each of which continues exactly where it stopped.

An epoch cuts the stream, a ring, at a place that (seed, epoch) decides, into as many parts of equal length as a batch
has rows. Each batch is the next window of every part, so that states can be carried from one to the next (truncated
back-propagation through time; Mikolov et al., 2010).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

CHUNK = 100_000  # bytes encoded at a time
MIN_TOKENS = 2_000  # of a row where the stream is only measured: its beginning knows of nothing before it


class Window(NamedTuple):
    """The next tokens of every row."""

    starts: np.ndarray  # int64 (B,), where in the stream each row's first token is
    length: int  # tokens
    reset_states: bool  # whether the rows begin here


@dataclass(frozen=True)
class Stream:
    """An index is a Window."""

    values: np.ndarray  # (N,) ids
    characters: int  # that the N tokens are made of
    bptt_steps: int  # tokens that gradients go back through

    varied = False

    def __len__(self) -> int:
        return len(self.values)

    def epoch_batches(self, *, batch_size: int, min_steps: int, seed: int, epoch: int) -> list[Window]:
        """The epoch's windows of at most `batch_size` rows; a short stream is read until there are `min_steps`."""
        draw = np.random.default_rng([seed, epoch])
        rows = max(1, min(batch_size, len(self) // (2 * self.bptt_steps)))
        windows: list[Window] = []
        while len(windows) < max(min_steps, 1):
            length = len(self) // rows
            starts = int(draw.integers(len(self))) + np.arange(rows) * length
            # the rest of a row is another epoch's: few different lengths, and never a gradient over a few tokens
            windows += self._windows(starts, length // self.bptt_steps * self.bptt_steps or length)
        return windows

    def eval_batches(self, *, batch_size: int) -> list[Window]:
        """Windows over the whole stream in at most `batch_size` rows; their last tokens may be missing."""
        rows = max(1, min(batch_size, len(self) // MIN_TOKENS))
        length = len(self) // rows
        return self._windows(np.arange(rows) * length, length)

    def windows(self, length: int, *, batch_size: int) -> list[Window]:
        """Windows of so many tokens, one behind the other over the whole stream, at each of which states are reset."""
        starts = np.arange(0, len(self) - len(self) % length, length)
        rest = [Window(np.array([len(starts) * length]), len(self) % length, True)] if len(self) % length else []
        return [Window(starts[at : at + batch_size], length, True) for at in range(0, len(starts), batch_size)] + rest

    def _windows(self, starts: np.ndarray, length: int) -> list[Window]:
        steps = self.bptt_steps
        return [Window(starts + done, min(steps, length - done), done == 0) for done in range(0, length, steps)]

    def batch(self, index: Window) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """(ids (B, T) before each token, whether states are reset, bool (B,)), ids (B, T) of the window.

        Before a beginning stands 0.
        """
        places = index.starts[:, None] + np.arange(-1, index.length)
        ids = self.values[places % len(self)].astype(np.int32)
        if index.reset_states:
            ids[:, 0] = 0
        return (ids[:, :-1], np.full(len(ids), index.reset_states)), ids[:, 1:]

    def steps(self, index: Window) -> int:
        return index.length

    def describe(self, index: Window) -> str:
        """Where the window is, in a person's words."""
        shown = ", ".join(f"{start % len(self) + 1:,}" for start in index.starts[:5])
        return f"tokens {shown}, ... and the {index.length - 1} behind each"

    def fingerprint(self) -> str:
        """sha256 of the ids, in order."""
        return hashlib.sha256(np.ascontiguousarray(self.values).data).hexdigest()


class StreamCodec(Protocol):
    """Reads a text as ids and knows of how many characters."""

    @property
    def choices(self) -> int: ...

    def encode(self, values: Any) -> tuple[Any, Any]: ...

    def characters(self, values: Any) -> Any: ...


def encode(texts: Iterable[bytes], codec: StreamCodec, *, bptt_steps: int) -> Stream:
    """Texts, one behind the other, as one stream."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def encoded(chunk: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return codec.encode(chunk)[0][0], codec.characters(chunk)[0]

    smallest = np.min_scalar_type(codec.choices)
    found = [encoded(tf.constant([chunk])) for chunk in chunks(texts)]
    ids = [each.numpy().astype(smallest) for each, _ in found]
    return Stream(np.concatenate([np.zeros(0, smallest), *ids]), sum(int(count) for _, count in found), bptt_steps)


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
