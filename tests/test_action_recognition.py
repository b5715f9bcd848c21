"""Actions in recordings: the export's timeline, people's own files, the data set from files fetched by hand."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import seqtasks
from seqtasks.data import prepare
from seqtasks.data.datasets import msr_action3d
from seqtasks.data.readers import Options, folders
from seqtasks.data.samples import figures, films
from seqtasks.data.user import Source
from seqtasks.errors import InputError, IntegrityError
from seqtasks.task import Folders
from seqtasks.tasks import action_recognition
from tests.conftest import Learned, run

DRAWN = list(figures.draw(48))


@pytest.fixture(scope="module")
def learned(learned_of: Callable[[str], Learned]) -> Learned:
    return learned_of("action_recognition")


def test_the_timeline_ends_with_the_answer_and_knows_no_future(learned: Learned):
    served = seqtasks.load(learned.folder)
    contents = [content for content, _ in DRAWN[:4]]
    found = served.model.timeline(tf.constant(contents))
    answers = served.model.serve(tf.constant(contents))["probabilities"].numpy()
    lengths = found["lengths"].numpy()
    for row, length in enumerate(lengths):
        np.testing.assert_allclose(found["probabilities"][row, length - 1], answers[row], atol=1e-5)
    lines = contents[0].splitlines()
    begun = b"\n".join(lines[: len(lines) // 2])
    half = served.model.serve(tf.constant([begun]))["probabilities"].numpy()[0]
    seen = sum(not line.startswith(b"#") for line in lines[: len(lines) // 2])
    np.testing.assert_allclose(found["probabilities"][0, seen - 1], half, atol=1e-5)


def test_an_explanation_is_the_timeline(learned: Learned, tmp_path: Path):
    path = tmp_path / "wave.txt"
    path.write_bytes(DRAWN[2][0])
    run("predict", "action_recognition", path, "--explain", tmp_path / "a.png", "--model", learned.folder)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    explained = seqtasks.load(learned.folder).explain(DRAWN[2][0])
    assert "on the answer is" in explained.legend.notes[0]
    assert "Probabilities after each moment" in explained.html()


# --- people's own -----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a folder a class."""
    for number, (content, action) in enumerate(DRAWN):
        place = tmp_path / "own" / action
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_bytes(content)
    (tmp_path / "own" / ".DS_Store").touch()
    return tmp_path / "own"


def test_a_folder_a_class_is_read(folder: Path, tmp_path: Path):
    data = prepare.read(action_recognition.TASK, Source(str(folder)), Folders((str(tmp_path / "d"),)), print)
    assert sum(data.sizes.values()) == len(DRAWN)
    assert set(data.examples["train"].targets[:]) == set(figures.ACTIONS)
    assert set(data.examples["train"].inputs[:]) < {content for content, _ in DRAWN}


def test_a_table_of_paths_is_read(folder: Path, tmp_path: Path):
    rows = [f"own/{row.fields['path'].partition('/')[2]},{row.fields['label']}" for row in folders.files(folder, ())]
    (tmp_path / "table.csv").write_text("\n".join(["path,label", *rows]))
    source = Source(str(tmp_path / "table.csv"))
    data = prepare.read(action_recognition.TASK, source, Folders((str(tmp_path / "d"),)), print)
    assert sum(data.sizes.values()) == len(DRAWN)


def test_a_bad_recording_is_named_or_left_out(folder: Path, tmp_path: Path):
    (folder / "wave" / "bad.txt").write_text("1 2 3\n")
    where = Folders((str(tmp_path / "d"),))
    with pytest.raises(InputError, match=r"own:\d+ names .*bad.txt, which is of 3 numbers in row 1, expected 60"):
        prepare.read(action_recognition.TASK, Source(str(folder)), where, print)
    skipping = Source(str(folder), options=Options(on_invalid="skip"))
    data = prepare.read(action_recognition.TASK, skipping, where, print)
    assert sum(data.sizes.values()) == len(DRAWN)


