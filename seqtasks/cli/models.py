"""Which trained model a verb is about, by the folders of exports alone: no task's source is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seqtasks import tasks
from seqtasks.cli import options
from seqtasks.errors import SeqtasksError, UsageError, unknown
from seqtasks.inference import predictor
from seqtasks.inference.manifest import Manifest

FOLDER = options.MODELS
GENERATES = "text_generation"  # the task where none is named and none or several are trained that go on with a text


def trained() -> list[str]:
    """The names of the folders of models."""
    return sorted(path.name for path in FOLDER.glob("*/") if not path.name.startswith("."))


def locate(task: str, model: Path | None) -> tuple[str, Path]:
    """The task's name, `-` taken for `_`, and its model's folder.

    Raises UsageError for a name that is neither a task's nor a folder's, unless a folder is given.
    """
    name = task.replace("-", "_")
    if model is None and not _is_known(name):
        raise unknown("task", name, sorted({*tasks.every_name(), *trained()}))
    return name, model or FOLDER / name


def manifest(task: str | None, folder: Path, format: str = predictor.SAVED_MODEL) -> Manifest:
    """The manifest of a folder's newest export; raises UsageError where there is none, or one of another task."""
    found = predictor.about(folder, format)
    if said := predictor.stale(predictor.newest(folder, format), found):
        options.say(said)
    if task is not None and found.task != task:
        raise UsageError(f"{folder} holds an export of {found.task}, not {task}; choose its folder with --model")
    return found


def task_first(arguments: Sequence[str], model: Path | None) -> tuple[str | None, list[str]]:
    """The arguments [TASK] VALUE, apart: a single one is the task if it is the name of a task or of a model's folder.

    Raises UsageError for more than two, and what `locate` raises.
    """
    if len(arguments) > 2:
        raise UsageError(f"give a task and one text, not {len(arguments)} arguments; put the text in quotes")
    if len(arguments) == 2:
        return locate(arguments[0], model)[0], [arguments[1]]
    named = [name for name in (each.replace("-", "_") for each in arguments) if _is_known(name)]
    return (named[0], []) if named else (None, list(arguments))


def _is_known(name: str) -> bool:
    """Whether a task or a model's folder is called so; packages are asked last."""
    return name in tasks.names() or name in trained() or name in tasks.every_name()


def default(endpoint: str) -> str:
    """The only trained task whose export has an endpoint, else `text_generation`."""
    found = [name for name in trained() if _has(FOLDER / name, endpoint)]
    return found[0] if len(found) == 1 else GENERATES


def _has(folder: Path, endpoint: str) -> bool:
    try:
        return endpoint in predictor.about(folder).endpoints
    except SeqtasksError:  # no export, or one that is damaged: `doctor` tells
        return False
