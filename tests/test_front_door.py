"""Nothing stale is shown as current, nothing finished is overwritten: what a person meets first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import seqtasks
from seqtasks.errors import InputError, IntegrityError, UsageError
from seqtasks.training import card as cards
from tests.conftest import Learned, quickly, run, sets
from tests.samples import UNCOMPILED

pytestmark = pytest.mark.trains

SMALL = sets(
    UNCOMPILED
    | {
        "embedding_dim": "8",
        "bidirectional": "no",
        "epochs": "1",
        "min_steps_per_epoch": "2",
        "adversarial_epsilon": "0",
    }
)
ROWS = "".join(
    f"it was {mood} {number},{label}\n" for number in range(20) for mood, label in (("fine", "a"), ("bad", "b"))
)


@pytest.fixture
def trained(tmp_path: Path) -> list[object]:
    """A person's file, trained on; the options that say where."""
    (tmp_path / "a.csv").write_text("text,label\n" + ROWS)
    where = ["--model", tmp_path / "model", "--data-dir", tmp_path / "datasets"]
    run("train", "sentiment", "--data", tmp_path / "a.csv", *where, *SMALL)
    return where


def test_what_is_trained_is_not_trained_again_nor_overwritten(trained: list[object], tmp_path: Path):
    before = cards.read(tmp_path / "model")
    command = ["train", "sentiment", "--data", tmp_path / "a.csv", *trained, *SMALL]
    again = run(*command)
    assert "is trained already, with these settings and data; --fresh trains it anew" in again.stderr
    assert cards.read(tmp_path / "model") == before
    with pytest.raises(UsageError, match=r"holds a trained model with settings.dropout 0.5 \(now 0.1\); .* --fresh"):
        run(*command, "--set", "dropout=0.1")
    with pytest.raises(UsageError, match=r"with seed 0 \(now 1\)"):
        run(*command, "--seed", "1")
    assert cards.read(tmp_path / "model") == before
    run(*command, "--set", "dropout=0.1", "--fresh")
    assert cards.read(tmp_path / "model").settings["dropout"] == 0.1
    steps = (tmp_path / "model" / "steps.csv").read_text().splitlines()
    assert steps[0] == "epoch,step,loss,learning_rate,gradient_norm"
    assert len(steps) == 1 + 2


def test_data_that_have_changed_are_told_of(trained: list[object], tmp_path: Path):
    command = ["evaluate", "sentiment", "--model", trained[1], "--data-dir", trained[3]]
    assert "has changed" not in run(*command, "--strict").stderr
    (tmp_path / "a.csv").touch()  # as a copy is
    assert "has changed" not in run(*command).stderr
    (tmp_path / "a.csv").write_text("text,label\n" + ROWS + "it was new,a\n")
    said = "a.csv has changed since .* was trained on it"
    assert "rows that it was trained on may stand in this split now" in run(*command).stderr
    with pytest.raises(IntegrityError, match=said):
        run(*command, "--strict")


@quickly("sentiment")
def test_what_is_older_than_the_weights_is_told_of(copied: Learned, monkeypatch: pytest.MonkeyPatch):
    folder, name = copied.folder, copied.name
    monkeypatch.chdir(folder.parent)
    (Path("saved_models")).mkdir()
    folder.rename(Path("saved_models") / name)
    folder = Path("saved_models") / name
    assert "earlier" not in run("list").stdout
    (folder / "training").mkdir(exist_ok=True)
    card = cards.read(folder)
    weights = folder / cards.WEIGHTS
    with weights.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    value = json.loads((folder / "card.json").read_bytes())
    from seqtasks import files

    value["files"][cards.WEIGHTS] = files.sha256(weights)
    value.pop("sha256")
    (folder / "card.json").write_text(files.as_json(files.with_checksum(value)))
    assert cards.read(folder) != card
    said = f'is of an earlier training of {name}; run "seqtasks export {name}"'
    assert said in run("predict", name, "A fine film.").stderr
    assert f"OLD: saved_models/{name}/serving/1 {said}" in run("info", name).stdout
    listed = run("list").stdout
    assert "1, of earlier weights" in listed
    assert "(test), of earlier weights" in listed
    assert "is of an earlier training" in run("doctor").stdout
    with pytest.warns(UserWarning, match="is of an earlier training"):
        seqtasks.load(folder)


def test_settings_come_from_a_file_or_from_another_model(trained: list[object], tmp_path: Path):
    (tmp_path / "mine.toml").write_text('dropout = 0.25\n[sentiment]\nunits = 32\ncell = "lstm"\n')
    printed = run("train", "sentiment", "--config", tmp_path / "mine.toml", "--cell", "gru", "--print-config").stdout
    assert {"dropout = 0.25", "units = 32", 'cell = "gru"'} <= set(printed.splitlines())
    (tmp_path / "all.toml").write_text(printed)
    assert run("train", "sentiment", "--config", tmp_path / "all.toml", "--print-config").stdout == printed
    like = run("train", "sentiment", "--like", tmp_path / "model", "--print-config").stdout
    assert {"units = 256", "embedding_dim = 8", "epochs = 1"} <= set(like.splitlines())
    (tmp_path / "wrong.toml").write_text("unit = 3\n")
    with pytest.raises(UsageError, match="did you mean units"):
        run("train", "sentiment", "--config", tmp_path / "wrong.toml", "--print-config")
    (tmp_path / "none.toml").write_text("units: 3\n")
    with pytest.raises(InputError, match=r"none\.toml is no TOML file"):
        run("train", "sentiment", "--config", tmp_path / "none.toml", "--print-config")
    with pytest.raises(InputError, match=r"nowhere\.toml cannot be read \(No such file"):
        run("train", "sentiment", "--config", tmp_path / "nowhere.toml", "--print-config")
    with pytest.raises(UsageError, match="holds a trained sentiment, not dna"):
        run("train", "dna", "--like", tmp_path / "model", "--print-config")


def test_a_bare_name_is_a_model_in_saved_models(trained: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved_models").mkdir()
    (tmp_path / "model").rename(tmp_path / "saved_models" / "mine")
    assert [row["model"] for row in json.loads(run("list", "--json").stdout)][-1] == "mine"
    where = ["--data-dir", tmp_path / "datasets"]
    result = json.loads(run("evaluate", "sentiment", "--model", "mine", "--json", *where).stdout)
    assert result["dataset"] == "a.csv"
    made = json.loads(run("export", "sentiment", "--model", "mine", "--json").stdout)
    assert made["export"] == "saved_models/mine/serving/1"
    (answer,) = json.loads(run("predict", "sentiment", "it was fine", "--model", "mine", "--top", "2", "--json").stdout)
    assert {answer["answer"], answer["answer_2"]} == {"a", "b"}
    assert answer["probability"] + answer["probability_2"] == pytest.approx(1, abs=1e-5)
    assert len(run("predict", "sentiment", "it was fine", "--model", "mine", "--top", "2").stdout.split("\t")) == 4


def test_quiet_says_nothing_and_a_device_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    command = ["train", "sentiment", "--sample-data", "--model", tmp_path / "m", "--dry-run", "--units", "256"]
    assert run("--quiet", *command).stderr == ""
    for device in ("gpu:9", "gpu:x", "gpu:-1"):
        with pytest.raises(UsageError, match=r"unknown device 'gpu:.+'; .*choose from cpu"):
            run("--device", device, *command)
    monkeypatch.setenv("SEQTASKS_TRAIN_UNITS", "48")
    printed = run("train", "sentiment", "--print-config").stdout
    assert "units = 48" in printed.splitlines()
