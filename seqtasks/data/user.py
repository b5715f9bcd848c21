"""People's own examples: read once into a store on disk, from which any row is fetched without the rest.

    texts.bin       the inputs end to end, UTF-8
    offsets.npy     int64 (N + 1,): row i is texts.bin[offsets[i]:offsets[i + 1]]
    labels.npy      int32 (N,), the place of the row's label in names
    about.json      names, and what was read

So memory grows by a few bytes a row, whatever the rows hold.
"""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks import files
from seqtasks.data import readers
from seqtasks.data.readers import Options, Reject, Row
from seqtasks.errors import InputError
from seqtasks.task import Examples

VERSION = 2
MOST = 2**30  # characters of a text in one field


@dataclass(frozen=True)
class Source:
    """Where a person's examples are."""

    data: str
    test_data: str | None = None
    options: Options = field(default_factory=Options)

    @property
    def name(self) -> str:
        return Path(self.data).name


def restore(description: Mapping[str, Any] | None) -> Source | None:
    """The source whose fields a card holds, or None if it holds none."""
    if description is None:
        return None
    return Source(**{**description, "options": Options(**description["options"])})


@dataclass(frozen=True)
class Texts:
    """Inputs that stay on disk: `texts[rows]` fetches bytes, object (N,); `take` chooses rows and fetches nothing."""

    file: Path
    starts: np.ndarray  # int64 (N,), bytes
    sizes: np.ndarray  # int32 (N,), bytes

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, rows: np.ndarray) -> Texts:
        return Texts(self.file, self.starts[rows], self.sizes[rows])

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        starts, sizes = self.starts[rows], self.sizes[rows]
        found = np.empty(len(starts), dtype=object)
        with self.file.open("rb", buffering=0) as file:
            for place, (start, size) in enumerate(zip(starts.tolist(), sizes.tolist(), strict=True)):
                found[place] = os.pread(file.fileno(), size, start)
        return found


@dataclass(frozen=True)
class Labels:
    """Targets of few names: `labels[rows]` gives the names, object (N,)."""

    ids: np.ndarray  # int32 (N,), places in names
    names: np.ndarray  # object (C,)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> Labels:
        return Labels(self.ids[rows], self.names)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        return self.names[self.ids[rows]]


@dataclass(frozen=True)
class Columns:
    """What people call the columns of inputs and targets, and what may stand in them: two codecs."""

    inputs: Any
    targets: Any
    files: bool = False  # whether an input is the path of a file, of which several rows may tell, each its own

    def usable(self, row: Row | Reject, names: tuple[str, str]) -> tuple[str, str]:
        """The row's input, not opened yet, and target; raises InputError for what cannot be learned from."""
        if isinstance(row, Reject):
            raise InputError(row.reason)
        value, target = (row.fields.get(name, "") for name in names)
        if not target.strip():
            raise InputError(f"has no {names[1]}; fill it in or leave the row out")
        return value, self.targets.clean(target.strip())

    def opened(self, value: str, beside: Path) -> bytes:
        """The input as its codec wants it, a path taken from `beside`; raises InputError for what it is not."""
        return self.inputs.clean(os.fsencode(beside / value.strip()) if self.files else value.encode())


def read(source: Source, columns: Columns, folder: Path, notice: Callable[[str], None]) -> dict[str, Examples]:
    """A person's examples as {"train": ..., "test": ...}, the second only where a test file was given.

    Each file is read once, into a store under `folder`, and found there the next time unless it has changed. Raises
    InputError that names file and row for what cannot be used, unless the options say that it is to be left out.
    """
    paths = {"train": source.data} | ({"test": source.test_data} if source.test_data else {})
    return {
        name: _examples(_store(Path(path), source.options, columns, folder, notice), notice)
        for name, path in paths.items()
    }


def kept(store: Path, rows: Callable[[], Iterable[tuple[bytes, str]]]) -> Examples:
    """Inputs too many for the memory, each with a target of its own, in a store: written unless it is there."""
    if not (store / "about.json").exists():
        with files.new_folder(store, point="store") as part:
            offsets, targets = array("q", [0]), list[str]()
            with (part / "texts.bin").open("wb") as file:
                for value, target in rows():
                    offsets.append(offsets[-1] + file.write(value))
                    targets.append(target)
            about = {"data": store.name, "names": targets, "skipped": 0}
            _finish(part, offsets, array("i", range(len(targets))), about)
    return _examples(store, lambda text: None)


def texts(source: Source, usual: Sequence[str], notice: Callable[[str], None]) -> dict[str, Examples]:
    """A person's text as {"train": ..., "test": ...}, the second only where a test file was given; one row each.

    A text file is taken as it is; the files of a folder and the rows of a table follow one another with an empty line
    between. Raises InputError that names file and row for what cannot be used.
    """
    found = {"train": source.data} | ({"test": source.test_data} if source.test_data else {})
    for path in found.values():
        notice(f"reading {path}")
    whole = {name: text(Path(path), source.options, usual) for name, path in found.items()}
    columns = {name: np.array([content], dtype=object) for name, content in whole.items()}
    return {name: Examples(column, column) for name, column in columns.items()}


