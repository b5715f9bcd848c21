"""The base of our builders of tagged texts, in CoNLL columns."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from seqtasks.codecs.entities import checked, lines, read
from seqtasks.data.datasets.manual import Manual
from seqtasks.data.readers import Reject, as_text, conll
from seqtasks.errors import IntegrityError


class Tagged(Manual, skip_registration=True):  # type: ignore[call-arg]
    """Texts, and their entities as codecs.entities has them: a line each, start, end and type with tabs between."""

    VERSION = tfds.core.Version("1.0.0")
    HOMEPAGE: ClassVar[str]
    FILES: ClassVar[
        Mapping[str, tuple[str, str]]
    ]  # split -> its address, its name in the folder of files fetched by hand
    IO: ClassVar[bool] = False  # whether a tag is the type alone

    def _info(self) -> tfds.core.DatasetInfo:
        features = tfds.features.FeaturesDict({"text": tfds.features.Text(), "entities": tfds.features.Text()})
        return tfds.core.DatasetInfo(builder=self, description=self.__doc__, features=features, homepage=self.HOMEPAGE)

    def _split_generators(self, downloads: Any) -> dict[str, Any]:
        addresses = {split: address for split, (address, _) in self.FILES.items()}

        def names(split: str) -> list[str]:
            name = f"{self.name}/{self.FILES[split][1]}"
            return [name, f"{name}.gz"]

        paths = self.fetch(downloads, addresses, names)
        return {split: self._generate_examples(path) for split, path in paths.items()}

    def _generate_examples(self, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", newline="") as file:
            for row in conll.rows(map(_with_tab, file), io=self.IO):
                if isinstance(row, Reject):
                    raise IntegrityError(f"{path}:{row.number} {row.reason}")
                text = row.fields["text"]
                if text:
                    entities = lines(read(as_text(row.fields["entities"])))
                    yield row.number, {"text": text, "entities": checked(text.encode(), entities)}


def _with_tab(line: str) -> str:
    """A line of token, blank and tag with a tab in place of the blank: some tokens have blanks of their own."""
    return line if "\t" in line else "\t".join(line.rsplit(None, 1))
