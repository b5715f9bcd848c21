"""Train, evaluate and export, made to fail at every fault point: nothing that existed is damaged, and the same command
then finishes as if nothing had been.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqtasks import files, tasks
from seqtasks.inference import files as inference_files
from seqtasks.inference import predictor
from seqtasks.training import card as cards
from tests.conftest import sets
from tests.faults.conftest import Command, run, survived
from tests.samples import SAMPLES, UNCOMPILED

SMALL = {"cell": "simple_rnn", "embedding_dim": "4", "min_steps_per_epoch": "12"} | UNCOMPILED
TASKS = {  # what each is trained with here
    "sentiment": sets(SMALL | {"bidirectional": "no", "batch_size": "64", "adversarial_epsilon": "0"}),
    "dna": sets(SMALL | {"bidirectional": "no", "conv_filters": "4", "batch_size": "64"}),
    "text_generation": sets(SMALL | {"max_new_tokens": "10"}),
    "captioning": sets(SMALL | {"attention_dim": "4", "batch_size": "64"}),
}
FAULTS = pytest.mark.faults
EVERY = {"EVERY": "10"}  # steps between two checkpoints
LONGER = [
    *["train", "sentiment", "--no-export", "--sample-data", "--epochs", "4", "--seed", "3"],
    *sets({"units": "16", "embedding_dim": "16", "recurrent_dropout": "0.1"}),
    *sets({"min_steps_per_epoch": "60", "patience": "4"}),
]
BRIEF = [*LONGER, *sets({"bidirectional": "no", "adversarial_epsilon": "0"})]  # of it, for the short half
STAGES = ("train", "evaluate", "export")
KINDS = ("kill", "enospc", "eio")
OTHERS = [name for name in tasks.names() if name != "sentiment"]
SOME = [  # the short half: these points of sentiment only
    ("train", 1, "enospc"),
    ("train", 9, "kill"),
    ("evaluate", 2, "eio"),
    ("export", 3, "kill"),
]
MOST = 60  # fault points in one command, more than there are


def command(task: str, stage: str) -> list[str]:
    """What is made to fail."""
    brief = ["--no-export", "--sample-data", "--epochs", "2", "--seed", "3"]
    return [stage, task, *([*brief, *TASKS[task]] if stage == "train" else [])]


TRAIN = command("sentiment", "train")


def at(folder: Path) -> list[str]:
    return ["--model", str(folder)]


def outcome(folder: Path) -> tuple[str, str]:
    """sha256 of weights and history."""
    names = (cards.WEIGHTS, "history.csv")
    weights, history = (hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names)
    return weights, history


def litter(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*") if path.name != ".lock"]


@pytest.fixture(scope="module")
def undisturbed_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """A task and a stage -> a model's folder after every stage up to this one went well."""

    @functools.cache
    def of(task: str, stage: str) -> Path:
        folder = tmp_path_factory.mktemp(f"undisturbed-{task}-{stage}") / "model"
        if stage != STAGES[0]:
            shutil.copytree(of(task, STAGES[STAGES.index(stage) - 1]), folder)
        points = {"POINTS": str(folder.parent / "points")}
        code, printed = run([*command(task, stage), *at(folder)], folder.parent, **points, **EVERY)
        assert code == 0, printed
        return folder

    return of


@pytest.fixture
def undisturbed(undisturbed_of: Callable[[str, str], Path]) -> Path:
    return undisturbed_of("sentiment", "export")


def points(task: str, stage: str, undisturbed_of: Callable[[str, str], Path]) -> list[str]:
    """The names of the fault points that a stage passes when nothing fails, in order."""
    return (undisturbed_of(task, stage).parent / "points").read_text().split()


