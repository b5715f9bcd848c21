"""Cross-validation: the training of a model again and again, each time tested on another part of all examples."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks import codecs, files
from seqtasks.data import prepare, splits, user
from seqtasks.data.prepare import Data
from seqtasks.data.rows import ROWS
from seqtasks.errors import UsageError
from seqtasks.metrics.report import Report
from seqtasks.patterns import Answers
from seqtasks.task import Examples, Folders, Notice
from seqtasks.training import card as cards
from seqtasks.training import evaluate
from seqtasks.training.experiment import Experiment
from seqtasks.training.model_folder import TrainedModel
from seqtasks.training.trainer import Trainer

RESULT = "folds.json"


def cross_validate(
    model: TrainedModel, number: int, folders: Folders, *, seed: int, notice: Notice
) -> tuple[dict[str, Any], Report]:
    """The figures of merit of all examples, each answered by a model that was trained on the other folds.

    The training is the model's own, with its settings; no validation split is held out, the last epoch is kept. As many
    folds as there are distinct inputs leave one out at a time. A fold that is done is not done again. Leaves folds.json
    in the model's folder. Raises UsageError for a number of folds that cannot be.
    """
    task, card = model.task, model.card
    if not task.targets.traits.classes:
        raise UsageError("folds are for classes; leave --folds out")
    data = prepare.read(task, user.restore(card.source) or card.dataset, folders, notice)
    examples = Examples.joined(list(data.examples.values()))
    places = splits.folds(examples, number)
    folder = model.folder / "folds" / _key(card.settings, data, number, seed)
    every, figures = dict[str, np.ndarray](), list[float]()
    trainer = _FoldTrainer(model, folders, seed, notice)
    for fold in range(number):
        rows, file = places == fold, folder / f"{fold}.npz"
        if not file.exists():
            trainer.train(examples, rows, file)
        with np.load(file, allow_pickle=False) as answers:
            found = {name: answers[name] for name in answers.files}
        for name, values in found.items():
            every.setdefault(name, np.zeros((len(examples), *values.shape[1:]), values.dtype))[rows] = values
        report = _report(model, examples.take(np.flatnonzero(rows)), found)
        figures.append(float(report.figures[report.headline]))
        notice(f"fold {fold + 1} of {number}: {report.headline} {figures[-1]:.4f} of {int(rows.sum()):,}")
    report = _report(model, examples, every)
    result = {
        **evaluate.as_json(report, task.name, data, f"{number} folds", card.files[cards.WEIGHTS]),
        "seed": seed,
        f"{report.headline}_of_folds": float(np.mean(figures)),
        f"{report.headline}_std": float(np.std(figures)),
    }
    files.write_json(model.folder / RESULT, result, point="folds")
    return result, report


def _report(model: TrainedModel, examples: Examples, answers: Answers) -> Report:
    data = Data(model.card.dataset, ROWS, {"all": examples}, {}, None)
    return model.task.pattern.report(model.task, data, "all", answers)


def _key(settings: Any, data: Data, number: int, seed: int) -> str:
    """What a fold's outcome depends on, in short."""
    stores = data.fingerprint if data.source else []
    described = json.dumps([settings, data.name, data.sizes, stores, number, seed], sort_keys=True)
    return f"{number}-{hashlib.sha256(described.encode()).hexdigest()[:8]}"


class _FoldTrainer:
    """Trainings of one model, each on other rows from the same beginning; what is compiled for one serves the next."""

    trainer: Trainer
    beginning: list[np.ndarray]  # the trainer's values

    def __init__(self, model: TrainedModel, folders: Folders, seed: int, notice: Notice) -> None:
        self.model, self.folders, self.seed, self.notice = model, folders, seed, notice
        self.codecs: Any = None  # as the last rows fitted them

    def train(self, examples: Examples, rows: np.ndarray, result: Path) -> None:
        """Trains without the rows and keeps the answers to them."""
        parts = {"train": examples.take(np.flatnonzero(~rows)), "test": examples.take(np.flatnonzero(rows))}
        data = Data(self.model.card.dataset, ROWS, parts, {}, None)
        task = prepare.fit(self.model.task, data, self.folders)
        train, test = prepare.encode(task, data, ["train", "test"], self.folders).values()
        fitted = codecs.describe(task.inputs), codecs.describe(task.targets)
        if fitted == self.codecs:
            self.trainer.compile(train)
            self.trainer.begin_again(self.beginning)
        else:
            self.codecs = fitted
            self.trainer = Experiment(task, data, train, None).trainer(self.seed)
            self.trainer.compile(train)
            self.beginning = self.trainer.values()
        unfinished = result.with_suffix("")
        self.trainer.run(train, None, folder=unfinished, notice=self.notice)
        answers = task.pattern.answer(self.trainer.model, task, test)
        with files.writing(result, point="fold") as path, path.open("wb") as file:
            np.savez(file, **answers)  # type: ignore[arg-type]
        shutil.rmtree(unfinished, ignore_errors=True)
