"""`seqtasks predict`: values, files, folders of files, from an export alone; pure functions of its rows and values."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image as Picture

from seqtasks import files
from seqtasks.cli import group
from seqtasks.codecs.image import Image
from seqtasks.data.readers import Reject, Row
from seqtasks.errors import InputError, IntegrityError, UsageError
from seqtasks.inference import explain, mutagenesis, values
from seqtasks.inference.files import answer_rows
from seqtasks.inference.forms import Form
from seqtasks.inference.generation import BeamOptions
from seqtasks.inference.manifest import EndpointSchema, Manifest
from seqtasks.inference.predictor import Predictor
from tests.conftest import Learned, run
from tests.samples import SAMPLES, answers
from tests.test_report_page import stands_alone

# --- the manifest -----------------------------------------------------------------------------------------------------

STRING = {"type": "string", "size": [None]}
MANIFEST = Manifest(
    task="juggling", dataset="sample", format="saved-model", settings={"units": 8}, classes=("up", "down"),
    batch_size=2, reads_files=False, quantization=None,
    endpoints={"serve": EndpointSchema({"values": STRING}, {"answer": STRING}, ("probabilities",), ("answer",))},
    inputs={"codec": "text"}, targets={"codec": "labels"}, example={"input": "a"}, rows={"train": 3}, dropped={},
    seed=0, best={"epoch": 1}, seconds=1.5, fingerprint="ab", source=None, weights="cd", trained={}, versions={},
    commit=None, created="2026-01-01", files={},
)  # fmt: skip


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path):
    MANIFEST.write(tmp_path)
    found = Manifest.read(tmp_path)
    assert found.endpoints["serve"].columns == ["answer"]
    assert json.loads(json.dumps(dataclasses.asdict(found))) == json.loads(json.dumps(dataclasses.asdict(MANIFEST)))


@pytest.mark.parametrize(
    "changes",
    [{"names": []}, {"endpoints": {"serve": {"inputs": {}, "outputs": {}}}}, {"endpoints": []}, {"batch_size": ...}],
    ids=["a key more", "an endpoint of before", "no endpoints", "a key less"],
)
def test_a_manifest_of_before_is_refused_in_one_line(tmp_path: Path, changes: dict[str, object]):
    changed = {name: value for name, value in (dataclasses.asdict(MANIFEST) | changes).items() if value is not ...}
    files.write_json(tmp_path / "manifest.json", files.with_checksum(changed))
    with pytest.raises(IntegrityError, match=r"manifest\.json is a manifest of an earlier version of seqtasks; export"):
        Manifest.read(tmp_path)


def test_an_altered_manifest_is_refused(tmp_path: Path):
    MANIFEST.write(tmp_path)
    content = (tmp_path / "manifest.json").read_text()
    (tmp_path / "manifest.json").write_text(content.replace('"up"', '"UP"'))
    with pytest.raises(IntegrityError, match="not as it was written"):
        Manifest.read(tmp_path)


# --- pure functions ---------------------------------------------------------------------------------------------------


def export(outputs: dict[str, list]) -> Predictor:
    """An export that answers with these outputs, whatever it is given."""
    tensors = {name: SimpleNamespace(numpy=lambda value=value: np.array(value)) for name, value in outputs.items()}
    return Predictor(SimpleNamespace(serve=lambda values: tensors), MANIFEST, Path("export"))


def test_outputs_over_classes_get_their_names():
    (answer,) = export({"answer": [b"up"], "probabilities": [[0.75, 0.25]], "scores": [[1.0, 2.0]]})(["x"])
    assert answer == {"answer": "up", "probabilities": {"up": 0.75, "down": 0.25}, "scores": [1.0, 2.0]}


def test_of_each_step_too():
    (answer,) = export({"probabilities": [[[0.75, 0.25], [0.5, 0.5]]], "tags": [[b"a", b"b"]]})(["x"])
    assert answer == {"probabilities": [{"up": 0.75, "down": 0.25}, {"up": 0.5, "down": 0.5}], "tags": ["a", "b"]}


def rows(*texts: str) -> list[Row]:
    return [Row(number, {"text": text}, {"text": text, "answer": 0}) for number, text in enumerate(texts, 1)]


def measured(contents: list[bytes]) -> list[dict[str, object]]:
    assert [len(each) for each in contents] == sorted(len(each) for each in contents)
    return [{"answer": len(each), "score": len(each) / 3, "more": None} for each in contents]


def text_of(row: Row) -> bytes:
    if row.fields["text"] == "bad":
        raise InputError("is bad")
    return row.fields["text"].encode()


def test_rows_are_answered_in_the_order_of_lengths_and_given_in_their_own():
    refused: list[Reject] = []
    given = [*rows("four", "a", "bad", "seven"), Reject(5, "has 3 fields")]
    lines = answer_rows(given, measured, value=text_of, columns=("answer", "score"), on_reject=refused.append)
    assert [(line["text"], line["answer_"], line["score"]) for line in lines] == [
        ("four", 4, 1.333333), ("a", 1, 0.333333), ("seven", 5, 1.666667)
    ]  # fmt: skip
    assert list(lines[0]) == ["text", "answer", "answer_", "score"]
    assert refused == [Reject(3, "is bad"), Reject(5, "has 3 fields")]
    assert answer_rows(given[2:3], measured, value=text_of, columns=(), on_reject=lambda reject: None) == []


def test_lines_are_written_as_asked():
    lines = [{"record": "a", "start": 0, "end": 4, "answer": "x,y", "probability": 0.25}]
    assert Form(".csv").content(lines, header=True) == b'record,start,end,answer,probability\na,0,4,"x,y",0.25\n'
    assert Form(".tsv", "\t").content(lines, header=False) == b"a\t0\t4\tx,y\t0.25\n"
    assert json.loads(Form(".jsonl").content(lines, header=True)) == lines[0]
    assert Form(".bed").content(lines, header=True) == b"a\t0\t4\tx,y\t250\t.\n"
    assert Form(".csv").content([], header=True) == b""


class Reader:
    """A codec of files that notes which it opened."""

    def __init__(self) -> None:
        self.traits = SimpleNamespace(reads_files=True)
        self.opened: list[str] = []

    def clean(self, value: bytes) -> bytes:
        self.opened.append(Path(os.fsdecode(value)).name)
        return Path(os.fsdecode(value)).read_bytes()


def test_a_folders_files_are_opened_one_by_one(tmp_path: Path):
    for name in ("b.wav", "a.wav", ".hidden"):
        (tmp_path / name).write_text(name)
    (tmp_path / "folder").mkdir()
    names = values.expanded([str(tmp_path)])
    assert [Path(name).name for name in names] == ["a.wav", "b.wav"]
    codec = Reader()
    pairs = values.cleaned(names, codec, pytest.fail)
    assert next(pairs) == (names[0], b"a.wav")
    assert codec.opened == ["a.wav"]
    assert list(pairs) == [(names[1], b"b.wav")]


def test_a_folders_files_of_the_wanted_kinds_and_of_those_to_be_refused_are_found(tmp_path: Path):
    for name in ("a.JPG", "b.heic", "c.txt", "d.mp4", "e.mp4"):
        (tmp_path / name).touch()
    names = values.expanded([str(tmp_path)], (".jpg",), other_suffixes=(".heic",))
    assert [Path(name).name for name in names] == ["a.JPG", "b.heic"]
    with pytest.raises(InputError, match=r"has no file \(\.png\), but 2 \.mp4, 1 \..*; give a folder of some"):
        values.expanded([str(tmp_path)], (".png",))


def test_a_path_that_leads_nowhere_is_told_before_anything_is_opened(tmp_path: Path):
    with pytest.raises(InputError, match=r"none\.wav does not exist; give the path of a file or a folder"):
        values.expanded([str(tmp_path / "none.wav")])
    with pytest.raises(InputError, match="has no file; give a folder of some"):
        values.expanded([str(tmp_path)])


def test_only_letters_are_replaced():
    with pytest.raises(UsageError, match="letters are replaced in sequences of a few letters"):
        mutagenesis.effects(export({}), Image(encoder="small"), b"x")


# --- the command line -------------------------------------------------------------------------------------------------

sentiment = pytest.mark.parametrize("learned", ["sentiment"], indirect=True)
dna = pytest.mark.parametrize("learned", ["dna"], indirect=True)
captioning = pytest.mark.parametrize("learned", ["captioning"], indirect=True)


def test_a_task_whose_source_is_not_there_answers(learned: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    newest = max((learned.folder / "serving").iterdir())
    folder = Path(shutil.copytree(newest, tmp_path / "saved_models" / "juggling" / "serving" / "1"))
    dataclasses.replace(Manifest.read(folder), task="juggling").write(folder)
    monkeypatch.chdir(tmp_path)
    for number, content in enumerate(answers(learned.name)):
        (tmp_path / f"{number}.png").write_bytes(content)
    given = SAMPLES[learned.name].typed
    found = json.loads(run("predict", "juggling", *given, "--json").stdout)
    assert found == json.loads(run("predict", learned.name, *given, "--json", "--model", learned.folder).stdout)
    with pytest.raises(UsageError, match=f"holds an export of juggling, not {learned.name}; choose its folder"):
        run("predict", learned.name, *given, "--model", "saved_models/juggling")


@sentiment
@pytest.mark.parametrize(("option", "endpoint"), [("--num-beams=2", "beam_search"), ("--do-sample", "sample")])
def test_what_an_export_has_not_is_told_with_what_it_has(learned: Learned, option: str, endpoint: str):
    with pytest.raises(UsageError, match=f"is of sentiment, which has no {endpoint}; it has serve, classes"):
        run("predict", "sentiment", "Good.", option, "--model", learned.folder)


@sentiment
def test_what_cannot_be_drawn_is_told(learned: Learned, tmp_path: Path):
    with pytest.raises(UsageError, match=r"x\.png is to be a picture, and a text is explained on a page; end its name"):
        run("predict", "sentiment", "Good.", "--explain", tmp_path / "x.png", "--model", learned.folder)
    with pytest.raises(UsageError, match="--explain is for one value; give one, not 2"):
        run("predict", "sentiment", "Good.", "Bad.", "--explain", tmp_path / "x.png", "--model", learned.folder)
    assert not (tmp_path / "x.png").exists()


@dna
def test_a_bad_value_ends_it_or_is_left_out(learned: Learned):
    given = ("predict", "dna", "ACGTTGCA", "ACGE", "TTGCAA", "--model", learned.folder)
    with pytest.raises(InputError, match="value 2 has 'E' at base 4, which is no nucleotide"):
        run(*given)
    done = run(*given, "--on-invalid", "skip")
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr.splitlines() == ["value 2 has 'E' at base 4, which is no nucleotide", "1 left out"]
    with pytest.raises(InputError, match="value 1 has 'E' at base 4"):
        run("predict", "dna", "ACGE", "--on-invalid", "skip", "--model", learned.folder)


@dna
def test_what_each_base_matters_is_drawn(learned: Learned, tmp_path: Path):
    drawn = tmp_path / "drawn.png"
    printed = run("predict", "dna", "ACGTTGCAACGT", "--explain", drawn, "--model", learned.folder).stdout
    assert printed == run("predict", "dna", "ACGTTGCAACGT", "--model", learned.folder).stdout
    assert drawn.read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def scenes(tmp_path: Path) -> dict[Path, str]:
    """Files of scenes that were learned, and their captions."""
    found = {}
    for number, (content, caption) in enumerate(answers("captioning").items()):
        found[tmp_path / f"{number}.png"] = caption
        (tmp_path / f"{number}.png").write_bytes(content)
    return found


@captioning
def test_photographs_get_captions(learned: Learned, scenes: dict[Path, str], tmp_path: Path):
    where = ("--model", learned.folder)
    first, caption = next(iter(scenes.items()))
    assert re.fullmatch(rf"{caption}\t-\d\.\d{{4}}\n", run("predict", "captioning", first, *where).stdout)
    every = run("predict", "captioning", tmp_path, "--num-beams", "2", *where).stdout.splitlines()
    assert [line.split("\t")[:2] for line in every] == [[str(path), caption] for path, caption in scenes.items()]
    (answer,) = json.loads(run("predict", "captioning", first, "--json", "--num-beams", "4", *where).stdout)
    assert (answer["input"], answer["answer"]) == (str(first), caption)
    scores = [each["score"] for each in answer["alternatives"]]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    command = ["predict", "captioning", "-", "--model", str(learned.folder)]
    given = CliRunner().invoke(group, command, input=first.read_bytes())
    assert given.stdout.startswith(f"{caption}\t-")
    wrong = CliRunner().invoke(group, command, input=b"no photograph")
    assert str(wrong.exception).startswith("value 1 names standard input, which is a text that begins with 'no photo")


@captioning
def test_samples_follow_the_seed(learned: Learned, scenes: dict[Path, str]):
    given = ("predict", "captioning", *scenes, "--do-sample", "--temperature", "3", "--model", learned.folder)
    one, again, other = (run(*given, "--seed", seed).stdout for seed in ("1", "1", "2"))
    assert one == again != other
    assert len(one.splitlines()) == len(scenes)


@captioning
def test_where_it_attended_to_is_drawn(learned: Learned, scenes: dict[Path, str], tmp_path: Path):
    drawn, (first, caption) = tmp_path / "out.png", next(iter(scenes.items()))
    assert caption in run("predict", "captioning", first, "--explain", drawn, "--model", learned.folder).stdout
    with Picture.open(drawn) as picture:
        assert min(picture.size) > 300


@captioning
def test_what_is_no_photograph_ends_it_or_is_left_out(learned: Learned, scenes: dict[Path, str], tmp_path: Path):
    where = ("--model", learned.folder)
    (tmp_path / "5.png").write_bytes(b"hi")
    with pytest.raises(InputError, match=r"names .*5\.png, which is a text that begins with 'hi', no JPEG"):
        run("predict", "captioning", tmp_path, *where)
    (tmp_path / "6.png").symlink_to(tmp_path / "gone.png")
    done = run("predict", "captioning", tmp_path, "--on-invalid", "skip", *where)
    assert re.search(r"6\.png, which does not exist; .*\n2 left out\n$", done.stderr)
    assert len(done.stdout.splitlines()) == len(scenes)
    (twice,) = scenes.keys() & {tmp_path / "0.png"}
    assert len(run("predict", "captioning", twice, twice, *where).stdout.splitlines()) == 2
    (tmp_path / "empty").mkdir()
    for wrong, message in (("none.png", "does not exist"), (tmp_path / "empty", "has no file")):
        with pytest.raises(InputError, match=message):
            run("predict", "captioning", wrong, *where)
    os.mkfifo(tmp_path / "empty" / "pipe.png")
    with pytest.raises(InputError, match=r"pipe\.png, which is a pipe or a device"):
        run("predict", "captioning", tmp_path / "empty", *where)


@captioning
def test_a_table_of_paths_is_answered(
    learned: Learned, scenes: dict[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")  # what cannot be read is set aside here
    names = [path.name for path in scenes]  # next to the table, as in training
    (tmp_path / "a folder").mkdir()
    lines = [f"7,{name}\n" for name in [*names, "none.png", "a folder"]]
    (tmp_path / "some.csv").write_text("number,image\n" + "".join(lines))
    given = ("predict", "captioning", "--file", tmp_path / "some.csv", "--model", learned.folder)
    printed = run(*given, "--on-invalid", "skip").stdout.splitlines()
    assert printed[0] == "number,image,answer,score"
    assert [line.split(",")[2] for line in printed[1:]] == list(scenes.values())
    assert all(float(line.split(",")[3]) < 0 for line in printed[1:])
    aside = [json.loads(line) for line in (tmp_path / "here" / "some.csv.rejects.jsonl").read_text().splitlines()]
    assert [each["row"] for each in aside] == [len(names) + 2, len(names) + 3]
    assert "does not exist" in aside[0]["reason"]
    assert "Is a directory" in aside[1]["reason"]
    with pytest.raises(InputError, match=rf"some\.csv:{len(names) + 2} names .*none\.png, which does not exist"):
        run(*given)
    searched = run(*given, "--num-beams", "2", "--on-invalid", "skip").stdout.splitlines()
    assert [line.split(",")[2] for line in searched[1:]] == list(scenes.values())


@captioning
def test_as_many_beams_are_followed_as_the_model_was_set_to(learned: Learned, scenes: dict[Path, str]):
    from seqtasks.inference import generation, predictor

    served = predictor.load(learned.folder)
    content = next(iter(scenes)).read_bytes()
    for options, beams in ((BeamOptions(), served.manifest.settings["num_beams"]), (BeamOptions(2), 2)):
        (answer,) = generation.generate(served, [content], options)
        assert 1 + len(answer["alternatives"]) == beams
    shown = explain.attention(served, content, BeamOptions())
    assert " ".join(shown.pieces) == shown.answer["answer"]
    page = stands_alone(shown.html())
    assert shown.answer["answer"] in page.text
    assert len(page.of("img")) == 1
