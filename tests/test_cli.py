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
from tests.conftest import Learned, quickly, run, sets
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
        (["train", "sentimant"], 2, "unknown task 'sentimant'; did you mean sentiment? choose from "),
        (["train", "sentiment", "--cell", "lsmt", "--sample-data"], 2, "'lsmt'; did you mean lstm? choose from"),
        (["train", "sentiment", "--dtype-policy", "half", "--sample-data"], 2, "'half'; choose from float32, mixed_b"),
        (["train", "sentiment", "--set", "unit=3"], 2, "unknown setting 'unit'; did you mean units? choose from "),
        (["train", "sentiment", "--set", "units"], 2, "--set units is not of the form KEY=VALUE"),
        (["train", "sentiment", "--set", "dropout=much"], 2, "setting dropout is a number, not 'much'"),
        (["train", "sentiment", "--set", "lowercase=maybe"], 2, "setting lowercase is true or false, not 'maybe'"),
        (["train", "sentiment", "--dataset", "imbd"], 2, "unknown data set 'imbd'; choose from imdb_reviews, "),
        (["train", "sentiment", "--dataset", "x", "--sample-data"], 2, "--sample-data and --data name several"),
        (["train", "sentiment", "--resume", "--fresh"], 2, "--resume and --fresh contradict each other; give one"),
        (["train", "sentiment", "--sample-data", "--resume"], 2, "holds no unfinished training to resume"),
        (["train", "sentiment", "--epochs", "few"], 2, "'few' is not a valid integer"),
        (["evaluate", "sentiment"], 2, 'no trained model in saved_models/sentiment; run "seqtasks train'),
        (["export", "sentiment"], 2, "no trained model in saved_models/sentiment"),
        (["predict", "sentiment", "Good."], 2, 'no export in saved_models/sentiment, and no model; run'),
        (["predict", "sentiment"], 2, "give values or --file FILE, one of the two"),
        (["predict", "sentiment", "--file", "a.csv", "--json"], 2, "--json is for the answers to values"),
        (["predict", "sentiment", "Good.", "--output", "a.csv", "--json"], 2, "--output is for a table of answers"),
        (["predict", "sentimant", "Good."], 2, "unknown task 'sentimant'; did you mean sentiment? choose from "),
        (["predict", "sentiment", "Good.", "--on-invalid", "skp"], 2, "unknown --on-invalid 'skp'; did you mean skip?"),
        (["predict", "sentiment", "Good.", "--format", "csv"], 2, "--format is for the rows of a file"),
        (["predict", "sentiment", "Good.", "--seed", "1"], 2, "--temperature and --seed are of --do-sample"),
        (["predict", "sentiment", "Good.", "--do-sample", "--num-beams", "2"], 2, "leave it or --do-sample out"),
        (["predict", "sentiment", "Good.", "--do-sample", "--explain", "x.png"], 2, "leave --do-sample out"),
        (["predict", "sentiment", "--file", "a.csv", "--explain", "x.png"], 2, "--explain are for values; leave them"),
        (["predict", "sentiment", "Good.", "--num-beam", "2"], 2, "Did you mean '--num-beams'?"),
        (["predict", "sentiment", "Good.", "--text-column", "a"], 2, "--input-column is for the rows of a file"),
        (["predict", "sentiment", "Good.", "--separator", ";"], 2, "--separator is for the rows of a file"),
        (["predict", "sentiment", "Good.", "--encoding", "latin-1"], 2, "--encoding is for the rows of a file"),
        (["evaluate", "dna", "--split", "test", "--folds", "3"], 2, "--folds tests on the examples of all splits"),
        (["generate", "x"], 2, 'no export in saved_models/text_generation, and no model'),
        (["generate", "text-generation", "x"], 2, 'no export in saved_models/text_generation, and no model'),
        (["generate", "text_generaton", "x"], 2, "unknown task 'text_generaton'; did you mean text_generation?"),
        (["generate", "text_generation", "Good", "day"], 2, "not 3 arguments; put the text in quotes"),
        (["generate", "x", "--num-samples", "2", "--seed", "9223372036854775807"], 2, "give a lower --seed"),
        (["score", "x.txt"], 2, "no export in saved_models/text_generation"),
        (["score", "a", "b", "c"], 2, "give a task and one file, not 3 arguments"),
        (["scan", "dna", "x.fa"], 2, "Missing option '--window'"),
        (["scan", "dna", "x.fa", "--window", "50"], 2, "no export in saved_models/dna"),
        (["scan", "dna", "x.fa", "--window", "50", "--format", "bad"], 2, "unknown --format 'bad'; did you mean bed?"),
        (["settings"], 2, "name a task: action_recognition, captioning"),
        (["settings", "sentimant"], 2, "unknown task 'sentimant'; did you mean sentiment?"),
        (["info", "nothing"], 2, "unknown task 'nothing'; choose from "),
        (["info"], 2, "no export in saved_models; run"),
        (["train", "text_generation", "--sample-data", "--set", "bptt_steps=0"], 2, "bptt_steps is at least 1, not 0"),
        (["train", "text_generation", "--sample-data", "--set", "level=line"], 2, "unknown level 'line'; choose from"),
        (["train", "captioning", "--set", "num_beams=0"], 2, "num_beams is at least 1, not 0"),
        (["train", "text_generation", "--data", "x.txt"], 3, "x.txt does not exist; give the path"),
        (["download"], 2, "name a task ("),
        (["fly"], 2, "unknown verb 'fly'; choose from list, info, settings, "),
        (["evalute", "dna"], 2, "unknown verb 'evalute'; did you mean evaluate? choose from "),
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


