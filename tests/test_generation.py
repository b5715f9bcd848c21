"""A language model: read whole, step by step, in parts, in company, from the export; and its command line."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import seqtasks
from seqtasks import tasks
from seqtasks.codecs.tokens import Tokens
from seqtasks.codecs.vocabulary import BOS_ID
from seqtasks.data import paths
from seqtasks.errors import UsageError
from seqtasks.inference import generation, predictor
from seqtasks.inference.generation import BeamOptions, SamplingOptions, Stop
from seqtasks.layers import stateful_decoder
from seqtasks.patterns import language_model
from seqtasks.task import Folders, Task
from seqtasks.training import model_folder
from tests.conftest import Learned, run

TEXT = "the crow and the fox, the fox and the crow."
CODEC = Tokens().fit([np.array([TEXT.encode()], object)], Folders(()))
SMALL = {"units": 8, "embedding_dim": 8, "batch_size": 4, "bptt_steps": 8, "cell": "gru", "dtype_policy": "float32"}
KINDS = [
    {"cell": "simple_rnn"},
    {"cell": "irnn", "num_layers": 2},
    {"cell": "lstm", "num_layers": 2},
    {"cell": "gru", "num_layers": 3},
    {"cell": "gru", "tie_embeddings": True, "output_dropout": 0.3},
]


def model_of(codec: Tokens = CODEC, **settings: object) -> tuple[keras.Model, Task]:
    task = tasks.find("text_generation").with_codecs(codec, codec).configure({**SMALL, "num_layers": 1, **settings})
    keras.utils.set_random_seed(1)
    model = language_model.build(task)
    for variable in model.trainable_variables:  # livelier than it would begin
        variable.assign(variable + keras.random.normal(variable.shape, stddev=0.5, seed=len(variable.shape)))
    return model, task


def endpoints_of(**settings: object) -> dict:
    return {
        name: tf.function(each.function, input_signature=each.signature, autograph=False)
        for name, each in language_model.endpoints(*model_of(**settings)).items()
    }


@pytest.fixture(scope="module")
def network() -> dict:
    return endpoints_of(num_layers=2)


def decode(network: dict, states: dict, count: int, seeds: list[int], temperature: float = 1.0, penalty: float = 1.0):
    return network["decode"](states, count, temperature, 0, 1.0, penalty, tf.constant(seeds, tf.int64))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_text_costs_the_same_whole_and_step_by_step(kind: dict):
    model, _ = model_of(**kind)
    ids, _ = CODEC.encode(tf.constant([TEXT]))
    before = tf.concat([[[BOS_ID]], ids[:, :-1]], 1)
    whole = model([before, tf.constant([True])], training=False)[0].numpy()
    parts = stateful_decoder.parts_of(model)
    step, states = parts.step(), parts.initial_state(1)
    for number, wanted in enumerate(whole):
        logits, states = step(before[:, number], states)
        largest = np.abs(wanted).max()  # an IRNN's go into the thousands, and so does what the sums are rounded to
        np.testing.assert_allclose(logits[0], wanted, rtol=1e-6, atol=1e-6 * max(10.0, largest))


def test_the_trained_model_carries_its_states_and_resets_them_where_it_is_told():
    model, _ = model_of(num_layers=2)
    ids = CODEC.encode(tf.constant([TEXT, TEXT[::-1]]))[0]
    reset, carry = tf.constant([True, True]), tf.constant([False, False])
    whole = model([ids, reset], training=False).numpy()
    first = model([ids[:, :10], reset], training=False).numpy()
    second = model([ids[:, 10:], carry], training=False).numpy()
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, atol=1e-5)
    half = model([ids[:, :10], tf.constant([False, True])], training=False).numpy()
    np.testing.assert_allclose(half[1], first[1], atol=1e-5)
    assert np.abs(half[0] - first[0]).max() > 1e-3


def test_the_score_is_the_loss_and_comes_in_parts(network: dict):
    model, task = model_of(num_layers=2)
    ids, _ = CODEC.encode(tf.constant([TEXT]))
    before = tf.concat([[[BOS_ID]], ids[:, :-1]], 1)
    losses = language_model.objective(task).loss(ids, model([before, tf.constant([True])], training=False))
    nats, _ = network["score"](tf.constant([TEXT, ""]), network["initial_state"](2))
    np.testing.assert_allclose(nats, [float(tf.reduce_sum(losses)), 0.0], rtol=1e-5)
    first, states = network["score"](tf.constant([TEXT[:10]]), network["initial_state"](1))
    second, _ = network["score"](tf.constant([TEXT[10:]]), states)
    np.testing.assert_allclose(first + second, nats[:1], rtol=1e-5)


def test_a_text_is_the_same_at_once_and_in_parts(network: dict):
    states = network["prefill"](tf.constant(["the crow", "fox"]))
    whole, _ = decode(network, states, 300, [7, 8])
    parts = []
    for count in (1, 2, 255, 42):
        text, states = decode(network, states, count, [7, 8])
        parts.append(text.numpy())
    assert [b"".join(each) for each in zip(*parts, strict=True)] == whole.numpy().tolist()


def test_a_text_does_not_depend_on_its_company(network: dict):
    prompts, seeds = ["the crow", "", "fox", "the crow"], [3, -4, 2**62, 5]
    together = decode(network, network["prefill"](tf.constant(prompts)), 200, seeds)[0].numpy().tolist()
    alone = [
        decode(network, network["prefill"](tf.constant([prompt])), 200, [seed])[0].numpy()[0]
        for prompt, seed in zip(prompts, seeds, strict=True)
    ]
    assert together == alone
    assert len(set(together)) == 4


def test_nothing_is_generated_that_is_no_text(network: dict):
    states = network["prefill"](tf.constant(["the crow"] * 8))
    for text in decode(network, states, 200, list(range(8)), temperature=100.0)[0].numpy():
        assert len(text.decode()) == 200
        assert set(text.decode()) <= set(TEXT)


def test_a_repetition_penalty_makes_tokens_less_probable_and_is_carried(network: dict):
    begun = network["prefill"](tf.constant(["the crow"]))
    plain = decode(network, begun, 40, [0], temperature=0.0)[0].numpy()[0]
    varied, states = decode(network, begun, 20, [0], temperature=0.0, penalty=5.0)
    rest, _ = decode(network, states, 20, [0], temperature=0.0, penalty=5.0)
    whole = decode(network, begun, 40, [0], temperature=0.0, penalty=5.0)[0].numpy()[0]
    assert varied.numpy()[0] + rest.numpy()[0] == whole
    assert len(set(whole.decode())) > len(set(plain.decode()))


def test_an_empty_prompt_is_the_beginning_of_a_line():
    codec_with_lines = Tokens().fit([np.array([b"the crow\n"], object)], Folders(()))
    prefill = language_model.endpoints(*model_of(codec_with_lines))["prefill"].function
    empty, line = prefill(tf.constant([""])), prefill(tf.constant(["\n"]))
    for name in empty:
        np.testing.assert_array_equal(empty[name], line[name])


def test_what_reads_both_ways_cannot_go_on():
    with pytest.raises(UsageError, match="unknown setting 'bidirectional'; choose from"):
        model_of(bidirectional=True)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"adversarial_epsilon": 0.1}, "unknown setting 'adversarial_epsilon'"),
        ({"temperature": float("nan")}, "temperature is at least 0, not nan"),
        ({"max_new_tokens": -1}, "max_new_tokens is at least 0, not -1"),
        ({"embedding_dropout": 1.0}, "embedding_dropout is at least 0 and below 1"),
    ],
)
def test_settings_that_make_no_model_are_told(settings: dict, said: str):
    with pytest.raises(UsageError, match=said):
        model_of(**settings)


def test_a_tied_embedding_is_as_wide_as_the_layer():
    with pytest.raises(UsageError, match="a tied embedding is as wide as the layer: embedding_dim is 8, units are 12"):
        model_of(tie_embeddings=True, units=12)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"temperature": -0.1}, "temperature is from 0"),
        ({"temperature": 11.0}, r"temperature is from 0 \(always the most probable\) to 10, not 11\.0"),
        ({"temperature": float("nan")}, "temperature is from 0"),
        ({"top_k": -1}, "top_k is at least 1"),
        ({"top_p": 0.0}, "top_p is above 0"),
        ({"top_p": 1.1}, "top_p is above 0"),
        ({"repetition_penalty": 0.0}, "repetition_penalty is above 0"),
    ],
)
def test_options_that_mean_nothing_are_refused(options: dict, said: str):
    with pytest.raises(UsageError, match=said):
        SamplingOptions(**options)


def test_a_search_has_a_beam():
    with pytest.raises(UsageError, match="num_beams is at least 1, not 0"):
        BeamOptions(0)


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
def generates(learned: Learned) -> Learned:
    if "decode" not in predictor.about(learned.folder).endpoints:
        pytest.skip("answers, and does not go on with a text")
    return learned


def test_the_command_line_generates_what_the_export_alone_generates(generates: Learned):
    with paths.plain(predictor.newest(generates.folder)) as place:
        model = tf.saved_model.load(str(place))
    given = (300, 0.9, 5, 0.95, tf.constant([7, 8], tf.int64))
    alone = model.generate(tf.constant(["FOX: Good"] * 2), *given)["answer"].numpy()
    options = ("--max-new-tokens", "300", "--temperature", "0.9", "--top-k", "5", "--top-p", "0.95", "--seed", "7")
    shown = run("generate", "FOX: Good", *options, "--model", generates.folder).stdout
    assert shown == "FOX: Good" + alone[0].decode() + "\n"
    more = ("--num-samples", "2", "--json", "--model", generates.folder)
    several = json.loads(run("generate", generates.name, "FOX: Good", *options, *more).stdout)
    assert [each["text"].encode() for each in several] == alone.tolist()
    assert [each["seed"] for each in several] == [7, 8]


def test_the_command_line_says_what_it_does_not_know_and_stops_where_it_is_told(generates: Learned):
    done = run("generate", "FOX: Good day, čröw!", "--stop", "\n\n", "--temperature", "0", "--model", generates.folder)
    assert "read as unknown: 'čö'" in done.stderr
    assert "\n\n" not in done.stdout.strip("\n")


@pytest.mark.parametrize("length", [0, 1])
def test_few_tokens_are_few(generates: Learned, length: int):
    shown = run("generate", "FOX", "--max-new-tokens", str(length), "--json", "--model", generates.folder).stdout
    assert len(json.loads(shown)[0]["text"]) == length


def test_a_negative_length_is_told_before_anything_is_shown(generates: Learned, capsys):
    from seqtasks.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["generate", "FOX", "--max-new-tokens", "-1", "--model", str(generates.folder)])
    shown = capsys.readouterr()
    assert (ended.value.code, shown.out) == (2, "")
    assert "max_new_tokens is at least 0, not -1" in shown.err


def test_score_is_what_evaluate_says(generates: Learned, tmp_path: Path):
    text = tasks.find(generates.name).sample()["test"].inputs[0].decode()
    (tmp_path / "a.txt").write_text(text)
    scored = json.loads(run("score", tmp_path / "a.txt", "--json", "--model", generates.folder).stdout)
    measured = json.loads(run("evaluate", generates.name, "--json", "--model", generates.folder).stdout)
    assert scored["characters"] == len(text)
    assert scored["bits_per_character"] == pytest.approx(measured["bits_per_character"], rel=1e-3)
    named = run("score", generates.name, tmp_path / "a.txt", "--json", "--model", generates.folder).stdout
    assert json.loads(named) == scored


def test_what_answers_does_not_go_on(learned: Learned, tmp_path: Path):
    if "decode" in predictor.about(learned.folder).endpoints:
        pytest.skip("goes on with a text")
    said = f'is of {learned.name}, which does not go on with a text; use "seqtasks predict {learned.name}"'
    export = seqtasks.load(learned.folder)
    with pytest.raises(UsageError, match=said):
        generation.stream(export, [""], max_new_tokens=1, seeds=[0], options=SamplingOptions())
    with pytest.raises(UsageError, match=said):
        run("generate", learned.name, "x", "--model", learned.folder)
    with pytest.raises(UsageError, match=said):
        run("score", tmp_path / "a.txt", "--model", learned.folder)


def test_without_a_task_the_only_one_that_goes_on_is_taken(learned: Learned, tmp_path: Path, monkeypatch):
    models = tmp_path / "saved_models"
    models.mkdir()
    (models / "tales").symlink_to(learned.folder)
    monkeypatch.chdir(tmp_path)
    if "decode" not in predictor.about(learned.folder).endpoints:
        with pytest.raises(UsageError, match="no export in saved_models/text_generation"):
            run("generate", "FOX")
        return
    assert run("generate", "FOX", "--max-new-tokens", "2").stdout.startswith("FOX")
    with pytest.raises(UsageError, match=f"saved_models/tales holds an export of {learned.name}, not tales"):
        run("generate", "tales")  # the name of a folder is a task, and not a prompt
    (models / "more").symlink_to(learned.folder)
    with pytest.raises(UsageError, match="no export in saved_models/text_generation"):
        run("generate", "FOX")


def test_a_model_restored_generates_the_same(generates: Learned):
    restored = model_folder.restore(generates.folder, generates.name)
    generate = language_model.endpoints(restored.model, restored.task)["generate"].function
    given = (tf.constant(["FOX"]), 100, 1.0, 0, 1.0, tf.constant([3], tf.int64))
    with paths.plain(predictor.newest(generates.folder)) as place:
        exported = tf.saved_model.load(str(place))
    assert generate(*given)["answer"].numpy() == exported.generate(*given)["answer"].numpy()
