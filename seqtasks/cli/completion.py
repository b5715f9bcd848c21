"""What a shell offers for a word that is being typed: names of files that are generated, and of folders.

Nothing heavy is imported. `_SEQTASKS_COMPLETE=bash_source seqtasks` gives what a shell runs; zsh and fish likewise.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from seqtasks import tasks

MODELS = Path("saved_models")
CELLS = ("simple_rnn", "irnn", "lstm", "gru")
SPLITS = ("train", "validation", "test")

Offer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def beginning(names: Callable[[click.Context], Iterable[str]]) -> Offer:
    """The names that begin with the word."""

    def offered(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in names(context) if name.startswith(incomplete)]

    return offered


def of_tasks(context: click.Context) -> list[str]:
    return tasks.every_name()


def of_models(context: click.Context) -> list[str]:
    """Folders in saved_models."""
    return sorted(path.name for path in MODELS.glob("*/") if not path.name.startswith("."))


def of_answering(context: click.Context) -> list[str]:
    """What predict and its like take for a task."""
    return sorted({*of_tasks(context), *of_models(context)})


def of_datasets(context: click.Context) -> list[str]:
    """Of the task that was typed before or, without one, of all."""
    typed = _task(context)
    return [dataset for name in ([typed] if typed else tasks.names()) for dataset in tasks.describe(name)["datasets"]]


def of_benchmarks(context: click.Context) -> list[str]:
    return sorted(path.stem for path in (Path(__file__).parents[1] / "benchmarks").glob("[a-z]*.py"))


def of_splits(context: click.Context) -> tuple[str, ...]:
    return SPLITS


def of_cells(context: click.Context) -> tuple[str, ...]:
    return CELLS


def cells(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Further cells behind the last comma."""
    before, comma, last = incomplete.rpartition(",")
    return [CompletionItem(f"{before}{comma}{name}") for name in CELLS if name.startswith(last)]


def settings(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """NAME= of a task's settings, with what each means; behind it the values of those that have few."""
    name, equals, value = incomplete.partition("=")
    known = _settings(_task(context))
    if not equals:
        meanings = {each["name"]: each["help"] for each in known if each["name"].startswith(name)}
        return [CompletionItem(f"{each}=", help=meaning) for each, meaning in meanings.items()]
    types = {each["name"]: each["type"] for each in known}
    values = CELLS if name == "cell" else ("true", "false") if types.get(name) == "bool" else ()
    return [CompletionItem(f"{name}={each}") for each in values if each.startswith(value)]


def model(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names in saved_models or, where none begins so, folders."""
    found = beginning(of_models)(context, parameter, incomplete)
    return found or [CompletionItem(incomplete, type="dir")]


def _task(context: click.Context) -> str | None:
    """The task that was typed; what stands before an option without its value is not parsed yet."""
    typed = (context.params.get("task"), *context.args)
    return next((name for name in typed if name in tasks.names()), None)


def _settings(task: str | None) -> list[dict[str, Any]]:
    """Those of a task, or of all tasks together, as the generated file has them."""
    try:
        every = json.loads((tasks.FOLDER / "settings.json").read_bytes())["tasks"]
    except (OSError, ValueError, KeyError):
        return []
    several = [every[task]] if task in every else [*every.values()]
    return [*{each["name"]: each for about in several for each in about["settings"]}.values()]
