"""seqtasks predict TASK VALUE... | --file FILE"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from seqtasks.cli import options
from seqtasks.errors import InputError, UsageError


@click.command("predict")
@options.task_argument
@click.argument("values", nargs=-1)
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help="Rows to answer: CSV, TSV, JSONL, Parquet, text, FASTA; - for standard input.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the rows go with their answers; interrupted, it goes on.  [default: standard output]",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "tsv", "jsonl", "txt", "fa", "bed"]),
    help="What the file is, if its name does not say so; of a scan, what is written.",
)
@click.option("--window", type=int, help="Scan: answer windows of so many bases along the records of a FASTA file.")
@click.option("--stride", type=int, help="Bases from one window to the next.  [default: a half of --window]")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw what each base of a value matters.")
@click.option(
    "--runtime", type=click.Choice(["onnx", "litert"]), help="Answer from such an export, and sooner: no TensorFlow."
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
    window: int | None,
    stride: int | None,
    plot: Path | None,
    runtime: str | None,
    input_column: str | None,
    separator: str | None,
    encoding: str,
    as_json: bool,
    model: Path | None,
) -> None:
    """Answer raw values from a task's export, one line each; or the rows of a file, with their columns kept."""
    if bool(values) == bool(file):
        raise UsageError("give values or --file FILE, one of the two")
    if (window or stride) and not (window and file):
        raise UsageError("--window goes with --file, a FASTA file, and --stride with --window")
    if kind == "bed" and not window:
        raise UsageError("bed is what a scan writes; give --window")
    if window and kind in ("txt", "fa"):
        raise UsageError(f"a scan writes bed, csv, tsv or jsonl, not {kind}; choose with --format")
    if plot and len(values) != 1:
        raise UsageError("--plot draws one value; give one")
    if runtime and (file or plot):
        raise UsageError("--runtime answers values; leave --file and --plot out")
    if file and as_json:
        raise UsageError("--json is for the answers to values, a file's keep its form; leave --json out")
    of_files = {
        "--output": output, "--format": kind, "--strict": strict, "--input-column": input_column,
        "--separator": separator, "--encoding": None if encoding == options.ENCODING else encoding,
    }  # fmt: skip
    if values and (needless := [name for name, given in of_files.items() if given not in (None, False)]):
        raise UsageError(f"{needless[0]} is for the rows of a file; leave it out, or give --file FILE")
    folder = options.model_folder(model, task)
    from seqtasks.inference import predictor

    about = predictor.about(folder, runtime or predictor.SAVED_MODEL)  # it is told before TensorFlow takes its seconds
    if about["task"] != task:
        raise UsageError(f"{folder} holds an export of {about['task']}, not {task}; choose its folder with --model")
    if runtime:
        _print(values, predictor.without_tensorflow(folder, runtime, values), as_json=as_json)
        return
    options.start_tensorflow()
    from seqtasks import tasks

    codec = tasks.find(task).configure(about["settings"]).inputs
    if file:
        from seqtasks.data.readers import Options
        from seqtasks.inference import files as answering
        from seqtasks.inference import scan as scanning

        reading = Options(input_column, None, separator, encoding, "fa" if window else kind)
        scan = scanning.Scan(file, reading, codec, window, stride or max(window // 2, 1)) if window else None
        answering.one_core_a_batch()
        written = f".{kind or 'bed'}" if window else None
        _answer_file(predictor.load(folder), codec, file, reading, output, strict=strict, scan=scan, kind=written)
        return
    cleaned = [_clean(codec, number, predictor.as_bytes(value)) for number, value in enumerate(values, 1)]
    served = predictor.load(folder)
    answers = served(cleaned)
    if plot:
        _draw(served, codec, cleaned[0], plot)
    _print(values, answers, as_json=as_json)


def _print(values: Sequence[str], answers: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        inputs = [value.encode("utf-8", "surrogateescape").decode(errors="replace") for value in values]
        options.say_json([{"input": value, **answer} for value, answer in zip(inputs, answers, strict=True)])
        return
    for answer in answers:
        click.echo("\t".join([answer["answer"]] + [f"{answer[name]:.4f}" for name in answer if name == "probability"]))


def _clean(codec: Any, number: int, value: bytes) -> bytes:
    try:
        return bytes(codec.clean(value))
    except InputError as error:
        raise InputError(f"value {number} {error}") from None


def _draw(served: Any, codec: Any, value: bytes, path: Path) -> None:
    from seqtasks import files
    from seqtasks.inference import mutagenesis
    from seqtasks.metrics import plots

    effects = mutagenesis.effects(served, codec, value)
    with files.writing(path, point="plot") as part:
        plots.logo(value.decode(), effects, part)


def _answer_file(
    served: Any, codec: Any, file: Path, reading: Any, output: Path | None, *, scan: Any, **more: Any
) -> None:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from seqtasks.inference import files as answering

    console = Console(stderr=True)
    named = output or Path("standard-input" if str(file) == "-" else file.name)
    rejects = named.with_name(f"{named.name}.rejects.jsonl")
    unit = "bases" if scan else "rows"
    columns = [SpinnerColumn(), TextColumn(f"{{task.completed:,}} {unit}"), TimeElapsedColumn()]
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("answering", total=None)
        more |= {
            "rejects": rejects,
            "scan": scan,
            "progress": lambda done: progress.update(bar, completed=scan.bases if scan else done.rows),
        }
        if output:
            done = answering.answer_to_file(served, file, reading, codec, output, **more)
        else:
            rejects.unlink(missing_ok=True)
            done = answering.answer(
                served, file, reading, codec, output=sys.stdout.buffer, done=answering.Done(), **more
            )
    aside = f"; {done.rejects:,} bad ones set aside in {rejects}" if done.rejects else ""
    if scan:
        unknown = f"; {scan.unknown:,} windows left out, most of whose bases are not known" if scan.unknown else ""
        options.say(f"{scan.bases:,} bases, {done.rows:,} windows{unknown}{aside}")
    else:
        options.say(f"{done.rows:,} rows{aside}")
