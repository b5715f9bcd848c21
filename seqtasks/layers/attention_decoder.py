"""What tells of regions, a word after the other, and looks at some of them for each.

Two recurrent layers: the first reads the words, what it then knows looks for regions, and the second reads both. So
no region that is looked at changes where is looked next, and all steps of a known sentence are computed at once. Both
begin with what all regions have in common. Attention is soft (Xu et al., 2015), scored by products (Luong et al.,
2015), which cost less than a layer does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from seqtasks.codecs.vocabulary import START
from seqtasks.decoding.generate import Step
from seqtasks.layers.stack import recurrent
from seqtasks.layers.tied_dense import Tied

States = tuple[tuple[tf.Tensor, ...], ...]  # of both layers, (B, U) each
Memory = tuple[tf.Tensor, tf.Tensor]  # what regions are (B, R, A), and what they are looked for by (B, R, A)


@keras.saving.register_keras_serializable("seqtasks")
class Teller(keras.layers.Layer):
    """Regions (B, R, E) and ids (B, K, T) -> logits (B, K, T, V) and weights (B, K, T, R): K sentences of each row.

    Without attention (a width of 0) only what all regions have in common is known (Vinyals et al., 2015); the weights
    are those of their mean.
    """

    def __init__(
        self, embedding: keras.layers.Embedding, choices: int, settings: Mapping[str, Any], **more: Any
    ) -> None:
        super().__init__(**more)
        self.embedding, self.attention = embedding, settings["attention"]
        width = settings["attention"] or settings["units"]
        self.regions = keras.layers.Dense(width, activation="relu", name="regions")
        self.dropped = {
            name: keras.layers.SpatialDropout1D(settings[rate], name=name)
            for name, rate in (("words", "embedding_dropout"), ("both", "dropout"), ("last", "output_dropout"))
        }
        self.scheduled, self.seeds = settings["scheduled"], keras.random.SeedGenerator()
        self.region_dropout = keras.layers.Dropout(settings["dropout"], name="region_dropout")
        self.layers = [recurrent(settings, sequences=True, name=f"recurrent_{each}", carries=True) for each in (1, 2)]
        self.begins = [
            [keras.layers.Dense(settings["units"], activation="tanh", name=f"begin_{layer.name}_{part}")
             for part, _ in enumerate(layer.state_size)] for layer in self.layers
        ]  # fmt: skip
        if self.attention:
            self.key = keras.layers.Dense(self.attention, name="key")
            self.query = keras.layers.Dense(self.attention, use_bias=False, name="query")
        self.choices, self.tied = choices, settings["tied"]
        if self.tied:
            self.narrow = keras.layers.Dense(settings["embedding"], name="narrow")
        self.logits = Tied(embedding, name="logits") if self.tied else keras.layers.Dense(choices, name="logits")

    def call(self, regions: tf.Tensor, ids: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        memory, states = self.begin(regions, training=training)
        if training and self.scheduled:
            ids = self._own(ids, self._told(memory, states, ids, training)[0])
        return self._told(memory, states, ids, training)

    def _own(self, ids: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """The ids (B, K, T), some of them what it would say there: all at once (Mihaylova and Martins, 2019)."""
        said = tf.pad(tf.argmax(logits, -1, output_type=tf.int32)[..., :-1], [[0, 0], [0, 0], [1, 0]])
        chosen = keras.random.uniform(tf.shape(ids), seed=self.seeds) < self.scheduled
        return tf.where(chosen & (ids != START), said, ids)

    def _told(self, memory: Memory, states: States, ids: tf.Tensor, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        rows, several, steps = tf.unstack(tf.shape(ids))
        states = tf.nest.map_structure(lambda each: tf.repeat(each, several, axis=0), states)
        words = self.embedding(tf.reshape(ids, [rows * several, steps]))
        first, *_ = self.layers[0](
            self.dropped["words"](words, training=training), initial_state=list(states[0]), training=training
        )
        first = tf.cast(first, tf.float32)
        found, weights = self.look(memory, tf.reshape(first, [rows, several * steps, first.shape[-1]]))
        found = tf.reshape(found, [rows * several, steps, found.shape[-1]])
        both = self.dropped["both"](tf.concat([first, found], -1), training=training)
        second, *_ = self.layers[1](both, initial_state=list(states[1]), training=training)
        last = self.dropped["last"](tf.concat([tf.cast(second, tf.float32), found], -1), training=training)
        logits = self._head(last)
        return (
            tf.reshape(logits, [rows, several, steps, logits.shape[-1]]),
            tf.reshape(weights, [rows, several, steps, tf.shape(weights)[-1]]),
        )

    def begin(self, regions: tf.Tensor, *, training: bool = False) -> tuple[Memory, States]:
        """Regions (B, R, E) -> what is looked at, and the states (B, U) with which telling begins."""
        seen = self.region_dropout(self.regions(regions), training=training)
        common = tf.reduce_mean(seen, axis=1)
        states = tuple(tuple(begin(common) for begin in own) for own in self.begins)
        return (seen, self.key(seen) if self.attention else seen), states

    def look(self, memory: Memory, asking: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Memory and what asks (B, S, U) -> what is found (B, S, A), and how much of each region it is (B, S, R)."""
        seen, keys = memory
        if not self.attention:
            steps, regions = tf.shape(asking)[1], tf.shape(seen)[1]
            weights = tf.fill([tf.shape(seen)[0], steps, regions], 1 / tf.cast(regions, tf.float32))
            return tf.repeat(tf.reduce_mean(seen, axis=1, keepdims=True), steps, axis=1), weights
        scores = tf.matmul(self.query(asking), keys, transpose_b=True) / self.attention**0.5
        weights = tf.nn.softmax(scores)
        return tf.matmul(weights, seen), weights

    def _head(self, last: tf.Tensor) -> tf.Tensor:
        return self.logits(self.narrow(last) if self.tied else last)

    def step(self, memory: Memory) -> Step:
        """Token (B,), states -> logits (B, V), states: for inference."""
        weights = [layer.weights_of_steps() for layer in self.layers]

        def step(token: tf.Tensor, states: States) -> tuple[tf.Tensor, States]:
            first, first_states = self.layers[0].step(self.embedding(token), states[0], weights[0])
            found, _ = self.look(memory, first[:, None])
            second, second_states = self.layers[1].step(tf.concat([first, found[:, 0]], -1), states[1], weights[1])
            logits = self._head(tf.concat([second, found[:, 0]], -1))
            return logits, (tuple(first_states), tuple(second_states))

        return step

    def compute_output_shape(self, regions_shape: Any, ids_shape: Any) -> Any:
        return (*ids_shape, self.choices), (*ids_shape, regions_shape[1])

    def build(self, regions_shape: Any, ids_shape: Any) -> None:
        """All parts, before weights are loaded into them."""
        units, width = self.begins[0][0].units, self.regions.units
        self.embedding.build((None, None))
        self.regions.build((None, None, regions_shape[-1]))
        for own in self.begins:
            for each in own:
                each.build((None, width))
        self.layers[0].build((None, None, self.embedding.output_dim))
        self.layers[1].build((None, None, units + width))
        if self.attention:
            self.key.build((None, None, width))
            self.query.build((None, None, units))
        if self.tied:
            self.narrow.build((None, None, units + width))
        self.logits.build((None, None, self.embedding.output_dim if self.tied else units + width))
        super().build(regions_shape)
