"""Beam search: the most probable sequences, several followed at once."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from seqtasks.decoding.generate import Step


def beam(
    step: Step, states: Any, first: tf.Tensor, *, num_beams: tf.Tensor | int, length: int, end: int,
    length_penalty: tf.Tensor | float = 1.0, no_repeat_ngram_size: int = 3,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:  # fmt: skip
    """The most probable sequences found behind first tokens (B,): tokens (B, W, L), lengths (B, W), scores (B, W).

    `num_beams` W sequences are kept of each row, the best first; one ends with the token `end`, which its length
    counts, and 0 follows. A score is the sum of log probabilities over ((5 + length) / 6) ** length_penalty, so that
    short sequences do not win for being short (Wu et al., 2016). No `no_repeat_ngram_size` tokens occur in a sequence
    twice in the same order (Paulus et al., 2018); below 2 they may. States are those of W equal rows for each row,
    (B * W, ...).
    """
    rows = tf.shape(first)[0]
    first_only = tf.where(tf.range(num_beams) == 0, 0.0, -float("inf"))
    begin = (
        0,
        tf.repeat(first, num_beams),
        states,
        tf.zeros([rows, num_beams, length], tf.int32),
        tf.tile(first_only[None], [rows, 1]),
        tf.zeros([rows, num_beams], tf.bool),
        tf.zeros([rows, num_beams], tf.int32),
    )

    def unfinished(
        number: tf.Tensor, token: Any, states: Any, tokens: Any, totals: Any, ended: tf.Tensor, lengths: Any
    ) -> Any:
        return (number < length) & ~tf.reduce_all(ended)

    def body(
        number: tf.Tensor, token: tf.Tensor, states: Any, tokens: tf.Tensor, totals: tf.Tensor, ended: tf.Tensor,
        lengths: tf.Tensor,
    ) -> Any:  # fmt: skip
        logits, states = step(token, states)
        size = tf.shape(logits)[1]
        log_probabilities = tf.reshape(tf.nn.log_softmax(tf.cast(logits, tf.float32)), [rows, num_beams, size])
        if no_repeat_ngram_size > 1:
            log_probabilities = _without_repeats(log_probabilities, tokens, number, no_repeat_ngram_size)
        stays = tf.where(tf.range(size) == 0, 0.0, -float("inf"))  # what has ended is itself, once
        sums = totals[:, :, None] + tf.where(ended[:, :, None], stays, log_probabilities)
        counts = lengths + tf.cast(~ended, tf.int32)
        ranked = sums / _normalizer(counts, length_penalty)[:, :, None]
        _, places = tf.math.top_k(tf.reshape(ranked, [rows, num_beams * size]), num_beams)
        parents, chosen = places // size, places % size
        totals = tf.gather(tf.reshape(sums, [rows, num_beams * size]), places, batch_dims=1)
        tokens, ended, lengths = (tf.gather(each, parents, batch_dims=1) for each in (tokens, ended, counts))
        tokens = tf.where(tf.range(length) == number, chosen[:, :, None], tokens)
        ended |= chosen == end
        flat = tf.reshape(tf.range(rows)[:, None] * num_beams + parents, [-1])
        states = tf.nest.map_structure(lambda each: tf.ensure_shape(tf.gather(each, flat), each.shape), states)
        return number + 1, tf.reshape(chosen, [-1]), states, tokens, totals, ended, lengths

    _, _, _, tokens, totals, _, lengths = tf.while_loop(unfinished, body, begin)
    return tokens, lengths, totals / _normalizer(lengths, length_penalty)


def _normalizer(lengths: tf.Tensor, length_penalty: tf.Tensor | float) -> tf.Tensor:
    return ((5 + tf.cast(lengths, tf.float32)) / 6) ** length_penalty


def _without_repeats(log_probabilities: tf.Tensor, tokens: tf.Tensor, number: tf.Tensor, ngram_size: int) -> tf.Tensor:
    """Log probabilities (B, W, V), -inf for what would end an n-gram that occurs among the `number` tokens so far."""
    length = tokens.shape[2]
    if length < ngram_size:
        return log_probabilities
    starts = length - ngram_size + 1
    recent = tf.maximum(number - ngram_size + 1, 0)
    same = tf.range(starts) + ngram_size <= number
    same = tf.tile(same[None, None], [*tf.unstack(tf.shape(tokens)[:2]), 1])
    for offset in range(ngram_size - 1):
        same &= tokens[:, :, offset : offset + starts] == tokens[:, :, recent + offset, None]
    where = tf.cast(tf.where(same), tf.int32)
    following = tf.gather_nd(tokens[:, :, ngram_size - 1 :], where)
    banned = tf.concat([where[:, :2], following[:, None]], 1)
    return tf.tensor_scatter_nd_update(log_probabilities, banned, tf.fill(tf.shape(following), -float("inf")))
