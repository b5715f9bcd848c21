"""report.html: a trained model on one page. Knows no task: what only some have is in the Report."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from seqtasks import files, tasks
from seqtasks.data import user
from seqtasks.data.user import Source
from seqtasks.errors import IntegrityError
from seqtasks.metrics import page, plots
from seqtasks.metrics.report import Report, Section
from seqtasks.task import SAMPLE
from seqtasks.training.card import Card
from seqtasks.training.model_folder import HISTORY, TrainedModel

NAME = "report.html"
STEPS = "steps.csv"
ROWS = 20  # of a table
OPTIONS = {  # fields of readers.Options that `train` has an option for
    "input_column": "--input-column", "label_column": "--label-column", "label_pattern": "--label-pattern",
    "separator": "--separator", "quoting": "--quoting", "encoding": "--encoding", "sheet": "--sheet",
}  # fmt: skip


def html(trained: TrainedModel, result: Mapping[str, Any], report: Report) -> str:
    """The page of an evaluation, whose result and pictures are in the model's folder."""
    folder, card = trained.folder, trained.card
    headline, (size, unit), split = report.headline, report.size, str(result["split"])
    history = _recorded(folder, HISTORY, card)
    return page.render(
        "report",
        version=card.versions.get("seqtasks", ""),
        title=f"{card.task} on {result['dataset']}",
        subtitle=f"measured on {split}: {size:,} {unit}",
        headline=(_words(headline), page.text(result[headline])),
        figures=_figures(report),
        card=_card(trained),
        settings=[(name, page.text(value)) for name, value in card.settings.items()],
        history=page.table(history, rows=len(history)) if history is not None else None,
        training=_training(folder, card),
        drawn={_words(Path(name).stem): (folder / name).read_bytes() for name in report.pictures},
        sections=[_section(section) for section in report.sections],
        tables={name: page.table(table, rows=ROWS, name=name) for name, table in report.tables.items()},
        commands="\n".join(commands(card, folder, split)),
    )


def commands(card: Card, folder: Path, split: str) -> list[str]:
    """What is to be typed to train the model again, to measure it and to export it."""
    task, source = tasks.find(card.task), user.restore(card.source)
    usual = (task if source else task.for_dataset(card.dataset)).values()
    data = (
        _of_source(source) if source else ["--sample-data"] if card.dataset == SAMPLE else ["--dataset", card.dataset]
    )
    changes = [
        part
        for name, value in card.settings.items()
        if name not in usual or usual[name] != value
        for part in ("--set", f"{name}={str(value).lower() if isinstance(value, bool) else value}")
    ]
    where = [*(["--code", card.code_file] if card.code_file else []), "--model", str(folder)]
    return [
        shlex.join(["seqtasks", *each])
        for each in (
            ["train", card.task, *data, "--seed", str(card.seed), *changes, *where],
            ["evaluate", card.task, "--split", split, *where],
            ["export", card.task, *where],
        )
    ]


def _of_source(source: Source) -> list[str]:
    """The options that name a person's own file, and how it is read."""
    options = vars(source.options)
    named = [(option, options[name]) for name, option in OPTIONS.items()]
    named += [("--target-data", source.target_data), ("--test-data", source.test_data)]
    named.append(("--test-target-data", source.test_target_data))
    named += [("--ignore-label", each) for each in options["ignore_labels"]]
    if options["on_invalid"] != "error":
        named.append(("--on-invalid", options["on_invalid"]))
    parts = [part for option, value in named if value is not None for part in (option, value)]
    return ["--data", source.data, *parts, *([] if options["header"] else ["--no-header"])]


def _figures(report: Report) -> list[tuple[str, str]]:
    """Single numbers, the headline in parts, and what else is said, as a person reads them."""
    single = [(name, value) for name, value in report.figures.items() if isinstance(value, int | float)]
    return [
        *((_words(name), page.text(value)) for name, value in single),
        *(
            (f"{_words(report.headline)}, {name} ({count:,})", page.text(value))
            for name, (value, count) in report.breakdowns.items()
        ),
        *report.lines,
    ]


def _card(trained: TrainedModel) -> list[tuple[str, str]]:
    card = trained.card
    best = {name: value for name, value in card.best.items() if name != "epoch"}
    said = {
        "task": f"{card.task}: {tasks.describe(card.task)['summary']}",
        "data set": card.dataset,
        "examples": ", ".join(f"{name} {count:,}" for name, count in card.rows.items()),
        "left out": ", ".join(f"{count:,} of {name}" for name, count in card.dropped.items() if count),
        "parameters": f"{trained.model.count_params():,}",
        "kept": f"epoch {card.best.get('epoch', '-')}: "
        + ", ".join(f"{_words(name)} {page.text(value)}" for name, value in best.items()),
        "trained": f"{card.created}, in {card.seconds:,.0f} s, seed {card.seed}",
        "versions": ", ".join(f"{name} {version}" for name, version in card.versions.items()),
        "commit": card.commit or "",
        "fingerprint of the data": card.fingerprint,
    }
    return [(name, text) for name, text in said.items() if text]


def _training(folder: Path, card: Card) -> dict[str, bytes]:
    """Pictures of the training that are there: by epoch, as they were drawn then, and by step."""
    shown = {}
    for name in card.files:
        if name.endswith(".png") and (path := _intact(folder, name, card)):
            shown[f"{_words(Path(name).stem)} by epoch, in training and on validation"] = path.read_bytes()
    steps = _recorded(folder, STEPS, card)
    if steps is not None and len(steps):
        shown["Loss by step, learning rate and norm of the gradient"] = page.drawn(
            functools.partial(plots.steps, steps)
        )
    return shown


def _section(section: Section) -> dict[str, Any]:
    """What the template shows of a section: its pictures drawn."""
    shown = page.table(section.table, rows=ROWS) if section.table is not None else None
    pictures = {words: page.drawn(draw) for words, draw in section.pictures.items()}
    return {**vars(section), "pictures": pictures, "table": shown}


def _recorded(folder: Path, name: str, card: Card) -> pd.DataFrame | None:
    """A table that was written with the card; None where it is not there, or is not that one."""
    path = _intact(folder, name, card)
    return pd.read_csv(path) if path else None


def _intact(folder: Path, name: str, card: Card) -> Path | None:
    try:
        return files.resolve(folder, name, card.files, remedy="")
    except IntegrityError:
        return None


def _words(name: str) -> str:
    return name.replace("_", " ")
