"""seqtasks export TASK"""

from __future__ import annotations

from pathlib import Path

import click

from seqtasks.cli import options


@click.command("export")
@options.task_argument
@options.model_option
def command(task: str, model: Path | None) -> None:
    """Write a trained model as a SavedModel that takes raw values and needs none of this package."""
    folder = options.model_folder(model, task)
    options.start_tensorflow()
    from seqtasks import exporting, files, trained

    restored = trained.restore(folder, task)
    with files.lock(folder):
        path = exporting.export(restored, exporting.golden(restored.task))
    click.echo(f"exported {task} to {path}")
