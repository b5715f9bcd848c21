"""From a task and its data to a trained model's folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras

from seqtasks import codecs, files, tasks
from seqtasks.data import Batches
from seqtasks.data.prepare import Data, encode, fingerprint, fit, read
from seqtasks.data.user import Source
from seqtasks.errors import DivergenceError
from seqtasks.layers import stack
from seqtasks.task import Folders, Notice, Task
from seqtasks.training import card as cards
from seqtasks.training import model_folder
from seqtasks.training.checkpoints import Progress
from seqtasks.training.trainer import Trainer


@dataclass(frozen=True)
class Experiment:
    """A task with fitted codecs, and the data that it is trained on and its epochs are chosen by."""

    task: Task[Any, Any]
    data: Data
    train: Batches
    validation: Batches | None  # if its epochs are chosen by something

    def trainer(self, seed: int) -> Trainer:
        """A training from the very beginning; everything random in it follows from the seed."""
        keras.utils.set_random_seed(seed)
        model = model_folder.build(self.task)
        return Trainer(model, self.task.pattern.objective(self.task), self.task.settings, seed=seed)

    def facts(self, seed: int) -> dict[str, Any]:
        """What makes two trainings the same one, but for versions."""
        return {
            "task": self.task.name,
            "dataset": self.data.name,
            "fingerprint": fingerprint(each for each in (self.train, self.validation) if each),
            "settings": self.task.values(),
            "seed": seed,
            "code": outside.sha256 if (outside := tasks.outside(self.task.name)) else None,
        }

    def configure(self, changes: Mapping[str, Any]) -> Experiment:
        """The same with other settings of the model or the training; the codecs stay as they are."""
        return replace(self, task=self.task.configure(changes))


def prepare(task: Task[Any, Any], dataset: str | Source | None, folders: Folders, notice: Notice) -> Experiment:
    """Reads, splits, fits and encodes; raises what the functions of `data.prepare` raise."""
    task.check()  # at once, not when the data are ready
    data = read(task, dataset, folders, notice)
    fitted = fit(task if data.source else task.for_dataset(data.name), data, folders)
    if fitted.settings.get("dtype_policy") == "mixed_bfloat16" and stack.emulates_bfloat16():
        notice("this processor has no products in bfloat16 and emulates them: training is slower than in float32")
    names = ["train", *([data.validation] if data.validation else [])]
    train, *validation = encode(fitted, data, names, folders, notice).values()
    return Experiment(fitted, data, train, validation[0] if validation else None)


def finished(experiment: Experiment, folder: Path, *, seed: int) -> cards.Card | None:
    """The card of this very training where the folder holds it, ended; raises UsageError where it holds another."""
    return model_folder.finished(folder, experiment.facts(seed))


def train(
    experiment: Experiment,
    folder: Path,
    *,
    seed: int,
    fresh: bool = False,
    resume: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    notice: Notice = lambda text: None,
) -> Progress:
    """Trains into a folder whose lock the caller holds, continuing the unfinished training in it, if there is one.

    Raises what Trainer.run and model_folder.start_run raise; after a DivergenceError the folder holds the best epoch.
    """
    facts, provenance = experiment.facts(seed), cards.provenance()
    identity = {**facts, "versions": provenance["versions"]}
    checkpoints = model_folder.start_run(folder, identity, fresh=fresh, resume=resume)
    trainer = experiment.trainer(seed)
    try:
        progress = trainer.run(
            experiment.train, experiment.validation, folder=checkpoints, callbacks=callbacks, notice=notice
        )
    except DivergenceError:
        if trainer.progress.best:
            _save(folder, trainer, experiment, facts | provenance)
            notice(f"the best epoch so far, {trainer.progress.best['epoch']}, is kept in {folder}")
        raise
    _save(folder, trainer, experiment, facts | provenance)
    return progress


def _save(folder: Path, trainer: Trainer, experiment: Experiment, facts: Mapping[str, Any]) -> None:
    task, source = experiment.task, experiment.data.source
    outside = tasks.outside(task.name)
    card = cards.Card(
        **facts,
        inputs=codecs.describe(task.inputs),
        targets=codecs.describe(task.targets),
        rows=experiment.data.sizes,
        dropped=experiment.data.dropped,
        stores=experiment.data.fingerprint,
        source=asdict(source) if source else None,
        code_file=str(outside.file) if outside and outside.file else None,
        best=trainer.progress.best,
        seconds=round(trainer.progress.seconds, 1),
    )
    assets = {each.name: each.write for each in task.inputs.traits.assets.values()}
    model_folder.save(folder, trainer.model, card, trainer.progress.history, assets)


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Holds a model's folder, and ends what an earlier process could not."""
    with files.lock(folder):
        files.recover(folder, record=cards.NAME)
        yield
