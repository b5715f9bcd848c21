"""What a person sees while something is learned."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seqtasks.cli.options import say
from seqtasks.codecs.vocabulary import UNKNOWN
from seqtasks.data import splits
from seqtasks.data.batches import Encoded
from seqtasks.data.streams import Stream
from seqtasks.training.experiment import Lesson

EXCERPT = 200  # tokens written after an epoch


def announce(lesson: Lesson) -> None:
    """The first lines: how much there is of each split, what it is made of, the model."""
    task, data = lesson.task, lesson.data
    unit = " characters" if data.streams else ""
    rows = ", ".join(f"{count:,} {name}" for name, count in data.rows.items())
    dropped = "; ".join(f"{count:,} dropped from {where}" for where, count in data.dropped.items() if count)
    say(f"{task.name} on {data.name}: {rows}{unit}{f' ({dropped})' if dropped else ''}")
    size, least = task.settings["batch"], task.settings["least_steps"]
    order = lesson.train.order(size=size, least=least, seed=0, epoch=0)
    say(_about_text(lesson) if data.streams else _about_rows(lesson, order))
    say(f"model: {task.settings['cell']}; {len(order):,} steps an epoch, at most {task.settings['epochs']} epochs")


def _about_text(lesson: Lesson) -> str:
    tokens, train = lesson.task.inputs, cast("Stream", lesson.train)
    unknown = float(np.mean(train.values == UNKNOWN))
    return (
        f"{len(tokens.vocabulary):,} different {tokens.level}s, {unknown:.2%} of the text none of them; "
        f"{len(train):,} of them in train, windows of {train.window}"
    )


def _about_rows(lesson: Lesson, order: list[Any]) -> str:
    task, train = lesson.task, cast("Encoded", lesson.train)
    if task.tells:
        told = (train.targets[:, :, 0] > 0).sum()
        unknown = (train.targets == UNKNOWN).sum() / (train.targets > 0).sum()
        return (
            f"{told:,} sentences in train, {task.targets.choices:,} different words, {unknown:.2%} of the text none of "
            f"them; at most {task.targets.words} words of a sentence"
        )
    counts = np.bincount(train.targets, minlength=task.targets.choices)
    labels = ", ".join(f"{name} {count:,}" for name, count in zip(task.targets.names, counts, strict=True))
    median, high, most = np.percentile(train.lengths, [50, 95, 100]).astype(int)
    share = train.padded_share(order)
    return f"labels: {labels}; lengths: median {median}, 95 % up to {high}, longest {most} steps; {share:.1%} padding"


def announce_cost(lesson: Lesson) -> None:
    """What a training would cost, and how many inputs stand in a split more than once."""
    if not lesson.data.streams:
        twice = {name: splits.duplicates(examples) for name, examples in lesson.data.examples.items()}
        say("duplicates: " + ", ".join(f"{count:,} in {name}" for name, count in twice.items()))
    training, epochs = lesson.training(0), lesson.task.settings["epochs"]
    seconds = training.estimate(lesson.train)
    cost = f"about {seconds:.0f} s an epoch, {seconds * epochs / 60:.1f} minutes for {epochs}"
    say(f"cost: {training.model.count_params():,} parameters; {cost}, on this machine")


@contextmanager
def bar(lesson: Lesson) -> Iterator[keras.callbacks.Callback]:
    """A bar with the time left on a terminal; a line an epoch everywhere and, where texts are written, one of them."""
    console = Console(stderr=True)
    columns = [
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("loss {task.fields[loss]}"),
        TimeRemainingColumn(),
    ]  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        yield _Bar(progress, lesson)


class _Bar(keras.callbacks.Callback):
    def __init__(self, progress: Progress, lesson: Lesson) -> None:
        super().__init__()
        self.progress, self.lesson = progress, lesson
        self.excerpt = ""

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        total = self.params["epochs"] * self.params["steps"]
        self.bar = self.progress.add_task("training", total=total, loss="-")

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.first = epoch * self.params["steps"] + 1
        self.progress.update(self.bar, description=f"epoch {epoch + 1}/{self.params['epochs']}")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.progress.update(self.bar, completed=self.first + batch, loss=f"{(logs or {})['loss']:.4f}")

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.lesson.data.streams:  # while the weights are those that were validated
            self.excerpt = self._write(tf.constant([""]), EXCERPT, 0.8, 0, 1.0, tf.constant([0], tf.int64))

    @cached_property
    def _write(self) -> Callable[..., str]:
        task = self.lesson.task
        function, signature = task.pattern.endpoints(self.model, task.inputs, task.targets, task.settings)["generate"]
        traced = tf.function(function, input_signature=signature, autograph=False)
        return lambda *asked: traced(*asked)["answer"].numpy()[0].decode()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        shown = logs or {}
        line = f"epoch {epoch + 1}/{self.params['epochs']}: loss {shown['loss']:.4f}, accuracy {shown['accuracy']:.4f}"
        if self.lesson.validation:
            line += f"; validation loss {shown['val_loss']:.4f}, accuracy {shown['val_accuracy']:.4f}"
        if self.lesson.data.streams:
            loss, level = shown.get("val_loss", shown["loss"]), self.lesson.task.inputs.level
            line += f"; {loss / math.log(2):.3f} bits, perplexity {math.exp(loss):.2f} a {level}\n{self.excerpt}\n"
        # through the bar's console, or the line would be written into the bar
        self.progress.console.print(line, soft_wrap=True, highlight=False, markup=False)
