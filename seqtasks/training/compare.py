"""The same training with each recurrent cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd

from seqtasks import files
from seqtasks.data.batches import Encoded
from seqtasks.errors import SeqtasksError, UsageError, unknown
from seqtasks.layers.stack import CELLS
from seqtasks.metrics import plots
from seqtasks.task import Task
from seqtasks.training import card as cards
from seqtasks.training import evaluate, model_folder
from seqtasks.training.experiment import Lesson


def known(cell: str) -> str:
    """The cell's name; raises UsageError for one that there is not."""
    if cell not in CELLS:
        raise unknown("cell", cell, CELLS)
    return cell


def judged(task: Task) -> Task:
    """The task with something held back to compare by, whatever its data set declares.

    Raises UsageError where nothing is to be held back.
    """
    if not task.streams:
        return task
    if not task.settings["held_back"]:
        raise UsageError("cells are compared on what is held back of the text; leave held_back=0 out")
    return task.configure({"held_back": task.settings["held_back"]})


def compare(
    lesson: Lesson, cells: Sequence[str], folder: Path, *, seed: int, train: Callable[[str, Lesson, Path], None]
) -> list[dict[str, Any]]:
    """A row a cell, what it came to on validation, in seconds and parameters; leaves compare.csv and compare.png.

    `train` is called with cell, lesson and folder for each cell whose finished training does not stand there yet.
    """
    rows, histories = [], {}
    for cell in cells:
        one, into = lesson.configure({"cell": cell}), folder / cell
        if not _finished(into, one, seed):
            train(cell, one, into)
        model = model_folder.restore(into, lesson.task.name)
        histories[cell] = pd.read_csv(into / model_folder.HISTORY)
        rows.append({"cell": cell, **_row(model, lesson)})
    with files.writing(folder / "compare.csv", point="compare") as path:
        pd.DataFrame(rows).to_csv(path, index=False)
    with files.writing(folder / "compare.png", point="compare") as path:
        plots.comparison(histories, lesson.task.settings["monitor"], path)
    return rows


def _finished(folder: Path, lesson: Lesson, seed: int) -> bool:
    """Whether the folder holds just this training, ended."""
    try:
        card = cards.read(folder)
    except SeqtasksError:
        return False
    return {name: getattr(card, name) for name in ("dataset", "fingerprint", "settings", "seed")} == {
        name: value for name, value in lesson.facts(seed).items() if name != "task"
    }


def _row(model: model_folder.Trained, lesson: Lesson) -> dict[str, Any]:
    return {
        **({"nats": model.card.best["val_loss"]} if lesson.task.streams or lesson.task.tells else {}),
        "accuracy": model.card.best["val_accuracy"],
        "epoch": int(model.card.best["epoch"]),
        "seconds": model.card.seconds,
        "parameters": model.model.count_params(),
        **({} if lesson.task.streams or lesson.task.tells else _by_length(model, lesson)),
    }


def _by_length(model: model_folder.Trained, lesson: Lesson) -> dict[str, float]:
    validation = cast("Encoded", lesson.validation)
    measured = evaluate.measure(model, validation, evaluate.predict(model, validation))
    return {f"{bucket}_steps": found["accuracy"] for bucket, found in measured["accuracy_by_length"].items()}
