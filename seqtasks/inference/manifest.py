"""manifest.json: what an export is. Its codecs' settings, its endpoints, a worked example, the sha256 of its files.

It is all that answering needs beside the export itself: no task's source and no pattern's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from seqtasks import files
from seqtasks.errors import IntegrityError

NAME = "manifest.json"
REMEDY = "export again, or copy the whole folder again"


@dataclass(frozen=True)
class EndpointSchema:
    """What a function of an export takes and gives; a tensor is {"type": dtype, "size": [...]}, None for any."""

    inputs: Mapping[str, Any]  # by name: a tensor, or several by name
    outputs: Any  # the same, or a list of such
    classes: Sequence[str] = ()  # outputs whose last axis is the classes
    columns: Sequence[str] = ()  # outputs that become columns of a table of answers


@dataclass(frozen=True)
class Manifest:
    task: str
    dataset: str
    format: str  # saved-model, litert or onnx
    settings: Mapping[str, Any]  # every setting of the task by name
    classes: Sequence[str]  # the classes' names, in the order of their ids; empty where there are none
    batch_size: int  # values that are answered together
    reads_files: bool  # whether a value is a file
    quantization: str | None  # int8, or None
    endpoints: Mapping[str, EndpointSchema]
    inputs: Mapping[str, Any]  # the codec's name and settings: codecs.describe(codec, learned=False)
    targets: Mapping[str, Any]
    example: Mapping[str, Any]  # an input and what it was answered
    rows: Mapping[str, int]  # what it was trained on, as its card has it, and what follows
    dropped: Mapping[str, int]
    seed: int
    best: Mapping[str, float]
    seconds: float
    fingerprint: str  # sha256 of the examples
    source: Mapping[str, Any] | None
    weights: str  # sha256 of the model's weights file
    trained: Mapping[str, Any]  # versions, commit and time of the training
    versions: Mapping[str, str]  # those of the export
    commit: str | None
    created: str
    files: Mapping[str, str] = field(default_factory=dict)  # name -> sha256

    @staticmethod
    def read(folder: Path) -> Manifest:
        """The manifest of an export's folder; its files are not looked at.

        Raises IntegrityError for one that was altered and for one of another version.
        """
        path = folder / NAME
        value = files.read_checked(path, remedy=REMEDY)
        try:
            _match(value, Manifest)
            for endpoint in value["endpoints"].values():
                _match(endpoint, EndpointSchema)
        except (AttributeError, ValueError):
            raise IntegrityError(f"{path} is a manifest of an earlier version of seqtasks; export again") from None
        endpoints = {name: EndpointSchema(**each) for name, each in value["endpoints"].items()}
        return Manifest(**{**value, "endpoints": endpoints})

    def write(self, folder: Path) -> None:
        """Writes it, checksummed, into a folder that is not in use yet."""
        (folder / NAME).write_bytes(files.as_json(files.with_checksum(asdict(self))).encode())


def _match(value: Mapping[str, Any], kind: type) -> None:
    """Raises ValueError for keys that are not the fields of a dataclass, AttributeError for what has no keys."""
    if set(value.keys()) != {each.name for each in fields(kind)}:
        raise ValueError
