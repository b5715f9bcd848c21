"""seqtasks download TASK..."""

from __future__ import annotations

import click

from seqtasks import tasks
from seqtasks.cli import options
from seqtasks.errors import UsageError


@click.command("download")
@click.argument("names", metavar="TASK...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="The data sets of all tasks.")
@options.datasets_option
@options.manual_option
def command(names: tuple[str, ...], everything: bool, datasets: str, manual_dir: str | None) -> None:
    """Download and prepare the data sets of tasks; what is there already stays as it is."""
    if not names and not everything:
        raise UsageError(f"name a task ({', '.join(tasks.names())}) or give --all")
    chosen = tasks.names() if everything else [tasks.known(name) for name in names]
    options.start_tensorflow()
    from seqtasks import builders

    folders = options.folders(datasets, manual_dir)
    for name in chosen:
        dataset = tasks.describe(name)["dataset"]
        builder = builders.find(dataset, folders) or builders.prepare(dataset, folders)
        click.echo(f"{dataset}: {builder.data_dir}")
