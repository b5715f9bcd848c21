"""Continuation: a text is read and written on, each token from all before it. Text generation; later next word, music.

It is trained on windows of one long stream, the state carried from each to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from seqtasks.codecs.vocabulary import SPECIALS, START
from seqtasks.decoding import generate as decoding
from seqtasks.errors import UsageError
from seqtasks.layers import stateful_decoder

DEFAULTS: dict[str, bool | int | float | str] = stateful_decoder.DEFAULTS | {
    "held_back": 0.05,  # share of a training text, its end, by which epochs are chosen; 0 for none: the last is kept
    "window": 128,  # tokens that gradients go back through
    "written": 500,  # tokens that are written where nothing else is asked for
    "temperature": 0.8,  # what logits are divided by when they are chosen from; 0 for always the most probable
}
STREAMS = True
TELLS = False
PROMPT = 2_000  # bytes of a prompt that are read, from its end: some 200 words are used (Khandelwal et al., 2018)
LINE = "\n"  # what an empty prompt is taken for: the beginning of a line

Named = dict[str, tf.Tensor]
Endpoint = tuple[Callable[..., Any], list[Any]]


def pair(x: tuple[Any, Any], y: Any) -> tuple[Any, Any]:
    """(ids (B, T + 1), which rows begin anew, bool (B,)), ids (B, T + 1) -> those before, what follows them (B, T)."""
    ids, fresh = x
    return (ids[:, :-1], fresh), y[:, 1:]


def build(inputs: Any, targets: Any, settings: Mapping[str, Any]) -> keras.Model:
    """A model of (ids (B, T), fresh, bool (B,)) -> logits (B, T, V). Raises UsageError for settings that make none."""
    for name, least in (("embedding", 1), ("written", 0), ("temperature", 0)):
        if not settings[name] >= least:  # NaN is not
            raise UsageError(f"{name} is at least {least}, not {settings[name]}")
    if settings["adversarial"]:
        raise UsageError("adversarial steps are for what reads, not for what writes; leave adversarial out")
    ids = inputs.placeholder()
    fresh = keras.Input((), dtype="bool", name="fresh")
    return keras.Model([ids, fresh], stateful_decoder.build(ids, fresh, targets, settings), name="continuation")


def loss(targets: Any, settings: Mapping[str, Any]) -> keras.losses.Loss:
    """Cross-entropy in nats, one value a token."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")


