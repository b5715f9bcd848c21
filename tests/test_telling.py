"""What is looked at and told of, with weights of chance."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqtasks.codecs.image import Image
from seqtasks.codecs.sentences import END, Captions
from seqtasks.codecs.vocabulary import START
from seqtasks.errors import UsageError
from seqtasks.inference import looking
from seqtasks.inference.looking import Choice
from seqtasks.inference.predictor import Served
from seqtasks.patterns import one_to_many
from seqtasks.training import trainer

SETTINGS = trainer.DEFAULTS | one_to_many.DEFAULTS | {"units": 12, "embedding": 8, "attention": 6, "beam": 3}
PICTURES = Image(encoder="small", size=16)
WORDS = Captions(words=5, vocabulary=("\n", "a", "red", "circle", "above", "blue"))
BATCH, SEVERAL, STEPS = 2, 3, 6


def model(**settings: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    return one_to_many.build(PICTURES, WORDS, SETTINGS | settings)


def drawn() -> tuple[tf.Tensor, tf.Tensor]:
    """Pictures, uint8 (B, 16, 16, 3), and ids (B, K, T)."""
    draw = np.random.default_rng(0)
    pictures = tf.constant(draw.integers(0, 255, (BATCH, 16, 16, 3), np.uint8))
    return pictures, tf.constant(draw.integers(0, WORDS.choices, (BATCH, SEVERAL, STEPS)), tf.int32)


@pytest.mark.parametrize("cell", ["simple", "irnn", "lstm", "gru"])
@pytest.mark.parametrize(("attention", "tied"), [(0, True), (6, False), (6, True)])
def test_word_by_word_is_as_all_at_once(cell: str, attention: int, tied: bool):
    made = model(cell=cell, attention=attention, tied=tied)
    pictures, ids = drawn()
    logits, weights = made([pictures, ids])
    assert weights.shape == (BATCH, SEVERAL, STEPS, 4)
    np.testing.assert_allclose(tf.reduce_sum(weights, -1), 1, atol=1e-5)
    teller = made.get_layer("teller_1")
    regions = keras.Model(made.inputs[0], made.get_layer("looked_at").output)(pictures)
    memory, states = teller.begin(regions)
    for sentence in range(SEVERAL):
        step, carried = teller.step(memory), states
        for place in range(STEPS):
            found, carried = step(ids[:, sentence, place], carried)
            np.testing.assert_allclose(found, logits[:, sentence, place, 0], atol=1e-5)


def test_several_tell_by_the_mean_of_their_probabilities():
    made = model(tellers=2)
    pictures, ids = drawn()
    every, weights = made([pictures, ids])
    chances = tf.reduce_mean(tf.nn.softmax(every), 3)
    assert np.abs(every[..., 0, :] - every[..., 1, :]).max() > 1e-3
    assert weights.shape == (BATCH, SEVERAL, STEPS, 4)
    step, states = one_to_many.Telling(made, WORDS, 1).begin(pictures[:, None], 1)
    for place in range(STEPS):
        logits, states = step(ids[:, 0, place], states)
        np.testing.assert_allclose(np.exp(logits)[:, END:], chances[:, 0, place, END:], atol=1e-5)


def test_no_sentence_sees_another_nor_what_comes():
    made = model()
    pictures, ids = drawn()
    logits, _ = made([pictures, ids])
    np.testing.assert_allclose(made([pictures, ids[:, 1:2]])[0], logits[:, 1:2], atol=1e-5)
    changed = tf.concat([ids[:, :, :3], (ids[:, :, 3:] + 1) % WORDS.choices], 2)
    np.testing.assert_allclose(made([pictures, changed])[0][:, :, :3], logits[:, :, :3], atol=1e-5)
    assert np.abs(made([pictures[::-1], ids])[0] - logits).max() > 1e-4


def test_what_is_shown_is_what_was_said_before():
    (values, before), after = one_to_many.pair((np.zeros((1, 4)), None), np.array([[[5, 6, END], [7, END, START]]]))
    assert before.tolist() == [[[START, 5, 6], [START, 7, END]]]
    assert after.tolist() == [[[5, 6, END], [7, END, START]]]
    assert values.shape == (1, 4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("coverage", [0.0, 0.5])
def test_the_cost_is_that_of_words(smoothing: float, coverage: float):
    draw = np.random.default_rng(0)
    y = np.array([[[3, 4, END], [5, END, START]]], np.int32)
    logits = draw.normal(size=(1, 2, 3, 2, 7)).astype(np.float32)
    weights = draw.dirichlet(np.ones(4), (1, 2, 3)).astype(np.float32)
    found = one_to_many.Cost(smoothing, coverage)(tf.constant(y), (tf.constant(logits), tf.constant(weights)))
    chances = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = []
    for sentence in range(2):
        count = [3, 2][sentence]
        missed = ((1 - weights[0, sentence, :count].sum(0)) ** 2).mean()
        for place in range(count):
            told = chances[0, sentence, place].mean(0)
            nats = -(1 - smoothing) * told[y[0, sentence, place]] - smoothing * told.mean()
            expected.append(nats + coverage * missed)
    assert tf.reduce_mean(found).numpy() == pytest.approx(np.mean(expected), abs=1e-5)
    ids, judged = one_to_many.judged(tf.constant(y), (tf.constant(logits), None))
    assert ids.numpy().tolist() == [3, 4, END, 5, END]
    assert judged.shape == (5, 7)


def test_gradients_reach_everything():
    made = model(coverage=0.1)
    pictures, ids = drawn()
    with tf.GradientTape() as tape:
        cost = tf.reduce_mean(one_to_many.Cost(0.0, 0.1)(ids, made([pictures, ids], training=True)))
    for gradient, variable in zip(tape.gradient(cost, made.trainable_variables), made.trainable_variables, strict=True):
        assert gradient is not None, variable.path
        assert tf.reduce_max(tf.abs(tf.convert_to_tensor(gradient))) > 0, variable.path


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    made = model()
    return {
        name: tf.function(function, input_signature=signature, autograph=False)
        for name, (function, signature) in one_to_many.endpoints(made, PICTURES, WORDS, SETTINGS).items()
    }


def files(count: int) -> list[bytes]:
    draw = np.random.default_rng(1)
    return [tf.io.encode_png(draw.integers(0, 255, (20, 30, 3), np.uint8)).numpy() for _ in range(count)]


def test_a_picture_is_told_of_whatever_stands_beside_it(answers: dict[str, Any]):
    contents = [*files(2), b"no picture", *files(3)[2:]]
    together = answers["serve"](tf.constant(contents))
    for place, content in enumerate(contents):
        alone = answers["serve"](tf.constant([content]))
        assert alone["answer"].numpy()[0] == together["answer"].numpy()[place]
        np.testing.assert_allclose(alone["score"][0], together["score"][place], atol=1e-5)
    assert together["answer"].numpy()[2] == b""
    assert together["score"].numpy()[2] == 0
    assert set(b" ".join(together["answer"].numpy()).decode().split()) <= set(WORDS.vocabulary)


def test_a_picture_and_its_mirror_image_are_told_of_alike():
    both = dataclasses.replace(PICTURES, mirrored=True, near=0.25)
    serve, signature = one_to_many.endpoints(model(), both, WORDS, SETTINGS)["serve"]
    draw = np.random.default_rng(1)
    pixels = [draw.integers(0, 255, (16, 16, 3), np.uint8) for _ in range(3)]
    contents = [tf.io.encode_png(each).numpy() for each in (*pixels, *(each[:, ::-1] for each in pixels))]
    told = tf.function(serve, input_signature=signature, autograph=False)(tf.constant(contents))
    assert told["answer"].numpy()[:3].tolist() == told["answer"].numpy()[3:].tolist()
    np.testing.assert_allclose(told["score"][:3], told["score"][3:], atol=1e-5)
    assert len(set(told["score"].numpy()[:3])) > 1


def test_the_other_ways_are_worse(answers: dict[str, Any]):
    contents = tf.constant(files(2))
    best, every = answers["serve"](contents), answers["alternatives"](contents, 3)
    assert every["answers"].shape == (2, 3)
    assert every["answers"].numpy()[:, 0].tolist() == best["answer"].numpy().tolist()
    assert (np.diff(every["scores"].numpy(), axis=1) <= 1e-6).all()
    assert answers["alternatives"](contents, 5)["answers"].shape == (2, 5)


def test_as_many_ways_are_followed_as_the_model_was_set_to(answers: dict[str, Any]):
    served = Served(SimpleNamespace(**answers), {"settings": SETTINGS}, Path())
    for choice, ways in ((Choice(), SETTINGS["beam"]), (Choice(beam=2), 2)):
        (told,) = looking.tell(served, files(1), choice)
        assert 1 + len(told["alternatives"]) == ways
    with pytest.raises(UsageError, match="beam is at least 1, not 0"):
        Choice(beam=0)


def test_it_says_where_it_looked(answers: dict[str, Any]):
    contents = tf.constant([*files(2), b"no picture"])
    shown = answers["explain"](contents, 3)
    assert shown["answer"].numpy().tolist() == answers["serve"](contents)["answer"].numpy().tolist()
    assert shown["weights"].shape == (3, 6, 4)
    joined = [b" ".join(word for word in row if word) for row in shown["words"].numpy()]
    assert joined == shown["answer"].numpy().tolist()


def test_chance_follows_the_seed(answers: dict[str, Any]):
    contents = tf.constant(files(1) * 4)
    seeds = tf.constant([1, 2, 1, 3], tf.int64)
    said = answers["sample"](contents, 3.0, 0, 1.0, seeds)["answer"].numpy()
    assert said[0] == said[2]
    assert len(set(said)) > 1
    assert len(set(answers["sample"](contents, 0.0, 0, 1.0, seeds)["answer"].numpy())) == 1
    assert "\ufffd" not in b"".join(said).decode()  # UNKNOWN, which is never written


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"beam": 0}, "beam is at least 1"),
        ({"attention": -1}, "attention is at least 0"),
        ({"smoothing": 1.0}, "smoothing is at least 0 and below 1"),
        ({"layers": 2}, "leave layers and bidirectional out"),
        ({"bidirectional": True}, "leave layers and bidirectional out"),
        ({"adversarial": 0.5}, "leave adversarial out"),
        ({"tuned_rate": -0.1}, "tuned_rate is at least 0"),
        ({"length_penalty": float("nan")}, "length_penalty is at least 0"),
    ],
)
def test_settings_that_make_none_are_refused(wrong: dict[str, Any], said: str):
    with pytest.raises(UsageError, match=said):
        model(**wrong)
