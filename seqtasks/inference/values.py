"""Values that a person gives one by one: themselves or, where a codec reads files, the names of files and folders."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqtasks import codecs
from seqtasks.codecs import Traits
from seqtasks.data.readers import Row, folders
from seqtasks.errors import InputError
from seqtasks.inference.predictor import as_bytes

STANDARD_INPUT = "-"
SHOWN = 3  # kinds of files


@dataclass(frozen=True)
class Raw:
    """In place of an input codec whose source is elsewhere: values as people give them, and an export takes them."""

    columns: tuple[str, ...] = ()
    reads_files: bool = False
    suffixes: tuple[str, ...] = ()

    @property
    def traits(self) -> Traits:
        return Traits(columns=self.columns, reads_files=self.reads_files, suffixes=self.suffixes)

    def clean(self, value: bytes) -> bytes:
        """The value, or the content of the file that it names; raises InputError where that cannot be read."""
        if not self.reads_files:
            return value
        path = Path(os.fsdecode(value))
        try:
            return path.read_bytes()
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}); give the path of a file") from None


@dataclass(frozen=True)
class Named:
    """The rows of a table of answers to files: their names."""

    names: Sequence[str]

    def __iter__(self) -> Iterator[Row]:
        return (Row(number, {"file": name}) for number, name in enumerate(self.names, 1))

    def fingerprint(self) -> str:
        """sha256 of their names, sizes and times."""
        digest = hashlib.sha256()
        for name in self.names:
            found = Path(name).stat() if name != STANDARD_INPUT else None
            digest.update(json.dumps([name, found and [found.st_size, found.st_mtime_ns]]).encode())
        return digest.hexdigest()


def codec(description: Mapping[str, Any]) -> Any:
    """The input codec of a manifest or, where its source is elsewhere, a Raw one; raises what codecs.restore does."""
    if not codecs.is_elsewhere(str(description.get("codec", ""))):
        return codecs.restore(description)
    given = description["given"]
    return Raw(tuple(given["columns"]), given["reads_files"], tuple(given["suffixes"]))


def expanded(values: Sequence[str], suffixes: Sequence[str] = (), *, other_suffixes: Sequence[str] = ()) -> list[str]:
    """Names of files, with a folder's files in the order of their names in the folder's place; - stays.

    Of a folder only files with one of the suffixes, if there are any, and those with others, which are to be refused.

    Raises InputError for a path that does not exist and for a folder without files.
    """
    names: list[str] = []
    for value in values:
        path = Path(value)
        if value == STANDARD_INPUT or not path.is_dir():
            if value != STANDARD_INPUT and not os.path.lexists(path):
                raise InputError(f"{path} does not exist; give the path of a file or a folder")
            names.append(value)
            continue
        visible = [each for each in folders.visible(path) if not each.is_dir()]
        wanted = (*suffixes, *other_suffixes)
        found = [each for each in visible if not suffixes or each.suffix.lower() in wanted]
        if not found:
            kinds = f" ({', '.join(suffixes)})" if suffixes else ""
            raise InputError(f"{path} has no file{kinds}{_but(visible)}; give a folder of some")
        names += map(str, found)
    return names


def _but(paths: Sequence[Path]) -> str:
    """How many files of which kinds there are instead, the most frequent first."""
    kinds = Counter(path.suffix.lower() or "without a suffix" for path in paths).most_common(SHOWN)
    return f", but {', '.join(f'{count:,} {kind}' for kind, count in kinds)}" if kinds else ""


def cleaned(values: Sequence[str], codec: Any, on_reject: Callable[[str], None]) -> Iterator[tuple[str, bytes]]:
    """Each value with what is answered of it, one after the other: a file is opened when its turn comes.

    Values that are none go to `on_reject`, in words.
    """
    for number, value in enumerate(values, 1):
        try:
            content = _standard_input(codec) if _piped(value, codec) else codec.clean(as_bytes(value))
        except InputError as error:
            on_reject(f"value {number} {error}")
        else:
            yield value, bytes(content)


def _piped(value: str, codec: Any) -> bool:
    return value == STANDARD_INPUT and bool(codec.traits.reads_files)


def _standard_input(codec: Any) -> bytes:
    """The content of standard input, which a codec that reads files takes from one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(sys.stdin.buffer.read())
        try:
            return bytes(codec.clean(os.fsencode(path)))
        except InputError as error:
            raise InputError(str(error).replace(str(path), "standard input")) from None
