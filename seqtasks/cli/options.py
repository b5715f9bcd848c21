"""Options that several verbs share, and how they talk."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from seqtasks import tasks
from seqtasks.task import Folders

task_argument = click.argument("task", callback=lambda context, parameter, value: tasks.known(value))
model_option = click.option(
    "--model",
    type=click.Path(file_okay=False, path_type=Path),
    help="The model's folder.  [default: saved_models/TASK]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value on one line, and nothing else.")
datasets_option = click.option(
    "--datasets", default="datasets", show_default=True, help="Folder of prepared data sets; TFDS_DATA_DIR is read too."
)
manual_option = click.option(
    "--manual-dir", envvar="SEQTASKS_MANUAL_DIR", show_envvar=True, help="Folder of files that were fetched by hand."
)


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name a person's own file and how it is to be read."""
    for option in reversed(
        (
            click.option(
                "--data",
                metavar="FILE",
                help="Own examples: CSV, TSV, JSONL, Parquet, plain or .gz; a folder per class.",
            ),
            click.option("--test-data", metavar="FILE", help="Own test examples; without it a tenth of --data."),
            click.option("--text-column", "input_column", help="The inputs' column; without it a usual name."),
            click.option("--label-column", help="The labels' column; without it a usual name."),
            click.option("--separator", help="Between the fields of a CSV.  [default: , or a tab for .tsv]"),
            click.option("--encoding", default="utf-8", show_default=True),
        )
    ):
        command = option(command)
    return command


def model_folder(model: Path | None, task: str) -> Path:
    return model or Path("saved_models") / task


def folders(datasets: str, manual: str | None) -> Folders:
    """Where data sets are: the folder of the option first, then the one that TFDS_DATA_DIR names."""
    named = [datasets, os.environ.get("TFDS_DATA_DIR", "")]
    return Folders(tuple(str(Path(name).expanduser()) for name in dict.fromkeys(named) if name), manual)


def say(text: str) -> None:
    """Progress and notices go to standard error; standard output is for answers."""
    click.echo(text, err=True)


def say_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps what TensorFlow's C++ prints on import, before its log level counts, off standard error."""
    saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)


def start_tensorflow() -> None:
    """Imports TensorFlow and looks for devices, without the chatter of either."""
    with quiet():
        import tensorflow as tf

        tf.config.list_physical_devices()
