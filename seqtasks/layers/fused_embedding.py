"""An embedding and the recurrent layer behind it, as one table."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from seqtasks.layers.fast import Fast
from seqtasks.layers.recurrence import Table

MAX_VOCABULARY = 512  # entries of a vocabulary up to which the table costs less than the products that it spares


@keras.saving.register_keras_serializable("seqtasks")
class FusedEmbedding(keras.layers.Layer):
    """layer(embedding(ids)), exactly, by a gather from E W + b instead of a product for every step.

    The recurrent layer may be a Bidirectional around one; `dropout` is that of whole features of the vectors, as in
    SpatialDropout1D. The table is no weight: it is made anew in each call, a product of V rows. Where the vocabulary is
    large, or where something stands between the two (a mask that the embedding makes, dropout in training), nothing is
    fused.
    """

    def __init__(
        self, embedding: keras.layers.Embedding, recurrent: keras.layers.Layer, dropout: float = 0.0, **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self.embedding, self.recurrent = embedding, recurrent
        self.dropout = keras.layers.SpatialDropout1D(dropout, name="dropout")
        self.supports_masking = True

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.embedding.build(shape)
        self.recurrent.build((*shape, self.embedding.output_dim))

    def compute_output_shape(self, shape: tuple[int | None, ...], *_: Any) -> Any:
        return self.recurrent.compute_output_shape((*shape, self.embedding.output_dim))

    def call(
        self, ids: tf.Tensor, mask: tf.Tensor | None = None, initial_state: Any = None, training: bool = False
    ) -> Any:
        """Ids (B, T) -> what the recurrent layer gives for their vectors (B, T, E)."""
        given = {"mask": mask, "initial_state": initial_state, "training": training}
        if not self.can_fuse(training=training):
            vectors = self.dropout(self.embedding(ids), training=training)
            return self.recurrent(vectors, **given)
        directions = self._directions()
        for each in directions:
            each.table = self.table(each)
        try:
            return self.recurrent(ids[:, :, None], **given)
        finally:
            for each in directions:
                each.table = None

    def can_fuse(self, *, training: bool) -> bool:
        """Whether the table is used."""
        directions = self._directions()
        return (
            self.embedding.input_dim <= MAX_VOCABULARY
            and not self.embedding.mask_zero
            and not (training and self.dropout.rate)
            and all(isinstance(each, Fast) and not each.why_not_fast(training=training) for each in directions)
            and not any(each.cell.dropout for each in directions)  # Keras would make its mask of the ids
        )

    def table(self, recurrent: Fast) -> Table:
        """The layer's weights with, in place of the kernel, what each id projects to, (V, G)."""
        weights = recurrent.weights_of_steps()
        vectors = tf.cast(tf.convert_to_tensor(self.embedding.embeddings), weights.kernel.dtype)
        return Table(weights.project(vectors), tf.zeros_like(weights.bias), weights.recurrent)

    def _directions(self) -> list[Any]:
        layer = self.recurrent
        return [layer.forward_layer, layer.backward_layer] if isinstance(layer, keras.layers.Bidirectional) else [layer]

    def get_config(self) -> dict[str, Any]:
        parts = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in ("embedding", "recurrent")}
        return {**super().get_config(), **parts, "dropout": self.dropout.rate}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FusedEmbedding:
        parts = {name: keras.saving.deserialize_keras_object(config.pop(name)) for name in ("embedding", "recurrent")}
        return cls(**parts, **config)