def fail(task: str, stage: str, number: int, kind: str, undisturbed: Path, tmp_path: Path) -> str | None:
    """Makes a stage fail at its N-th fault point; the point's name, or None if there are fewer points."""
    folder = tmp_path / f"{stage}-{number}-{kind}"
    shutil.copytree(undisturbed, folder)
    before, exports = outcome(folder), predictor.numbers(folder)
    marker = tmp_path / f"marker-{stage}-{number}-{kind}"
    fault = {"SEQTASKS_FAULT": f"any:{number}:{kind}", "SEQTASKS_FAULT_MARKER": str(marker), **EVERY}
    anew = ["--fresh"] if stage == "train" else []  # what is trained would not be trained again
    code, printed = run([*command(task, stage), *at(folder), *anew], tmp_path, **fault)
    if not marker.exists():
        assert code == 0, printed
        return None
    point = marker.read_text()
    fine = code == (-signal.SIGKILL if kind == "kill" else 5) and "Traceback" not in printed
    fine &= json.loads((folder / "card.json").read_text())["task"] == task
    fine &= set(predictor.numbers(folder)) >= set(exports)
    if stage != "train":
        fine &= outcome(folder) == before
        value = SAMPLES[task].typed[:1]
        fine &= predictor.load(folder)(value)[0]["answer"] == predictor.load(undisturbed)(value)[0]["answer"]
    code, printed = run([*command(task, stage), *at(folder)], tmp_path, **EVERY)
    fine &= code == 0 and outcome(folder) == outcome(undisturbed) and not litter(folder)
    assert survived(f"{kind}, then the same command", f"{task}, {stage}: {point}", fine), printed
    return point


@pytest.mark.parametrize(("stage", "number", "kind"), SOME)
def test_some_fault_points(stage: str, number: int, kind: str, undisturbed: Path, tmp_path: Path):
    assert fail("sentiment", stage, number, kind, undisturbed, tmp_path)


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(each, marks=FAULTS)
        for each in ("encoded.before:2", "store.before:1", "checkpoint.record.renamed:1")
    ],
)
def test_your_own_data_go_on_exactly(point: str, tmp_path: Path):
    rows = tasks.find("sentiment").sample()["train"]
    lines = [f"{text.decode()}\t{label}\n" for text, label in zip(rows.inputs[:400], rows.targets[:400], strict=True)]
    (tmp_path / "own.tsv").write_text("text\tlabel\n" + "".join(lines))
    train = ["train", "sentiment", "--no-export", "--data", str(tmp_path / "own.tsv"), "--epochs", "2", "--seed", "3"]
    train += TASKS["sentiment"]
    found = []
    for name in ("whole", "killed"):
        learn = [*train, *at(tmp_path / name), "--data-dir", str(tmp_path / f"{name}-data")]
        if name == "killed":
            code, printed = run(learn, tmp_path, SEQTASKS_FAULT=f"{point}:kill", **EVERY)
            assert code == -signal.SIGKILL, printed
        code, printed = run(learn, tmp_path, **EVERY)
        assert code == 0, printed
        found.append(outcome(tmp_path / name))
    assert found[0] == found[1]


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stage", STAGES)
def test_every_fault_point(stage: str, kind: str, undisturbed_of: Callable[[str, str], Path], tmp_path: Path):
    passed, undisturbed = points("sentiment", stage, undisturbed_of), undisturbed_of("sentiment", "export")
    assert len(passed) >= 4
    assert [fail("sentiment", stage, 1 + at, kind, undisturbed, tmp_path) for at in range(len(passed))] == passed
    assert fail("sentiment", stage, 1 + len(passed), kind, undisturbed, tmp_path) is None


@pytest.mark.faults
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("task", OTHERS)
def test_killed_once_in_every_writing(
    task: str, stage: str, undisturbed_of: Callable[[str, str], Path], tmp_path: Path
):
    """Of a task whose points have mostly the names of sentiment's; at another name it fails in every way."""
    passed, undisturbed = points(task, stage, undisturbed_of), undisturbed_of(task, "export")
    writings = {name.rpartition(".")[0]: at for at, name in reversed(list(enumerate(passed)))}
    known = set(points("sentiment", stage, undisturbed_of))
    others = {at for at, name in enumerate(passed) if name not in known}
    ways = {(at, "kill") for at in writings.values()} | {(at, kind) for at in others for kind in KINDS}
    for at, kind in sorted(ways):
        assert fail(task, stage, 1 + at, kind, undisturbed, tmp_path) == passed[at]


