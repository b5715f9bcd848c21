"""Flickr8k (Hodosh, Young and Hockenmaier, 2013): 8,000 photographs, five captions each, in its official splits.

From the archives of the copy that tutorials use, or from files fetched by hand under flickr8k/: the published texts,
and the photographs in the folder Flicker8k_Dataset (its own spelling) or in flickr8k_train.tar, _dev.tar, _test.tar.
"""

from __future__ import annotations

import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds

from seqtasks.codecs import image_files
from seqtasks.data import download as downloading
from seqtasks.data.datasets.manual import Manual
from seqtasks.errors import InputError

ADDRESS = "https://github.com/jbrownlee/Datasets/releases/download/Flickr8k/{}.zip"
CAPTIONS = "Flickr8k.token.txt"
SPLITS = {"train": "train", "validation": "dev", "test": "test"}


class Flickr8k(Manual):
    """Photographs of people and dogs who do something, with captions by five people each."""

    name = "flickr8k"
    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        features = tfds.features.FeaturesDict(
            {
                "name": tfds.features.Text(),
                "image": tfds.features.Tensor(shape=(), dtype=tf.string),  # the file's bytes, not decoded
                "captions": tfds.features.Text(),  # joined by line feeds
            }
        )
        return tfds.core.DatasetInfo(builder=self, description=self.__doc__, features=features)

    def _split_generators(self, downloads: Any) -> dict[str, Any]:
        place = Path(self.manual or "") / "flickr8k"
        if not (self.manual and place.is_dir()):
            archives = {name: ADDRESS.format(name) for name in ("Flickr8k_Dataset", "Flickr8k_text")}
            found = self.fetch(downloads, archives, lambda name: [])
            for archive in found.values():
                downloading.check_archive(archive)
            texts, photographs = (
                Path(downloads.extract(found[name])) for name in ("Flickr8k_text", "Flickr8k_Dataset")
            )
            return {split: self._generate_examples(texts, photographs, file) for split, file in SPLITS.items()}
        return {split: self._generate_examples(place, place, file) for split, file in SPLITS.items()}

    def _generate_examples(self, texts: Path, photographs: Path, split: str) -> Iterator[tuple[str, dict[str, Any]]]:
        captions = _captions(texts / CAPTIONS)
        names = _text(texts / f"Flickr_8k.{split}Images.txt").split()
        if missing := [name for name in names if not captions.get(name)]:
            few = ", ".join(missing[:5])
            lacks = f"lacks captions of {len(missing):,} photographs of the {split} split"
            raise InputError(f"{texts / CAPTIONS} {lacks}, such as {few}")
        for name, content in _photographs(photographs, split, names):
            if fault := image_files.fault(content):
                raise InputError(f"{photographs}: {name} is {fault}; download it again")
            yield name, {"name": name, "image": content, "captions": "\n".join(captions[name])}


def _captions(path: Path) -> dict[str, list[str]]:
    """The captions of each photograph, in their order."""
    captions = defaultdict[str, list[str]](list)
    for line in _text(path).splitlines():
        name, _, caption = line.partition("\t")
        captions[name.partition("#")[0]].append(caption.strip())
    return captions


def _text(path: Path) -> str:
    if not path.exists():
        raise InputError(f"{path.parent} lacks {path.name}, one of the texts that were published with the photographs")
    return path.read_text(encoding="utf-8")


def _photographs(folder: Path, split: str, names: list[str]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of the split's photographs; raises InputError that names the first that is missing."""
    archive = folder / f"flickr8k_{split}.tar"
    missing = set(names)
    if archive.exists():
        downloading.check_archive(archive)
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.name in missing else None
                if file:
                    missing.remove(member.name)
                    yield member.name, file.read()
    else:
        (place,) = [*folder.glob("Flicker8k_Dataset"), *folder.glob("Flickr8k_Dataset")][:1] or [folder]
        for name in names:
            if (place / name).exists():
                missing.remove(name)
                yield name, (place / name).read_bytes()
    if missing:
        few = ", ".join(sorted(missing)[:5])
        raise InputError(f"{folder} lacks {len(missing):,} photographs of the {split} split, such as {few}")
