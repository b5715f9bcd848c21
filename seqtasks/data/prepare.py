"""From a task and a data set's name to encoded splits and fitted codecs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks import codecs
from seqtasks.data import batches as batching
from seqtasks.data import splits, streams, user
from seqtasks.data.user import Source
from seqtasks.errors import InputError, ResourceError, UsageError
from seqtasks.task import SAMPLE, Examples, Folders, Task

CHUNK = 1_000


@dataclass(frozen=True)
class Data:
    """A data set's splits, as people have them, and where they came from."""

    name: str  # the data set's, a file's, or "sample"
    examples: Mapping[str, Examples]
    dropped: Mapping[str, int]  # examples that stood in two splits
    source: Source | None = None  # where a person's own examples are
    streams: bool = False  # whether each split is one long text

    @property
    def rows(self) -> dict[str, int]:
        """How many each split has: rows, or characters of a text."""
        if not self.streams:
            return {name: len(examples) for name, examples in self.examples.items()}
        texts = {name: examples.inputs[:] for name, examples in self.examples.items()}
        return {name: sum(len(text.decode(errors="replace")) for text in found) for name, found in texts.items()}

    @property
    def judge(self) -> str | None:
        """The split by which a training chooses among its epochs, if any: a text may be learned to its end."""
        judge = splits.DEVELOPMENT if self.streams else "validation"
        return judge if judge in self.examples else None

    def part(self, name: str) -> Examples:
        """A split, or several with + between; raises UsageError for one that there is not."""
        for each in name.split("+"):
            if each not in self.examples:
                raise UsageError(f"data set {self.name} has no split {each!r}; choose from {', '.join(self.examples)}")
        parts = [self.examples[each] for each in name.split("+")]
        return parts[0] if len(parts) == 1 else Examples.joined(parts)

    @property
    def fingerprint(self) -> list[str]:
        """The stores that a person's own examples were read into."""
        return sorted({examples.inputs.file.parent.name for examples in self.examples.values()})


def read(task: Task, dataset: str | Source | None, folders: Folders, notice: Callable[[str], None]) -> Data:
    """The data set's examples, none in two splits; without a name the task's own set or, failing that, its sample.

    Raises ResourceError where a set that was asked for by name can be neither found nor downloaded.
    """
    found: Mapping[str, Examples]
    if isinstance(dataset, Source):
        if task.streams:
            texts = splits.cut(user.texts(dataset, task.inputs.columns, notice), task.settings["held_back"])
            return Data(dataset.name, texts, {}, dataset, True)
        columns = user.Columns(task.inputs, task.targets, files=task.tells)
        found = user.read(dataset, columns, Path(folders.datasets[0]), notice)
        if task.inputs.settled:
            found = {name: _without_contradictions(each, dataset, notice) for name, each in found.items()}
        return Data(dataset.name, *splits.separate(found, own=True, classes=not task.tells), dataset)
    name = dataset or task.dataset
    try:
        found = task.sample() if name == SAMPLE else task.examples(name, folders)
    except ResourceError as error:
        if dataset:
            raise
        notice(f"{error}\nUSING THE SMALL BUILT-IN SAMPLE INSTEAD: whatever is learned now is learned from the sample")
        name, found = SAMPLE, task.sample()
    if task.streams:
        return Data(name, splits.cut(found, task.on(name).settings["held_back"]), {}, streams=True)
    return Data(name, *splits.separate(found, classes=not task.tells))


def _without_contradictions(examples: Examples, source: Source, notice: Callable[[str], None]) -> Examples:
    """The examples, where one value has one label; raises InputError that names two rows, or leaves them out."""
    rows = splits.contradictions(examples)
    if not len(rows):
        return examples
    if source.options.skip_invalid:
        notice(f"{len(rows):,} rows of {source.name} that hold a sequence under two labels are left out")
        return examples.take(np.setdiff1d(np.arange(len(examples)), rows))
    values = examples.inputs[rows]
    twin = next(place for place in range(1, len(rows)) if values[place] == values[0])
    raise InputError(
        f"{source.data} examples {rows[0] + 1} and {rows[twin] + 1} are one sequence under two labels; leave one out"
    )


