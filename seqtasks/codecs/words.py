"""Text in pieces whose places are known, words and every other sign alone: any annotated span falls on their borders.

A word is a run of letters, digits and marks; signs of scripts without blanks (ideographs, kana) stand alone. Places are
counted in characters (code points) of the text as given, where bytes that are no UTF-8 are each U+FFFD. A piece is read
as a word, in small letters with 0 for every digit, and as its characters.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from seqtasks.codecs import InputCodec, Traits, vocabulary
from seqtasks.codecs.text import COLUMNS
from seqtasks.codecs.vocabulary import SPECIALS, UNK_ID
from seqtasks.layers.characters import SETTINGS, CharacterConvolution, WordIds
from seqtasks.layers.embeddings import TokenDropout
from seqtasks.setting import at_least, check_fields, field
from seqtasks.task import Folders

BLANK, SIGN, LETTER = range(3)  # kinds of characters
ALONE = ((0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))  # ideographs and kana
WORD, START, END, CHARACTERS = range(4)  # columns of a piece; from the last on its characters


class Pieces(NamedTuple):
    """The pieces of some texts, end to end; a text without one has one that is empty."""

    codes: tf.Tensor  # int32 (N,), the characters of all texts
    first: tf.Tensor  # int32 (P,), where in `codes` a piece begins
    last: tf.Tensor  # int32 (P,), and where it ends
    before: tf.Tensor  # int32 (P,), where its text begins
    lengths: tf.Tensor  # int32 (B,), how many each text has


@dataclass(frozen=True)
class Words(InputCodec):
    vocabulary_size: int = field(50_000, "ids in all; the rarest words beyond it are unknown", at_least(SPECIALS + 1))
    min_frequency: int = field(2, "times that a word must occur, or it is unknown", at_least(1))
    word_characters: int = field(18, "characters of a word that are read: its first and its last ones", at_least(2))
    max_length: int = field(256, "pieces of a window; a longer text is read in several and joined", at_least(8))
    offsets: str = "characters"  # in which places are counted: recorded, for whoever reads a manifest
    vocabulary: tuple[str, ...] = ()  # the word with id SPECIALS, SPECIALS + 1, ...
    characters: tuple[str, ...] = ()  # the character with id SPECIALS, SPECIALS + 1, ..., ascending

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def traits(self) -> Traits:
        recorded = {"offsets": self.offsets}
        return Traits(columns=(*COLUMNS, "tokens"), settings=SETTINGS, predict_batch_size=32, recorded=recorded)

    def clean(self, value: bytes) -> bytes:
        """A person's text as it is: any can be read."""
        return value

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Words:
        """Learns words and characters from batches of texts; the most frequent words come first."""
        split = tf.function(self._counted, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

        def column(number: int) -> Iterator[np.ndarray]:
            return (split(tf.constant(batch, tf.string))[number].numpy() for batch in values)

        most = self.vocabulary_size - SPECIALS
        words = vocabulary.frequent(column(0), most, min_frequency=self.min_frequency)
        characters = vocabulary.frequent(column(1), sys.maxunicode, min_frequency=self.min_frequency)
        return dataclasses.replace(self, vocabulary=words, characters=tuple(sorted(characters)))

    def _counted(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Words, and single characters that are not blank."""
        pieces = self.pieces(values)
        inside = tf.boolean_mask(pieces.codes, _kinds(pieces.codes) != BLANK)
        return self._words(self.texts(pieces, pieces.first, pieces.last)), tf.strings.unicode_encode(
            inside[:, None], "UTF-8"
        )

    def pieces(self, values: tf.Tensor) -> Pieces:
        """Texts, string (B,) -> their pieces."""
        found = tf.strings.unicode_decode(tf.strings.join([values, "\n"]), "UTF-8")
        codes, splits = found.flat_values, tf.cast(found.row_splits, tf.int32)
        kinds = _kinds(codes)
        inner = (kinds[1:] == LETTER) & (kinds[:-1] == LETTER)  # no border between two characters
        real = kinds != BLANK
        first = tf.cast(tf.where(real & ~tf.pad(inner, [[1, 0]]))[:, 0], tf.int32)
        last = tf.cast(tf.where(real & ~tf.pad(inner, [[0, 1]]))[:, 0], tf.int32) + 1
        places = tf.searchsorted(first, splits)
        empty = tf.boolean_mask(splits[:-1], places[1:] == places[:-1])

        def with_empty() -> tuple[tf.Tensor, tf.Tensor]:
            every = tf.concat([first, empty], 0)
            order = tf.argsort(every)
            return tf.gather(every, order), tf.gather(tf.concat([last, empty], 0), order)

        first, last = tf.cond(tf.size(empty) > 0, with_empty, lambda: (first, last))
        lengths = tf.maximum(places[1:] - places[:-1], 1)
        return Pieces(codes, first, last, tf.repeat(splits[:-1], lengths), lengths)

    def features(self, pieces: Pieces, places: tf.Tensor) -> tf.Tensor:
        """The pieces at some places (M,) as the network reads them, int32 (M, 3 + characters): see WORD and so on."""
        first, last, before = (tf.gather(each, places) for each in (pieces.first, pieces.last, pieces.before))
        words = self._table.lookup(self._words(self.texts(pieces, first, last)))
        most, size = self.word_characters, (last - first)[:, None]
        column = tf.range(most)[None]
        inside = tf.where((size > most) & (column >= most // 2), size - most + column, column)
        codes = tf.gather(pieces.codes, tf.minimum(first[:, None] + inside, tf.size(pieces.codes) - 1))
        ids = tf.where(column < size, self._characters(codes), 0)
        return tf.concat([tf.stack([words, first - before, last - before], axis=1), ids], axis=1)

    def encode(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Texts, string (B,) -> pieces, int32 (B, T, 3 + characters), and lengths, int32 (B,), at least 1."""
        pieces = self.pieces(values)
        found = self.features(pieces, tf.range(tf.size(pieces.first)))
        rows = tf.RaggedTensor.from_row_lengths(found, pieces.lengths, validate=False)
        return rows.to_tensor(shape=[None, None, CHARACTERS + self.word_characters]), pieces.lengths

    def texts(self, pieces: Pieces, first: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        """The characters from each `first` (M,) up to each `last` (M,) as texts, string (M,)."""
        return tf.strings.unicode_encode(tf.gather(pieces.codes, tf.ragged.range(first, last)), "UTF-8")

    def placeholder(self) -> keras.KerasTensor:
        """The network's input, pieces (B, T, 3 + characters)."""
        return keras.Input((None, CHARACTERS + self.word_characters), dtype="int32", name="pieces")

    def embed(self, values: keras.KerasTensor, settings: Mapping[str, Any]) -> keras.KerasTensor:
        """Pieces (B, T, 3 + characters) -> vectors (B, T, E): one of the word and, beside it, one of its characters."""
        words = WordIds(WORD, name="word_ids")(values)
        words = TokenDropout(settings["word_dropout"], UNK_ID, name="word_dropout")(words)
        start = keras.initializers.RandomUniform(-0.05, 0.05)
        vectors = keras.layers.Embedding(
            len(self.vocabulary) + SPECIALS, settings["embedding_dim"], start, name="embedding"
        )
        characters = CharacterConvolution(
            CHARACTERS, len(self.characters) + SPECIALS, self.word_characters, settings["character_embedding_dim"],
            settings["character_filters"], settings["character_kernel_size"], name="characters",
        )  # fmt: skip
        return keras.layers.Concatenate(name="vectors")([vectors(words), characters(values)])

    def tables(self) -> list[Any]:
        """What an export must carry along."""
        return [self._table]

    def _words(self, texts: tf.Tensor) -> tf.Tensor:
        return tf.strings.regex_replace(tf.strings.lower(texts, encoding="utf-8"), "[0-9]", "0")

    def _characters(self, codes: tf.Tensor) -> tf.Tensor:
        """Code points -> ids of the same size."""
        known = tf.constant([-1, *map(ord, self.characters)], tf.int32)
        place = tf.searchsorted(known, tf.reshape(codes, [-1]), side="right") - 1
        ids = tf.where(tf.gather(known, place) == tf.reshape(codes, [-1]), place + SPECIALS - 1, UNK_ID)
        return tf.reshape(ids, tf.shape(codes))

    @cached_property
    def _table(self) -> tf.lookup.StaticHashTable:
        return vocabulary.table(self.vocabulary)


def _kinds(codes: tf.Tensor) -> tf.Tensor:
    """Code points (N,) -> BLANK, SIGN or LETTER, int32 (N,)."""
    starts, kinds = kinds_of_characters()
    return tf.gather(
        tf.constant(kinds, tf.int32), tf.searchsorted(tf.constant(starts, tf.int32), codes, side="right") - 1
    )


@functools.cache
def kinds_of_characters() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The first code point of each range of one kind, ascending from 0, and that kind."""
    kinds = [kind_of(chr(code)) for code in range(sys.maxunicode + 1)]
    starts = [code for code in range(len(kinds)) if code == 0 or kinds[code] != kinds[code - 1]]
    return tuple(starts), tuple(kinds[code] for code in starts)


def kind_of(character: str) -> int:
    """BLANK for white space and control characters, LETTER for letters, digits and marks, SIGN for any other."""
    category = unicodedata.category(character)
    if category[0] == "Z" or category == "Cc":
        return BLANK
    if category[0] not in "LNM" or any(first <= ord(character) <= last for first, last in ALONE):
        return SIGN
    return LETTER