# --- your own files ---------------------------------------------------------------------------------------------------

FILES = ("texts", "pictures", "answers")


@pytest.fixture(scope="module")
def own_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts with labels, pictures with captions, and texts to answer in two chunks and a half."""
    folder = tmp_path_factory.mktemp("own")
    rows = tasks.find("sentiment").sample()["train"]
    lines = [f"{text.decode()}\t{label}\n" for text, label in zip(rows.inputs[:60], rows.targets[:60], strict=True)]
    (folder / "texts.tsv").write_text("text\tlabel\n" + "".join(lines))
    chunk = inference_files.BATCHES * tasks.find("sentiment").inputs.traits.predict_batch_size
    several = [*lines, "no label\n"] * (5 * chunk // 2 // (len(lines) + 1))
    (folder / "answers.tsv").write_text("text\tlabel\n" + "".join(several))
    (folder / "pictures").mkdir()
    drawn = tasks.find("captioning").sample()["train"]
    captions = ["image,caption"]
    for number, (content, sentences) in enumerate(zip(drawn.inputs[:20], drawn.targets[:20], strict=True)):
        (folder / "pictures" / f"{number}.png").write_bytes(content)
        captions += [f"{number}.png,{caption}" for caption in sentences.split("\n")]
    (folder / "pictures" / "captions.csv").write_text("\n".join([*captions, ""]))
    return folder


def work(name: str, own: Path, folder: Path, model: Path) -> list[str]:
    """A command that reads files and writes into the folder."""
    if name == "answers":
        into = ["--output", str(folder / "answered.tsv")]
        rows = ["--file", str(own / "answers.tsv"), "--on-invalid", "skip"]
        return ["predict", "sentiment", *rows, *into, "--model", str(model)]
    data = own / "texts.tsv" if name == "texts" else own / "pictures" / "captions.csv"
    task = "sentiment" if name == "texts" else "captioning"
    into = ["--data-dir", str(folder / "data"), *at(folder / "model")]
    small = ["--set", "encoder=small"] if name == "pictures" else []
    return ["train", task, "--data", str(data), "--dry-run", *TASKS[task], *small, *into]


def contents(folder: Path) -> dict[str, str]:
    """sha256 of every file in a folder but those of a lock."""
    found = [path for path in folder.rglob("*") if path.is_file() and path.name not in (".lock", ".holder.json")]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FILES)
def test_every_fault_point_on_your_own_files(name: str, kind: str, own_files: Path, undisturbed: Path, tmp_path: Path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "whole").mkdir()
    code, printed = run(work(name, own_files, tmp_path / "whole", undisturbed), tmp_path / "logs")
    assert code == 0, printed
    whole, number = contents(tmp_path / "whole"), 0
    while True:
        number += 1
        folder, marker = tmp_path / str(number), tmp_path / f"marker-{number}"
        folder.mkdir()
        command = work(name, own_files, folder, undisturbed)
        fault = {"SEQTASKS_FAULT": f"any:{number}:{kind}", "SEQTASKS_FAULT_MARKER": str(marker)}
        code, printed = run(command, tmp_path / "logs", **fault)
        if not marker.exists():
            break
        fine = code == (-signal.SIGKILL if kind == "kill" else 5) and "Traceback" not in printed
        code, printed = run(command, tmp_path / "logs")
        fine &= code == 0 and contents(folder) == whole and not litter(folder)
        assert survived(f"{kind}, then the same command", f"{name}: {marker.read_text()} {number}", fine), printed
    assert code == 0, printed
    assert 4 <= number - 1 < MOST


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A longer training, with dropout, that nobody interrupts, and the seconds it took."""
    folder = tmp_path_factory.mktemp("whole")
    start = time.monotonic()
    code, printed = run([*LONGER, *at(folder / "model")], folder)
    assert code == 0, printed
    return folder / "model", time.monotonic() - start


