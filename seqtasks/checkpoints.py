"""Checkpoints: everything that a training needs to go on as if it had never stopped, in files that prove themselves.

A checkpoint is `step-N.npz` with the arrays and `step-N.json` with the rest and the arrays' sha256; the second is
written after the first, so a checkpoint without it does not count. The newest two are kept.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks import files
from seqtasks.errors import IntegrityError

KEPT = 2


def save(folder: Path, step: int, arrays: Mapping[str, np.ndarray], rest: Mapping[str, Any]) -> None:
    """Writes the checkpoint of a step and drops those before the last two. The disk may fill up: nothing is lost."""
    path = folder / f"step-{step:09d}.npz"
    with files.writing(path, point="checkpoint.arrays") as part:
        np.savez(part, **arrays)  # type: ignore[arg-type]
        digest = files.sha256(part)
    files.write_json(path.with_suffix(".json"), {**rest, "sha256": digest}, point="checkpoint.record")
    files.fault("checkpoint.prune")
    for old in _steps(folder)[KEPT:]:
        old.unlink()
        old.with_suffix(".npz").unlink(missing_ok=True)


def load(folder: Path, notice: Callable[[str], None]) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """The newest checkpoint that is whole, or None if there is none at all.

    Says so when a damaged one is passed over; raises IntegrityError when all are damaged.
    """
    found = _steps(folder)
    for record in found:
        try:
            rest = json.loads(record.read_bytes())
            path = record.with_suffix(".npz")
            if files.sha256(path) != rest.pop("sha256"):
                raise ValueError("its sha256 is another")
            with np.load(path, allow_pickle=False) as arrays:
                return dict(arrays), rest
        except (OSError, ValueError, KeyError, AttributeError, zipfile.BadZipFile) as error:
            notice(f"checkpoint {record.with_suffix('')} is damaged ({error}) and passed over")
    if found:
        raise IntegrityError(f"no checkpoint in {folder} is whole; begin again with --fresh")
    return None


def _steps(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.json"), reverse=True)
