"""From a task and its data to a trained model's folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras

from seqtasks import codecs, files
from seqtasks.data import prepare as preparing
from seqtasks.data.batches import Batches
from seqtasks.data.prepare import Data
from seqtasks.data.user import Source
from seqtasks.errors import DivergenceError
from seqtasks.layers import stack
from seqtasks.task import Folders, Task
from seqtasks.training import card as cards
from seqtasks.training import model_folder, trainer
from seqtasks.training.trainer import Progress, Training


@dataclass(frozen=True)
class Lesson:
    """What is to be learned: a task with fitted codecs, what it is trained on and what its epochs are chosen by."""

    task: Task
    data: Data
    train: Batches
    validation: Batches | None  # if its epochs are chosen by something

    def training(self, seed: int) -> Training:
        """A training from the very beginning; everything random in it follows from the seed."""
        keras.utils.set_random_seed(seed)
        task = self.task
        return Training(model_folder.build(task), task.pattern, task.targets, task.settings, seed=seed)

    def facts(self, seed: int) -> dict[str, Any]:
        """What makes two trainings the same one, but for versions."""
        return {
            "task": self.task.name,
            "dataset": self.data.name,
            "fingerprint": " ".join(each.fingerprint()[:16] for each in (self.train, self.validation) if each),
            "settings": self.task.every_setting(),
            "seed": seed,
        }

    def configure(self, changes: Mapping[str, Any]) -> Lesson:
        """The same with other settings of the model or the training; the codecs stay as they are."""
        return replace(self, task=self.task.configure(changes))


def prepare(task: Task, dataset: str | Source | None, folders: Folders, notice: Callable[[str], None]) -> Lesson:
    """Reads, splits, fits and encodes; raises what preparing's functions raise, and UsageError for no layer."""
    stack.check(task.settings)  # at once, not when the data are ready
    trainer.check(task.settings)
    data = preparing.read(task, dataset, folders, notice)
    declared = task if data.source else task.on(data.name)
    fitted = preparing.fit(replace(declared, inputs=codecs.located(declared.inputs, folders.manual)), data)
    if fitted.settings["precision"] == "bfloat16" and stack.emulates_bfloat16():
        notice("this processor has no products in bfloat16 and emulates them: training is slower than in float32")
    train, *judge = preparing.encode(
        fitted, data, ["train", *([data.judge] if data.judge else [])], folders, notice
    ).values()
    return Lesson(fitted, data, train, judge[0] if judge else None)


def learn(
    lesson: Lesson,
    folder: Path,
    *,
    seed: int,
    fresh: bool = False,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    notice: Callable[[str], None] = lambda text: None,
) -> Progress:
    """Trains into a folder whose lock the caller holds, going on with the unfinished training that stands there.

    Raises what Training.run and model_folder.begin raise; after a DivergenceError the folder holds the best epoch.
    """
    facts, provenance = lesson.facts(seed), cards.provenance()
    identity = {**facts, "versions": provenance["versions"]}
    checkpoints = model_folder.begin(folder, identity, fresh=fresh, resume=resume)
    learned = lesson.training(seed)
    try:
        progress = learned.run(lesson.train, lesson.validation, folder=checkpoints, callbacks=callbacks, notice=notice)
    except DivergenceError:
        if learned.progress.best:
            _keep(folder, learned, lesson, facts | provenance)
            notice(f"the best epoch so far, {learned.progress.best['epoch']}, is kept in {folder}")
        raise
    _keep(folder, learned, lesson, facts | provenance)
    return progress


def _keep(folder: Path, learned: Training, lesson: Lesson, facts: Mapping[str, Any]) -> None:
    source = lesson.data.source
    card = cards.Card(
        **facts,
        inputs=codecs.describe(lesson.task.inputs),
        targets=codecs.describe(lesson.task.targets),
        rows=lesson.data.rows,
        dropped=lesson.data.dropped,
        source=asdict(source) if source else None,
        best=learned.progress.best,
        seconds=round(learned.progress.seconds, 1),
    )
    model_folder.keep(folder, learned.model, card, learned.progress.history, codecs.carried(lesson.task.inputs))


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Holds a model's folder, and ends what an earlier process could not."""
    with files.lock(folder):
        files.settle(folder, record=cards.NAME)
        yield