def text(path: Path, options: Options, usual: Sequence[str]) -> bytes:
    """The text of a file, a folder or a table's column; raises InputError for what cannot be used.

    Every line of it ends with a line feed, whatever it ended with in the file.
    """
    _check_file(path)
    options = replace(options, longest=MOST)  # a field is no example: a novel may stand in it
    if path.is_dir():
        found = sorted(path.rglob("*.txt")) + sorted(path.rglob("*.txt.gz"))
        if not found:
            raise InputError(f"{path} has no .txt file; give a folder of texts")
        return b"\n\n".join(text(each, options, usual).rstrip(b"\n") for each in found) + b"\n"
    plain = readers.kind_of(path, options) == ".txt"
    name = "text" if plain else _column(path, options, usual)
    between = b"\n" if plain else b"\n\n"
    parts = []
    for row in readers.rows(path, options):
        if isinstance(row, Reject):
            raise InputError(f"{path}:{row.number} {row.reason}")
        parts.append(row.fields.get(name, "").encode())
    return between.join(parts) + b"\n" if parts else b""


def _column(path: Path, options: Options, usual: Sequence[str]) -> str:
    found = readers.fields(path, options)
    return readers.column(path, found, options.input_column, usual, what="texts", option="--text-column")


def _store(path: Path, options: Options, columns: Columns, folder: Path, notice: Callable[[str], None]) -> Path:
    """The folder with the file's examples, written now if it is not there yet."""
    _check_file(path)
    path = _table(path) if columns.files else path
    store = folder / "own" / f"{Path(path.name).stem}-{_fingerprint(path, options, columns)}"
    if not (store / "about.json").exists():
        notice(f"reading {path}")
        with files.new_folder(store, point="store") as part:
            _fill(part, path, options, columns)
    return store


def _check_file(path: Path) -> None:
    if files.endless(path):  # a file of one's own is read several times
        raise InputError(f"{path} is a pipe or a device; give a file")


def _fingerprint(path: Path, options: Options, columns: Columns) -> str:
    """What tells two files, or one file before and after a change, apart without reading them.

    The files that a table names count as well.
    """
    found = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    if columns.files:
        text, _ = _names(path, options, columns)
        rows = (row for row in readers.rows(path, options) if isinstance(row, Row))
        found += [path.parent / name for name in dict.fromkeys(row.fields.get(text, "").strip() for row in rows)]
    stats = [(str(each.absolute()), *_changed(each)) for each in found]
    described = [VERSION, stats, asdict(options), type(columns.inputs).__name__]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


def _changed(path: Path) -> tuple[int, int]:
    """A file's size and when it changed; zeros for what is none, which is told of where it is opened."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _names(path: Path, options: Options, columns: Columns) -> tuple[str, str]:
    """The names of the columns that hold inputs and targets; raises InputError for a file without them."""
    found = readers.fields(path, options)
    usual, labels = columns.inputs.columns, columns.targets.columns
    option = _label_option(path, options)
    return (
        readers.column(path, found, options.input_column, usual, what="inputs", option="--input-column"),
        readers.column(path, found, options.label_column, labels, what="labels", option=option),
    )


def _table(path: Path) -> Path:
    """The file itself or, of a folder, the one table in it."""
    if not path.is_dir():
        return path
    found = sorted(each for each in path.iterdir() if readers.is_table(each))
    if len(found) != 1:
        named = f"{len(found)} tables ({', '.join(each.name for each in found)})" if found else "no table"
        raise InputError(f"{path} has {named}; give a folder with one CSV, TSV or JSONL of paths and captions")
    return found[0]


def _fill(folder: Path, path: Path, options: Options, columns: Columns) -> None:
    text, label = _names(path, options, columns)
    offsets, labels, names = array("q", [0]), array("i"), dict[str, int]()
    several = dict[str, list[str]]()  # of each file, what is told of it
    skipped = 0
    with (folder / "texts.bin").open("wb") as texts:
        for row in readers.rows(path, options):
            try:
                value, name = columns.usable(row, (text, label))
                content = b"" if value in several else columns.opened(value, path.parent)
            except InputError as error:
                if not options.skip_invalid:
                    raise InputError(f"{path}:{row.number} {error}") from None
                skipped += 1
                continue
            if columns.files:
                several.setdefault(value, []).append(name)
                if len(several[value]) > 1:
                    continue
            offsets.append(offsets[-1] + texts.write(content))
            labels.append(len(labels) if columns.files else names.setdefault(name, len(names)))
    if skipped and not labels:
        raise InputError(f"0 usable rows of {skipped:,} in {path}; run it without --skip-invalid to see what is wrong")
    targets = ["\n".join(each) for each in several.values()] if columns.files else list(names)
    about = {"data": str(path), "input_column": text, "label_column": label, "names": targets, "skipped": skipped}
    _finish(folder, offsets, labels, about)


def _finish(folder: Path, offsets: array[int], labels: array[int], about: dict[str, Any]) -> None:
    np.save(folder / "offsets.npy", np.frombuffer(offsets, np.int64))
    np.save(folder / "labels.npy", np.frombuffer(labels, np.int32))
    (folder / "about.json").write_text(json.dumps(about, ensure_ascii=False))


def _label_option(path: Path, options: Options) -> str:
    """The option that says where the labels are."""
    fasta = not path.is_dir() and readers.kind_of(path, options) in readers.FASTA
    return "--label-pattern, which finds it in a header" if fasta else "--label-column"


def _examples(store: Path, notice: Callable[[str], None]) -> Examples:
    offsets = np.load(store / "offsets.npy")
    about = files.read_json(store / "about.json", remedy=f"remove {store} and run the command again")
    if about["skipped"]:
        notice(f"{about['data']}: {about['skipped']:,} rows that cannot be used are left out")
    names = np.array(about["names"], dtype=object)
    sizes = np.diff(offsets).astype(np.int32)
    return Examples(
        Texts(store / "texts.bin", offsets[:-1].copy(), sizes), Labels(np.load(store / "labels.npy"), names)
    )
