"""seqtasks compare TASK --cells simple_rnn,irnn,lstm,gru"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqtasks.cli import chosen_task, completion, options
from seqtasks.cli.verb import DATA, READING, Verb

if TYPE_CHECKING:
    from seqtasks.data.user import Source


@click.command(
    "compare",
    cls=Verb,
    short_help="Train with each cell, one table of all",
    example="seqtasks compare sentiment --sample-data --cells lstm,gru --epochs 3",
    groups={
        "Data": DATA,
        "How your own file is read": READING,
        "The models and their training": ("cells", "units", "epochs", "seed", "changes"),
    },
)
@chosen_task.argument
@click.option(
    "--cells",
    default=",".join(completion.CELLS),
    show_default=True,
    shell_complete=completion.cells,
    help="Recurrent cells, with commas between.",
)
@options.data_options
@click.option("--epochs", type=int, help="Epochs at most.")
@click.option("--units", type=int, help="Units of each recurrent layer, in each direction.")
@options.seed_option
@options.set_option
@options.json_option
@click.option("--model", type=click.Path(file_okay=False, path_type=Path), help="[default: saved_models/TASK-cells]")
@options.data_dir_option
@options.manual_option
def command(
    task: str,
    cells: str,
    which: Source | str | None,
    seed: int,
    changes: tuple[str, ...],
    as_json: bool,
    model: Path | None,
    data_dir: str,
    manual_dir: str | None,
    **named: int | None,
) -> None:
    """The same training with each cell, measured on validation: one table, one plot, one CSV.

    Interrupted, the same command goes on; what is trained already is not trained again.
    """
    options.start_tensorflow()
    from seqtasks import tasks
    from seqtasks.cli import meter, progress
    from seqtasks.training import compare as comparing
    from seqtasks.training import experiment as experiments

    configured = comparing.with_validation(tasks.find(task).configure(options.settings(changes, named)))
    chosen = [comparing.known(cell.strip()) for cell in cells.split(",")]
    folder = model or options.MODELS / f"{task}-cells"
    with experiments.working_in(folder):
        where = options.folders(data_dir, manual_dir)
        with meter.shown():
            experiment = experiments.prepare(configured, which, where, options.say)
        progress.announce(experiment)

        def train(cell: str, one: experiments.Experiment, into: Path) -> None:
            options.say(f"{cell}:")
            with progress.bar(one) as callback:
                experiments.train(one, into, seed=seed, callbacks=[callback], notice=options.say)

        rows = comparing.compare(experiment, chosen, folder, seed=seed, train=train)
    if as_json:
        options.say_json(rows)
    else:
        _table(rows, f"{task} on {experiment.data.name}, validation", folder)


def _table(rows: list[dict[str, Any]], title: str, folder: Path) -> None:
    from rich.table import Table

    table = Table(title=title)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="left" if name == "cell" else "right")
    for row in rows:
        table.add_row(*(_text(value) for value in row.values()))
    options.console().print(table)
    click.echo(f"{folder}/compare.csv, compare.png")


def _text(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
