"""Which task a verb is about: its name, and the file of one of your own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from seqtasks import tasks
from seqtasks.cli import completion, options
from seqtasks.errors import SeqtasksError, UsageError


def _load(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    """Runs the file of a task before the task's name is looked up; not for a shell that completes a word."""
    if value is not None and not context.resilient_parsing:
        options.start_tensorflow()
        tasks.load(value)


def _known_task(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """The task's name; raises UsageError that names the file of a task that was trained from one."""
    try:
        return tasks.known(value)
    except UsageError:
        if file := _trained_with(options.MODELS / value.replace("-", "_")):
            raise UsageError(f"{value} is a task of a file of your own; give --code {file}") from None
        raise


def _trained_with(folder: Path) -> str | None:
    """The file that defines the task of a trained model, if it is none of the package's."""
    from seqtasks.training import card as cards

    try:
        return cards.read(folder).code_file
    except SeqtasksError:
        return None


code_option = click.option(
    "--code",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.py",
    envvar="SEQTASKS_CODE",
    show_envvar=True,
    is_eager=True,
    expose_value=False,
    callback=_load,
    help="The file of a task of your own.",
)


def argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """A task's name, and the option for the file of one of your own."""
    named = click.argument("task", callback=_known_task, shell_complete=completion.beginning(completion.of_tasks))
    return named(code_option(command))
