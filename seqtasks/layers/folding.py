"""An embedding and the recurrent layer behind it, as one table."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from seqtasks.layers.fast import Fast
from seqtasks.layers.recurrence import Weights

FOLDED = 512  # entries of a vocabulary up to which the table costs less than the products that it spares


@keras.saving.register_keras_serializable("seqtasks")
class Folded(keras.layers.Layer):
    """layer(embedding(ids)), exactly, by a gather from E W + b instead of a product for every step.

    The table is no weight: it is made anew in each call, a product of V rows. Where the vocabulary is large, or where
    something stands between the two (a mask that the embedding makes, dropout in training), nothing is folded.
    """

    def __init__(self, embedding: keras.layers.Embedding, recurrent: keras.layers.RNN, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.embedding, self.recurrent = embedding, recurrent
        self.supports_masking = True

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.embedding.build(shape)
        self.recurrent.build((*shape, self.embedding.output_dim))

    def call(
        self, ids: tf.Tensor, mask: tf.Tensor | None = None, initial_state: Any = None, training: bool = False
    ) -> Any:
        """Ids (B, T) -> what the recurrent layer gives for their vectors (B, T, E)."""
        given = {"mask": mask, "initial_state": initial_state, "training": training}
        if not self.folds(training=training):
            return self.recurrent(self.embedding(ids), **given)
        self.recurrent.table = self.table()
        try:
            return self.recurrent(ids[:, :, None], **given)
        finally:
            self.recurrent.table = None

    def folds(self, *, training: bool) -> bool:
        """Whether the table is used."""
        embedding, recurrent = self.embedding, self.recurrent
        return (
            embedding.input_dim <= FOLDED
            and not embedding.mask_zero
            and isinstance(recurrent, Fast)
            and not recurrent.why_not_fast(training=training)
            and not recurrent.cell.dropout
        )

    def table(self) -> Weights:
        """The recurrent layer's weights with, in place of the kernel, what each id projects to, (V, G)."""
        weights = self.recurrent.weights_of_steps()
        vectors = tf.cast(tf.convert_to_tensor(self.embedding.embeddings), weights.kernel.dtype)
        return Weights(weights.project(vectors), tf.zeros_like(weights.bias), weights.recurrent)

    def get_config(self) -> dict[str, Any]:
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in ("embedding", "recurrent")}
        return {**super().get_config(), **parts}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Folded:
        parts = {name: keras.saving.deserialize_keras_object(config.pop(name)) for name in ("embedding", "recurrent")}
        return cls(**parts, **config)
