"""Writing, tried with steps that know a word, or probabilities, and no network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from seqtasks import decoding

LETTERS = "abcdefghijklmnopqrstuvwxyz."
PROBABLE = np.log([0.5, 0.2, 0.2, 0.1]).astype("float32")


def spelling(*words: str) -> decoding.Step:
    """A step that is sure of the next letter of each row's word; its state is how many were written."""
    longest = max(map(len, words)) + 1
    ids = tf.constant([[LETTERS.index(letter) for letter in word.ljust(longest, ".")] for word in words])

    def step(token: tf.Tensor, at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        letter = tf.gather(ids, at, batch_dims=1)
        return 100 * tf.one_hot(letter, len(LETTERS)), at + 1

    return step


def weighing(token: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A step that finds PROBABLE always."""
    return tf.tile(PROBABLE[None], [tf.shape(token)[0], 1]), count + 1


def spelled(ids: tf.Tensor, own: tf.Tensor) -> list[str]:
    return ["".join(LETTERS[letter] for letter in row[:count]) for row, count in zip(ids.numpy(), own, strict=True)]


def choices(seeds: list[int], count: int = 400, **options: Any) -> np.ndarray:
    usual = {"temperature": 1.0, "top_k": 0, "top_p": 1.0}
    given = [tf.constant(type(value)(options.get(name, value))) for name, value in usual.items()]
    return chosen(tf.constant(seeds, tf.int64), count, *given).numpy()


@tf.function(autograph=False)
def chosen(seeds: tf.Tensor, count: int, temperature: tf.Tensor, top_k: tf.Tensor, top_p: tf.Tensor) -> tf.Tensor:
    """Traced once for all options."""
    draws = decoding.uniforms(seeds, 0, count)
    choose = decoding.sampler(draws, temperature=temperature, top_k=top_k, top_p=top_p)
    first = tf.zeros(tf.shape(seeds), tf.int32)
    return decoding.generate(weighing, tf.constant(0), first, length=count, choose=choose)[0]


CHOOSERS = {
    "greedy": decoding.greedy,
    "sampled": decoding.sampler(tf.fill([2, 20], 0.4)),
    "cold": decoding.sampler(tf.fill([2, 20], 0.4), temperature=0.0),
    "hot": decoding.sampler(tf.fill([2, 20], 0.999), temperature=2.0),
    "top-k": decoding.sampler(tf.fill([2, 20], 0.999), temperature=90.0, top_k=1),
    "top-p": decoding.sampler(tf.fill([2, 20], 0.999), temperature=30.0, top_p=0.05),
}


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("choose", CHOOSERS.values(), ids=CHOOSERS)
def test_spells(choose: decoding.Choose, graph: bool):
    def write() -> Any:
        begin, first = tf.zeros([2], tf.int32), tf.fill([2], 26)
        return decoding.generate(
            spelling("sequential", "rnn"), begin, first, length=20, choose=choose, stop=lambda token: token == 26
        )

    ids, own, _ = tf.function(write, autograph=False)() if graph else write()
    assert spelled(ids, own) == ["sequential.", "rnn."]
    assert ids.shape[1] == len("sequential.")  # nothing is written once all rows have ended


def test_goes_on_where_it_stopped():
    first, states = tf.fill([1], 26), tf.zeros([1], tf.int32)
    found = ""
    for length in (3, 1, 4, 3):
        ids, own, states = decoding.generate(
            spelling("sequential"), states, first, length=length, choose=decoding.greedy
        )
        first = ids[:, -1]
        found += spelled(ids, own)[0]
    assert found == "sequential."


def test_nothing_to_write():
    ids, own, _ = decoding.generate(
        spelling("a"), tf.zeros([1], tf.int32), tf.fill([1], 26), length=0, choose=decoding.greedy
    )
    assert (ids.shape, own.numpy().tolist()) == ((1, 0), [0])


def test_a_token_may_be_any_tensor():
    def step(token: tf.Tensor, states: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return token + 1, states

    tokens, own, _ = decoding.generate(
        step, tf.zeros([]), tf.zeros([2, 3]), length=4, choose=lambda logits, number: logits,
        stop=lambda token: token[:, 0] >= 2,
    )  # fmt: skip
    np.testing.assert_array_equal(tokens[:, :, 2], [[1, 2], [1, 2]])
    np.testing.assert_array_equal(own, [2, 2])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [0.5, 0.2, 0.2, 0.1]),
        ({"temperature": 0.0}, [1, 0, 0, 0]),
        ({"temperature": 0.5}, np.square([0.5, 0.2, 0.2, 0.1]) / 0.34),
        ({"top_k": 1}, [1, 0, 0, 0]),
        ({"top_k": 2}, [5 / 9, 2 / 9, 2 / 9, 0]),  # two are second
        ({"top_k": 9}, [0.5, 0.2, 0.2, 0.1]),
        ({"top_p": 0.5}, [1, 0, 0, 0]),
        ({"top_p": 0.6}, [5 / 9, 2 / 9, 2 / 9, 0]),
        ({"top_p": 0.95}, [0.5, 0.2, 0.2, 0.1]),
        ({"top_k": 3, "top_p": 0.5}, [1, 0, 0, 0]),  # 0.5 / 0.9 are more than half
    ],
    ids=str,
)
def test_chooses_with_these_probabilities(options: dict[str, Any], expected: list[float]):
    found = np.bincount(choices(list(range(200)), 20, **options).ravel(), minlength=4) / 4_000
    np.testing.assert_allclose(found, expected, atol=0.03)
    assert not found[np.equal(expected, 0)].any()


@pytest.mark.parametrize("draw", [0.0, 1 - 2**-24])
def test_the_ends_of_chance_choose_what_is_probable(draw: float):
    logits = tf.constant([[-np.inf, 0.0, 0.0, -np.inf]])
    token = decoding.sampler(tf.constant([[draw]]))(logits, tf.constant(0))
    assert token.numpy() == (1 if draw == 0 else 2)


def test_ways_of_a_row_are_asked_at_once_and_told_of_by_their_mean():
    values = np.random.default_rng(0).normal(size=(3, 2, 5)).astype(np.float32)

    def step(token: tf.Tensor, states: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return states + tf.cast(token, tf.float32)[:, None] * tf.range(5.0), states + 1

    logits, after = decoding.average_views(step, 2)(tf.constant([0, 1, 2]), tf.constant(values))
    each = values + np.arange(3)[:, None, None] * np.arange(5)
    wanted = tf.nn.softmax(each).numpy().mean(axis=1)
    np.testing.assert_allclose(np.exp(logits), wanted, atol=1e-6)
    np.testing.assert_array_equal(after, values + 1)


def test_company_and_pieces_never_change_a_row():
    together = choices([7, 8, 9, -1])
    for row, seed in enumerate((7, 8, 9, -1)):
        np.testing.assert_array_equal(choices([seed])[0], together[row])
    assert len({tuple(row) for row in together}) == 4
    whole = decoding.uniforms(tf.constant([7, 2**40], tf.int64), 0, 900)
    pieces = [decoding.uniforms(tf.constant([7, 2**40], tf.int64), at, 100) for at in range(0, 900, 100)]
    np.testing.assert_array_equal(tf.concat(pieces, 1), whole)
    assert 0 <= whole.numpy().min() < whole.numpy().max() < 1


def test_what_was_written_is_discouraged():
    step = decoding.repetition_penalty(weighing, 20.0)
    states = (tf.constant(0), tf.zeros([1, 4], tf.bool))
    ids, _, _ = decoding.generate(step, states, tf.constant([3]), length=3, choose=decoding.greedy)
    np.testing.assert_array_equal(ids, [[0, 1, 2]])


@pytest.mark.parametrize("nonsense", [0.0, -1.0, float("nan")])
@pytest.mark.parametrize("name", ["top_p", "temperature"])
def test_a_choice_that_is_none_takes_the_most_probable(name: str, nonsense: float):
    choose = decoding.sampler(tf.constant([[0.9]]), **{name: nonsense})
    assert choose(tf.constant([[0.0, 1.0, 3.0, 2.0]]), tf.constant(0)).numpy().tolist() == [2]


# --- beams ------------------------------------------------------------------------------------------------------------

END = 3


def chained(seed: int, size: int = 5) -> tuple[decoding.Step, np.ndarray]:
    """A step whose logits depend on the last token alone, and its log probabilities (last, next)."""
    logits = np.random.default_rng(seed).normal(scale=2, size=(size, size)).astype(np.float32)
    chances = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return (lambda token, states: (tf.gather(tf.constant(logits), token), states)), chances


def every_way(chances: np.ndarray, first: int, length: int, penalty: float) -> list[tuple[float, list[int]]]:
    """All ways of at most so many tokens with their scores, the best first."""
    found = []

    def go_on(way: list[int], total: float) -> None:
        if way and (way[-1] == END or len(way) == length):
            found.append((total / ((5 + len(way)) / 6) ** penalty, way))
            return
        last = way[-1] if way else first
        for token in range(len(chances)):
            go_on([*way, token], total + chances[last, token])

    go_on([], 0.0)
    return sorted(found, reverse=True)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_a_wide_beam_finds_the_best_ways(penalty: float):
    step, chances = chained(0)
    first = tf.constant([0, 4])
    tokens, own, scores = decoding.beam(
        step,
        tf.zeros([2 * 600]),
        first,
        num_beams=600,
        length=4,
        end=END,
        length_penalty=penalty,
        no_repeat_ngram_size=0,
    )
    for row, begin in enumerate(first.numpy()):
        for place, (score, way) in enumerate(every_way(chances, begin, 4, penalty)[:5]):
            found = tokens[row, place, : own[row, place]].numpy().tolist()
            assert scores[row, place].numpy() == pytest.approx(score, abs=1e-4)
            assert sorted(zip([begin, *found], found, strict=False)) == sorted(zip([begin, *way], way, strict=False))


@pytest.mark.parametrize("width", [1, 3])
def test_a_beam_spells(width: int):
    ids = [*(LETTERS.index(letter) for letter in "sequential"), 26]

    def step(token: tf.Tensor, at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return 100 * tf.one_hot(tf.gather(tf.constant([*ids, 26]), tf.minimum(at, len(ids))), len(LETTERS)), at + 1

    tokens, own, scores = tf.function(
        lambda: decoding.beam(step, tf.zeros([width], tf.int32), tf.constant([26]), num_beams=width, length=20, end=26)
    )()
    assert spelled(tokens[0, :1], own[0, :1]) == ["sequential."]
    assert scores.numpy()[0, 0] == pytest.approx(0, abs=1e-5)
    assert tokens.numpy()[0, 0, 11:].tolist() == [0] * 9


def test_a_beam_of_one_is_greedy():
    step, _ = chained(3)
    tokens, _, _ = decoding.beam(
        step, tf.zeros([3]), tf.constant([0, 1, 2]), num_beams=1, length=6, end=99, no_repeat_ngram_size=0
    )
    greedy, _, _ = decoding.generate(step, tf.zeros([3]), tf.constant([0, 1, 2]), length=6, choose=decoding.greedy)
    np.testing.assert_array_equal(tokens[:, 0], greedy)


def test_a_beam_carries_each_way_s_own_states():
    logits = np.random.default_rng(1).normal(scale=2, size=(7, 5)).astype(np.float32)
    chances = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))

    def step(token: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        sums = (3 * sums + token) % 7  # all that was written tells what comes next
        return tf.gather(tf.constant(logits), sums), sums

    tokens, _, scores = decoding.beam(
        step,
        tf.zeros([8], tf.int32),
        tf.constant([0, 1]),
        num_beams=4,
        length=6,
        end=9,
        length_penalty=0.0,
        no_repeat_ngram_size=0,
    )
    for row, first in enumerate((0, 1)):
        for way, score in zip(tokens.numpy()[row], scores.numpy()[row], strict=True):
            total, sums = 0.0, 0
            for before, token in zip([first, *way], way, strict=False):
                sums = (3 * sums + before) % 7
                total += chances[sums, token]
            assert score == pytest.approx(total, abs=1e-4)


def test_company_never_changes_a_beam():
    step, _ = chained(5, size=30)
    alone = [
        decoding.beam(step, tf.zeros([4]), tf.constant([token]), num_beams=4, length=9, end=END) for token in (0, 7, 9)
    ]
    together = decoding.beam(step, tf.zeros([12]), tf.constant([0, 7, 9]), num_beams=4, length=9, end=END)
    for row, found in enumerate(alone):
        for one, all_ in zip(found, together, strict=True):
            np.testing.assert_allclose(one[0], all_[row], atol=1e-5)


@pytest.mark.parametrize(("repeats", "expected"), [(0, [1] * 8), (3, [1, 1, 1, 2, 1, 1, 3, 1]), (2, None)])
def test_nothing_is_said_twice(repeats: int, expected: list[int] | None):
    def step(token: tf.Tensor, states: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.tile([[-50.0, 3.0, 1.0, -20.0]], [tf.shape(token)[0], 1]), states

    tokens, _, _ = decoding.beam(
        step, tf.zeros([1]), tf.constant([0]), num_beams=1, length=8, end=9, no_repeat_ngram_size=repeats
    )
    way = tokens.numpy()[0, 0].tolist()
    groups = [tuple(way[place : place + repeats]) for place in range(len(way) - repeats + 1)]
    assert repeats == 0 or len(set(groups)) == len(groups)
    assert expected is None or way == expected
