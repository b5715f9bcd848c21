"""Data sets through TensorFlow Datasets: its own and those of the builders in data/datasets."""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks.data import download, paths
from seqtasks.errors import InputError, IntegrityError, ResourceError, no_room
from seqtasks.task import Folders

CHUNK = 1_000  # rows


def load(name: str, folders: Folders, splits: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """A data set's splits as {split: {feature: array (N, ...)}}; downloaded and prepared where it is not there yet.

    Raises ResourceError if it can be neither found nor downloaded.
    """
    builder = find(name, folders) or prepare(name, folders)
    return {split: _read(builder, split) for split in splits}


def load_all(name: str, folders: Folders) -> dict[str, dict[str, np.ndarray]]:
    """All splits of a data set, as `load` gives them."""
    builder = find(name, folders) or prepare(name, folders)
    return {split: _read(builder, split) for split in builder.info.splits}


def load_classes(name: str, folders: Folders) -> tuple[dict[str, dict[str, np.ndarray]], np.ndarray]:
    """All splits of a data set, as `load` gives them, and the names of its classes, str (C,), object."""
    builder = find(name, folders) or prepare(name, folders)
    names = np.array(builder.info.features["label"].names, dtype=object)
    return {split: _read(builder, split) for split in builder.info.splits}, names


def find(name: str, folders: Folders) -> Any | None:
    """The prepared data set's TFDS builder, or None if no folder has it; raises IntegrityError for a damaged one."""
    import tensorflow_datasets as tfds

    logging.getLogger("absl").setLevel(logging.ERROR)  # it warns of every folder that is not prepared yet
    for folder in folders.datasets:
        try:
            builder = tfds.builder(name, data_dir=paths.lasting(Path(folder)), **_ours(name, folders))
        except Exception as error:  # TFDS reads its own records, and raises whatever its parsers do
            if any((Path(folder) / name).rglob("dataset_info.json")):
                raise _damaged(Path(folder) / name, error) from error
            raise
        if builder.is_prepared():
            return builder
    return None


def prepare(name: str, folders: Folders) -> Any:
    """Downloads and prepares a data set in the first folder, one process at a time.

    Raises ResourceError with the next step if that fails, IntegrityError for files that are not the right ones.
    """
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    place = Path(folders.datasets[0])
    with download.exclusive(place / "downloads"):
        if builder := find(name, folders):  # prepared by the process that was waited for
            return builder
        for unfinished in (place / name.partition("/")[0]).rglob("*incomplete.*"):
            download.remove(unfinished)
        builder = tfds.builder(name, data_dir=paths.lasting(place), **_ours(name, folders))
        try:
            if not _ours(name, folders) and not any((place / "downloads" / builder.name).glob("*.INFO")):
                download.check_reachable(list(builder.url_infos)[:1])  # earlier downloads may be enough for TFDS
            with contextlib.redirect_stdout(sys.stderr), download.limits(name):  # standard output is for answers
                builder.download_and_prepare()
        except (InputError, IntegrityError):
            raise
        except tfds.core.download.download_manager.NonMatchingChecksumError as error:
            address = next(iter(re.findall(r"Artifact ([^\s,]+)", str(error))), "a file")
            wanted, got = [*re.findall(r"checksum='(\w+)'", str(error)), "?", "?"][:2]
            raise IntegrityError(
                f"data set {name}: {address} has the wrong checksum: sha256 {got}, expected {wanted}; "
                "download it again, or get it from its authors"
            ) from None
        except Exception as error:  # TFDS lets every error of its helpers through
            if full := no_room(error):
                raise ResourceError(
                    f"data set {name}: {full} in {place}, of which {shutil.disk_usage(place).free / 1e6:,.0f} MB are "
                    "free; make room or choose another --data-dir"
                ) from error
            by_hand = ", SEQTASKS_MANUAL_DIR to one that has its files" if _ours(name, folders) else ""
            looked = ", ".join(str(folder) for folder in folders.datasets)
            raise ResourceError(
                f"data set {name} is not in {looked} and cannot be downloaded ({_short(error)}); connect to the "
                f"network, set TFDS_DATA_DIR to a folder that has it prepared{by_hand}, or use --sample-data"
            ) from error
        return builder


def _ours(name: str, folders: Folders) -> dict[str, Any]:
    """The arguments of a builder of ours, which is registered with TFDS; none for a builder of TFDS."""
    module = name.partition("/")[0]
    if not (Path(__file__).parent / "datasets" / f"{module}.py").exists():
        return {}
    import_module(f"seqtasks.data.datasets.{module}")
    return {"manual": folders.manual}


def captioned(builder: Any, split: str) -> Iterator[tuple[bytes, str]]:
    """Photographs, the bytes of their files, and their captions, joined by line feeds; one at a time."""
    import tensorflow_datasets as tfds

    with _whole(builder):
        found = builder.as_dataset(split=split, decoders={"image": tfds.decode.SkipDecoding()})
        for example in found.as_numpy_iterator():
            captions = [" ".join(each.decode(errors="replace").split()) for each in example["captions"]["text"]]
            yield example["image"], "\n".join(captions)


def _read(builder: Any, split: str) -> dict[str, np.ndarray]:
    with _whole(builder):
        chunks = list(builder.as_dataset(split=split, batch_size=CHUNK).as_numpy_iterator())
    return {feature: np.concatenate([chunk[feature] for chunk in chunks]) for feature in chunks[0]}


@contextlib.contextmanager
def _whole(builder: Any) -> Iterator[None]:
    """Raises IntegrityError where TensorFlow reads that the prepared files are not whole."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.DataLossError, tf.errors.FailedPreconditionError, tf.errors.NotFoundError) as error:
        raise _damaged(paths.original(Path(builder.data_dir)), error) from error


def _damaged(folder: Path, error: BaseException) -> IntegrityError:
    return IntegrityError(
        f"{folder} is cut off or altered ({type(error).__name__}); remove it and run the command again"
    )


def _short(error: BaseException) -> str:
    if isinstance(error, ResourceError):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
