"""Side by side with what people would use instead, in one run: the rival works between our epochs or calls."""

from __future__ import annotations

import itertools
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import keras

from seqtasks import codecs
from seqtasks.data import Batches
from seqtasks.export import savedmodel
from seqtasks.inference import predictor
from seqtasks.task import SAMPLE, Task
from seqtasks.training import card as cards
from seqtasks.training import model_folder
from seqtasks.training.model_folder import TrainedModel
from seqtasks.training.trainer import Trainer


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


def untrained(task: Task[Any, Any], folder: Path, model: keras.Model | None = None) -> TrainedModel:
    """A model of the task, a new one where none is given, as if it had been trained in the folder."""
    card = cards.Card(
        task=task.name,
        dataset=SAMPLE,
        fingerprint="",
        settings=task.values(),
        inputs=codecs.describe(task.inputs),
        targets=codecs.describe(task.targets),
        rows={},
        dropped={},
        seed=0,
        best={},
        seconds=0,
        files={cards.WEIGHTS: ""},
        **cards.provenance(),
    )
    return TrainedModel(task, model or model_folder.build(task), card, folder)


def export(task: Task[Any, Any], model: keras.Model, folder: Path) -> predictor.Predictor:
    """A model of the task, trained or not, exported and loaded."""
    return predictor.load(savedmodel.export(untrained(task, folder, model)))


def first_epoch(task: Task[Any, Any], batches: Batches) -> list[Any]:
    """The indices of the first epoch's batches."""
    size, minimum = int(task.settings["batch_size"]), int(task.settings["min_steps_per_epoch"])
    return batches.epoch_batches(batch_size=size, min_steps=minimum, seed=0, epoch=0)


def training_step(trainer: Trainer, batches: Batches, indices: Sequence[Any]) -> Callable[[], None]:
    """A function that takes a training step on the next of some batches, again and again."""
    trainer.compile(batches)
    endless = itertools.cycle(indices)
    return lambda: trainer._step(batches, next(endless))


def circumstances() -> dict[str, Any]:
    """The machine, the versions, the commit and the time that belong to every figure."""
    return {"machine": f"{os.cpu_count()} cores, {_processor()}", **cards.provenance()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
