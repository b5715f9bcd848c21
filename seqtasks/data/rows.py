"""Data that are rows of their own: most patterns' form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks import codecs
from seqtasks.codecs import InputCodec
from seqtasks.data import cache, encode, splits, user
from seqtasks.data.columns import Columns, Dense, Ragged
from seqtasks.data.prepare import Data
from seqtasks.data.user import Source
from seqtasks.errors import InputError
from seqtasks.task import Examples, Folders, Notice, Task

CHUNK = 1_000
VALIDATION_SPLIT = "validation_split"  # the setting of patterns that may do without
PAD_TO_MULTIPLE_OF = 8  # few different lengths occur, and compiled pieces of the recurrent layers are full


@dataclass(frozen=True)
class Rows:
    """The form of data whose examples are rows."""

    unit: str = "examples"

    def size(self, examples: Examples) -> int:
        return len(examples)

    def read_user(
        self, source: Source, task: Task[Any, Any], folders: Folders, notice: Notice
    ) -> Mapping[str, Examples]:
        """A person's own examples; raises InputError where one value has two targets and can only have one."""
        found = user.read(source, task.inputs, task.targets, Path(folders.datasets[0]), notice)
        if not task.inputs.traits.unambiguous:
            return found
        return {name: _without_contradictions(examples, source, notice) for name, examples in found.items()}

    def split(
        self, found: Mapping[str, Examples], task: Task[Any, Any], *, user: bool
    ) -> tuple[dict[str, Examples], dict[str, int]]:
        share = float(task.settings.get(VALIDATION_SPLIT, splits.SHARE))
        return splits.separate(found, user=user, classes=task.targets.traits.classes, validation_split=share)

    def validation(self, task: Task[Any, Any]) -> str | None:
        return "validation" if task.settings.get(VALIDATION_SPLIT, splits.SHARE) else None

    def fit(self, task: Task[Any, Any], data: Data, folders: Folders) -> Task[Any, Any]:
        """Raises InputError for classes of which training has one only, or another split one more."""
        train = data.examples["train"]
        targets = task.targets.fit(_Chunks(train.targets), folders)
        if targets.traits.classes:
            if targets.choices < 2:
                raise InputError(f"{data.name} has one class only, {targets.names[0]!r}; give examples of at least two")
            for name in set(data.examples) - {"train"}:
                _refuse_unknown_classes(data, name, targets.names)
        return task.with_codecs(task.inputs.fit(_Chunks(train.inputs), folders), targets)

    def encode(
        self, task: Task[Any, Any], data: Data, split: str, folders: Folders, notice: Notice, *, tta: bool
    ) -> Columns:
        """A person's own rows are kept on disk for next time, and inputs that take long, whatever their targets are."""
        examples, traits = data.part(split), task.inputs.traits
        others = traits.tta if tta else traits.augmentations
        inputs, *views = (_inputs(codec, data, examples, split, folders, notice) for codec in (task.inputs, *others))
        multiple = 1 if task.inputs.placeholder().shape[1] else PAD_TO_MULTIPLE_OF
        return Columns(inputs, _targets(task, data, examples, split, folders, notice), multiple, tuple(views))


ROWS = Rows()


@dataclass(frozen=True)
class _Chunks:
    """Values that may be too many for the memory, in batches, as often as one likes."""

    values: Sequence[Any]

    def __iter__(self) -> Iterator[Any]:
        return (self.values[start : start + CHUNK] for start in range(0, len(self.values), CHUNK))


def _inputs(codec: InputCodec, data: Data, examples: Examples, split: str, folders: Folders, notice: Notice) -> Ragged:
    key = codec.traits.cache_key
    if key is None and data.source is None:
        return encode.inputs(examples.inputs, codec)
    depends = [key(), _content(examples.inputs)] if key else [codecs.describe(codec), split, data.fingerprint]
    depends += _versions(examples.inputs, codec)
    function, size = encode.of_inputs(codec), codec.traits.batch_size
    return cache.column(examples.inputs, function, size, _folder(folders, depends), name=split, notice=notice)


def _targets(
    task: Task[Any, Any], data: Data, examples: Examples, split: str, folders: Folders, notice: Notice
) -> Dense | Ragged:
    codec = task.targets
    function = encode.of_targets(codec, split)
    if data.source is None or function(examples.targets[:1], 0).lengths is None:  # one value a row fits in memory
        return encode.column(list(encode.chunks(examples.targets, function, encode.BATCH_SIZE)))
    folder = _folder(folders, ["targets", codecs.describe(codec), split, data.fingerprint])
    return cache.column(examples.targets, function, encode.BATCH_SIZE, folder, name=split, notice=notice)


def _folder(folders: Folders, depends: Any) -> Path:
    digest = hashlib.sha256(json.dumps(depends).encode()).hexdigest()[:16]
    return Path(folders.datasets[0]) / ".cache" / "encoded" / digest


def _content(inputs: Any) -> str:
    """sha256 of all inputs, in order."""
    digest = hashlib.sha256()
    for chunk in _Chunks(inputs):
        for value in chunk:
            digest.update(len(value).to_bytes(8, "little") + value)
    return digest.hexdigest()


def _versions(inputs: Any, codec: InputCodec) -> list[str]:
    """How inputs are read, as far as some are read otherwise than in the first version."""
    version = codec.traits.version
    return sorted({version(value) for chunk in _Chunks(inputs) for value in chunk} - {""}) if version else []


def _without_contradictions(examples: Examples, source: Source, notice: Notice) -> Examples:
    """The examples, where one value has one label; raises InputError that names two rows, or leaves them out."""
    rows = splits.contradictions(examples)
    if not len(rows):
        return examples
    if source.options.on_invalid == "skip":
        notice(f"{len(rows):,} rows of {source.name} that hold a sequence under two labels are left out")
        return examples.take(np.setdiff1d(np.arange(len(examples)), rows))
    values = examples.inputs[rows]
    twin = next(place for place in range(1, len(rows)) if values[place] == values[0])
    raise InputError(
        f"{source.data} examples {rows[0] + 1} and {rows[twin] + 1} are one sequence under two labels; leave one out"
    )


def _refuse_unknown_classes(data: Data, name: str, known: Sequence[str]) -> None:
    """Raises InputError that names the first row with a label which training does not know."""
    labels = data.examples[name].targets[:]
    if unknown := set(labels) - set(known):
        row = next(number for number, label in enumerate(labels, 1) if label in unknown)
        where = data.source.test_data if name == "test" and data.source and data.source.test_data else name
        raise InputError(f"{where} row {row}: label {labels[row - 1]!r} is none of {', '.join(known)}, those of train")
