"""Every fault point of the write helpers x {kill, disk full, I/O error}: whoever reads sees the old or the new."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqtasks import files
from seqtasks.errors import BusyError, IntegrityError
from seqtasks.training import checkpoints
from tests.faults.conftest import survived

KINDS = ("kill", "enospc", "eio")


def crash(action: Callable[[], None], fault: str) -> int:
    """Does something in a forked child with a fault in it; 0 if the fault was never reached, else not 0."""
    child = os.fork()
    if child == 0:
        os.environ["SEQTASKS_FAULT"] = fault
        files._counts.clear()
        try:
            action()
        except OSError:
            os._exit(5)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def write_file(folder: Path, text: str) -> None:
    files.write(folder / "file.txt", text)


def read_file(folder: Path) -> str:
    return (folder / "file.txt").read_text()


NUMBER = 0.30000001192092896  # of which the last digit does not count


def publish(folder: Path, text: str) -> None:
    files.publish(
        folder,
        {
            "one.txt": lambda path: path.write_text(text) and None,
            "two.txt": lambda path: path.write_text(text) and None,
            "record.json": lambda path: path.write_text(json.dumps({"text": text, "number": NUMBER})) and None,
        },
        record="record.json",
    )


def read_published(folder: Path) -> str:
    record = json.loads((folder / "record.json").read_text())
    texts = {files.resolve(folder, name, record["files"], remedy="").read_text() for name in ("one.txt", "two.txt")}
    assert texts == {record["text"]}
    return record["text"]


def make_folder(folder: Path, text: str) -> None:
    number = len(list(folder.glob("[0-9]*"))) + 1
    with files.new_folder(folder / str(number), point="export") as part:
        (part / "a").write_text(text)
        (part / "b").write_text(text)


def read_folder(folder: Path) -> str:
    newest = max(folder.glob("[0-9]*"))
    (text,) = {path.read_text() for path in (newest / "a", newest / "b")}
    return text


def checkpoint(folder: Path, text: str) -> None:
    step = len(text)
    checkpoints.save(folder, step, {"weights": np.full(1_000, step)}, {"text": text})


def read_checkpoint(folder: Path) -> str:
    arrays, rest = checkpoints.load(folder, print)
    assert set(arrays["weights"]) == {len(rest["text"])}
    return rest["text"]


HELPERS = {
    "file": (write_file, read_file),
    "files together": (publish, read_published),
    "folder": (make_folder, read_folder),
    "checkpoint": (checkpoint, read_checkpoint),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", HELPERS)
def test_a_crash_leaves_the_old_or_the_new(name: str, kind: str, tmp_path: Path):
    write, read = HELPERS[name]
    number = 1
    while True:
        folder = tmp_path / str(number)
        folder.mkdir()
        write(folder, "old")
        ended = crash(lambda folder=folder: write(folder, "newer"), f"any:{number}:{kind}")
        assert survived(f"{kind} in the write helpers", f"{name} {number}", read(folder) in ("old", "newer"))
        write(folder, "newest")
        assert read(folder) == "newest"
        assert not [path.name for path in folder.glob(".*")]
        if ended == 0:
            break
        number += 1
    assert number >= 4


def test_a_file_that_does_not_fit_leaves_the_old_one(tmp_path: Path):
    write_file(tmp_path, "old")

    def too_large() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        write_file(tmp_path, "newer" * 10)

    assert crash(too_large, "none:1:kill") != 0
    assert survived("file size limit", "file", read_file(tmp_path) == "old")


@pytest.mark.parametrize("damage", ["truncated", "altered", "emptied", "record", "step"])
def test_a_damaged_checkpoint_is_passed_over_and_said_so(tmp_path: Path, damage: str):
    checkpoint(tmp_path, "old")
    checkpoint(tmp_path, "newer")
    arrays = max(tmp_path.glob("*.npz"))
    content = bytearray(arrays.read_bytes())
    if damage == "truncated":
        arrays.write_bytes(content[: len(content) // 2])
    elif damage == "altered":
        content[len(content) // 2] ^= 1
        arrays.write_bytes(content)
    elif damage == "emptied":
        arrays.write_bytes(b"")
    elif damage == "record":
        max(tmp_path.glob("*.json")).write_text("{")
    else:
        record = max(tmp_path.glob("*.json"))
        record.write_text(record.read_text().replace("newer", "never"))
    said: list[str] = []
    _, rest = checkpoints.load(tmp_path, said.append)
    assert rest["text"] == "old"
    assert "step-000000005 is damaged" in said[0]
    assert [path.name for path in tmp_path.glob("*.json")] == ["step-000000003.json"]


def test_no_whole_checkpoint_is_an_error(tmp_path: Path):
    checkpoint(tmp_path, "old")
    next(tmp_path.glob("*.npz")).write_bytes(b"")
    with pytest.raises(IntegrityError, match=r"no checkpoint in .* is whole; begin again with --fresh"):
        checkpoints.load(tmp_path, print)


def test_only_two_checkpoints_are_kept(tmp_path: Path):
    for number in range(1, 5):
        checkpoint(tmp_path, "x" * number)
    assert sorted(path.name for path in tmp_path.glob("*.npz")) == ["step-000000003.npz", "step-000000004.npz"]


def test_an_altered_file_is_named(tmp_path: Path):
    publish(tmp_path, "old")
    (tmp_path / "one.txt").write_text("other")
    with pytest.raises(IntegrityError, match=r"one\.txt is not the file that was written with its record; train again"):
        files.resolve(
            tmp_path, "one.txt", json.loads((tmp_path / "record.json").read_text())["files"], remedy="train again"
        )


def test_a_record_that_was_altered_is_named(tmp_path: Path):
    publish(tmp_path, "old")
    record = tmp_path / "record.json"
    assert files.read_checked(record, remedy="train again")["text"] == "old"
    last = record.read_text().replace(str(NUMBER), f"{str(NUMBER)[:-1]}7")
    assert json.loads(last) == json.loads(record.read_text())
    for altered in (
        last,
        record.read_text().replace("old", "new"),
        "{}",
        record.read_text().replace("sha256", "sha257"),
    ):
        record.write_text(altered)
        with pytest.raises(
            IntegrityError, match=r"record\.json is not as it was written, or of another version of seqtasks; train"
        ):
            files.read_checked(record, remedy="train again")


def test_a_folder_in_which_nothing_was_done_goes_again(tmp_path: Path):
    (tmp_path / "there").mkdir()
    for name in ("there", "new", "used"):
        with pytest.raises(ZeroDivisionError), files.lock(tmp_path / name):
            if name == "used":
                (tmp_path / name / "card.json").write_text("{}")
            raise ZeroDivisionError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there", "used"]
    with files.lock(tmp_path / "new"):
        assert (tmp_path / "new").is_dir()


def test_a_folder_that_was_taken_away_is_let_go(tmp_path: Path):
    with files.lock(tmp_path / "model"):
        shutil.rmtree(tmp_path / "model")
    with files.lock(tmp_path / "model"):
        assert (tmp_path / "model" / ".holder.json").exists()


def test_a_lock_names_its_holder_and_dies_with_it(tmp_path: Path):
    ready, done = os.pipe()
    child = os.fork()
    if child == 0:
        with files.lock(tmp_path):
            os.write(done, b"x")
            signal.pause()
    os.read(ready, 1)
    with pytest.raises(BusyError, match=rf"in use by process {child} on \S+, since \d{{4}}-"), files.lock(tmp_path):
        pass
    os.kill(child, 9)
    os.waitpid(child, 0)
    with files.lock(tmp_path):
        pass
