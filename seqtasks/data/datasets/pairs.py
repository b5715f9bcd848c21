"""The base of our builders of sentences with their translations."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from seqtasks.data import download as downloading
from seqtasks.data.datasets.manual import Manual
from seqtasks.errors import IntegrityError

GZIP = b"\x1f\x8b"  # how such a file begins


class Pairs(Manual, skip_registration=True):  # type: ignore[call-arg]
    """Sentences, and the translations of each, joined by line feeds."""

    VERSION = tfds.core.Version("1.0.0")
    HOMEPAGE: ClassVar[str]

    def _info(self) -> tfds.core.DatasetInfo:
        features = tfds.features.FeaturesDict({"source": tfds.features.Text(), "target": tfds.features.Text()})
        return tfds.core.DatasetInfo(builder=self, description=self.__doc__, features=features, homepage=self.HOMEPAGE)

    def _generate_examples(self, pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, (source, target) in enumerate(pairs):
            yield number, {"source": source, "target": target}


def aligned(sources: Path, targets: Path) -> Iterator[tuple[str, str]]:
    """The pairs of two files that are parallel line by line; raises IntegrityError where they are not."""
    sides = lines(sources), lines(targets)
    if len(sides[0]) != len(sides[1]):
        counts = f"{sources} has {len(sides[0]):,} lines and {targets} {len(sides[1]):,}"
        raise IntegrityError(f"{counts}; download them again")
    return zip(*sides, strict=True)


def lines(path: Path, member: str = "") -> list[str]:
    """The lines of a text, without the blanks around them: of a file, a .gz, or a member of a zip archive.

    Raises IntegrityError for what cannot be read.
    """
    try:
        content = path.read_bytes()
        if member and zipfile.is_zipfile(path):
            downloading.check_archive(path)
            with zipfile.ZipFile(path) as archive:
                content = archive.read(member)
        elif content.startswith(GZIP):
            content = gzip.decompress(content)
        return [line.strip() for line in content.decode().removesuffix("\n").split("\n")]
    except (UnicodeDecodeError, KeyError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
        raise IntegrityError(f"{path} cannot be read ({error}); download it again") from None
