"""Examples as their codecs encode them, on all cores: columns in memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seqtasks.codecs import InputCodec, TargetCodec
from seqtasks.data.columns import Dense, Ragged
from seqtasks.errors import InputError

BATCH_SIZE = 500  # targets encoded together


class Chunk(NamedTuple):
    """Some rows, end to end, and the steps of each; None where each row is one value."""

    values: np.ndarray
    lengths: np.ndarray | None


Encode = Callable[[np.ndarray, int], Chunk]  # strings (B,), and how many rows come before them


def inputs(values: Any, codec: InputCodec) -> Ragged:
    """All inputs of a column (N,), encoded once."""
    found = column(list(chunks(values, of_inputs(codec), codec.traits.batch_size)))
    assert isinstance(found, Ragged)
    return found


def targets(values: Any, codec: TargetCodec, *, name: str) -> Dense | Ragged:
    """All targets of a column (N,). Raises InputError that names the row of an unknown one, in the split `name`."""
    return column(list(chunks(values, of_targets(codec, name), BATCH_SIZE)))


def of_inputs(codec: InputCodec) -> Encode:
    """Encodes a chunk of inputs; traced once."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def encoded(strings: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        padded, lengths = codec.encode(strings)
        return tf.boolean_mask(padded, tf.sequence_mask(lengths, tf.shape(padded)[1])), lengths

    def encode(strings: np.ndarray, before: int) -> Chunk:
        return Chunk(*(each.numpy() for each in encoded(tf.constant(strings, tf.string))))

    return encode


def of_targets(codec: TargetCodec, name: str) -> Encode:
    """Encodes a chunk of targets; traced once."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def encoded(strings: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        ids = codec.encode(strings)
        return (ids.flat_values, ids.row_lengths()) if isinstance(ids, tf.RaggedTensor) else (ids, None)

    def encode(strings: np.ndarray, before: int) -> Chunk:
        ids, lengths = encoded(tf.constant(strings, tf.string))
        found = Chunk(ids.numpy(), None if lengths is None else lengths.numpy().astype(np.int32))
        if (found.values < 0).any():
            row = _unknown(found)
            known = f"label {strings[row]!r} is none of {', '.join(codec.names)}"
            other = f"{strings[row]!r} has a type that train has not"
            raise InputError(f"{name} row {before + row + 1}: {known if codec.names else other}")
        return found

    return encode


def chunks(values: Any, encode: Encode, size: int, *, before: int = 0) -> Iterator[Chunk]:
    """Chunks of a column in the order of their rows; `before` is how many rows come before them."""
    cores = os.cpu_count() or 1
    with ThreadPoolExecutor(cores) as threads:
        waiting: deque[Future[Chunk]] = deque()
        for start in range(0, len(values), size):
            waiting.append(threads.submit(_encoded, values, encode, start, start + size, before))
            if len(waiting) > 2 * cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _encoded(values: Any, encode: Encode, start: int, end: int, before: int) -> Chunk:
    return encode(values[start:end], before + start)


def column(found: list[Chunk]) -> Dense | Ragged:
    """Chunks as one column."""
    values = np.concatenate([each.values for each in found])
    lengths = [each.lengths for each in found if each.lengths is not None]
    return Ragged(values, offsets(np.concatenate(lengths))) if lengths else Dense(values)


def offsets(lengths: np.ndarray) -> np.ndarray:
    """Lengths (N,) -> where each row begins, and where the last one ends, int64 (N + 1,)."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def _unknown(found: Chunk) -> int:
    """The first row of a chunk with an id below 0."""
    place = int(np.argmax((found.values < 0).reshape(len(found.values), -1).any(axis=1)))
    return place if found.lengths is None else int(np.searchsorted(np.cumsum(found.lengths), place, side="right"))
