"""A source that is read, and what is generated of it, with weights of chance."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqtasks.codecs.sentences import EOS_ID, Sentences
from seqtasks.codecs.text import Text
from seqtasks.codecs.vocabulary import BOS_ID, PAD_ID
from seqtasks.data.batches import Batch
from seqtasks.data.prepare import Data
from seqtasks.data.rows import ROWS
from seqtasks.errors import UsageError
from seqtasks.layers.source_reader import LastStates
from seqtasks.layers.stack import CELLS
from seqtasks.patterns import encoder_decoder
from seqtasks.task import Examples, Folders, Task
from seqtasks.tasks.translation import TASK

SOURCE = Text(max_length=8, truncation_side="right", vocabulary=("a", "casa", "não", "vermelha", "."))
WORDS = Sentences(max_target_length=5, max_references=2, vocabulary=("\n", "the", "red", "house", "is", "not"))
SMALL = {
    "encoder_units": 6, "units": 12, "embedding_dim": 8, "attention_dim": 6, "num_beams": 3, "cell": "gru",
    "tie_embeddings": False,
}  # fmt: skip
TEXTS = ["A casa não é vermelha.", "a", "casa vermelha", "a a a a a a a a a"]
BATCH, SEVERAL, STEPS = 3, 2, 6


def translator(**settings: Any) -> Task[Text, Sentences]:
    return dataclasses.replace(TASK, inputs=SOURCE, targets=WORDS, settings=SMALL | settings)


def model(task: Task[Text, Sentences] | None = None, **settings: Any) -> keras.Model:
    keras.utils.set_random_seed(0)
    return encoder_decoder.build(task or translator(**settings))


def drawn(lengths: tuple[int, ...] = (5, 2, 3)) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Sources (B, S), their lengths (B,) and ids (B, K, T)."""
    draw = np.random.default_rng(0)
    values = draw.integers(2, SOURCE.entries, (BATCH, max(lengths))) * (np.arange(max(lengths)) < np.c_[list(lengths)])
    ids = draw.integers(0, WORDS.choices, (BATCH, SEVERAL, STEPS))
    return tf.constant(values, tf.int32), tf.constant(lengths), tf.constant(ids, tf.int32)


def test_the_last_states_are_those_of_both_directions():
    states = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    found = LastStates()(states, np.array([[True, True, True], [True, False, False]]))
    assert found.numpy().tolist() == [[*states[0, 2, :2], *states[0, 0, 2:]], [*states[1, 0, :2], *states[1, 0, 2:]]]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("attention_dim", "tied"), [(0, False), (6, True)])
def test_padding_and_company_change_nothing_and_a_step_is_as_all_at_once(cell: str, attention_dim: int, tied: bool):
    task = translator(cell=cell, encoder_cell=cell, attention_dim=attention_dim, tie_embeddings=tied)
    made = model(task)
    values, lengths, ids = drawn()
    logits, attention = made([values, lengths, ids])
    np.testing.assert_array_equal(attention[1, :, :, 2:], 0)
    np.testing.assert_allclose(tf.reduce_sum(attention, -1), 1, atol=1e-5)
    wider = tf.pad(values, [[0, 0], [0, 3]])
    np.testing.assert_allclose(made([wider, lengths, ids])[0], logits, atol=1e-5)
    generator = encoder_decoder._generator(made, task)
    for row, length in enumerate(lengths.numpy()):
        alone = values[row : row + 1, :length], lengths[row : row + 1]
        given, attended = made([*alone, ids[row : row + 1]])
        np.testing.assert_allclose(given[0], logits[row], atol=1e-5)
        np.testing.assert_allclose(attended[0], attention[row, :, :, :length], atol=1e-5)
        step, states = generator.copies([each[:, None] for each in alone], 1)
        for place in range(STEPS):
            found, states = step(ids[row : row + 1, 0, place], states)
            chances = tf.nn.log_softmax(logits[row, 0, place, 0])
            np.testing.assert_allclose(found[0, EOS_ID:], chances[EOS_ID:], atol=1e-5)


def test_gradients_reach_everything():
    task = translator(scheduled_sampling=0.5, num_decoders=2)
    made, loss = model(task), encoder_decoder.objective(task).loss
    values, lengths, ids = drawn()
    with tf.GradientTape() as tape:
        mean = tf.reduce_mean(loss(ids, made([values, lengths, ids], training=True)))
    for gradient, variable in zip(tape.gradient(mean, made.trainable_variables), made.trainable_variables, strict=True):
        assert gradient is not None, variable.path
        assert tf.reduce_max(tf.abs(tf.convert_to_tensor(gradient))) > 0, variable.path


def test_scheduled_sampling_reads_what_was_predicted_in_training_alone():
    values, lengths, ids = drawn()
    quiet = dict.fromkeys(("dropout", "encoder_dropout", "embedding_dropout", "output_dropout"), 0.0)
    forced, sampled = model(**quiet), model(scheduled_sampling=0.999, **quiet)
    np.testing.assert_array_equal(forced([values, lengths, ids])[0], sampled([values, lengths, ids])[0])
    logits = forced([values, lengths, ids])[0]
    predicted = np.pad(np.argmax(logits[:, :, :-1, 0], -1), [(0, 0), (0, 0), (1, 0)])
    wanted = forced([values, lengths, tf.where(ids == PAD_ID, ids, tf.cast(predicted, tf.int32))])[0]
    np.testing.assert_allclose(sampled([values, lengths, ids], training=True)[0], wanted, atol=1e-5)


