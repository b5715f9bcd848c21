"""GTZAN (Tzanetakis and Cook, 2002): 57 features of 1,000 clips of 30 seconds, 100 of each of ten genres.

Some clips are there twice, some have the wrong genre, and many are of the same artist (Sturm, 2013). From a copy of the
table at one commit, or from a file fetched by hand: gtzan/features_30_sec.csv.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from seqtasks.data.datasets.manual import Manual
from seqtasks.errors import IntegrityError

FILE = "features_30_sec.csv"
ADDRESS = (
    f"https://raw.githubusercontent.com/madkan/Music-Genre-Classifier/8b17247ec4c4fb265dd862bbf67ff9d545222c05/{FILE}"
)
GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
LEFT_OUT = ("filename", "length", "label")  # columns that are no features of the sound


class Gtzan(Manual):
    """A clip's features, a line of their names and one of numbers, and its genre."""

    name = "gtzan"
    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        features = tfds.features.FeaturesDict(
            {"features": tfds.features.Text(), "label": tfds.features.ClassLabel(names=GENRES)}
        )
        return tfds.core.DatasetInfo(builder=self, description=self.__doc__, features=features)

    def _split_generators(self, downloads: Any) -> dict[str, Any]:
        path = self.fetch(downloads, {FILE: ADDRESS}, lambda file: [f"gtzan/{file}"])[FILE]
        return {"train": self._generate_examples(path)}

    def _generate_examples(self, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file)):
                names = [name for name in row if name not in LEFT_OUT]
                if row.get("label") not in GENRES or len(names) != 57:
                    raise IntegrityError(f"{path} row {number + 2} does not have 57 features and one of the genres")
                lines = ["\t".join(names), "\t".join(row[name] for name in names)]
                yield number, {"features": "\n".join(lines), "label": row["label"]}
