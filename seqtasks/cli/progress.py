"""What a person sees during a training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import keras
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seqtasks.cli import options
from seqtasks.cli.options import is_quiet, say
from seqtasks.data import splits
from seqtasks.errors import UsageError
from seqtasks.training.experiment import Experiment


def announce(experiment: Experiment) -> None:
    """The first lines: how much there is of each split, what it is made of, how long an epoch is."""
    task, data = experiment.task, experiment.data
    rows = ", ".join(f"{count:,} {name}" for name, count in data.sizes.items())
    dropped = "; ".join(f"{count:,} dropped from {where}" for where, count in data.dropped.items() if count)
    say(f"{task.name} on {data.name}: {rows} {data.form.unit}{f' ({dropped})' if dropped else ''}")
    say(task.pattern.summary(task, experiment.train))
    settings = task.settings
    size, minimum = int(settings["batch_size"]), int(settings["min_steps_per_epoch"])
    steps = len(experiment.train.epoch_batches(batch_size=size, min_steps=minimum, seed=0, epoch=0))
    say(f"training: {steps:,} steps an epoch, at most {settings['epochs']} epochs")


def announce_cost(experiment: Experiment) -> None:
    """What a training would cost, and how many inputs occur in a split more than once."""
    counts = {name: splits.duplicates(examples) for name, examples in experiment.data.examples.items()}
    twice = ", ".join(f"{count:,} in {name}" for name, count in counts.items() if count)
    say(f"duplicates: {twice or 'none'}")
    trainer, epochs = experiment.trainer(0), int(experiment.task.settings["epochs"])
    seconds = trainer.estimate(experiment.train)
    cost = f"about {seconds:.0f} s an epoch, {seconds * epochs / 60:.1f} minutes for {epochs}"
    say(f"cost: {trainer.model.count_params():,} parameters; {cost}, on this machine")


@contextmanager
def bar(experiment: Experiment) -> Iterator[keras.callbacks.Callback]:
    """A bar with the time left on a terminal; the figures of each epoch everywhere."""
    console = options.console(stderr=True)
    columns = [
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("loss {task.fields[loss]}"),
        TimeRemainingColumn(),
    ]  # fmt: skip
    with Progress(*columns, console=console, disable=is_quiet() or not console.is_terminal, transient=True) as progress:
        yield _Bar(progress, experiment)


def tensorboard(folder: str | None) -> list[keras.callbacks.Callback]:
    """Keras's callback that writes what TensorBoard shows, if there is a folder for it."""
    if folder is None:
        return []
    if find_spec("tensorboard") is None:
        raise UsageError("--tensorboard needs tensorboard, which is not installed; pip install 'seqtasks[tensorboard]'")
    return [keras.callbacks.TensorBoard(folder, write_graph=False)]


class _Bar(keras.callbacks.Callback):
    def __init__(self, progress: Progress, experiment: Experiment) -> None:
        super().__init__()
        self.progress = progress
        objective = experiment.task.pattern.objective(experiment.task)
        self.figures = ("loss", *objective.metrics, *objective.figures)
        self.after_epoch = objective.after_epoch
        self.after = ""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        total = self.params["epochs"] * self.params["steps"]
        self.bar = self.progress.add_task("training", total=total, loss="-")

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.first = epoch * self.params["steps"] + 1
        self.progress.update(self.bar, description=f"epoch {epoch + 1}/{self.params['epochs']}")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.progress.update(self.bar, completed=self.first + batch, loss=f"{(logs or {})['loss']:.4f}")

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.after_epoch and logs:  # while the weights are those that were validated
            self.after = self.after_epoch(self.model, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        shown = logs or {}
        line = f"epoch {epoch + 1}/{self.params['epochs']}: {self._figures(shown)}"
        if "val_loss" in shown:
            line += f"; validation {self._figures(shown, 'val_')}"
        if is_quiet():
            return
        if self.after:
            line += f"; {self.after}"
        if self.progress.disable:
            say(line)
        else:  # through the bar's console, or the line would be written into the bar
            self.progress.console.print(line, soft_wrap=True, highlight=False)

    def _figures(self, logs: Mapping[str, float], prefix: str = "") -> str:
        shown = ((name, logs[prefix + name]) for name in self.figures if prefix + name in logs)
        return ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in shown)
