"""Your own examples: a file of inputs and targets, read once into a store on disk (data.store)."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtasks import files
from seqtasks.data import readers, store
from seqtasks.data.readers import Options, Reject, Row, fasta, folders, header, parallel
from seqtasks.data.remarks import Remarks
from seqtasks.errors import InputError
from seqtasks.task import Examples, Notice

if TYPE_CHECKING:
    from seqtasks.codecs import InputCodec, TargetCodec

LIST = re.compile(r"\[.*\]|\{.*\}|\((?:.*,.*)\)", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """Where a person's examples are."""

    data: str
    test_data: str | None = None
    options: Options = field(default_factory=Options)
    target_data: str | None = None  # a text whose lines are the targets of those of `data`
    test_target_data: str | None = None

    @property
    def name(self) -> str:
        return Path(self.data).name

    @property
    def paths(self) -> dict[str, Path]:
        """Of train and, where there is a file for it, of test."""
        return {"train": Path(self.data)} | ({"test": Path(self.test_data)} if self.test_data else {})

    def options_of(self, split: str) -> Options:
        """How the file of a split is to be read."""
        return replace(self.options, target_file=self.target_data if split == "train" else self.test_target_data)


def restore(description: Mapping[str, Any] | None) -> Source | None:
    """The source whose fields a card holds, or None if it holds none."""
    if description is None:
        return None
    options = description["options"]
    ignored = tuple(options["ignore_labels"])  # JSON has lists only
    return Source(**{**description, "options": Options(**{**options, "ignore_labels": ignored})})


def read(source: Source, inputs: InputCodec, targets: TargetCodec, folder: Path, notice: Notice) -> dict[str, Examples]:
    """A person's examples: train and, where there is a file for it, test.

    Each file is read once, into a store under `folder`, and again when it has changed. Raises InputError that names
    file and row for what cannot be used, unless the options say that it is left out.
    """
    columns = Columns(inputs, targets)
    return {
        name: _examples(path, source.options_of(name), columns, folder, notice) for name, path in source.paths.items()
    }


@dataclass(frozen=True)
class Columns:
    """The columns of inputs and targets: how people call them, and which values they may have."""

    inputs: InputCodec
    targets: TargetCodec

    @cached_property
    def reads_files(self) -> bool:
        """Whether an input is the path of a file, relative to the table's folder."""
        return self.inputs.traits.reads_files

    @cached_property
    def two_texts(self) -> bool:
        """Whether a row has two texts, the second of which is to be written."""
        return not self.reads_files and self.targets.traits.end_id >= 0

    def names(self, path: Path, options: Options) -> tuple[str, str]:
        """The names of the columns of inputs and targets in a file; raises InputError for a file without them."""
        if options.target_file:
            return parallel.COLUMNS
        if path.is_dir() and self.reads_files:
            return folders.PATH, folders.CLASS
        found = readers.fields(path, options)
        known, known_targets = self.inputs.traits.columns, self.targets.traits.columns
        if path.is_dir():
            known = (*known, "text")  # whatever its files hold
        what = "labels" if self.targets.traits.classes else "targets"
        option = _target_option(path, options, what)
        whole = self.inputs.traits.whole_row
        inputs = (
            readers.WHOLE_ROW
            if whole
            else readers.column(path, found, options.input_column, known, what="inputs", option="--input-column")
        )
        target = readers.column(path, found, options.label_column, known_targets, what=what, option=option)
        names = (inputs, target)
        if options.header and not whole and header.looks_like_a_row(found, names):
            raise InputError(
                f"{path} has no column {names[0]!r} and {names[1]!r}, but a first row{header.hint(path, names)}"
            )
        return names

    def rows(self, path: Path, options: Options) -> Iterator[Row | Reject]:
        """The rows of a file, or of a folder a class the paths of files, relative to where the folder is."""
        if path.is_dir() and self.reads_files:
            return folders.files(path, self.inputs.traits.suffixes)
        return readers.rows(path, options)

    def pair(self, row: Row, names: tuple[str, str], options: Options) -> tuple[str, str]:
        """The row's input, not checked yet, and target; raises InputError for a row without a usable target."""
        target = row.text(names[1], options)
        whole_row = self.inputs.traits.whole_row
        value = readers.as_lines(row, without=names[1]) if whole_row else self._text(row, names[0], options)
        if not target.strip():
            raise InputError(f"has no {names[1]}; fill it in or leave the row out")
        if self.targets.traits.classes and _is_a_list(target):
            raise InputError(f"has a list as {names[1]}, {target[:60]!r}; give one class a row")
        return value.strip() if self.reads_files else value, self.targets.clean_target(target.strip())

    def _text(self, row: Row, name: str, options: Options) -> str:
        if isinstance(row.fields.get(name), list | dict):
            raise InputError(f"has a list or an object as {name}; give one text")
        return row.text(name, options)

    def content(self, value: str, folder: Path) -> bytes:
        """The input as its codec reads it, a path relative to the folder; raises InputError for an unusable one."""
        return self.inputs.clean(os.fsencode(folder / value) if self.reads_files else value.encode())

    def facts(self) -> list[Any]:
        """What a store depends on beside the file and the options."""
        described = [f"{type(each).__module__}.{type(each).__qualname__}" for each in (self.inputs, self.targets)]
        traits, target_traits = self.inputs.traits, self.targets.traits
        flags = [traits.reads_files, target_traits.classes, target_traits.several]
        flags += [True] if traits.whole_row else []
        return [*described, traits.columns, target_traits.columns, *flags]


