"""Settings from a file, and those of another model."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqtasks.errors import InputError, UsageError
from seqtasks.setting import Value
from seqtasks.training import card as cards


def of_file(path: Path, task: str) -> dict[str, Value]:
    """The settings of a TOML file: its own, and those of its table [TASK]; [source] and [target] are a codec's.

    Raises InputError for a file that is no TOML.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give the path of a TOML file") from None
    except ValueError as error:
        raise InputError(f"{path} is no TOML file ({str(error)[:80]}); write NAME = VALUE a line") from None
    own = found.pop(task, {})
    if not isinstance(own, Mapping):
        raise InputError(f"{path} has {task} as a value; make it a table, [{task}]")
    return _flat(found) | _flat(own)


def of_model(folder: Path, task: str) -> dict[str, Value]:
    """The settings of a trained model; raises UsageError where it is of another task."""
    card = cards.read(folder)
    if card.task != task:
        raise UsageError(f"{folder} holds a trained {card.task}, not {task}; give --like a model of this task")
    return dict(card.settings)


def as_toml(values: Mapping[str, Value]) -> str:
    """A line a setting, as `of_file` reads them."""
    return "\n".join(f"{_key(name)} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items())


def _key(name: str) -> str:
    return json.dumps(name) if "." in name else name


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Value]:
    flat: dict[str, Value] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}".replace("-", "_")] = value
    return flat