def judged(y: tf.Tensor, output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Ids (B, T) and logits (B, T, V) by which accuracy is told: all."""
    return y, output


def endpoints(model: keras.Model, inputs: Any, targets: Any, settings: Mapping[str, Any]) -> dict[str, Endpoint]:
    """What an export answers; prompts and texts are string (B,).

    serve      prompt -> answer, what follows, with the default choices
    generate   prompt, length, temperature, top_k, top_p, seed int64 (B,) -> answer
    start      a number of rows -> states that have read nothing
    begin      prompt -> states that have read it; an empty one is the beginning of a line
    go_on      states, count, temperature, top_k, top_p, penalty, seed (B,) -> text, states: the next so many tokens
    score      texts, states -> nats (B,), states that have read them
    strangers  texts -> what in them is read as unknown
    """
    network = stateful_decoder.of(model)

    def start(rows: tf.Tensor) -> Named:
        states = network.start(rows)
        seen = tf.zeros([rows, targets.choices], tf.bool)
        return _flat(tf.fill([rows], START), states, {"seen": seen, "written": tf.constant(0)})

    def read(ids: tf.Tensor, lengths: tf.Tensor, states: Named) -> tuple[tf.Tensor, Named]:
        """What the head takes for each of the ids (B, T), and the states that have read them."""
        before = tf.concat([states["token"][:, None], ids[:, :-1]], 1)[:, : tf.shape(ids)[1]]
        mask = tf.sequence_mask(lengths, tf.shape(ids)[1])
        outputs, after = network.read(before, mask, _layers(states))
        last = tf.gather(tf.concat([states["token"][:, None], ids], 1), lengths, batch_dims=1)
        return outputs, _flat(last, after, {name: states[name] for name in ("seen", "written")})

    def begin(prompt: tf.Tensor) -> Named:
        size = tf.strings.length(prompt)
        prompt = tf.strings.substr(prompt, tf.maximum(size - PROMPT, 0), tf.fill(tf.shape(size), PROMPT))
        prompt = tf.where(prompt == "", LINE, prompt)
        ids, lengths = inputs.encode(prompt)
        return read(ids, lengths, start(tf.size(prompt)))[1]

    def go_on(
        states: Named, count: tf.Tensor, temperature: tf.Tensor, top_k: tf.Tensor, top_p: tf.Tensor,
        penalty: tf.Tensor, seed: tf.Tensor,
    ) -> tuple[tf.Tensor, Named]:  # fmt: skip
        count, written, seen = tf.maximum(count, 0), states["written"], states["seen"]
        drawn = decoding.draws(seed, written, count)
        choose = decoding.sampler(drawn, temperature=temperature, top_k=top_k, top_p=top_p)
        step = decoding.never(network.step(), range(SPECIALS), targets.choices)  # neither START nor UNKNOWN
        given = {"first": states["token"], "length": count, "choose": choose}

        def plainly() -> Any:
            tokens, _, after = decoding.write(step, _layers(states), **given)
            return tokens, after, seen

        def variedly() -> Any:
            tokens, _, (after, now) = decoding.write(
                decoding.discouraging(step, penalty), (_layers(states), seen), **given
            )
            return tokens, after, now

        tokens, after, seen = tf.cond(tf.equal(penalty, 1.0), plainly, variedly)
        last = tf.concat([states["token"][:, None], tokens], 1)[:, -1]
        return targets.decode(tokens), _flat(last, after, {"seen": seen, "written": written + count})

    def generate(
        prompt: tf.Tensor,
        length: tf.Tensor,
        temperature: tf.Tensor,
        top_k: tf.Tensor,
        top_p: tf.Tensor,
        seed: tf.Tensor,
    ) -> Named:
        begun = once["begin"](prompt)
        return {"answer": once["go_on"](begun, length, temperature, top_k, top_p, tf.constant(1.0), seed)[0]}

    def serve(values: tf.Tensor) -> Named:
        seed = tf.zeros(tf.shape(values), tf.int64)
        numbers = (settings["written"], float(settings["temperature"]), 0, 1.0)
        return once["generate"](values, *map(tf.constant, numbers), seed)

    def score(values: tf.Tensor, states: Named) -> tuple[tf.Tensor, Named]:
        ids, lengths = inputs.encode(values)
        outputs, after = read(ids, lengths, states)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(ids, network.head(outputs))
        mask = tf.sequence_mask(lengths, tf.shape(ids)[1], tf.float32)
        return tf.reduce_sum(nats * mask, 1), after

    texts, number = tf.TensorSpec([None], tf.string, name="values"), tf.TensorSpec([], tf.int32)
    share, seeds = tf.TensorSpec([], tf.float32), tf.TensorSpec([None], tf.int64, name="seed")
    states = _any_rows(start(tf.constant(1)))
    signatures = {
        "generate": [texts, number, share, number, share, seeds],
        "begin": [texts],
        "go_on": [states, number, share, number, share, share, seeds],
    }
    # what others call stands in an export once: its size is what loading takes
    once = {
        each.__name__: tf.function(each, input_signature=signatures[each.__name__], autograph=False)
        for each in (begin, go_on, generate)
    }
    return {
        "serve": (serve, [texts]),
        **{name: (once[name], signatures[name]) for name in ("generate", "begin", "go_on")},
        "start": (start, [number]),
        "score": (score, [texts, states]),
        "strangers": (inputs.strangers, [texts]),
    }


def portable(model: keras.Model, inputs: Any, targets: Any, settings: Mapping[str, Any]) -> dict[str, Endpoint]:
    """begin: ids of a prompt, (1, T) of at least one -> what a step takes; step -> the next token's logits, (1, V)."""
    network = stateful_decoder.of(model)

    def begin(ids: tf.Tensor) -> tuple[tf.Tensor, Any, stateful_decoder.States]:
        before = tf.concat([tf.fill([1, 1], START), ids[:, :-1]], 1)
        _, states = network.read(before, tf.ones_like(before, tf.bool), network.start(1))
        return ids[:, -1], (), states

    def step(memory: Any) -> decoding.Step:
        return decoding.never(network.step(), range(SPECIALS), targets.choices)

    return stateful_decoder.portable(begin, step, tf.TensorSpec([1, None], tf.int32, name="values"))


def _flat(token: tf.Tensor, states: stateful_decoder.States, more: Mapping[str, tf.Tensor]) -> Named:
    """The last token (B,), the layers' states and what else is carried, by name: a form that every caller can hold."""
    named = {
        f"layer_{number}_{part}": state
        for number, own in enumerate(states, 1)
        for part, state in zip("hc", own, strict=False)
    }
    return {"token": token, **named, **more}


def _layers(states: Mapping[str, tf.Tensor]) -> stateful_decoder.States:
    """The opposite of `_flat`, for the layers."""
    count = len({name.split("_")[1] for name in states if name.startswith("layer_")})
    parts = ([f"layer_{number}_{part}" for part in "hc"] for number in range(1, count + 1))
    return tuple(tuple(states[name] for name in names if name in states) for names in parts)


def _any_rows(states: Mapping[str, tf.Tensor]) -> dict[str, tf.TensorSpec]:
    return {
        name: tf.TensorSpec([None, *state.shape[1:]] if state.shape.rank else [], state.dtype, name=name)
        for name, state in states.items()
    }
