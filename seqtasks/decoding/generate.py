"""Writing one token after the other, in the graph. Knows no network, only a step: token, states -> logits, states.

A row's text depends on its first token, its states and its seed alone, never on the rows beside it, nor on how many
tokens are written at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

Step = Callable[[tf.Tensor, Any], tuple[tf.Tensor, Any]]  # token (B, ...), states -> logits (B, V), states
Choose = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]  # logits (B, V), number of the token written -> token (B, ...)

BLOCK = 256  # random numbers of a row drawn at a time


def write(
    step: Step, states: Any, first: tf.Tensor, *, length: tf.Tensor | int, choose: Choose,
    stop: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> tuple[tf.Tensor, tf.Tensor, Any]:  # fmt: skip
    """Writes on from the first tokens (B, ...): tokens (B, L, ...), how many of them are a row's own (B,), states.

    At most `length` tokens are written; a row ends with the token at which `stop`, (B, ...) -> bool (B,), is true, and
    `first` stands behind it. The last tokens and the states, given as `first` and `states`, go on.
    """
    rows = tf.shape(first)[0]
    written = tf.TensorArray(first.dtype, length, element_shape=first.shape)
    begin = (0, first, states, written, tf.zeros([rows], tf.bool), tf.zeros([rows], tf.int32))

    def going_on(number: tf.Tensor, token: Any, states: Any, written: Any, ended: tf.Tensor, own: Any) -> tf.Tensor:
        return (number < length) & ~tf.reduce_all(ended)

    def body(number: tf.Tensor, token: Any, states: Any, written: Any, ended: tf.Tensor, own: tf.Tensor) -> Any:
        logits, states = step(token, states)
        chosen = tf.ensure_shape(choose(logits, number), first.shape)
        token = tf.where(_like(ended, chosen), first, chosen)
        own += tf.cast(~ended, tf.int32)
        ended = ended if stop is None else ended | stop(token)
        return number + 1, token, states, written.write(number, token), ended, own

    number, _, states, written, _, own = tf.while_loop(going_on, body, begin)
    tokens = tf.reshape(written.gather(tf.range(number)), tf.concat([[number], tf.shape(first)], 0))
    return tf.transpose(tokens, [1, 0, *range(2, first.shape.rank + 1)]), own, states


def greedy(logits: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """The most probable token, int32 (B,); of equals the first."""
    return tf.argmax(logits, axis=1, output_type=tf.int32)


def sampler(
    draws: tf.Tensor,
    *,
    temperature: tf.Tensor | float = 1.0,
    top_k: tf.Tensor | int = 0,
    top_p: tf.Tensor | float = 1.0,
) -> Choose:
    """Chooses by chance, from `draws` (B, L) in [0, 1), one for each token that is written.

    temperature: what logits are divided by; 0 is greedy. top_k: only so many of the most probable tokens, 0 for all
    (Fan et al., 2018). top_p: of these only the fewest that have this probability together (Holtzman et al., 2020).
    Tokens as probable as the last one of a choice belong to it.
    """
    temperature, top_p = (tf.convert_to_tensor(each, tf.float32) for each in (temperature, top_p))
    top_k = tf.convert_to_tensor(top_k, tf.int32)

    def sampled(logits: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
        logits = logits / temperature
        logits = tf.cond((top_k > 0) | ~(top_p >= 1), lambda: _kept(logits, top_k, top_p), lambda: logits)
        reached = tf.cumsum(tf.nn.softmax(logits), axis=1)
        last = tf.reduce_sum(tf.cast(reached < reached[:, -1:], tf.int32), 1)  # behind it nothing has a probability
        below = tf.reduce_sum(tf.cast(reached <= draw[:, None] * reached[:, -1:], tf.int32), 1)
        return tf.minimum(below, last)

    def choose(logits: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        logits = tf.cast(logits, tf.float32)
        return tf.cond(temperature > 0, lambda: sampled(logits, draws[:, number]), lambda: greedy(logits, number))

    return choose


def _kept(logits: tf.Tensor, top_k: tf.Tensor, top_p: tf.Tensor) -> tf.Tensor:
    """The logits (B, V) of the tokens that may be chosen, -inf for all others."""
    ranked = tf.sort(logits, axis=1, direction="DESCENDING")
    size = tf.shape(logits)[1]
    count = tf.where(top_k > 0, tf.minimum(top_k, size), size)
    ranked = tf.where(tf.range(size) < count, ranked, -float("inf"))
    before = tf.cumsum(tf.nn.softmax(ranked), axis=1, exclusive=True)
    kept = (before < top_p) | (tf.range(size) == 0)  # the most probable in any case, whatever top_p is
    least = tf.reduce_min(tf.where(kept & tf.math.is_finite(ranked), ranked, float("inf")), 1)
    return tf.where(logits >= least[:, None], logits, -float("inf"))


def never(step: Step, tokens: Sequence[int], size: int) -> Step:
    """The step with logits (B, size) by which some tokens are never written."""
    barred = tf.constant([-float("inf") if token in tokens else 0.0 for token in range(size)])

    def allowed(token: tf.Tensor, states: Any) -> tuple[tf.Tensor, Any]:
        logits, states = step(token, states)
        return logits + barred, states

    return allowed


def together(steps: Sequence[Step]) -> Step:
    """One step of several: its logits are the logarithms of their mean probabilities, its states a tuple of theirs."""

    def joined(token: tf.Tensor, states: Any) -> tuple[tf.Tensor, Any]:
        told = [step(token, own) for step, own in zip(steps, states, strict=True)]
        chances = [tf.nn.log_softmax(tf.cast(logits, tf.float32)) for logits, _ in told]
        return tf.reduce_logsumexp(chances, axis=0) - math.log(len(steps)), tuple(own for _, own in told)

    return joined


def in_ways(step: Step, ways: int) -> Step:
    """One step of `ways` W to see each row: of states (B, W, ...), its logits (B, V) the logarithms of their mean
    probabilities. All are rows of one call of `step`, which so reads its weights once.
    """

    def joined(token: tf.Tensor, states: Any) -> tuple[tf.Tensor, Any]:
        logits, after = step(tf.repeat(token, ways), tf.nest.map_structure(as_rows, states))
        chances = tf.nn.log_softmax(tf.cast(as_ways(logits, ways), tf.float32))
        after = tf.nest.map_structure(lambda each: as_ways(each, ways), after)
        return tf.reduce_logsumexp(chances, axis=1) - math.log(ways), after

    return joined


def as_rows(values: tf.Tensor) -> tf.Tensor:
    """(B, W, ...) -> (B * W, ...)."""
    return tf.reshape(values, [-1, *_sizes(values, 2)])


def as_ways(values: tf.Tensor, ways: int) -> tf.Tensor:
    """(B * W, ...) -> (B, W, ...)."""
    return tf.reshape(values, [-1, ways, *_sizes(values, 1)])


def _sizes(values: tf.Tensor, first: int) -> list[tf.Tensor | int]:
    """The axes' sizes from the first on, as numbers where they are known."""
    known = enumerate(values.shape[first:], first)
    return [tf.shape(values)[axis] if size is None else size for axis, size in known]


