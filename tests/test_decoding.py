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
    choose = decoding.sampler(decoding.draws(tf.constant(seeds, tf.int64), 0, count), **options)
    first = tf.zeros([len(seeds)], tf.int32)
    return decoding.write(weighing, tf.constant(0), first, length=count, choose=choose)[0].numpy()


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
        return decoding.write(
            spelling("sequential", "rnn"), begin, first, length=20, choose=choose, stop=lambda token: token == 26
        )

    ids, own, _ = tf.function(write, autograph=False)() if graph else write()
    assert spelled(ids, own) == ["sequential.", "rnn."]
    assert ids.shape[1] == len("sequential.")  # nothing is written once all rows have ended


def test_goes_on_where_it_stopped():
    first, states = tf.fill([1], 26), tf.zeros([1], tf.int32)
    found = ""
    for length in (3, 1, 4, 3):
        ids, own, states = decoding.write(spelling("sequential"), states, first, length=length, choose=decoding.greedy)
        first = ids[:, -1]
        found += spelled(ids, own)[0]
    assert found == "sequential."


def test_nothing_to_write():
    ids, own, _ = decoding.write(
        spelling("a"), tf.zeros([1], tf.int32), tf.fill([1], 26), length=0, choose=decoding.greedy
    )
    assert (ids.shape, own.numpy().tolist()) == ((1, 0), [0])


def test_a_token_may_be_any_tensor():
    def step(token: tf.Tensor, states: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return token + 1, states

    tokens, own, _ = decoding.write(
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
    found = np.bincount(choices([1, 2, 3, 4], 1_000, **options).ravel(), minlength=4) / 4_000
    np.testing.assert_allclose(found, expected, atol=0.03)
    assert not found[np.equal(expected, 0)].any()


@pytest.mark.parametrize("draw", [0.0, 1 - 2**-24])
def test_the_ends_of_chance_choose_what_is_probable(draw: float):
    logits = tf.constant([[-np.inf, 0.0, 0.0, -np.inf]])
    token = decoding.sampler(tf.constant([[draw]]))(logits, tf.constant(0))
    assert token.numpy() == (1 if draw == 0 else 2)


def test_company_and_pieces_never_change_a_row():
    together = choices([7, 8, 9, -1])
    for row, seed in enumerate((7, 8, 9, -1)):
        np.testing.assert_array_equal(choices([seed])[0], together[row])
    assert len({tuple(row) for row in together}) == 4
    whole = decoding.draws(tf.constant([7, 2**40], tf.int64), 0, 900)
    pieces = [decoding.draws(tf.constant([7, 2**40], tf.int64), at, 100) for at in range(0, 900, 100)]
    np.testing.assert_array_equal(tf.concat(pieces, 1), whole)
    assert 0 <= whole.numpy().min() < whole.numpy().max() < 1


def test_what_was_written_is_discouraged():
    step = decoding.discouraging(weighing, 20.0)
    states = (tf.constant(0), tf.zeros([1, 4], tf.bool))
    ids, _, _ = decoding.write(step, states, tf.constant([3]), length=3, choose=decoding.greedy)
    np.testing.assert_array_equal(ids, [[0, 1, 2]])


@pytest.mark.parametrize("nonsense", [0.0, -1.0, float("nan")])
@pytest.mark.parametrize("name", ["top_p", "temperature"])
def test_a_choice_that_is_none_takes_the_most_probable(name: str, nonsense: float):
    choose = decoding.sampler(tf.constant([[0.9]]), **{name: nonsense})
    assert choose(tf.constant([[0.0, 1.0, 3.0, 2.0]]), tf.constant(0)).numpy().tolist() == [2]
