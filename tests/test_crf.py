"""The CRF next to all sequences of tags written out, and windows that are joined."""

from __future__ import annotations

import itertools
import runpy
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqtasks.codecs.entities import Entities
from seqtasks.decoding import entities as decoding
from seqtasks.decoding.windows import windowed
from seqtasks.layers import crf

CODEC = Entities(("a", "b"))
SIZE = CODEC.choices
LENGTHS = np.array([5, 3, 1, 4], np.int32)
RANDOM = 10_000  # emissions
EXAMPLE = runpy.run_path(str(Path(__file__).parents[1] / "examples" / "decode_tags.py"))


def sequences(length: int) -> list[tuple[int, ...]]:
    """All that are allowed."""
    allowed = CODEC.allowed

    def fits(tags: Sequence[int]) -> bool:
        return allowed[0][tags[0]] and all(allowed[1 + one][other] for one, other in itertools.pairwise(tags))

    return [tags for tags in itertools.product(range(SIZE), repeat=length) if fits(tags)]


@pytest.fixture(scope="module")
def layer() -> crf.CRF:
    found = crf.CRF(CODEC.allowed)
    found.build((None, None, SIZE))
    found.scores.assign(np.random.default_rng(0).normal(size=(1 + SIZE, SIZE)))
    return found


@pytest.fixture(scope="module")
def emissions() -> np.ndarray:
    return 3 * np.random.default_rng(1).normal(size=(len(LENGTHS), LENGTHS.max(), SIZE)).astype(np.float32)


def scores(layer: crf.CRF, emissions: np.ndarray) -> Iterator[dict[tuple[int, ...], float]]:
    """Of each row, all sequences with their scores, added up one by one."""
    parameters = layer(emissions)[1].numpy().astype(float)
    for row, length in zip(emissions.astype(float), LENGTHS, strict=True):
        found = {}
        for tags in sequences(length):
            score = parameters[0, tags[0]] + sum(row[step, tag] for step, tag in enumerate(tags))
            found[tags] = score + sum(parameters[1 + one, other] for one, other in itertools.pairwise(tags))
        yield found


def test_an_entity_goes_on_from_its_own_type_alone():
    assert CODEC.tags == ("O", "B-a", "I-a", "B-b", "I-b")
    allowed = {
        (CODEC.tags[before - 1] if before else None, CODEC.tags[tag])
        for before, row in enumerate(CODEC.allowed)
        for tag, fits in enumerate(row)
        if fits
    }
    assert {before for before, tag in allowed if tag == "I-a"} == {"B-a", "I-a"}
    assert {before for before, tag in allowed if tag == "B-b"} == {None, *CODEC.tags}


def test_the_cost_is_that_of_all_sequences_without_the_one(layer: crf.CRF, emissions: np.ndarray):
    draw, tags, wanted = np.random.default_rng(2), np.full(emissions.shape[:2], -1, np.int32), []
    for row, (found, length) in enumerate(zip(scores(layer, emissions), LENGTHS, strict=True)):
        chosen = [*found][draw.integers(len(found))]
        tags[row, :length] = chosen
        wanted.append(np.logaddexp.reduce([*found.values()]) - found[chosen])
    np.testing.assert_allclose(crf.cost(*layer(emissions), tags), wanted, rtol=1e-5)
    alone = [
        crf.cost(*layer(emissions[row : row + 1, :n]), tags[row : row + 1, :n])[0] for row, n in enumerate(LENGTHS)
    ]
    np.testing.assert_allclose(alone, wanted, rtol=1e-5)


def test_its_gradient_is_that_of_differences(layer: crf.CRF, emissions: np.ndarray):
    draw, weights = np.random.default_rng(3), tf.constant([1.0, 2.0, 0.5, 3.0])
    rows = [sequences(length)[draw.integers(10)] for length in LENGTHS]
    tags = np.array([[*row, *[-1] * (LENGTHS.max() - len(row))] for row in rows], np.int32)
    begun, step = layer.scores.numpy(), 1e-2

    def cost(given: np.ndarray, parameters: np.ndarray) -> float:
        layer.scores.assign(parameters)
        return float(tf.reduce_sum(weights * crf.cost(*layer(given), tags)))

    given = tf.constant(emissions)
    with tf.GradientTape() as tape:
        tape.watch(given)
        total = tf.reduce_sum(weights * crf.cost(*layer(given), tags))
    of_emissions, of_parameters = (each.numpy() for each in tape.gradient(total, [given, layer.scores.value]))
    for place in [(0, 0, 0), (0, 3, 2), (1, 1, 1), (3, 3, 4), (1, 4, 2)]:
        apart = np.zeros_like(emissions)
        apart[place] = step
        slope = (cost(emissions + apart, begun) - cost(emissions - apart, begun)) / 2 / step
        assert of_emissions[place] == pytest.approx(slope, abs=5e-3)
    for place in itertools.product(range(1 + SIZE), range(SIZE)):
        apart = np.zeros_like(begun)
        apart[place] = step
        slope = (cost(emissions, begun + apart) - cost(emissions, begun - apart)) / 2 / step
        assert of_parameters[place] == pytest.approx(slope, abs=5e-3)
    layer.scores.assign(begun)


