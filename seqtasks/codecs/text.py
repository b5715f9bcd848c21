"""Text <-> ids of words or characters, with Unicode throughout.

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

from seqtasks.codecs import vocabulary
from seqtasks.codecs.vocabulary import BYTES_PER_WORD, SPECIALS, UNKNOWN
from seqtasks.errors import UsageError, unknown
from seqtasks.layers.steps import DropSteps, Pairs

COUNTED_PAIRS = 2_000_000  # different ones at a time, about 50 MB while they are counted
BYTES_PER_CHARACTER = 4

DEFAULTS: dict[str, bool | int | float | str] = {
    "word_dropout": 0.0,  # share of words that training reads as unknown
    "bigram_embedding": 64,  # width of the vector of two neighbouring words
}

LEVELS = ("word", "character")
KEEPS = ("head", "tail")
LEARNED = ("vocabulary", "pairs")


@dataclass(frozen=True)
class Text:
    level: str = "word"
    vocabulary_size: int = 30_000  # ids in all; the rarest words beyond it are unknown
    length: int = 400  # steps at most
    keep: str = "tail"  # of a longer text
    lower: bool = True
    bigrams: int = 0  # pairs of neighbouring words, the most frequent, that have a vector of their own; 0 for none
    vocabulary: tuple[str, ...] = ()  # the word with id SPECIALS, SPECIALS + 1, ...
    pairs: tuple[int, ...] = ()  # keys of the pairs, ascending (see Pairs)

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise unknown("level", self.level, LEVELS)
        if self.keep not in KEEPS:
            raise unknown("keep", self.keep, KEEPS)
        for name, least in (("vocabulary_size", SPECIALS + 1), ("length", 1), ("bigrams", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is at least {least}, not {getattr(self, name)}")

    @property
    def entries(self) -> int:
        """Ids in all."""
        return len(self.vocabulary) + SPECIALS

    @property
    def settled(self) -> bool:
        """Whether one value can be of one class only: people may mean two things by the same words."""
        return False

    @property
    def columns(self) -> tuple[str, ...]:
        """What people call a column of texts."""
        return ("text", "review", "sentence", "comment", "message", "content", "document", "body", "tweet")

    def settings(self) -> dict[str, Any]:
        """The fields that a person may set."""
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self) if each.name not in LEARNED}

    def clean(self, value: bytes) -> bytes:
        """A person's text as it is: any can be read."""
        return value

    def fit(self, values: Iterable[np.ndarray]) -> Text:
        """Learns the vocabulary, and then the pairs, from batches of texts that can be gone through twice.

        The most frequent come first, equals in the order of their bytes.
        """
        pieces = (self._split_now(tf.constant(batch)).flat_values.numpy() for batch in values)
        words = vocabulary.frequent(pieces, self.vocabulary_size - SPECIALS)
        fitted = dataclasses.replace(self, vocabulary=words)
        return dataclasses.replace(fitted, pairs=fitted._frequent_pairs(values)) if self.bigrams else fitted

    def _frequent_pairs(self, values: Iterable[np.ndarray]) -> tuple[int, ...]:
        """Keys of the most frequent pairs of known words, of those that stand more than once."""
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
            if len(keys) > COUNTED_PAIRS:  # as with the words
                rare += 1
                keys, counts = keys[counts > rare], counts[counts > rare]
        frequent = np.lexsort((keys, -counts))[: self.bigrams]
        return tuple(np.sort(keys[frequent[counts[frequent] > 1]]).tolist())

    def encode(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Texts, string (B,) -> ids, int32 (B, T), and lengths, int32 (B,). A text without a word is one unknown."""
        pieces = self.split(values)
        ids = pieces.with_flat_values(self._table.lookup(pieces.flat_values))
        lengths = tf.cast(pieces.row_lengths(), tf.int32)
        ids = ids.to_tensor(shape=[None, None])
        ids = tf.pad(ids, [[0, 0], [0, tf.maximum(1 - tf.shape(ids)[1], 0)]])
        empty = tf.equal(lengths, 0)[:, None] & tf.equal(tf.range(tf.shape(ids)[1]), 0)[None, :]
        return tf.where(empty, UNKNOWN, ids), tf.maximum(lengths, 1)

    def placeholder(self) -> keras.KerasTensor:
        """The network's input, ids (B, T)."""
        return keras.Input((None,), dtype="int32", name="ids")

    def views(self) -> None:
        """There is one way only to read a text."""

    def embed(self, values: keras.KerasTensor, settings: Mapping[str, Any]) -> keras.KerasTensor:
        """Ids (B, T) -> vectors (B, T, E): one learned for each word and, beside it, one for it and the next word."""
        if settings["word_dropout"]:
            values = DropSteps(settings["word_dropout"], UNKNOWN, name="word_dropout")(values)
        words = _embedding(self.entries, settings["embedding"], "embedding")(values)
        if not self.pairs:
            return words
        pairs = Pairs(self.pairs, self.entries, name="pairs")(values)
        vectors = _embedding(len(self.pairs) + 1, settings["bigram_embedding"], "bigrams")(pairs)
        return ops.concatenate([words, vectors], axis=-1)

    def embedding(self, settings: Mapping[str, Any]) -> keras.layers.Embedding | None:
        """The one layer that `embed` is made of, or None where there is more to it."""
        if settings["word_dropout"] or self.pairs:
            return None
        return _embedding(self.entries, settings["embedding"], "embedding")

    def tables(self) -> list[Any]:
        """What an export must carry along."""
        return [self._table]

    def split(self, values: tf.Tensor) -> tf.RaggedTensor:
        """Texts, string (B,) -> words or characters, string (B, None), at most `length` of a row."""
        text = self._cut(values)
        text = tf.strings.regex_replace(text, r"\x00", " ")  # ICU, behind lower, ends a string at NUL
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8") if not self.lower else text
        text = tf.strings.lower(text, encoding="utf-8") if self.lower else text
        if self.level == "character":
            pieces = tf.strings.unicode_split(text, "UTF-8")
        else:
            text = tf.strings.regex_replace(text, r"<br\s*/?>", " ")
            pieces = tf.strings.split(tf.strings.regex_replace(text, r"([^\p{L}\p{N}\p{M}'\s])", r" \1 "))
        return pieces[:, : self.length] if self.keep == "head" else pieces[:, -self.length :]

    def _cut(self, values: tf.Tensor) -> tf.Tensor:
        most = self.length * (BYTES_PER_WORD if self.level == "word" else BYTES_PER_CHARACTER)
        size = tf.strings.length(values)
        start = tf.zeros_like(size) if self.keep == "head" else tf.maximum(size - most, 0)
        return tf.strings.substr(values, start, tf.fill(tf.shape(size), most))

    @cached_property
    def _split_now(self) -> Any:
        return tf.function(self.split, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

    @cached_property
    def _table(self) -> tf.lookup.StaticHashTable:
        return vocabulary.table(self.vocabulary)


def _embedding(entries: int, width: int, name: str) -> keras.layers.Embedding:
    return keras.layers.Embedding(entries, width, keras.initializers.RandomUniform(-0.05, 0.05), name=name)
