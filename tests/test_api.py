"""`import seqtasks` in a notebook: the same as the command line, with tables in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import seqtasks
from seqtasks.errors import BusyError, InputError, UsageError
from seqtasks.files import lock
from seqtasks.inference.predictor import Predictor
from tests.conftest import Learned, quickly
from tests.samples import UNCOMPILED

SMALL: dict[str, Any] = UNCOMPILED | {
    "embedding_dim": 8, "bidirectional": False, "epochs": 1, "min_steps_per_epoch": 2, "adversarial_epsilon": 0.0,
}  # fmt: skip
ROWS = [(f"it was {mood} {number}", label) for number in range(20) for mood, label in (("fine", "a"), ("bad", "b"))]
TABLE = pd.DataFrame(ROWS, columns=["text", "label"])


def silent(text: str) -> None:
    """Says nothing."""


def train(folder: Path, data: Any, **more: Any) -> seqtasks.Run:
    where = {"model": folder / "model", "data_dir": folder / "datasets", "notice": silent}
    return seqtasks.train("sentiment", data, **where, **{**SMALL, **more})


@pytest.mark.trains
def test_a_notebook_from_a_table_to_answers(tmp_path: Path):
    run = train(tmp_path, TABLE)
    assert repr(run).startswith("<Run sentiment on ")
    assert "<th>best epoch</th>" in run._repr_html_()
    assert run.history["epoch"].tolist() == [1]
    assert [*run.steps] == ["epoch", "step", "loss", "learning_rate", "gradient_norm"]
    ids, lengths = run.encode(["it was fine", "it was"])
    assert (ids.shape, lengths.tolist()) == ((2, 3), [3, 2])
    report = run.evaluate("validation")
    assert 0 <= report.figures[report.headline] <= 1
    before = run.card
    assert train(tmp_path, ROWS).card == before  # the same rows as pairs: a cell that is run twice
    assert train(tmp_path, {"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]}).card == before
    with pytest.raises(UsageError, match=r"holds a trained model with settings\.dropout"):
        train(tmp_path, TABLE, dropout=0.25)
    served = run.predictor()
    assert repr(served).startswith("<Predictor sentiment on ")
    series = pd.Series(["it was fine", "it was bad"], index=["x", "y"])
    answers = served(series)
    assert answers.index.tolist() == ["x", "y"]
    assert served("it was fine") == served(["it was fine"])[0]
    assert answers["answer"].tolist() == [each["answer"] for each in served(series.tolist())]
    assert seqtasks.restore(tmp_path / "model").card == before


@pytest.mark.parametrize(
    ("data", "more", "said"),
    [
        (TABLE.rename(columns={"text": "words"}), {}, "data has no column that is known to hold the inputs"),
        (TABLE, {"label_column": "stars"}, "data has no column 'stars'; it has text, label"),
        (pd.DataFrame({"text": ["one", None], "label": ["a", "b"]}), {}, "data row 2 has no text; fill it in"),
        (pd.DataFrame({"text": ["one", "two"], "label": [1.0, np.nan]}), {}, "data row 2 has no label"),
        (TABLE[:0], {}, "data have no rows; give some"),
        (TABLE[TABLE.label == "a"], {}, "has one class only, 'a'; give examples of at least two"),
        ([("one", "a", "b")], {}, "data have a row of 3 values; give dictionaries, or pairs of input and target"),
        (b"text", {}, "data are a bytes; give a path, a table, or rows"),
        (5, {}, "data are a int; give a path"),
        ([1, 2], {}, "data have a row of 1 value; give dictionaries, or pairs"),
        ({"text": "abc"}, {}, "data have a str as column 'text'; give a list of values"),
        ({"text": ["a", "b"], "label": ["x"]}, {}, "columns of unequal lengths (text 2, label 1)"),
        ([{"text": ["a"], "label": "x"}], {}, "data row 1 has a list or an object as text; give one text"),
        ("no such file.csv", {}, "no such file.csv does not exist"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_used_are_told_of_by_row_and_column(
    data: Any, more: dict[str, Any], said: str, tmp_path: Path
):
    with pytest.raises(InputError) as raised:
        train(tmp_path, data, **more)
    assert said in str(raised.value)
    assert not (tmp_path / "model").exists()


def test_what_is_unknown_is_a_usage_error_with_the_nearest_name(tmp_path: Path):
    with pytest.raises(UsageError, match="unknown task 'sentimant'; did you mean sentiment"):
        seqtasks.train("sentimant")
    with pytest.raises(UsageError, match="did you mean units"):
        train(tmp_path, TABLE, unit=3)
    with pytest.raises(UsageError, match="no trained model in "):
        seqtasks.restore(tmp_path)
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = seqtasks.trian


def test_a_folder_in_use_is_told_of(tmp_path: Path):
    with lock(tmp_path / "model"), pytest.raises(BusyError, match="is in use by process"):
        train(tmp_path, TABLE)


def test_settings_are_a_table():
    found = seqtasks.settings("sentiment")
    assert found.loc["units", "value"] == 64
    assert found.loc["units", "meaning"] == "units of each recurrent layer, in each direction"


@pytest.mark.trains
@quickly("text_generation")
def test_a_predictor_goes_on_with_a_text(learned: Learned):
    served: Predictor = seqtasks.load(learned.folder)
    if "decode" not in served.manifest.endpoints:
        with pytest.raises(UsageError):
            served.generate("Hi")
        return
    text = served.generate("TOAD: Good day", max_new_tokens=12, temperature=0)
    assert 0 < len(text) <= 12
    assert "".join(served.stream("TOAD: Good day", max_new_tokens=12, temperature=0)) == text
