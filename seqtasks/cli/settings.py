"""seqtasks settings TASK"""

from __future__ import annotations

from typing import Any

import click

from seqtasks import tasks
from seqtasks.cli import chosen_task, completion, options, tables
from seqtasks.cli.verb import Verb
from seqtasks.errors import UsageError


@click.command("settings", cls=Verb, short_help="Every setting of a task", example="seqtasks settings sentiment")
@click.argument("task", required=False, shell_complete=completion.beginning(completion.of_tasks))
@click.option("--write", is_flag=True, help="In a checkout: write tasks/settings.json and the documents' tables again.")
@chosen_task.code_option
@options.json_option
def command(task: str | None, write: bool, as_json: bool) -> None:
    """Every setting of a task: its name, value, type and what it means, and the values that data sets have instead.

    Each is for train TASK --set NAME=VALUE.
    """
    if write:
        for path in tables.write():
            options.say(f"wrote {path}")
        return
    if task is None:
        raise UsageError(f"name a task: {', '.join(tasks.every_name())}")
    name = tasks.known(task)
    about = tables.of(name)
    if as_json:
        options.say_json({"task": name, **about})
        return
    for line in _lines(about):
        click.echo(line)


def _lines(about: dict[str, Any]) -> list[str]:
    rows = [("setting", "value", "type", "meaning")]
    rows += [(each["name"], tables.text(each["value"]), each["type"], each["help"]) for each in about["settings"]]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)), row[3]]) for row in rows
    ]
    for datasets, values in tables.exceptions(about):
        own = ", ".join(f"{name}={tables.text(value)}" for name, value in values.items())
        lines.append(f"on {', '.join(datasets)}: {own}")
    return lines
