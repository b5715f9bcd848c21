"""Linear-chain conditional random field (Lafferty et al., 2001): a sequence of tags has a score, not each tag alone.

The score of tags y is starts[y_1] + sum_t emissions[t, y_t] + sum_t transitions[y_t-1, y_t]. Forward and backward pass
run in one loop, as probabilities that are made to add up to 1 at every step (Rabiner, 1989), so that a step is a
product with a (K, K) matrix; the gradient is written out, expected minus observed counts, and needs no loop.

K tags. `parameters` (1 + K, K) are the starts and, below them, the transitions from each tag (row) to each (column).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

IMPOSSIBLE = -1e4  # score of a transition that there is not; its exponential is 0
FLOOR = -60.0  # nats by which an emission is below the step's highest at most, so that no step has probability 0
TINY = 1e-30


@keras.saving.register_keras_serializable("seqtasks")
class CRF(keras.layers.Layer):
    """Emissions (B, T, K) -> the same, and the parameters (1 + K, K), which are IMPOSSIBLE where not `allowed`.

    Not `learned`, all parameters are 0 and everything is allowed: a softmax at each step.
    """

    def __init__(self, allowed: Sequence[Sequence[bool]], learned: bool = True, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.allowed, self.learned = [list(row) for row in allowed], learned
        self.supports_masking = True

    def build(self, emissions: tuple[int | None, ...]) -> None:
        size = len(self.allowed), len(self.allowed[0])
        self.scores = self.add_weight(shape=size, initializer="zeros", trainable=self.learned, name="parameters")

    def call(self, emissions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        parameters = tf.convert_to_tensor(self.scores)
        if self.learned:
            parameters = tf.where(tf.constant(self.allowed), parameters, IMPOSSIBLE)
        return emissions, parameters

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "allowed": self.allowed, "learned": self.learned}


class Chain(NamedTuple):
    """What the two passes found, time first."""

    log_partition: tf.Tensor  # (B,), nats, of the scores of all sequences
    forward: tf.Tensor  # (T, B, K), of the steps up to each; adds up to 1
    norms: tf.Tensor  # (T, B, 1), by which `forward` was divided at each step
    backward: tf.Tensor  # (T, B, K), of the steps behind each, in a measure of its own
    odds: tf.Tensor  # (T, B, K), exp(emissions), the highest of a step 1
    mask: tf.Tensor  # bool (T, B, 1)
    steps: tf.Tensor  # (K, K), exp(transitions)


def chain(emissions: tf.Tensor, parameters: tf.Tensor, lengths: tf.Tensor) -> Chain:
    """Emissions (B, T, K), parameters and lengths (B,), each at least 1 -> both passes over all steps."""
    length = tf.shape(emissions)[1]
    emissions = tf.transpose(emissions, [1, 0, 2])
    highest = tf.reduce_max(emissions, axis=-1, keepdims=True)
    odds = tf.exp(tf.maximum(emissions - highest, FLOOR))
    mask = tf.transpose(tf.sequence_mask(lengths, length))[..., None]
    highest_start = tf.reduce_max(parameters[0])
    steps, first = tf.exp(parameters[1:]), tf.exp(parameters[0] - highest_start) * odds[0]
    norm = tf.reduce_sum(first, axis=-1, keepdims=True)
    ahead, back = first / norm, tf.ones_like(first)

    def body(place: tf.Tensor, ahead: tf.Tensor, back: tf.Tensor, *arrays: tf.TensorArray) -> Any:
        """The forward pass at `place`, and the backward pass as far from the other end."""
        forward, norms, backward = arrays
        found = tf.matmul(ahead, steps) * odds[place]
        norm = tf.where(mask[place], tf.reduce_sum(found, axis=-1, keepdims=True), 1.0)
        ahead = tf.where(mask[place], found / norm, ahead)
        behind = length - place  # the step of which `back` is known
        found = tf.matmul(back * odds[behind], steps, transpose_b=True)
        back = tf.where(mask[behind], found / tf.reduce_max(found, axis=-1, keepdims=True), 1.0)
        written = forward.write(place, ahead), norms.write(place, norm), backward.write(behind - 1, back)
        return place + 1, ahead, back, *written

    forward, norms, backward = (
        tf.TensorArray(tf.float32, length, element_shape=each.shape) for each in (ahead, norm, back)
    )
    arrays = forward.write(0, ahead), norms.write(0, norm), backward.write(length - 1, back)
    found = tf.while_loop(lambda place, *_: place < length, body, (1, ahead, back, *arrays))
    forward, norms, backward = (each.stack() for each in found[3:])
    of_steps = tf.where(mask, tf.math.log(norms) + highest, 0.0)
    log_partition = tf.reduce_sum(of_steps, axis=[0, 2]) + highest_start
    return Chain(log_partition, forward, norms, backward, odds, mask, steps)


def cost(emissions: tf.Tensor, parameters: tf.Tensor, tags: tf.Tensor) -> tf.Tensor:
    """Negative log-likelihood (B,), nats a row, of tags (B, T), -1 behind a row's end, given emissions (B, T, K)."""
    lengths = tf.reduce_sum(tf.cast(tags >= 0, tf.int32), axis=1)
    found: tf.Tensor = _cost(emissions, parameters, tf.maximum(tags, 0), lengths)
    return found


