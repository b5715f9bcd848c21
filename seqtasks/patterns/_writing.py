"""The endpoints of a language model's export: a prompt is read, and a text is written on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import keras
import tensorflow as tf

from seqtasks import decoding
from seqtasks.codecs import Tensor
from seqtasks.codecs.vocabulary import BOS_ID, SPECIALS
from seqtasks.layers import stateful_decoder
from seqtasks.layers.stateful_decoder import DecoderParts, Named, States
from seqtasks.patterns import Endpoint
from seqtasks.task import Task

PROMPT = 2_000  # bytes of a prompt that are read, from its end: some 200 words are used (Khandelwal et al., 2018)
LINE = "\n"  # what an empty prompt is taken for: the beginning of a line

TEXTS, NUMBER = tf.TensorSpec([None], tf.string, name="values"), tf.TensorSpec([], tf.int32)
SHARE, SEEDS = tf.TensorSpec([], tf.float32), tf.TensorSpec([None], tf.int64, name="seed")


class Writing:
    """Of a model and its task, whose codec reads and writes texts, string (B,).

    States are one flat dictionary of tensors, which any caller can hold. A function that others call is traced once:
    its size is what loading an export takes.
    """

    def __init__(self, model: keras.Model, task: Task[Any, Any]) -> None:
        self.codec, self.settings = task.inputs, task.settings
        self.parts: DecoderParts = stateful_decoder.parts_of(model)

    def endpoints(self) -> dict[str, Endpoint]:
        """serve, generate and so on, by name.

        serve           prompt -> answer, what follows, with the default choices
        generate        prompt, length, temperature, top_k, top_p, seed int64 (B,) -> answer
        initial_state   a number of rows -> states that have read nothing
        prefill         prompt -> states that have read it; an empty one is the beginning of a line
        decode          states, count, temperature, top_k, top_p, repetition_penalty, seed -> text, states: so many more
        score           texts, states -> nats (B,), states that have read them
        unknown_tokens  texts -> what in them is read as unknown
        """
        return {
            "serve": Endpoint(self._serve, [TEXTS], columns=("answer",)),
            "generate": self.generate,
            "prefill": self.prefill,
            "decode": self.decode,
            "initial_state": Endpoint(self._initial_state, [NUMBER]),
            "score": Endpoint(self._score, [TEXTS, self._states]),
            "unknown_tokens": Endpoint(self.codec.unknown_tokens, [TEXTS]),
        }

    def portable(self) -> dict[str, Endpoint]:
        """prefill: ids of a prompt, (1, T) of at least one -> what a step takes; step -> logits (1, V)."""

        def prefill(ids: Tensor) -> tuple[Tensor, Any, States]:
            before = tf.concat([tf.fill([1, 1], BOS_ID), ids[:, :-1]], 1)
            _, states = self.parts.prefill(before, tf.ones_like(before, tf.bool), self.parts.initial_state(1))
            return ids[:, -1], (), states

        made = stateful_decoder.portable(
            prefill, lambda memory: self._step(), tf.TensorSpec([1, None], tf.int32, name="values")
        )
        return {name: Endpoint(*each) for name, each in made.items()}

    @cached_property
    def generate(self) -> Endpoint:
        def generate(
            prompt: Tensor, length: Tensor, temperature: Tensor, top_k: Tensor, top_p: Tensor, seed: Tensor
        ) -> Named:
            states = self.prefill.function(prompt)
            choices = (temperature, top_k, top_p, tf.constant(1.0), seed)
            return {"answer": self.decode.function(states, length, *choices)[0]}

        return _once(generate, [TEXTS, NUMBER, SHARE, NUMBER, SHARE, SEEDS])

    @cached_property
    def prefill(self) -> Endpoint:
        def prefill(prompt: Tensor) -> Named:
            size = tf.strings.length(prompt)
            prompt = tf.strings.substr(prompt, tf.maximum(size - PROMPT, 0), tf.fill(tf.shape(size), PROMPT))
            prompt = tf.where(prompt == "", LINE, prompt)
            ids, lengths = self.codec.encode(prompt)
            return self._read(ids, lengths, self._initial_state(tf.size(prompt)))[1]

        return _once(prefill, [TEXTS])

    @cached_property
    def decode(self) -> Endpoint:
        def decode(
            states: Named, count: Tensor, temperature: Tensor, top_k: Tensor, top_p: Tensor,
            repetition_penalty: Tensor, seed: Tensor,
        ) -> tuple[Tensor, Named]:  # fmt: skip
            count, written, seen = tf.maximum(count, 0), states["written"], states["seen"]
            drawn = decoding.uniforms(seed, written, count)
            choose = decoding.sampler(drawn, temperature=temperature, top_k=top_k, top_p=top_p)
            step, layers = self._step(), stateful_decoder.layers_of(states)
            given = {"first": states["token"], "length": count, "choose": choose}

            def plain() -> Any:
                tokens, _, after = decoding.generate(step, layers, **given)
                return tokens, after, seen

            def penalized() -> Any:
                other = decoding.repetition_penalty(step, repetition_penalty)
                tokens, _, (after, now) = decoding.generate(other, (layers, seen), **given)
                return tokens, after, now

            tokens, after, seen = tf.cond(tf.equal(repetition_penalty, 1.0), plain, penalized)
            last = tf.concat([states["token"][:, None], tokens], 1)[:, -1]
            more = {"seen": seen, "written": written + count}
            return self.codec.decode(tokens), stateful_decoder.flat(last, after, more)

        return _once(decode, [self._states, NUMBER, SHARE, NUMBER, SHARE, SHARE, SEEDS])

    @cached_property
    def _states(self) -> dict[str, Any]:
        """The specification of states."""
        return stateful_decoder.any_rows(self._initial_state(tf.constant(1)))

    def _serve(self, values: Tensor) -> Named:
        seed = tf.zeros(tf.shape(values), tf.int64)
        numbers = (self.settings["max_new_tokens"], float(self.settings["temperature"]), 0, 1.0)
        found: Named = self.generate.function(values, *map(tf.constant, numbers), seed)
        return found

    def _initial_state(self, rows: Tensor) -> Named:
        seen = tf.zeros([rows, self.codec.choices], tf.bool)
        more = {"seen": seen, "written": tf.constant(0)}
        return stateful_decoder.flat(tf.fill([rows], BOS_ID), self.parts.initial_state(rows), more)

    def _score(self, values: Tensor, states: Named) -> tuple[Tensor, Named]:
        ids, lengths = self.codec.encode(values)
        outputs, after = self._read(ids, lengths, states)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(ids, self.parts.head(outputs))
        mask = tf.sequence_mask(lengths, tf.shape(ids)[1], tf.float32)
        return tf.reduce_sum(nats * mask, 1), after

    def _read(self, ids: Tensor, lengths: Tensor, states: Mapping[str, Tensor]) -> tuple[Tensor, Named]:
        """What the head takes for each of the ids (B, T), and the states that have read them."""
        token = states["token"][:, None]
        before = tf.concat([token, ids[:, :-1]], 1)[:, : tf.shape(ids)[1]]
        mask = tf.sequence_mask(lengths, tf.shape(ids)[1])
        outputs, after = self.parts.prefill(before, mask, stateful_decoder.layers_of(states))
        last = tf.gather(tf.concat([token, ids], 1), lengths, batch_dims=1)
        return outputs, stateful_decoder.flat(last, after, {name: states[name] for name in ("seen", "written")})

    def _step(self) -> decoding.Step:
        """A step that never writes the special tokens."""
        return decoding.ban_tokens(self.parts.step(), range(SPECIALS), self.codec.choices)


def _once(function: Any, signature: list[Any]) -> Endpoint:
    return Endpoint(tf.function(function, input_signature=signature, autograph=False), signature)
