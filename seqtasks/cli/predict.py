"""seqtasks predict TASK VALUE... | --file FILE"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from seqtasks.cli import options
from seqtasks.errors import UsageError


@click.command("predict")
@options.task_argument
@click.argument("values", nargs=-1)
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help="Rows to answer: CSV, TSV, JSONL, Parquet, text; - for standard input.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the rows go with their answers; interrupted, it goes on.  [default: standard output]",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "tsv", "jsonl", "txt"]),
    help="What the file is, if its name does not say so.",
)
@click.option("--strict", is_flag=True, help="Stop at the first bad row, instead of setting it aside.")
@options.reading_options
@options.json_option
@options.model_option
def command(
    task: str,
    values: tuple[str, ...],
    file: Path | None,
    output: Path | None,
    kind: str | None,
    strict: bool,
    input_column: str | None,
    separator: str | None,
    encoding: str,
    as_json: bool,
    model: Path | None,
) -> None:
    """Answer raw values from a task's export, one line each; or the rows of a file, with their columns kept."""
    if bool(values) == bool(file):
        raise UsageError("give values or --file FILE, one of the two")
    folder = options.model_folder(model, task)
    from seqtasks import serving

    serving.newest(folder)  # a missing export is told before TensorFlow takes its seconds
    options.start_tensorflow()
    if file:
        from seqtasks import answering
        from seqtasks.readers import Options

        answering.one_core_a_batch()
        _answer_file(
            serving.load(folder), task, file, Options(input_column, None, separator, encoding, kind), output, strict
        )
        return
    answers = serving.load(folder)(values)
    if as_json:
        inputs = [value.encode("utf-8", "surrogateescape").decode(errors="replace") for value in values]
        options.say_json([{"input": value, **answer} for value, answer in zip(inputs, answers, strict=True)])
        return
    for answer in answers:
        click.echo("\t".join([answer["answer"]] + [f"{answer[name]:.4f}" for name in answer if name == "probability"]))


def _answer_file(served: Any, task: str, file: Path, reading: Any, output: Path | None, strict: bool) -> None:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from seqtasks import answering, tasks

    console = Console(stderr=True)
    named = output or Path("standard-input" if str(file) == "-" else file.name)
    rejects = named.with_name(f"{named.name}.rejects.jsonl")
    usual = tasks.find(task).inputs.columns
    columns = [SpinnerColumn(), TextColumn("{task.completed:,} rows"), TimeElapsedColumn()]
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("answering", total=None)
        more: dict[str, Any] = {
            "rejects": rejects,
            "strict": strict,
            "progress": lambda done: progress.update(bar, completed=done.rows),
        }
        if output:
            done = answering.answer_to_file(served, file, reading, usual, output, **more)
        else:
            rejects.unlink(missing_ok=True)
            done = answering.answer(
                served, file, reading, usual, output=sys.stdout.buffer, done=answering.Done(), **more
            )
    aside = f"; {done.rejects:,} bad ones set aside in {rejects}" if done.rejects else ""
    options.say(f"{done.rows:,} rows{aside}")