def test_a_batch_has_as_many_sentences_as_its_rows_and_no_empty_source():
    ids = np.array([[[5, 0], [EOS_ID, 0]], [[EOS_ID, 0], [PAD_ID, 0]]])
    batch = Batch(np.zeros((2, 0), np.int32), np.array([0, 0]), ids, np.array([2, 1]))
    (values, lengths, before), after = encoder_decoder.collate(batch)
    assert values.tolist() == [[0], [0]]
    assert lengths.tolist() == [1, 1]
    assert before.tolist() == [[[BOS_ID, 5]], [[BOS_ID, EOS_ID]]]
    assert after.tolist() == [[[5, EOS_ID]], [[EOS_ID, PAD_ID]]]


def test_rows_whose_targets_and_sources_are_alike_share_a_batch():
    texts = ["a casa", "a", "a casa vermelha .", "a casa vermelha"]
    targets = ["the red house", "the", "the", "the"]
    rows = encoder_decoder.batches(translator(), encoded(texts, targets))
    assert [index.tolist() for index in rows.eval_batches(batch_size=1)] == [[1], [3], [2], [0]]


def encoded(texts: list[str], targets: list[str]) -> Any:
    data = data_of(texts, targets)
    return ROWS.encode(translator(), data, "train", Folders(()), print, tta=True)


def data_of(texts: list[str], targets: list[str]) -> Data:
    examples = Examples(np.array([each.encode() for each in texts], object), np.array(targets, object))
    return Data("a set", ROWS, {"train": examples}, {}, None)


@pytest.fixture(scope="module")
def endpoints() -> dict[str, Any]:
    task = translator(num_decoders=2)
    return {
        name: tf.function(each.function, input_signature=each.signature, autograph=False)
        for name, each in encoder_decoder.endpoints(model(task), task).items()
    }


ODD = ["", " \t\n", "\u00a0\u3000\u200b\0", "你好，世界", "a" * 500, "a " * 500, "?", b"\xff\xfe", "a " * 5_000]


def test_company_never_changes_an_answer(endpoints: dict[str, Any]):
    values = [*TEXTS, *ODD]
    together = {name: each.numpy() for name, each in endpoints["serve"](tf.constant(values)).items()}
    for place, value in enumerate(values):
        alone = endpoints["serve"](tf.constant([value]))
        assert alone["answer"].numpy()[0] == together["answer"][place]
        np.testing.assert_allclose(alone["score"][0], together["score"][place], atol=1e-5)
    assert np.isfinite(together["score"]).all()
    assert "\ufffd" not in b"".join(together["answer"]).decode()
    assert dict(zip(values, together["truncated"].tolist(), strict=True)) == {
        **dict.fromkeys(values, False), TEXTS[3]: True, "a" * 500: True, "a " * 500: True, "a " * 5_000: True
    }  # fmt: skip


def test_of_nothing_the_answer_is_nothing(endpoints: dict[str, Any]):
    blank = tf.constant(ODD[:3])
    for name, more in (("serve", ()), ("beam_search", (2,)), ("attention", (2,))):
        found = endpoints[name](blank, *more)
        assert set(found["answers" if name == "beam_search" else "answer"].numpy().ravel()) == {b""}
        assert not found["scores" if name == "beam_search" else "score"].numpy().any()
    sampled = endpoints["sample"](blank, 1.0, 0, 1.0, tf.zeros(3, tf.int64))
    assert sampled["answer"].numpy().tolist() == [b""] * 3


def test_the_other_beams_are_worse(endpoints: dict[str, Any]):
    best, every = endpoints["serve"](tf.constant(TEXTS)), endpoints["beam_search"](tf.constant(TEXTS), 3)
    assert every["answers"].numpy()[:, 0].tolist() == best["answer"].numpy().tolist()
    assert (np.diff(every["scores"].numpy(), axis=1) <= 1e-6).all()
    assert every["truncated"].numpy().tolist() == [False, False, False, True]


@pytest.mark.parametrize("num_beams", [0, WORDS.choices - 1])
def test_so_many_beams_are_refused(endpoints: dict[str, Any], num_beams: int):
    for name in ("beam_search", "attention"):
        with pytest.raises(tf.errors.InvalidArgumentError, match="num_beams is from 1 to 6"):
            endpoints[name](tf.constant(["a"]), num_beams)
    assert endpoints["beam_search"](tf.constant(["a"]), WORDS.choices - 2)["answers"].shape == (1, 6)


def test_more_beams_than_tokens_are_refused_before_training():
    with pytest.raises(UsageError, match="num_beams is at most 6, the tokens that can be generated, not 7"):
        model(num_beams=7)


