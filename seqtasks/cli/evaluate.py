"""seqtasks evaluate TASK"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqtasks.cli import chosen_task, completion, options
from seqtasks.cli.verb import DATA, Verb
from seqtasks.errors import UsageError

if TYPE_CHECKING:
    from seqtasks.metrics.report import Report


@click.command(
    "evaluate",
    cls=Verb,
    short_help="Measure a trained model on a split",
    example="seqtasks evaluate sentiment --split validation",
    groups={"What is measured": ("split", "folds", "seed", "strict"), "Data": DATA},
)
@chosen_task.argument
@click.option(
    "--split",
    shell_complete=completion.beginning(completion.of_splits),
    help="Of the data set, or several with + between.  [default: test]",
)
@click.option("--folds", type=int, help="Train again so many times, each tested on another part of all the examples.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Of these trainings.  [default: the model's]")
@click.option("--strict", is_flag=True, help="Exit 4 where the data have changed since the training.")
@options.json_option
@options.model_option
@options.data_dir_option
@options.manual_option
def command(
    task: str,
    split: str | None,
    folds: int | None,
    seed: int | None,
    strict: bool,
    as_json: bool,
    model: Path | None,
    data_dir: str,
    manual_dir: str | None,
) -> None:
    """Measure a trained model on a split, or on several: --split validation+test.

    Leaves metrics.json and report.html in the model's folder.
    """
    if seed is not None and folds is None:
        raise UsageError("--seed is for the trainings of --folds; give both")
    if split is not None and folds is not None:
        raise UsageError("--folds tests on the examples of all splits; leave --split out")
    folder = options.model_folder(model, task)
    options.start_tensorflow()
    from seqtasks.cli import meter
    from seqtasks.training import cross_validate, experiment, model_folder
    from seqtasks.training import evaluate as evaluation

    trained, where = model_folder.restore(folder, task), options.folders(data_dir, manual_dir)
    if folds is None:
        with meter.shown():
            result, report = evaluation.evaluate(trained, split or "test", where, options.say, strict=strict)
        left = evaluation.files_of(report)
    else:
        of = trained.card.seed if seed is None else seed
        with experiment.working_in(folder), meter.shown():
            result, report = cross_validate.cross_validate(trained, folds, where, seed=of, notice=options.say)
        left = [cross_validate.RESULT]
    if as_json:
        options.say_json(result)
    else:
        _table(result, report, f"{folder}/{', '.join(left)}")


def _table(result: dict[str, Any], report: Report, left: str) -> None:
    from rich.table import Table

    console = options.console()
    size, unit = report.size
    figures = Table(title=f"{result['task']} on {result['dataset']}, {result['split']}: {size:,} {unit}")
    figures.add_column("measure")
    figures.add_column("value", justify="right")
    for name, value in result.items():
        if isinstance(value, float):
            figures.add_row(name.replace("_", " "), f"{value:.4f}")
    for name, (value, count) in report.breakdowns.items():
        figures.add_row(f"{report.headline.replace('_', ' ')}, {name} ({count:,})", f"{value:.4f}")
    for name, text in report.lines:
        figures.add_row(name, text)
    console.print(figures)
    click.echo(left)
