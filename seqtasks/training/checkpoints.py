"""Checkpoints: everything that a training needs to go on as if it had never stopped, in files that prove themselves.

A checkpoint is `step-N.npz` with the arrays and `step-N.json` with the rest and the sha256 of both; the second is
written after the first, so a checkpoint without it does not count. The newest two are kept.
"""

from __future__ import annotations

import shutil
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks import files
from seqtasks.errors import IntegrityError, ResourceError

KEPT = 2
SHARE = 0.02  # of the time, at most, goes into checkpoints
SELDOM = 1.0  # seconds between two of them, at least

State = tuple[int, dict[str, np.ndarray], dict[str, Any]]  # step, arrays, the rest


@dataclass
class Progress:
    """How far a training is; with the variables' values, all there is in a checkpoint."""

    epoch: int = 0
    step: int = 0  # of this epoch
    seconds: float = 0.0
    waited: int = 0  # epochs since the best
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, float] = field(default_factory=dict)


class Saver:
    """Saves so often that it costs SHARE of the time at most, whatever the model's size: there is nothing to set."""

    def __init__(self, folder: Path, state: Callable[[], State]) -> None:
        self.folder, self.state = folder, state
        self.taken: list[float] = []  # seconds that each checkpoint took
        self.last = time.monotonic()

    def save_when_due(self) -> None:
        cost = max(self.taken[-3:], default=0.0)
        if time.monotonic() - self.last >= max(cost / SHARE, SELDOM):
            self.save()

    def save(self) -> None:
        start = time.monotonic()
        save(self.folder, *self.state())
        self.last = time.monotonic()
        self.taken.append(self.last - start)


def check_room(folder: Path, size: int) -> None:
    """Raises ResourceError where a folder has no room for a training's checkpoints: those kept that are not there yet,
    and one more.
    """
    folder.mkdir(parents=True, exist_ok=True)
    free, needed = shutil.disk_usage(folder).free, (1 + max(KEPT - len(_steps(folder)), 0)) * size
    if free < needed:
        raise ResourceError(
            f"{folder} has {free / 1e6:,.0f} MB left, and checkpoints take {needed / 1e6:,.0f}; make room or choose "
            "another --model folder"
        )


def save(folder: Path, step: int, arrays: Mapping[str, np.ndarray], rest: Mapping[str, Any]) -> None:
    """Writes the checkpoint of a step and drops those before the last two. The disk may fill up: nothing is lost."""
    path = folder / f"step-{step:09d}.npz"
    with files.writing(path, point="checkpoint.arrays") as part:
        np.savez(part, **arrays)  # type: ignore[arg-type]
        digest = files.sha256(part)
    record = files.with_checksum({**rest, "arrays": digest})
    files.write_json(path.with_suffix(".json"), record, point="checkpoint.record")
    files.fault("checkpoint.prune")
    _drop(_steps(folder)[KEPT:])


def load(folder: Path, notice: Callable[[str], None]) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """The newest checkpoint that is whole, or None if there is none at all.

    Says so when a damaged one is passed over; raises IntegrityError when all are damaged.
    """
    found = _steps(folder)
    for number, record in enumerate(found):
        try:
            rest = files.without_checksum(record.read_bytes())
            path = record.with_suffix(".npz")
            if files.sha256(path) != rest.pop("arrays"):
                raise ValueError("its sha256 is another")
            with np.load(path, allow_pickle=False) as arrays:
                whole = dict(arrays), rest
            _drop(found[:number])  # or they would count among the newest two
            return whole
        except (OSError, ValueError, KeyError, AttributeError, zipfile.BadZipFile) as error:
            notice(f"checkpoint {record.with_suffix('')} is damaged ({error}) and passed over")
    if found:
        raise IntegrityError(f"no checkpoint in {folder} is whole; begin again with --fresh")
    return None


def _drop(records: list[Path]) -> None:
    for record in records:
        record.unlink()
        record.with_suffix(".npz").unlink(missing_ok=True)


def _steps(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.json"), reverse=True)
