"""Multi30k (Elliott et al., 2016; French by Elliott et al., 2017): captions of photographs, translated by people.

From the authors' repository at one commit, or from files fetched by hand, multi30k/train.de and so on, plain or .gz.
Of its tests the one of 2016 is taken, as in most of what is published.
"""

from __future__ import annotations

from typing import Any

import tensorflow_datasets as tfds

from seqtasks.data.datasets.pairs import Pairs, aligned

ADDRESS = (
    "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/{}.gz"
)
SPLITS = {"train": "train", "validation": "val", "test": "test_2016_flickr"}


class Multi30k(Pairs):
    """29,000 sentences about photographs with their translations, 1,014 for validation, 1,000 for the test."""

    name = "multi30k"
    HOMEPAGE = "https://github.com/multi30k/dataset"
    BUILDER_CONFIGS = [  # noqa: RUF012  TFDS's own form
        tfds.core.BuilderConfig(name=name) for name in ("de-en", "en-de", "en-fr", "fr-en")
    ]

    def _split_generators(self, downloads: Any) -> dict[str, Any]:
        languages = str(self.builder_config.name).split("-")
        files = [f"{file}.{language}" for file in SPLITS.values() for language in languages]
        addresses = {file: ADDRESS.format(file) for file in files}
        paths = self.fetch(downloads, addresses, lambda file: [f"multi30k/{file}", f"multi30k/{file}.gz"])
        source, target = languages
        return {
            split: self._generate_examples(aligned(paths[f"{file}.{source}"], paths[f"{file}.{target}"]))
            for split, file in SPLITS.items()
        }
