"""Options that several verbs share, and how they talk."""

from __future__ import annotations

import codecs
import functools
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqtasks.cli import completion, environment
from seqtasks.errors import UsageError, quiet, unknown
from seqtasks.task import SAMPLE, Folders

if TYPE_CHECKING:
    from rich.console import Console

MIN_COLUMNS = 40  # of a table
QUOTING = ("double", "backslash", "none")  # as data.readers.dialect has them


class OneOf(click.Choice):
    """One of some words; the error for any other proposes the nearest."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value not in self.choices:
            raise unknown(param.opts[0] if param else "choice", value, self.choices)
        return value


MODELS = completion.MODELS


def named_model(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """The folder itself; a bare name that is no folder here is one in saved_models."""
    if value is None or value.exists() or len(value.parts) != 1 or str(value) in (".", ".."):
        return value
    return MODELS / value


model_option = click.option(
    "--model",
    type=click.Path(file_okay=False, path_type=Path),
    callback=named_model,
    shell_complete=completion.model,
    help="The model's folder, or its name in saved_models.  [default: the task's]",
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
seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of everything random."
)
set_option = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=completion.settings,
    help="Any other setting; may be given repeatedly.",
)
encoding_option = click.option("--encoding", help="Of your own file.  [default: found out, and said]")


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how your own file is to be read; the command gets them as one `reading`."""

    @functools.wraps(command)
    def gathered(
        *,
        input_column: str | None,
        separator: str | None,
        quoting: str | None,
        no_header: bool,
        encoding: str | None,
        sheet: str | None,
        **others: Any,
    ) -> Any:
        reading: dict[str, Any] = {"input_column": input_column, "quoting": quoting, "encoding": encoding}
        reading["sheet"] = sheet
        if separator is not None:
            from seqtasks.data.readers import dialect

            reading["separator"] = dialect.separator(separator)
        if no_header:
            reading["header"] = False
        return command(reading={name: value for name, value in reading.items() if value is not None}, **others)

    for option in reversed(
        (
            click.option("--input-column", "--text-column", "input_column", help="If its name is not a usual one."),
            click.option(
                "--separator", help=r"Between the fields of a CSV: ; or \t, ...  [default: found out, and said]"
            ),
            click.option(
                "--quoting", type=OneOf(QUOTING), help="Of a quotation mark in a field.  [default: found out]"
            ),
            click.option("--no-header", is_flag=True, help="The first row is data; columns are called 1, 2, ..."),
            encoding_option,
            click.option("--sheet", metavar="NAME", help="Of a workbook.  [default: its first, and said]"),
        )
    ):
        gathered = option(gathered)
    return gathered


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
        target_data: str | None,
        test_target_data: str | None,
        label_column: str | None,
        label_pattern: str | None,
        ignore_label: tuple[str, ...],
        on_invalid: str,
        reading: dict[str, Any],
        **others: Any,
    ) -> Any:
        if sum((dataset is not None, sample_data, data is not None)) > 1:
            raise UsageError("--dataset, --sample-data and --data name several data sets; give one")
        if test_data and not data:
            raise UsageError("--test-data goes with --data; give both")
        if target_data and not data:
            raise UsageError("--target-data goes with --data; give both")
        if bool(target_data and test_data) != bool(test_target_data):
            raise UsageError("--test-target-data goes with --target-data and --test-data; give all three")
        if not data:
            return command(which=SAMPLE if sample_data else dataset, **others)
        start_tensorflow()  # before the codecs import it, and let it say what it likes
        from seqtasks.data.readers import Options
        from seqtasks.data.user import Source

        test, targets, test_targets = (
            str(Path(each).absolute()) if each else None for each in (test_data, target_data, test_target_data)
        )
        options = Options(
            **reading,
            label_column=label_column,
            label_pattern=label_pattern,
            on_invalid=on_invalid,
            ignore_labels=ignore_label,
        )
        return command(which=Source(str(Path(data).absolute()), test, options, targets, test_targets), **others)

    for option in reversed(
        (
            click.option(
                "--dataset",
                metavar="NAME",
                shell_complete=completion.beginning(completion.of_datasets),
                help="A data set by name; else the task's own or, where that cannot be had, its sample.",
            ),
            click.option(
                "--sample-data", is_flag=True, help="The small data set that the project makes: no network, no files."
            ),
            click.option(
                "--data",
                metavar="FILE",
                help="Your own examples: CSV, TSV, Excel, JSONL, Parquet, FASTA, .txt, a table of pictures; a folder.",
            ),
            click.option("--test-data", metavar="FILE", help="Your own test examples; else a tenth of --data."),
            click.option(
                "--target-data", metavar="FILE", help="The targets in a text of their own, a line for each of --data."
            ),
            click.option("--test-target-data", metavar="FILE", help="The same for --test-data."),
            click.option("--label-column", "--target-column", "label_column", help="If its name is not a usual one."),
            click.option(
                "--ignore-label", multiple=True, help="Leave rows of this label out; may be given repeatedly."
            ),
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
    return model or MODELS / task


def folders(data_dir: str, manual: str | None) -> Folders:
    """Where data sets are: the folder of the option first, then the one that TFDS_DATA_DIR names."""
    named = [data_dir, os.environ.get("TFDS_DATA_DIR", "")]
    found = (os.path.expanduser(name) for name in dict.fromkeys(named) if name)  # noqa: PTH111, it never raises
    return Folders(tuple(str(Path(name)) for name in found), manual)


def is_quiet() -> bool:
    """Whether `seqtasks --quiet` was asked for."""
    context = click.get_current_context(silent=True)
    return bool(context and context.find_root().params.get("quiet"))


def say(text: str) -> None:
    """Progress and notices go to standard error, unless they are not wanted; standard output is for answers.

    A line of progress that cannot be written, as on a full disk, ends nothing; a reader who went away does.
    """
    if is_quiet():
        return
    try:
        click.echo(text, err=True)
    except BrokenPipeError:
        raise
    except OSError:
        pass


def say_json(value: Any) -> None:
    """JSON in letters of ASCII where standard output takes no UTF-8: escapes of Python's are none of JSON's."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    in_utf8 = codecs.lookup(encoding).name == "utf-8"
    click.echo(json.dumps(value, ensure_ascii=not in_utf8, allow_nan=False))


def console(*, stderr: bool = False) -> Console:
    """For tables and bars: names of files and data sets are text, whatever brackets and colons are in them."""
    from rich.console import Console

    made = Console(stderr=stderr, markup=False, emoji=False)
    if made.width < MIN_COLUMNS:  # nothing can be read in so few, as a COLUMNS of 0 says
        made.width = MIN_COLUMNS
    return made


def start_tensorflow() -> None:
    """Imports TensorFlow and looks for devices, without the chatter of either.

    Raises UsageError for flags in the environment that would end the process.
    """
    environment.check_flags()
    with quiet():
        import tensorflow as tf

        tf.config.list_physical_devices()
        tf.get_logger().setLevel("ERROR")  # it counts traced functions, of which every command makes a few
        environment.reset_keras()
    _choose_device(tf)


def _choose_device(tf: Any) -> None:
    """Leaves TensorFlow the device that was asked for; raises UsageError for one that there is not."""
    context = click.get_current_context(silent=True)
    wanted = context.find_root().params.get("device") if context else None
    if not wanted:
        return
    gpus = tf.config.list_physical_devices("GPU")
    named = {"cpu": []} | ({"gpu": gpus[:1]} if gpus else {})
    named |= {f"gpu:{number}": [gpu] for number, gpu in enumerate(gpus)}
    if wanted.lower() not in named:
        raise unknown("device", wanted, named)
    tf.config.set_visible_devices(named[wanted.lower()], "GPU")
