"""Text <-> ids of pieces of words; together the pieces are the text again, to the byte.

A text is cut into words first, each with the space before it. A word that is a piece is one; any other is cut where the
product of the pieces' probabilities is highest (Kudo, 2018), and what no piece has is spelled in bytes. Ids from
FIRST_BYTE on are the 256 bytes, from FIRST_PIECE on the pieces. Bytes that are no UTF-8 are read as U+FFFD.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from seqtasks.codecs import vocabulary
from seqtasks.codecs.subword_learning import MAX_WORDS, MIN_FREQUENCY, learn
from seqtasks.codecs.vocabulary import SPECIALS, UNK_ID
from seqtasks.setting import at_least

FIRST_BYTE, BYTES = SPECIALS, 256
FIRST_PIECE = FIRST_BYTE + BYTES
WORD = r" ?[\p{L}\p{N}\p{M}'’]+| ?[^\p{L}\p{N}\p{M}'’\s]|\s"
LONGEST = r"(?s).{32}"  # of a word, which is taken for several: the search for a cut takes bounded time
BORDER = b"\xff"  # a byte that UTF-8 does not have
UNIT = 1_000  # costs are whole numbers: every machine and every language cuts alike
FAR = 1 << 28  # a cost that no cut has


@dataclass(frozen=True)
class Segmenter:
    level: str  # subword, or word: then a word is one piece or unknown
    vocabulary: tuple[str, ...] = ()  # the piece with id FIRST_PIECE, ..., the most frequent first
    dropout: float = 0.0  # share of the pieces of several characters that are done without
    variant: int = 0  # says which

    @property
    def choices(self) -> int:
        """How many ids there are."""
        return FIRST_PIECE + len(self.vocabulary)

    def learned(self, batches: Iterable[np.ndarray], vocabulary_size: int) -> tuple[str, ...]:
        """The pieces of batches of texts (N,)."""
        split = tf.function(words, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        found = (split(tf.constant(batch, tf.string)).flat_values.numpy() for batch in batches)
        most = vocabulary_size - FIRST_PIECE
        if self.level == "word":
            return vocabulary.frequent(found, most, min_frequency=MIN_FREQUENCY)
        return learn(((word.decode(), count) for word, count in vocabulary.counted(found, MAX_WORDS)), most)

    def encode(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Texts, string (B,) -> ids, int32 (B, None)."""
        found = words(texts)
        ids = self._table.lookup(found.flat_values)
        if self.level == "word":
            return found.with_flat_values(ids)
        whole = tf.not_equal(ids, UNK_ID)
        others, places = tf.unique(tf.boolean_mask(found.flat_values, ~whole))
        rows = tf.concat([tf.RaggedTensor.from_tensor(ids[:, None]), self._cut(others)], axis=0)
        number = tf.cumsum(tf.cast(~whole, tf.int32), exclusive=True)  # of a word among those that are not whole
        row = tf.where(whole, tf.range(tf.size(ids)), tf.size(ids) + tf.gather(tf.pad(places, [[0, 1]]), number))
        return found.with_flat_values(tf.gather(rows, row)).merge_dims(1, 2)

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Texts, string (B,) -> pieces, string (B, None), that are the text when they are joined."""
        ids = self.encode(texts)
        return ids.with_flat_values(self._strings(ids.flat_values))

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int (B, T) -> texts, string (B,); the first id is nothing, UNK_ID is U+FFFD."""
        return tf.strings.unicode_transcode(tf.strings.reduce_join(self._strings(ids), axis=-1), "UTF-8", "UTF-8")

    def shown(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int (B, T) -> the piece of each as a person reads it, string (B, T): <0xE9> for a byte."""
        spelled = [f"<0x{byte:02X}>" for byte in range(BYTES)]
        return tf.gather(tf.constant(["", "\ufffd", *spelled, *self.vocabulary]), ids)

    def tables(self) -> list[Any]:
        """What an export must carry along."""
        return [self._table] if self.level == "word" else [self._table, self._trie[0]]

    def _strings(self, ids: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.constant([b"", "\ufffd".encode(), *self._pieces]), ids)

    def _cut(self, others: tf.Tensor) -> tf.RaggedTensor:
        """Words, string (W,) -> ids of the most probable cut of each, int32 (W, None)."""
        _, costs, ids = self._trie
        signs = tf.io.decode_raw(tf.strings.reduce_join(tf.strings.join([BORDER, others])), tf.uint8)
        sizes = tf.strings.length(others)
        starts = tf.cumsum(sizes + 1) - sizes
        nodes = self._nodes(tf.cast(signs, tf.int64))
        ends, lengths = cheapest(tf.gather(costs, nodes), starts, sizes)
        places = tf.cast(tf.where(ends), tf.int32)  # (P, 2): a word, and the byte of it with which a piece ends
        signs_before = tf.gather(starts, places[:, 0]) + places[:, 1]
        last = tf.gather_nd(nodes, tf.stack([signs_before, tf.gather_nd(lengths, places)], axis=1))
        rows = tf.reduce_sum(tf.cast(ends, tf.int64), axis=1)
        return tf.RaggedTensor.from_row_lengths(tf.gather(ids, last), rows, validate=False)

    def _nodes(self, signs: tf.Tensor) -> tf.Tensor:
        """Bytes (N,) -> the node of the 1, 2, ... bytes that end with each, int32 (N, M)."""
        table, found = self._trie[0], []
        node = tf.zeros_like(signs)
        for size in range(max(map(len, self._pieces))):
            earlier = tf.pad(signs, [[size, 0]], constant_values=BORDER[0])[: tf.size(signs)]
            node = table.lookup(BYTES * node + earlier)
            found.append(tf.cast(node, tf.int32))
        return tf.stack(found, axis=1)

    @cached_property
    def _pieces(self) -> list[bytes]:
        return [*(bytes([byte]) for byte in range(BYTES)), *(piece.encode() for piece in self.vocabulary)]

    @cached_property
    def _kept(self) -> np.ndarray:
        """Which pieces there are, bool (V,)."""
        draw = np.random.default_rng(self.variant).random(len(self.vocabulary))
        single = np.array([len(piece) == 1 for piece in self.vocabulary], bool)
        return single | (draw >= self.dropout)

    @cached_property
    def _table(self) -> tf.lookup.StaticHashTable:
        kept = zip(self.vocabulary, self._kept, strict=True)
        no_word = " in two "  # a word has no space but at its beginning
        return vocabulary.table([piece if here else piece + no_word for piece, here in kept], first=FIRST_PIECE)

    @cached_property
    def _trie(self) -> tuple[tf.lookup.StaticHashTable, np.ndarray, np.ndarray]:
        """The pieces from their ends: 256 * node + byte -> node; of each node cost and id, the last is no piece's."""
        nodes = {b"": 0}
        for piece in self._pieces:
            for start in range(len(piece) - 1, -1, -1):
                nodes.setdefault(piece[start:], len(nodes))
        costs, ids = np.full(len(nodes) + 1, FAR, np.int32), np.full(len(nodes) + 1, UNK_ID, np.int32)
        for number, (piece, cost) in enumerate(zip(self._pieces, piece_costs(len(self.vocabulary)), strict=True)):
            here = number < BYTES or self._kept[number - BYTES]
            costs[nodes[piece]], ids[nodes[piece]] = cost if here else FAR, FIRST_BYTE + number
        steps = {BYTES * nodes[end[1:]] + end[0]: node for end, node in nodes.items() if end}
        with tf.init_scope():
            keys, values = (tf.constant([*each], tf.int64) for each in (steps, steps.values()))
            initializer = tf.lookup.KeyValueTensorInitializer(keys, values)
            return tf.lookup.StaticHashTable(initializer, default_value=len(nodes)), costs, ids


def check_size(level: str, vocabulary_size: int) -> None:
    """Raises UsageError for so few ids that there is none for a piece."""
    if level == "subword":
        at_least(FIRST_PIECE + 1)("vocabulary_size", vocabulary_size)


def words(texts: tf.Tensor) -> tf.RaggedTensor:
    """Texts, string (B,) -> words, string (B, None), that are the text when they are joined."""
    text = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")
    for pattern in (WORD, LONGEST):
        text = tf.strings.regex_replace(text, pattern, b"\\0" + BORDER)
    found = tf.strings.split(text, BORDER)
    return tf.ragged.boolean_mask(found, found != "")


def piece_costs(count: int) -> list[int]:
    """Of each byte and of so many pieces: -log of the probability that Zipf's law gives to a rank; bytes come last."""
    ranks = np.arange(1, count + 1)
    costs = np.rint(UNIT * np.log(ranks * np.log(count + 2))).astype(int).tolist()
    return [2 * max(costs, default=UNIT)] * BYTES + costs


def cheapest(costs: tf.Tensor, starts: tf.Tensor, sizes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The cut with the lowest sum of costs (Viterbi, 1967).

    Costs (N, M) of the pieces of 1, 2, ... bytes that end with each byte of all words; where each word starts (W,), its
    bytes (W,) -> whether a piece ends with a byte (W, T), and how many bytes less one it has (W, T).
    """
    longest = tf.reduce_max(tf.pad(sizes, [[0, 1]], constant_values=1))  # an empty loop would have no shape
    last = tf.maximum(tf.shape(costs)[0] - 1, 0)

    def forward(place: Any, sums: Any, chosen: Any) -> tuple[Any, Any, Any]:
        # sums (W, M): of the cheapest cut up to a place 1, 2, ... bytes back
        every = sums + tf.gather(costs, tf.minimum(starts + place, last))
        least = tf.reduce_min(every, axis=1, keepdims=True)
        chosen = chosen.write(place, tf.argmin(every, axis=1, output_type=tf.int32))
        return place + 1, tf.concat([least, sums[:, :-1]], axis=1), chosen

    def backward(place: Any, end: Any, ends: Any) -> tuple[Any, Any, Any]:
        here = tf.equal(end, place + 1)
        return place - 1, tf.where(here, place - lengths[place], end), ends.write(place, here)

    first = tf.pad(tf.zeros_like(sizes)[:, None], [[0, 0], [0, costs.shape[1] - 1]], constant_values=FAR)
    arrays = [tf.TensorArray(kind, longest, element_shape=[None]) for kind in (tf.int32, tf.bool)]
    *_, chosen = tf.while_loop(lambda place, *_: place < longest, forward, (0, first, arrays[0]))
    lengths = chosen.stack()
    *_, ends = tf.while_loop(lambda place, *_: place >= 0, backward, (longest - 1, sizes, arrays[1]))
    return tf.transpose(ends.stack()), tf.transpose(lengths)
