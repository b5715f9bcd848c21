"""`seqtasks doctor` and `seqtasks info`: what is ill is named, with what to do; what is well is described."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from seqtasks.cli import diagnostics
from seqtasks.errors import IntegrityError, UsageError
from seqtasks.task import Folders
from tests.conftest import Learned, run


def states(folder: Path) -> dict[str, str]:
    return {Path(each.what).name: each.state for each in diagnostics.model(folder)}


def test_a_healthy_model_is_healthy(copied: Learned):
    assert states(copied.folder) == {copied.folder.name: "ok", "1": "ok"}


def test_what_is_damaged_is_named_with_what_to_do(copied: Learned, tmp_path: Path):
    with (copied.folder / "model.weights.h5").open("ab") as file:
        file.write(b"!")
    (copied.folder / "serving" / "1" / "saved_model.pb").unlink()
    training = copied.folder / "training"
    training.mkdir()
    (training / "run.json").write_text("{}")
    ill = {Path(each.what).name: each for each in diagnostics.model(copied.folder) if each.state == "bad"}
    assert "model.weights.h5" in ill[copied.folder.name].found
    assert "train again" in ill[copied.folder.name].remedy
    assert "saved_model.pb" in ill["1"].found
    assert "export again" in ill["1"].remedy
    (unfinished,) = [each for each in diagnostics.model(copied.folder) if each.state == "note"]
    assert "go on with the same command" in unfinished.remedy
    shutil.copytree(copied.folder, tmp_path / "models" / "one")
    with pytest.raises(IntegrityError, match=r"2 of \d+ are not as they should be"):
        run("doctor", "--models", tmp_path / "models", "--data-dir", tmp_path / "datasets")


def test_the_machine_and_the_data_sets_are_looked_at(tmp_path: Path):
    printed = run("doctor", "--models", tmp_path / "none", "--data-dir", tmp_path, "--json").output
    found = {each["what"]: each for each in json.loads(printed)}
    assert {"Python", "tensorflow", "keras", "devices", "disk", "imdb_reviews"} <= set(found)
    assert found["imdb_reviews"]["state"] == "note"
    assert "seqtasks download sentiment" in found["imdb_reviews"]["remedy"]


def test_a_data_set_that_lacks_a_file_is_ill(tmp_path: Path):
    folder = tmp_path / "imdb_reviews" / "plain_text" / "1.0.0"
    folder.mkdir(parents=True)
    splits = [{"name": "train", "shardLengths": ["5", "5"]}]
    (folder / "dataset_info.json").write_text(json.dumps({"fileFormat": "tfrecord", "splits": splits}))
    for number in range(2):
        (folder / f"imdb_reviews-train.tfrecord-0000{number}-of-00002").write_bytes(b"rows")
    folders = Folders((str(tmp_path),))
    assert diagnostics._dataset("imdb_reviews", "sentiment", folders).state == "ok"
    (folder / "imdb_reviews-train.tfrecord-00001-of-00002").write_bytes(b"")
    found = diagnostics._dataset("imdb_reviews", "sentiment", folders)
    assert found.state == "bad"
    assert "00001-of-00002 is missing or empty" in found.found
    (folder / "dataset_info.json").write_text("{")
    assert diagnostics._dataset("imdb_reviews", "sentiment", folders).state == "bad"


def test_info_tells_what_an_export_is(copied: Learned):
    printed = run("info", copied.folder).output
    assert f"{copied.name} on sample, saved-model" in printed
    assert "serve(values string (?)) -> answer string" in printed
    assert "  example: " in printed
    (manifest,) = json.loads(run("info", copied.folder / "serving" / "1", "--json").output)
    assert manifest["task"] == copied.name
    with (copied.folder / "serving" / "1" / "saved_model.pb").open("ab") as file:
        file.write(b"!")
    with pytest.raises(IntegrityError, match=r"saved_model\.pb does not match"):
        run("info", copied.folder)


def test_info_of_no_export_says_so(tmp_path: Path):
    with pytest.raises(UsageError, match="no export in"):
        run("info", tmp_path)
