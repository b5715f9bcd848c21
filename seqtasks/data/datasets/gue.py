"""Tasks of GUE, the Genome Understanding Evaluation (Zhou et al., 2024, "DNABERT-2"), as their authors split them.

From the copy in github.com/wds-seu/DeepGene at one commit, or from files fetched by hand, gue/TASK/train.csv, dev.csv
and test.csv, plain or .gz, with the columns sequence and label.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from seqtasks.data.datasets.manual import Manual

ADDRESS = (
    "https://raw.githubusercontent.com/wds-seu/DeepGene/486343e5212361d6cd7ed03c624f430ed3d5f02e/data/GUE/{}/{}.csv"
)
PATHS = {  # our name of a task -> its folder in the copy
    "prom_core_all": "prom/prom_core_all",
    "prom_core_notata": "prom/prom_core_notata",
    "prom_core_tata": "prom/prom_core_tata",
    "prom_300_tata": "prom/prom_300_tata",
    "tf_0": "tf/0",
    "tf_1": "tf/1",
    "tf_2": "tf/2",
    "mouse_0": "mouse/0",
    "mouse_2": "mouse/2",
    "mouse_3": "mouse/3",
}
SPLITS = {"train": "train", "validation": "dev", "test": "test"}


class Gue(Manual):
    """Sequences of class "1", a promoter or a binding site of a transcription factor, or "0", neither."""

    name = "gue"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name) for name in PATHS]  # noqa: RUF012  TFDS's own form

    def _info(self) -> tfds.core.DatasetInfo:
        return self.about("https://github.com/MAGICS-LAB/DNABERT_2", ["0", "1"])

    def _split_generators(self, downloads: Any) -> dict[str, Any]:
        task = str(self.builder_config.name)
        addresses = {file: ADDRESS.format(PATHS[task], file) for file in SPLITS.values()}
        paths = self.fetch(downloads, addresses, lambda file: [f"gue/{task}/{file}.csv", f"gue/{task}/{file}.csv.gz"])
        return {split: self._generate_examples(paths[file]) for split, file in SPLITS.items()}

    def _generate_examples(self, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as file:
            for number, row in enumerate(csv.DictReader(file)):
                yield number, {"sequence": row["sequence"], "label": row["label"]}