def discouraging(step: Step, penalty: tf.Tensor | float) -> Step:
    """The step with tokens made less probable that were written before (Keskar et al., 2019); 1 changes nothing.

    Its states are (states, bool (B, V) of what was written), its tokens (B,).
    """

    def discouraged(token: tf.Tensor, states: Any) -> tuple[tf.Tensor, Any]:
        inner, seen = states
        logits, inner = step(token, inner)
        seen |= tf.one_hot(token, tf.shape(seen)[1], on_value=True, off_value=False)
        harder = tf.where(logits > 0, logits / penalty, logits * penalty)
        return tf.where(seen, harder, logits), (inner, seen)

    return discouraged


def draws(seeds: tf.Tensor, start: tf.Tensor | int, count: tf.Tensor | int) -> tf.Tensor:
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


def beam(
    step: Step, states: Any, first: tf.Tensor, *, width: tf.Tensor | int, length: int, end: int,
    penalty: tf.Tensor | float = 1.0, repeats: int = 3,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:  # fmt: skip
    """The most probable ways found to write on from first tokens (B,): tokens (B, W, L), own (B, W), scores (B, W).

    `width` W ways are kept of each row, the best first; a way ends with the token `end`, which counts among its own,
    and 0 stands behind it. A score is the sum of log probabilities over ((5 + own) / 6) ** penalty, so that short ways
    do not win for being short (Wu et al., 2016). No `repeats` tokens stand in a way twice in the same order (Paulus et
    al., 2018); below 2 they may. States are those of W equal rows for each row, (B * W, ...).
    """
    rows = tf.shape(first)[0]
    best_only = tf.where(tf.range(width) == 0, 0.0, -float("inf"))
    begin = (
        0,
        tf.repeat(first, width),
        states,
        tf.zeros([rows, width, length], tf.int32),
        tf.tile(best_only[None], [rows, 1]),
        tf.zeros([rows, width], tf.bool),
        tf.zeros([rows, width], tf.int32),
    )

    def going_on(
        number: tf.Tensor, token: Any, states: Any, tokens: Any, total: Any, ended: tf.Tensor, own: Any
    ) -> Any:
        return (number < length) & ~tf.reduce_all(ended)

    def body(
        number: tf.Tensor, token: tf.Tensor, states: Any, tokens: tf.Tensor, total: tf.Tensor, ended: tf.Tensor,
        own: tf.Tensor,
    ) -> Any:  # fmt: skip
        logits, states = step(token, states)
        size = tf.shape(logits)[1]
        chances = tf.reshape(tf.nn.log_softmax(tf.cast(logits, tf.float32)), [rows, width, size])
        if repeats > 1:
            chances = _unrepeated(chances, tokens, number, repeats)
        stays = tf.where(tf.range(size) == 0, 0.0, -float("inf"))  # what has ended is itself, once
        totals = total[:, :, None] + tf.where(ended[:, :, None], stays, chances)
        counts = own + tf.cast(~ended, tf.int32)
        ranked = totals / _longer(counts, penalty)[:, :, None]
        _, places = tf.math.top_k(tf.reshape(ranked, [rows, width * size]), width)
        parent, chosen = places // size, places % size
        total = tf.gather(tf.reshape(totals, [rows, width * size]), places, batch_dims=1)
        tokens, ended, own = (tf.gather(each, parent, batch_dims=1) for each in (tokens, ended, counts))
        tokens = tf.where(tf.range(length) == number, chosen[:, :, None], tokens)
        ended |= chosen == end
        flat = tf.reshape(tf.range(rows)[:, None] * width + parent, [-1])
        states = tf.nest.map_structure(lambda each: tf.ensure_shape(tf.gather(each, flat), each.shape), states)
        return number + 1, tf.reshape(chosen, [-1]), states, tokens, total, ended, own

    _, _, _, tokens, total, _, own = tf.while_loop(going_on, body, begin)
    return tokens, own, total / _longer(own, penalty)


def _longer(own: tf.Tensor, penalty: tf.Tensor | float) -> tf.Tensor:
    return ((5 + tf.cast(own, tf.float32)) / 6) ** penalty


def _unrepeated(chances: tf.Tensor, tokens: tf.Tensor, number: tf.Tensor, repeats: int) -> tf.Tensor:
    """Log probabilities (B, W, V), -inf for what would end the same tokens as stand there, of which `number` are."""
    length = tokens.shape[2]
    if length < repeats:
        return chances
    starts = length - repeats + 1
    recent = tf.maximum(number - repeats + 1, 0)
    same = tf.range(starts) + repeats <= number
    same = tf.tile(same[None, None], [*tf.unstack(tf.shape(tokens)[:2]), 1])
    for offset in range(repeats - 1):
        same &= tokens[:, :, offset : offset + starts] == tokens[:, :, recent + offset, None]
    where = tf.cast(tf.where(same), tf.int32)
    following = tf.gather_nd(tokens[:, :, repeats - 1 :], where)
    banned = tf.concat([where[:, :2], following[:, None]], 1)
    return tf.tensor_scatter_nd_update(chances, banned, tf.fill(tf.shape(following), -float("inf")))


def _like(rows: tf.Tensor, token: tf.Tensor) -> tf.Tensor:
    """Rows (B,) as (B, 1, ...), to stand beside a token (B, ...)."""
    return tf.reshape(rows, [-1, *[1] * (token.shape.rank - 1)])