def test_each_word_has_its_attention_to_the_pieces(endpoints: dict[str, Any]):
    shown = {name: each.numpy() for name, each in endpoints["attention"](tf.constant(TEXTS), 3).items()}
    assert shown["answer"].tolist() == endpoints["serve"](tf.constant(TEXTS))["answer"].numpy().tolist()
    assert [piece.decode() for piece in shown["pieces"][0] if piece] == ["a", "casa", "não", "\ufffd", "vermelha", "."]
    assert shown["weights"].shape == (4, 6, 8)
    np.testing.assert_allclose(shown["weights"].sum(-1), 1, atol=1e-5)
    for row, pieces in enumerate(shown["pieces"]):
        np.testing.assert_array_equal(shown["weights"][row][:, pieces == b""], 0)
    assert [b" ".join(word for word in row if word) for row in shown["words"]] == shown["answer"].tolist()


def test_samples_follow_the_seed(endpoints: dict[str, Any]):
    found = endpoints["sample"](tf.constant(TEXTS[:1] * 4), 3.0, 0, 1.0, tf.constant([1, 2, 1, 3], tf.int64))
    answers = found["answer"].numpy()
    assert answers[0] == answers[2]
    assert len(set(answers)) > 1


def test_a_text_s_nats_are_those_of_its_tokens_and_of_its_end(endpoints: dict[str, Any]):
    made, texts = model(num_decoders=2), ["the red house", "", "is not", "zebra"]
    found = endpoints["score"](tf.constant(TEXTS), tf.constant(texts))
    assert found["tokens"].numpy().tolist() == [4, 1, 3, 2]
    values, lengths = SOURCE.encode(tf.constant(TEXTS))
    ids = [3, 4, 5, EOS_ID]
    logits, _ = made([values[:1], lengths[:1], tf.constant([[[BOS_ID, *ids[:-1]]]])])
    chances = tf.reduce_mean(tf.nn.softmax(logits[0, 0]), 1).numpy()
    assert float(found["nats"][0]) == pytest.approx(-np.log(chances[range(4), ids]).sum(), abs=1e-4)
    alone = endpoints["score"](tf.constant(TEXTS[2:3]), tf.constant(texts[2:3]))
    np.testing.assert_allclose(alone["nats"][0], found["nats"][2], atol=1e-5)


def test_evaluation_answers_as_an_export_does(endpoints: dict[str, Any]):
    task, targets = translator(num_decoders=2), ["the red house\nthe house", "is", "not", "the\nthe zebra"]
    data, made = data_of(TEXTS, targets), model(task)
    rows = encoder_decoder.batches(task, encoded(TEXTS, targets))
    answers = encoder_decoder.answer(made, task, rows)
    served = endpoints["serve"](tf.constant(TEXTS))
    assert answers["answers"].tolist() == [each.decode() for each in served["answer"].numpy()]
    np.testing.assert_allclose(answers["scores"], served["score"], atol=1e-5)
    assert answers["lengths"].tolist() == [6, 1, 2, 8]
    report = encoder_decoder.report(task, data, "train", answers)
    assert report.tables["predictions.csv"]["answer"].tolist() == answers["answers"].tolist()
    assert encoder_decoder.summary(task, rows).startswith("6 sentences in train, 8 different tokens")


def test_bleu_on_validation_is_that_of_greedy_answers():
    task, seen = translator(monitor="bleu"), list[Any]()
    figure, made, texts = encoder_decoder.objective(task).figures["bleu"], model(task), TEXTS[:3]
    values, lengths = SOURCE.encode(tf.constant(texts))
    greedy = WORDS.decode(encoder_decoder._generator(made, task).greedy([values[:, None], lengths[:, None]])).numpy()
    rows = encoder_decoder.batches(task, encoded(texts, ["the red house\nthe house", "is", "zebra is not"]))
    noted = dataclasses.replace(figure, measure=lambda *given: float(bool(seen.append(given))))
    assert noted(made, rows) == 0
    ((answers, references),) = seen
    assert dict(zip(map(tuple, references), answers, strict=True)) == {
        ("the red house", "the house"): greedy[0].decode(),
        ("is",): greedy[1].decode(),
        ("\ufffd is not",): greedy[2].decode(),
    }
    assert 0 <= figure(made, rows) <= 100
    assert not encoder_decoder.objective(translator()).figures


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_beams": 0}, "num_beams is at least 1"),
        ({"encoder_units": 0}, "encoder_units is at least 1"),
        ({"encoder_cell": "lsmt"}, "unknown encoder_cell 'lsmt'"),
        ({"scheduled_sampling": 1.0}, "scheduled_sampling is at least 0 and below 1"),
        ({"encoder_lr_multiplier": 0.5}, "unknown setting 'encoder_lr_multiplier'"),
        ({"bidirectional": True}, "unknown setting 'bidirectional'"),
        ({"monitor": "f1"}, "unknown monitor 'f1'"),
    ],
)
def test_settings_that_make_none_are_refused_before_any_data_are_read(wrong: dict[str, Any], message: str):
    with pytest.raises(UsageError, match=message):
        TASK.configure(wrong)
