"""seqtasks export TASK"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqtasks.cli import options

if TYPE_CHECKING:
    from seqtasks.exporting import Check

FORMATS = ("saved-model", "litert", "onnx")


@click.command("export")
@options.task_argument
@click.option("--format", "form", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
@click.option(
    "--check", is_flag=True, help="Ask it the sample and odd inputs in its own runtime; exit 4 if it differs."
)
@options.model_option
def command(task: str, form: str, check: bool, model: Path | None) -> None:
    """Write a trained model as a SavedModel that takes raw values and needs none of this package.

    Or its network as a file for LiteRT or ONNX Runtime, which takes what is made of raw values: ids, bases, pixels.
    """
    folder = options.model_folder(model, task)
    options.start_tensorflow()
    from seqtasks import exporting, files, trained
    from seqtasks.errors import IntegrityError

    restored = trained.restore(folder, task)
    with files.lock(folder):
        path = exporting.export(restored, exporting.golden(restored.task), form)
    click.echo(f"exported {task} to {path}")
    if not check:
        return
    found = exporting.check(restored, form, path, exporting.checked(restored.task))
    _show(found)
    if found.equal < found.inputs:
        raise IntegrityError(
            f"{path} answers {found.inputs - found.equal} of {found.inputs} inputs otherwise than the trained model"
        )


def _show(found: Check) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{found.form}, in a process that has its runtime alone")
    for name in ("inputs", "answers equal", "largest difference", "size", "loads in", "an answer"):
        table.add_column(name, justify="right")
    table.add_row(
        str(found.inputs),
        str(found.equal),
        f"{found.largest:.1e}",
        f"{found.size / 1e6:.1f} MB",
        f"{found.load_seconds:.2f} s",
        f"{found.answer_seconds * 1e3:.1f} ms",
    )
    Console().print(table)
