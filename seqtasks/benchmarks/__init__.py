"""Side by side with what people would use instead, in one run: the rival works between our epochs or calls."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import keras
import numpy as np

from seqtasks import codecs
from seqtasks.export import savedmodel
from seqtasks.inference import predictor
from seqtasks.task import Task
from seqtasks.training import card as cards
from seqtasks.training import model_folder


def interleaved(calls: Mapping[str, Callable[[], Any]], *, repeats: int) -> dict[str, float]:
    """Median seconds of each call, taken in turns after one that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if number:
                taken[name].append(time.perf_counter() - start)
    return {name: median(seconds) for name, seconds in taken.items()}


def unlearned(task: Task, folder: Path, model: keras.Model | None = None) -> model_folder.Trained:
    """A model of the task, a new one where none is given, as if it had been trained in the folder."""
    inputs, targets = codecs.describe(task.inputs), codecs.describe(task.targets)
    card = cards.Card(task.name, "sample", "", {}, inputs, targets, {}, {}, 0, {}, 0, **cards.provenance())
    return model_folder.Trained(task, model or model_folder.build(task), card, folder)


def export(task: Task, model: keras.Model, folder: Path, golden: np.ndarray) -> predictor.Served:
    """A model of the task, trained or not, exported and loaded."""
    return predictor.load(savedmodel.export(unlearned(task, folder, model), golden))


def circumstances() -> dict[str, Any]:
    """The machine, the versions, the commit and the time that belong to every figure."""
    return {"machine": f"{os.cpu_count()} cores, {_processor()}", **cards.provenance()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
