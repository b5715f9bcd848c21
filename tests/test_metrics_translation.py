"""Figures of translations, held to sacrebleu's own."""

from __future__ import annotations

import numpy as np
import pytest
import sacrebleu

from seqtasks.metrics import translation
from seqtasks.task import Examples

ANSWERS = ["The red house is not for sale.", "he sees a car", "we sang all night long together"]
REFERENCES = [
    ["The red house is not for sale.", "That red house isn't for sale."],
    ["He sees a car."],
    ["No idea at all"],
]


def test_figures_are_sacrebleu_s():
    found, signatures = translation.figures(ANSWERS, REFERENCES)
    padded = [[row[place] if place < len(row) else None for row in REFERENCES] for place in (0, 1)]
    assert found["bleu"] == sacrebleu.corpus_bleu(ANSWERS, padded).score
    assert found["bleu_lc"] == sacrebleu.corpus_bleu(ANSWERS, padded, lowercase=True).score
    assert found["chrf"] == sacrebleu.corpus_chrf(ANSWERS, padded).score
    assert found["bleu_lc"] > found["bleu"] > 0
    assert found["exact_match"] == pytest.approx(1 / 3)
    assert "case:mixed|eff:no|tok:13a" in signatures["bleu"]
    assert "case:lc" in signatures["bleu_lc"]
    assert signatures["chrf"].startswith("nrefs:")


def test_all_references_of_a_source_count():
    other = [[*reversed(REFERENCES[0])], *REFERENCES[1:]]
    assert translation.bleu(ANSWERS, other) == translation.bleu(ANSWERS, REFERENCES)
    assert translation.bleu(ANSWERS, [each[:1] for each in other]) < translation.bleu(ANSWERS, REFERENCES)


def test_a_report_has_a_table_lengths_and_the_best_and_the_worst():
    inputs = np.array([b"Das rote Haus ist nicht zu verkaufen.", b"er sieht ein Auto", b"\xff?"], object)
    targets = np.array(["\n".join(each) for each in REFERENCES], object)
    report = translation.report(Examples(inputs, targets), ANSWERS, np.array([-1.5, -2, -3]), np.array([8, 4, 31]))
    table = report.tables["predictions.csv"]
    assert [*table.columns] == ["row", "source", "answer", "reference_1", "reference_2", "score", "chrf"]
    assert table["reference_2"].tolist() == [REFERENCES[0][1], "", ""]
    assert table["chrf"][0] == 100
    assert {name: size for name, (_, size) in report.breakdowns.items()} == {
        "up to 5 steps": 1, "up to 10 steps": 1, "more than 30 steps": 1
    }  # fmt: skip
    best, worst, first = report.sections
    assert [each.text for each in best.samples] == ANSWERS[:2]
    assert [each.text for each in worst.samples] == [ANSWERS[2], ANSWERS[1]]
    assert first.samples[0].notes == [f"source: {inputs[0].decode()}", *REFERENCES[0]]
    assert dict(report.lines)["signature of bleu"] == report.figures["signatures"]["bleu"]


def test_answers_of_nothing_are_measured():
    found, _ = translation.figures(["", ""], [["a cat"], ["a dog"]])
    assert found == {"bleu": 0, "bleu_lc": 0, "chrf": 0, "exact_match": 0}
