"""Options that several verbs share, and how they talk."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from seqtasks import tasks
from seqtasks.errors import UsageError, quiet, unknown
from seqtasks.task import SAMPLE, Folders

ENCODING = "utf-8"  # of your own file, unless said otherwise


class OneOf(click.Choice):
    """One of some words; the error for any other proposes the nearest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value not in self.choices:
            raise unknown(param.opts[0] if param else "choice", value, self.choices)
        return value


task_argument = click.argument("task", callback=lambda context, parameter, value: tasks.known(value))
model_option = click.option(
    "--model",
    type=click.Path(file_okay=False, path_type=Path),
    help="The model's folder.  [default: saved_models/TASK]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value on one line, and nothing else.")
data_dir_option = click.option(
    "--data-dir", default="datasets", show_default=True, help="Folder of prepared data sets; TFDS_DATA_DIR is read too."
)
manual_option = click.option(
    "--manual-dir", envvar="SEQTASKS_MANUAL_DIR", show_envvar=True, help="Folder of files that were fetched by hand."
)
on_invalid_option = click.option(
    "--on-invalid",
    type=OneOf(["error", "skip"]),
    default="error",
    show_default=True,
    help="What cannot be used: stop at the first, or leave it out and count it.",
)
seed_option = click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
set_option = click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Any other setting; may be given repeatedly."
)
encoding_option = click.option("--encoding", default=ENCODING, show_default=True)


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how your own file is to be read."""
    command = encoding_option(command)
    command = click.option("--separator", help="Between fields.  [default: , or, for .tsv, a tab]")(command)
    return click.option("--input-column", "--text-column", "input_column", help="If its name is not a usual one.")(
        command
    )


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what to learn from; the command gets them as one `which`, for experiment.prepare.

    Raises UsageError where they name several data sets, or half of one.
    """

    @functools.wraps(command)
    def gathered(
        *,
        dataset: str | None,
        sample_data: bool,
        data: str | None,
        test_data: str | None,
        input_column: str | None,
        label_column: str | None,
        label_pattern: str | None,
        on_invalid: str,
        separator: str | None,
        encoding: str,
        **others: Any,
    ) -> Any:
        if sum((dataset is not None, sample_data, data is not None)) > 1:
            raise UsageError("--dataset, --sample-data and --data name several data sets; give one")
        if test_data and not data:
            raise UsageError("--test-data goes with --data; give both")
        if not data:
            return command(which=SAMPLE if sample_data else dataset, **others)
        from seqtasks.data.readers import Options
        from seqtasks.data.user import Source

        test = str(Path(test_data).absolute()) if test_data else None
        reading = Options(
            input_column, label_column, separator, encoding, label_pattern=label_pattern, on_invalid=on_invalid
        )
        return command(which=Source(str(Path(data).absolute()), test, reading), **others)

    for option in reversed(
        (
            click.option(
                "--dataset",
                metavar="NAME",
                help="A data set by name; else the task's own or, where that cannot be had, its sample.",
            ),
            click.option(
                "--sample-data", is_flag=True, help="The small data set that the project makes: no network, no files."
            ),
            click.option(
                "--data",
                metavar="FILE",
                help="Your own examples: CSV, TSV, JSONL, Parquet, FASTA, .txt, a table of photographs; a folder.",
            ),
            click.option("--test-data", metavar="FILE", help="Your own test examples; else a tenth of --data."),
            click.option("--label-column", help="If its name is not a usual one."),
            click.option("--label-pattern", metavar="REGEX", help="Finds the label in a FASTA header, in its group."),
            on_invalid_option,
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


def folders(data_dir: str, manual: str | None) -> Folders:
    """Where data sets are: the folder of the option first, then the one that TFDS_DATA_DIR names."""
    named = [data_dir, os.environ.get("TFDS_DATA_DIR", "")]
    return Folders(tuple(str(Path(name).expanduser()) for name in dict.fromkeys(named) if name), manual)


def say(text: str) -> None:
    """Progress and notices go to standard error; standard output is for answers."""
    click.echo(text, err=True)


def say_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))


def start_tensorflow() -> None:
    """Imports TensorFlow and looks for devices, without the chatter of either."""
    with quiet():
        import tensorflow as tf

        tf.config.list_physical_devices()
        tf.get_logger().setLevel("ERROR")  # it counts traced functions, of which every command makes a few
