"""What an answer hangs on: words left out, letters, attention, nats of tokens; on a page or drawn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqtasks
from seqtasks.errors import UsageError
from seqtasks.inference import explain, generation, occlusion
from seqtasks.inference.explanation import Explanation, Legend, log_odds
from seqtasks.inference.manifest import EndpointSchema
from seqtasks.inference.predictor import Predictor
from tests.conftest import Learned, run
from tests.test_predict import MANIFEST
from tests.test_report_page import stands_alone

TEXTS = [
    "", " ", "one", "A film, not bad.", "  two\n\nlines \t", "well-made<br /><br />It's 7/10", "हिन्दी cafe\u0301",
    "好看的電影 is", "a < b > c", "😀👍🏽", "x\0y",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_joined_are_the_text(text: str):
    assert "".join(occlusion.split(text)) == text
    assert "".join(occlusion.grouped(occlusion.split(text), 2)) == text


def test_pieces_are_words_signs_and_tags_with_the_space_before_them():
    assert occlusion.split("A film's end,<br />2 go. ") == ["A", " film's", " end", ",", "<br />", "2", " go", ". "]
    assert occlusion.split("हिन्दी cafe\u0301") == ["हिन्दी", " cafe\u0301"]
    assert occlusion.split("好看 ab好") == ["好", "看", " ab", "好"]


def test_neighbours_are_grouped_evenly():
    assert occlusion.grouped(["a", "b", "c"], 5) == ["a", "b", "c"]
    assert [len(each) for each in occlusion.grouped(["x"] * 10, 4)] == [2, 3, 3, 2]


def test_what_remains_does_not_grow_together():
    pieces = ["well", "-", "made", " film", "."]
    assert occlusion.remaining(pieces, np.array([True] * 5)) == "well-made film."
    assert occlusion.remaining(pieces, np.array([True, False, True, True, False])) == "well made film"
    assert occlusion.remaining(pieces, np.array([False] * 5)) == ""


WEIGHTS = {"good": 2.0, "bad": -1.5, "film": 0.25}


def of_words(texts: Sequence[str]) -> list[float]:
    """Log odds that are a sum over words."""
    return [sum(WEIGHTS.get(word, 0) for word in text.split()) - 0.3 for text in texts]


def of_pairs(texts: Sequence[str]) -> list[float]:
    """Those of a model for which "not" turns what follows round."""
    return [3.0 * ("good" in text) - 5.0 * ("not good" in text) + 0.01 * len(text.split()) ** 2 for text in texts]


def test_where_words_add_up_each_has_its_own_weight():
    effects, change = occlusion.effects(["a", " good", " film", " bad"], of_words)
    np.testing.assert_allclose(effects, [0, 2, 0.25, -1.5], atol=1e-12)
    assert change == pytest.approx(0.75)


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_effects_add_up_to_the_change_of_the_log_odds(count: int):
    pieces = [f" {word}" for word in (["not", "good", "film"] * count)[:count]]
    effects, change = occlusion.effects(pieces, of_pairs)
    assert change == of_pairs(["".join(pieces)])[0] - of_pairs([""])[0]
    assert effects.sum() == pytest.approx(change, rel=1e-9)
    assert (effects == occlusion.effects(pieces, of_pairs)[0]).all()  # chance has a seed


def test_two_words_that_work_together_share_what_they_do():
    effects, _ = occlusion.effects(["not", " good"], lambda texts: [4.0 * (text == "not good") for text in texts])
    assert effects.tolist() == [2, 2]


def test_an_explanation_costs_so_many_answers_and_no_more():
    asked: list[str] = []

    def ask(texts: Sequence[str]) -> list[float]:
        asked.extend(texts)
        return [0.0] * len(texts)

    occlusion.effects([f" {number}" for number in range(occlusion.MAX_PIECES)], ask)
    assert len(asked) == len(set(asked)) <= occlusion.TEXTS
    assert [len(text) for text in asked] == sorted(map(len, asked))  # so that little is computed on padding
    assert occlusion.effects([], ask)[1] == 0


def test_log_odds_keep_their_digits_where_an_answer_is_certain():
    answer = {"answer": "a", "probabilities": {"a": 1.0, "b": 1e-12, "c": 1e-12}}
    assert log_odds(answer, "a") == pytest.approx(-np.log(2e-12))
    with pytest.raises(UsageError, match="these answers have none"):
        log_odds({"answer": "a"}, "a")


class Planted:
    """An export that knows one word."""

    manifest = dataclasses.replace(
        MANIFEST, endpoints={"serve": EndpointSchema({}, {}, ("probabilities",), ("answer",))}, inputs={"codec": "text"}
    )

    def __call__(self, values: Sequence[str | bytes]) -> list[dict[str, Any]]:
        texts = [value.decode(errors="replace") if isinstance(value, bytes) else value for value in values]
        found = [0.9 if "good" in text else 0.2 for text in texts]
        return [{"answer": "up" if p > 0.5 else "down", "probabilities": {"up": p, "down": 1 - p}} for p in found]


def test_a_text_s_words_are_explained_on_a_page_that_stands_alone():
    found = explain.explain(Planted(), b"a <b>good</b> film")  # type: ignore[arg-type]
    assert found.pieces[int(found.effects.argmax())] == "good"
    assert found.effects.max() == pytest.approx(np.log(9) - np.log(0.25))
    assert found.change == pytest.approx(found.effects.sum())
    seen = stands_alone(found.html())
    assert not seen.of("b")
    assert "a <b>good</b> film" in seen.text
    assert "the 5 pieces add up to +3.5835" in seen.text


def test_of_a_long_text_neighbours_go_together_and_the_page_says_so():
    words = " ".join(["word"] * 700 + ["good"])
    found = explain.explain(Planted(), words.encode())  # type: ignore[arg-type]
    assert len(found.pieces) == occlusion.MAX_PIECES
    assert "".join(found.pieces) == words
    assert "Of 701 words and signs, neighbours are taken together: 300 pieces." in stands_alone(found.html()).text


def test_a_text_that_is_too_long_is_told():
    with pytest.raises(UsageError, match="for at most 50,000 characters, not 50,001; give a part of them"):
        explain.explain(Planted(), b"x" * 50_001)  # type: ignore[arg-type]


def test_nothing_and_bytes_that_are_no_text_are_explained():
    assert explain.explain(Planted(), b"").effects.tolist() == []  # type: ignore[arg-type]
    assert explain.explain(Planted(), b"good \xff").pieces == ("good", " \ufffd")  # type: ignore[arg-type]


def test_what_cannot_be_explained_is_told_in_a_line(tmp_path: Path):
    endpoints = {"serve": EndpointSchema({}, {}, (), ("answer",))}
    served = Predictor(None, dataclasses.replace(MANIFEST, endpoints=endpoints), Path("export"))
    with pytest.raises(UsageError, match="answers of juggling cannot be explained; --explain is for classes of texts"):
        served.explain("a")


class Counting:
    """A language model for which a token costs as many nats as tokens came before it."""

    def initial_state(self, rows: int) -> int:
        return 0

    def score(self, texts: Any, states: int) -> tuple[list[float], int]:
        return [float(states)], states + 1


@pytest.mark.parametrize(("level", "pieces"), [("character", ("a", "é", "\n", " ", "b")), ("word", ("aé", "\n", " b"))])
def test_each_token_of_a_text_has_its_cost(level: str, pieces: tuple[str, ...]):
    endpoints = {name: EndpointSchema({}, {}) for name in ("decode", "score")}
    manifest = dataclasses.replace(MANIFEST, endpoints=endpoints, inputs={"codec": "tokens", "level": level})
    found = explain.scored(Predictor(Counting(), manifest, Path("export")), "aé\n b".encode())
    assert found.pieces == pieces
    assert found.effects.tolist() == [*range(len(pieces))]
    assert found.answer["nats_per_character"] == sum(range(len(pieces))) / 5
    seen = stands_alone(found.html())
    assert f"Nats of each {level}" in seen.text
    assert "\u21b5\n" in seen.text
    long = explain.scored(Predictor(Counting(), manifest, Path("export")), b"ab " * 1_000)
    assert "The first 2,000 of 3,000 characters are shown." in long.html()


def test_a_text_is_no_picture(tmp_path: Path):
    found = Explanation({"answer": "up"}, ("a",), np.ones(1), 1.0, Legend("up", "so"))
    with pytest.raises(UsageError, match=r"out\.png is to be a picture, .* end its name in \.html"):
        found.write(tmp_path / "out.png")
    found.write(tmp_path / "out.HTML")
    assert [path.name for path in tmp_path.iterdir()] == ["out.HTML"]


# --- of exports -------------------------------------------------------------------------------------------------------


def test_a_learned_review_hangs_on_its_words(learned_of: Callable[[str], Learned], tmp_path: Path):
    learned = learned_of("sentiment")
    text = "The plot is dull and the acting is wooden."
    served = seqtasks.load(learned.folder)
    found = served.explain(text)
    assert found.change is not None
    assert found.effects.sum() == pytest.approx(found.change, rel=0.01)
    less = occlusion.remaining(found.pieces, np.arange(len(found.pieces)) != found.effects.argmax())
    before, after = served([text, less])
    assert after["probabilities"][before["answer"]] < before["probability"]
    page = tmp_path / "out.html"
    printed = run("predict", "sentiment", text, "--explain", page, "--model", learned.folder).stdout
    assert printed == f"{before['answer']}\t{before['probability']:.4f}\n"
    assert text in stands_alone(page.read_text()).text


def test_letters_are_coloured_and_drawn_on_one_page(learned_of: Callable[[str], Learned]):
    found = seqtasks.load(learned_of("dna").folder).explain("acgttgca")
    assert found.pieces == tuple("ACGTTGCA")
    assert found.change is None
    assert len(stands_alone(found.html()).of("img")) == 1


def test_the_nats_of_characters_are_those_of_the_text(learned_of: Callable[[str], Learned], tmp_path: Path):
    learned = learned_of("text_generation")
    text = "FOX: Good day.\nA <b> ☃"
    (tmp_path / "a.txt").write_text(text)
    served = seqtasks.load(learned.folder)
    found = explain.scored(served, text.encode())
    assert "".join(found.pieces) == text
    assert found.effects.sum() == pytest.approx(generation.score(served, [text.encode()])[0], rel=1e-4)
    run("score", tmp_path / "a.txt", "--explain", tmp_path / "out.html", "--model", learned.folder)
    assert "A␣<b>␣☃" in stands_alone((tmp_path / "out.html").read_text()).text
    with pytest.raises(UsageError, match="cannot be explained"):
        served.explain(text)


@pytest.mark.thorough
def test_the_benchmark_runs(tmp_path: Path):
    from seqtasks.benchmarks import explain as benchmark
    from seqtasks.task import SAMPLE, Folders

    result = benchmark.run(Folders((str(tmp_path),)), lambda text: None, dataset=SAMPLE)
    assert [row["ranking"] for row in result["rows"]] == ["ours", "one word left out", "random"]
    assert result["rows"][0]["error_of_sum_at_most"] < 0.01
