"""seqtasks train TASK"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqtasks.cli import chosen_task, completion, options
from seqtasks.cli.verb import DATA, READING, Verb
from seqtasks.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqtasks.data.user import Source
    from seqtasks.training.card import Card
    from seqtasks.training.experiment import Experiment


@click.command(
    "train",
    cls=Verb,
    short_help="Train a task's model and export it",
    example="seqtasks train sentiment --data reviews.csv --cell lstm --model mine",
    groups={
        "Data": DATA,
        "How your own file is read": READING,
        "The model and its training": (
            "cell",
            "units",
            "num_layers",
            "dtype_policy",
            "encoder_weights",
            "epochs",
            "seed",
            "changes",
            "config",
            "like",
        ),
        "What is done": ("resume", "fresh", "no_export", "dry_run", "print_config", "tensorboard"),
    },
)
@chosen_task.argument
@options.data_options
@click.option("--cell", shell_complete=completion.beginning(completion.of_cells), help="simple_rnn, irnn, lstm or gru.")
@click.option("--units", type=int, help="Units of each recurrent layer, in each direction.")
@click.option("--num-layers", type=int, help="Recurrent layers.")
@click.option(
    "--dtype-policy",
    help="float32, or mixed_bfloat16: faster from about 512 units on, where the processor has it.",
)
@click.option(
    "--encoder-weights", metavar="FILE", help="The encoder's: a file, imagenet, or none to train it from scratch."
)
@click.option("--epochs", type=int, help="Epochs at most.")
@options.seed_option
@options.set_option
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.toml", help="Settings.")
@click.option(
    "--like",
    type=click.Path(file_okay=False, path_type=Path),
    callback=options.named_model,
    shell_complete=completion.model,
    metavar="MODEL",
    help="Begin with the settings of a trained model.",
)
@click.option("--print-config", is_flag=True, help="Print all settings as TOML, and train nothing.")
@click.option("--resume", is_flag=True, help="Only go on with an unfinished training, never begin one.")
@click.option("--fresh", is_flag=True, help="Begin again, dropping an unfinished training.")
@click.option("--no-export", is_flag=True, help="Leave the SavedModel out, which is written in the end.")
@click.option("--tensorboard", type=click.Path(file_okay=False), metavar="DIR", help="Write what TensorBoard shows.")
@click.option("--dry-run", is_flag=True, help="Show the data and the model, and what training would cost.")
@options.json_option
@options.model_option
@options.data_dir_option
@options.manual_option
def command(
    task: str,
    which: Source | str | None,
    seed: int,
    changes: tuple[str, ...],
    config: Path | None,
    like: Path | None,
    print_config: bool,
    resume: bool,
    fresh: bool,
    no_export: bool,
    tensorboard: str | None,
    dry_run: bool,
    as_json: bool,
    model: Path | None,
    data_dir: str,
    manual_dir: str | None,
    **named: str | int | None,
) -> None:
    """Train a task's model and export it. Interrupted, the same command goes on where it stopped.

    "seqtasks settings TASK" lists what --set can change.
    """
    if resume and fresh:
        raise UsageError("--resume and --fresh contradict each other; give one")
    options.start_tensorflow()
    from seqtasks import tasks
    from seqtasks.cli import configuration, meter, progress
    from seqtasks.training import experiment as experiments

    values = configuration.of_model(like, task) if like else {}
    values |= configuration.of_file(config, task) if config else {}
    configured = tasks.find(task).configure(values | options.settings(changes, named))
    if print_config:
        click.echo(configuration.as_toml(configured.values()))
        return
    folder = options.model_folder(model, task)
    where = options.folders(data_dir, manual_dir)
    with contextlib.nullcontext() if dry_run else experiments.working_in(folder):
        with meter.shown():
            experiment = experiments.prepare(configured, which, where, options.say)
        progress.announce(experiment)
        if dry_run:
            progress.announce_cost(experiment)
            return
        card = None if fresh or resume else experiments.finished(experiment, folder, seed=seed)
        if not card:
            with progress.bar(experiment) as callback:
                callbacks = [callback, *progress.tensorboard(tensorboard)]
                experiments.train(
                    experiment, folder, seed=seed, fresh=fresh, resume=resume, callbacks=callbacks, notice=options.say
                )
    from seqtasks.inference import predictor
    from seqtasks.training import card as cards

    if card:
        options.say(f"{folder} is trained already, with these settings and data; --fresh trains it anew")
    _say(experiment, folder, trained := card or cards.read(folder), options.say if as_json or card else click.echo)
    path = None if no_export or (card and predictor.is_current(folder)) else _export(task, folder)
    if as_json:
        result = {"task": task, "dataset": trained.dataset, "model": str(folder), "best": trained.best}
        options.say_json({**result, "seconds": trained.seconds, "export": path and str(path)})
    elif path:
        click.echo(f"exported to {path}")


def _say(experiment: Experiment, folder: Path, card: Card, say: Callable[[str], None]) -> None:
    """What the training came to."""
    monitor = str(card.settings["monitor"])
    found, name = ("validation ", f"val_{monitor}") if experiment.validation else ("training ", monitor)
    say(
        f"trained {card.task} on {card.dataset} in {card.seconds:.0f} s: {found}{monitor} "
        f"{card.best[name]:.4f} (epoch {card.best['epoch']}), kept in {folder}"
    )


def _export(task: str, folder: Path) -> Path:
    """Writes the SavedModel of what was trained."""
    from seqtasks import files
    from seqtasks.cli import meter
    from seqtasks.export import savedmodel
    from seqtasks.training import model_folder

    with files.lock(folder), meter.shown():
        return savedmodel.export(model_folder.restore(folder, task), savedmodel.SAVED_MODEL)
