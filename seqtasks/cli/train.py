"""seqtasks train TASK"""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from seqtasks.cli import options
from seqtasks.errors import DivergenceError, UsageError


@click.command("train")
@options.task_argument
@click.option(
    "--dataset", help="A data set by name; without it the task's own, or its sample where that cannot be had."
)
@click.option("--sample", is_flag=True, help="The small data set that the project makes itself: no network, no files.")
@options.data_options
@click.option("--cell", help="simple, irnn, lstm or gru.")
@click.option("--units", type=int, help="Units of each recurrent layer, in each direction.")
@click.option("--layers", type=int, help="Recurrent layers.")
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
    dataset: str | None,
    sample: bool,
    data: str | None,
    test_data: str | None,
    input_column: str | None,
    label_column: str | None,
    separator: str | None,
    encoding: str,
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
    if sum((dataset is not None, sample, data is not None)) > 1:
        raise UsageError("--dataset, --sample and --data name several data sets; give one")
    if test_data and not data:
        raise UsageError("--test-data goes with --data; give both")
    if resume and fresh:
        raise UsageError("--resume and --fresh contradict each other; give one")
    options.start_tensorflow()
    import keras

    from seqtasks import batching, cards, codecs, files, own, preparing, tasks, trained
    from seqtasks.cli import progress
    from seqtasks.readers import Options
    from seqtasks.training import Training

    source = None
    if data:
        paths = [str(Path(each).absolute()) if each else None for each in (data, test_data)]
        source = own.Source(paths[0] or "", paths[1], Options(input_column, label_column, separator, encoding))
    configured = tasks.find(task).configure(_settings(changes, named))
    folder = options.model_folder(model, task)
    with contextlib.nullcontext() if dry_run else files.lock(folder):
        if not dry_run:
            files.settle(folder, record=cards.NAME)
        where = options.folders(datasets, manual_dir)
        found = preparing.read(configured, source or (preparing.SAMPLE if sample else dataset), where, options.say)
        fitted = preparing.fit(configured, found)
        encoded = preparing.encode(fitted, found, ["train", "validation"], where)
        keras.utils.set_random_seed(seed)
        network = trained.build(fitted)
        progress.announce(fitted, found, encoded, network)
        training = Training(network, fitted.pattern, fitted.targets, fitted.settings, seed=seed)
        if dry_run:
            progress.announce_cost(found, training.estimate(encoded["train"]), fitted.settings["epochs"])
            return
        facts: dict[str, Any] = {
            "task": task,
            "dataset": found.name,
            "fingerprint": " ".join(batching.fingerprint(each)[:16] for each in encoded.values()),
            "settings": {**configured.inputs.settings(), **configured.settings},
            "seed": seed,
        }
        provenance = cards.provenance()
        identity = {**facts, "versions": provenance["versions"]}
        checkpoints = trained.begin(folder, identity, fresh=fresh, resume=resume)

        def keep() -> None:
            card = cards.Card(
                **facts,
                **provenance,
                inputs=codecs.describe(fitted.inputs),
                targets=codecs.describe(fitted.targets),
                rows=found.rows,
                dropped=found.dropped,
                source=asdict(source) if source else None,
                best=training.progress.best,
                seconds=round(training.progress.seconds, 1),
            )
            trained.keep(folder, network, card, training.progress.history)

        try:
            with progress.bar() as callback:
                training.run(
                    encoded["train"],
                    encoded["validation"],
                    folder=checkpoints,
                    callbacks=[callback],
                    notice=options.say,
                )
        except DivergenceError:
            if training.progress.best:
                keep()
                options.say(f"the best epoch so far, {training.progress.best['epoch']}, is kept in {folder}")
            raise
        keep()
    best = training.progress.best
    click.echo(
        f"trained {task} on {found.name} in {training.progress.seconds:.0f} s: validation accuracy "
        f"{best['val_accuracy']:.4f} (epoch {best['epoch']}), kept in {folder}"
    )


def _settings(changes: tuple[str, ...], named: dict[str, Any]) -> dict[str, Any]:
    settings = {name: value for name, value in named.items() if value is not None}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise UsageError(f"--set {change} is not of the form KEY=VALUE")
        settings[name.strip().replace("-", "_")] = value.strip()
    return settings
