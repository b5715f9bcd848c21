"""seqtasks export TASK"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqtasks.cli import chosen_task, options
from seqtasks.cli.verb import DATA, Verb
from seqtasks.errors import IntegrityError, UsageError

if TYPE_CHECKING:
    from seqtasks.export.check import Check

FORMATS = ("saved-model", "litert", "onnx")


@click.command(
    "export",
    cls=Verb,
    short_help="A SavedModel, or a network for ONNX or LiteRT",
    example="seqtasks export sentiment --format onnx --check",
    groups={"The export": ("format", "int8", "check"), "Data": DATA},
)
@chosen_task.argument
@click.option("--format", "format", type=options.OneOf(FORMATS), default=FORMATS[0], show_default=True)
@click.option(
    "--check", is_flag=True, help="Ask it the sample and odd inputs in its own runtime; exit 4 if it differs."
)
@click.option("--int8", is_flag=True, help="LiteRT: weights in eight bits; says what accuracy that costs.")
@options.json_option
@options.model_option
@options.data_dir_option
@options.manual_option
def command(
    task: str,
    format: str,
    check: bool,
    int8: bool,
    as_json: bool,
    model: Path | None,
    data_dir: str,
    manual_dir: str | None,
) -> None:
    """Write a trained model as a SavedModel that takes raw values and needs none of this package.

    Or its network as a file for LiteRT or ONNX Runtime, which takes what is made of raw values: ids, bases, pixels.
    """
    if int8 and format != "litert":
        raise UsageError("--int8 goes with --format litert; give both")
    folder = options.model_folder(model, task)
    options.start_tensorflow()
    from seqtasks import files
    from seqtasks.cli import meter
    from seqtasks.export import check as checking
    from seqtasks.export import quantize, savedmodel
    from seqtasks.inference import predictor
    from seqtasks.training import model_folder

    with meter.shown():
        trained = model_folder.restore(folder, task)
    if code := model_folder.changed_code(trained.card):
        options.say(code)
    with files.lock(folder), meter.shown():
        path = savedmodel.export(trained, format, "int8" if int8 else None)
    if as_json:
        options.say_json({"task": task, "format": format, "int8": int8, "export": str(path)})
    say = options.say if as_json else click.echo
    say(f"exported {task} to {path}")
    if int8:
        with meter.shown():
            cost = quantize.loss(trained, path, options.folders(data_dir, manual_dir), options.say)
        what = "next tokens" if "prefill" in predictor.verified(path).endpoints else "answers"
        say(
            f"right {what} of {cost.data} ({cost.examples:,} asked): {cost.before:.4f} as trained, {cost.after:.4f} in "
            f"eight bits, {cost.after - cost.before:+.4f}"
        )
    if not check:
        return
    with meter.shown():
        found = checking.check(trained, path)
    _show(found)
    if found.equal < found.inputs:
        raise IntegrityError(
            f"{path} answers {found.inputs - found.equal} of {found.inputs} inputs otherwise than the trained model"
        )
    if found.read_alike is not None and found.read_alike < found.inputs:
        other = found.inputs - found.read_alike
        raise IntegrityError(
            f"the reader in plain Python reads {other} of {found.inputs} inputs otherwise than the codec"
        )


def _show(found: Check) -> None:
    from rich.table import Table

    table = Table(title=f"{found.format}, in a process that has its runtime alone")
    row = {
        "inputs": str(found.inputs),
        "answers equal": str(found.equal),
        "largest difference": f"{found.largest:.1e}",
        "read alike in plain Python": str(found.read_alike),
        "size": f"{found.size / 1e6:.1f} MB",
        "loads in": f"{found.load_seconds:.2f} s",
        "an answer": f"{found.answer_seconds * 1e3:.1f} ms",
    }
    if found.read_alike is None:
        del row["read alike in plain Python"]
    for name in row:
        table.add_column(name, justify="right")
    table.add_row(*row.values())
    options.console().print(table)