@pytest.mark.trains
def test_a_training_that_diverges_ends_with_6(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from seqtasks.cli import main

    small = sets(
        UNCOMPILED
        | {"embedding_dim": "4", "bidirectional": "no", "adversarial_epsilon": "0", "min_steps_per_epoch": "5"}
    )
    with pytest.raises(SystemExit) as ended:
        main(["train", "sentiment", "--sample-data", "--model", str(tmp_path), *small, "--set", "learning_rate=1e38"])
    assert ended.value.code == 6
    assert "training diverged in epoch 1, step 2 (train rows " in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.rglob("*.h5"))


@pytest.mark.thorough
@pytest.mark.trains
def test_what_was_trained_in_bfloat16_answers_in_float32(tmp_path: Path):
    small = ("--units", "256", "--epochs", "1", "--set", "min_steps_per_epoch=2", "--set", "embedding_dim=8")
    run("train", "sentiment", "--sample-data", "--model", tmp_path, "--dtype-policy", "mixed_bfloat16", *small)
    restored = model_folder.restore(tmp_path, "sentiment")
    assert restored.card.settings["dtype_policy"] == "mixed_bfloat16"
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
        main(["train", "sentiment", "--sample-data", "--model", str(tmp_path / "file" / "model")])
    assert ended.value.code == 5
    assert "file/model" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.trains
@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"], ["list"], ["train", "--help"], ["predict", "--help"], ["settings", "sentiment"],
        ["train", "sentimant"], ["predict", "sentiment", "Good."], ["generate", "x"],
    ],
)  # fmt: skip
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
    verbs = "list info settings doctor download train evaluate compare export predict generate score scan bench"
    assert re.findall(r"^  (\w+) ", printed.partition("Commands:")[2], re.MULTILINE) == verbs.split()
    assert "..." not in printed.partition("Commands:")[2]
    assert max(map(len, printed.splitlines())) <= 80


@quickly("sentiment")
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
    assert isinstance(result[result["headline"]], float)


def test_evaluate_says_which_splits_there_are(learned: Learned, capsys):
    from seqtasks.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["evaluate", learned.name, "--split", "dev", "--model", str(learned.folder)])
    assert ended.value.code == 2
    assert re.search(r"has no split 'dev'; choose from train, \w+, \w+", capsys.readouterr().err)


def test_another_tasks_folder_is_refused(learned: Learned, tmp_path, capsys):
    from seqtasks.cli import main

    card = files.without_checksum((learned.folder / "card.json").read_bytes())
    files.write_json(tmp_path / "card.json", files.with_checksum(card | {"task": "juggling"}))
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", learned.name, "--model", str(tmp_path)])
    assert ended.value.code == 2
    assert f"holds a trained juggling, not {learned.name}" in capsys.readouterr().err


@pytest.mark.trains
def test_dry_run_shows_the_data_and_leaves_nothing(tmp_path: Path):
    settings = sets(SAMPLES["sentiment"].settings)
    printed = run("train", "sentiment", "--sample-data", "--dry-run", "--model", tmp_path / "model", *settings).output
    assert "sentiment on sample" in printed
    assert "steps an epoch" in printed
    assert not (tmp_path / "model").exists()


def test_list_tells_what_is_trained(learned: Learned, tmp_path, monkeypatch):
    (tmp_path / "saved_models").mkdir()
    (tmp_path / "saved_models" / learned.name).symlink_to(learned.folder)
    monkeypatch.chdir(tmp_path)
    row = next(row for row in json.loads(run("list", "--json").output) if row["task"] == learned.name)
    assert row["trained"].startswith("sample, ")
    assert int(row["exported"]) >= 1
    assert row["measured"].startswith(("accuracy ", "bits per character ", "bleu 4 ", "bleu ", "f1 "))
    assert "(test)" in row["measured"]


def test_list_takes_no_other_folder_for_an_export(tmp_path, monkeypatch):
    model = tmp_path / "saved_models" / "sentiment"
    for name in ("3", "12", "13.old"):
        (model / "serving" / name).mkdir(parents=True)
    card = cards.Card("sentiment", "sample", "", {}, {}, {}, {}, {}, 0, {}, 0)
    files.publish(model, {cards.NAME: card.write}, record=cards.NAME)
    monkeypatch.chdir(tmp_path)
    row = next(row for row in json.loads(run("list", "--json").output) if row["task"] == "sentiment")
    assert row["exported"] == "12"


def test_a_dash_is_taken_for_an_underscore():
    from seqtasks import tasks

    assert tasks.known("text-generation" if "text_generation" in tasks.names() else "sentiment") in tasks.names()