def test_a_folder_without_recordings_says_what_it_has(tmp_path: Path):
    (tmp_path / "own" / "wave").mkdir(parents=True)
    (tmp_path / "own" / "wave" / "a.docx").touch()
    with pytest.raises(
        InputError, match=r"has a.docx in wave; give a folder with a folder a class, each of files .*gif"
    ):
        task = action_recognition.TASK.configure({"medium": "film"})
        prepare.read(task, Source(str(tmp_path / "own")), Folders((str(tmp_path / "d"),)), print)


def test_films_are_drawn_for_training_and_test():
    splits = action_recognition.examples("drawn_films", Folders(()))
    assert {name: len(each) for name, each in splits.items()} == {"train": 1_026, "test": 174}
    for each in splits.values():
        assert set(each.targets) == set(films.MOTIONS)


# --- MSR-Action3D -----------------------------------------------------------------------------------------------------


def msr_files() -> dict[str, str]:
    """A recording of one frame of each of three actions by people 1, 2 and 3, of which one is not used."""
    names = [f"a{action:02}_s{person:02}_e01" for action in (1, 2, 13) for person in (1, 2, 3)]
    frame = "\n".join(f"{joint}.5 1.25 -2 1" for joint in range(20))
    return {f"{name}_skeleton3D.txt": frame for name in names} | {msr_action3d.USED: "\n".join(names[1:])}


def read(manual: Path, name: str, tmp_path: Path) -> dict[str, list[str]]:
    where = Folders((str(tmp_path / "sets"),), str(manual))
    return {split: sorted(each.targets) for split, each in action_recognition.examples(name, where).items()}


@pytest.mark.parametrize("form", ["txt", "zip", "npz"])
def test_the_set_is_read_from_files_fetched_by_hand(form: str, tmp_path: Path):
    place = tmp_path / "manual" / "msr_action3d"
    place.mkdir(parents=True)
    if form == "txt":
        for name, text in msr_files().items():
            (place / name).write_text(text)
    elif form == "zip":
        with zipfile.ZipFile(place / "msr_action3d.zip", "w") as archive:
            for name, text in msr_files().items():
                archive.writestr(f"repository/data/{name}", text)
    else:
        keys = [(action, person) for action in (1, 2, 13) for person in (1, 2, 3)]
        actions, people = (np.array(each, np.uint8) for each in zip(*keys, strict=True))
        ones = np.ones(9, np.int32)
        kept = {"action": actions, "subject": people, "repetition": ones, "used_in_benchmark": np.arange(9) > 0}
        np.savez(place / "msr_action3d.npz", xyz=np.ones((9, 20, 3), np.float32), length=ones, **kept)
    everything = read(place.parent, "msr_action3d/all", tmp_path)
    assert everything["train"] == ["bend", "bend", "high arm wave", "horizontal arm wave", "horizontal arm wave"]
    assert everything["test"] == ["bend", "high arm wave", "horizontal arm wave"]
    assert read(place.parent, "msr_action3d/as1", tmp_path)["test"] == ["bend", "horizontal arm wave"]
    left_out = read(place.parent, "msr_action3d/without_3", tmp_path)
    assert left_out["test"] == ["bend", "high arm wave", "horizontal arm wave"]
    assert left_out["train"] == ["bend", "horizontal arm wave"]


def test_a_set_that_is_not_whole_is_refused(tmp_path: Path):
    place = tmp_path / "manual" / "msr_action3d"
    place.mkdir(parents=True)
    names = msr_files()
    for name, text in names.items():
        if "a13_s02" not in name:
            (place / name).write_text(text)
    with pytest.raises(InputError, match=r"lacks a13_s02_e01_skeleton3D\.txt"):
        read(place.parent, "msr_action3d/all", tmp_path)
    (place / "msr_action3d.npz").write_bytes(b"none")
    with pytest.raises(IntegrityError, match="does not hold the arrays"):
        read(place.parent, "msr_action3d/all", tmp_path)


def test_a_model_s_settings_go_through_json(learned: Learned):
    inputs = json.loads((learned.folder / "card.json").read_text())["inputs"]
    assert inputs["codec"] == "frames"
    assert len(inputs["deviation"]) == 1
