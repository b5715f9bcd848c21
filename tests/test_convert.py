"""The network alone, in LiteRT and ONNX Runtime: it says there what it says here, whatever it is made of."""

from __future__ import annotations

import json
import re
import shutil
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
from seqtasks.codecs.sentences import Sentences
from seqtasks.codecs.text import Text
from seqtasks.codecs.tokens import Tokens
from seqtasks.data.prepare import Data
from seqtasks.data.text import TEXT
from seqtasks.errors import IntegrityError, UsageError
from seqtasks.export import check, convert, parity, quantize, replay, savedmodel
from seqtasks.layers.stack import CELLS
from seqtasks.training import model_folder
from seqtasks.training.model_folder import TrainedModel
from tests.conftest import Learned, exported, quickly, run

pytestmark = pytest.mark.trains

FORMATS = list(convert.FORMATS)
WORDS = tuple("abcdefgh")
MAX_NEW_TOKENS = 7
MORE = ((False, 1), (True, 2))  # whether both ways, and how many layers, for the thorough half

formats = pytest.mark.parametrize("format", FORMATS)


def quick_cells(*names: str) -> pytest.MarkDecorator:
    """One step of a cell is converted the same way in every decoder: the others are for the thorough half."""
    marked = [pytest.param(cell, marks=() if cell in names else pytest.mark.thorough) for cell in CELLS]
    return pytest.mark.parametrize("cell", marked)


def untrained(name: str, inputs: Any, targets: Any, **settings: Any) -> TrainedModel:
    """A small model of weights of chance, livelier than it would begin."""
    task = tasks.find(name)
    small = {"units": 6, "embedding_dim": 4, "conv_kernel_size": 0, "dtype_policy": "float32", **settings}
    task = task.configure({key: value for key, value in small.items() if key in task.settings})
    task = task.with_codecs(inputs, targets)
    keras.utils.set_random_seed(1)
    model = model_folder.build(task)
    for variable in model.trainable_variables:
        variable.assign(variable + keras.random.normal(variable.shape, stddev=0.3, seed=len(variable.shape)))
    return TrainedModel(task, model, None, Path())  # type: ignore[arg-type]  # nobody reads its card


def compare(trained: TrainedModel, format: str, folder: Path, rows: list[np.ndarray]) -> None:
    convert.write(trained, format, folder)
    end_id = trained.task.targets.traits.end_id
    here = replay.answering(convert.in_tensorflow(trained), MAX_NEW_TOKENS, end_id)
    there = replay.FORMATS[format](folder, MAX_NEW_TOKENS, end_id)
    for row in rows:
        wanted, given = here(row), there(row)
        assert given.get("tokens") == wanted.get("tokens")
        np.testing.assert_allclose(given["probabilities"], wanted["probabilities"], atol=1e-5)


def ids(*lengths: int) -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    return [draw.integers(1, 2 + len(WORDS), (1, length)).astype(np.int32) for length in lengths]


@pytest.mark.thorough
@formats
@quick_cells("gru")
@pytest.mark.parametrize(
    ("bidirectional", "num_layers"), [(True, 1), *(pytest.param(*each, marks=pytest.mark.thorough) for each in MORE)]
)
def test_a_class_of_a_text(cell: str, bidirectional: bool, num_layers: int, format: str, tmp_path: Path):
    settings = {"cell": cell, "bidirectional": bidirectional, "num_layers": num_layers}
    trained = untrained("sentiment", Text(vocabulary=WORDS), Labels(("a", "b", "c")), **settings)
    compare(trained, format, tmp_path, ids(1, 9, 20))


@pytest.mark.thorough
@formats
@pytest.mark.parametrize("reverse_complement", [pytest.param(False, marks=pytest.mark.thorough), True])
@pytest.mark.parametrize("pool_size", [pytest.param(1, marks=pytest.mark.thorough), 2])
def test_a_class_of_a_sequence(pool_size: int, reverse_complement: bool, format: str, tmp_path: Path):
    codec = Nucleotides(max_length=30, reverse_complement=reverse_complement)
    settings = {"conv_filters": 4, "conv_kernel_size": 3, "pool_size": pool_size}
    rows = [row.astype(np.uint8) for row in ids(1, 9, 40)]
    compare(untrained("dna", codec, Labels(("a", "b")), **settings), format, tmp_path, rows)


@pytest.mark.thorough
@formats
@quick_cells("lstm")
def test_a_text_that_is_generated(cell: str, format: str, tmp_path: Path):
    codec = Tokens(vocabulary=WORDS)
    compare(untrained("text_generation", codec, codec, cell=cell, num_layers=2), format, tmp_path, ids(1, 9, 20))


@pytest.mark.thorough
@formats
@quick_cells("irnn")
def test_a_caption_of_a_picture(cell: str, format: str, tmp_path: Path):
    codec = Image(encoder="small", image_size=16, tta="flip_crop")
    settings = {"cell": cell, "num_decoders": 2, "attention_dim": 0 if cell == "gru" else 5}
    trained = untrained("captioning", codec, Sentences(vocabulary=("\n", *WORDS)), **settings)
    draw = np.random.default_rng(0)
    rows = [draw.integers(0, 255, (1, 16, 16, 3)).astype(np.uint8) for _ in range(3)]
    compare(trained, format, tmp_path, rows)


