"""report.html: all that an evaluation and a training left, on one page that needs nothing else."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from seqtasks import files
from seqtasks.data.readers import Options
from seqtasks.data.user import Source
from seqtasks.metrics import classification, page
from seqtasks.metrics.report import Report, Sample, Section
from seqtasks.training import report_page
from seqtasks.training.card import Card
from tests.conftest import Learned

MARKUP = "<script>alert('&')</script>"
HISTORY = pd.DataFrame({"epoch": [1, 2], "loss": [0.7, 0.5], "val_loss": [0.8, 0.6]})
STEPS = pd.DataFrame(
    {"epoch": [1, 1, 2], "step": [1, 2, 1], "loss": [0.9, 0.7, 0.5], "learning_rate": 0.1, "gradient_norm": 1.5}
)


class Seen(HTMLParser):
    """The tags of a page, with their attributes, and its text."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def stands_alone(content: str) -> Seen:
    """The page, which has a language, a title and words for every picture, and neither scripts nor addresses."""
    seen = Seen(content)
    assert seen.of("html") == [{"lang": "en"}]
    assert len(seen.of("title")) == 1
    assert all(image["alt"] for image in seen.of("img"))
    assert not seen.of("script") + seen.of("link") + seen.of("iframe")
    for _, attributes in seen.tags:
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:")
        assert not any(name.startswith("on") for name in attributes)
    assert "url(" not in content
    assert "@import" not in content
    return seen


@pytest.fixture
def trained(tmp_path: Path) -> Any:
    """A model's folder with what a training leaves, but for the model."""
    HISTORY.to_csv(tmp_path / "history.csv", index=False)
    STEPS.to_csv(tmp_path / "steps.csv", index=False)
    card = Card(
        task="sentiment", dataset="sample", fingerprint="ab", settings={"units": 8, "lowercase": False}, inputs={},
        targets={}, rows={"train": 1_000}, dropped={"train, also in test": 3}, seed=7, best={"epoch": 2, "loss": 0.5},
        seconds=12.0, files={path.name: files.sha256(path) for path in tmp_path.glob("*.csv")},
    )  # fmt: skip
    task = SimpleNamespace(name="sentiment")
    return SimpleNamespace(folder=tmp_path, card=card, task=task, model=SimpleNamespace(count_params=lambda: 1_234))


def shown(trained: Any, report: Report, dataset: str = "sample") -> str:
    result = {"dataset": dataset, "split": "test", **report.figures}
    for name, draw in report.pictures.items():
        draw(trained.folder / name)
    return report_page.html(trained, result, report)


def classes(*names: str) -> Report:
    targets = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.1, 0.9]])
    inputs = np.array([b"good", MARKUP.encode(), b"bad\0", b"worst\xff"], object)
    return classification.report(targets, probabilities, np.array([10, 150, 150, 900]), names, inputs)


def test_the_page_has_all_there_is_and_needs_nothing_else(trained: Any):
    seen = stands_alone(shown(trained, classes("a", "b")))
    words = [image["alt"] for image in seen.of("img")]
    assert words == [
        "Loss by step, learning rate and norm of the gradient", "confusion", "ROC curve of the class b",
        "Precision and recall of the class b",
        "Calibration in 15 bins: how often answers of a probability are right, and how many there are",
        "Lengths of the inputs, rightly and wrongly answered",
    ]  # fmt: skip
    for text in ("1,234", "0.7500", "3 of train, also in test", "seqtasks train sentiment --sample-data --seed 7"):
        assert text in seen.text
    assert "--set lowercase=false --model" in seen.text


def test_names_and_texts_are_shown_as_they_are(trained: Any):
    content = shown(trained, classes("<b>", 'a"b'), dataset=MARKUP)
    seen = stands_alone(content)
    assert not seen.of("b")
    assert seen.text.count(MARKUP) >= 3  # in the title, among the samples and among the mistakes
    assert '<b>, 1 a"b' in seen.text
    assert "\0" not in content


def test_what_is_not_there_or_not_the_same_any_more_is_left_out(trained: Any):
    (trained.folder / "history.csv").write_bytes(b"\xff,,\n\n")
    (trained.folder / "steps.csv").unlink()
    seen = stands_alone(shown(trained, Report({"bits": 2.0}, headline="bits", size=(30, "characters"))))
    assert not seen.of("img")
    assert "Training" not in seen.text
    assert "measured on test: 30 characters" in seen.text


def test_a_pattern_adds_sections(trained: Any):
    samples = [Sample("a <i>dog</i>\nruns", ["a dog"], b"\xff\xd8\xff..."), Sample("a cat\ud800")]
    table = pd.DataFrame({"name": ["x" * 1_000] * 30, "count": range(1_000, 1_030)})
    report = Report(
        {"bleu": 0.25}, headline="bleu", size=(2, "examples"), tables={"many.csv": table},
        sections=[Section("Samples", "Some.", samples=samples)],
    )  # fmt: skip
    seen = stands_alone(shown(trained, report))
    assert "a <i>dog</i>\nruns" in seen.text
    assert "a cat\ufffd" in seen.text
    assert [image["src"] for image in seen.of("img")][1:] == ["data:image/jpeg;base64,/9j/Li4u"]
    assert "the first 20 of 30 rows, which are in many.csv" in seen.text
    assert "x" * 401 not in seen.text
    assert "1,019" in seen.text
    assert "1,020" not in seen.text


def test_the_commands_name_a_person_s_own_file_and_how_it_is_read(trained: Any):
    options = Options(input_column="my text", separator=";", header=False, ignore_labels=("?", "-"), on_invalid="skip")
    source = Source("/data/a b.csv", "/data/test.csv", options)
    card = Card(**{**vars(trained.card), "source": {**vars(source), "options": vars(options)}, "settings": {}})
    train, evaluated, exported = report_page.commands(card, Path("m"), "test")
    assert train == (
        "seqtasks train sentiment --data '/data/a b.csv' --input-column 'my text' --separator ';' "
        "--test-data /data/test.csv --ignore-label '?' --ignore-label - --on-invalid skip --no-header --seed 7 "
        "--model m"
    )
    assert evaluated == "seqtasks evaluate sentiment --split test --model m"
    assert exported == "seqtasks export sentiment --model m"


def test_values_are_written_as_people_read_them():
    values = [True, 12_345, np.int64(3), 0.0, 0.5, 0.001234, np.float32(1_234.5), None, "a"]
    expected = ["yes", "12,345", "3", "0.0000", "0.5000", "0.001234", "1,234.5000", "-", "a"]
    assert [page.text(value) for value in values] == expected
    assert page.signed(-0.5) == "\u22120.500"


def test_evaluate_leaves_the_page_of_every_task(learned: Learned):
    seen = stands_alone((learned.folder / "report.html").read_text())
    assert f"seqtasks train {learned.name} --sample-data --seed 1" in seen.text
    assert "Samples" in seen.text
    assert "loss by epoch, in training and on validation" in [image["alt"] for image in seen.of("img")]
