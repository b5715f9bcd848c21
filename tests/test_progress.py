"""How far long works are: told by those who do them, shown on standard error, and gone on with when interrupted."""

from __future__ import annotations

import io
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import requests
from rich.console import Console

from seqtasks.cli import meter, options
from seqtasks.codecs import encoder_weights
from seqtasks.data import download, progress
from seqtasks.data.batches import RowBatches
from seqtasks.data.progress import Step
from seqtasks.data.readers import Options
from seqtasks.errors import InputError, UsageError
from seqtasks.inference import files, forms, values
from seqtasks.inference.files import Done
from tests.conftest import Learned, quickly, run, serving_files

SIZE = 3_000_000  # bytes


def test_a_log_gets_a_line_now_and_then_with_the_time_left():
    said: list[str] = []
    clock = iter(range(0, 100, 5))
    listen = progress.lines(said.append, lambda: next(clock))
    for done in range(0, 80, 10):
        listen(Step("downloading a set", done * 1e6, 80e6, progress.BYTES))
    assert said == [
        "downloading a set: 30 of 80 MB, 38%, about 25 s left",
        "downloading a set: 60 of 80 MB, 75%, about 10 s left",
    ]
    said.clear()
    listen(Step("preparing a set", at_once=True))
    listen(Step("reading", 5, unit="rows"))
    for done in (6, 7, 1_008):
        listen(Step("reading", done, unit="rows"))
    assert said == ["preparing a set", "reading: 1,008 rows, 15 s"]
    assert [progress._time(seconds) for seconds in (99, 100, 3_600, 7_300)] == ["99 s", "2 min", "60 min", "2 h 2 min"]


def steps_of(work: Any) -> list[Step]:
    heard: list[Step] = []
    with progress.listening(heard.append):
        work()
    return heard


