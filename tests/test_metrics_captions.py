"""Figures of captions. The expected ones were computed with pycocoevalcap 1.2 from the same words."""

from __future__ import annotations

import numpy as np
import pytest

from seqtasks.metrics import captions
from seqtasks.metrics.report import Sample
from seqtasks.task import Examples

WRITTEN = (
    "A red circle above a blue square.",
    "a dog runs on the green grass",
    "Two children are playing",
    "a man",
    "the the the the the the",
)
REFERENCES = (
    ("A red circle is above a blue square.", "a circle, red, over a square", "A red circle above a blue one"),
    ("A dog is running on grass.", "the brown dog runs across the green grass"),
    ("Two kids playing in a park", "Children are playing with a ball.", "two children play"),
    ("A man in a t-shirt rides a bicycle down the street.",),
    ("The cat is on the mat.", "the cat and the dog"),
)


def test_words_are_small_and_without_signs():
    assert captions.words("A man's T-shirt: naïve, 2 dogs .") == ["a", "man's", "t", "shirt", "naïve", "2", "dogs"]
    assert captions.words("हिन्दी cafe\u0301 snake_case 'so'") == ["हिन्दी", "cafe\u0301", "snake", "case", "so"]


def test_as_the_field_s_own_scorer():
    found = captions.overlap(WRITTEN, REFERENCES)
    assert found["cider_d"] == pytest.approx(2.206748342818762, abs=1e-9)
    assert found["rouge_l"] == pytest.approx(0.585784352812816, abs=1e-9)
    expected = [0.6220427912220374, 0.5521409593518602, 0.46112249147133033, 0.39370836998865655]
    assert [found[f"bleu_{order}"] for order in range(1, 5)] == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("place", "expected"), list(enumerate([5.29290023, 2.59282749, 2.40182938, 0.43094229, 0.31524233]))
)
def test_each_sentence_s_share(place: int, expected: float):
    """What is lost from the sum when one sentence is empty is its share."""
    ours = [captions.words(each) for each in WRITTEN]
    theirs = [[captions.words(each) for each in several] for several in REFERENCES]
    without = [[] if place == number else each for number, each in enumerate(ours)]
    assert 5 * (captions.cider_d(ours, theirs) - captions.cider_d(without, theirs)) == pytest.approx(expected, abs=1e-7)


def test_the_same_sentence_is_worth_all_there_is():
    whole = captions.overlap([each[0] for each in REFERENCES], [each[:1] for each in REFERENCES])
    assert [whole[name] for name in ("bleu_1", "bleu_4", "rouge_l")] == pytest.approx([1, 1, 1])
    assert whole["cider_d"] == pytest.approx(10)


def test_nothing_in_common_is_worth_nothing():
    assert set(captions.overlap(["xyz"], [["a b c"]]).values()) == {0.0}
    assert captions.overlap(["", "a b"], [["a b c"], ["a c"]])["rouge_l"] > 0


def test_figures_of_sentences():
    answers = ["A dog runs.", "a dog runs", "a cat"]
    references = [["a dog runs"], ["a man"], ["the cat", "a cat sits"]]
    found = captions.captions(answers, references, ["a cat", "nothing"])
    assert found["exact_match"] == pytest.approx(1 / 3)
    assert found["novelty"] == pytest.approx(2 / 3)
    assert found["unique"] == pytest.approx(2 / 3)
    assert 0 < found["bleu_1"] < 1


def test_a_report_lists_answers_with_their_references():
    examples = Examples(np.array([b"1", b"2"], object), np.array(["a dog\nthe dog", "a cat"], object))
    report = captions.report(
        examples,
        ["a dog", "a bird"],
        np.array([-0.51234, -2]),
        ["a bird\na fish"],
        lambda those: [each * 2 for each in those],
    )
    assert report.size == (2, "examples")
    assert report.figures["exact_match"] == 0.5
    assert report.figures["novelty"] == 0.5
    assert report.figures[report.headline] == 0
    assert report.tables["predictions.csv"].to_csv(index=False).splitlines() == [
        "row,caption,score,reference_1,reference_2", "1,a dog,-0.5123,a dog,the dog", "2,a bird,-2.0,a cat,"
    ]  # fmt: skip
    worst, first = report.sections
    assert [sample.text for sample in worst.samples] == ["a bird", "a dog"]
    assert first.samples == [Sample("a dog", ["a dog", "the dog"], b"11"), Sample("a bird", ["a cat"], b"22")]
