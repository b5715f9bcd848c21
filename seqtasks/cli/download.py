"""seqtasks download TASK..."""

from __future__ import annotations

from pathlib import Path

import click

from seqtasks import tasks
from seqtasks.cli import chosen_task, completion, options
from seqtasks.cli.verb import Verb
from seqtasks.errors import UsageError, unknown


@click.command(
    "download", cls=Verb, short_help="Download and prepare data sets", example="seqtasks download sentiment dna"
)
@click.argument("names", metavar="TASK...", nargs=-1, shell_complete=completion.beginning(completion.of_tasks))
@click.option("--all", "everything", is_flag=True, help="The data sets of all tasks.")
@click.option(
    "--dataset",
    metavar="NAME",
    shell_complete=completion.beginning(completion.of_datasets),
    help="Another of the task's data sets than its default.",
)
@chosen_task.code_option
@options.data_dir_option
@options.manual_option
def command(
    names: tuple[str, ...], everything: bool, dataset: str | None, data_dir: str, manual_dir: str | None
) -> None:
    """Download and prepare the data sets of tasks; what is there already stays as it is."""
    if not names and not everything:
        raise UsageError(f"name a task ({', '.join(tasks.every_name())}) or give --all")
    chosen = tasks.names() if everything else [tasks.known(name) for name in names]
    if dataset and len(chosen) != 1:
        raise UsageError("--dataset is one task's; name the task")
    if any(name not in tasks.names() for name in chosen):
        options.start_tensorflow()
        for name in chosen:
            tasks.find(name)  # one of a package says what its data are once it is imported
    if dataset and dataset not in (known := tasks.describe(chosen[0])["datasets"]):
        raise unknown("data set", dataset, known)
    options.start_tensorflow()
    from seqtasks.cli import meter
    from seqtasks.data import paths, tfds

    folders = options.folders(data_dir, manual_dir)
    for name in chosen:
        asked = dataset or tasks.describe(name)["dataset"]
        with meter.shown():
            builder = tfds.find(asked, folders) or tfds.prepare(asked, folders)
        click.echo(f"{asked}: {paths.original(Path(builder.data_dir))}")
