"""Exports: numbered, whole or not there, refused when altered."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import seqtasks
from seqtasks import files, tasks
from seqtasks.errors import InputError, IntegrityError, UsageError
from seqtasks.export import parity, savedmodel
from seqtasks.inference import predictor
from seqtasks.training import model_folder
from tests.conftest import Learned, quickly, run
from tests.samples import SAMPLES


@pytest.fixture
def model(learned: Learned, tmp_path: Path) -> Path:
    """A copy of a learned model's folder, to be spoiled."""
    return Path(shutil.copytree(learned.folder, tmp_path / "model"))


@quickly("sentiment")
def test_each_export_takes_the_next_number_and_the_newest_is_read(learned: Learned, model: Path):
    first = savedmodel.numbers(model)[-1]
    run("export", learned.name, "--model", model)
    assert savedmodel.numbers(model)[-1] == first + 1
    assert seqtasks.load(model).folder == model / "serving" / str(first + 1)
    assert seqtasks.load(model / "serving" / str(first)).folder.name == str(first)
    padded = (model / "serving" / str(first + 1)).rename(model / "serving" / f"{first + 1:08}")
    assert seqtasks.load(model).folder == padded  # TensorFlow Serving reads it so too
    assert savedmodel.next_number(model) == first + 2


@quickly("sentiment")
@pytest.mark.parametrize("answers", ["others", pytest.param("none", marks=pytest.mark.thorough)])
def test_an_export_that_answers_otherwise_gets_no_number(
    learned: Learned, model: Path, tmp_path: Path, answers: str, monkeypatch: pytest.MonkeyPatch
):
    before, program = savedmodel.numbers(model), Path(parity.PROGRAM).read_text(encoding="utf-8")
    swapped = program.replace("for row in values]", "for row in values[::-1]]")
    assert swapped != program
    (tmp_path / "program.py").write_text(swapped if answers == "others" else "raise SystemExit('broken')")
    monkeypatch.setattr(parity, "PROGRAM", str(tmp_path / "program.py"))
    restored = model_folder.restore(model, learned.name)
    with pytest.raises(IntegrityError, match="in a fresh process"):
        savedmodel.export(restored)
    assert savedmodel.numbers(model) == before
    assert not list((model / "serving").glob(".*"))
    seqtasks.load(model)


def flip(folder: Path) -> str:
    path = folder / "variables" / "variables.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path.name


def cut(folder: Path) -> str:
    path = folder / "saved_model.pb"
    path.write_bytes(path.read_bytes()[:-1])
    return path.name


def lose(folder: Path) -> str:
    (folder / "fingerprint.pb").unlink()
    return "fingerprint.pb"


def add(folder: Path) -> str:
    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets" / "more.txt").write_text("more")
    return "more.txt"


def link(folder: Path) -> str:
    path = folder / "saved_model.pb"
    path.rename(folder.parent / "elsewhere.pb")
    path.symlink_to(folder.parent / "elsewhere.pb")
    return path.name


def garble(folder: Path) -> str:
    (folder / "manifest.json").write_text("[]")
    return "manifest.json"


@pytest.mark.parametrize("spoil", [flip, cut, lose, add, link, garble])
def test_a_spoiled_export_is_refused_by_the_files_name(model: Path, spoil: Callable[[Path], str]):
    folder = predictor.newest(model)
    name = spoil(folder)
    with pytest.raises(IntegrityError, match=name.replace(".", r"\.")):
        seqtasks.load(model)


def test_the_manifest_has_a_worked_example(learned: Learned):
    predict = seqtasks.load(learned.folder)
    example = predict.manifest.example
    value = example["input"]  # text, or other bytes as TensorFlow Serving's REST takes them
    (answer,) = predict([value if isinstance(value, str) else base64.b64decode(value["b64"])])
    assert answer["answer"] == example["answer"]
    assert set(answer) | {"input"} == set(example)
    if isinstance(answer.get("probabilities"), dict):
        np.testing.assert_allclose(list(answer["probabilities"].values()), example["probabilities"], atol=1e-5)


