"""Text <-> ids of words, characters or pieces of words, with Unicode throughout.

Bytes that are no UTF-8 are read as U+FFFD, the NUL byte as a space. A long text is cut before anything else is done
with it, so its cost is bounded: a word is taken to be at most BYTES_PER_WORD bytes long on average, a character at most
four.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from seqtasks.codecs import InputCodec, Traits, vocabulary
from seqtasks.codecs.subword_learning import MAX_PIECE_BYTES
from seqtasks.codecs.subword_pieces import Segmenter, check_size
from seqtasks.codecs.vocabulary import BYTES_PER_WORD, SPECIALS, UNK_ID
from seqtasks.layers.embeddings import BigramIds, TokenDropout
from seqtasks.setting import Setting, Settings, at_least, check_fields, field, one_of, share
from seqtasks.task import Folders

MAX_COUNTED_BIGRAMS = 2_000_000  # different ones at a time, about 50 MB while they are counted
BYTES_PER_STEP = {"word": BYTES_PER_WORD, "character": 4, "subword": MAX_PIECE_BYTES}  # at most, by level
COLUMNS = ("text", "review", "sentence", "comment", "message", "content", "document", "body", "tweet")

SETTINGS: Settings = {
    "embedding_dim": Setting(96, "width of the vector of a word or character", at_least(1)),
    "bigram_embedding_dim": Setting(64, "width of the vector of two neighbouring words", at_least(1)),
    "word_dropout": Setting(0.0, "share of words that training reads as unknown", share),
}


@dataclass(frozen=True)
class Text(InputCodec):
    level: str = field("word", "word, character or subword", one_of("word", "character", "subword"))
    vocabulary_size: int = field(30_000, "ids in all; the rarest words beyond it are unknown", at_least(SPECIALS + 1))
    max_length: int = field(400, "steps at most", at_least(1))
    truncation_side: str = field("left", "end at which a longer text is cut: left or right", one_of("left", "right"))
    lowercase: bool = field(True, "whether capitals are read as small letters")
    bigram_vocabulary_size: int = field(
        0, "pairs of neighbouring words, the most frequent, that have a vector; 0 for none", at_least(0)
    )
    vocabulary: tuple[str, ...] = ()  # the word with id SPECIALS, SPECIALS + 1, ...
    bigrams: tuple[int, ...] = ()  # keys of the pairs, ascending (see BigramIds)

    def __post_init__(self) -> None:
        check_fields(self)
        check_size(self.level, self.vocabulary_size)

    @property
    def traits(self) -> Traits:
        return Traits(columns=COLUMNS, settings=SETTINGS)

    @property
    def entries(self) -> int:
        """Ids in all."""
        return self._segmenter.choices if self.level == "subword" else len(self.vocabulary) + SPECIALS

    def clean(self, value: bytes) -> bytes:
        """A person's text as it is: any can be read."""
        return value

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Text:
        """Learns the vocabulary, and then the pairs, from batches of texts that can be gone through twice.

        The most frequent come first, equals in the order of their bytes.
        """
        if self.level == "subword":
            texts = (self._text(tf.constant(batch)).numpy() for batch in values)
            words = self._segmenter.learned(texts, self.vocabulary_size)
        else:
            pieces = (self._split_now(tf.constant(batch)).flat_values.numpy() for batch in values)
            words = vocabulary.frequent(pieces, self.vocabulary_size - SPECIALS)
        fitted = dataclasses.replace(self, vocabulary=words)
        return (
            dataclasses.replace(fitted, bigrams=fitted._frequent_bigrams(values))
            if self.bigram_vocabulary_size
            else fitted
        )

    def _frequent_bigrams(self, values: Iterable[np.ndarray]) -> tuple[int, ...]:
        """Keys of the most frequent pairs of known words, of those that occur more than once."""
        encode = tf.function(self.encode, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        base = self.entries
        keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int32)
        rare = 0
        for batch in values:
            ids = encode(tf.constant(batch))[0].numpy().astype(np.int64)
            first, second = ids[:, :-1], ids[:, 1:]
            known = (first >= SPECIALS) & (second >= SPECIALS)
            found, times = np.unique((first * base + second)[known], return_counts=True)
            places = np.searchsorted(keys, found)
            old = np.zeros(len(found), bool) if not len(keys) else keys[np.minimum(places, len(keys) - 1)] == found
            counts[places[old]] += times[old].astype(np.int32)
            keys = np.insert(keys, places[~old], found[~old])
            counts = np.insert(counts, places[~old], times[~old])
            if len(keys) > MAX_COUNTED_BIGRAMS:  # as with the words
                rare += 1
                keys, counts = keys[counts > rare], counts[counts > rare]
        frequent = np.lexsort((keys, -counts))[: self.bigram_vocabulary_size]
        return tuple(np.sort(keys[frequent[counts[frequent] > 1]]).tolist())

    def encode(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Texts, string (B,) -> ids, int32 (B, T), and lengths, int32 (B,). A text without a word is one unknown."""
        if self.level == "subword":
            ids = self._kept(self._segmenter.encode(self._text(values)))
        else:
            pieces = self.split(values)
            ids = pieces.with_flat_values(self._table.lookup(pieces.flat_values))
        lengths = tf.cast(ids.row_lengths(), tf.int32)
        ids = ids.to_tensor(shape=[None, None])
        ids = tf.pad(ids, [[0, 0], [0, tf.maximum(1 - tf.shape(ids)[1], 0)]])
        empty = tf.equal(lengths, 0)[:, None] & tf.equal(tf.range(tf.shape(ids)[1]), 0)[None, :]
        return tf.where(empty, UNK_ID, ids), tf.maximum(lengths, 1)

    def placeholder(self) -> keras.KerasTensor:
        """The network's input, ids (B, T)."""
        return keras.Input((None,), dtype="int32", name="ids")

    def read(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """What `encode` gives, and whether each text is longer than what is read of it, bool (B,)."""
        more = dataclasses.replace(self, max_length=self.max_length + 1).split(values)
        truncated = tf.cast(more.row_lengths(), tf.int32) > self.max_length
        return *self.encode(values), truncated | (tf.strings.length(values) > self.max_length * BYTES_PER_WORD)

    def pieces(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int (B, T) -> the word or character of each, string (B, T)."""
        return tf.gather(tf.constant(("", "\ufffd", *self.vocabulary)), ids)

    def embed(self, values: keras.KerasTensor, settings: Mapping[str, Any]) -> keras.KerasTensor:
        """Ids (B, T) -> vectors (B, T, E): one learned for each word and, beside it, one for it and the next word."""
        if settings["word_dropout"]:
            values = TokenDropout(settings["word_dropout"], UNK_ID, name="word_dropout")(values)
        words = _embedding(self.entries, settings["embedding_dim"], "embedding")(values)
        if not self.bigrams:
            return words
        bigrams = BigramIds(self.bigrams, self.entries, name="bigram_ids")(values)
        vectors = _embedding(len(self.bigrams) + 1, settings["bigram_embedding_dim"], "bigram_embedding")(bigrams)
        return ops.concatenate([words, vectors], axis=-1)

    def tables(self) -> list[Any]:
        """What an export must carry along."""
        return self._segmenter.tables() if self.level == "subword" else [self._table]

    def split(self, values: tf.Tensor) -> tf.RaggedTensor:
        """Texts, string (B,) -> words, characters or pieces, string (B, None), at most `max_length` of a row."""
        text = self._text(values)
        if self.level == "character":
            return self._kept(tf.strings.unicode_split(text, "UTF-8"))
        if self.level == "subword":
            return self._kept(self._segmenter.split(text))
        return self._kept(tf.strings.split(tf.strings.regex_replace(text, r"([^\p{L}\p{N}\p{M}'\s])", r" \1 ")))

    def _text(self, values: tf.Tensor) -> tf.Tensor:
        """Texts, string (B,), as they are read: not longer than what can be, perhaps in small letters."""
        size, most = tf.strings.length(values), self.max_length * BYTES_PER_STEP[self.level]
        start = tf.zeros_like(size) if self.truncation_side == "right" else tf.maximum(size - most, 0)
        text = tf.strings.substr(values, start, tf.fill(tf.shape(size), most))
        text = tf.strings.regex_replace(text, r"\x00", " ")  # ICU, behind lower, ends a string at NUL
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8") if not self.lowercase else text
        text = tf.strings.lower(text, encoding="utf-8") if self.lowercase else text
        return text if self.level == "character" else tf.strings.regex_replace(text, r"<br\s*/?>", " ")

    def _kept(self, steps: tf.RaggedTensor) -> tf.RaggedTensor:
        return steps[:, : self.max_length] if self.truncation_side == "right" else steps[:, -self.max_length :]

    @cached_property
    def _segmenter(self) -> Segmenter:
        return Segmenter(self.level, self.vocabulary)

    @cached_property
    def _split_now(self) -> Any:
        return tf.function(self.split, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

    @cached_property
    def _table(self) -> tf.lookup.StaticHashTable:
        return vocabulary.table(self.vocabulary)


def _embedding(entries: int, width: int, name: str) -> keras.layers.Embedding:
    return keras.layers.Embedding(entries, width, keras.initializers.RandomUniform(-0.05, 0.05), name=name)
