"""What a setting is: a default, a line of help and a check, in the code of whoever uses it.

A codec's are fields of its dataclass (`field`); a pattern's and those of layers are mappings by name.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seqtasks.errors import UsageError, unknown

Value = bool | int | float | str
Check = Callable[[str, Any], None]  # name and value; raises UsageError for a value that is none


@dataclasses.dataclass(frozen=True)
class Setting:
    """The type of a setting is that of its default."""

    default: Value
    help: str
    check: Check = lambda name, value: None

    def read(self, name: str, value: Value) -> Value:
        """A value of the default's type, of one that may be given as text; raises UsageError where there is none."""
        found = value if type(value) is type(self.default) else _converted(name, value, type(self.default))
        self.check(name, found)
        return found


Settings = Mapping[str, Setting]


def at_least(minimum: float) -> Check:
    """A finite number that is not below the minimum."""

    def check(name: str, value: float) -> None:
        if not minimum <= value < math.inf:  # NaN is not
            raise UsageError(f"{name} is at least {minimum}, not {value}")

    return check


def above(minimum: float) -> Check:
    """A finite number above the minimum."""

    def check(name: str, value: float) -> None:
        if not minimum < value < math.inf:
            raise UsageError(f"{name} is above {minimum}, not {value}")

    return check


def between(minimum: float, maximum: float) -> Check:
    """A number from the minimum to the maximum, both included."""

    def check(name: str, value: float) -> None:
        if not minimum <= value <= maximum:
            raise UsageError(f"{name} is from {minimum} to {maximum}, not {value}")

    return check


def share(name: str, value: float) -> None:
    """A number from 0 to below 1."""
    if not 0 <= value < 1:
        raise UsageError(f"{name} is at least 0 and below 1, not {value}")


def one_of(*choices: str) -> Check:
    """One of some words."""

    def check(name: str, value: str) -> None:
        if value not in choices:
            raise unknown(name, value, choices)

    return check


def field(default: Any, help: str, check: Check = lambda name, value: None) -> Any:
    """A field of a codec that is a setting."""
    return dataclasses.field(default=default, metadata={"setting": Setting(default, help, check)})


def of(codec: Any) -> dict[str, Setting]:
    """The settings among a codec's fields; their defaults are its present values."""
    values = vars(codec)
    return {
        each.name: dataclasses.replace(each.metadata["setting"], default=values[each.name])
        for each in dataclasses.fields(codec)
        if "setting" in each.metadata
    }


def check_fields(codec: Any) -> None:
    """Raises UsageError where a field of a codec has a value that its setting cannot have."""
    for name, setting in of(codec).items():
        setting.check(name, setting.default)


def defaults(settings: Settings) -> dict[str, Value]:
    return {name: setting.default for name, setting in settings.items()}


def known(name: str, names: Sequence[str]) -> str:
    """The name, if it is one of these; raises UsageError, which proposes the nearest, for any other."""
    if name not in names:
        raise unknown("setting", name, sorted(names))
    return name


def _converted(name: str, value: Value, kind: type) -> Value:
    try:
        if kind is bool:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[str(value).lower()]
        if kind is int and isinstance(value, float) and value != int(value):
            raise ValueError
        if kind is str and not isinstance(value, (bool, int, float)):
            raise ValueError
        return kind(value)
    except (KeyError, ValueError, TypeError, OverflowError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}[kind]
        raise UsageError(f"setting {name} is {wanted}, not {value!r}") from None


TRAINING: Settings = {  # of every task's training (seqtasks.training)
    "epochs": Setting(5, "epochs at most", at_least(1)),
    "batch_size": Setting(128, "rows of a batch", at_least(1)),
    "min_steps_per_epoch": Setting(100, "steps of an epoch; a small data set is read several times", at_least(0)),
    "learning_rate": Setting(3e-3, "per step at its highest, of Adam (Kingma and Ba, 2015)", above(0)),
    "warmup_steps": Setting(100, "until the learning rate is highest; from there it falls on a cosine", at_least(0)),
    "global_clipnorm": Setting(1.0, "norm of the gradient at most (Pascanu et al., 2013)", above(0)),
    "ema_momentum": Setting(0.99, "of the running average of the weights, which is kept; 0 for none", share),
    "monitor": Setting("accuracy", "figure on validation by which an epoch is better than another"),
    "patience": Setting(3, "epochs without a better one before training stops", at_least(1)),
}
