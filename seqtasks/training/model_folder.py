"""A trained model's folder: what is learned travels together.

card.json          what it is; written last, it names the sha256 of the others
model.weights.h5   and what a codec needs beside its fields: encoder.weights.h5
history.csv, *.png  an epoch a row; steps.csv: a step a row
metrics.json       from evaluate, with the tables and pictures of its report, and report.html, the page of all that
folds.json         from evaluate --folds, with folds/: what each fold's model answered
serving/<n>/       from export, litert/<n>/ and onnx/<n>/ from export --format
training/          an unfinished training: run.json and checkpoints
"""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from seqtasks import codecs, files, tasks
from seqtasks.errors import IntegrityError, UsageError
from seqtasks.metrics import plots
from seqtasks.task import Task
from seqtasks.training import card as cards
from seqtasks.training import log
from seqtasks.training.card import Card

HISTORY = log.HISTORY
TRAINING = "training"
REMEDY = "train again, or copy the whole folder again"


@dataclass(frozen=True, eq=False)  # one is itself: what was made of it may be kept
class TrainedModel:
    task: Task[Any, Any]  # with the codecs and settings that the model was trained with
    model: keras.Model
    card: Card
    folder: Path


def build(task: Task[Any, Any]) -> keras.Model:
    """The task's model, not trained; its codecs are fitted."""
    model: keras.Model = task.pattern.build(task)
    return model


def save(
    folder: Path,
    model: keras.Model,
    card: Card,
    history: list[dict[str, float]],
    assets: Mapping[str, Callable[[Path], None]],
) -> None:
    """Puts what was learned in the folder, all of it or nothing, and removes the unfinished training.

    `assets` are files that the codecs need, and how each is written.
    """
    table, steps = pd.DataFrame(history), folder / TRAINING / log.STEPS
    written = {log.STEPS: functools.partial(shutil.copyfile, steps)} if steps.exists() else {}
    files.publish(
        folder,
        {
            cards.WEIGHTS: lambda path: files.save_weights(model, path),
            **assets,
            HISTORY: lambda path: table.to_csv(path, index=False),
            **written,
            **{f"{name}.png": functools.partial(plots.curves, table, name) for name in _curves(table)},
            cards.NAME: card.write,
        },
        record=cards.NAME,
    )
    shutil.rmtree(folder / TRAINING, ignore_errors=True)


def _curves(history: pd.DataFrame) -> list[str]:
    """The figures of training that are drawn."""
    names = dict.fromkeys(name.removeprefix("val_") for name in history.columns)
    return [name for name in names if f"val_{name}" in history.columns or name in ("loss", "accuracy")]


def restore(folder: Path, task_name: str) -> TrainedModel:
    """The trained model of a folder; raises UsageError where there is none, IntegrityError where it is damaged."""
    card = cards.read(folder)
    if card.task != task_name.replace("-", "_"):
        raise UsageError(f"{folder} holds a trained {card.task}, not {task_name}; choose its folder with --model")
    if card.task not in tasks.every_name():
        what = "give its file with --code" if card.code_file is None else f"give --code {card.code_file}"
        raise UsageError(f"{folder} holds a trained {card.task}, a task of a file of your own; {what}")
    card, weights = _card_and_weights(folder)
    try:
        task = tasks.find(card.task).configure(card.settings)
    except UsageError as error:
        raise IntegrityError(
            f"{folder / cards.NAME} is of an earlier version of seqtasks ({str(error).partition(';')[0]}); train again"
        ) from None
    inputs = codecs.restore(card.inputs, lambda name: files.resolve(folder, name, card.files, remedy=REMEDY))
    task = task.with_codecs(inputs, codecs.restore(card.targets))
    policy = {"dtype_policy": "float32"} if "dtype_policy" in task.settings else {}
    model = build(task.configure(policy))  # what was learned answers the same on any processor
    try:
        model.load_weights(weights)
    except Exception as error:  # h5py and Keras raise many kinds for one meaning
        raise IntegrityError(f"{weights} does not fit its card ({error}); {REMEDY}") from error
    return TrainedModel(task, model, card, folder)


def changed_code(card: Card) -> str | None:
    """What to say where the file that defines the task is another one than the model was trained with."""
    outside = tasks.outside(card.task)
    if outside is None or card.code == outside.sha256:
        return None
    return f"{outside.file or card.task} is not as it was when {card.task} was trained"


def _card_and_weights(folder: Path) -> tuple[Card, Path]:
    """A card and the weights that it names, also while a training replaces both."""
    card = cards.read(folder)
    try:
        return card, files.resolve(folder, cards.WEIGHTS, card.files, remedy=REMEDY)
    except IntegrityError:
        if (newer := cards.read(folder)) == card:
            raise
        return newer, files.resolve(folder, cards.WEIGHTS, newer.files, remedy=REMEDY)


def finished(folder: Path, facts: Mapping[str, Any]) -> Card | None:
    """The card of a training that has ended in the folder with these facts; None where none has, or one is going on.

    Raises UsageError that names a difference where it is another training.
    """
    if not (folder / cards.NAME).exists() or (folder / TRAINING / "run.json").exists():
        return None
    card = cards.read(folder)
    known = {name: getattr(card, name) for name in facts}
    if difference := _difference(known, json.loads(json.dumps(facts))):
        remedy = "choose another --model folder, or give --fresh to replace it"
        raise UsageError(f"{folder} holds a trained model with {difference}; {remedy}")
    return card


def start_run(folder: Path, identity: Mapping[str, Any], *, fresh: bool, resume: bool) -> Path:
    """The folder for the checkpoints of the training with this identity: its own unfinished one or a new one.

    Raises UsageError if an unfinished training with another identity stands there, naming a difference, or if there is
    nothing to resume.
    """
    training = folder / TRAINING
    record = training / "run.json"
    if record.exists() and not fresh:
        before = files.read_json(record, remedy="begin again with --fresh")
        if set(before.get("settings", ())) != set(identity["settings"]):
            raise UsageError(f"{folder} holds an unfinished training of another version of seqtasks; give --fresh")
        if difference := _difference(before, json.loads(json.dumps(identity))):
            raise UsageError(
                f"{folder} holds an unfinished training with {difference}; finish that one or give --fresh"
            )
        return training
    if resume:
        raise UsageError(f"{folder} holds no unfinished training to resume; leave --resume out")
    shutil.rmtree(training, ignore_errors=True)  # checkpoints without their run.json are nobody's
    files.write_json(record, identity, point="run")
    return training


def _difference(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> str | None:
    """The first key whose values differ, in words, or None."""
    for key in sorted({*before, *now}):
        was, is_now = before.get(key), now.get(key)
        if isinstance(was, dict) and isinstance(is_now, dict):
            if deeper := _difference(was, is_now, f"{prefix}{key}."):
                return deeper
        elif was != is_now:
            return f"{prefix}{key} {_brief(was)} (now {_brief(is_now)})"
    return None


def _brief(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:40]}..."
