"""The state of a machine, its data sets, models and exports: each healthy, or with what to do about it."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from seqtasks import files, tasks
from seqtasks.errors import SeqtasksError
from seqtasks.inference import predictor
from seqtasks.inference.manifest import Manifest
from seqtasks.task import Folders
from seqtasks.training import card as cards
from seqtasks.training import model_folder

GOOD, NOTED, BAD = "ok", "note", "bad"
PACKAGES = ("tensorflow", "keras", "tensorflow-datasets", "numpy")
OPTIONAL = {
    "ai-edge-litert": "litert", "onnxruntime": "onnx", "tf2onnx": "onnx", "pyarrow": "parquet", "openpyxl": "excel",
}  # fmt: skip
DISK, MEMORY = 2e9, 4e9  # bytes that a training is glad of


@dataclass(frozen=True)
class Finding:
    """The state of one thing."""

    what: str
    state: str  # ok, note or bad
    found: str
    remedy: str = ""


def examined(models: Path, folders: Folders) -> Iterator[Finding]:
    """The machine, the data sets that tasks begin with, and every model and export in a folder of models."""
    yield from _packages()
    yield _devices()
    yield from _variables()
    yield from _room(models)
    for name in tasks.names():
        yield _dataset(tasks.describe(name)["dataset"], name, folders)
    for folder in sorted(models.glob("*/")):
        yield from model(folder)


def model(folder: Path) -> Iterator[Finding]:
    """A model's folder and its exports; nothing of a folder that holds neither."""
    if (folder / cards.NAME).exists():
        yield _checked(str(folder), lambda: _trained(folder))
    for export in predictor.exports(folder):
        if said := _stale(export):
            what, _, remedy = said.partition("; ")
            yield Finding(str(export), NOTED, what, remedy)
        yield _checked(str(export), lambda export=export: _export(export))
    if (folder / model_folder.TRAINING / "run.json").exists():
        remedy = f"go on with the same command, or begin again with --fresh; it is in {folder / model_folder.TRAINING}"
        yield Finding(str(folder), NOTED, "a training that was not finished", remedy)


def _stale(export: Path) -> str | None:
    try:
        return predictor.stale(export, Manifest.read(export))
    except SeqtasksError:  # which is told of as well
        return None


def _packages() -> Iterator[Finding]:
    yield Finding("Python", GOOD, platform.python_version())
    for name in PACKAGES:
        yield Finding(name, GOOD, metadata.version(name))
    for name, extra in OPTIONAL.items():
        try:
            yield Finding(name, GOOD, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, NOTED, "not installed", f"pip install 'seqtasks[{extra}]' if you need it")


def _variables() -> Iterator[Finding]:
    """Options that the environment gives."""
    for name in sorted(name for name in os.environ if name.startswith("SEQTASKS_")):
        yield Finding(name, NOTED, os.environ[name], "unset it if it is not meant")


def _devices() -> Finding:
    import tensorflow as tf

    gpus = [each.name for each in tf.config.list_physical_devices("GPU")]
    return Finding("devices", GOOD, ", ".join([f"{os.cpu_count()} cores", *gpus]))


def _room(models: Path) -> Iterator[Finding]:
    place = next(each for each in (models.absolute(), *models.absolute().parents) if each.exists())
    free = shutil.disk_usage(place).free
    scarce = "" if free >= DISK else f"make room: a training may need {DISK / 1e9:.0f} GB"
    yield Finding("disk", NOTED if scarce else GOOD, f"{free / 1e9:.1f} GB free in {place}", scarce)
    try:
        pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return
    scarce = (
        "" if whole >= MEMORY else f"the largest trainings take {MEMORY / 1e9:.0f} GB; make --set batch_size smaller"
    )
    yield Finding("memory", NOTED if scarce else GOOD, f"{whole / 1e9:.1f} GB, {pages / 1e9:.1f} of it free", scarce)


def _dataset(name: str, task: str, folders: Folders) -> Finding:
    """Whether a data set is prepared, and every file of it there."""
    for folder in folders.datasets:
        for record in sorted((Path(folder) / name).glob("**/dataset_info.json")):
            missing = _missing(record)
            if missing:
                remedy = f"remove {record.parent} and run seqtasks download {task}"
                return Finding(name, BAD, f"{missing} is missing or empty in {record.parent}", remedy)
            return Finding(name, GOOD, f"prepared in {record.parent}")
    return Finding(name, NOTED, "not prepared", f"seqtasks download {task}, or train {task} with --sample-data")


def _missing(record: Path) -> str | None:
    """The first file of a prepared data set that is not there, or empty, by its name."""
    try:
        about = json.loads(record.read_text(encoding="utf-8"))
        for split in about["splits"]:
            shards = len(split["shardLengths"])
            for number in range(shards):
                end = f"-{split['name']}.{about['fileFormat']}-{number:05d}-of-{shards:05d}"
                found = [path for path in record.parent.glob(f"*{end}") if path.stat().st_size]
                if not found:
                    return f"*{end}"
    except (ValueError, KeyError, TypeError):
        return record.name
    return None


def _checked(what: str, look: Any) -> Finding:
    try:
        return Finding(what, GOOD, look())
    except SeqtasksError as error:
        message, _, remedy = str(error).partition("; ")
        return Finding(what, BAD, message, remedy)


def _trained(folder: Path) -> str:
    card = cards.read(folder)
    for name in card.files:
        files.resolve(folder, name, card.files, remedy=model_folder.REMEDY)
    return f"{card.task} on {card.dataset}, trained {card.created[:10]}"


def _export(folder: Path) -> str:
    manifest = predictor.verified(folder)
    return f"{manifest.format} of {manifest.task}, {len(manifest.files)} files as they were written"