@quickly("sentiment")
def test_the_manifest_says_what_made_the_export_and_what_the_model(learned: Learned, model: Path):
    long_ago = {"versions": {"tensorflow": "2.0"}, "commit": "abc", "created": "2020-02-02T02:02:02+00:00"}
    card = files.without_checksum((model / "card.json").read_bytes())
    files.write_json(model / "card.json", files.with_checksum(card | long_ago))
    run("export", learned.name, "--model", model)
    manifest = seqtasks.load(model).manifest
    assert manifest.trained == long_ago
    assert manifest.versions == card["versions"]
    assert manifest.created > card["created"]
    assert manifest.weights == card["files"]["model.weights.h5"]


def test_the_class_names_are_in_the_savedmodel(learned: Learned):
    predict = seqtasks.load(learned.folder)
    if not tasks.find(learned.name).targets.traits.classes:
        assert not predict.manifest.classes
        assert "classes" not in predict.manifest.endpoints
        return
    assert [name.decode() for name in predict.model.classes()["answer"].numpy()] == list(predict.manifest.classes)
    assert predict.manifest.endpoints["serve"].classes == ["probabilities"]


def test_no_operation_needs_a_gpu(learned: Learned):
    from tensorflow.core.protobuf import saved_model_pb2

    graph = saved_model_pb2.SavedModel()
    graph.ParseFromString((predictor.newest(learned.folder) / "saved_model.pb").read_bytes())
    functions = graph.meta_graphs[0].graph_def.library.function
    operations = {node.op for function in functions for node in function.node_def}
    assert operations
    assert not {name for name in operations if "cudnn" in name.lower()}


def test_a_folder_without_exports(tmp_path: Path):
    with pytest.raises(UsageError, match=r'no export in .*, and no model; run "seqtasks train TASK" first'):
        seqtasks.load(tmp_path)


def test_what_is_no_text_is_refused_by_its_place(learned: Learned):
    with pytest.raises(InputError, match="value 2 is None; give strings or bytes"):
        seqtasks.load(learned.folder)(["A fine film.", None])


@pytest.mark.thorough
@quickly("sentiment")
def test_an_export_is_read_without_writing_while_another_is_made(learned: Learned, model: Path, tmp_path: Path):
    value = [SAMPLES[learned.name].typed[0]]
    moved = Path(shutil.copytree(model / "serving" / "1", tmp_path / "ein mod\u00e8le \u4e2d"))
    before = {path: path.stat().st_mtime_ns for path in [moved, *moved.rglob("*")]}
    predict = seqtasks.load(moved)
    wanted = predict(value)
    assert {path: path.stat().st_mtime_ns for path in [moved, *moved.rglob("*")]} == before
    predict = seqtasks.load(model)
    with ThreadPoolExecutor(1) as pool:
        restored = model_folder.restore(model, learned.name)
        made = pool.submit(savedmodel.export, restored)
        answers = [predict(value)]
        while not made.done():
            answers.append(predict(value))
    assert savedmodel.numbers(model)[-1] == int(made.result().name)
    assert all(each == wanted for each in [*answers, seqtasks.load(model)(value)])


@quickly("sentiment")
def test_an_export_answers_for_its_own_task(learned: Learned):
    other = next(name for name in tasks.names() if name != learned.name)
    with pytest.raises(UsageError, match=f"holds an export of {learned.name}, not {other}; choose its folder"):
        run("predict", other, "ACGT", "--model", learned.folder)


def test_a_card_of_another_version_is_refused(model: Path, learned: Learned):
    card = files.without_checksum((model / "card.json").read_bytes())
    files.write_json(model / "card.json", files.with_checksum(card | {"colour": "red"}))
    with pytest.raises(IntegrityError, match="is not a card of this version"):
        model_folder.restore(model, learned.name)