def kill_and_finish(whole: tuple[Path, float], folder: Path, kills: int, draw: random.Random) -> bool:
    """Kills a training at random moments, starts it again until it ends; is it the undisturbed one to the bit?"""
    undisturbed, seconds = whole
    for _ in range(kills):
        training = Command([*LONGER, *at(folder / "model")], folder)
        time.sleep(draw.uniform(0.15, 0.95) * seconds)
        training.process.kill()
        training.process.join()
    code, _ = run([*LONGER, *at(folder / "model")], folder)
    return code == 0 and outcome(folder / "model") == outcome(undisturbed) and not litter(folder / "model")


@pytest.mark.faults
def test_killed_twice_it_ends_the_same(whole: tuple[Path, float], tmp_path: Path):
    assert survived("random kill -9, twice each", "seed 0", kill_and_finish(whole, tmp_path, 2, random.Random(0)))


@pytest.mark.faults
@pytest.mark.parametrize("number", range(20))
def test_killed_anywhere_it_ends_the_same(whole: tuple[Path, float], tmp_path: Path, number: int):
    fine = kill_and_finish(whole, tmp_path, 1, random.Random(number + 1))
    assert survived("random kill -9, once each", f"seed {number + 1}", fine)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=FAULTS)])
def test_a_signal_saves_and_the_same_command_goes_on(tmp_path: Path, number: int, code: int):
    undisturbed = tmp_path / "undisturbed"
    assert run([*BRIEF, *at(undisturbed)], tmp_path)[0] == 0
    training = Command([*BRIEF, *at(tmp_path / "model")], tmp_path)
    while "epoch 1/4" not in training.printed:
        time.sleep(0.05)
    assert training.process.pid
    os.kill(training.process.pid, number)
    assert training.wait() == code
    assert "stopped in epoch" in training.printed
    ended, printed = run([*BRIEF, *at(tmp_path / "model")], tmp_path)
    assert ended == 0
    assert "going on from epoch" in printed
    assert survived(f"signal {number.name}", "training", outcome(tmp_path / "model") == outcome(undisturbed))


def test_a_second_training_in_the_folder_ends_with_7(tmp_path: Path):
    first = Command([*BRIEF, *at(tmp_path / "model")], tmp_path)
    while not (tmp_path / "model" / ".holder.json").exists():
        time.sleep(0.05)
    code, printed = run([*TRAIN, *at(tmp_path / "model")], tmp_path)
    first.process.kill()
    first.process.join()
    assert code == 7
    assert f"in use by process {first.process.pid} on {platform.node()}, since 20" in printed
    code, _ = run([*TRAIN, *at(tmp_path / "model"), "--fresh"], tmp_path)
    assert code == 0


@pytest.mark.parametrize(
    ("stage", "every", "size"),
    [
        ("train", "100000", 20_000),  # so that the weights are the first
        pytest.param("train", "10", 20_000, marks=FAULTS),
        pytest.param("export", "10", 50_000, marks=FAULTS),
    ],
)
def test_files_that_do_not_fit_are_one_line(stage: str, every: str, size: int, undisturbed: Path, tmp_path: Path):
    """As on a disk that is full, in whatever library writes."""
    shutil.copytree(undisturbed, tmp_path / "model")
    before, exports = outcome(tmp_path / "model"), predictor.numbers(tmp_path / "model")
    anew = ["--fresh"] if stage == "train" else []
    made = [*command("sentiment", stage), *at(tmp_path / "model"), *anew]
    code, printed = run(made, tmp_path, LARGEST_FILE=str(size), EVERY=every)
    fine = code == 5 and "Traceback" not in printed and printed.splitlines()[-1].startswith("seqtasks: error: ")
    fine &= outcome(tmp_path / "model") == before and predictor.numbers(tmp_path / "model") == exports
    code, after = run([*command("sentiment", stage), *at(tmp_path / "model")], tmp_path)
    fine &= code == 0 and outcome(tmp_path / "model") == before and not litter(tmp_path / "model")
    assert survived("file size limit", f"{stage} {every}", fine), (printed, after)