@dataclass(frozen=True)
class _Chunks:
    """Values that may be too many for the memory, in batches, as often as one likes."""

    values: Sequence[Any]

    def __iter__(self) -> Iterator[Any]:
        return (self.values[start : start + CHUNK] for start in range(0, len(self.values), CHUNK))


def fit(task: Task, data: Data) -> Task:
    """The task with codecs fitted on the training examples.

    Raises InputError if these have one class only, or if another split has a class that they do not have.
    """
    examples = data.examples["train"]
    if data.streams:
        tokens = task.inputs.fit([np.array([chunk], object) for chunk in streams.chunks(examples.inputs[:])])
        return dataclasses.replace(task, inputs=tokens, targets=tokens)
    targets = task.targets.fit(_Chunks(examples.targets))
    if not task.tells:
        if targets.choices < 2:
            raise InputError(f"{data.name} has one class only, {targets.names[0]!r}; give examples of at least two")
        for name in set(data.examples) - {"train"}:
            _refuse_strangers(data, name, targets.names)
    inputs = task.inputs.fit(_Chunks(examples.inputs))
    return dataclasses.replace(task, inputs=inputs, targets=targets)


def _refuse_strangers(data: Data, name: str, known: Sequence[str]) -> None:
    """Raises InputError that names the first row with a label which training does not know."""
    labels = data.examples[name].targets[:]
    if strangers := set(labels) - set(known):
        row = next(number for number, label in enumerate(labels, 1) if label in strangers)
        where = data.source.test_data if name == "test" and data.source and data.source.test_data else name
        raise InputError(f"{where} row {row}: label {labels[row - 1]!r} is none of {', '.join(known)}, those of train")


def encode(
    task: Task,
    data: Data,
    names: list[str],
    folders: Folders,
    notice: Callable[[str], None] = lambda text: None,
    *,
    answering: bool = False,
) -> dict[str, Any]:
    """The named splits as Batches, encoded by the task's fitted codecs, in the ways of training or those of answers.

    A person's own rows are kept on disk for next time, and what costs much, whatever is told of it.
    """
    if data.streams:
        window = task.settings["window"]
        return {name: streams.encode(data.part(name).inputs[:], task.inputs, window=window) for name in names}
    ways = (task.inputs, *codecs.augmented(task.inputs, answering=answering))
    found: dict[str, Any] = {}
    for name in names:
        first, *others = (_rows(task, inputs, data, name, folders, notice) for inputs in ways)
        found[name] = batching.Augmented.of(first, *others) if others else first
    return found


def _rows(
    task: Task, inputs: Any, data: Data, name: str, folders: Folders, notice: Callable[[str], None]
) -> batching.Encoded:
    examples = data.part(name)

    def folder(*described: Any) -> Path:
        place = Path(folders.datasets[0]) / ("own" if data.source else "encoded")
        return place / f"encoded-{hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]}"

    if getattr(inputs, "costly", False):
        kept = folder(inputs.fingerprint(), _content(examples.inputs))
        return batching.inputs_to_disk(examples, inputs, task.targets, kept, name=name, notice=notice)
    if data.source is None:
        return batching.encode(examples, inputs, task.targets, name=name)
    kept = folder(codecs.describe(inputs), codecs.describe(task.targets), name, data.fingerprint)
    return batching.encode_to_disk(examples, inputs, task.targets, kept, name=name, notice=notice)


def _content(inputs: Any) -> str:
    """sha256 of all inputs, in order."""
    digest = hashlib.sha256()
    for start in range(0, len(inputs), CHUNK):
        for value in inputs[start : start + CHUNK]:
            digest.update(len(value).to_bytes(8, "little") + value)
    return digest.hexdigest()
