"""seqtasks train TASK"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqtasks.cli import options
from seqtasks.errors import UsageError

if TYPE_CHECKING:
    from seqtasks.data.user import Source


@click.command("train")
@options.task_argument
@options.data_options
@click.option("--cell", help="simple, irnn, lstm or gru.")
@click.option("--units", type=int, help="Units of each recurrent layer, in each direction.")
@click.option("--layers", type=int, help="Recurrent layers.")
@click.option("--precision", help="float32, or bfloat16: faster from about 512 units on, where the processor has it.")
@click.option(
    "--encoder-weights", metavar="FILE", help="The encoder's: a file, imagenet, or none to train it from nothing."
)
@click.option("--epochs", type=int, help="Epochs at most.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Any other setting; may be given repeatedly."
)
@click.option("--resume", is_flag=True, help="Only go on with an unfinished training, never begin one.")
@click.option("--fresh", is_flag=True, help="Begin anew, dropping an unfinished training.")
@click.option("--dry-run", is_flag=True, help="Show the data and the model, and what training would cost.")
@options.model_option
@options.datasets_option
@options.manual_option
def command(
    task: str,
    which: Source | str | None,
    seed: int,
    changes: tuple[str, ...],
    resume: bool,
    fresh: bool,
    dry_run: bool,
    model: Path | None,
    datasets: str,
    manual_dir: str | None,
    **named: str | int | None,
) -> None:
    """Train a task's model. Interrupted, the same command goes on where it stopped."""
    if resume and fresh:
        raise UsageError("--resume and --fresh contradict each other; give one")
    options.start_tensorflow()
    from seqtasks import tasks
    from seqtasks.cli import progress
    from seqtasks.training import experiment

    configured = tasks.find(task).configure(options.settings(changes, named))
    folder = options.model_folder(model, task)
    with contextlib.nullcontext() if dry_run else experiment.working_in(folder):
        lesson = experiment.prepare(configured, which, options.folders(datasets, manual_dir), options.say)
        progress.announce(lesson)
        if dry_run:
            progress.announce_cost(lesson)
            return
        with progress.bar(lesson) as callback:
            done = experiment.learn(
                lesson, folder, seed=seed, fresh=fresh, resume=resume, callbacks=[callback], notice=options.say
            )
    monitor = lesson.task.settings["monitor"]
    found, name = ("validation ", f"val_{monitor}") if lesson.validation else ("training ", monitor)
    click.echo(
        f"trained {task} on {lesson.data.name} in {done.seconds:.0f} s: {found}{monitor} "
        f"{done.best[name]:.4f} (epoch {done.best['epoch']}), kept in {folder}"
    )
