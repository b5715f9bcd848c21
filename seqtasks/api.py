"""Train, evaluate and export from Python: what `import seqtasks` gives a notebook.

The same store, splits, locks and exactness as the command line: a training that is interrupted goes on with the same
call, and one that is done is not done again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqtasks import files, tasks
from seqtasks.data import progress, readers, user
from seqtasks.data.readers import Options
from seqtasks.errors import InputError, UsageError
from seqtasks.inference import predictor
from seqtasks.task import SAMPLE, Folders, Task
from seqtasks.training import card as cards
from seqtasks.training import evaluate as evaluation
from seqtasks.training import experiment as experiments
from seqtasks.training import log, model_folder

if TYPE_CHECKING:
    import keras
    import pandas as pd

    from seqtasks.inference.predictor import Predictor
    from seqtasks.metrics.report import Report

MODELS = Path("saved_models")
GIVEN = Path(".cache") / "given"  # data that are no file, in the folder of data sets
Notice = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Run:
    """A trained model and its folder."""

    folder: Path
    folders: Folders
    notice: Notice = print

    @cached_property
    def card(self) -> cards.Card:
        """What was trained, on which data, with which settings."""
        return cards.read(self.folder)

    @cached_property
    def _trained(self) -> model_folder.TrainedModel:
        return model_folder.restore(self.folder, self.card.task)

    @property
    def keras_model(self) -> keras.Model:
        """The Keras model with the best epoch's weights; it takes what `encode` gives."""
        return self._trained.model

    @property
    def task(self) -> Task[Any, Any]:
        """The task with its settings and its fitted codecs."""
        return self._trained.task

    @property
    def history(self) -> pd.DataFrame:
        """A row an epoch: loss, metrics, the same with `val_` before it on validation, learning_rate."""
        return self._table(log.HISTORY)

    @property
    def steps(self) -> pd.DataFrame:
        """A row a step: epoch, step, loss, learning_rate, gradient_norm."""
        return self._table(log.STEPS)

    def encode(self, values: Sequence[str | bytes]) -> tuple[np.ndarray, np.ndarray]:
        """N values -> what the network reads, (N, T, ...), 0 behind the end, and lengths, int32 (N,)."""
        import tensorflow as tf

        padded, lengths = self.task.inputs.encode(tf.constant([predictor.as_bytes(value) for value in values]))
        return padded.numpy(), lengths.numpy()

    def evaluate(self, split: str = "test", *, strict: bool = False) -> Report:
        """The figures on a split, or on several with + between; metrics.json and the report's files stay in the folder.

        Raises UsageError for an unknown split and, where it is `strict`, IntegrityError for data that have changed.
        """
        return evaluation.evaluate(self._trained, split, self.folders, self.notice, strict=strict)[1]

    def export(self, format: str = predictor.SAVED_MODEL, *, int8: bool = False) -> Path:
        """The folder of a new export: saved-model, litert or onnx; checked in a fresh process."""
        from seqtasks.export import savedmodel

        if format not in predictor.FOLDERS:
            raise UsageError(f"unknown format {format!r}; choose from {', '.join(predictor.FOLDERS)}")
        if int8 and format != "litert":
            raise UsageError("int8 is for the format litert; give both")
        with files.lock(self.folder):
            return savedmodel.export(self._trained, format, "int8" if int8 else None)

    def predictor(self) -> Predictor:
        """The SavedModel, ready to answer; exported now where there is none of these weights."""
        if not predictor.is_current(self.folder):
            self.export()
        return predictor.load(self.folder)

    def _table(self, name: str) -> pd.DataFrame:
        import pandas as pd

        return pd.read_csv(files.resolve(self.folder, name, self.card.files, remedy=model_folder.REMEDY))

    def _best(self) -> str:
        monitor = self.card.settings["monitor"]
        name = f"val_{monitor}" if f"val_{monitor}" in self.card.best else monitor
        return f"{name} {self.card.best[name]:.4f}"

    def __repr__(self) -> str:
        return f"<Run {self.card.task} on {self.card.dataset}: {self._best()}, in {self.folder}>"

    def _repr_html_(self) -> str:
        rows = {
            "task": self.card.task, "data": self.card.dataset, "best epoch": self._best(), "folder": str(self.folder),
            "rows": ", ".join(f"{count:,} {name}" for name, count in self.card.rows.items()),
        }  # fmt: skip
        cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows.items())
        return f"<table>{cells}</table>"


