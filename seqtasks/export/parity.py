"""An export's answers in a fresh process that has its runtime alone, compared with the model's own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks import codecs
from seqtasks.data import paths
from seqtasks.errors import IntegrityError
from seqtasks.export import replay
from seqtasks.inference.predictor import SAVED_MODEL
from seqtasks.task import Task

PROGRAM = replay.__file__  # what a fresh process runs
MAX_NEW_TOKENS = 40  # that are compared, of a generated text
TOLERANCE = 1e-4  # in probabilities, between two processes


def rows(task: Task[Any, Any], format: str, values: Sequence[bytes]) -> list[np.ndarray]:
    """What an export takes for each value: its bytes, or the row that the codec makes of them."""
    if format == SAVED_MODEL:
        return [np.frombuffer(value, np.uint8) for value in values]
    return codecs.network_rows(task.inputs, values)


def answers(answer: replay.Answer, task: Task[Any, Any], format: str, values: Sequence[bytes]) -> list[dict[str, Any]]:
    """What a function of rows answers to each value, as JSON has it."""
    return [replay.plain(answer(row)) for row in rows(task, format, values)]


def in_fresh_process(
    task: Task[Any, Any], format: str, folder: Path, values: Sequence[bytes], reader: Path | None = None
) -> dict[str, Any]:
    """An export's answers in a process without our code; raises IntegrityError where it gives none.

    With them come the seconds that it took to load and to answer one and, with a codec's reader in plain Python, how
    far apart each value is read.
    """
    with tempfile.TemporaryDirectory() as temporary, paths.plain(folder) as place:
        file = Path(temporary) / "rows.npz"
        given: dict[str, Any] = {f"row_{index}": row for index, row in enumerate(rows(task, format, values))}
        given |= {f"value_{index}": np.frombuffer(value, np.uint8) for index, value in enumerate(values)}
        np.savez(file, count=len(values), **given)
        arguments = [format, place, file, MAX_NEW_TOKENS, task.targets.traits.end_id, reader or ""]
        # -P keeps the program's own folder, where our package lies, off the path
        command = [sys.executable, "-P", PROGRAM, *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, check=False, cwd=temporary, encoding="utf-8", errors="replace"
        )
    if done.returncode:
        raise IntegrityError(f"the export does not load in a fresh process: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def same(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether two answers have the same texts and tokens, and numbers that differ by TOLERANCE at most."""
    texts = (name for name in wanted if name not in _numbers(wanted))
    return difference(given, wanted) <= TOLERANCE and all(given[name] == wanted[name] for name in texts)


def difference(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    """The largest of a probability or a score."""
    differences = [np.abs(np.subtract(given[name], wanted[name])) for name in _numbers(wanted)]
    return float(max((each.max() for each in differences if each.size), default=0.0))


def _numbers(answer: Mapping[str, Any]) -> list[str]:
    return [name for name, value in answer.items() if name != "tokens" and np.asarray(value).dtype.kind in "iuf"]
