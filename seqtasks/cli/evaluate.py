"""seqtasks evaluate TASK"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from seqtasks.cli import options
from seqtasks.errors import UsageError


@click.command("evaluate")
@options.task_argument
@click.option("--split", help="Of the data set, or several with + between.  [default: test]")
@click.option("--folds", type=int, help="Train again so many times, each tested on another part of all the examples.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Of these trainings.  [default: the model's]")
@options.json_option
@options.model_option
@options.datasets_option
@options.manual_option
def command(
    task: str,
    split: str | None,
    folds: int | None,
    seed: int | None,
    as_json: bool,
    model: Path | None,
    datasets: str,
    manual_dir: str | None,
) -> None:
    """Measure a trained model on a split, or on several: --split validation+test. Leaves metrics.json beside it."""
    if seed is not None and folds is None:
        raise UsageError("--seed is for the trainings of --folds; give both")
    if split is not None and folds is not None:
        raise UsageError("--folds tests on the examples of all splits; leave --split out")
    folder = options.model_folder(model, task)
    options.start_tensorflow()
    from seqtasks.training import cross_validate, experiment, model_folder
    from seqtasks.training import evaluate as evaluation

    restored, where = model_folder.restore(folder, task), options.folders(datasets, manual_dir)
    if folds is None:
        result = evaluation.evaluate(restored, split or "test", where, options.say)
        left = evaluation.left(restored.task)
    else:
        of = restored.card.seed if seed is None else seed
        with experiment.working_in(folder):
            result = cross_validate.cross_validate(restored, folds, where, seed=of, notice=options.say)
        left = cross_validate.RESULT
    if as_json:
        options.say_json(result)
    else:
        _table(result, restored.task.targets.names, f"{folder}/{left}")


def _table(result: dict[str, Any], names: tuple[str, ...], left: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    size = next(f"{result[name]:,} {name}" for name in ("examples", "characters") if name in result)
    figures = Table(title=f"{result['task']} on {result['dataset']}, {result['split']}: {size}")
    figures.add_column("measure")
    figures.add_column("value", justify="right")
    for name, value in result.items():
        if isinstance(value, float):
            figures.add_row(name.replace("_", " "), f"{value:.4f}")
    for name, bucket in result.get("accuracy_by_length", {}).items():
        figures.add_row(f"accuracy, {name} steps ({bucket['rows']:,})", f"{bucket['accuracy']:.4f}")
    for truth, row in zip(names, result.get("confusion", ()), strict=True):
        answered = ", ".join(f"{count:,} {name}" for name, count in zip(names, row, strict=True))
        figures.add_row(f"{truth} answered as", answered)
    console.print(figures)
    console.print(left, highlight=False)