@FAULTS
def test_an_unfinished_training_is_never_mixed_with_another(tmp_path: Path):
    killed = {"SEQTASKS_FAULT": "checkpoint.record.renamed:1:kill", **EVERY}
    code, _ = run([*TRAIN, *at(tmp_path / "model")], tmp_path, **killed)
    assert code == -signal.SIGKILL
    code, printed = run([*TRAIN, "--set", "dropout=0.4", *at(tmp_path / "model")], tmp_path)
    assert code == 2
    assert "unfinished training with settings.dropout 0.5 (now 0.4); finish that one or give --fresh" in printed
    code, printed = run([*TRAIN, "--set", "dropout=0.4", "--fresh", *at(tmp_path / "model")], tmp_path)
    assert code == 0, printed


@pytest.mark.faults
def test_checkpoints_without_their_run_are_nobodys(tmp_path: Path):
    code, _ = run(
        [*BRIEF, *at(tmp_path / "model")], tmp_path, SEQTASKS_FAULT="checkpoint.record.renamed:1:kill", **EVERY
    )
    assert code == -signal.SIGKILL
    (tmp_path / "model" / "training" / "run.json").unlink()
    code, printed = run([*TRAIN, *at(tmp_path / "model")], tmp_path)
    assert code == 0, printed
    assert "going on" not in printed


def test_a_checkpoint_of_before_is_refused(tmp_path: Path):
    """One whose record is whole, and has other fields than those that are restored."""
    killed = {"SEQTASKS_FAULT": "checkpoint.record.renamed:1:kill", **EVERY}
    code, _ = run([*TRAIN, *at(tmp_path / "model")], tmp_path, **killed)
    assert code == -signal.SIGKILL
    (record,) = (tmp_path / "model" / "training").glob("step-*.json")
    rest = files.without_checksum(record.read_bytes())
    files.write_json(record, files.with_checksum({"best_since": rest.pop("waited"), **rest}))
    code, printed = run([*TRAIN, *at(tmp_path / "model")], tmp_path)
    assert survived("checkpoint of an earlier version", "training", code == 4 and "Traceback" not in printed), printed
    last = printed.splitlines()[-1]
    assert last.startswith("seqtasks: error: ")
    assert "begin again with --fresh" in last


@pytest.mark.faults
def test_the_newest_checkpoint_damaged_the_one_before_it_is_used(whole: tuple[Path, float], tmp_path: Path):
    undisturbed, _ = whole
    folder = tmp_path / "model"
    code, _ = run([*LONGER, *at(folder)], tmp_path, SEQTASKS_FAULT="checkpoint.record.renamed:3:kill", **EVERY)
    assert code == -signal.SIGKILL
    newest = max((folder / "training").glob("*.npz"))
    newest.write_bytes(newest.read_bytes()[: newest.stat().st_size // 2])
    code, printed = run([*LONGER, *at(folder)], tmp_path)
    assert code == 0
    assert "is damaged" in printed
    assert survived("newest checkpoint truncated", "training", outcome(folder) == outcome(undisturbed))


def test_a_file_that_does_not_belong_is_refused(undisturbed: Path, tmp_path: Path):
    shutil.copytree(undisturbed, tmp_path / "model")
    weights = tmp_path / "model" / cards.WEIGHTS
    content = np.frombuffer(weights.read_bytes(), np.uint8).copy()
    content[len(content) // 2] ^= 1
    weights.write_bytes(content.tobytes())
    code, printed = run(["evaluate", "sentiment", *at(tmp_path / "model")], tmp_path)
    assert code == 4
    assert "model.weights.h5 is not the file that was written with its record" in printed
