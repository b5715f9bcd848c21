"""Generating one token after the other, in the graph. Knows no network, only a step: token, states -> logits, states.

A row's text depends on its first token, its states and its seed alone, never on the rows beside it, nor on how many
tokens are generated at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from seqtasks.decoding.samplers import Choose

Step = Callable[[tf.Tensor, Any], tuple[tf.Tensor, Any]]  # token (B, ...), states -> logits (B, V), states

BLOCK = 256  # random numbers of a row drawn at a time


def generate(
    step: Step, states: Any, first: tf.Tensor, *, length: tf.Tensor | int, choose: Choose,
    stop: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> tuple[tf.Tensor, tf.Tensor, Any]:  # fmt: skip
    """Continues from the first tokens (B, ...): tokens (B, L, ...), each row's length (B,), states.

    At most `length` tokens are generated; a row ends with the token at which `stop`, (B, ...) -> bool (B,), is true,
    and `first` follows it. The last tokens and the states, given as `first` and `states`, continue.
    """
    rows = tf.shape(first)[0]
    written = tf.TensorArray(first.dtype, length, element_shape=first.shape)
    begin = (0, first, states, written, tf.zeros([rows], tf.bool), tf.zeros([rows], tf.int32))

    def unfinished(number: tf.Tensor, token: Any, states: Any, written: Any, ended: tf.Tensor, lengths: Any) -> Any:
        return (number < length) & ~tf.reduce_all(ended)

    def body(number: tf.Tensor, token: Any, states: Any, written: Any, ended: tf.Tensor, lengths: tf.Tensor) -> Any:
        logits, states = step(token, states)
        chosen = tf.ensure_shape(choose(logits, number), first.shape)
        token = tf.where(_like(ended, chosen), first, chosen)
        lengths += tf.cast(~ended, tf.int32)
        ended = ended if stop is None else ended | stop(token)
        return number + 1, token, states, written.write(number, token), ended, lengths

    number, _, states, written, _, lengths = tf.while_loop(unfinished, body, begin)
    tokens = tf.reshape(written.gather(tf.range(number)), tf.concat([[number], tf.shape(first)], 0))
    return tf.transpose(tokens, [1, 0, *range(2, first.shape.rank + 1)]), lengths, states


def ban_tokens(step: Step, tokens: Sequence[int], size: int) -> Step:
    """The step with logits (B, size) by which some tokens are never chosen."""
    penalties = tf.constant([-float("inf") if token in tokens else 0.0 for token in range(size)])

    def allowed(token: tf.Tensor, states: Any) -> tuple[tf.Tensor, Any]:
        logits, states = step(token, states)
        return logits + penalties, states

    return allowed


def ensemble(steps: Sequence[Step]) -> Step:
    """One step of several: its logits are the logarithms of their mean probabilities, its states a tuple of theirs."""

    def averaged(token: tf.Tensor, states: Any) -> tuple[tf.Tensor, Any]:
        outputs = [step(token, before) for step, before in zip(steps, states, strict=True)]
        log_probabilities = [tf.nn.log_softmax(tf.cast(logits, tf.float32)) for logits, _ in outputs]
        logits = tf.reduce_logsumexp(log_probabilities, axis=0) - math.log(len(steps))
        return logits, tuple(after for _, after in outputs)

    return averaged


def average_views(step: Step, views: int) -> Step:
    """One step of `views` W of each row: of states (B, W, ...), its logits (B, V) the logarithms of their mean
    probabilities. All are rows of one call of `step`, which so reads its weights once.
    """

    def averaged(token: tf.Tensor, states: Any) -> tuple[tf.Tensor, Any]:
        logits, after = step(tf.repeat(token, views), tf.nest.map_structure(merge_views, states))
        log_probabilities = tf.nn.log_softmax(tf.cast(split_views(logits, views), tf.float32))
        after = tf.nest.map_structure(lambda each: split_views(each, views), after)
        return tf.reduce_logsumexp(log_probabilities, axis=1) - math.log(views), after

    return averaged


def merge_views(values: tf.Tensor) -> tf.Tensor:
    """(B, W, ...) -> (B * W, ...), a known number where both are: LiteRT has no loop over any number of rows."""
    rows, views = values.shape[:2]
    merged = -1 if rows is None or views is None else rows * views
    return tf.reshape(values, [merged, *_sizes(values, 2)])


def split_views(values: tf.Tensor, views: int) -> tf.Tensor:
    """(B * W, ...) -> (B, W, ...)."""
    return tf.reshape(values, [-1, views, *_sizes(values, 1)])


def repetition_penalty(step: Step, penalty: tf.Tensor | float) -> Step:
    """The step with tokens made less probable that were generated before (Keskar et al., 2019); 1 changes nothing.

    Its states are (states, bool (B, V) of what was generated), its tokens (B,).
    """

    def penalized(token: tf.Tensor, states: Any) -> tuple[tf.Tensor, Any]:
        inner, seen = states
        logits, inner = step(token, inner)
        seen |= tf.one_hot(token, tf.shape(seen)[1], on_value=True, off_value=False)
        lowered = tf.where(logits > 0, logits / penalty, logits * penalty)
        return tf.where(seen, lowered, logits), (inner, seen)

    return penalized


def uniforms(seeds: tf.Tensor, start: tf.Tensor | int, count: tf.Tensor | int) -> tf.Tensor:
    """Numbers start, start + 1, ... of a sequence that each row's seed, int64 (B,), decides: (B, count) in [0, 1)."""
    first = start // BLOCK
    blocks = tf.range(first, (start + count - 1) // BLOCK + 1)

    def row(seed: tf.Tensor) -> tf.Tensor:
        def block(number: tf.Tensor) -> tf.Tensor:
            key = tf.stack([seed, tf.cast(number, tf.int64)])
            return tf.random.stateless_uniform([BLOCK], key, alg="philox")

        return tf.reshape(tf.map_fn(block, blocks, fn_output_signature=tf.TensorSpec([BLOCK])), [-1])

    drawn = tf.map_fn(row, seeds, fn_output_signature=tf.TensorSpec([None]))
    return drawn[:, start - first * BLOCK :][:, :count]


def _sizes(values: tf.Tensor, first: int) -> list[tf.Tensor | int]:
    """The axes' sizes from the first on, as numbers where they are known."""
    known = enumerate(values.shape[first:], first)
    return [tf.shape(values)[axis] if size is None else size for axis, size in known]


def _like(rows: tf.Tensor, token: tf.Tensor) -> tf.Tensor:
    """Rows (B,) as (B, 1, ...), to broadcast over a token (B, ...)."""
    return tf.reshape(rows, [-1, *[1] * (token.shape.rank - 1)])
