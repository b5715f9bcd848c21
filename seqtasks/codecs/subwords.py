"""Text -> ids of pieces of words, learned from the training text: no word is unknown.

A text of more than `max_length` pieces is cut at its end.
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

from seqtasks.codecs import InputCodec, Traits
from seqtasks.codecs.subword_learning import MAX_PIECE_BYTES
from seqtasks.codecs.subword_pieces import FIRST_PIECE, Segmenter
from seqtasks.codecs.text import COLUMNS
from seqtasks.codecs.vocabulary import BYTES_PER_WORD, UNK_ID
from seqtasks.setting import Setting, Settings, at_least, check_fields, field, one_of, share
from seqtasks.task import Folders

SETTINGS: Settings = {"embedding_dim": Setting(256, "width of the vector of a piece", at_least(1))}

VARIANTS = 4  # other cuts of a text, of which training draws one


@dataclass(frozen=True)
class Subwords(InputCodec):
    level: str = field("subword", "subword or word", one_of("subword", "word"))
    vocabulary_size: int = field(6_000, "ids in all, 258 of them not of pieces", at_least(FIRST_PIECE + 1))
    max_length: int = field(100, "pieces at most", at_least(1))
    subword_dropout: float = field(0.0, "share of pieces that training does without, others in each cut", share)
    variant: int = 0  # of the cuts of training (Kudo, 2018; Provilkov et al., 2020); 0 for that of answers
    vocabulary: tuple[str, ...] = ()  # the piece with id FIRST_PIECE, FIRST_PIECE + 1, ...

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def traits(self) -> Traits:
        others = range(1, VARIANTS + 1) if self.subword_dropout and not self.variant else ()
        return Traits(
            columns=("source", *COLUMNS),
            settings=SETTINGS,
            batch_size=2_000,  # distinct words are cut once
            augmentations=tuple(dataclasses.replace(self, variant=number) for number in others),
        )

    @property
    def entries(self) -> int:
        """Ids in all."""
        return self._segmenter.choices

    def clean(self, value: bytes) -> bytes:
        """A person's text as it is: any can be read."""
        return value

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Subwords:
        """Learns the pieces from batches of texts."""
        return dataclasses.replace(self, vocabulary=self._segmenter.learned(values, self.vocabulary_size))

    def encode(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Texts, string (B,) -> ids, int32 (B, T), and lengths, int32 (B,). A text without a piece is one unknown."""
        ids, lengths, _ = self.read(values)
        return ids, lengths

    def read(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The same, and whether a text was cut, bool (B,)."""
        most = (self.max_length + 1) * (MAX_PIECE_BYTES if self.level == "subword" else 4 * BYTES_PER_WORD)
        pieces = self._segmenter.encode(tf.strings.substr(values, 0, most))
        lengths = tf.cast(pieces.row_lengths(), tf.int32)
        ids = pieces[:, : self.max_length].to_tensor(shape=[None, None])
        ids = tf.pad(ids, [[0, 0], [0, tf.maximum(1 - tf.shape(ids)[1], 0)]])
        empty = tf.equal(lengths, 0)[:, None] & tf.equal(tf.range(tf.shape(ids)[1]), 0)[None, :]
        truncated = (lengths > self.max_length) | (tf.strings.length(values) > most)
        return tf.where(empty, UNK_ID, ids), tf.clip_by_value(lengths, 1, self.max_length), truncated

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int (B, T) -> texts, string (B,): what was read, where it was not cut."""
        return self._segmenter.decode(tf.where(tf.equal(ids, UNK_ID), 0, ids) if self.level == "subword" else ids)

    def pieces(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int (B, T) -> the piece of each, string (B, T), for a person to read."""
        return self._segmenter.shown(ids)

    def placeholder(self) -> keras.KerasTensor:
        """The network's input, ids (B, T)."""
        return keras.Input((None,), dtype="int32", name="ids")

    def embed(self, values: keras.KerasTensor, settings: Mapping[str, Any]) -> keras.KerasTensor:
        """Ids (B, T) -> vectors (B, T, E), one learned for each piece."""
        start = keras.initializers.RandomUniform(-0.05, 0.05)
        return keras.layers.Embedding(self.entries, settings["embedding_dim"], start, name="embedding")(values)

    def tables(self) -> list[Any]:
        """What an export must carry along."""
        return self._segmenter.tables()

    @cached_property
    def _segmenter(self) -> Segmenter:
        dropout = self.subword_dropout if self.variant else 0.0
        return Segmenter(self.level, self.vocabulary, dropout, self.variant)