def test_what_is_downloaded_is_counted_as_it_comes(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(bytes(SIZE))

    def load() -> None:
        with serving_files(tmp_path) as address, download.limits("a set"):
            with requests.get(f"{address}/a", stream=True, timeout=9) as response:  # as TFDS
                assert sum(map(len, response.iter_content(chunk_size=1 << 16))) == SIZE
            urllib.request.urlretrieve(f"{address}/b", tmp_path / "c")  # as Keras

    before = urllib.request.urlopen, requests.adapters.HTTPAdapter.send
    heard = steps_of(load)
    assert (urllib.request.urlopen, requests.adapters.HTTPAdapter.send) == before
    assert (tmp_path / "c").stat().st_size == SIZE
    came = [step for step in heard if step.unit == progress.BYTES]
    assert {step.what for step in came} == {"downloading a set"}
    assert [step.done for step in came] == sorted(step.done for step in came)
    assert (came[0].total, came[-1].done, came[-1].total) == (SIZE, 2 * SIZE, 2 * SIZE)
    assert len(came) > 50
    assert heard[-1] == Step("preparing a set", at_once=True)


def test_of_an_unknown_size_the_bytes_alone_are_told():
    heard: list[Step] = []
    counts = download._Counter("a set", heard.append).counts({"Content-Encoding": "gzip", "Content-Length": "9"})
    assert counts(b"12345") == b"12345"
    assert heard == [Step("downloading a set", 5, None, progress.BYTES)]


def test_keras_prints_nothing_of_a_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    (tmp_path / "weights.h5").write_bytes(bytes(SIZE))
    with serving_files(tmp_path) as address:

        def application(name: str) -> Any:
            origin = f"{address}/weights.h5"
            return lambda **_: keras.utils.get_file("weights.h5", origin, cache_dir=tmp_path / "cache")

        (tmp_path / "cache").mkdir()
        monkeypatch.setattr(encoder_weights, "application", application)
        heard = steps_of(lambda: encoder_weights.load("MobileNet", 0.25, 96, "imagenet"))
    assert heard[-2].done == SIZE
    assert heard[0].what == "downloading the weights of MobileNet"
    assert capsys.readouterr().out == ""


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal shows of standard error."""
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=100)
    monkeypatch.setattr(options, "console", lambda *, stderr: console)
    return shown


def test_a_terminal_gets_a_bar_and_standard_output_nothing(screen: io.StringIO, capsys, monkeypatch):
    with meter.shown():
        progress.tell("answering", 10, 40, "rows")
        print("an answer")
        progress.tell("writing")
    assert "answering" in screen.getvalue()
    assert "10 of 40 rows" in screen.getvalue()
    assert "writing" in screen.getvalue()
    assert "an answer" not in screen.getvalue()
    assert capsys.readouterr().out == "an answer\n"


def test_no_bar_is_drawn_among_answers_nor_where_it_is_to_be_quiet(screen: io.StringIO, monkeypatch):
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: True, write=len, flush=len))
    with meter.shown(beside_answers=True):
        progress.tell("answering", 10, 40, "rows")
    monkeypatch.setattr(options, "is_quiet", lambda: True)
    with meter.shown():
        progress.tell("answering", 10, 40, "rows")
    assert screen.getvalue() == ""


def test_rows_are_told_of_as_they_are_answered():
    batches = RowBatches(SimpleNamespace(), np.arange(5), lambda batch: batch)  # type: ignore[arg-type]
    heard = steps_of(lambda: list(batches.eval_batches(batch_size=2)))
    assert [(step.done, step.total, step.unit) for step in heard] == [(2, 5, "rows"), (4, 5, "rows"), (5, 5, "rows")]


@quickly("sentiment")
def test_evaluate_tells_in_a_log_how_far_it_is(learned: Learned, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(progress, "EVERY", 0)
    done = run("evaluate", learned.name, "--model", learned.folder, "--json")
    assert done.stdout.count("\n") == 1
    assert "rows, 100%, about 0 s left" in done.stderr
    assert "answering" not in run("--quiet", "evaluate", learned.name, "--model", learned.folder).stderr


class Lengths:
    """In place of an export: answers with the size of what it is asked, and remembers what that was."""

    def __init__(self) -> None:
        serve = SimpleNamespace(columns=("answer",))
        self.manifest = SimpleNamespace(endpoints={"serve": serve}, batch_size=2, files={"a": "b"})
        self.asked: list[bytes] = []

    def __call__(self, contents: Sequence[bytes]) -> list[dict[str, Any]]:
        self.asked += contents
        return [{"answer": len(content)} for content in contents]


def answered(served: Lengths, folder: Path, output: Path, *, until: int = 0, on_invalid: str = "error") -> Done:
    """Answers the files of a folder into a table; interrupted once so many are done."""

    def listen(step: Step) -> None:
        assert step.total == len(names)
        if step.done == until:
            raise KeyboardInterrupt

    names = values.expanded([str(folder)])
    more: Any = {"form": forms.of(None, Options(), output), "rejects": output.with_name("rejects")}
    reading, raw = Options(on_invalid=on_invalid), values.Raw(reads_files=True)
    with progress.listening(listen):
        return files.answer_to_file(served, folder, reading, raw, output, named=values.Named(names), **more)  # type: ignore[arg-type]


def test_a_folder_of_files_goes_on_where_it_was_interrupted(tmp_path: Path):
    folder, output, served = tmp_path / "files", tmp_path / "out.csv", Lengths()
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.bin").write_bytes(b"x" * (5 - number))
    with pytest.raises(KeyboardInterrupt):
        answered(served, folder, output, until=4)
    assert not output.exists()
    assert len(served.asked) == 4
    assert answered(served, folder, output).rows == 5
    assert served.asked[4:] == [b"x"]
    rows = output.read_text().splitlines()
    assert rows == ["file,answer", *(f"{folder}/{number}.bin,{5 - number}" for number in range(5))]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files", "out.csv"]

    with pytest.raises(KeyboardInterrupt):
        answered(served, folder, output, until=2)
    (folder / "4.bin").write_bytes(b"another")
    served.asked.clear()
    answered(served, folder, output)
    assert len(served.asked) == 5  # other files: from the beginning


def test_a_file_that_cannot_be_read_is_named_or_set_aside(tmp_path: Path):
    folder, output = tmp_path / "files", tmp_path / "out.jsonl"
    folder.mkdir()
    (folder / "0.bin").write_bytes(b"x")
    (folder / "1.bin").symlink_to(folder)  # a folder, where a file is wanted
    (folder / "2.bin").symlink_to(folder / "2.bin")
    (folder / "3.bin").write_bytes(b"xx")
    names = [str(folder / f"{number}.bin") for number in (0, 1, 3)]
    named: Any = {
        "named": values.Named(names),
        "form": forms.of(None, Options(), output),
        "rejects": tmp_path / "rejects",
    }
    raw = values.Raw(reads_files=True)
    with pytest.raises(InputError, match=r"value 2 .*1\.bin cannot be read \(Is a directory\)"):
        files.answer_to_file(Lengths(), folder, Options(), raw, output, **named)  # type: ignore[arg-type]
    done = files.answer_to_file(Lengths(), folder, Options(on_invalid="skip"), raw, output, **named)  # type: ignore[arg-type]
    assert (done.rows, done.rejects) == (3, 1)
    assert "1.bin cannot be read" in (tmp_path / "rejects").read_text()
    assert output.read_text().count("\n") == 2


@quickly("sentiment")
def test_predict_writes_a_table_of_a_folder(learned: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UsageError, match="--output is for the rows of a file; leave it out, or give --file FILE"):
        run("predict", learned.name, "a text", "--output", tmp_path / "out.csv", "--model", learned.folder)
    monkeypatch.setattr(values, "codec", lambda description: values.Raw(("text",), reads_files=True))
    monkeypatch.setattr(progress, "EVERY", 0)
    (tmp_path / "texts").mkdir()
    for number, text in enumerate(("The film was good.", "The food was bad.")):
        (tmp_path / "texts" / f"{number}.txt").write_text(text)
    where = ["--model", learned.folder]
    done = run("predict", learned.name, tmp_path / "texts", "--output", tmp_path / "out.csv", *where)
    assert done.stdout == ""
    assert done.stderr.splitlines()[-2:] == ["answering: 2 of 2 files, 100%, about 0 s left", "2 files"]
    header, *rows = (tmp_path / "out.csv").read_text().splitlines()
    assert header == "file,answer,probability"
    assert [row.split(",")[0] for row in rows] == [str(tmp_path / "texts" / f"{number}.txt") for number in (0, 1)]
    printed = run("predict", learned.name, tmp_path / "texts", *where).stdout.splitlines()
    assert [line.split("\t")[1] for line in printed] == [row.split(",")[1] for row in rows]
    with pytest.raises(UsageError, match=r"out\.xlsx cannot be written; give a name that ends in \.csv, \.tsv or"):
        run("predict", learned.name, tmp_path / "texts", "--output", tmp_path / "out.xlsx", *where)
