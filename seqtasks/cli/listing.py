"""seqtasks list"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from seqtasks import tasks
from seqtasks.cli import options
from seqtasks.cli.verb import Verb
from seqtasks.errors import SeqtasksError
from seqtasks.inference import predictor
from seqtasks.training import card as cards

WIDTH = 80  # columns at a terminal
EARLIER = ", of earlier weights"


@click.command(
    "list", cls=Verb, short_help="The tasks, and what is trained and exported", example="seqtasks list --datasets"
)
@click.option(
    "--datasets", "show_datasets", is_flag=True, help="The data sets, and the folders in which they are prepared."
)
@options.json_option
def command(show_datasets: bool, as_json: bool) -> None:
    """The tasks, with what is trained, what is exported and the headline figure.

    At a terminal some lines a task, elsewhere a table.
    """
    names = [*tasks.names(), *tasks.installed()]
    if show_datasets:
        rows = [row for name in names for row in _dataset_rows(name)]
    else:
        rows = [_row(name, options.MODELS / name) for name in names] + [_row(*each) for each in _others(names)]
    if as_json:
        options.say_json(rows)
        return
    if sys.stdout.isatty() and not show_datasets:
        click.echo("\n".join(line for row in rows for line in _lines(row)))
        return
    columns = list(rows[0])
    texts = [[_text(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[index]) for line in [columns, *texts]) for index in range(len(columns))]
    for line in [columns, *texts]:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _others(names: Sequence[str]) -> list[tuple[str, Path]]:
    """The task and the folder of each model that has a name of its own."""
    found = []
    for card in sorted(options.MODELS.glob(f"*/{cards.NAME}")):
        if card.parent.name not in names:
            with contextlib.suppress(SeqtasksError):
                found.append((cards.read(card.parent).task, card.parent))
    return found


def _row(name: str, folder: Path) -> dict[str, Any]:
    about = tasks.describe(name)
    row: dict[str, Any] = {
        "task": name, "model": folder.name, "pattern": about["pattern"], "dataset": about["dataset"], "trained": None,
        "measured": None, "exported": None, "summary": about["summary"],
    }  # fmt: skip
    if not (folder / cards.NAME).exists():
        return row
    try:
        card = cards.read(folder)
    except SeqtasksError:
        return row | {"trained": "damaged"}
    if card.code_file and not row["summary"]:
        row["summary"] = f"of {card.code_file}"
    row["trained"] = f"{card.dataset}, {card.created[:10]}"
    number = max(predictor.numbers(folder), default=None)
    if number is not None:
        row["exported"] = f"{number}{EARLIER if _is_stale(folder) else ''}"
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        headline = metrics["headline"]
        earlier = EARLIER if metrics["weights"] != card.files[cards.WEIGHTS] else ""
        row["measured"] = f"{headline.replace('_', ' ')} {metrics[headline]:.4f} ({metrics['split']}){earlier}"
    except (OSError, ValueError, KeyError, TypeError):  # not evaluated yet, or by an earlier version
        pass
    return row


def _is_stale(folder: Path) -> bool:
    """Whether the newest export is of earlier weights, as far as that can be read."""
    try:
        return predictor.stale(predictor.newest(folder), predictor.about(folder)) is not None
    except SeqtasksError:
        return False


def _dataset_rows(name: str) -> list[dict[str, Any]]:
    searched = [folder for folder in ("datasets", os.environ.get("TFDS_DATA_DIR", "")) if folder]
    return [
        {
            "dataset": dataset,
            "task": name,
            "prepared in": next((folder for folder in searched if (Path(folder) / dataset).is_dir()), None),
        }
        for dataset in tasks.describe(name)["datasets"]
    ]


def _lines(row: dict[str, Any]) -> list[str]:
    """A model for a person at a terminal: its task, and what there is of it."""
    name = row["task"] if row["model"] == row["task"] else f"{row['model']} ({row['task']})"
    found = [
        text
        for text, there in (
            (f"{row['pattern']} on {row['dataset']}", row["pattern"]),
            (f"trained on {row['trained']}", row["trained"]),
            (row["measured"], row["measured"]),
            (f"export {row['exported']}", row["exported"]),
        )
        if there
    ]
    wrapped = textwrap.wrap(f"{name}: {row['summary'] or 'not described'}", WIDTH, subsequent_indent="  ")
    return [*wrapped, *textwrap.wrap("; ".join(found), WIDTH, initial_indent="  ", subsequent_indent="  ")]


def _text(value: Any) -> str:
    return "-" if value is None else str(value)
