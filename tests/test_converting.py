"""The network alone, in LiteRT and ONNX Runtime: it says there what it says here, whatever it is made of."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import seqtasks
from seqtasks import tasks
from seqtasks.codecs.image import Image
from seqtasks.codecs.labels import Labels
from seqtasks.codecs.nucleotides import Nucleotides
from seqtasks.codecs.sentences import END, Sentences
from seqtasks.codecs.text import Text
from seqtasks.codecs.tokens import Tokens
from seqtasks.data.prepare import Data
from seqtasks.errors import IntegrityError, UsageError
from seqtasks.export import convert, quantize, replay, savedmodel
from seqtasks.layers.stack import CELLS
from seqtasks.task import Task
from seqtasks.training import model_folder
from seqtasks.training.model_folder import Trained
from tests.conftest import Learned, exported, quickly, run

FORMS = list(convert.FORMS)
WORDS = tuple("abcdefgh")
MOST = 7  # tokens that are written
MORE = ((False, 1), (True, 2))  # whether both ways, and how many layers, for the thorough half

forms = pytest.mark.parametrize("form", FORMS)
cells = pytest.mark.parametrize("cell", CELLS)


def quick_cells(*names: str) -> pytest.MarkDecorator:
    """One step of a cell is converted the same way in all that writes: the others are for the thorough half."""
    marked = [pytest.param(cell, marks=() if cell in names else pytest.mark.thorough) for cell in CELLS]
    return pytest.mark.parametrize("cell", marked)


def untrained(name: str, codecs: dict[str, Any], **settings: Any) -> Trained:
    """A small model of weights of chance, livelier than it would begin."""
    small = {"units": 6, "embedding": 4, "front": 0, "precision": "float32", **settings}
    task: Task = tasks.find(name)
    task = replace(task, settings={**task.settings, **{key: small[key] for key in small if key in task.settings}})
    task = Task(**{**vars(task), **codecs})
    keras.utils.set_random_seed(1)
    model = model_folder.build(task)
    for variable in model.trainable_variables:
        variable.assign(variable + keras.random.normal(variable.shape, stddev=0.3, seed=len(variable.shape)))
    return Trained(task, model, None, Path())  # type: ignore[arg-type]  # nobody asks for its card


def compared(made: Trained, form: str, folder: Path, rows: list[np.ndarray], end: int = -1) -> None:
    convert.write(made, form, folder)
    here = replay.asking(convert.in_tensorflow(made), MOST, end)
    there = replay.FORMS[form](folder, MOST, end)
    for row in rows:
        wanted, given = here(row), there(row)
        assert given.get("tokens") == wanted.get("tokens")
        np.testing.assert_allclose(given["probabilities"], wanted["probabilities"], atol=1e-5)


def ids(*lengths: int) -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.integers(1, 2 + len(WORDS), (1, length)).astype(np.int32) for length in lengths]


@forms
@cells
@pytest.mark.parametrize(
    ("bidirectional", "layers"), [(True, 1), *(pytest.param(*each, marks=pytest.mark.thorough) for each in MORE)]
)
def test_a_class_of_a_text(cell: str, bidirectional: bool, layers: int, form: str, tmp_path: Path):
    codecs = {"inputs": Text(vocabulary=WORDS), "targets": Labels(("a", "b", "c"))}
    made = untrained("sentiment", codecs, cell=cell, bidirectional=bidirectional, layers=layers)
    compared(made, form, tmp_path, ids(1, 9, 20))


@forms
@pytest.mark.parametrize("strands", [pytest.param("one", marks=pytest.mark.thorough), "both"])
@pytest.mark.parametrize("stride", [pytest.param(1, marks=pytest.mark.thorough), 2])
def test_a_class_of_a_sequence(stride: int, strands: str, form: str, tmp_path: Path):
    codecs = {"inputs": Nucleotides(strands=strands, length=30), "targets": Labels(("a", "b"))}
    rows = [row.astype(np.uint8) for row in ids(1, 9, 40)]
    compared(untrained("dna", codecs, filters=4, front=3, stride=stride), form, tmp_path, rows)


@forms
@quick_cells("simple", "lstm")
def test_a_text_that_is_written(cell: str, form: str, tmp_path: Path):
    codec = Tokens(vocabulary=WORDS)
    made = untrained("text_generation", {"inputs": codec, "targets": codec}, cell=cell, layers=2)
    compared(made, form, tmp_path, ids(1, 9, 20))


@forms
@quick_cells("irnn", "gru")
def test_what_is_told_of_a_picture(cell: str, form: str, tmp_path: Path):
    codecs = {
        "inputs": Image(encoder="small", size=16, mirrored=True, near=0.25),
        "targets": Sentences(vocabulary=("\n", *WORDS)),
    }
    made = untrained("captioning", codecs, cell=cell, tellers=2, attention=0 if cell == "gru" else 5)
    draw = np.random.default_rng(0)
    compared(made, form, tmp_path, [draw.integers(0, 255, (1, 16, 16, 3)).astype(np.uint8) for _ in range(3)], END)


@quickly("sentiment")  # a learned model's own export was asked in a process of its own already
def test_a_saved_model_is_checked_in_tensorflow(learned: Learned, monkeypatch: pytest.MonkeyPatch):
    checked_in_its_own_runtime(learned, "saved-model", monkeypatch)


@forms
def test_an_export_is_checked_in_its_own_runtime(learned: Learned, form: str, monkeypatch: pytest.MonkeyPatch):
    checked_in_its_own_runtime(learned, form, monkeypatch)


def checked_in_its_own_runtime(learned: Learned, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(savedmodel, "CHECKED", 6)
    result = run("export", learned.name, "--format", form, "--check", "--model", learned.folder)
    cells = [line.split("│") for line in result.output.splitlines() if line.startswith("│")]
    asked, equal = (int(cell) for cell in cells[0][1:3])
    assert asked == equal >= 6
    folder = learned.folder / savedmodel.FOLDERS[form] / str(savedmodel.numbers(learned.folder, form)[-1])
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["format"] == form
    assert {"serve", "begin"} & set(manifest["endpoints"])
    if form != "saved-model":
        tables = json.loads((folder / "tables.json").read_text())
        assert tables["inputs"] == json.loads((learned.folder / "card.json").read_text())["inputs"]
        with pytest.raises(UsageError, match=f"is for {form}, which takes no raw values"):
            seqtasks.load(folder)


@quickly("sentiment", "captioning")
@forms
def test_one_that_answers_otherwise_gets_no_number(
    learned: Learned, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = Path(savedmodel.PROGRAM).read_text().replace("int(logits.argmax())", "0")
    (tmp_path / "program.py").write_text(program.replace("name: each[0] for", "name: 0 * each[0] for"))
    monkeypatch.setattr(savedmodel, "PROGRAM", str(tmp_path / "program.py"))
    before = savedmodel.numbers(learned.folder, form)
    with pytest.raises(IntegrityError, match="in a fresh process, not"):
        run("export", learned.name, "--format", form, "--model", learned.folder)
    assert savedmodel.numbers(learned.folder, form) == before


def test_without_its_runtime_it_says_what_to_install(learned: Learned, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(savedmodel, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"onnx needs tf2onnx, .*; pip install 'seqtasks\[onnx\]'"):
        run("export", learned.name, "--format", "onnx", "--model", learned.folder)


@quickly("sentiment", "text_generation")
def test_weights_in_eight_bits_are_smaller_and_their_loss_is_told(learned: Learned, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(savedmodel, "CHECKED", 6)
    monkeypatch.setattr(quantize, "EXAMPLES", 20)
    monkeypatch.setattr(quantize, "WRITING", 3)
    plain = exported(learned, "litert")
    before = savedmodel.numbers(learned.folder, "litert")
    result = run("export", learned.name, "--format", "litert", "--int8", "--check", "--model", learned.folder)
    folder = learned.folder / "litert" / str(savedmodel.next_number(learned.folder, "litert") - 1)
    assert savedmodel.numbers(learned.folder, "litert") == [*before, int(folder.name)]
    assert json.loads((folder / "manifest.json").read_text())["eight_bits"]
    sizes = [(each / "model.tflite").stat().st_size for each in (plain, folder)]
    assert sizes[1] < sizes[0]
    told = re.search(r"asked\): ([01]\.\d+) as trained, ([01]\.\d+) in eight bits, ([-+].*)", result.output)
    assert told
    as_trained, eight, difference = map(float, told.groups())
    assert difference == pytest.approx(eight - as_trained, abs=2e-4)
    assert as_trained > 0.5
    shutil.rmtree(folder)  # other tests ask the newest


@pytest.mark.parametrize(
    ("splits", "asked"),
    [
        (("train", "validation", "test", "development"), "development"),
        (("train", "validation", "test"), "validation"),  # of a text that is learned to its end
        (("train", "test"), "test"),
    ],
)
def test_eight_bits_are_asked_of_the_test_only_where_there_is_no_other_split(splits: tuple[str, ...], asked: str):
    assert quantize.split(Data("a text", dict.fromkeys(splits), {}, streams=True)) == asked


def test_eight_bits_are_for_litert(learned: Learned):
    with pytest.raises(UsageError, match="--int8 goes with --format litert"):
        run("export", learned.name, "--format", "onnx", "--int8", "--model", learned.folder)
