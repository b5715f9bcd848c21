"""Sentences about one thing, with a line feed between them <-> ids of pieces of their words, learned from them.

As they are written: capitals, punctuation and spaces are in the pieces. No sentence has a line feed, so the byte's id
ends one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from seqtasks.codecs import TargetCodec, Traits
from seqtasks.codecs.subword_learning import MAX_PIECE_BYTES
from seqtasks.codecs.subword_pieces import FIRST_BYTE, FIRST_PIECE, Segmenter
from seqtasks.codecs.vocabulary import BYTES_PER_WORD, PAD_ID
from seqtasks.setting import at_least, check_fields, field, one_of
from seqtasks.task import Folders

ENDING = "\n"
EOS_ID = FIRST_BYTE + ord(ENDING)
COLUMNS = ("target", "translation", "reference", "answer", "output")


@dataclass(frozen=True)
class SubwordSentences(TargetCodec):
    level: str = field("subword", "subword or word", one_of("subword", "word"))
    vocabulary_size: int = field(6_000, "ids in all, 258 of them not of pieces", at_least(FIRST_PIECE + 1))
    max_length: int = field(100, "pieces of a sentence, learned or generated, at most", at_least(1))
    max_references: int = field(5, "sentences about one thing that are learned together, at most", at_least(1))
    references: int = 0  # so many there are
    vocabulary: tuple[str, ...] = ()  # the piece with id FIRST_PIECE, FIRST_PIECE + 1, ...

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def traits(self) -> Traits:
        return Traits(columns=COLUMNS, several=True, end_id=EOS_ID)

    @property
    def choices(self) -> int:
        """Ids in all; BOS_ID and UNK_ID, the first two, are never generated."""
        return self._segmenter.choices

    @property
    def names(self) -> tuple[str, ...]:
        """Of classes: there are none."""
        return ()

    @property
    def max_target_length(self) -> int:
        """Ids of a sentence at most, without its end."""
        return self.max_length

    def clean_target(self, value: str) -> str:
        """A person's sentence on one line."""
        return " ".join(value.split())

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> SubwordSentences:
        """Learns the pieces from batches of sentences, and how many there are of one thing."""
        references = 0

        def sentences() -> Iterator[np.ndarray]:
            nonlocal references
            for batch in values:
                found = _sentences(tf.constant(batch, tf.string))
                references = max(references, int(tf.reduce_max(found.row_lengths())))
                yield found.flat_values.numpy()

        learned = self._segmenter.learned(sentences(), self.vocabulary_size)
        return dataclasses.replace(self, vocabulary=learned, references=min(references, self.max_references))

    def encode(self, values: tf.Tensor) -> tf.RaggedTensor:
        """Sentences, string (B,) -> ids, ragged int32 (B, None, K): time first, each sentence with EOS_ID behind it.

        A row has as many steps as its longest sentence. K is `references`: where there are fewer sentences the last are
        all PAD_ID, where there are more they are left out. A sentence that is cut has no end.
        """
        sentences = _sentences(values)[:, : self.references]
        most = (self.max_length + 1) * (MAX_PIECE_BYTES if self.level == "subword" else 4 * BYTES_PER_WORD)
        pieces = self._segmenter.encode(tf.strings.substr(sentences.flat_values, 0, most))
        ends = tf.RaggedTensor.from_tensor(tf.fill([pieces.nrows(), 1], EOS_ID))
        ended = tf.concat([pieces, ends], axis=1)[:, : self.max_length + 1]
        ids = sentences.with_flat_values(ended).to_tensor(PAD_ID, shape=[None, self.references, None])
        lengths = tf.reduce_sum(tf.cast(tf.reduce_any(ids != PAD_ID, axis=1), tf.int32), axis=1)
        return tf.RaggedTensor.from_tensor(tf.transpose(ids, [0, 2, 1]), lengths=lengths)

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int (B, T) -> sentences, string (B,), up to EOS_ID."""
        ended = tf.cumsum(tf.cast(tf.equal(ids, EOS_ID), tf.int32), axis=1) > 0
        return self._segmenter.decode(tf.where(ended, PAD_ID, ids))

    def pieces(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int (B, T) -> the piece of each, string (B, T), for a person to read."""
        return self._segmenter.shown(ids)

    def tables(self) -> list[Any]:
        """What an export must carry along."""
        return self._segmenter.tables()

    @cached_property
    def _segmenter(self) -> Segmenter:
        return Segmenter(self.level, self.vocabulary)


def _sentences(values: tf.Tensor) -> tf.RaggedTensor:
    """Values, string (B,) -> the sentences that have anything but white space, string (B, None)."""
    found = tf.strings.split(values, ENDING)
    return tf.ragged.boolean_mask(found, found.with_flat_values(tf.strings.strip(found.flat_values) != ""))
