"""Figures of merit by hand, and the report that an evaluation makes of them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from seqtasks.data.prepare import Data
from seqtasks.data.rows import ROWS
from seqtasks.metrics import classification
from seqtasks.metrics.likelihood import likelihood
from seqtasks.metrics.report import Report
from seqtasks.training import evaluate

TARGETS = np.array([0, 0, 1, 1])
PROBABILITIES = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.1, 0.9]])
LENGTHS = np.array([10, 150, 150, 900])
INPUTS = np.array([b"good", b"caf\xc3\xa9", b"bad", b"worst\xff"], object)


def test_classification_by_hand():
    measured = classification.measure(TARGETS, PROBABILITIES, LENGTHS, ("a", "b"))
    assert measured["accuracy"] == 0.75
    assert measured["errors"] == 1
    assert measured["confusion"] == [[1, 1], [0, 2]]
    assert measured["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert measured["mcc"] == pytest.approx(1 / math.sqrt(3))
    assert measured["roc_auc"] == 1.0
    assert measured["pr_auc"] == 1.0
    assert measured["accuracy_by_length"] == {
        "1-100": {"accuracy": 1.0, "rows": 1},
        "101-200": {"accuracy": 0.5, "rows": 2},
        "over 400": {"accuracy": 1.0, "rows": 1},
    }


def test_calibration_error_by_hand():
    confidences, right = np.array([0.9, 0.9, 0.6]), np.array([True, False, True])
    assert classification.calibration_error(confidences, right) == pytest.approx((2 * 0.4 + 0.4) / 3)


def test_roc_auc_is_not_defined_for_one_class():
    measured = classification.measure(np.array([0, 0]), PROBABILITIES[:2], LENGTHS[:2], ("a", "b"))
    assert measured["roc_auc"] is None
    assert measured["pr_auc"] is None


def test_likelihood_by_hand():
    found = likelihood(math.log(2) * 60, 20, 30)  # two bits a character, three a token
    assert found["characters"] == 30
    assert found["bits_per_character"] == pytest.approx(2)
    assert found["nats_per_character"] == pytest.approx(2 * math.log(2))
    assert found["perplexity"] == pytest.approx(8)


# --- reports ----------------------------------------------------------------------------------------------------------


def test_a_report_of_classes_has_their_figures_in_words_tables_and_pictures(tmp_path: Path):
    report = classification.report(TARGETS, PROBABILITIES, LENGTHS, ("a", "b"), INPUTS)
    assert report.figures == classification.measure(TARGETS, PROBABILITIES, LENGTHS, ("a", "b"))
    assert report.headline == "accuracy"
    assert report.size == (4, "examples")
    assert report.breakdowns == {"1-100 steps": (1.0, 1), "101-200 steps": (0.5, 2), "over 400 steps": (1.0, 1)}
    assert list(report.lines) == [("a answered as", "1 a, 1 b"), ("b answered as", "0 a, 2 b")]
    assert [*report.tables] == ["mistakes.csv"]
    assert [*report.pictures] == ["confusion.png"]
    report.pictures["confusion.png"](tmp_path / "drawn.png")
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")
    assert [section.title for section in report.sections] == ["Thresholds and calibration", "Lengths", "Samples"]
    shown = report.sections[2].table
    assert shown is not None
    assert shown["input"].tolist() == ["good", "café", "bad", "worst\ufffd"]


@pytest.mark.parametrize(("targets", "count"), [([0, 0, 0, 0], 2), ([0, 0, 1, 1], 4), ([2, 2, 0, 0], 4)])
def test_curves_are_drawn_of_classes_that_have_examples(targets: list[int], count: int, tmp_path: Path):
    probabilities = np.full((4, 3), 1 / 3)
    report = classification.report(np.array(targets), probabilities, LENGTHS, ("a", "b", "c"), INPUTS)
    drawn = {words: draw for section in report.sections for words, draw in section.pictures.items()}
    assert len(drawn) == count
    for draw in drawn.values():
        draw(tmp_path / "drawn.png")
        assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")


def test_mistakes_are_the_wrong_answers_the_most_confident_first():
    probabilities = np.array([[0.4, 0.6], [0.1, 0.9], [0.8, 0.2], [0.0, 1.0]])
    found = classification.mistakes(TARGETS, probabilities, ("a", "b"), INPUTS)
    assert found.to_dict("records") == [
        {"row": 2, "truth": "a", "answer": "b", "probability": 0.9, "input": "café"},
        {"row": 3, "truth": "b", "answer": "a", "probability": 0.8, "input": "bad"},
        {"row": 1, "truth": "a", "answer": "b", "probability": 0.6, "input": "good"},
    ]
    (worst,) = classification.mistakes(TARGETS[3:], probabilities[2:3], ("a", "b"), INPUTS[3:]).to_dict("records")
    assert worst["input"] == "worst\ufffd"


def test_where_nothing_is_wrong_the_table_of_mistakes_has_no_row():
    found = classification.mistakes(TARGETS, np.eye(2)[TARGETS], ("a", "b"), INPUTS)
    assert len(found) == 0
    assert list(found.columns) == ["row", "truth", "answer", "probability", "input"]


def test_no_more_mistakes_are_listed_than_anybody_reads():
    rows = classification.MAX_MISTAKES + 50
    shares = np.linspace(0.5, 0.99, rows)
    probabilities, inputs = np.stack([1 - shares, shares], axis=1), np.array([b"x"] * rows, object)
    found = classification.mistakes(np.zeros(rows, int), probabilities, ("a", "b"), inputs)
    assert found["row"].tolist() == list(range(rows, 50, -1))


def test_the_result_of_an_evaluation_is_the_report_s_figures_and_what_they_are_of():
    report = classification.report(TARGETS, PROBABILITIES, LENGTHS, ("a", "b"), INPUTS)
    result = evaluate.as_json(report, "sentiment", Data("imdb", ROWS, {}, {}, None), "test", "abc")
    about = {"task": "sentiment", "dataset": "imdb", "split": "test", "examples": 4, "headline": "accuracy"}
    assert result == about | dict(report.figures) | {"weights": "abc"}
    assert result[result["headline"]] == 0.75
    assert json.loads(json.dumps(result)) == result
    assert evaluate.files_of(report) == ["metrics.json", "mistakes.csv", "confusion.png", "report.html"]


def test_a_report_may_be_figures_alone():
    report = Report(likelihood(60.0, 20, 30), headline="bits_per_character", size=(30, "characters"))
    assert evaluate.files_of(report) == ["metrics.json", "report.html"]
    result = evaluate.as_json(report, "text_generation", Data("plays", ROWS, {}, {}, None), "test", "abc")
    assert result["characters"] == 30
    assert result[result["headline"]] == report.figures["bits_per_character"]