def train(
    task: str | Task[Any, Any],
    data: Any = None,
    *,
    test_data: Any = None,
    dataset: str | None = None,
    input_column: str | None = None,
    label_column: str | None = None,
    model: str | Path | None = None,
    code: str | Path | None = None,
    seed: int = 0,
    fresh: bool = False,
    callbacks: Sequence[Any] = (),
    data_dir: str | Path = "datasets",
    manual_dir: str | Path | None = None,
    notice: Notice = print,
    **settings: Any,
) -> Run:
    """Trains a task's model, or finds it trained.

    data: the path of a file or folder, a pandas DataFrame, a dictionary of columns, dictionaries a row (any iterable,
    such as a split of `datasets`), pairs of input and target, texts, or "sample"; without it the task's own data set,
    or that of the name `dataset`. model: its folder, saved_models/TASK without one. code: the file of a task of your
    own. settings: those of `seqtasks.settings(task)`.

    Raises UsageError for what is unknown, InputError for data that cannot be used, BusyError where the folder is in
    use, Interrupted on Ctrl-C after the state was saved.
    """
    if code is not None:
        tasks.load(Path(code))
    known = tasks.find(task) if isinstance(task, str) else task
    if known.name not in tasks.names() and (tasks.outside(known.name) is None or not isinstance(task, str)):
        tasks.add(known)  # of a notebook
    configured = known.configure(settings)
    folder = Path(model) if model else MODELS / known.name
    folders = Folders((str(data_dir),), None if manual_dir is None else str(manual_dir))
    which: Any = dataset
    if data is not None and not (isinstance(data, str) and data == SAMPLE):
        source, test = (_source(each, Path(data_dir), known) for each in (data, test_data))
        assert source
        which = user.Source(source, test, Options(input_column, label_column))
    elif data is not None:
        which = SAMPLE
    with experiments.working_in(folder), _named(Path(data_dir).absolute() / GIVEN):
        with progress.listening(progress.lines(notice)):
            experiment = experiments.prepare(configured, which, folders, notice)
        if fresh or not experiments.finished(experiment, folder, seed=seed):
            experiments.train(experiment, folder, seed=seed, fresh=fresh, callbacks=callbacks, notice=notice)
    return Run(folder, folders, notice)


def restore(
    path: str | Path,
    *,
    code: str | Path | None = None,
    data_dir: str | Path = "datasets",
    manual_dir: str | Path | None = None,
) -> Run:
    """The trained model of a folder; raises UsageError where there is none, IntegrityError for a damaged one.

    code: the file of a task of your own.
    """
    if code is not None:
        tasks.load(Path(code))
    run = Run(Path(path), Folders((str(data_dir),), None if manual_dir is None else str(manual_dir)))
    _ = run.card
    return run


def settings(task: str) -> pd.DataFrame:
    """A row a setting of a task: its name, its default and what it means."""
    import pandas as pd

    every = tasks.find(task).all_settings()
    rows = [{"setting": name, "value": each.default, "meaning": each.help} for name, each in every.items()]
    return pd.DataFrame(rows).set_index("setting")


@contextlib.contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Errors in data that are no file say `data` and the row, not the file in the folder that they were written to."""
    try:
        yield
    except InputError as error:
        before, found, rest = str(error).partition(f"{folder}{os.sep}")
        if not found:
            raise
        number, _, reason = rest.partition(".jsonl")[2].partition(" ")
        raise InputError(f"{before}data{f' row {number[1:]}' if number else ''} {reason}") from None


def _source(data: Any, data_dir: Path, task: Task[Any, Any]) -> str | None:
    """The path of a person's data; those that are no file are written to one, by what they hold."""
    if data is None:
        return None
    if isinstance(data, str | os.PathLike):
        return str(Path(data).absolute())
    lines = [json.dumps(_row(row, task), ensure_ascii=False, default=str) for row in _rows(data)]
    if not lines:
        raise InputError("data have no rows; give some")
    content = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
    path = data_dir.absolute() / GIVEN / f"{hashlib.sha256(content).hexdigest()[:16]}.jsonl"
    if not path.exists():
        files.write(path, content)
    return str(path)


def _rows(data: Any) -> Iterable[Any]:
    """Rows of a DataFrame, of a dictionary of columns or of any iterable."""
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data.to_dict("records")
    if isinstance(data, Mapping):
        return _of_columns(data)
    if isinstance(data, bytes) or not isinstance(data, Iterable):
        raise InputError(f"data are a {type(data).__name__}; give a path, a table, or rows")
    return data


def _of_columns(columns: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows of columns; raises InputError for columns that are none, or of unequal lengths."""
    for name, column in columns.items():
        if isinstance(column, str | bytes) or not isinstance(column, Iterable):
            raise InputError(f"data have a {type(column).__name__} as column {name!r}; give a list of values")
    lists = [list(column) for column in columns.values()]
    if len({len(each) for each in lists}) > 1:
        sizes = ", ".join(f"{name} {len(each):,}" for name, each in zip(columns, lists, strict=True))
        raise InputError(f"data have columns of unequal lengths ({sizes}); give as many values in each")
    return (dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True))


def _row(row: Any, task: Task[Any, Any]) -> dict[str, Any]:
    """A row as an object: values that are missing are left out, so that the row is named by its number."""
    names = tuple((codec.traits.columns or ("label",))[0] for codec in (task.inputs, task.targets))
    if isinstance(row, str | bytes):
        row = {names[0]: row}
    elif not isinstance(row, Mapping):
        pair = tuple(row) if isinstance(row, Iterable) else (row,)
        if len(pair) != 2:
            size = f"{len(pair)} value{'s' * (len(pair) != 1)}"
            raise InputError(f"data have a row of {size}; give dictionaries, or pairs of input and target")
        row = dict(zip(names, pair, strict=True))
    found = {str(name): value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
    whole = {name: value for name, value in found.items() if value is not None and value == value}  # NaN is not itself
    if task.inputs.traits.reads_files:
        whole = {name: _absolute(value) for name, value in whole.items()}
    return {name: readers.as_json(value) for name, value in whole.items()}


def _absolute(value: Any) -> Any:
    """A path from where we are, as it is from anywhere; any other value as it is."""
    return str(Path(value).absolute()) if isinstance(value, str | os.PathLike) and Path(value).is_file() else value
