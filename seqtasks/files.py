"""The one way anything is written: beside, flushed, renamed. Whoever reads sees the old or the new, never a part.

`fault` marks the points at which a crash would hurt most; the tests crash at each of them (tests/faults).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import platform
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from seqtasks.errors import BusyError, IntegrityError

AROUND = 8_192  # bytes that a variable takes in HDF5 beside its numbers, at most
MAX_NAME = 255  # bytes of a name, on most file systems
MAX_KEPT = 50  # letters of a name in that of its neighbour

_counts: dict[str, int] = {}


def fault(point: str) -> None:
    """Crashes here if SEQTASKS_FAULT=POINT:N:kill|enospc|eio|delay says so, at the N-th time; otherwise nothing."""
    wanted = os.environ.get("SEQTASKS_FAULT")
    if not wanted:
        return
    for name in {point, "any"}:
        _counts[name] = _counts.get(name, 0) + 1
    name, number, kind = wanted.split(":")
    if name not in {point, "any"} or _counts[name] != int(number):
        return
    if marker := os.environ.get("SEQTASKS_FAULT_MARKER"):
        Path(marker).write_text(point, encoding="utf-8")
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif kind == "delay":
        time.sleep(1)
    else:
        code = getattr(errno, kind.upper())
        raise OSError(code, os.strerror(code), point)


def write(path: Path, data: bytes | str, *, point: str = "file") -> None:
    """Writes a file whole: to a neighbour, flushed to the disk, renamed over the old one."""
    content = data.encode() if isinstance(data, str) else data
    with writing(path, point=point) as part:
        part.write_bytes(content)


def write_json(path: Path, value: Any, *, point: str = "file") -> None:
    write(path, as_json(value), point=point)


def as_json(value: Any) -> str:
    """JSON that can be written as UTF-8: bytes in a name that are none stand in it as escapes."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode(errors="backslashreplace").decode() + "\n"


def with_checksum(value: Mapping[str, Any]) -> dict[str, Any]:
    """The same with a key "sha256" of all the rest, by which `without_checksum` sees whether any of it was altered."""
    return {**value, "sha256": hashlib.sha256(json.dumps(value).encode()).hexdigest()}


def without_checksum(content: bytes) -> dict[str, Any]:
    """What was sealed, from the file that `as_json` made of it; raises ValueError where a byte of it is another."""
    rest = {key: each for key, each in json.loads(content).items() if key != "sha256"}
    if content != as_json(with_checksum(rest)).encode():  # a number may be changed and still be read as the same
        raise ValueError("not as it was written, or of another version of seqtasks")
    return rest


@contextmanager
def writing(path: Path, *, point: str = "file") -> Iterator[Path]:
    """Gives a neighbouring path to write to, which takes the place of `path` when the block ends without an error."""
    part = _part(path)
    try:
        fault(f"{point}.before")
        yield part
        fault(f"{point}.written")
        flush(part)
        fault(f"{point}.flushed")
        part.replace(path)
        fault(f"{point}.renamed")
        flush(path.parent)
    finally:
        part.unlink(missing_ok=True)


def save_weights(model: Any, path: Path) -> None:
    """A Keras model's, as HDF5; raises OSError where there is no room for them.

    Room is taken up first: on a disk that is full HDF5 would take the process with it.
    """
    path.write_bytes(bytes(sum(variable.numpy().nbytes + AROUND for variable in model.variables)))
    model.save_weights(path, overwrite=True)


def flush(path: Path) -> None:
    """Waits until a file's content, or a folder's list of names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def publish(folder: Path, files: Mapping[str, Callable[[Path], None]], *, record: str) -> None:
    """Replaces several files of a folder at once: all of them, or none, whenever the process dies.

    Each is written beside its old self; the `record`, a JSON file, decides: once it stands, the rest is renamed, by
    `recover`, now or when the folder is next opened. It gets a key "files" with the sha256 of every other file, and is
    sealed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    recover(folder, record=record)
    names = [name for name in files if name != record]
    hashes = {}
    for name in names:
        following = _following(folder, name)
        fault(f"publish.{name}.before")
        files[name](following)
        flush(following)
        hashes[name] = sha256(following)
        fault(f"publish.{name}.written")
    with writing(folder / record, point="publish.record") as part:
        files[record](part)
        value = json.loads(part.read_bytes())
        part.write_bytes(as_json(with_checksum({**value, "files": hashes})).encode())
    recover(folder, record=record)


