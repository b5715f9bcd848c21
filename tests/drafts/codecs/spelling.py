"""Words that are spelled <-> ids of their letters, each with an end behind it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from seqtasks.codecs import TargetCodec, Traits, vocabulary
from seqtasks.codecs.vocabulary import SPECIALS
from seqtasks.setting import at_least, check_fields, field
from seqtasks.task import Folders

END = "\n"  # the first letter of every vocabulary
EOS_ID = SPECIALS


@dataclass(frozen=True)
class Spelling(TargetCodec):
    max_length: int = field(20, "letters at most", at_least(1))
    letters: tuple[str, ...] = ()  # the letter with id SPECIALS, SPECIALS + 1, ...

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def traits(self) -> Traits:
        return Traits(columns=("spelling",), end_id=EOS_ID)

    @property
    def names(self) -> tuple[str, ...]:
        return ()

    @property
    def choices(self) -> int:
        return len(self.letters) + SPECIALS

    def clean_target(self, value: str) -> str:
        return value

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Spelling:
        pieces = (self._split(tf.constant(batch, tf.string)).flat_values.numpy() for batch in values)
        return dataclasses.replace(self, letters=(END, *vocabulary.frequent(pieces, 1_000)))

    def encode(self, values: tf.Tensor) -> tf.RaggedTensor:
        """Words, string (B,) -> ids (B, None)."""
        split = self._split(values)
        ids = split.with_flat_values(self._table.lookup(split.flat_values))
        ends = tf.RaggedTensor.from_tensor(tf.fill([ids.nrows(), 1], EOS_ID), row_splits_dtype=ids.row_splits.dtype)
        return tf.concat([ids, ends], axis=1)

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids (B, T) -> words, up to the end."""
        ended = tf.cumsum(tf.cast(ids == EOS_ID, tf.int32), axis=1) > 0
        letters = tf.gather(tf.constant(("", "\ufffd", *self.letters)), ids)
        return tf.strings.reduce_join(tf.where(ended, "", letters), axis=1)

    def tables(self) -> list[Any]:
        return []

    def _split(self, values: tf.Tensor) -> tf.RaggedTensor:
        return tf.strings.unicode_split(values, "UTF-8", errors="replace")[:, : self.max_length]

    @cached_property
    def _table(self) -> tf.lookup.StaticHashTable:
        return vocabulary.table(self.letters)
