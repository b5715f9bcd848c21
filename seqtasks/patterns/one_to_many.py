"""One-to-many: one thing is looked at, and a sequence told of it. A caption of a photograph.

Trained on the thing with all the sentences that there are of it, each word from those before it (teacher forcing).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from seqtasks import codecs
from seqtasks.codecs.sentences import END
from seqtasks.codecs.vocabulary import START, UNKNOWN
from seqtasks.decoding import generate as decoding
from seqtasks.errors import UsageError
from seqtasks.layers import stateful_decoder
from seqtasks.layers.attention_decoder import Teller
from seqtasks.layers.stack import DEFAULTS as STACK
from seqtasks.layers.stack import check

DEFAULTS: dict[str, bool | int | float | str] = STACK | {
    "embedding": 256,  # width of a word's vector
    "scheduled": 0.0,  # share of the words before that, in training, are its own (Bengio et al., 2015)
    "embedding_dropout": 0.0,  # of whole features of a sentence, as all of these
    "output_dropout": 0.0,  # before the logits
    "tellers": 1,  # decoders that learn side by side; what is told is by the mean of their probabilities
    "attention": 256,  # width in which regions are looked for; 0: only their mean is known
    "tied": False,  # whether the logits are made by the embedding's matrix (Press and Wolf, 2017)
    "coverage": 0.0,  # how much it counts that every region is looked at (Xu et al., 2015)
    "smoothing": 0.0,  # share of the target that is spread over all words (Szegedy et al., 2016)
    "tuned_rate": 0.02,  # share of the learning rate that moves what an encoder knew before
    "beam": 5,  # ways of telling that are followed at once
    "length_penalty": 1.0,  # by which longer ones are not at a disadvantage (Wu et al., 2016)
}
STREAMS = False
TELLS = True

Named = dict[str, tf.Tensor]
Endpoint = tuple[Callable[..., Any], list[Any]]


def pair(x: tuple[Any, Any], y: Any) -> tuple[Any, Any]:
    """(values (B, R, ...), lengths (B,)), ids (B, K, T) -> (values, START and all ids but the last), ids (B, K, T).

    T becomes that of the longest sentence.
    """
    values, _ = x
    y = y[:, :, : max(int((y != START).any(axis=(0, 1)).sum()), 1)]
    return (values, np.pad(y[:, :, :-1], [(0, 0), (0, 0), (1, 0)], constant_values=START)), y


def build(inputs: Any, targets: Any, settings: Mapping[str, Any]) -> keras.Model:
    """A model of (values (B, R, ...), ids (B, K, T)) -> logits (B, K, T, D, V), weights of the regions (B, K, T, R).

    D are its tellers, each with its own logits; the weights are the mean of theirs. Raises UsageError for settings that
    make none.
    """
    check(settings)
    for name, least in (("embedding", 1), ("tellers", 1), ("attention", 0), ("coverage", 0), ("beam", 1)):
        if not settings[name] >= least:  # NaN is not
            raise UsageError(f"{name} is at least {least}, not {settings[name]}")
    for name in ("tuned_rate", "length_penalty"):
        if not 0 <= settings[name] < math.inf:
            raise UsageError(f"{name} is at least 0, not {settings[name]}")
    for name in ("smoothing", "scheduled"):
        if not 0 <= settings[name] < 1:
            raise UsageError(f"{name} is at least 0 and below 1, not {settings[name]}")
    if settings["adversarial"]:
        raise UsageError("adversarial steps are for what reads, not for what tells; leave adversarial out")
    if settings["bidirectional"] or settings["layers"] != 1:
        raise UsageError("what tells reads one way, in two layers of its own; leave layers and bidirectional out")
    values = inputs.placeholder()
    ids = keras.Input((None, None), dtype="int32", name="ids")
    regions = keras.layers.Identity(name="looked_at")(inputs.embed(values, settings))
    told = []
    for number in range(1, settings["tellers"] + 1):
        embedding = keras.layers.Embedding(targets.choices, settings["embedding"], name=f"embedding_{number}")
        told.append(Teller(embedding, targets.choices, settings, name=f"teller_{number}")(regions, ids))
    logits, weights = (ops.stack(each, axis=3) for each in zip(*told, strict=True))
    return keras.Model([values, ids], [logits, ops.mean(weights, axis=3)], name="one_to_many")


@dataclass(frozen=True)
class Cost:
    """Ids (B, K, T), (logits (B, K, T, D, V), weights (B, K, T, R)) -> cross-entropy (B, K, T), whose mean is a word's.

    In nats, the mean of the tellers'. With it goes what makes all words a little probable, and every region looked at
    once in a sentence.
    """

    smoothing: float
    coverage: float

    def __call__(self, y: tf.Tensor, output: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        logits, weights = output
        words = tf.cast(y != START, tf.float32)
        wanted = tf.repeat(y[..., None], tf.shape(logits)[3], axis=3)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, logits)
        if self.smoothing:
            even = -tf.reduce_mean(tf.nn.log_softmax(logits), axis=-1)
            nats = (1 - self.smoothing) * nats + self.smoothing * even
        nats = tf.reduce_mean(nats, axis=3)
        if self.coverage:
            looked = tf.reduce_sum(weights * words[..., None], axis=2)  # (B, K, R)
            missed = tf.reduce_mean(tf.square(1 - looked), axis=-1)
            nats += self.coverage * missed[..., None]
        return nats * words * tf.cast(tf.size(y), tf.float32) / tf.maximum(tf.reduce_sum(words), 1.0)


def loss(targets: Any, settings: Mapping[str, Any]) -> Cost:
    """Cross-entropy in nats, its mean that of a word."""
    return Cost(settings["smoothing"], settings["coverage"])


def judged(y: tf.Tensor, output: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """Ids (N,) and logits (N, V) of the words, by which accuracy is told."""
    words = y != START
    return tf.boolean_mask(y, words), tf.reduce_mean(tf.boolean_mask(output[0], words), axis=1)


@dataclass(frozen=True)
class Telling:
    """What tells of values that an input codec keeps, (B, W, R, ...): every way to see them, at once."""

    model: keras.Model
    targets: Any
    ways_seen: int  # W

    @cached_property
    def regions(self) -> keras.Model:
        return keras.Model(self.model.inputs[0], self.model.get_layer("looked_at").output)

    @property
    def tellers(self) -> list[Teller]:
        return [layer for layer in self.model.layers if isinstance(layer, Teller)]

    @property
    def most(self) -> int:
        """Words of a sentence, its end among them."""
        return self.targets.words + 1

    def begin(self, kept: tf.Tensor, copies: tf.Tensor | int) -> tuple[decoding.Step, Any]:
        """The step and the states of so many copies of each row."""
        begun = tf.nest.map_structure(lambda each: tf.repeat(each, copies, axis=0), self.begun(kept))
        return self.step(begun[0]), begun[1]

    def begun(self, kept: tf.Tensor) -> tuple[Any, Any]:
        """What each teller looks at, (B, W, R, A) each, and its states, (B, W, U) each."""
        regions = self.regions(decoding.as_rows(kept), training=False)
        begun = zip(*(teller.begin(regions) for teller in self.tellers), strict=True)
        memories, states = tf.nest.map_structure(lambda each: decoding.as_ways(each, self.ways_seen), tuple(begun))
        return memories, states

    def step(self, memories: Any) -> decoding.Step:
        """A step of all tellers together, of all that they look at."""
        rows = tf.nest.map_structure(decoding.as_rows, memories)
        each = [teller.step(memory) for teller, memory in zip(self.tellers, rows, strict=True)]
        steps = [decoding.in_ways(step, self.ways_seen) for step in each]
        return decoding.never(decoding.together(steps), (START, UNKNOWN), self.targets.choices)

    def ways(self, kept: tf.Tensor, width: tf.Tensor | int, penalty: tf.Tensor | float) -> tuple[tf.Tensor, tf.Tensor]:
        """The `width` W best ways found by beam search, the best first: ids (B, W, T), scores (B, W)."""
        step, states = self.begin(kept, width)
        first = tf.fill(tf.shape(kept)[:1], START)
        tokens, _, scores = decoding.beam(step, states, first, width=width, length=self.most, end=END, penalty=penalty)
        return tokens, scores

    def sampled(self, kept: tf.Tensor, choose: decoding.Choose) -> tf.Tensor:
        """Ids (B, T) of which each was chosen."""
        step, states = self.begin(kept, 1)
        first = tf.fill(tf.shape(kept)[:1], START)
        tokens, _, _ = decoding.write(
            step, states, first, length=self.most, choose=choose, stop=lambda token: token == END
        )
        return tokens


def _telling(model: keras.Model, inputs: Any, targets: Any) -> Telling:
    return Telling(model, targets, 1 + len(codecs.augmented(inputs, answering=True)))


def tell(model: keras.Model, inputs: Any, targets: Any, settings: Mapping[str, Any]) -> Callable[[tf.Tensor], Named]:
    """A function of values that an input codec keeps (B, W, R, ...) -> answer, string (B,), and score (B,)."""
    telling = _telling(model, inputs, targets)

    def told(kept: tf.Tensor) -> Named:
        tokens, scores = telling.ways(kept, settings["beam"], settings["length_penalty"])
        return {"answer": targets.decode(tokens[:, 0]), "score": scores[:, 0]}

    return told


def endpoints(model: keras.Model, inputs: Any, targets: Any, settings: Mapping[str, Any]) -> dict[str, Endpoint]:
    """What an export answers; values are string (B,). Of what cannot be read the answer is empty and its score 0.

    serve         values -> answer, its score: log probability over ((5 + words) / 6) ** length_penalty
    alternatives  values, width W -> answers (B, W), scores (B, W): as many ways are followed, the best first
    explain       values, width -> answer, score, words (B, T), how much each region was looked at, weights (B, T, R):
                  in the photograph as it is, whichever other ways to see it the answer is of
    sample        values, temperature, top_k, top_p, seed int64 (B,) -> answer
    """
    telling, penalty = _telling(model, inputs, targets), settings["length_penalty"]
    answer = tell(model, inputs, targets, settings)
    strings = tf.TensorSpec([None], tf.string, name="values")
    see = tf.function(inputs.see, input_signature=[strings], autograph=False)  # once in an export, not four times

    def said(tokens: tf.Tensor, good: tf.Tensor) -> tf.Tensor:
        return tf.where(good, targets.decode(tokens), "")

    def serve(values: tf.Tensor) -> Named:
        kept, good = see(values)
        told = answer(kept)
        return {"answer": tf.where(good, told["answer"], ""), "score": tf.where(good, told["score"], 0.0)}

    def alternatives(values: tf.Tensor, width: tf.Tensor) -> Named:
        kept, good = see(values)
        tokens, scores = telling.ways(kept, width, penalty)
        every = said(tf.reshape(tokens, [-1, telling.most]), tf.repeat(good, width))
        return {"answers": tf.reshape(every, [-1, width]), "scores": tf.where(good[:, None], scores, 0.0)}

    def explain(values: tf.Tensor, width: tf.Tensor) -> Named:
        kept, good = see(values)
        tokens, scores = telling.ways(kept, width, penalty)
        best = tokens[:, 0]
        before = tf.pad(best[:, :-1], [[0, 0], [1, 0]], constant_values=START)
        _, weights = model([kept[:, 0], before[:, None]], training=False)
        words = said(tf.reshape(best, [-1, 1]), tf.repeat(good, telling.most))
        words = tf.reshape(words, [-1, telling.most])
        score = tf.where(good, scores[:, 0], 0.0)
        return {"answer": said(best, good), "score": score, "words": words, "weights": weights[:, 0]}

    def sample(values: tf.Tensor, temperature: tf.Tensor, top_k: tf.Tensor, top_p: tf.Tensor, seed: tf.Tensor) -> Named:
        kept, good = see(values)
        drawn = decoding.draws(seed, 0, telling.most)
        choose = decoding.sampler(drawn, temperature=temperature, top_k=top_k, top_p=top_p)
        return {"answer": said(telling.sampled(kept, choose), good)}

    number = tf.TensorSpec([], tf.int32)
    share, seeds = tf.TensorSpec([], tf.float32), tf.TensorSpec([None], tf.int64, name="seed")
    return {
        "serve": (serve, [strings]),
        "alternatives": (alternatives, [strings, number]),
        "explain": (explain, [strings, number]),
        "sample": (sample, [strings, share, number, share, seeds]),
    }


def portable(model: keras.Model, inputs: Any, targets: Any, settings: Mapping[str, Any]) -> dict[str, Endpoint]:
    """begin: pixels, uint8 (1, H, W, 3) -> what a step takes; step -> the next word's logits, (1, V)."""
    telling = _telling(model, inputs, targets)

    def begin(seen: tf.Tensor) -> tuple[tf.Tensor, Any, Any]:
        return tf.fill([1], START), *telling.begun(inputs.every_way(seen))

    return stateful_decoder.portable(begin, telling.step, inputs.pixels())
