"""A decoder that writes one token after the other and attends to some regions for each.

Two recurrent layers: the first reads the tokens, its output queries the regions, and the second reads both. So no
region that was attended to changes the next query, and all steps of a known sequence are computed at once. Both layers
begin with the mean of all regions and, where there is one, a summary of them. Attention is soft (Xu et al., 2015),
scored by products (Luong et al., 2015), which cost less than a layer does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from seqtasks.codecs.vocabulary import PAD_ID
from seqtasks.decoding import Step
from seqtasks.layers import stack
from seqtasks.layers.tied_dense import TiedDense
from seqtasks.setting import Setting, Settings, at_least, share

TWO_LAYERS = ("num_layers", "bidirectional")  # that read forward: what has no use here
SETTINGS: Settings = {
    **{name: setting for name, setting in stack.SETTINGS.items() if name not in TWO_LAYERS},
    "embedding_dim": Setting(256, "size of a token's vector", at_least(1)),
    "embedding_dropout": Setting(0.0, "of whole features of a sequence, as all of these", share),
    "output_dropout": Setting(0.0, "before the logits", share),
    "attention_dim": Setting(256, "size of queries and keys; 0: only the regions' mean is known", at_least(0)),
    "tie_embeddings": Setting(False, "whether the embedding makes the logits as well (Press and Wolf, 2017)"),
    "scheduled_sampling": Setting(
        0.0, "share of the tokens read in training that the decoder itself predicts (Bengio et al., 2015)", share
    ),
}

MASKED = -1e9  # added to the score of what is no region

States = tuple[tuple[tf.Tensor, ...], ...]  # of both layers, (B, U) each
Memory = tuple[tf.Tensor, ...]  # regions (B, R, A), their keys (B, R, A) and, of a mask, what it adds to scores (B, R)


@keras.saving.register_keras_serializable("seqtasks")
class AttentionDecoder(keras.layers.Layer):
    """Regions (B, R, E), ids (B, K, T) -> logits (B, K, T, V), attention (B, K, T, R): K sequences of each row.

    A mask, bool (B, R), says which of a row's regions there are; all, where there is none. A summary (B, Z) of them is
    for the first states alone. Without attention (a size of 0) only the regions' mean is known (Vinyals et al., 2015),
    and attention is what each region has of it.
    """

    def __init__(
        self, embedding: keras.layers.Embedding, choices: int, settings: Mapping[str, Any], **more: Any
    ) -> None:
        super().__init__(**more)
        self.supports_masking = True  # the regions' is an argument
        self.embedding, self.attention_dim = embedding, settings["attention_dim"]
        width = settings["attention_dim"] or settings["units"]
        self.regions = keras.layers.Dense(width, activation="relu", name="regions")
        self.dropped = {
            name: keras.layers.SpatialDropout1D(settings[rate], name=name)
            for name, rate in (("words", "embedding_dropout"), ("both", "dropout"), ("last", "output_dropout"))
        }
        self.scheduled_sampling, self.seeds = settings["scheduled_sampling"], keras.random.SeedGenerator()
        self.region_dropout = keras.layers.Dropout(settings["dropout"], name="region_dropout")
        self.layers = [
            stack.recurrent(settings, sequences=True, name=f"recurrent_{each}", states=True) for each in (1, 2)
        ]
        self.initial = [
            [keras.layers.Dense(settings["units"], activation="tanh", name=f"initial_{layer.name}_{part}")
             for part, _ in enumerate(layer.state_size)] for layer in self.layers
        ]  # fmt: skip
        if self.attention_dim:
            self.key = keras.layers.Dense(self.attention_dim, name="key")
            self.query = keras.layers.Dense(self.attention_dim, use_bias=False, name="query")
        self.choices, self.tied = choices, settings["tie_embeddings"]
        if self.tied:
            self.narrow = keras.layers.Dense(settings["embedding_dim"], name="narrow")
        self.logits = TiedDense(embedding, name="logits") if self.tied else keras.layers.Dense(choices, name="logits")

    def call(
        self,
        regions: tf.Tensor,
        ids: tf.Tensor,
        region_mask: tf.Tensor | None = None,
        summary: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        memory, states = self.prefill(regions, region_mask, summary, training=training)
        if training and self.scheduled_sampling:
            ids = self._sampled(ids, self._decode(memory, states, ids, training)[0])
        return self._decode(memory, states, ids, training)

    def _sampled(self, ids: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The ids (B, K, T), some of them its own predictions: all at once (Mihaylova and Martins, 2019)."""
        predicted = tf.pad(tf.argmax(logits, -1, output_type=tf.int32)[..., :-1], [[0, 0], [0, 0], [1, 0]])
        chosen = keras.random.uniform(tf.shape(ids), seed=self.seeds) < self.scheduled_sampling
        return tf.where(chosen & (ids != PAD_ID), predicted, ids)

    def _decode(self, memory: Memory, states: States, ids: tf.Tensor, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        rows, several, steps = tf.unstack(tf.shape(ids))
        states = tf.nest.map_structure(lambda each: tf.repeat(each, several, axis=0), states)
        words = self.embedding(tf.reshape(ids, [rows * several, steps]))
        first, *_ = self.layers[0](
            self.dropped["words"](words, training=training), initial_state=list(states[0]), training=training
        )
        first = tf.cast(first, tf.float32)
        context, attention = self.attend(memory, tf.reshape(first, [rows, several * steps, first.shape[-1]]))
        context = tf.reshape(context, [rows * several, steps, context.shape[-1]])
        both = self.dropped["both"](tf.concat([first, context], -1), training=training)
        second, *_ = self.layers[1](both, initial_state=list(states[1]), training=training)
        last = self.dropped["last"](tf.concat([tf.cast(second, tf.float32), context], -1), training=training)
        logits = self._head(last)
        return (
            tf.reshape(logits, [rows, several, steps, logits.shape[-1]]),
            tf.reshape(attention, [rows, several, steps, tf.shape(attention)[-1]]),
        )

    def prefill(
        self,
        regions: tf.Tensor,
        region_mask: tf.Tensor | None = None,
        summary: tf.Tensor | None = None,
        *,
        training: bool = False,
    ) -> tuple[Memory, States]:
        """Regions (B, R, E), which of them there are, bool (B, R), and a summary (B, Z) -> what is attended to, and the
        first states.
        """
        values = self.region_dropout(self.regions(regions), training=training)
        keys = self.key(values) if self.attention_dim else values
        memory: Memory = (values, keys)
        if region_mask is not None:
            memory = (values, keys, tf.where(region_mask, 0.0, MASKED))
        begin = tf.squeeze(self._mean(memory), 1)
        if summary is not None:
            begin = tf.concat([begin, summary], -1)
        return memory, tuple(tuple(initial(begin) for initial in layer) for layer in self.initial)

    def attend(self, memory: Memory, queries: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Memory, queries (B, S, U) -> what is found (B, S, A), and how much of each region it is (B, S, R)."""
        values, keys, *penalties = memory
        if not self.attention_dim:
            steps = tf.shape(queries)[1]
            attention = tf.repeat(_shares(memory)[:, None], steps, axis=1)
            return tf.repeat(self._mean(memory), steps, axis=1), attention
        scores = tf.matmul(self.query(queries), keys, transpose_b=True) / self.attention_dim**0.5
        attention = tf.nn.softmax(scores + penalties[0][:, None] if penalties else scores)
        return tf.matmul(attention, values), attention

    def _mean(self, memory: Memory) -> tf.Tensor:
        """The mean of the regions, (B, 1, A)."""
        values, _, *penalties = memory
        if not penalties:
            return tf.reduce_mean(values, axis=1, keepdims=True)
        return tf.matmul(_shares(memory)[:, None], values)

    def _head(self, last: tf.Tensor) -> tf.Tensor:
        return self.logits(self.narrow(last) if self.tied else last)

    def step(self, memory: Memory) -> Step:
        """Token (B,), states -> logits (B, V), states: for inference."""
        weights = [layer.weights_of_steps() for layer in self.layers]

        def step(token: tf.Tensor, states: States) -> tuple[tf.Tensor, States]:
            first, first_states = self.layers[0].step(self.embedding(token), states[0], weights[0])
            context, _ = self.attend(memory, first[:, None])
            second, second_states = self.layers[1].step(tf.concat([first, context[:, 0]], -1), states[1], weights[1])
            logits = self._head(tf.concat([second, context[:, 0]], -1))
            return logits, (tuple(first_states), tuple(second_states))

        return step

    def compute_mask(self, *_: Any, **__: Any) -> None:
        """Of logits there is none: their steps are the targets'."""

    def compute_output_shape(self, regions_shape: Any, ids_shape: Any) -> Any:
        return (*ids_shape, self.choices), (*ids_shape, regions_shape[1])

    def build(self, regions_shape: Any, ids_shape: Any, summary_shape: Any = None) -> None:
        """All parts, before weights are loaded into them."""
        units, width = self.initial[0][0].units, self.regions.units
        begin = width + (summary_shape[-1] if summary_shape else 0)
        self.embedding.build((None, None))
        self.regions.build((None, None, regions_shape[-1]))
        for layer in self.initial:
            for each in layer:
                each.build((None, begin))
        self.layers[0].build((None, None, self.embedding.output_dim))
        self.layers[1].build((None, None, units + width))
        if self.attention_dim:
            self.key.build((None, None, width))
            self.query.build((None, None, units))
        if self.tied:
            self.narrow.build((None, None, units + width))
        self.logits.build((None, None, self.embedding.output_dim if self.tied else units + width))
        super().build(regions_shape)


def _shares(memory: Memory) -> tf.Tensor:
    """What each region has of their mean, (B, R)."""
    values, _, *penalties = memory
    there = tf.cast(penalties[0] == 0, tf.float32) if penalties else tf.ones(tf.shape(values)[:2])
    return there / tf.maximum(tf.reduce_sum(there, axis=1, keepdims=True), 1)
