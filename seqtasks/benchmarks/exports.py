"""Every task with every cell, in one direction and in both, in every runtime: whether it answers there as it does here.

The models are small ones of the samples, with random weights. No rival and no speed: a table of differences.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras

from seqtasks import benchmarks, tasks
from seqtasks.export import check, savedmodel
from seqtasks.inference import predictor
from seqtasks.layers.stack import CELLS
from seqtasks.setting import Value
from seqtasks.task import SAMPLE, Folders, Task
from seqtasks.training import experiment

SMALL: dict[str, Value] = {
    "units": 12,
    "embedding_dim": 8,
    "conv_filters": 8,
    "batch_size": 8,
    "dtype_policy": "float32",
}
VALUES = 8  # of the sample, before the odd ones


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """A row a model and runtime: inputs, answers equal, the largest difference. With "sample", of one cell alone."""
    cells = list(CELLS)[-1:] if dataset else list(CELLS)
    rows = []
    for name in tasks.names():
        prepared = experiment.prepare(tasks.find(name), SAMPLE, folders, lambda text: None)
        for cell in cells:
            for directions in (1, 2) if "bidirectional" in prepared.task.settings else (1,):
                for row in _checked(_small(prepared.task, cell, directions)):
                    say(f"{name} {cell}, directions {directions}: {row['runtime']} {row['largest']:.1e}")
                    rows.append({"task": name, "cell": cell, "directions": directions, **row})
    return {"benchmark": "exports", "dataset": SAMPLE, **benchmarks.circumstances(), "rows": rows}


def _small(task: Task[Any, Any], cell: str, directions: int) -> Task[Any, Any]:
    settings: dict[str, Value] = {**SMALL, "cell": cell, "bidirectional": directions == 2}
    return task.configure({name: value for name, value in settings.items() if name in task.settings})


def _checked(task: Task[Any, Any]) -> Iterator[dict[str, Any]]:
    keras.utils.set_random_seed(0)
    values = [*task.pattern.golden(task)[:VALUES], *check.ODD]
    with tempfile.TemporaryDirectory() as name:
        model = benchmarks.untrained(task, Path(name))
        for format in predictor.FOLDERS:
            found = check.check(model, savedmodel.export(model, format), values)
            yield {
                "runtime": format,
                "inputs": found.inputs,
                "equal": found.equal,
                "read": found.inputs if found.read_alike is None else found.read_alike,
                "largest": found.largest,
            }
