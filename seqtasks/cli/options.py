"""Options that several verbs share, and how they talk."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from seqtasks import tasks
from seqtasks.errors import UsageError
from seqtasks.task import SAMPLE, Folders

ENCODING = "utf-8"  # of a person's own file, where nothing else is said

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


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how a person's own file is to be read."""
    command = click.option("--encoding", default=ENCODING, show_default=True)(command)
    command = click.option("--separator", help="Between fields.  [default: , or, for .tsv, a tab]")(command)
    return click.option("--input-column", "--text-column", "input_column", help="If its name is not a usual one.")(
        command
    )


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what to learn from; the command gets them as one `which`, for learning.prepare.

    Raises UsageError where they name several data sets, or half of one.
    """

    @functools.wraps(command)
    def gathered(
        *,
        dataset: str | None,
        sample: bool,
        data: str | None,
        test_data: str | None,
        input_column: str | None,
        label_column: str | None,
        label_pattern: str | None,
        skip_invalid: bool,
        separator: str | None,
        encoding: str,
        **others: Any,
    ) -> Any:
        if sum((dataset is not None, sample, data is not None)) > 1:
            raise UsageError("--dataset, --sample and --data name several data sets; give one")
        if test_data and not data:
            raise UsageError("--test-data goes with --data; give both")
        if not data:
            return command(which=SAMPLE if sample else dataset, **others)
        from seqtasks.data.readers import Options
        from seqtasks.data.user import Source

        test = str(Path(test_data).absolute()) if test_data else None
        reading = Options(
            input_column, label_column, separator, encoding, label_pattern=label_pattern, skip_invalid=skip_invalid
        )
        return command(which=Source(str(Path(data).absolute()), test, reading), **others)

    for option in reversed(
        (
            click.option(
                "--dataset", help="A data set by name; else the task's own or, where that cannot be had, its sample."
            ),
            click.option(
                "--sample", is_flag=True, help="The small data set that the project makes: no network, no files."
            ),
            click.option(
                "--data",
                metavar="FILE",
                help="Own examples: CSV, TSV, JSONL, Parquet, FASTA, .txt, a table of photographs; a folder of them.",
            ),
            click.option("--test-data", metavar="FILE", help="Own test examples; else a tenth of --data."),
            click.option("--label-column", help="If its name is not a usual one."),
            click.option("--label-pattern", metavar="REGEX", help="Finds the label in a FASTA header, in its group."),
            click.option("--skip-invalid", is_flag=True, help="Leave out rows that cannot be used, and count them."),
            reading_options,
        )
    ):
        gathered = option(gathered)
    return gathered


def settings(changes: Sequence[str], named: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of --set KEY=VALUE and of the options that have names of their own."""
    chosen = {name: value for name, value in named.items() if value is not None}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise UsageError(f"--set {change} is not of the form KEY=VALUE")
        chosen[name.strip().replace("-", "_")] = value.strip()
    return chosen


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
        tf.get_logger().setLevel("ERROR")  # it counts traced functions, of which every command makes a few
