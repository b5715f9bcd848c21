"""A task: what goes in, what comes out, by which pattern, learned from which data.

A task is a value, never a base class. Axes: B batch, T time, E embedding, U units, V vocabulary, C classes, N examples.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from seqtasks import setting
from seqtasks.errors import UsageError
from seqtasks.setting import TRAINING, Setting, Value

if TYPE_CHECKING:  # the contracts are in the rooms whose files keep them
    from seqtasks.codecs import InputCodec, TargetCodec
    from seqtasks.patterns import Pattern

SAMPLE = "sample"  # what the project's own data are called, in place of a data set's name
SIDES = ("source", "target")  # before the name of a setting that both codecs have

Notice = Callable[[str], None]  # takes a line for the person who waits


@dataclass(frozen=True)
class Examples:
    """People's values, row by row.

    `inputs` and `targets` have a length and a `take`, and give an object array of bytes or str for a slice or an array
    of row numbers; they may stay on disk until then (data.store).
    """

    inputs: Any
    targets: Any

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: np.ndarray) -> Examples:
        return Examples(self.inputs.take(rows), self.targets.take(rows))

    @staticmethod
    def of(pairs: Sequence[tuple[bytes, str]]) -> Examples:
        """Pairs of input and target, in memory."""
        return Examples(*(np.array(column, dtype=object) for column in zip(*pairs, strict=True)))

    @staticmethod
    def joined(parts: Sequence[Examples]) -> Examples:
        """The parts one behind the other, in memory."""
        inputs = np.concatenate([each.inputs[:] for each in parts])
        return Examples(inputs, np.concatenate([each.targets[:] for each in parts]))


@dataclass(frozen=True)
class Folders:
    """Where data sets are looked for, in this order; the first is also where they are prepared."""

    datasets: Sequence[str]
    manual: str | None = None


Inputs = TypeVar("Inputs", bound="InputCodec", covariant=True)
Targets = TypeVar("Targets", bound="TargetCodec", covariant=True)


@dataclass(frozen=True)
class Task(Generic[Inputs, Targets]):
    name: str
    pattern: Pattern[Inputs, Targets]
    inputs: Inputs
    targets: Targets  # the very same codec where what is written is what was read
    dataset: str  # the default data set's name
    examples: Callable[[str, Folders], Mapping[str, Examples]]  # data set name -> its splits, by name
    sample: Callable[[], Mapping[str, Examples]]  # the project's own splits, always the same
    settings: Mapping[str, Value] = field(default_factory=dict)  # all but the codecs' fields; those not given are added
    dataset_settings: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)  # by a data set's name
    explicit: frozenset[str] = frozenset()  # settings that somebody chose

    def __post_init__(self) -> None:
        known = self._settings()
        values = {setting.known(name, [*known]): known[name].read(name, value) for name, value in self.settings.items()}
        object.__setattr__(self, "settings", setting.defaults(known) | values)

    def all_settings(self) -> dict[str, Setting]:
        """Every setting by name, with its present value as the default: the codecs' first.

        Where both codecs have one of a name it is source.NAME and target.NAME.
        """
        fields = {f"{side}.{name}": each for side, name, each in self._fields()}
        plain = [name.partition(".")[2] for name in fields]
        own = {
            name if plain.count(name.partition(".")[2]) > 1 else name.partition(".")[2]: each
            for name, each in fields.items()
        }
        rest = self._settings()
        return own | {name: dataclasses.replace(rest[name], default=value) for name, value in self.settings.items()}

    def values(self) -> dict[str, Value]:
        """The value of every setting, by name."""
        return setting.defaults(self.all_settings())

    def configure(self, changes: Mapping[str, Value]) -> Task[Inputs, Targets]:
        """The same task with some settings changed, each of which is checked; values may be given as text.

        Raises UsageError for a name that no setting has, and for a value that it cannot have.
        """
        known = self.all_settings()
        for name in changes:
            if name not in known and f"source.{name}" in known:
                raise UsageError(f"both codecs have a {name}; give source.{name} or target.{name}")
        read = {setting.known(name, [*known]): known[name].read(name, value) for name, value in changes.items()}
        inputs = _with_fields(self.inputs, "source", read)
        targets = inputs if self.shares_codec() else _with_fields(self.targets, "target", read)
        settings = {name: read.get(name, value) for name, value in self.settings.items()}
        task = dataclasses.replace(
            self, inputs=inputs, targets=targets, settings=settings, explicit=self.explicit | set(changes)
        )
        task.check()
        return task

    def check(self) -> None:
        """Raises UsageError for settings that do not go together."""
        self.pattern.check(self.settings)
        choices = ["loss", *self.pattern.MONITORS]
        setting.one_of(*choices)("monitor", str(self.settings["monitor"]))

    def shares_codec(self) -> bool:
        """Whether one codec is for inputs and targets: what is written is what was read."""
        return self.inputs is self.targets

    def with_codecs(self, inputs: Any, targets: Any) -> Task[Inputs, Targets]:
        """The same with other codecs, fitted ones for example."""
        return dataclasses.replace(self, inputs=inputs, targets=inputs if self.shares_codec() else targets)

    def for_dataset(self, name: str) -> Task[Inputs, Targets]:
        """The same with the settings of a data set, but for those that somebody chose."""
        changes = self.dataset_settings.get(name, {})
        task = self.configure({key: value for key, value in changes.items() if key not in self.explicit})
        return dataclasses.replace(task, explicit=self.explicit)

    def _settings(self) -> dict[str, Setting]:
        """Those that are no fields of a codec, with their own defaults."""
        layers = {**self.inputs.traits.settings, **self.targets.traits.settings}
        return {**layers, **self.pattern.SETTINGS, **TRAINING}

    def _fields(self) -> Iterator[tuple[str, str, Setting]]:
        codecs: tuple[Any, ...] = (self.inputs,) if self.shares_codec() else (self.inputs, self.targets)
        for side, codec in zip(SIDES, codecs, strict=False):
            for name, each in setting.of(codec).items():
                yield side, name, each


def _with_fields(codec: Any, side: str, values: Mapping[str, Value]) -> Any:
    """The codec with those values that are its own; itself, with what it looked up already, where there are none."""
    fields = setting.of(codec)
    own = {name: values.get(f"{side}.{name}", values.get(name)) for name in fields}
    changes = {name: value for name, value in own.items() if value is not None}
    return dataclasses.replace(codec, **changes) if changes else codec
