"""Cross-validation: the training of a model again and again, each time tested on another part of all examples."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks import codecs, files
from seqtasks.data import prepare, splits, user
from seqtasks.data.batches import Encoded
from seqtasks.data.prepare import Data
from seqtasks.errors import UsageError
from seqtasks.task import Examples, Folders
from seqtasks.training import evaluate
from seqtasks.training.experiment import Lesson
from seqtasks.training.model_folder import Trained
from seqtasks.training.trainer import Training

RESULT = "folds.json"


def cross_validate(
    model: Trained, number: int, folders: Folders, *, seed: int, notice: Callable[[str], None]
) -> dict[str, Any]:
    """The figures of merit of all examples, each answered by a model that was trained on the other folds.

    The training is the model's own, with its settings; nothing is held back for choosing, the last epoch is kept. As
    many folds as there are distinct inputs leave one out at a time. A fold that is done is not done again. Leaves
    folds.json in the model's folder. Raises UsageError for a number of folds that cannot be.
    """
    task, card = model.task, model.card
    if task.streams or task.tells:
        raise UsageError("folds are for classes; leave --folds out")
    data = prepare.read(task, user.restore(card.source) or card.dataset, folders, notice)
    examples = Examples.joined(list(data.examples.values()))
    places = splits.folds(examples, number)
    folder = model.folder / "folds" / _key(card.settings, data, number, seed)
    probabilities = np.zeros((len(examples), task.targets.choices), np.float32)
    lengths = np.zeros(len(examples), np.int32)
    targets = np.zeros(len(examples), np.int32)
    course = _Course(model, folders, seed, notice)
    for fold in range(number):
        rows = places == fold
        if not (folder / f"{fold}.npz").exists():
            course.learn(examples, rows, folder / f"{fold}.npz")
        with np.load(folder / f"{fold}.npz", allow_pickle=False) as found:
            probabilities[rows], targets[rows], lengths[rows] = (found[each] for each in found.files)
        right = float((probabilities[rows].argmax(axis=1) == targets[rows]).mean())
        notice(f"fold {fold + 1} of {number}: accuracy {right:.4f} of {int(rows.sum()):,}")
    accuracies = [float((probabilities.argmax(axis=1) == targets)[places == fold].mean()) for fold in range(number)]
    result = {
        "task": task.name,
        "dataset": data.name,
        "split": f"{number} folds",
        "examples": len(examples),
        "seed": seed,
        "wrong": int((probabilities.argmax(axis=1) != targets).sum()),
        "accuracy_of_folds": float(np.mean(accuracies)),
        "spread_of_folds": float(np.std(accuracies)),
        **task.measures(targets, probabilities, lengths, task.targets.names),
    }
    files.write_json(model.folder / RESULT, result, point="folds")
    return result


def _key(settings: Any, data: Data, number: int, seed: int) -> str:
    """What a fold's outcome depends on, in short."""
    stores = data.fingerprint if data.source else []
    described = json.dumps([settings, data.name, data.rows, stores, number, seed], sort_keys=True)
    return f"{number}-{hashlib.sha256(described.encode()).hexdigest()[:8]}"


class _Course:
    """Trainings of one model, each on other rows from the same beginning; what is compiled for one serves the next."""

    training: Training
    beginning: list[np.ndarray]  # the training's values
    answer: Callable[[Encoded], np.ndarray]

    def __init__(self, model: Trained, folders: Folders, seed: int, notice: Callable[[str], None]) -> None:
        self.model, self.folders, self.seed, self.notice = model, folders, seed, notice
        self.codecs: Any = None  # as the last rows fitted them

    def learn(self, examples: Examples, rows: np.ndarray, result: Path) -> None:
        """Trains without the rows and keeps what it answers to them: probabilities, targets, lengths."""
        parts = {"train": examples.take(np.flatnonzero(~rows)), "test": examples.take(np.flatnonzero(rows))}
        data = Data(self.model.card.dataset, parts, {})
        task = prepare.fit(self.model.task, data)
        train, test = prepare.encode(task, data, ["train", "test"], self.folders).values()
        assert isinstance(test, Encoded)
        fitted = codecs.describe(task.inputs), codecs.describe(task.targets)
        if fitted == self.codecs:
            self.training.compile(train)
            self.training.begin_again(self.beginning)
        else:
            self.codecs = fitted
            self.training = Lesson(task, data, train, None).training(self.seed)
            self.training.compile(train)
            self.beginning = self.training.values()
            self.answer = evaluate.predictor(task, self.training.model)
        unfinished = result.with_suffix("")
        self.training.run(train, None, folder=unfinished, notice=self.notice)
        answered = self.answer(test)
        with files.writing(result, point="fold") as path, path.open("wb") as file:
            np.savez(file, probabilities=answered, targets=test.targets, lengths=test.lengths)
        shutil.rmtree(unfinished, ignore_errors=True)
