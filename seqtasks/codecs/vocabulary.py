"""Which pieces of text have an id, and how ids are looked up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

START = 0  # fills a row behind its length, and stands before a text that is written
UNKNOWN = 1
SPECIALS = 2
BYTES_PER_WORD = 32  # at most, on average: a text however long is cut by it before anything else is done
COUNTED = 300_000  # different pieces at a time, about 30 MB


def frequent(batches: Iterable[np.ndarray], most: int, *, least: int = 1) -> tuple[str, ...]:
    """Batches of pieces, bytes (N,) -> the most frequent first, at most so many, equals in the order of their bytes.

    Pieces that stand there fewer than `least` times are left out.
    """
    counts: Counter[bytes] = Counter()
    rare = 0
    for batch in batches:
        counts.update(batch)
        if len(counts) > COUNTED:  # pieces this rare would come last in any case
            rare += 1
            counts = Counter({piece: count for piece, count in counts.items() if count > rare})
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    return tuple(dict.fromkeys(piece.decode(errors="replace") for piece, count in ranked if count >= least))


def table(pieces: Sequence[str]) -> tf.lookup.StaticHashTable:
    """Pieces -> their ids, int32, from SPECIALS on; UNKNOWN for any other."""
    with tf.init_scope():
        keys = tf.constant(tuple(pieces) or ("",))
        ids = tf.range(SPECIALS, SPECIALS + tf.size(keys), dtype=tf.int32)
        return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, ids), default_value=UNKNOWN)
