"""The base of our builders: files fetched by hand take the place of a download."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from seqtasks.data import download as downloading
from seqtasks.errors import IntegrityError


class Manual(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """A builder that looks in a folder of files fetched by hand before it downloads."""

    def __init__(self, *, manual: str | None = None, **arguments: Any) -> None:
        self.manual = manual
        super().__init__(**arguments)

    def about(self, homepage: str, names: Sequence[str]) -> tfds.core.DatasetInfo:
        """The description for TFDS of a set of sequences with one class each."""
        features = tfds.features.FeaturesDict(
            {"sequence": tfds.features.Text(), "label": tfds.features.ClassLabel(names=names)}
        )
        return tfds.core.DatasetInfo(builder=self, description=self.__doc__, features=features, homepage=homepage)

    def fetch(
        self, downloads: Any, addresses: Mapping[str, str], names: Callable[[str], Sequence[str]]
    ) -> dict[str, Path]:
        """The path of each file: the first of its names that is in the manual folder or, if none is, a download."""
        paths, missing = {}, {}
        for file, address in addresses.items():
            candidates = [Path(self.manual) / name for name in names(file)] if self.manual else []
            found = next((each for each in candidates if each.exists()), None)
            if found:
                paths[file] = found
            else:
                missing[file] = address
        downloading.check_reachable(list(missing.values())[:1])
        return paths | {file: Path(path) for file, path in downloads.download(missing).items()}


def records(path: Path, member: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """UCI's lines of class, name, sequence, from a file, a .gz or a member of a zip archive, without a header.

    Raises IntegrityError for a file without such lines.
    """
    try:
        if zipfile.is_zipfile(path):
            downloading.check_archive(path)
            with zipfile.ZipFile(path) as archive:
                text = archive.read(member).decode()
        else:
            content = path.read_bytes()
            text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
        lines = [[field.strip() for field in line.split(",")] for line in text.splitlines() if line.strip()]
        rows = [(label, sequence) for label, _, sequence in lines]
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise IntegrityError(f"{path} does not hold the lines of {member} ({error})") from None
    for number, (label, sequence) in enumerate(rows):
        if label != "class":
            yield number, {"sequence": sequence.upper(), "label": label}
