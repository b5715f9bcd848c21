"""Words by their characters: a convolution along each word, of which the strongest answer of every filter is left.

As Ma and Hovy (2016) read words for named entities: endings, capitals and digits tell of words that were never seen.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from seqtasks.setting import Setting, Settings, at_least, share

SETTINGS: Settings = {
    "embedding_dim": Setting(128, "width of a word's vector", at_least(1)),
    "word_dropout": Setting(0.1, "share of words that training reads as unknown", share),
    "character_embedding_dim": Setting(32, "width of a character's vector", at_least(1)),
    "character_filters": Setting(64, "filters of the convolution along a word's characters", at_least(1)),
    "character_kernel_size": Setting(3, "characters that the convolution sees", at_least(1)),
}


@keras.saving.register_keras_serializable("seqtasks")
class WordIds(keras.layers.Layer):
    """Pieces (B, T, F) -> one of their columns, (B, T)."""

    def __init__(self, column: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.column = column

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return values[:, :, self.column]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "column": self.column}


@keras.saving.register_keras_serializable("seqtasks")
class CharacterConvolution(keras.layers.Layer):
    """Pieces (B, T, F), from `first` on ids of characters, 0 beyond a word's end -> vectors (B, T, filters)."""

    def __init__(
        self,
        first: int,
        entries: int,
        characters: int,
        embedding_dim: int,
        filters: int,
        kernel_size: int,
        **arguments: Any,
    ) -> None:
        super().__init__(**arguments)
        self.sizes = {"first": first, "entries": entries, "characters": characters}
        self.sizes |= {"embedding_dim": embedding_dim, "filters": filters, "kernel_size": kernel_size}
        start = keras.initializers.RandomUniform(-0.3, 0.3)
        self.embedding = keras.layers.Embedding(entries, embedding_dim, start, name="character_embedding")
        self.convolution = keras.layers.Conv1D(filters, kernel_size, padding="same", activation="tanh", name="filters")

    def build(self, values: tuple[int | None, ...]) -> None:
        length = self.sizes["characters"] + 2
        self.embedding.build((None, length))
        self.convolution.build((None, length, self.sizes["embedding_dim"]))

    def call(self, values: tf.Tensor) -> tf.Tensor:
        characters, filters = self.sizes["characters"], self.sizes["filters"]
        ids = tf.reshape(values[:, :, self.sizes["first"] :], [-1, characters])
        ids = tf.pad(ids, [[0, 0], [1, 1]])  # 0 on both sides, so that the first and the last are told from others
        strongest = tf.reduce_max(self.convolution(self.embedding(ids)), axis=1)
        return tf.reshape(strongest, [tf.shape(values)[0], tf.shape(values)[1], filters])

    def compute_output_shape(self, values: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return *values[:2], self.sizes["filters"]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.sizes}
