"""Sentences about one thing, with a line feed between them <-> ids of their words.

Words are in small letters, without punctuation (an apostrophe inside them stays), as captions are compared: it is not
for what a person should read with its signs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from seqtasks.codecs import TargetCodec, Traits, vocabulary
from seqtasks.codecs.vocabulary import BYTES_PER_WORD, PAD_ID, SPECIALS
from seqtasks.errors import InputError
from seqtasks.metrics import captions
from seqtasks.setting import at_least, check_fields, field
from seqtasks.task import Folders

ENDING = "\n"  # the first piece of every vocabulary
EOS_ID = SPECIALS
MAX_WORDS = 100  # of a person's sentence
COLUMNS = ("caption", "captions", "target", "translation", "sentence", "text", "description")


@dataclass(frozen=True)
class Sentences(TargetCodec):
    vocabulary_size: int = field(10_000, "ids in all; the rarest words beyond it are unknown", at_least(SPECIALS + 2))
    min_frequency: int = field(5, "times that a word must occur, or it is unknown", at_least(1))
    max_target_length: int = field(20, "words of a sentence, learned or generated, at most", at_least(1))
    max_references: int = 0  # sentences about one thing, at most
    vocabulary: tuple[str, ...] = ()  # the piece with id SPECIALS, SPECIALS + 1, ...

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def traits(self) -> Traits:
        return Traits(columns=COLUMNS, several=True, end_id=EOS_ID)

    @property
    def choices(self) -> int:
        """Ids in all; BOS_ID and UNK_ID, the first two, are never generated."""
        return len(self.vocabulary) + SPECIALS

    @property
    def names(self) -> tuple[str, ...]:
        """Of classes: there are none."""
        return ()

    def clean_target(self, value: str) -> str:
        """A person's sentence as it is; raises InputError for what is none."""
        number = len(captions.words(value))
        if not number:
            raise InputError("has a sentence without a word; write one or leave the row out")
        if number > MAX_WORDS:
            raise InputError(f"has a sentence of {number:,} words, more than {MAX_WORDS}; shorten it")
        return " ".join(value.split())

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Sentences:
        """Learns the vocabulary from batches of sentences, and how many there are of one thing.

        The most frequent words come first, behind the ending.
        """
        max_references = 0

        def pieces() -> Iterator[np.ndarray]:
            nonlocal max_references
            for batch in values:
                found = self.split(tf.constant(batch))
                max_references = max(max_references, int(tf.reduce_max(found.row_lengths())))
                yield found.flat_values.numpy()

        most = self.vocabulary_size - SPECIALS - 1
        words = vocabulary.frequent(pieces(), most, min_frequency=self.min_frequency)
        return dataclasses.replace(self, vocabulary=(ENDING, *words), max_references=max_references)

    def split(self, values: tf.Tensor) -> tf.RaggedTensor:
        """Sentences, string (B,) -> their words, string (B, K, None), of the K sentences that have any."""
        sentences = tf.strings.split(tf.strings.regex_replace(values, r"\x00", " "), ENDING)
        text = tf.strings.substr(sentences.flat_values, 0, 2 * BYTES_PER_WORD * self.max_target_length)
        text = tf.strings.lower(tf.strings.unicode_transcode(text, "UTF-8", "UTF-8"), encoding="utf-8")
        text = tf.strings.regex_replace(text, r"[^\p{L}\p{N}\p{M}'’]+|\B['’]|['’]\B", " ")
        words = tf.strings.split(text)[:, : self.max_target_length]
        whole = sentences.with_flat_values(words)
        return tf.ragged.boolean_mask(whole, whole.row_lengths(axis=2) > 0)

    def encode(self, values: tf.Tensor) -> tf.RaggedTensor:
        """Sentences, string (B,) -> ids, ragged int32 (B, None, K): time first, each sentence with EOS_ID behind it.

        A row has as many steps as its longest sentence. K is `max_references`: where there are fewer sentences the last
        are all PAD_ID, where there are more they are left out.
        """
        pieces = self.split(values)
        words = pieces.values  # (N, None), of all sentences
        known = words.with_flat_values(self._table.lookup(words.flat_values))
        ends = tf.RaggedTensor.from_tensor(tf.fill([words.nrows(), 1], EOS_ID))
        ended = tf.concat([known, tf.cast(ends, known.dtype).with_row_splits_dtype(known.row_splits.dtype)], axis=1)
        ids = pieces.with_values(ended).to_tensor(PAD_ID, shape=[None, self.max_references, None])
        lengths = tf.reduce_sum(tf.cast(tf.reduce_any(ids != PAD_ID, axis=1), tf.int32), axis=1)
        return tf.RaggedTensor.from_tensor(tf.transpose(ids, [0, 2, 1]), lengths=lengths)

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int (B, T) -> sentences, string (B,), up to EOS_ID."""
        ended = tf.cumsum(tf.cast(tf.equal(ids, EOS_ID), tf.int32), axis=1) > 0
        words = self.pieces(ids)
        pieces = tf.where(ended | (words == ""), "", tf.strings.join([" ", words]))
        return tf.strings.strip(tf.strings.reduce_join(pieces, axis=1))

    def pieces(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int (B, T) -> the word of each, string (B, T); nothing for EOS_ID."""
        return tf.gather(tf.constant(("", "\ufffd", "", *self.vocabulary[1:])), ids)

    def tables(self) -> list[Any]:
        """What an export must carry along: it may be asked what a sentence costs."""
        return [self._table]

    @cached_property
    def _table(self) -> tf.lookup.StaticHashTable:
        return vocabulary.table(self.vocabulary)
