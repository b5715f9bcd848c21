"""seqtasks download TASK..."""

from __future__ import annotations

from pathlib import Path

import click

from seqtasks import tasks
from seqtasks.cli import options
from seqtasks.errors import UsageError, unknown


@click.command("download")
@click.argument("names", metavar="TASK...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="The data sets of all tasks.")
@click.option("--dataset", metavar="NAME", help="Another of the task's data sets than its default.")
@options.data_dir_option
@options.manual_option
def command(
    names: tuple[str, ...], everything: bool, dataset: str | None, data_dir: str, manual_dir: str | None
) -> None:
    """Download and prepare the data sets of tasks; what is there already stays as it is."""
    if not names and not everything:
        raise UsageError(f"name a task ({', '.join(tasks.names())}) or give --all")
    chosen = tasks.names() if everything else [tasks.known(name) for name in names]
    if dataset and len(chosen) != 1:
        raise UsageError("--dataset is one task's; name the task")
    if dataset and dataset not in (known := tasks.describe(chosen[0])["datasets"]):
        raise unknown("data set", dataset, known)
    options.start_tensorflow()
    from seqtasks.data import paths, tfds

    folders = options.folders(data_dir, manual_dir)
    for name in chosen:
        asked = dataset or tasks.describe(name)["dataset"]
        builder = tfds.find(asked, folders) or tfds.prepare(asked, folders)
        click.echo(f"{asked}: {paths.original(Path(builder.data_dir))}")
