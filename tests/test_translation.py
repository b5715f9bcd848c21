"""Translations at the command line: sentences, files, what was attended to, and what a person gives by mistake."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click import BadParameter
from PIL import Image as Picture

import seqtasks
from seqtasks.errors import UsageError
from seqtasks.inference.explain import explain
from seqtasks.inference.generation import BeamOptions
from tests.conftest import Learned, run

pytestmark = pytest.mark.parametrize("learned", ["translation"], indirect=True)

SENTENCE, ANSWER = "My new house is red.", "Minha casa nova é vermelha."


def test_a_sentence_its_score_and_the_second_best(learned: Learned):
    printed = run("predict", "translation", SENTENCE, "--model", learned.folder).stdout
    assert printed.startswith(f"{ANSWER}\t-0.")
    assert printed.count("\t") == 1
    beams = run("predict", "translation", SENTENCE, "--num-beams", "2", "--json", "--model", learned.folder).stdout
    (found,) = json.loads(beams)
    assert (found["answer"], found["truncated"]) == (ANSWER, False)
    assert [each["score"] < found["score"] for each in found["alternatives"]] == [True]
    sampled = run("predict", "translation", SENTENCE, "--do-sample", "--temperature", "0", "--model", learned.folder)
    assert sampled.stdout == f"{ANSWER}\n"


def test_what_was_attended_to_is_drawn(learned: Learned, tmp_path: Path):
    where = ("--model", learned.folder)
    printed = run("predict", "translation", SENTENCE, "--explain", tmp_path / "align.png", *where).stdout
    assert printed.startswith(ANSWER)
    with Picture.open(tmp_path / "align.png") as drawn:
        assert min(drawn.size) > 200
    found = explain(seqtasks.load(learned.folder), SENTENCE.encode())
    assert "".join(found.pieces) == ANSWER
    run("predict", "translation", SENTENCE, "--explain", tmp_path / "align.html", *where)
    page = (tmp_path / "align.html").read_text()
    assert "word by word" in page
    assert ANSWER in page


@pytest.mark.parametrize("value", ["", "$x_1$ 你好，世界 a?"])
def test_anything_is_drawn(learned: Learned, value: str, tmp_path: Path):
    for name in ("a.png", "a.html"):
        explain(seqtasks.load(learned.folder), value.encode()).write(tmp_path / name)


def test_a_sentence_that_is_too_long_is_said_to_be(learned: Learned, tmp_path: Path):
    long, where = "house " * 5_000, ("--model", learned.folder)
    done = run("predict", "translation", SENTENCE, long, *where)
    assert len(done.stdout.splitlines()) == 2
    assert "value 2 (house house house" in done.stderr
    assert "longer than what the model reads" in done.stderr
    assert "value 1" not in done.stderr
    (tmp_path / "some.csv").write_text(f'text\n{SENTENCE}\n{long}\n"a\nb"\n')
    run("predict", "translation", "--file", tmp_path / "some.csv", "--output", tmp_path / "out.csv", *where)
    rows = [*csv.DictReader((tmp_path / "out.csv").read_text().splitlines(keepends=True))]
    assert [row["truncated"] for row in rows] == ["false", "true", "false"]
    assert rows[0]["answer"] == ANSWER
    assert rows[2]["text"] == "a\nb"


def test_too_few_and_too_many_beams_are_a_usage_error(learned: Learned):
    where = ("--model", learned.folder)
    with pytest.raises(BadParameter, match="0 is not in the range"):
        run("predict", "translation", SENTENCE, "--num-beams", "0", *where)
    with pytest.raises(BadParameter, match="1000 is not in the range"):
        run("predict", "translation", SENTENCE, "--num-beams", "1000", *where)
    with pytest.raises(UsageError, match=r"num_beams is 1,?000, more than the model has tokens"):
        explain(seqtasks.load(learned.folder), b"a", BeamOptions(1000))
    with pytest.raises(UsageError, match="num_beams is at least 1, not 0"):
        explain(seqtasks.load(learned.folder), b"a", BeamOptions(0))


def test_evaluate_tells_bleu_with_signatures(learned: Learned):
    metrics = json.loads((learned.folder / "metrics.json").read_text())
    assert metrics["headline"] == "bleu"
    assert metrics["bleu"] > 90
    assert "tok:13a" in metrics["signatures"]["bleu"]
    assert "signature of bleu" in learned.printed
    page = (learned.folder / "report.html").read_text()
    for title in ("Best translations", "Worst translations", "source: "):
        assert title in page
    assert (learned.folder / "predictions.csv").exists()
