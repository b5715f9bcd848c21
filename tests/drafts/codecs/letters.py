"""Words -> ids of their letters."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks.codecs import InputCodec, Traits, vocabulary
from seqtasks.codecs.vocabulary import SPECIALS
from seqtasks.setting import Setting, Settings, at_least, check_fields, field
from seqtasks.task import Folders

SETTINGS: Settings = {"embedding_dim": Setting(16, "width of a letter's vector", at_least(1))}


@dataclass(frozen=True)
class Letters(InputCodec):
    max_length: int = field(20, "letters at most", at_least(1))
    letters: tuple[str, ...] = ()  # the letter with id SPECIALS, SPECIALS + 1, ...

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def traits(self) -> Traits:
        return Traits(columns=("word", "letters"), settings=SETTINGS)

    @property
    def choices(self) -> int:
        """Ids in all."""
        return len(self.letters) + SPECIALS

    def clean(self, value: bytes) -> bytes:
        return value

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Letters:
        pieces = (self._split(tf.constant(batch, tf.string)).flat_values.numpy() for batch in values)
        return dataclasses.replace(self, letters=vocabulary.frequent(pieces, 1_000))

    def encode(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Words, string (B,) -> ids (B, T) and lengths (B,); of no letter, one unknown one."""
        split = self._split(tf.where(values == "", "\ufffd", values))
        ids = split.with_flat_values(self._table.lookup(split.flat_values))
        return ids.to_tensor(shape=[None, None]), tf.cast(ids.row_lengths(), tf.int32)

    def placeholder(self) -> keras.KerasTensor:
        return keras.Input((None,), dtype="int32", name="letters")

    def embed(self, values: keras.KerasTensor, settings: Mapping[str, Any]) -> keras.KerasTensor:
        return keras.layers.Embedding(self.choices, settings["embedding_dim"], name="embedding")(values)

    def tables(self) -> list[Any]:
        return [self._table]

    def _split(self, values: tf.Tensor) -> tf.RaggedTensor:
        return tf.strings.unicode_split(values, "UTF-8", errors="replace")[:, : self.max_length]

    @cached_property
    def _table(self) -> tf.lookup.StaticHashTable:
        return vocabulary.table(self.letters)
