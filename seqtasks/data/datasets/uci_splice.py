"""UCI's splice junctions of primates (Noordewier, Towell and Shavlik, 1991): 3,190 pieces of 60 bases, three classes.

Between the 30th and the 31st base an exon ends and an intron begins (EI), an intron ends and an exon begins (IE), or
neither (N). From the archive, or from a file fetched by hand: uci_splice/splice.data, plain or .gz, or
splice.csv.gz.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from seqtasks.data.datasets.manual import Manual, records

ADDRESS = "https://archive.ics.uci.edu/static/public/69/molecular+biology+splice+junction+gene+sequences.zip"


class UciSplice(Manual):
    """Pieces of DNA with the end of an exon, the end of an intron, or neither in the middle."""

    name = "uci_splice"
    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        return self.about("https://archive.ics.uci.edu/dataset/69", ["EI", "IE", "N"])

    def _split_generators(self, downloads: Any) -> dict[str, Any]:
        names = ["uci_splice/splice.csv.gz", "uci_splice/splice.data", "uci_splice/splice.data.gz"]
        path = self.fetch(downloads, {"splice.data": ADDRESS}, lambda file: names)["splice.data"]
        return {"train": self._generate_examples(path)}

    def _generate_examples(self, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from records(path, "splice.data")
