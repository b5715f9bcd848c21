"""Every task with every cell, one way and both, in every runtime: whether it answers there as it does here.

The models are small ones of the samples, with weights of chance. No rival and no speed: a table of differences.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from seqtasks import benchmarks, tasks
from seqtasks.export import savedmodel
from seqtasks.inference import predictor
from seqtasks.layers.stack import CELLS
from seqtasks.task import Folders
from seqtasks.training import experiment

SMALL = {"units": 12, "embedding": 8, "filters": 8, "batch": 8}
VALUES = 8  # of the sample, beside the odd ones


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """A row a model and runtime: inputs, answers equal, the largest difference. With "sample", of one cell alone."""
    cells = list(CELLS)[-1:] if dataset else list(CELLS)
    rows = []
    for name in tasks.names():
        lesson = experiment.prepare(tasks.find(name), "sample", folders, lambda text: None)
        for cell in cells:
            for both in (False, True) if reads_both_ways(lesson.task) else (False,):
                for row in _checked(lesson.task.configure({"cell": cell, "bidirectional": both}), folders):
                    say(f"{name} {cell} {'both ways' if both else 'one way'}: {row['runtime']} {row['largest']:.1e}")
                    rows.append({"task": name, "cell": cell, "ways": 2 if both else 1, **row})
    return {"benchmark": "exports", "dataset": "sample", **benchmarks.circumstances(), "rows": rows}


def reads_both_ways(task: Any) -> bool:
    """Whether what is read stands there whole: what writes cannot read what is not written yet."""
    return not (task.streams or task.tells)


def _checked(task: Any, folders: Folders) -> Iterator[dict[str, Any]]:
    keras.utils.set_random_seed(0)
    settings = {name: value for name, value in SMALL.items() if name in task.settings}
    small = task.configure(settings | {"precision": "float32"})
    golden = savedmodel.golden(small)
    values = np.array([*golden[:VALUES], *savedmodel.ODD], dtype=object)
    with tempfile.TemporaryDirectory() as name:
        model = benchmarks.unlearned(small, Path(name))
        for form in predictor.FOLDERS:
            found = savedmodel.check(model, form, savedmodel.export(model, golden, form), values)
            read = found.inputs if found.read_alike is None else found.read_alike
            yield {
                "runtime": form,
                "inputs": found.inputs,
                "equal": found.equal,
                "read": read,
                "largest": found.largest,
            }
