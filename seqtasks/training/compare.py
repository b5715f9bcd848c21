"""The same training with each recurrent cell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from seqtasks import files
from seqtasks.errors import SeqtasksError, UsageError
from seqtasks.layers.stack import CELL_NAMES
from seqtasks.metrics import plots
from seqtasks.setting import one_of
from seqtasks.task import Task
from seqtasks.training import model_folder
from seqtasks.training.experiment import Experiment

CHOOSES = "validation_split"  # the setting of patterns that may do without validation


def known(cell: str) -> str:
    """The cell's name; raises UsageError for one that there is not."""
    one_of(*CELL_NAMES)("cell", cell)
    return cell


def with_validation(task: Task[Any, Any]) -> Task[Any, Any]:
    """The task with the validation split that its settings say, whatever its data set declares.

    Raises UsageError where there is none.
    """
    if CHOOSES not in task.settings:
        return task
    if not task.settings[CHOOSES]:
        raise UsageError(f"cells are compared on validation; leave {CHOOSES}=0 out")
    return task.configure({CHOOSES: task.settings[CHOOSES]})


def compare(
    experiment: Experiment,
    cells: Sequence[str],
    folder: Path,
    *,
    seed: int,
    train: Callable[[str, Experiment, Path], None],
) -> list[dict[str, Any]]:
    """A row a cell: figures on validation, seconds and parameters; leaves compare.csv and compare.png.

    `train` is called with cell, experiment and folder for each cell whose finished training is not there yet.
    """
    rows, histories = [], {}
    for cell in cells:
        one, into = experiment.configure({"cell": cell}), folder / cell
        if not _finished(into, one, seed):
            train(cell, one, into)
        model = model_folder.restore(into, experiment.task.name)
        histories[cell] = pd.read_csv(into / model_folder.HISTORY)
        rows.append({"cell": cell, **_row(model, experiment)})
    with files.writing(folder / "compare.csv", point="compare") as path:
        pd.DataFrame(rows).to_csv(path, index=False)
    with files.writing(folder / "compare.png", point="compare") as path:
        plots.comparison(histories, str(experiment.task.settings["monitor"]), path)
    return rows


def _finished(folder: Path, experiment: Experiment, seed: int) -> bool:
    """Whether the folder holds just this training, ended."""
    try:
        return model_folder.finished(folder, experiment.facts(seed)) is not None
    except SeqtasksError:
        return False


def _row(model: model_folder.TrainedModel, experiment: Experiment) -> dict[str, Any]:
    """The best epoch's figures on validation, and the headline in parts of it, where the pattern has any."""
    best = {name.removeprefix("val_"): value for name, value in model.card.best.items() if name.startswith("val_")}
    return {
        **best,
        "epoch": int(model.card.best["epoch"]),
        "seconds": model.card.seconds,
        "parameters": model.model.count_params(),
        **_breakdowns(model, experiment),
    }


def _breakdowns(model: model_folder.TrainedModel, experiment: Experiment) -> dict[str, float]:
    """Of what is answered in one pass: where sentences are decoded, this would take longer than an epoch."""
    split, batches = experiment.data.validation, experiment.validation
    if not split or not batches or not model.task.targets.traits.classes:
        return {}
    answers = model.task.pattern.answer(model.model, model.task, batches)
    report = model.task.pattern.report(model.task, experiment.data, split, answers)
    return {name.replace(" ", "_"): value for name, (value, _) in report.breakdowns.items()}
