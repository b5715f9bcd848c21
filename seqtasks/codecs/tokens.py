"""Text that is written <-> ids of its characters, words or pieces of words; joined they are the text, to the letter.

A word has the space before it, so that nothing needs to be known of spacing to join words: "To be, or" is "To", " be",
",", " or". Bytes that are no UTF-8 are read as U+FFFD, the NUL byte as a space.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks.codecs import InputCodec, TargetCodec, Traits, vocabulary
from seqtasks.codecs.subword_pieces import Segmenter, check_size
from seqtasks.codecs.vocabulary import SPECIALS, UNK_ID
from seqtasks.setting import at_least, check_fields, field, one_of
from seqtasks.task import Folders

WORDS = r"( ?[\p{L}\p{N}\p{M}'’]+| ?[^\p{L}\p{N}\p{M}'’\s]|\s)"


@dataclass(frozen=True)
class Tokens(InputCodec, TargetCodec):
    level: str = field("character", "character, word or subword", one_of("character", "word", "subword"))
    vocabulary_size: int = field(10_000, "ids in all; the rarest pieces beyond it are unknown", at_least(SPECIALS + 1))
    vocabulary: tuple[str, ...] = ()  # the piece with id SPECIALS, SPECIALS + 1, ...

    def __post_init__(self) -> None:
        check_fields(self)
        check_size(self.level, self.vocabulary_size)

    @property
    def traits(self) -> Traits:
        return Traits(columns=("text", "content", "document", "body"))

    @property
    def names(self) -> tuple[str, ...]:
        """Of classes: there are none."""
        return ()

    @property
    def choices(self) -> int:
        """Ids in all; those of SPECIALS, the first two, are never written."""
        return self._segmenter.choices if self.level == "subword" else len(self.vocabulary) + SPECIALS

    def clean(self, value: bytes) -> bytes:
        """A person's text as it is: any can be read."""
        return value

    def clean_target(self, value: str) -> str:
        """The same: a text is its own target."""
        return value

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Tokens:
        """Learns the vocabulary from batches of texts; the most frequent pieces come first."""
        if self.level == "subword":
            return dataclasses.replace(self, vocabulary=self._segmenter.learned(values, self.vocabulary_size))
        pieces = (self.split(tf.constant(batch)).flat_values.numpy() for batch in values)
        return dataclasses.replace(self, vocabulary=vocabulary.frequent(pieces, self.vocabulary_size - SPECIALS))

    def split(self, values: tf.Tensor) -> tf.RaggedTensor:
        """Texts, string (B,) -> pieces, string (B, None), that are the text when they are joined."""
        text = tf.strings.regex_replace(values, r"\x00", " ")
        if self.level == "subword":
            return self._segmenter.split(text)
        text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8")
        if self.level == "character":
            return tf.strings.unicode_split(text, "UTF-8")
        pieces = tf.strings.split(tf.strings.regex_replace(text, WORDS, r"\1" + "\0"), "\0")
        return tf.ragged.boolean_mask(pieces, pieces != "")

    def encode(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Texts, string (B,) -> ids, int32 (B, T), and lengths, int32 (B,), which may be 0."""
        ids = self._ids(values)
        return ids.to_tensor(shape=[None, None]), tf.cast(ids.row_lengths(), tf.int32)

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int (B, T) -> texts, string (B,); BOS_ID is nothing, UNK_ID is U+FFFD."""
        if self.level == "subword":
            return self._segmenter.decode(ids)
        return tf.strings.reduce_join(tf.gather(tf.constant(("", "\ufffd", *self.vocabulary)), ids), axis=1)

    def unknown_tokens(self, values: tf.Tensor) -> tf.Tensor:
        """Texts, string (B,) -> the pieces in them that are read as unknown, joined, string (B,)."""
        pieces = self.split(values)
        unknown = self._ids(values) == UNK_ID
        return tf.strings.reduce_join(tf.ragged.boolean_mask(pieces, unknown), axis=1)

    def characters(self, values: tf.Tensor) -> tf.Tensor:
        """Texts, string (B,) -> how many characters (code points) each has, int32 (B,)."""
        return tf.strings.length(values, unit="UTF8_CHAR")

    def placeholder(self) -> keras.KerasTensor:
        """The network's input, ids (B, T)."""
        return keras.Input((None,), dtype="int32", name="ids")

    def tables(self) -> list[Any]:
        """What an export must carry along."""
        return self._segmenter.tables() if self.level == "subword" else [self._table]

    def _ids(self, values: tf.Tensor) -> tf.RaggedTensor:
        if self.level == "subword":
            return self._segmenter.encode(tf.strings.regex_replace(values, r"\x00", " "))
        pieces = self.split(values)
        return pieces.with_flat_values(self._table.lookup(pieces.flat_values))

    @cached_property
    def _segmenter(self) -> Segmenter:
        return Segmenter(self.level, self.vocabulary)

    @cached_property
    def _table(self) -> tf.lookup.StaticHashTable:
        return vocabulary.table(self.vocabulary)