@tf.custom_gradient
def _cost(emissions: tf.Tensor, parameters: tf.Tensor, tags: tf.Tensor, lengths: tf.Tensor) -> Any:
    size = emissions.shape[-1]
    real = tf.cast(tf.sequence_mask(lengths, tf.shape(tags)[1]), tf.float32)
    observed = tf.one_hot(tags, size) * real[..., None]  # (B, T, K)
    pairs = tf.gather(tf.reshape(parameters[1:], [-1]), tags[:, :-1] * size + tags[:, 1:])
    score = tf.reduce_sum(observed * emissions, axis=[1, 2]) + tf.gather(parameters[0], tags[:, 0])
    score += tf.reduce_sum(pairs * real[:, 1:], axis=1)
    passes = chain(emissions, parameters, lengths)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, None, None]:
        weights = (real * upstream[:, None])[..., None]
        expected = _marginals(passes)
        of_emissions = weights * (tf.transpose(expected, [1, 0, 2]) - observed)
        # of a pair of steps: forward (i) A (i, j) odds (j) backward (j), divided by its sum over i and j
        behind = passes.odds[1:] * passes.backward[1:]
        sums = tf.reduce_sum(tf.matmul(passes.forward[:-1], passes.steps) * behind, axis=-1, keepdims=True)
        before = passes.forward[:-1] * tf.transpose(weights[:, 1:], [1, 0, 2]) / tf.maximum(sums, TINY)
        counted = passes.steps * tf.matmul(_flat(before, size), _flat(behind, size), transpose_a=True)
        seen = tf.matmul(_flat(observed[:, :-1] * weights[:, 1:], size), _flat(observed[:, 1:], size), transpose_a=True)
        return of_emissions, tf.concat([tf.reduce_sum(of_emissions[:, 0], axis=0)[None], counted - seen], 0), None, None

    return passes.log_partition - score, gradient


def _flat(values: tf.Tensor, size: int) -> tf.Tensor:
    return tf.reshape(values, [-1, size])


def _marginals(passes: Chain) -> tf.Tensor:
    """The probability of each tag at each step, (T, B, K)."""
    both = passes.forward * passes.backward
    return both / tf.maximum(tf.reduce_sum(both, axis=-1, keepdims=True), TINY)


