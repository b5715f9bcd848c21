"""MSR-Action3D (Li, Zhang and Liu, 2010): skeletons of ten people, each of whom does 20 actions two or three times.

Cross-subject: people 1, 3, 5, 7 and 9 are for training, the others for the test, in the 557 recordings that the
authors of the benchmark used. The sets AS1, AS2 and AS3 have eight actions each. In `without_N` one of the people of
training is the test, and the others are learned from: by these, settings are chosen.

From the copy that was published with covariance descriptors (Hussein et al., 2013), or from files fetched by hand:
msr_action3d/*_skeleton3D.txt, or the same in msr_action3d/msr_action3d.npz.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from seqtasks.data import download as downloading
from seqtasks.data.datasets.manual import Manual
from seqtasks.errors import InputError, IntegrityError

ADDRESS = "https://codeload.github.com/skyleBrains/covMSRAction3D/zip/bf5bcefc35a6f90302f9c13e4810254af2eba90f"
ACTIONS = (
    "high arm wave", "horizontal arm wave", "hammer", "hand catch", "forward punch", "high throw", "draw x",
    "draw tick", "draw circle", "hand clap", "two hand wave", "side boxing", "bend", "forward kick", "side kick",
    "jogging", "tennis swing", "tennis serve", "golf swing", "pick up and throw",
)  # fmt: skip
ALL = tuple(range(1, 21))
SETS = {
    "all": ALL,
    "as1": (2, 3, 5, 6, 10, 13, 18, 20),
    "as2": (1, 4, 7, 8, 9, 11, 12, 14),
    "as3": (6, 14, 15, 16, 17, 18, 19, 20),
}
LEARNED_FROM = (1, 3, 5, 7, 9)  # people
WITHOUT = {f"without_{number}": number for number in LEARNED_FROM}
NAME = re.compile(r"a(\d\d)_s(\d\d)_e(\d\d)")
USED = "files_used_in_cvpr12_paper.txt"


class MsrAction3d(Manual):
    """Skeletons in motion, the text of a file each, and the actions that they do."""

    name = "msr_action3d"
    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=name) for name in (*SETS, *WITHOUT)]  # noqa: RUF012  TFDS's form

    def _info(self) -> tfds.core.DatasetInfo:
        names = [ACTIONS[each - 1] for each in SETS.get(str(self.builder_config.name), ALL)]
        features = tfds.features.FeaturesDict(
            {
                "recording": tfds.features.Tensor(shape=(), dtype=tf.string),
                "label": tfds.features.ClassLabel(names=names),
            }
        )
        return tfds.core.DatasetInfo(builder=self, description=self.__doc__, features=features)

    def _split_generators(self, downloads: Any) -> dict[str, Any]:
        place = Path(self.manual or "") / "msr_action3d"
        if self.manual and (place / "msr_action3d.npz").exists():
            path = place / "msr_action3d.npz"
        elif self.manual and any(place.glob("*_skeleton3D.txt")):
            path = place
        else:
            path = self.fetch(downloads, {"msr_action3d.zip": ADDRESS}, lambda file: [f"msr_action3d/{file}"])[
                "msr_action3d.zip"
            ]
        left_out = WITHOUT.get(str(self.builder_config.name))
        train = set(LEARNED_FROM) - {left_out}
        test = {left_out} if left_out else set(range(1, 11)) - train
        return {
            "train": self._generate_examples(path, train),
            "test": self._generate_examples(path, test),
        }

    def _generate_examples(self, path: Path, people: set[int]) -> Iterator[tuple[str, dict[str, Any]]]:
        actions = SETS.get(str(self.builder_config.name), ALL)
        for name, recording in _recordings(path):
            action, person, _ = (int(each) for each in NAME.findall(name)[0])
            if action in actions and person in people:
                yield name, {"recording": recording, "label": ACTIONS[action - 1]}


def _recordings(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and text of the recordings that are in the benchmark."""
    if path.suffix == ".npz":
        yield from _of_arrays(path)
        return
    found = dict(_of_folder(path) if path.is_dir() else _of_archive(path))
    used = found.pop(USED, None)
    if used is None:
        raise InputError(f"{path} lacks {USED}, which says what is in the benchmark")
    for name in sorted(set(re.findall(NAME.pattern.replace("(", "(?:"), used.decode(errors="replace")))):
        if f"{name}_skeleton3D.txt" not in found:
            raise InputError(f"{path} lacks {name}_skeleton3D.txt")
        yield name, found[f"{name}_skeleton3D.txt"]


def _of_folder(path: Path) -> Iterator[tuple[str, bytes]]:
    for each in sorted([*path.glob("*_skeleton3D.txt"), *path.glob(USED)]):
        yield each.name, each.read_bytes()


def _of_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    downloading.check_archive(path)
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(("_skeleton3D.txt", USED)):
                yield Path(name).name, archive.read(name)


def _of_arrays(path: Path) -> Iterator[tuple[str, bytes]]:
    """The same of one file of arrays: a line a frame of x, y and z of each joint."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            places, lengths, used = (arrays[name] for name in ("xyz", "length", "used_in_benchmark"))
            names = list(zip(arrays["action"], arrays["subject"], arrays["repetition"], strict=True))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise IntegrityError(f"{path} does not hold the arrays of MSR-Action3D ({error})") from None
    ends = np.cumsum(lengths)
    for (action, person, repetition), end, length, kept in zip(names, ends, lengths, used, strict=True):
        if kept:
            frames = places[end - length : end].reshape(length, -1)
            lines = (" ".join(str(number) for number in frame) for frame in frames)
            yield f"a{action:02}_s{person:02}_e{repetition:02}", "\n".join(lines).encode()
