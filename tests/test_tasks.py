"""The promises that every task keeps (ARCHITECTURE.md), for each file of the tasks folder."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqtasks
from seqtasks import tasks
from seqtasks.data import prepare
from seqtasks.export import savedmodel
from seqtasks.inference import generation, predictor
from seqtasks.inference.predictor import Predictor
from seqtasks.task import SAMPLE, Folders
from seqtasks.training import card as cards
from seqtasks.training import model_folder
from tests.conftest import Learned, quickly, run, sets
from tests.samples import SAMPLES, UNCOMPILED, answers, learned_from, plainly

ROOT = Path(__file__).parents[1]

PLAIN = {"bidirectional": "no", "adversarial_epsilon": "0"}  # half as much is traced
ALONE = """
import base64, json, os, sys
import tensorflow as tf
os.chdir(sys.argv[1])  # it takes [ ] * ? in a path for a pattern
model = tf.saved_model.load(".")
answer = model.serve(tf.constant([base64.b64decode(each) for each in json.load(sys.stdin)]))["answer"].numpy()
assert "seqtasks" not in sys.modules
print(json.dumps([each.decode() for each in answer]))
"""


@pytest.fixture(scope="module")
def served(learned: Learned) -> Predictor:
    return seqtasks.load(learned.folder)


def compared(ones: list[dict[str, Any]], others: list[dict[str, Any]], atol: float) -> None:
    """Answers are alike: the same words, and the same probabilities where there are any."""
    assert [plainly(each) for each in ones] == [plainly(each) for each in others]
    if "tags" in ones[0]:  # of pieces, of which a row has as many as the longest beside it
        for one, other in zip(ones, others, strict=True):
            size = one["lengths"]
            assert one["tags"][:size] == other["tags"][:size]
            np.testing.assert_allclose(one["probabilities"][:size], other["probabilities"][:size], atol=atol)
    elif "probabilities" in ones[0]:
        numbers = [[list(each["probabilities"].values()) for each in answers] for answers in (ones, others)]
        np.testing.assert_allclose(*numbers, atol=atol)


def test_has_a_row_in_the_samples():
    assert set(SAMPLES) == set(tasks.names())


def test_its_row_has_every_label_and_a_text_beyond_ascii(learned: Learned):
    asked = answers(learned.name)
    labels = model_folder.restore(learned.folder, learned.name).task.targets.names
    assert not labels or set(asked.values()) == set(labels)
    assert any(not value.isascii() for value in asked)
    assert len({len(value) for value in asked}) > 1


def test_learns_its_sample_by_heart(learned: Learned, served: Predictor):
    examples = learned_from(tasks.find(learned.name))
    if "decode" in served.manifest.endpoints:  # a text, of which one character in five is anybody's guess
        nats, characters = generation.score(served, [examples.inputs[0]])
        assert nats / characters < 0.5
        return
    given = [plainly(answer) for answer in served(list(examples.inputs))]
    assert given == list(examples.targets)


def test_answers_as_expected(learned: Learned, served: Predictor):
    expected = answers(learned.name)
    given = [plainly(answer) for answer in served(list(expected))]
    begun = [answer[: len(wanted)] for answer, wanted in zip(given, expected.values(), strict=True)]
    assert dict(zip(expected, begun, strict=True)) == expected


def test_company_never_changes_an_answer(learned: Learned, served: Predictor):
    odd = SAMPLES[learned.name].odd.values()
    values = [*answers(learned.name), *(value for value in odd if len(value) < 100_000)]
    compared(served(values), [served([value])[0] for value in values], atol=1e-5)


PLACES = ("tokens", "starts", "ends")  # of the pieces of a text
ODD = [(name, odd) for name, row in SAMPLES.items() for odd in row.odd]


@pytest.mark.parametrize(("learned", "odd"), ODD, ids=[f"{name}-{odd}" for name, odd in ODD], indirect=["learned"])
def test_odd_input_has_a_defined_answer(learned: Learned, served: Predictor, odd: str):
    (answer,) = served([SAMPLES[learned.name].odd[odd]])
    if "truncated" in answer:
        assert isinstance(answer["answer"], str)
        assert np.isfinite(answer["score"])
        assert answer["truncated"] in (True, False)
        return
    if "score" in answer:
        assert answer == {"answer": "", "score": 0.0}  # it is no picture
        return
    if "tags" in answer:
        text = SAMPLES[learned.name].odd[odd].decode(errors="replace")
        for entity in json.loads(answer["answer"]):
            assert entity["text"] == text[entity["start"] : entity["end"]]
            assert 0 <= entity["probability"] <= 1
        assert all(each == text[start:end] for each, start, end in zip(*(answer[name] for name in PLACES), strict=True))
        assert np.isfinite(answer["probabilities"]).all()
        return
    if "probabilities" not in answer:
        assert len(answer["answer"]) == int(SAMPLES[learned.name].settings["max_new_tokens"])
        return
    given = np.array(list(answer["probabilities"].values()))
    assert answer["answer"] in answer["probabilities"]
    assert np.isfinite(given).all()
    assert given.sum() == pytest.approx(1, abs=1e-5)


def test_no_values_no_answers(served: Predictor):
    assert served([]) == []


@quickly("sentiment")  # the examples ask each of them so, too
def test_the_export_answers_alike_without_our_code(learned: Learned, served: Predictor, tmp_path: Path):
    values = list(answers(learned.name))
    command = [sys.executable, "-P", "-c", ALONE, str(predictor.newest(learned.folder))]
    asked = json.dumps([base64.b64encode(value).decode() for value in values])
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert json.loads(done.stdout) == [answer["answer"] for answer in served(values)]


def test_restored_it_answers_alike(learned: Learned, served: Predictor):
    restored = model_folder.restore(learned.folder, learned.name)
    values = list(answers(learned.name))
    again = Predictor(savedmodel.assemble(restored), served.manifest, served.folder)
    compared(again(values), served(values), atol=1e-6)


@quickly("sentiment")
def test_same_seed_same_weights_other_seed_others(learned: Learned, tmp_path: Path):
    def weights(folder: Path, seed: int, *, alone: bool = False) -> str:
        settings = SAMPLES[learned.name].settings | {"epochs": "1", "min_steps_per_epoch": "10"} | UNCOMPILED
        settings |= {name: value for name, value in PLAIN.items() if name in tasks.find(learned.name).settings}
        command = ["train", learned.name, "--sample-data", "--model", folder, "--seed", seed, *sets(settings)]
        if alone:  # whatever drew numbers before, it starts anew
            alone = [sys.executable, "-m", "tests.small", *map(str, command), "--no-export"]
            subprocess.run(alone, check=True, capture_output=True, cwd=ROOT)
        else:
            run(*map(str, command))
        return cards.read(folder).files[cards.WEIGHTS]

    once = weights(tmp_path / "a", 1)
    assert once == weights(tmp_path / "b", 1, alone=True)
    if learned.name == "sentiment":  # the seed is set in one place for all
        assert once != weights(tmp_path / "c", 2)


def test_splits_share_no_example(learned: Learned):
    task = tasks.find(learned.name)
    data = prepare.read(task, SAMPLE, Folders(()), print)
    inputs = {name: {bytes(value) for value in examples.inputs[:]} for name, examples in data.examples.items()}
    for name, others in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert inputs[name]
        assert not inputs[name] & inputs[others]
    assert cards.read(learned.folder).dropped == data.dropped


def test_its_sample_is_always_the_same(learned: Learned):
    task = tasks.find(learned.name)
    first, second = task.sample(), task.sample()
    for split in first:
        assert list(first[split].inputs) == list(second[split].inputs)


def test_everything_written_says_sample(learned: Learned):
    metrics = json.loads((learned.folder / "metrics.json").read_text())
    manifest = json.loads((predictor.newest(learned.folder) / "manifest.json").read_text())
    assert cards.read(learned.folder).dataset == metrics["dataset"] == manifest["dataset"] == "sample"
    assert "on sample" in learned.printed


def test_without_its_data_set_it_says_so_and_takes_the_sample(learned: Learned, no_downloads: Folders):
    said: list[str] = []
    data = prepare.read(tasks.find(learned.name), None, no_downloads, said.append)
    assert data.name == "sample"
    assert "SAMPLE INSTEAD" in said[0]


def test_readme_and_help_and_list_know_it(learned: Learned):
    readme = (ROOT / "README.md").read_text()
    assert f"`{learned.name}`" in readme
    assert learned.name in run("list").output
    assert learned.name in json.dumps(json.loads(run("list", "--json").output))