@pytest.mark.thorough
@formats
@quick_cells("gru")
def test_a_sentence_into_another_language(cell: str, format: str, tmp_path: Path):
    settings = {"cell": cell, "encoder_cell": cell, "encoder_units": 6, "attention_dim": 0 if cell == "irnn" else 5}
    codecs = Text(vocabulary=WORDS), Sentences(vocabulary=("\n", *WORDS))
    compare(untrained("translation", *codecs, num_decoders=2, **settings), format, tmp_path, ids(1, 9, 20))


@quickly("sentiment")  # a learned model's own export answered in a process of its own already
def test_a_saved_model_is_checked_in_tensorflow(learned: Learned, monkeypatch: pytest.MonkeyPatch):
    checked_in_its_own_runtime(learned, "saved-model", monkeypatch)


@quickly("sentiment", "dna", "ner")
@formats
def test_an_export_is_checked_in_its_own_runtime(learned: Learned, format: str, monkeypatch: pytest.MonkeyPatch):
    checked_in_its_own_runtime(learned, format, monkeypatch)


def checked_in_its_own_runtime(learned: Learned, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "SAMPLED", 6)
    result = run("export", learned.name, "--format", format, "--check", "--model", learned.folder)
    cells = [line.split("│") for line in result.output.splitlines() if line.startswith("│")]
    inputs, equal = (int(cell) for cell in cells[0][1:3])
    assert inputs == equal >= 6
    folder = learned.folder / savedmodel.FOLDERS[format] / str(savedmodel.numbers(learned.folder, format)[-1])
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["format"] == format
    assert {"serve", "prefill"} & set(manifest["endpoints"])
    if format != "saved-model":
        codecs = json.loads((folder / "codecs.json").read_text())
        assert codecs["inputs"] == json.loads((learned.folder / "card.json").read_text())["inputs"]
        with pytest.raises(UsageError, match=f"is for {format}, which takes no raw values"):
            seqtasks.load(folder)


@quickly("sentiment")
@formats
def test_one_that_answers_otherwise_gets_no_number(
    learned: Learned, format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = Path(parity.PROGRAM).read_text(encoding="utf-8").replace("int(logits.argmax())", "0")
    (tmp_path / "program.py").write_text(program.replace("name: output[0] for", "name: 0 * output[0] for"))
    monkeypatch.setattr(parity, "PROGRAM", str(tmp_path / "program.py"))
    before = savedmodel.numbers(learned.folder, format)
    with pytest.raises(IntegrityError, match="in a fresh process, not"):
        run("export", learned.name, "--format", format, "--model", learned.folder)
    assert savedmodel.numbers(learned.folder, format) == before


def test_without_its_runtime_it_says_what_to_install(learned: Learned, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(savedmodel, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"onnx needs tf2onnx, .*; pip install 'seqtasks\[onnx\]'"):
        run("export", learned.name, "--format", "onnx", "--model", learned.folder)


@quickly("sentiment")
def test_weights_in_eight_bits_are_smaller_and_their_loss_is_printed(learned: Learned, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(check, "SAMPLED", 6)
    monkeypatch.setattr(quantize, "MAX_ANSWERED", 20)
    monkeypatch.setattr(quantize, "MAX_GENERATED", 3)
    plain = exported(learned, "litert")
    before = savedmodel.numbers(learned.folder, "litert")
    result = run("export", learned.name, "--format", "litert", "--int8", "--check", "--model", learned.folder)
    folder = learned.folder / "litert" / str(savedmodel.next_number(learned.folder, "litert") - 1)
    assert savedmodel.numbers(learned.folder, "litert") == [*before, int(folder.name)]
    assert json.loads((folder / "manifest.json").read_text())["quantization"] == "int8"
    sizes = [(each / "model.tflite").stat().st_size for each in (plain, folder)]
    assert sizes[1] < sizes[0]
    printed = re.search(r"asked\): ([01]\.\d+) as trained, ([01]\.\d+) in eight bits, ([-+].*)", result.output)
    assert printed
    as_trained, eight, difference = map(float, printed.groups())
    assert difference == pytest.approx(eight - as_trained, abs=2e-4)
    assert as_trained > 0.5
    shutil.rmtree(folder)  # other tests run the newest


@pytest.mark.parametrize(
    ("splits", "validation", "measured"),
    [
        (("train", "test", "validation"), "validation", "validation"),
        (("train", "validation", "test"), None, "validation"),  # of a text that is learned to its end
        (("train", "test"), None, "test"),
    ],
)
def test_eight_bits_are_measured_on_the_test_only_where_there_is_no_other_split(
    splits: tuple[str, ...], validation: str | None, measured: str
):
    assert quantize.split(Data("a text", TEXT, dict.fromkeys(splits), {}, validation)) == measured


def test_eight_bits_are_for_litert(learned: Learned):
    with pytest.raises(UsageError, match="onnx has no quantization 'int8'"):
        savedmodel.export(model_folder.restore(learned.folder, learned.name), "onnx", "int8")
    with pytest.raises(UsageError, match="--int8 goes with --format litert"):
        run("export", learned.name, "--format", "onnx", "--int8", "--model", learned.folder)
