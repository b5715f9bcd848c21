"""UCI's promoters of E. coli (Harley, Reynolds and Noordewier, 1990): 106 pieces of 57 bases, half of them promoters.

From the archive, or from a file fetched by hand: uci_promoters/promoters.data, plain or .gz.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from seqtasks.data.datasets.manual import Manual, records

ADDRESS = "https://archive.ics.uci.edu/static/public/67/molecular+biology+promoter+gene+sequences.zip"


class UciPromoters(Manual):
    """Pieces of DNA before a gene (+), or elsewhere (-)."""

    name = "uci_promoters"
    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        return self.about("https://archive.ics.uci.edu/dataset/67", ["-", "+"])

    def _split_generators(self, downloads: Any) -> dict[str, Any]:
        names = ["uci_promoters/promoters.data", "uci_promoters/promoters.data.gz"]
        path = self.fetch(downloads, {"promoters.data": ADDRESS}, lambda file: names)["promoters.data"]
        return {"train": self._generate_examples(path)}

    def _generate_examples(self, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from records(path, "promoters.data")
