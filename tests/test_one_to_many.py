"""Attention decoders and what a model of them generates, with weights of chance."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqtasks.codecs.image import Image
from seqtasks.codecs.sentences import EOS_ID, Sentences
from seqtasks.codecs.vocabulary import BOS_ID, PAD_ID
from seqtasks.data.batches import Batch
from seqtasks.data.prepare import Data
from seqtasks.data.rows import ROWS
from seqtasks.errors import UsageError
from seqtasks.layers.attention_decoder import AttentionDecoder
from seqtasks.layers.sequence_loss import SequenceLoss, metric_inputs
from seqtasks.layers.stack import CELLS
from seqtasks.patterns import one_to_many
from seqtasks.task import Examples, Folders, Task
from seqtasks.tasks.captioning import TASK

PICTURES = Image(encoder="small", image_size=16)
WORDS = Sentences(max_target_length=5, max_references=3, vocabulary=("\n", "a", "red", "circle", "above", "blue"))
SMALL = {"units": 12, "embedding_dim": 8, "attention_dim": 6, "num_beams": 3, "num_decoders": 1, "cell": "gru"}
BATCH, SEVERAL, STEPS = 2, 3, 6


def captioner(pictures: Image = PICTURES, **settings: Any) -> Task[Image, Sentences]:
    return dataclasses.replace(TASK, inputs=pictures, targets=WORDS, settings=SMALL | settings)


def model(task: Task[Image, Sentences] | None = None, **settings: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    return one_to_many.build(task or captioner(**settings))


def drawn() -> tuple[tf.Tensor, tf.Tensor]:
    """Pictures, uint8 (B, 16, 16, 3), and ids (B, K, T)."""
    draw = np.random.default_rng(0)
    pictures = tf.constant(draw.integers(0, 255, (BATCH, 16, 16, 3), np.uint8))
    return pictures, tf.constant(draw.integers(0, WORDS.choices, (BATCH, SEVERAL, STEPS)), tf.int32)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("attention_dim", "tied"), [(0, True), (6, False), (6, True)])
def test_word_by_word_is_as_all_at_once(cell: str, attention_dim: int, tied: bool):
    made = model(cell=cell, attention_dim=attention_dim, tie_embeddings=tied)
    pictures, ids = drawn()
    logits, attention = made([pictures, ids])
    assert attention.shape == (BATCH, SEVERAL, STEPS, 4)
    np.testing.assert_allclose(tf.reduce_sum(attention, -1), 1, atol=1e-5)
    decoder = made.get_layer("decoder_1")
    memory, states = decoder.prefill(keras.Model(made.inputs[0], made.get_layer("memory").output)(pictures))
    for sentence in range(SEVERAL):
        step, after = decoder.step(memory), states
        for place in range(STEPS):
            found, after = step(ids[:, sentence, place], after)
            np.testing.assert_allclose(found, logits[:, sentence, place, 0], atol=1e-5)


def decoded(attention_dim: int, regions: tf.Tensor, mask: tf.Tensor | None, ids: tf.Tensor) -> tuple[Any, Any, Any]:
    """Logits and attention of one decoder, always with the same weights, and the logits of its steps."""
    keras.utils.set_random_seed(0)
    task = captioner(attention_dim=attention_dim)
    embedding = keras.layers.Embedding(WORDS.choices, 8)
    decoder = AttentionDecoder(embedding, WORDS.choices, task.settings)
    logits, attention = decoder(regions, ids) if mask is None else decoder(regions, ids, mask)
    memory, states = decoder.prefill(regions, mask)
    step, steps = decoder.step(memory), []
    for place in range(ids.shape[2]):
        found, states = step(ids[:, 0, place], states)
        steps.append(found)
    return logits, attention, tf.stack(steps, 1)


@pytest.mark.parametrize("attention_dim", [0, 6])
def test_regions_that_are_masked_change_nothing(attention_dim: int):
    _, ids = drawn()
    regions = np.random.default_rng(0).normal(size=(BATCH, 5, 7)).astype(np.float32)
    mask = np.array([[True] * 5, [True, True, True, False, False]])
    logits, attention, steps = decoded(attention_dim, regions, mask, ids)
    np.testing.assert_array_equal(attention[1, :, :, 3:], 0)
    np.testing.assert_allclose(tf.reduce_sum(attention, -1), 1, atol=1e-5)
    np.testing.assert_allclose(steps, logits[:, 0], atol=1e-5)
    alone, attended, _ = decoded(attention_dim, regions[1:, :3], None, ids[1:])
    np.testing.assert_allclose(logits[1:], alone, atol=1e-5)
    np.testing.assert_allclose(attention[1:, :, :, :3], attended, atol=1e-5)
    whole, _, _ = decoded(attention_dim, regions, None, ids)
    np.testing.assert_allclose(logits[:1], whole[:1], atol=1e-5)
    assert np.abs(logits[1:] - whole[1:]).max() > 1e-4


def test_without_a_mask_and_a_summary_nothing_is_computed_otherwise():
    _, ids = drawn()
    regions = np.random.default_rng(0).normal(size=(BATCH, 5, 7)).astype(np.float32)
    keras.utils.set_random_seed(0)
    decoder = AttentionDecoder(keras.layers.Embedding(WORDS.choices, 8), WORDS.choices, captioner().settings)
    decoder(regions, ids)
    memory, states = decoder.prefill(regions)
    values = decoder.regions(regions)
    assert len(memory) == 2
    np.testing.assert_array_equal(memory[0], values)
    np.testing.assert_array_equal(states[0][0], decoder.initial[0][0](tf.reduce_mean(values, 1)))
    scores = tf.matmul(decoder.query(np.ones((BATCH, 1, 12), np.float32)), decoder.key(values), transpose_b=True)
    attended = decoder.attend(memory, tf.ones((BATCH, 1, 12)))[1]
    np.testing.assert_array_equal(attended, tf.nn.softmax(scores / 6**0.5))


def test_a_summary_is_of_the_first_states_alone():
    _, ids = drawn()
    regions = np.random.default_rng(0).normal(size=(BATCH, 5, 7)).astype(np.float32)
    mask, summary = np.ones((BATCH, 5), bool), np.eye(BATCH, 4, dtype=np.float32)
    keras.utils.set_random_seed(0)
    decoder = AttentionDecoder(keras.layers.Embedding(WORDS.choices, 8), WORDS.choices, captioner().settings)
    logits, _ = decoder(regions, ids, mask, summary)
    assert np.abs(decoder(regions, ids, mask, 2 * summary)[0] - logits).max() > 1e-4
    memory, states = decoder.prefill(regions, mask, summary)
    begin = tf.concat([tf.reduce_mean(memory[0], 1), summary], -1)
    np.testing.assert_allclose(states[1][0], decoder.initial[1][0](begin), atol=1e-6)


def test_a_row_without_any_region_is_no_nan():
    _, ids = drawn()
    logits, attention, _ = decoded(6, np.ones((BATCH, 3, 7), np.float32), np.zeros((BATCH, 3), bool), ids)
    assert np.isfinite(logits).all()
    assert np.isfinite(attention).all()


def test_the_probabilities_of_several_decoders_are_averaged():
    task = captioner(num_decoders=2)
    made = model(task)
    pictures, ids = drawn()
    every, attention = made([pictures, ids])
    chances = tf.reduce_mean(tf.nn.softmax(every), 3)
    assert np.abs(every[..., 0, :] - every[..., 1, :]).max() > 1e-3
    assert attention.shape == (BATCH, SEVERAL, STEPS, 4)
    step, states = one_to_many._generator(made, task).copies(pictures[:, None], 1)
    for place in range(STEPS):
        logits, states = step(ids[:, 0, place], states)
        np.testing.assert_allclose(np.exp(logits)[:, EOS_ID:], chances[:, 0, place, EOS_ID:], atol=1e-5)


def test_no_sentence_sees_another_nor_what_comes():
    made = model()
    pictures, ids = drawn()
    logits, _ = made([pictures, ids])
    np.testing.assert_allclose(made([pictures, ids[:, 1:2]])[0], logits[:, 1:2], atol=1e-5)
    changed = tf.concat([ids[:, :, :3], (ids[:, :, 3:] + 1) % WORDS.choices], 2)
    np.testing.assert_allclose(made([pictures, changed])[0][:, :, :3], logits[:, :, :3], atol=1e-5)
    assert np.abs(made([pictures[::-1], ids])[0] - logits).max() > 1e-4


def test_the_word_before_is_shown():
    ids = np.array([[[5, 7], [6, EOS_ID], [EOS_ID, PAD_ID]]])  # time first
    (values, before), after = one_to_many.collate(Batch(np.zeros((1, 4)), np.array([4]), ids, np.array([3])))
    assert before.tolist() == [[[BOS_ID, 5, 6], [BOS_ID, 7, EOS_ID]]]
    assert after.tolist() == [[[5, 6, EOS_ID], [7, EOS_ID, PAD_ID]]]
    assert values.shape == (1, 4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("coverage", [0.0, 0.5])
def test_the_loss_is_that_of_words(smoothing: float, coverage: float):
    draw = np.random.default_rng(0)
    y = np.array([[[3, 4, EOS_ID], [5, EOS_ID, PAD_ID]]], np.int32)
    logits = draw.normal(size=(1, 2, 3, 2, 7)).astype(np.float32)
    attention = draw.dirichlet(np.ones(4), (1, 2, 3)).astype(np.float32)
    found = SequenceLoss(smoothing, coverage)(tf.constant(y), (tf.constant(logits), tf.constant(attention)))
    chances = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = []
    for sentence in range(2):
        count = [3, 2][sentence]
        missed = ((1 - attention[0, sentence, :count].sum(0)) ** 2).mean()
        for place in range(count):
            mean = chances[0, sentence, place].mean(0)
            nats = -(1 - smoothing) * mean[y[0, sentence, place]] - smoothing * mean.mean()
            expected.append(nats + coverage * missed)
    assert tf.reduce_mean(found).numpy() == pytest.approx(np.mean(expected), abs=1e-5)
    ids, logits_of_words = metric_inputs(tf.constant(y), (tf.constant(logits), None))
    assert ids.numpy().tolist() == [3, 4, EOS_ID, 5, EOS_ID]
    assert logits_of_words.shape == (5, 7)


def test_gradients_reach_everything():
    made = model()
    pictures, ids = drawn()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(SequenceLoss(0.0, 0.1)(ids, made([pictures, ids], training=True)))
    for gradient, variable in zip(tape.gradient(loss, made.trainable_variables), made.trainable_variables, strict=True):
        assert gradient is not None, variable.path
        assert tf.reduce_max(tf.abs(tf.convert_to_tensor(gradient))) > 0, variable.path


def traced(task: Task[Image, Sentences]) -> dict[str, Any]:
    endpoints = one_to_many.endpoints(model(task), task)
    return {
        name: tf.function(each.function, input_signature=each.signature, autograph=False)
        for name, each in endpoints.items()
    }


@pytest.fixture(scope="module")
def endpoints() -> dict[str, Any]:
    return traced(captioner())


def files(count: int) -> list[bytes]:
    draw = np.random.default_rng(1)
    return [tf.io.encode_png(draw.integers(0, 255, (20, 30, 3), np.uint8)).numpy() for _ in range(count)]


def test_company_never_changes_an_answer(endpoints: dict[str, Any]):
    contents = [*files(2), b"no picture", *files(3)[2:]]
    together = endpoints["serve"](tf.constant(contents))
    for place, content in enumerate(contents):
        alone = endpoints["serve"](tf.constant([content]))
        assert alone["answer"].numpy()[0] == together["answer"].numpy()[place]
        np.testing.assert_allclose(alone["score"][0], together["score"][place], atol=1e-5)
    assert together["answer"].numpy()[2] == b""
    assert together["score"].numpy()[2] == 0
    assert set(b" ".join(together["answer"].numpy()).decode().split()) <= set(WORDS.vocabulary)


def test_a_picture_and_a_flipped_one_are_answered_alike():
    serve = traced(captioner(dataclasses.replace(PICTURES, tta="flip_crop")))["serve"]
    draw = np.random.default_rng(1)
    pixels = [draw.integers(0, 255, (16, 16, 3), np.uint8) for _ in range(3)]
    contents = [tf.io.encode_png(each).numpy() for each in (*pixels, *(each[:, ::-1] for each in pixels))]
    found = serve(tf.constant(contents))
    assert found["answer"].numpy()[:3].tolist() == found["answer"].numpy()[3:].tolist()
    np.testing.assert_allclose(found["score"][:3], found["score"][3:], atol=1e-5)
    assert len(set(found["score"].numpy()[:3])) > 1


def test_the_other_beams_are_worse(endpoints: dict[str, Any]):
    contents = tf.constant(files(2))
    best, every = endpoints["serve"](contents), endpoints["beam_search"](contents, 3)
    assert every["answers"].shape == (2, 3)
    assert every["answers"].numpy()[:, 0].tolist() == best["answer"].numpy().tolist()
    assert (np.diff(every["scores"].numpy(), axis=1) <= 1e-6).all()
    assert endpoints["beam_search"](contents, 5)["answers"].shape == (2, 5)


def test_each_word_has_its_attention(endpoints: dict[str, Any]):
    contents = tf.constant([*files(2), b"no picture"])
    shown = endpoints["attention"](contents, 3)
    assert shown["answer"].numpy().tolist() == endpoints["serve"](contents)["answer"].numpy().tolist()
    assert shown["weights"].shape == (3, 6, 4)
    joined = [b" ".join(word for word in row if word) for row in shown["words"].numpy()]
    assert joined == shown["answer"].numpy().tolist()


def test_samples_follow_the_seed(endpoints: dict[str, Any]):
    contents = tf.constant(files(1) * 4)
    seeds = tf.constant([1, 2, 1, 3], tf.int64)
    found = endpoints["sample"](contents, 3.0, 0, 1.0, seeds)["answer"].numpy()
    assert found[0] == found[2]
    assert len(set(found)) > 1
    assert len(set(endpoints["sample"](contents, 0.0, 0, 1.0, seeds)["answer"].numpy())) == 1
    assert "\ufffd" not in b"".join(found).decode()  # UNK_ID, which is never chosen


TARGETS = ["a red circle\na circle", "a blue circle above a", "zebra"]


def test_evaluation_answers_as_an_export_does(endpoints: dict[str, Any]):
    contents, task = files(3), captioner()
    examples = Examples(np.array(contents, object), np.array(TARGETS, object))
    data = Data("a set", ROWS, {"train": examples}, {}, None)
    rows = one_to_many.batches(task, ROWS.encode(task, data, "train", Folders(()), print, tta=True))
    assert rows.bucket_keys.tolist() == [4, 6, 2]
    answers = one_to_many.answer(model(task), task, rows)
    served = endpoints["serve"](tf.constant(contents))
    assert answers["answers"].tolist() == [each.decode() for each in served["answer"].numpy()]
    np.testing.assert_allclose(answers["scores"], served["score"], atol=1e-5)
    report = one_to_many.report(task, data, "train", answers)
    assert report.size == (3, "examples")
    assert report.tables["predictions.csv"]["caption"].tolist() == answers["answers"].tolist()
    assert one_to_many.summary(task, rows) == (
        "4 sentences in train, 8 different words, 6.67% of the text none of them; at most 5 words of a sentence"
    )


def test_ids_of_the_first_sentence_are_right_for_a_picture():
    examples = Examples(np.array(files(2), object), np.array(TARGETS[:2], object))
    (row, ids), _ = one_to_many.portable_examples(captioner(), examples)
    assert (row.shape, row.dtype) == ((1, 16, 16, 3), np.uint8)
    assert WORDS.decode(ids[None]).numpy().tolist() == [b"a red circle"]
    assert ids[-1] == EOS_ID


def test_only_what_was_pretrained_learns_more_slowly():
    multipliers = one_to_many.objective(captioner(encoder_lr_multiplier=0.5)).learning_rate_multipliers
    assert multipliers == {}  # a small encoder knows nothing
    for layers, expected in ((0, {}), (4, {"image_encoder": 0.5}), (-1, {"image_encoder": 0.5})):
        task = captioner(Image(trainable_encoder_layers=layers), encoder_lr_multiplier=0.5)
        assert one_to_many.objective(task).learning_rate_multipliers == expected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_beams": 0}, "num_beams is at least 1"),
        ({"num_decoders": 0}, "num_decoders is at least 1"),
        ({"attention_dim": -1}, "attention_dim is at least 0"),
        ({"attention_coverage_weight": float("nan")}, "attention_coverage_weight is at least 0"),
        ({"label_smoothing": 1.0}, "label_smoothing is at least 0 and below 1"),
        ({"scheduled_sampling": -0.1}, "scheduled_sampling is at least 0 and below 1"),
        ({"num_layers": 2}, "unknown setting 'num_layers'"),
        ({"bidirectional": True}, "unknown setting 'bidirectional'"),
        ({"adversarial_epsilon": 0.5}, "unknown setting 'adversarial_epsilon'"),
        ({"encoder_lr_multiplier": -0.1}, "encoder_lr_multiplier is at least 0"),
        ({"length_penalty": float("nan")}, "length_penalty is at least 0"),
    ],
)
def test_settings_that_make_none_are_refused_before_any_data_are_read(wrong: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=message):
        TASK.configure(wrong)
