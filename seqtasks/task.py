"""A task: what goes in, what comes out, by which pattern, learned from which data. A value, never a base class."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from seqtasks.errors import UsageError, unknown

SAMPLE = "sample"  # what the project's own data are called, in place of a data set's name

Setting = bool | int | float | str


@dataclass(frozen=True)
class Examples:
    """People's values, row by row: what is asked and what is answered.

    `inputs` and `targets` have a length and a `take`, and give an object array of bytes or str for a slice or an array
    of row numbers; they may stay on disk until then (own.Texts).
    """

    inputs: Any
    targets: Any

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: np.ndarray) -> Examples:
        return Examples(self.inputs.take(rows), self.targets.take(rows))

    @staticmethod
    def of(pairs: Sequence[tuple[bytes, str]]) -> Examples:
        """Pairs of what is asked and what is answered, in memory."""
        return Examples(*(np.array(column, dtype=object) for column in zip(*pairs, strict=True)))

    @staticmethod
    def joined(parts: Sequence[Examples]) -> Examples:
        """The parts one behind the other, in memory."""
        return Examples(*(np.concatenate([getattr(each, name)[:] for each in parts]) for name in ("inputs", "targets")))


@dataclass(frozen=True)
class Folders:
    """Where data sets are looked for, in this order; the first is also where they are prepared."""

    datasets: Sequence[str]
    manual: str | None = None


@dataclass(frozen=True)
class Task:
    name: str
    pattern: ModuleType  # one of seqtasks.patterns
    inputs: Any  # an input codec, not fitted
    targets: Any  # a target codec, not fitted
    dataset: str  # the default data set's name
    examples: Callable[[str, Folders], Mapping[str, Examples]]  # data set name -> its splits, by name
    sample: Callable[[], Mapping[str, Examples]]  # the project's own splits, always the same
    measures: Callable[..., dict[str, Any]]  # one of seqtasks.measures
    settings: Mapping[str, Any]
    declared: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)  # settings of a data set, by its name
    chosen: frozenset[str] = frozenset()  # the settings that somebody chose

    @property
    def tells(self) -> bool:
        """Whether it answers with sentences, not with one of some classes or with how a text goes on."""
        return bool(self.pattern.TELLS)

    @property
    def streams(self) -> bool:
        """Whether its examples are one long text, which is read and written on, and inputs and targets one codec."""
        return bool(self.pattern.STREAMS)

    def configure(self, changes: Mapping[str, Setting | str]) -> Task:
        """The same task with some settings changed; a setting may also be a field of a codec.

        Values given as text are read as the type that the setting has now. Raises UsageError for a name that no
        setting has and for a value that cannot be read.
        """
        known = self.every_setting()
        if strange := [name for name in changes if name not in known]:
            raise unknown("setting", strange[0], sorted(known))
        values = {name: read_setting(name, value, known[name]) for name, value in changes.items()}
        settings = {name: values.get(name, value) for name, value in self.settings.items()}
        inputs, targets = (_changed(codec, values, settings) for codec in (self.inputs, self.targets))
        targets = inputs if self.streams else targets
        chosen = self.chosen | set(changes)
        return dataclasses.replace(self, inputs=inputs, targets=targets, settings=settings, chosen=chosen)

    def every_setting(self) -> dict[str, Setting]:
        """Those of the codecs as well."""
        return {**self.inputs.settings(), **self.targets.settings(), **self.settings}

    def on(self, dataset: str) -> Task:
        """The same task with the settings that the data set declares, but for those that somebody chose."""
        declared = self.declared.get(dataset, {})
        task = self.configure({name: value for name, value in declared.items() if name not in self.chosen})
        return dataclasses.replace(task, chosen=self.chosen)


def _changed(codec: Any, values: Mapping[str, Setting], others: Mapping[str, Setting]) -> Any:
    """The codec with those of the values that are its own; itself, with what it has looked up, where there are none."""
    ours = {name: value for name, value in values.items() if name in codec.settings() and name not in others}
    return dataclasses.replace(codec, **ours) if ours else codec


def read_setting(name: str, value: Setting, like: Setting) -> Setting:
    """Reads a setting's value as the type of `like`; raises UsageError where it cannot be."""
    if type(value) is type(like):
        return value
    try:
        if isinstance(like, bool):
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[str(value).lower()]
        return type(like)(value)
    except (KeyError, ValueError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}[type(like)]
        raise UsageError(f"setting {name} is {wanted}, not {value!r}") from None
