"""Examples on disk, from which any row is fetched without the rest. A store is a folder:

    inputs.bin      the inputs end to end
    inputs.npy      int64 (N + 1,): row i is inputs.bin[inputs[i]:inputs[i + 1]]
    targets.bin     the targets likewise, UTF-8
    targets.npy     int64 (N + 1,)
    about.json      what was read

Where targets are classes, classes.npy (int32 (N,), ids) and classes.json (their names) take the place of targets.bin
and targets.npy. Memory grows by a few bytes a row, whatever its length; only while inputs with several targets each are
written, by the hash of each input.
"""

from __future__ import annotations

import json
import os
import shutil
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks import files
from seqtasks.errors import IntegrityError
from seqtasks.task import Examples

VERSION = 4  # of the form of a store
FOLDER = Path(".cache") / "raw"  # of all stores, in the folder of data sets
ABOUT = "about.json"
CHUNK = 1_000  # inputs whose targets are joined together


@dataclass(frozen=True)
class DiskBytes:
    """Values that stay on disk: `values[rows]` fetches bytes, object (N,); `take` chooses rows and fetches nothing."""

    file: Path
    starts: np.ndarray  # int64 (N,), bytes
    sizes: np.ndarray  # int32 (N,), bytes

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, rows: np.ndarray) -> DiskBytes:
        return DiskBytes(self.file, self.starts[rows], self.sizes[rows])

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        starts, sizes = self.starts[rows], self.sizes[rows]
        values = np.empty(len(starts), dtype=object)
        with self.file.open("rb", buffering=0) as file:
            for index, (start, size) in enumerate(zip(starts.tolist(), sizes.tolist(), strict=True)):
                values[index] = os.pread(file.fileno(), size, start)
        return values


@dataclass(frozen=True)
class DiskTexts:
    """The same of texts: `texts[rows]` fetches str, object (N,)."""

    encoded: DiskBytes  # UTF-8

    def __len__(self) -> int:
        return len(self.encoded)

    def take(self, rows: np.ndarray) -> DiskTexts:
        return DiskTexts(self.encoded.take(rows))

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        values = self.encoded[rows]
        for index, value in enumerate(values):
            values[index] = value.decode()
        return values


@dataclass(frozen=True)
class Categories:
    """Targets of few names, in memory: `categories[rows]` gives the names, object (N,)."""

    ids: np.ndarray  # int32 (N,), indices of names
    names: np.ndarray  # object (C,)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> Categories:
        return Categories(self.ids[rows], self.names)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        return self.names[self.ids[rows]]


Targets = DiskTexts | Categories


def kept(folder: Path, rows: Callable[[], Iterable[tuple[bytes, str]]]) -> Examples:
    """Pairs of input and target that are too many for the memory, in a store: written unless it is there."""
    folder = folder.with_name(f"{folder.name}-{VERSION}")
    if not folder.exists():
        with files.new_folder(folder, point="store") as part:
            write(part, ((number, *pair) for number, pair in enumerate(rows())), classes=False)
            write_about(part, {"data": folder.name, "skipped": 0, "said": []})
    return examples(folder)


def write(folder: Path, rows: Iterable[tuple[int, bytes, str]], *, classes: bool, several: bool = False) -> None:
    """Writes rows of (number of the input, the input, a target of it); inputs are numbered in order, from 0.

    Several targets of one input become one, joined by line feeds. The input of a number that was there before is not
    looked at.
    """
    owners, count = array("i"), 0  # of each target, the number of its input
    single = folder / "single" if several else folder  # targets as they come, not joined yet
    single.mkdir(exist_ok=True)
    with _values(folder / "inputs") as add_input, _targets(single, classes=classes) as add_target:
        for number, value, target in rows:
            if number == count:
                add_input(value)
                count += 1
            owners.append(number)
            add_target(target)
    if several:
        with _targets(folder, classes=classes) as add_target:
            for text in _joined(_opened_targets(single), np.frombuffer(owners, np.int32)):
                add_target(text)
        shutil.rmtree(single)


def write_about(folder: Path, about: Mapping[str, Any]) -> None:
    (folder / ABOUT).write_text(files.as_json(about), encoding="utf-8")


def read_about(folder: Path) -> dict[str, Any]:
    """What was read into a store; raises IntegrityError where that is damaged."""
    return files.read_json(folder / ABOUT, remedy=_remedy(folder))


def examples(folder: Path) -> Examples:
    """What is in a store; raises IntegrityError for one that is damaged."""
    try:
        return Examples(_opened_values(folder / "inputs"), _opened_targets(folder))
    except (OSError, EOFError, ValueError) as error:
        raise IntegrityError(f"{folder} cannot be read ({error}); {_remedy(folder)}") from None


def _remedy(folder: Path) -> str:
    return f"remove {folder} and run the command again"


@contextmanager
def _values(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Gives a function that appends a value to path.bin; in the end path.npy says where each begins and ends."""
    offsets = array("q", [0])
    with path.with_suffix(".bin").open("wb") as file:

        def add(value: bytes) -> None:
            offsets.append(offsets[-1] + file.write(value))

        yield add
    np.save(path.with_suffix(".npy"), np.frombuffer(offsets, np.int64))


@contextmanager
def _targets(folder: Path, *, classes: bool) -> Iterator[Callable[[str], None]]:
    """Gives a function that appends a target."""
    if classes:
        ids, names = array("i"), dict[str, int]()
        yield lambda name: ids.append(names.setdefault(name, len(names)))
        np.save(folder / "classes.npy", np.frombuffer(ids, np.int32))
        (folder / "classes.json").write_text(json.dumps([*names]), encoding="utf-8")
    else:
        with _values(folder / "targets") as add:
            yield lambda text: add(text.encode())


def _joined(targets: Targets, owners: np.ndarray) -> Iterator[str]:
    """The targets of each input, in their order, joined; by ascending number of the input."""
    order = np.argsort(owners, kind="stable")
    bounds = np.flatnonzero(np.diff(owners[order], prepend=-1, append=-1))  # where another input's targets begin
    for first in range(0, len(bounds) - 1, CHUNK):
        chunk = bounds[first : first + CHUNK + 1]
        texts = targets[order[chunk[0] : chunk[-1]]].tolist()
        for start, end in zip(chunk[:-1] - chunk[0], chunk[1:] - chunk[0], strict=True):
            yield "\n".join(texts[start:end])


def _opened_values(path: Path) -> DiskBytes:
    """Raises ValueError where the file is not as long as it was written."""
    offsets = np.load(path.with_suffix(".npy"), allow_pickle=False)
    file = path.with_suffix(".bin")
    if file.stat().st_size != offsets[-1]:
        raise ValueError(f"{file.name} has {file.stat().st_size:,} bytes in place of {offsets[-1]:,}")
    return DiskBytes(file, offsets[:-1].copy(), np.diff(offsets).astype(np.int32))


def _opened_targets(folder: Path) -> Targets:
    if not (folder / "classes.npy").exists():
        return DiskTexts(_opened_values(folder / "targets"))
    names = json.loads((folder / "classes.json").read_text(encoding="utf-8"))
    return Categories(np.load(folder / "classes.npy", allow_pickle=False), np.array(names, dtype=object))