def recover(folder: Path, *, record: str) -> None:
    """Ends a `publish` that was cut short: what the record names is put in place, what it does not know goes.

    For the holder of the folder's lock; who only reads calls `resolve`.
    """
    recorded = _record(folder / record).get("files", {})
    for following in folder.glob(".next-*"):
        name = following.name.removeprefix(".next-")
        if recorded.get(name) == sha256(following):
            following.replace(folder / name)
            fault(f"recover.{name}")
        else:
            following.unlink()
    if folder.is_dir():
        _sweep(folder)
        flush(folder)


def resolve(folder: Path, name: str, recorded: Mapping[str, str], *, remedy: str) -> Path:
    """Where the file stands whose sha256 the record names; raises IntegrityError if there is no such file."""
    for path in (folder / name, _following(folder, name)):
        if path.is_file() and not path.is_symlink() and sha256(path) == recorded.get(name):
            return path
    state = "is not the file that was written with its record" if (folder / name).exists() else "is missing"
    raise IntegrityError(f"{folder / name} {state}; {remedy}")


def beside(path: Path, suffix: str) -> Path:
    """A neighbour by the file's own name and a suffix; by a part of it where no file can have so long a name."""
    name = os.fsencode(path.name)
    if len(name) + len(suffix) > MAX_NAME:
        name = hashlib.sha256(name).hexdigest()[:16].encode() + b"-" + name[: MAX_NAME // 2]
    return path.with_name(os.fsdecode(name) + suffix)


def is_stream(path: Path) -> bool:
    """Whether it is a pipe or a device, for whose end one might wait, and which cannot be read a second time."""
    return path.exists() and not (path.is_file() or path.is_dir())


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path, *, remedy: str) -> dict[str, Any]:
    """A JSON object from a file; raises IntegrityError if it holds anything else."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{path} cannot be read ({error}); {remedy}") from None
    if not isinstance(value, dict):
        raise IntegrityError(f"{path} holds no JSON object; {remedy}")
    return value


def read_checked(path: Path, *, remedy: str) -> dict[str, Any]:
    """What was sealed in a file; raises IntegrityError if that is not what it holds."""
    read_json(path, remedy=remedy)
    try:
        return without_checksum(path.read_bytes())
    except ValueError as error:
        raise IntegrityError(f"{path} is {error}; {remedy}") from None


@contextmanager
def new_folder(path: Path, *, point: str) -> Iterator[Path]:
    """Gives a new folder to fill, which appears as `path`, whole, when the block ends without an error."""
    part = _part(path)
    try:
        fault(f"{point}.before")
        part.mkdir()
        yield part
        for file in part.rglob("*"):
            flush(file)
        fault(f"{point}.filled")
        part.rename(path)
        fault(f"{point}.renamed")
        flush(path.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Holds the folder for this process, and dies with it; raises BusyError that names the process that holds it.

    A folder that was made for it and is still empty in the end goes again: nothing came of a mistyped command.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / ".holder.json"
    held = filelock.FileLock(folder / ".lock")
    try:
        held.acquire(blocking=False)
    except filelock.Timeout:
        known = _record(holder)
        who = f"process {known.get('process', '?')} on {known.get('host', '?')}, since {known.get('since', '?')}"
        raise BusyError(f"{folder} is in use by {who}; wait for it or choose another --model folder") from None
    try:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        about = {"process": os.getpid(), "host": platform.node(), "since": since}
        holder.write_text(json.dumps(about), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it is gone already, or an open file cannot go here
            if made and [path.name for path in folder.iterdir()] == [".lock"]:
                (folder / ".lock").unlink()
                folder.rmdir()
        held.release()


def _part(path: Path) -> Path:
    """Where the new content of a path is written to by this process, in a folder that exists and is swept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    return path.with_name(f".part-{os.getpid()}-{path.name[-MAX_KEPT:]}")


def _sweep(folder: Path) -> None:
    """Removes what processes that are no more have left half written."""
    for part in folder.glob(".part-*"):
        process = part.name.split("-")[1]
        if not process.isdecimal() or _alive(int(process)):
            continue
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def _following(folder: Path, name: str) -> Path:
    return folder / f".next-{name}"


def _record(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