def test_viterbi_finds_the_best_and_probabilities_are_shares_of_all(layer: crf.CRF, emissions: np.ndarray):
    given, parameters = layer(emissions)
    tags = crf.viterbi(given, parameters, LENGTHS).numpy()
    shares, parts = (each.numpy() for each in crf.probabilities(given, parameters, LENGTHS, tags, CODEC.inside))
    for row, (found, length) in enumerate(zip(scores(layer, emissions), LENGTHS, strict=True)):
        best = max(found, key=lambda each: found[each])
        assert tuple(tags[row, :length]) == best
        assert EXAMPLE["viterbi"](emissions[row, :length], parameters.numpy()) == [*best]
        weights = np.exp(np.array([*found.values()]) - np.logaddexp.reduce([*found.values()]))
        every = dict(zip(found, weights, strict=True))
        for step, tag in enumerate(best):
            wanted = sum(share for each, share in every.items() if each[step] == tag)
            assert shares[row, step] == pytest.approx(wanted, abs=1e-5)
        for first, last, kind in EXAMPLE["entities"]([*best]):
            inside = 2 * kind + 2
            wanted = sum(
                share
                for each, share in every.items()
                if each[first:last] == best[first:last] and each[last : last + 1] != (inside,)
            )
            assert np.exp(parts[row, first:last].sum()) == pytest.approx(wanted, abs=1e-5)
            found_by_example = EXAMPLE["probability"](emissions[row, :length], parameters.numpy(), first, last, kind)
            assert found_by_example == pytest.approx(wanted, abs=1e-5)


def test_no_sequence_is_decoded_that_is_not_allowed(layer: crf.CRF):
    draw, allowed = np.random.default_rng(4), np.array(CODEC.allowed)
    given = tf.constant(
        draw.normal(size=(RANDOM, 12, SIZE)) * draw.choice([0.1, 1, 10, 100], (RANDOM, 1, 1)), tf.float32
    )
    found, parameters = layer(given)
    tags = crf.viterbi(found, parameters, tf.fill([RANDOM], 12)).numpy()
    assert allowed[0][tags[:, 0]].all()
    assert allowed[1:][tags[:, :-1], tags[:, 1:]].all()
    for row in range(0, RANDOM, 100):
        assert EXAMPLE["viterbi"](given[row].numpy(), parameters.numpy()) == tags[row].tolist()


def test_without_a_crf_each_step_is_for_itself(emissions: np.ndarray):
    layer = crf.CRF(CODEC.allowed, learned=False)
    given, parameters = layer(emissions)
    assert not layer.trainable_variables
    tags = np.where(np.arange(5) < LENGTHS[:, None], 2, -1).astype(np.int32)
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(np.maximum(tags, 0), emissions).numpy()
    np.testing.assert_allclose(crf.cost(given, parameters, tags), (nats * (tags >= 0)).sum(1), rtol=1e-5)
    best = crf.viterbi(given, parameters, LENGTHS).numpy()
    assert (best == emissions.argmax(-1))[tags >= 0].all()


def test_far_emissions_give_finite_numbers(layer: crf.CRF):
    given = tf.constant(np.random.default_rng(5).normal(size=(8, 30, SIZE)) * 1e4, tf.float32)
    tags = tf.zeros([8, 30], tf.int32)
    with tf.GradientTape() as tape:
        tape.watch(given)
        cost = crf.cost(*layer(given), tags)
    assert np.isfinite(cost).all()
    assert np.isfinite(tape.gradient(cost, given)).all()


def test_a_crf_learns_what_may_follow():
    """Tags that no emission tells apart, but the one before: a, then b, then a, ..."""
    layer, optimizer = crf.CRF([[True] * 3] * 4), keras.optimizers.Adam(0.2)
    given, tags = tf.zeros([4, 6, 3]), tf.constant([[0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 0]] * 2)
    layer(given)
    for _ in range(60):
        with tf.GradientTape() as tape:
            cost = tf.reduce_mean(crf.cost(*layer(given), tags))
        optimizer.apply(tape.gradient(cost, layer.trainable_variables), layer.trainable_variables)
    assert float(cost) < 0.8  # ln 2 of them for the first tag
    found = crf.viterbi(given + tf.constant([[[0.0, 0, 0]] * 6]), layer(given)[1], tf.fill([4], 6)).numpy()
    assert found[0].tolist() in ([0, 1] * 3, [1, 0] * 3)


@pytest.mark.parametrize(("window", "overlap"), [(8, 2), (8, 4), (16, 2)])
def test_windows_are_joined_in_order_and_each_step_is_read_with_what_is_around_it(window: int, overlap: int):
    lengths = np.array([1, 40, 8, 9, 7, 23, 16, 17], np.int32)
    ends = np.cumsum(lengths)
    rows = np.repeat(np.arange(len(lengths)), lengths)

    def read(places: tf.Tensor, sizes: tf.Tensor) -> list[tf.Tensor]:
        steps = tf.range(tf.shape(places)[1])[None]
        around = tf.minimum(steps, sizes[:, None] - 1 - steps)  # steps to the window's nearer end
        assert places.shape[1] <= window
        return [places, tf.broadcast_to(around, tf.shape(places))]

    found, around = windowed(read, tf.constant(lengths), (tf.int32,) * 2, window=window, overlap=overlap, batch_size=3)
    assert found.numpy().tolist() == list(range(lengths.sum()))
    from_end = np.minimum(found - (ends - lengths)[rows], ends[rows] - 1 - found)
    assert (around.numpy() >= np.minimum(from_end, overlap // 2 - 1)).all()


def test_what_goes_on_from_nothing_begins_there():
    tags, begins = tf.constant([2, 2, 0, 4, 1, 4, 3, 4, 4]), tf.constant([1, 0, 0, 0, 0, 0, 0, 0, 1]) > 0
    repaired = decoding.repaired(tags, begins)
    assert repaired.numpy().tolist() == [1, 2, 0, 3, 1, 3, 3, 4, 3]
    found = decoding.entities(repaired, tf.zeros([9]))
    assert list(zip(found.first.numpy(), found.last.numpy(), found.types.numpy(), strict=True)) == [
        (0, 1, 0), (3, 3, 1), (4, 4, 0), (5, 5, 1), (6, 7, 1), (8, 8, 1),
    ]  # fmt: skip
