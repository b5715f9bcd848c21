"""Which pieces of text have an id, and how ids are looked up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

PAD_ID = 0  # fills a row behind its length
BOS_ID = 0  # begins a text that is written: what is padding for the reader is never read, so one id is enough
UNK_ID = 1
SPECIALS = 2  # ids before that of the first piece
BYTES_PER_WORD = 32  # at most, on average: a text however long is cut by it before anything else is done
MAX_COUNTED = 300_000  # different pieces at a time, about 30 MB


def frequent(batches: Iterable[np.ndarray], most: int, *, min_frequency: int = 1) -> tuple[str, ...]:
    """Batches of pieces, bytes (N,) -> the most frequent first, at most so many, equals in the order of their bytes.

    Pieces that occur fewer than `min_frequency` times are left out.
    """
    ranked = counted(batches, most)
    return tuple(dict.fromkeys(piece.decode(errors="replace") for piece, count in ranked if count >= min_frequency))


def counted(batches: Iterable[np.ndarray], most: int) -> list[tuple[bytes, int]]:
    """The same with how often each occurs."""
    counts: Counter[bytes] = Counter()
    rare = 0
    for batch in batches:
        counts.update(batch)
        if len(counts) > MAX_COUNTED:  # pieces this rare would come last in any case
            rare += 1
            counts = Counter({piece: count for piece, count in counts.items() if count > rare})
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]


def table(pieces: Sequence[str], first: int = SPECIALS) -> tf.lookup.StaticHashTable:
    """Pieces -> their ids, int32, from `first` on; UNK_ID for any other."""
    with tf.init_scope():
        keys = tf.constant(tuple(pieces) or ("",))  # a table has one at least
        ids = tf.range(first, first + tf.size(keys), dtype=tf.int32) if pieces else tf.constant([UNK_ID])
        return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, ids), default_value=UNK_ID)
