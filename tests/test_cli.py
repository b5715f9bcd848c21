from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from seqtasks import files
from seqtasks.training import card as cards
from seqtasks.training import model_folder
from tests.conftest import Learned, run, sets
from tests.samples import SAMPLES, UNCOMPILED, answers

HEAVY = ("tensorflow", "keras", "pandas", "tensorflow_datasets", "sklearn", "matplotlib")


def seqtasks(*arguments: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line as people run it, in a folder of theirs."""
    command = [sys.executable, "-m", "seqtasks", *(str(each) for each in arguments)]
    kept = {name: value for name, value in os.environ.items() if name not in ("TFDS_DATA_DIR", "SEQTASKS_MANUAL_DIR")}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env={**kept, **environment}, timeout=300
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["train", "sentimant"], 2, "unknown task 'sentimant'; choose from "),
        (["train", "sentiment", "--cell", "lsmt", "--sample"], 2, "unknown cell 'lsmt'; choose from simple, irnn"),
        (["train", "sentiment", "--precision", "half", "--sample"], 2, "unknown precision 'half'; choose from float32"),
        (["train", "sentiment", "--set", "unit=3"], 2, "unknown setting 'unit'; choose from "),
        (["train", "sentiment", "--set", "units"], 2, "--set units is not of the form KEY=VALUE"),
        (["train", "sentiment", "--set", "dropout=much"], 2, "setting dropout is a number, not 'much'"),
        (["train", "sentiment", "--set", "lower=maybe"], 2, "setting lower is true or false, not 'maybe'"),
        (["train", "sentiment", "--dataset", "imbd"], 2, "unknown data set 'imbd'; choose from imdb_reviews, sample"),
        (["train", "sentiment", "--dataset", "x", "--sample"], 2, "--dataset, --sample and --data name several"),
        (["train", "sentiment", "--resume", "--fresh"], 2, "--resume and --fresh contradict each other; give one"),
        (["train", "sentiment", "--sample", "--resume"], 2, "holds no unfinished training to resume"),
        (["train", "sentiment", "--epochs", "few"], 2, "'few' is not a valid integer"),
        (["evaluate", "sentiment"], 2, 'no trained model in saved_models/sentiment; run "seqtasks train'),
        (["export", "sentiment"], 2, "no trained model in saved_models/sentiment"),
        (["predict", "sentiment", "Good."], 2, 'no export in saved_models/sentiment; run "seqtasks export'),
        (["predict", "sentiment"], 2, "give values or --file FILE, one of the two"),
        (["predict", "sentiment", "--file", "a.csv", "--json"], 2, "--json is for the answers to values"),
        (["predict", "sentiment", "Good.", "--output", "a.csv"], 2, "--output is for the rows of a file; leave it out"),
        (["predict", "sentiment", "Good.", "--strict"], 2, "--strict is for the rows of a file"),
        (["predict", "sentiment", "Good.", "--format", "csv"], 2, "--format is for the rows of a file"),
        (["predict", "sentiment", "Good.", "--text-column", "a"], 2, "--input-column is for the rows of a file"),
        (["predict", "sentiment", "Good.", "--separator", ""], 2, "--separator is for the rows of a file"),
        (["predict", "sentiment", "Good.", "--encoding", "latin-1"], 2, "--encoding is for the rows of a file"),
        (["evaluate", "dna", "--split", "test", "--folds", "3"], 2, "--folds tests on the examples of all splits"),
        (["generate", "x"], 2, 'no export in saved_models/text_generation; run "seqtasks export'),
        (["generate", "x", "--count", "2", "--seed", "9223372036854775807"], 2, "give a lower --seed"),
        (["score", "x.txt"], 2, "no export in saved_models/text_generation"),
        (["train", "text_generation", "--sample", "--set", "window=0"], 2, "window is at least 1, not 0"),
        (["train", "text_generation", "--sample", "--set", "level=line"], 2, "unknown level 'line'; choose from char"),
        (["train", "text_generation", "--data", "x.txt"], 3, "x.txt does not exist; give the path"),
        (["download"], 2, "name a task ("),
        (["fly"], 2, "No such command 'fly'"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_line_and_an_exit_code(arguments, code, said, tmp_path, monkeypatch, capsys):
    from seqtasks.cli import main

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    last = capsys.readouterr().err.splitlines()[-1]
    assert ended.value.code == code
    assert last.startswith("seqtasks: error: ")
    assert said in last
    assert not list(tmp_path.rglob("*.h5"))


def test_a_training_that_diverges_ends_with_6(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from seqtasks.cli import main

    small = sets(UNCOMPILED | {"embedding": "4", "bidirectional": "no", "adversarial": "0", "least_steps": "5"})
    with pytest.raises(SystemExit) as ended:
        main(["train", "sentiment", "--sample", "--model", str(tmp_path), *small, "--set", "learning_rate=1e38"])
    assert ended.value.code == 6
    assert "training diverged in epoch 1, step 2 (train rows " in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.rglob("*.h5"))


def test_what_was_trained_in_bfloat16_answers_in_float32(tmp_path: Path):
    small = ("--units", "8", "--epochs", "1", "--set", "least_steps=5", "--set", "embedding=8")
    run("train", "sentiment", "--sample", "--model", tmp_path, "--precision", "bfloat16", *small)
    restored = model_folder.restore(tmp_path, "sentiment")
    assert restored.card.settings["precision"] == "bfloat16"
    assert restored.model.get_layer("recurrent_1").forward_layer.compute_dtype == "float32"
    assert 0 <= json.loads(run("evaluate", "sentiment", "--model", tmp_path, "--json").stdout)["accuracy"] <= 1


def test_without_network_a_named_set_is_one_error(no_downloads, tmp_path, monkeypatch, capsys):
    from seqtasks.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["train", "sentiment", "--dataset", "imdb_reviews"])
    assert ended.value.code == 5
    last = capsys.readouterr().err.splitlines()[-1]
    assert "cannot be downloaded (no connection to ai.stanford.edu); connect to the network" in last


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path, capsys):
    from seqtasks.cli import main

    (tmp_path / "file").write_text("not a folder")  # even the superuser makes no folder in it
    with pytest.raises(SystemExit) as ended:
        main(["train", "sentiment", "--sample", "--model", str(tmp_path / "file" / "model")])
    assert ended.value.code == 5
    assert "file/model" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["train", "--help"], ["train", "sentimant"]])
def test_quick_answers_import_nothing_heavy(arguments: list[str], tmp_path: Path):
    code = f"""
import sys
from seqtasks.cli import main
try:
    main({arguments!r})
except SystemExit:
    print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stderr.splitlines()[-1].strip() == ""


def test_help_knows_every_verb():
    printed = run("--help").output
    for verb in ("bench", "download", "evaluate", "export", "list", "predict", "train"):
        assert verb in printed


def test_json_is_one_line_and_alone(learned: Learned, tmp_path: Path):
    typed = SAMPLES[learned.name].typed
    for number, content in enumerate(answers(learned.name)):
        (tmp_path / f"{number}.png").write_bytes(content)
    done = seqtasks("predict", learned.name, *typed, "--json", "--model", learned.folder, folder=tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    assert [set(row) >= {"input", "answer"} for row in json.loads(done.stdout)] == [True, True]
    assert done.stdout.count("\n") == 1


def test_evaluate_as_json(learned: Learned):
    result = json.loads(run("evaluate", learned.name, "--model", learned.folder, "--json").output)
    assert {"task", "dataset", "split"} <= set(result)
    assert {"examples"} < set(result) or {"characters", "nats_per_character"} <= set(result)


def test_evaluate_says_which_splits_there_are(learned: Learned, capsys):
    from seqtasks.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["evaluate", learned.name, "--split", "dev", "--model", str(learned.folder)])
    assert ended.value.code == 2
    assert re.search(r"has no split 'dev'; choose from train, \w+, \w+", capsys.readouterr().err)


def test_another_tasks_folder_is_refused(learned: Learned, tmp_path, capsys):
    from seqtasks.cli import main

    card = files.unsealed((learned.folder / "card.json").read_bytes())
    files.write_json(tmp_path / "card.json", files.sealed(card | {"task": "juggling"}))
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", learned.name, "--model", str(tmp_path)])
    assert ended.value.code == 2
    assert f"holds a trained juggling, not {learned.name}" in capsys.readouterr().err


def test_dry_run_shows_the_data_and_leaves_nothing(tmp_path: Path):
    settings = sets(SAMPLES["sentiment"].settings)
    printed = run("train", "sentiment", "--sample", "--dry-run", "--model", tmp_path / "model", *settings).output
    assert "sentiment on sample" in printed
    assert "steps an epoch" in printed
    assert not (tmp_path / "model").exists()


def test_list_tells_what_is_trained(learned: Learned, tmp_path, monkeypatch):
    (tmp_path / "saved_models").mkdir()
    (tmp_path / "saved_models" / learned.name).symlink_to(learned.folder)
    monkeypatch.chdir(tmp_path)
    row = next(row for row in json.loads(run("list", "--json").output) if row["task"] == learned.name)
    assert row["trained"].startswith("sample, ")
    assert row["exported"] >= 1
    assert row["measured"].startswith(("accuracy ", "bits per character ", "bleu 4 "))
    assert "(test)" in row["measured"]


def test_list_takes_no_other_folder_for_an_export(tmp_path, monkeypatch):
    model = tmp_path / "saved_models" / "sentiment"
    for name in ("3", "12", "13.old"):
        (model / "serving" / name).mkdir(parents=True)
    card = cards.Card("sentiment", "sample", "", {}, {}, {}, {}, {}, 0, {}, 0)
    files.publish(model, {cards.NAME: card.write}, record=cards.NAME)
    monkeypatch.chdir(tmp_path)
    row = next(row for row in json.loads(run("list", "--json").output) if row["task"] == "sentiment")
    assert row["exported"] == 12


def test_a_dash_is_taken_for_an_underscore():
    from seqtasks import tasks

    assert tasks.known("text-generation" if "text_generation" in tasks.names() else "sentiment") in tasks.names()