def _examples(path: Path, options: Options, columns: Columns, folder: Path, notice: Notice) -> Examples:
    """A file's examples from their store, which is written now if it is not there yet."""
    readers.check_file(path)
    path = _table(path) if columns.reads_files else path
    place = folder / store.FOLDER / f"{Path(path.name).stem[:50]}-{_fingerprint(path, options, columns)}"
    if not place.exists():
        options, found = readers.settled(path, options)
        notice(f"reading {path}" + (f": {found}" if found else ""))
        if path.is_dir() and not columns.reads_files and (said := folders.notice(path)):
            notice(f"{path}: {said}")
        with files.new_folder(place, point="store") as part:
            _write(part, path, options, columns)
    about = store.read_about(place)
    if skipped := about["skipped"]:
        notice(f"{path}: {skipped:,} rows that cannot be used are left out")
    for said in about["said"]:
        notice(f"{path}: {said}")
    return store.examples(place)


def _write(folder: Path, path: Path, options: Options, columns: Columns) -> None:
    """Writes the file's examples to the folder of a store; raises InputError if none can be used."""
    names = columns.names(path, options)
    rows = _Rows(path, options, columns, names)
    traits = columns.targets.traits
    store.write(folder, rows, classes=traits.classes, several=traits.several)
    if rows.skipped and not rows.usable:
        remedy = "run it without --on-invalid skip to see what is wrong"
        raise InputError(f"0 usable rows of {rows.skipped:,} in {path}; {remedy}")
    if options.header and names[1] in rows.remarks.labels:
        raise InputError(f"{path} has {names[1]!r} as a column's name and as a label{header.hint(path, names)}")
    about: dict[str, Any] = {
        "data": str(path),
        "input_column": names[0],
        "label_column": names[1],
        "skipped": rows.skipped,
    }
    about["said"] = rows.remarks.lines()
    store.write_about(folder, about)


@dataclass
class _Rows:
    """The usable rows of a file as (number of the input, the input, target), and how many there are."""

    path: Path
    options: Options
    columns: Columns
    names: tuple[str, str]
    usable: int = 0
    skipped: int = 0

    def __post_init__(self) -> None:
        self.remarks = Remarks(self.names[1], self.columns.targets.traits.classes)

    def __iter__(self) -> Iterator[tuple[int, bytes, str]]:
        several, folder = self.columns.targets.traits.several, self.path.parent
        with_input = self.columns.targets.traits.with_input
        numbers = dict[bytes, int]()  # by a hash of the value, where one has several targets
        count = 0
        for row in self.columns.rows(self.path, self.options):
            try:
                if isinstance(row, Reject):
                    raise InputError(row.reason)
                value, target = self.columns.pair(row, self.names, self.options)
                if target in self.options.ignore_labels:
                    self.remarks.ignored += 1
                    continue
                self.remarks.note(row, target)
                if self.columns.two_texts:
                    self.remarks.note_pair(value, target)
                key = hashlib.blake2b(value.encode(), digest_size=16).digest() if several else b""
                number = numbers.get(key, count)
                content = self.columns.content(value, folder) if number == count else b""
                target = with_input(content, target) if with_input else target
            except InputError as error:
                if self.options.on_invalid != "skip":
                    reason = row.reason(error) if isinstance(row, Row) else row.reason
                    raise InputError(f"{self.path}:{row.number} {reason}") from None
                self.skipped += 1
                continue
            if number == count:
                count += 1
                if several:
                    numbers[key] = number
            self.usable += 1
            yield number, content, target


def _fingerprint(path: Path, options: Options, columns: Columns) -> str:
    """Differs between two files, and between a file before and after a change, without reading them.

    The files that a table names count as well.
    """
    digest = hashlib.sha256(json.dumps([store.VERSION, asdict(options), columns.facts()]).encode())
    for each in _files(path, options, columns):
        digest.update(json.dumps([str(each.absolute()), *_size_and_time(each)]).encode())
    return digest.hexdigest()[:16]


def _files(path: Path, options: Options, columns: Columns) -> Iterator[Path]:
    """The file, or those of the folder, and those that a table names."""
    yield from folders.below(path) if path.is_dir() else [path]
    if options.target_file:
        yield Path(options.target_file)
    if columns.reads_files and not path.is_dir():
        options, _ = readers.settled(path, options)
        name, _ = columns.names(path, options)
        rows = (row for row in readers.rows(path, options) if isinstance(row, Row))
        for value in dict.fromkeys(readers.as_text(row.fields.get(name)).strip() for row in rows):
            yield path.parent / value


def _size_and_time(path: Path) -> tuple[int, int]:
    """A file's size and when it changed; zeros where there is none, which is an error when it is opened."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _table(path: Path) -> Path:
    """The file itself or, of a folder, the one table in it; a folder with a folder a class is itself."""
    if not path.is_dir() or any(each.is_dir() for each in folders.visible(path)):
        return path
    found = [each for each in folders.visible(path) if readers.is_table(each)]
    if len(found) != 1:
        named = f"{len(found)} tables ({', '.join(each.name for each in found)})" if found else "no table"
        remedy = "give a folder with one CSV, TSV or JSONL of paths and targets, or with a folder of files a class"
        raise InputError(f"{path} has {named}; {remedy}")
    return found[0]


def _is_a_list(target: str) -> bool:
    """Whether a target is written as a list of Python or JSON."""
    return target[0] in "[{(" and target[-1] in "]})" and bool(LIST.fullmatch(target))


def _target_option(path: Path, options: Options, what: str) -> str:
    """The option that says where the targets are."""
    if not path.is_dir() and readers.kind_of(path, options) in fasta.SUFFIXES:
        return "--label-pattern, which finds it in a header"
    return f"--{what.removesuffix('s')}-column"