def viterbi(emissions: tf.Tensor, parameters: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """The tags with the highest score, int32 (B, T); behind a row's end they repeat its last one (Viterbi, 1967)."""
    length, size = tf.shape(emissions)[1], emissions.shape[-1]
    emissions = tf.transpose(emissions, [1, 0, 2])
    mask = tf.transpose(tf.sequence_mask(lengths, length))[..., None]
    transitions, same = parameters[None, 1:], tf.range(size)[None]
    scores = parameters[0] + emissions[0]

    def ahead(place: tf.Tensor, scores: tf.Tensor, origins: tf.TensorArray) -> Any:
        every = scores[:, :, None] + transitions  # (B, from, to)
        best = tf.reduce_max(every, axis=1) + emissions[place]
        origin = tf.argmax(every, axis=1, output_type=tf.int32)
        origins = origins.write(place, tf.where(mask[place], origin, same))
        return place + 1, tf.where(mask[place], best, scores), origins

    origins = tf.TensorArray(tf.int32, length, element_shape=scores.shape).write(0, tf.zeros_like(scores, tf.int32))
    _, scores, origins = tf.while_loop(lambda place, *_: place < length, ahead, (1, scores, origins))
    origin = origins.stack()
    last = tf.argmax(scores, axis=-1, output_type=tf.int32)

    def back(place: tf.Tensor, tag: tf.Tensor, tags: tf.TensorArray) -> Any:
        tag = tf.gather(origin[place], tag, batch_dims=1)
        return place - 1, tag, tags.write(place - 1, tag)

    tags = tf.TensorArray(tf.int32, length, element_shape=last.shape).write(length - 1, last)
    *_, tags = tf.while_loop(lambda place, *_: place > 0, back, (length - 1, last, tags))
    return tf.transpose(tags.stack())


def probabilities(
    emissions: tf.Tensor, parameters: tf.Tensor, lengths: tf.Tensor, tags: tf.Tensor, inside: Sequence[int]
) -> tuple[tf.Tensor, tf.Tensor]:
    """Of tags (B, T): the probability of each at its step, (B, T), and the parts of those of runs of tags, (B, T).

    A run goes on with the tag `inside` (K,) of each of its tags, and ends before any other; -1 belongs to no run. The
    sum of a run's parts, in nats, is the logarithm of its probability: that exactly these steps have these tags.
    """
    passes = chain(emissions, parameters, lengths)
    size, last = emissions.shape[-1], tf.transpose(tags)  # (T, B)
    chosen = tf.one_hot(last, size)
    marginal = tf.reduce_sum(_marginals(passes) * chosen, axis=-1)
    following = tf.constant([[float(other == each) for other in range(size)] for each in inside])
    # the step behind each: what is behind a row's end is certain
    behind = tf.pad((passes.odds * passes.backward)[1:], [[0, 1], [0, 0], [0, 0]])
    ends = tf.logical_not(tf.pad(passes.mask[1:], [[0, 1], [0, 0], [0, 0]]))
    every = tf.where(ends, 1.0, tf.matmul(behind, passes.steps, transpose_b=True))  # (T, B, K)
    onward = tf.where(ends, 0.0, tf.matmul(behind, passes.steps * following, transpose_b=True))
    stop = tf.reduce_sum((every - onward) * chosen, -1) / tf.reduce_sum(passes.forward * every, -1)
    begin = tf.reduce_sum(passes.forward * chosen, axis=-1)
    reached = tf.reduce_sum(tf.matmul(chosen[:-1], passes.steps) * (passes.odds * chosen)[1:], axis=-1)
    step = tf.pad(reached / passes.norms[1:, :, 0], [[1, 0], [0, 0]])
    goes_on = tf.cast(tf.gather(tf.constant(inside), last[:-1]) == last[1:], tf.float32)
    goes_on = tf.where(ends[:-1, :, 0], 0.0, goes_on)
    first, final = 1 - tf.pad(goes_on, [[1, 0], [0, 0]]), 1 - tf.pad(goes_on, [[0, 1], [0, 0]])
    parts = _log(tf.where(first > 0, begin, step)) + final * _log(stop)
    return tf.transpose(marginal), tf.transpose(parts)


def _log(values: tf.Tensor) -> tf.Tensor:
    return tf.math.log(tf.maximum(values, TINY))
