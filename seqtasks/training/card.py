"""card.json: what a trained model is. Task, data, settings, codecs, versions and the sha256 of its files."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from seqtasks import files
from seqtasks.errors import IntegrityError, UsageError

NAME = "card.json"
VERSION = 3  # of the card itself
WEIGHTS = "model.weights.h5"


@dataclass(frozen=True)
class Card:
    task: str
    dataset: str  # "sample" for the project's own
    fingerprint: str  # sha256 of the examples, in order
    settings: Mapping[str, Any]
    inputs: Mapping[str, Any]  # a codec is its fields
    targets: Mapping[str, Any]
    rows: Mapping[str, int]  # examples, or characters of a text, in each split
    dropped: Mapping[str, int]  # left out because they stand in another split as well
    seed: int
    best: Mapping[str, float]  # the kept epoch's row of history.csv
    seconds: float  # spent in training
    versions: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None
    created: str = ""
    source: Mapping[str, Any] | None = None  # where a person's own examples were read from
    stores: Sequence[str] = ()  # of a person's own examples, as they were read
    code: str | None = None  # sha256 of the file that defines the task, where it is none of the package's
    code_file: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)  # name -> sha256
    version: int = VERSION

    def write(self, path: Path) -> None:
        files.write_json(path, asdict(self))


def read(folder: Path) -> Card:
    """The card in a model's folder; raises UsageError where nothing is trained, IntegrityError where it is damaged."""
    path = folder / NAME
    if not path.exists():
        raise UsageError(
            f'no trained model in {folder}; run "seqtasks train TASK" first or name its folder with --model'
        )
    value = files.read_checked(path, remedy="train again or copy the whole folder again")
    value = {"code": None, "code_file": None, **value}  # which a card of before there were such tasks does not have
    known = {each.name for each in fields(Card)}
    if set(value) != known or value["version"] != VERSION:
        raise IntegrityError(f"{path} is not a card of this version of seqtasks; train again")
    return Card(**value)


def provenance() -> dict[str, Any]:
    """The versions, the commit and the time that go into a card."""
    names = ("seqtasks", "tensorflow", "keras", "numpy")
    versions = {name: _version(name) for name in names} | {"python": platform.python_version()}
    return {"versions": versions, "commit": _commit(), "created": datetime.now(UTC).isoformat(timespec="seconds")}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"


def _commit() -> str | None:
    """The commit of the source tree that runs, with a + where files differ from it; None outside a checkout."""
    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty=+", "--match="]
    try:
        answer = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
