"""Your own data from end to end: train on a file of three classes, answer files with the export."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from seqtasks.codecs.labels import Labels
from seqtasks.codecs.text import Text
from seqtasks.data import progress, readers, store, user
from seqtasks.errors import InputError
from seqtasks.inference import files as answering
from seqtasks.inference import predictor
from seqtasks.inference.forms import Form
from seqtasks.task import Folders
from seqtasks.training import card as cards
from tests.conftest import run, sets
from tests.samples import SAMPLES, UNCOMPILED

pytestmark = pytest.mark.trains

SMALL = sets(
    {
        "units": "256",
        "embedding_dim": "8",
        "bidirectional": "no",
        "epochs": "2",
        "min_steps_per_epoch": "60",
        "dropout": "0.1",
        "adversarial_epsilon": "0.0",
    }
)
MOODS = {"1": "sunny", "2": "cloudy", "10": "stormy"}


def forecasts(number: int) -> str:
    """A CSV of three classes, the labels numbers, with a column that is not used."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["id", "text", "stars"])
    for place in range(number):
        label = list(MOODS)[place % 3]
        table.writerow([place, f"Day {place} will be\n{MOODS[label]}, naïvely speaking", label])
    return text.getvalue()


@pytest.fixture(scope="module")
def weather(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with forecasts.csv and, in model/, a model trained on it."""
    folder = tmp_path_factory.mktemp("weather")
    (folder / "forecasts.csv").write_text(forecasts(300))
    train(folder, "--data", folder / "forecasts.csv")
    run("export", "sentiment", "--model", folder / "model")
    return folder


def train(folder: Path, *arguments: object) -> str:
    model = ("--model", folder / "model", "--data-dir", folder / "datasets")
    return run("train", "sentiment", *arguments, *model, *SMALL).output


def failed(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code and last line of a command that fails."""
    from seqtasks.cli import main

    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    return ended.value.code, capsys.readouterr().err.splitlines()[-1]


def test_the_card_names_the_training_data(weather: Path):
    card = cards.read(weather / "model")
    assert card.dataset == "forecasts.csv"
    assert card.targets["names"] == ["1", "2", "10"]  # numbers in the order of numbers
    assert card.rows == {"train": 243, "validation": 27, "test": 30}
    assert card.source["data"] == str(weather / "forecasts.csv")


def test_evaluate_reads_the_same_file_again(weather: Path):
    arguments = ("--model", weather / "model", "--data-dir", weather / "datasets", "--json")
    result = json.loads(run("evaluate", "sentiment", *arguments).output)
    assert result["dataset"] == "forecasts.csv"
    assert result["examples"] == 30
    assert result["accuracy"] == 1.0


def test_your_own_test_file_is_never_trained_on(tmp_path: Path):
    (tmp_path / "train.csv").write_text(forecasts(150))
    (tmp_path / "test.csv").write_text(forecasts(12))
    printed = train(tmp_path, "--data", tmp_path / "train.csv", "--test-data", tmp_path / "test.csv")
    assert "12 dropped from train, also in test" in printed
    assert cards.read(tmp_path / "model").rows["test"] == 12


def test_dry_run_tells_duplicates_and_cost(weather: Path, tmp_path: Path):
    (tmp_path / "twice.csv").write_text(forecasts(90) + forecasts(90).partition("\n")[2])
    arguments = ("--data", tmp_path / "twice.csv", "--dry-run", "--data-dir", tmp_path / "datasets", *SMALL)
    printed = run("train", "sentiment", *arguments).output
    assert "labels: 1 " in printed
    assert "duplicates: " in printed
    assert "s an epoch" in printed


@pytest.mark.parametrize(
    ("data", "test", "said"),
    [
        ("text,label\na,x\nb,x\nc,x\nd,x\n", None, "data.csv has one class only, 'x'; give examples of at least two"),
        ("text,label\na,x\n", None, "0 usable rows for "),
        (forecasts(60), "text,stars\nfine,7\n", "test.csv row 1: label '7' is none of 1, 2, 10, those of train"),
    ],
)
def test_examples_that_teach_nothing_are_refused(data: str, test: str | None, said: str, tmp_path: Path, capsys):
    (tmp_path / "data.csv").write_text(data)
    (tmp_path / "test.csv").write_text(test or "")
    more = ["--test-data", tmp_path / "test.csv"] if test else []
    folders = ["--model", tmp_path / "model", "--data-dir", tmp_path / "datasets"]
    code, line = failed(capsys, "train", "sentiment", "--data", tmp_path / "data.csv", *more, *folders, *SMALL)
    assert code == 3
    assert said in line
    assert not (tmp_path / "model" / "card.json").exists()


def predict(weather: Path, *arguments: object) -> str:
    return run("predict", "sentiment", "--model", weather / "model", *arguments).stdout


def test_a_csv_keeps_its_columns_and_order(weather: Path):
    rows = list(csv.DictReader(io.StringIO(predict(weather, "--file", weather / "forecasts.csv"))))
    given = list(csv.DictReader(io.StringIO(forecasts(300))))
    assert list(rows[0]) == ["id", "text", "stars", "answer", "probability"]
    assert [row["text"] for row in rows] == [row["text"] for row in given]
    assert [row["answer"] for row in rows] == [row["stars"] for row in given]


def test_json_lines_keep_their_types(weather: Path, tmp_path: Path):
    (tmp_path / "a.jsonl").write_text('{"text": "sunny", "n": 3, "answer": [1]}\n')
    (row,) = (json.loads(line) for line in predict(weather, "--file", tmp_path / "a.jsonl").splitlines())
    assert row["n"] == 3
    assert row["answer"] == [1]
    assert row["answer_"] in MOODS


def test_standard_input(weather: Path, tmp_path: Path):
    command = [
        sys.executable,
        "-m",
        "seqtasks",
        "predict",
        "sentiment",
        "--file",
        "-",
        "--model",
        str(weather / "model"),
    ]
    given = "Day 7 will be sunny, naïvely speaking\nDay 8 will be stormy, naïvely speaking\n"
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert [row["answer"] for row in csv.DictReader(io.StringIO(done.stdout))] == ["1", "10"]
    assert done.stderr.strip() == "2 rows"


BAD = 'text,n\nsunny,1\na, b,2\nstormy,3\n"caf\udcff",4\n'


def test_invalid_rows_are_skipped_with_file_row_and_reason(weather: Path, tmp_path: Path):
    (tmp_path / "a.csv").write_text(BAD, errors="surrogateescape")
    predict(weather, "--file", tmp_path / "a.csv", "--output", tmp_path / "out.csv", "--on-invalid", "skip")
    rejects = [json.loads(line) for line in (tmp_path / "out.csv.rejects.jsonl").read_text().splitlines()]
    assert [(each["file"], each["row"]) for each in rejects] == [(str(tmp_path / "a.csv"), row) for row in (3, 5)]
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 3


def test_the_first_invalid_row_is_an_error(weather: Path, tmp_path: Path, capsys):
    (tmp_path / "a.csv").write_text(BAD, errors="surrogateescape")
    arguments = ("--file", tmp_path / "a.csv", "--model", weather / "model")
    code, line = failed(capsys, "predict", "sentiment", *arguments)
    assert code == 3
    assert f"{tmp_path}/a.csv:3 has 3 fields, expected 2" in line


def test_values_and_file_exclude_each_other(weather: Path, tmp_path: Path, capsys):
    for arguments in ((), ("sunny", "--file", "x.csv")):
        code, line = failed(capsys, "predict", "sentiment", *arguments, "--model", weather / "model")
        assert (code, line) == (2, "seqtasks: error: give values or --file FILE, one of the two")


def test_interrupted_it_goes_on_where_it_stopped(weather: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    load = predictor.load

    def with_small_batches(path: Path) -> predictor.Predictor:
        loaded = load(path)
        return dataclasses.replace(loaded, manifest=dataclasses.replace(loaded.manifest, batch_size=25))

    monkeypatch.setattr(answering, "BATCHES", 2)
    monkeypatch.setattr(predictor, "load", with_small_batches)
    data, output = weather / "forecasts.csv", tmp_path / "out.csv"
    whole = predict(weather, "--file", data)
    served, seen = predictor.load(weather / "model"), []

    def answer(power: int) -> None:
        def listen(step: progress.Step) -> None:
            seen.append(step.done)
            if step.done == power:
                raise KeyboardInterrupt

        more = {"form": Form(".csv"), "rejects": tmp_path / "rejects"}
        with progress.listening(listen):
            answering.answer_to_file(served, data, readers.Options(), Text(), output, **more)

    with pytest.raises(KeyboardInterrupt):
        answer(150)
    assert not output.exists()
    with (tmp_path / "out.csv.partial").open("ab") as file:
        file.write(b"half a li")
    answer(0)
    assert seen == [50, 100, 150, 200, 250, 300]
    assert output.read_text() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv"]


def test_another_input_starts_again(weather: Path, tmp_path: Path):
    served = predictor.load(weather / "model")
    (tmp_path / "out.csv.partial").write_text("id,text\n")
    (tmp_path / "out.csv.progress.json").write_text(
        '{"identity": {}, "rows": 1, "rejects": 0, "size": 8, "rejects_size": 0}'
    )
    more = {"form": Form(".csv"), "rejects": tmp_path / "rejects"}
    done = answering.answer_to_file(
        served, weather / "forecasts.csv", readers.Options(), Text(), tmp_path / "out.csv", **more
    )
    assert done.rows == 300


def test_no_rows_no_answers(weather: Path, tmp_path: Path):
    (tmp_path / "a.txt").write_text("")
    assert predict(weather, "--file", tmp_path / "a.txt") == ""


def test_a_missing_column_is_named(weather: Path, tmp_path: Path):
    (tmp_path / "a.csv").write_text("words,n\nsunny,1\n")
    with pytest.raises(InputError, match="it has words, n: name one with --input-column"):
        predict(weather, "--file", tmp_path / "a.csv")


def test_compare_trains_each_cell_once(tmp_path: Path):
    small = {"epochs": "1", "min_steps_per_epoch": "20", "adversarial_epsilon": "0", "bidirectional": "no"} | UNCOMPILED
    settings = sets(SAMPLES["sentiment"].settings | small)
    arguments = ("compare", "sentiment", "--sample-data", "--cells", "simple_rnn,gru", "--model", tmp_path, *settings)
    rows = json.loads(run(*arguments, "--json").stdout)
    assert [row["cell"] for row in rows] == ["simple_rnn", "gru"]
    assert rows[0]["parameters"] < rows[1]["parameters"]
    assert (
        (tmp_path / "compare.csv").read_text().startswith("cell,loss,accuracy,epoch,seconds,parameters,1-100_steps\n")
    )
    assert (tmp_path / "compare.png").read_bytes().startswith(b"\x89PNG")
    before = cards.read(tmp_path / "gru").created
    again = run(*arguments)
    assert "epoch 1/1" not in again.output
    assert cards.read(tmp_path / "gru").created == before


def test_memory_of_a_store_is_a_few_bytes_a_row(weather: Path):
    source = user.Source(str(weather / "forecasts.csv"))
    train = user.read(source, Text(), Labels(), weather / "datasets", print)["train"]
    assert train.inputs.starts.nbytes + train.inputs.sizes.nbytes == 12 * len(train)
    assert train.targets.ids.nbytes == 4 * len(train)
    assert isinstance(train.inputs.take(np.arange(3)), store.DiskBytes)


def test_the_benchmark_of_memory_reads_few_rows_where_it_is_of_the_sample(monkeypatch: pytest.MonkeyPatch):
    from seqtasks.benchmarks import memory

    monkeypatch.setattr(memory, "peak", lambda arguments, folder: Path(arguments[-1]).read_bytes().count(b"\n"))
    found = memory.run(Folders(()), print, dataset="sample")
    assert list(found["peak_mb"]) == ["10,000 rows", "20,000 rows"]
    assert found["bytes_per_row"] == 1
