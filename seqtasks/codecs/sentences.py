"""Sentences about one thing, with a line feed between them <-> ids of their words.

Words are in small letters, without punctuation (an apostrophe inside them stays): what captions are compared by, too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from seqtasks.codecs import vocabulary
from seqtasks.codecs.vocabulary import BYTES_PER_WORD, SPECIALS, START
from seqtasks.errors import InputError, UsageError
from seqtasks.metrics import captions as wording

ENDING = "\n"  # the first piece of every vocabulary
END = SPECIALS
MOST = 100  # words of a sentence that is one


@dataclass(frozen=True)
class Sentences:
    vocabulary_size: int = 10_000  # ids in all; the rarest words beyond it are unknown
    least: int = 5  # times that a word must stand there, or it is unknown
    words: int = 20  # of a sentence that are learned, and that are written, at most
    several: int = 0  # sentences about one thing, at most
    vocabulary: tuple[str, ...] = ()  # the piece with id SPECIALS, SPECIALS + 1, ...

    def __post_init__(self) -> None:
        for name, least in (("vocabulary_size", SPECIALS + 2), ("least", 1), ("words", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} is at least {least}, not {getattr(self, name)}")

    @property
    def choices(self) -> int:
        """Ids in all; START and UNKNOWN, the first two, are never written."""
        return len(self.vocabulary) + SPECIALS

    @property
    def end(self) -> int:
        """The id with which a sentence ends."""
        return END

    @property
    def names(self) -> tuple[str, ...]:
        """Of classes: there are none."""
        return ()

    @property
    def columns(self) -> tuple[str, ...]:
        """What people call a column of them."""
        return ("caption", "captions", "sentence", "text", "description")

    def clean(self, value: str) -> str:
        """A person's sentence as it is; raises InputError for what is none."""
        number = len(wording.words(value))
        if not number:
            raise InputError("has a caption without a word; write one or leave the row out")
        if number > MOST:
            raise InputError(f"has a caption of {number:,} words, more than {MOST}; shorten it")
        return " ".join(value.split())

    def settings(self) -> dict[str, Any]:
        """The fields that a person may set."""
        return {name: getattr(self, name) for name in ("vocabulary_size", "least", "words")}

    def fit(self, values: Iterable[np.ndarray]) -> Sentences:
        """Learns the vocabulary from batches of sentences, and how many there are of one thing.

        The most frequent words come first, behind the ending.
        """
        several = 0

        def pieces() -> Iterator[np.ndarray]:
            nonlocal several
            for batch in values:
                found = self.split(tf.constant(batch))
                several = max(several, int(tf.reduce_max(found.row_lengths())))
                yield found.flat_values.numpy()

        most = self.vocabulary_size - SPECIALS - 1
        words = vocabulary.frequent(pieces(), most, least=self.least)
        return dataclasses.replace(self, vocabulary=(ENDING, *words), several=several)

    def split(self, values: tf.Tensor) -> tf.RaggedTensor:
        """Sentences, string (B,) -> their words, string (B, K, None), of the K sentences that have any."""
        sentences = tf.strings.split(tf.strings.regex_replace(values, r"\x00", " "), ENDING)
        text = tf.strings.substr(sentences.flat_values, 0, 2 * BYTES_PER_WORD * self.words)
        text = tf.strings.lower(tf.strings.unicode_transcode(text, "UTF-8", "UTF-8"), encoding="utf-8")
        text = tf.strings.regex_replace(text, r"[^\p{L}\p{N}\p{M}'’]+|\B['’]|['’]\B", " ")
        words = tf.strings.split(text)[:, : self.words]
        whole = sentences.with_flat_values(words)
        return tf.ragged.boolean_mask(whole, whole.row_lengths(axis=2) > 0)

    def encode(self, values: tf.Tensor) -> tf.Tensor:
        """Sentences, string (B,) -> ids, int32 (B, K, words + 1), each with END behind it and START beyond that.

        K is `several`: where there are fewer sentences the last are all START, where there are more they are left out.
        """
        pieces = self.split(values)
        words = pieces.values  # (N, None), of all sentences
        known = words.with_flat_values(self._table.lookup(words.flat_values))
        ends = tf.RaggedTensor.from_tensor(tf.fill([words.nrows(), 1], END))
        ended = tf.concat([known, tf.cast(ends, known.dtype).with_row_splits_dtype(known.row_splits.dtype)], axis=1)
        return pieces.with_values(ended).to_tensor(START, shape=[None, self.several, self.words + 1])

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int (B, T) -> sentences, string (B,), up to the END."""
        ended = tf.cumsum(tf.cast(tf.equal(ids, END), tf.int32), axis=1) > 0
        words = tf.gather(tf.constant(("", "\ufffd", "", *self.vocabulary[1:])), ids)
        pieces = tf.where(ended | (words == ""), "", tf.strings.join([" ", words]))
        return tf.strings.strip(tf.strings.reduce_join(pieces, axis=1))

    def tables(self) -> list[Any]:
        """What an export must carry along: sentences come out of it, none go in."""
        return []

    @cached_property
    def _table(self) -> tf.lookup.StaticHashTable:
        return vocabulary.table(self.vocabulary)
