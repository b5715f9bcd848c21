"""A model that writes: read whole, step by step, in parts, in company, from the export; and its command line."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import seqtasks
from seqtasks import tasks
from seqtasks.codecs.tokens import Tokens
from seqtasks.codecs.vocabulary import START
from seqtasks.errors import UsageError
from seqtasks.inference import generation, predictor
from seqtasks.inference.generation import Choice, Stop
from seqtasks.layers import stateful_decoder
from seqtasks.patterns import language_model
from seqtasks.training import model_folder
from tests.conftest import Learned, run

TEXT = "the crow and the fox, the fox and the crow."
CODEC = Tokens().fit([np.array([TEXT.encode()], object)])
SMALL = {"units": 8, "embedding": 8, "batch": 4, "window": 8, "cell": "gru"}
KINDS = [
    {"cell": "simple"},
    {"cell": "irnn", "layers": 2},
    {"cell": "lstm", "layers": 2},
    {"cell": "gru", "layers": 3},
    {"cell": "gru", "tied": True, "output_dropout": 0.3},
]


def model_of(**settings: object) -> tuple[keras.Model, dict]:
    chosen = {**tasks.find("text_generation").settings, **SMALL, "layers": 1, "precision": "float32", **settings}
    keras.utils.set_random_seed(1)
    model = language_model.build(CODEC, CODEC, chosen)
    for variable in model.trainable_variables:  # livelier than it would begin
        variable.assign(variable + keras.random.normal(variable.shape, stddev=0.5, seed=len(variable.shape)))
    return model, chosen


def endpoints_of(**settings: object) -> dict:
    model, chosen = model_of(**settings)
    found = language_model.endpoints(model, CODEC, CODEC, chosen)
    return {
        name: tf.function(each, input_signature=signature, autograph=False) for name, (each, signature) in found.items()
    }


@pytest.fixture(scope="module")
def network() -> dict:
    return endpoints_of(layers=2)


def go_on(network: dict, states: dict, count: int, seeds: list[int], temperature: float = 1.0, penalty: float = 1.0):
    return network["go_on"](states, count, temperature, 0, 1.0, penalty, tf.constant(seeds, tf.int64))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_text_costs_the_same_whole_and_step_by_step(kind: dict):
    model, _ = model_of(**kind)
    ids, _ = CODEC.encode(tf.constant([TEXT]))
    before = tf.concat([[[START]], ids[:, :-1]], 1)
    whole = model([before, tf.constant([True])], training=False)[0].numpy()
    parts = stateful_decoder.of(model)
    step, states = parts.step(), parts.start(1)
    for number, wanted in enumerate(whole):
        logits, states = step(before[:, number], states)
        largest = np.abs(wanted).max()  # an IRNN's go into the thousands, and so does what the sums are rounded to
        np.testing.assert_allclose(logits[0], wanted, rtol=1e-6, atol=1e-6 * max(10.0, largest))


def test_the_trained_model_carries_its_states_and_begins_anew_where_it_is_told():
    model, _ = model_of(layers=2)
    ids = CODEC.encode(tf.constant([TEXT, TEXT[::-1]]))[0]
    anew, on = tf.constant([True, True]), tf.constant([False, False])
    whole = model([ids, anew], training=False).numpy()
    first = model([ids[:, :10], anew], training=False).numpy()
    second = model([ids[:, 10:], on], training=False).numpy()
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, atol=1e-5)
    half = model([ids[:, :10], tf.constant([False, True])], training=False).numpy()
    np.testing.assert_allclose(half[1], first[1], atol=1e-5)
    assert np.abs(half[0] - first[0]).max() > 1e-3


def test_the_score_is_the_loss_and_comes_in_parts(network: dict):
    model, _ = model_of(layers=2)
    ids, _ = CODEC.encode(tf.constant([TEXT]))
    before = tf.concat([[[START]], ids[:, :-1]], 1)
    losses = language_model.loss(CODEC, {})(ids, model([before, tf.constant([True])], training=False))
    nats, _ = network["score"](tf.constant([TEXT, ""]), network["start"](2))
    np.testing.assert_allclose(nats, [float(tf.reduce_sum(losses)), 0.0], rtol=1e-5)
    first, states = network["score"](tf.constant([TEXT[:10]]), network["start"](1))
    second, _ = network["score"](tf.constant([TEXT[10:]]), states)
    np.testing.assert_allclose(first + second, nats[:1], rtol=1e-5)


def test_a_text_is_the_same_written_at_once_and_in_parts(network: dict):
    states = network["begin"](tf.constant(["the crow", "fox"]))
    whole, _ = go_on(network, states, 300, [7, 8])
    parts = []
    for count in (1, 2, 255, 42):
        text, states = go_on(network, states, count, [7, 8])
        parts.append(text.numpy())
    assert [b"".join(each) for each in zip(*parts, strict=True)] == whole.numpy().tolist()


def test_a_text_does_not_depend_on_its_company(network: dict):
    prompts, seeds = ["the crow", "", "fox", "the crow"], [3, -4, 2**62, 5]
    together = go_on(network, network["begin"](tf.constant(prompts)), 200, seeds)[0].numpy().tolist()
    alone = [
        go_on(network, network["begin"](tf.constant([prompt])), 200, [seed])[0].numpy()[0]
        for prompt, seed in zip(prompts, seeds, strict=True)
    ]
    assert together == alone
    assert len(set(together)) == 4


def test_nothing_is_written_that_is_no_text(network: dict):
    states = network["begin"](tf.constant(["the crow"] * 8))
    for text in go_on(network, states, 200, list(range(8)), temperature=100.0)[0].numpy():
        assert len(text.decode()) == 200
        assert set(text.decode()) <= set(TEXT)


def test_a_penalty_makes_what_was_written_less_probable_and_is_carried(network: dict):
    begun = network["begin"](tf.constant(["the crow"]))
    plain = go_on(network, begun, 40, [0], temperature=0.0)[0].numpy()[0]
    varied, states = go_on(network, begun, 20, [0], temperature=0.0, penalty=5.0)
    rest, _ = go_on(network, states, 20, [0], temperature=0.0, penalty=5.0)
    whole = go_on(network, begun, 40, [0], temperature=0.0, penalty=5.0)[0].numpy()[0]
    assert varied.numpy()[0] + rest.numpy()[0] == whole
    assert len(set(whole.decode())) > len(set(plain.decode()))


def test_an_empty_prompt_is_the_beginning_of_a_line():
    codec_with_lines = Tokens().fit([np.array([b"the crow\n"], object)])
    chosen = model_of()[1]
    model = language_model.build(codec_with_lines, codec_with_lines, chosen)
    begin, _ = language_model.endpoints(model, codec_with_lines, codec_with_lines, chosen)["begin"]
    empty, line = begin(tf.constant([""])), begin(tf.constant(["\n"]))
    for name in empty:
        np.testing.assert_array_equal(empty[name], line[name])


def test_what_reads_both_ways_cannot_write():
    with pytest.raises(UsageError, match="cannot be read backwards; leave bidirectional out"):
        model_of(bidirectional=True)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"adversarial": 0.1}, "adversarial steps are for what reads"),
        ({"temperature": float("nan")}, "temperature is at least 0, not nan"),
        ({"written": -1}, "written is at least 0, not -1"),
        ({"embedding_dropout": 1.0}, "embedding_dropout is at least 0 and below 1"),
    ],
)
def test_settings_that_make_no_model_are_told(settings: dict, said: str):
    with pytest.raises(UsageError, match=said):
        model_of(**settings)


def test_a_tied_embedding_is_as_wide_as_the_layer():
    with pytest.raises(UsageError, match="a tied embedding is as wide as the layer, not 8 beside 12 units"):
        model_of(tied=True, units=12)


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"temperature": -0.1}, "temperature is from 0"),
        ({"temperature": 11.0}, r"temperature is from 0 \(always the most probable\) to 10, not 11\.0"),
        ({"temperature": float("nan")}, "temperature is from 0"),
        ({"top_k": -1}, "top_k is at least 1"),
        ({"top_p": 0.0}, "top_p is above 0"),
        ({"top_p": 1.1}, "top_p is above 0"),
        ({"penalty": 0.0}, "penalty is above 0"),
    ],
)
def test_a_choice_that_is_none_is_refused(choice: dict, said: str):
    with pytest.raises(UsageError, match=said):
        Choice(**choice)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_text_ends_before_the_stop_string(size: int):
    def passed(text: str, stop: str) -> str:
        end = Stop(stop)
        parts = [text[at : at + size] for at in range(0, len(text), size)]
        return "".join(end.before(part) for part in parts) + end.rest()

    assert passed("aabaac, and on", "aac") == "aab"
    assert passed("aabaab, and on", "aac") == "aabaab, and on"
    assert passed("ends in a", "ab") == "ends in a"
    assert passed("anything", "") == "anything"


@pytest.fixture(scope="module")
def writes(learned: Learned) -> Learned:
    if not tasks.find(learned.name).streams:
        pytest.skip("answers, and does not write")
    return learned


def test_the_command_line_writes_what_the_export_alone_writes(writes: Learned):
    model = tf.saved_model.load(str(predictor.newest(writes.folder)))
    asked = (300, 0.9, 5, 0.95, tf.constant([7, 8], tf.int64))
    alone = model.generate(tf.constant(["FOX: Good"] * 2), *asked)["answer"].numpy()
    options = ("--length", "300", "--temperature", "0.9", "--top-k", "5", "--top-p", "0.95", "--seed", "7")
    shown = run("generate", "FOX: Good", *options, "--model", writes.folder).stdout
    assert shown == "FOX: Good" + alone[0].decode() + "\n"
    more = ("--count", "2", "--json", "--model", writes.folder)
    several = json.loads(run("generate", "FOX: Good", *options, *more).stdout)
    assert [each["text"].encode() for each in several] == alone.tolist()
    assert [each["seed"] for each in several] == [7, 8]


def test_the_command_line_says_what_it_does_not_know_and_stops_where_it_is_told(writes: Learned):
    done = run("generate", "FOX: Good day, čröw!", "--stop", "\n\n", "--temperature", "0", "--model", writes.folder)
    assert "read as unknown: 'čö'" in done.stderr
    assert "\n\n" not in done.stdout.strip("\n")


@pytest.mark.parametrize("length", [0, 1])
def test_few_tokens_are_few(writes: Learned, length: int):
    shown = run("generate", "FOX", "--length", str(length), "--json", "--model", writes.folder).stdout
    assert len(json.loads(shown)[0]["text"]) == length


def test_a_negative_length_is_told_before_anything_is_shown(writes: Learned, capsys):
    from seqtasks.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["generate", "FOX", "--length", "-1", "--model", str(writes.folder)])
    shown = capsys.readouterr()
    assert (ended.value.code, shown.out) == (2, "")
    assert "length is at least 0, not -1" in shown.err


def test_score_is_what_evaluate_says(writes: Learned, tmp_path):
    text = splits_text(writes)
    (tmp_path / "a.txt").write_text(text)
    scored = json.loads(run("score", tmp_path / "a.txt", "--json", "--model", writes.folder).stdout)
    measured = json.loads(run("evaluate", writes.name, "--json", "--model", writes.folder).stdout)
    assert scored["characters"] == len(text)
    assert scored["bits_per_character"] == pytest.approx(measured["bits_per_character"], rel=1e-3)


def splits_text(writes: Learned) -> str:
    """The test split of what it learned from."""
    return tasks.find(writes.name).sample()["test"].inputs[0].decode()


def test_what_answers_does_not_write(learned: Learned):
    if tasks.find(learned.name).streams:
        pytest.skip("writes")
    with pytest.raises(UsageError, match=f"is of {learned.name}, which does not write"):
        generation.check(seqtasks.load(learned.folder))


def test_a_model_restored_writes_the_same(writes: Learned):
    restored = model_folder.restore(writes.folder, writes.name)
    found = language_model.endpoints(
        restored.model, restored.task.inputs, restored.task.targets, restored.task.settings
    )
    asked = (tf.constant(["FOX"]), 100, 1.0, 0, 1.0, tf.constant([3], tf.int64))
    exported = tf.saved_model.load(str(predictor.newest(writes.folder)))
    assert found["generate"][0](*asked)["answer"].numpy() == exported.generate(*asked)["answer"].numpy()
