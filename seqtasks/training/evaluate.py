"""What a trained model is worth on a split: figures, and the files that show them."""

from __future__ import annotations

from typing import Any

from seqtasks import files
from seqtasks.data import prepare, user
from seqtasks.data.prepare import Data
from seqtasks.errors import IntegrityError
from seqtasks.metrics.report import Report
from seqtasks.task import Folders, Notice
from seqtasks.training import card as cards
from seqtasks.training import model_folder, report_page
from seqtasks.training.model_folder import TrainedModel

RESULT = "metrics.json"


def evaluate(
    trained: TrainedModel,
    split: str,
    folders: Folders,
    notice: Notice = lambda text: None,
    *,
    strict: bool = False,
) -> tuple[dict[str, Any], Report]:
    """Measures the model on a split of the data that it was trained on, or on several with + between.

    Gives the result as JSON has it and the report that it comes from, and leaves both in the model's folder. Says so
    where the data have changed since the training. Raises UsageError for an unknown split, IntegrityError for changed
    data where it is `strict`.
    """
    task, card = trained.task, trained.card
    if code := model_folder.changed_code(card):
        if strict:
            raise IntegrityError(f"{code}; give the file as it was, or train again with --fresh")
        notice(code)
    data = prepare.read(task, user.restore(card.source) or card.dataset, folders, notice)
    if _changed(trained, data, folders, notice):
        what = f"{data.name} has changed since {trained.folder} was trained on it"
        if strict:
            raise IntegrityError(f"{what}; give the file as it was, or train again with --fresh")
        notice(f"{what}: rows that it was trained on may stand in this split now")
    batches = prepare.encode(task, data, [split], folders, notice, tta=True)[split]
    report = task.pattern.report(task, data, split, task.pattern.answer(trained.model, task, batches))
    result = as_json(report, task.name, data, split, card.files[cards.WEIGHTS])
    files.write_json(trained.folder / RESULT, result, point="metrics")
    for name, table in report.tables.items():
        with files.writing(trained.folder / name, point="table") as path:
            table.to_csv(path, index=False)
    for name, draw in report.pictures.items():
        with files.writing(trained.folder / name, point="picture") as path:
            draw(path)
    files.write(trained.folder / report_page.NAME, report_page.html(trained, result, report), point="report")
    return result, report


def as_json(report: Report, task: str, data: Data, split: str, weights: str) -> dict[str, Any]:
    """What metrics.json holds; `weights` is the sha256 of those that were measured."""
    size, unit = report.size
    about = {"task": task, "dataset": data.name, "split": split, unit: size, "headline": report.headline}
    return {**about, **report.figures, "weights": weights}


def _changed(trained: TrainedModel, data: Data, folders: Folders, notice: Notice) -> bool:
    """Whether a person's own data are others than the model was trained on: by their stores or by what is in them."""
    card = trained.card
    if data.source is None or (card.stores and data.fingerprint == card.stores):
        return False
    names = ["train", *([data.validation] if data.validation else [])]
    batches = prepare.encode(trained.task, data, names, folders, notice).values()
    return prepare.fingerprint(batches) != card.fingerprint


def files_of(report: Report) -> list[str]:
    """The names of the files that an evaluation leaves."""
    return [RESULT, *report.tables, *report.pictures, report_page.NAME]
