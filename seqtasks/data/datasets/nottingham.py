"""The Nottingham Music Database in ABC, as Jukedeck cleaned it: about 1,000 folk tunes, in a file or more a kind.

A tune is its notes and bar lines alone: headers name its metre, and often its kind. Chords, grace notes and repeats are
left out, and of tunes that begin with the same 16 notes all but the first. From the repository at one commit, or from
files fetched by hand: nottingham_abc/*.abc.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from seqtasks.data.datasets.manual import Manual
from seqtasks.errors import IntegrityError

COMMIT = "0992bb6cd864f6d4b90d6663e08c0ef53ffaa08f"
ADDRESS = f"https://raw.githubusercontent.com/jukedeck/nottingham-dataset/{COMMIT}/ABC_cleaned/{{}}.abc"
KINDS = {  # file -> kind; ashover.abc, tunes of one place, is of several
    "hpps": "hornpipe",
    "jigs": "jig",
    "morris": "morris",
    "playford": "playford",
    "reelsa-c": "reel",
    "reelsd-g": "reel",
    "reelsh-l": "reel",
    "reelsm-q": "reel",
    "reelsr-t": "reel",
    "reelsu-z": "reel",
    "slip": "slip jig",
    "waltzes": "waltz",
    "xmas": "christmas",
}
ALIKE = 16  # notes at the beginning, by which a tune is known
HEADER = re.compile(r"^(?:[A-Za-z]:|%).*$", re.MULTILINE)
LEFT_OUT = re.compile(
    r'"[^"]*"|\[[A-Za-z]:[^\]]*\]|\{[^}]*\}|![^!]*!|%.*'
)  # chords, headers within, grace notes, signs
PIECE = re.compile(r"[\^_=]*[A-Ga-gzx][,']*[0-9]*/*[0-9]*|\|")


class Nottingham(Manual):
    """Tunes, notes and bar lines with blanks between, and their kinds."""

    name = "nottingham"
    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        names = sorted(set(KINDS.values()))
        features = tfds.features.FeaturesDict(
            {"tune": tfds.features.Text(), "label": tfds.features.ClassLabel(names=names)}
        )
        return tfds.core.DatasetInfo(builder=self, description=self.__doc__, features=features)

    def _split_generators(self, downloads: Any) -> dict[str, Any]:
        addresses = {file: ADDRESS.format(file) for file in KINDS}
        paths = self.fetch(downloads, addresses, lambda file: [f"nottingham_abc/{file}.abc"])
        return {"train": self._generate_examples(paths)}

    def _generate_examples(self, paths: dict[str, Path]) -> Iterator[tuple[str, dict[str, Any]]]:
        known: set[tuple[str, ...]] = set()
        for file, kind in KINDS.items():
            for number, tune in enumerate(tunes(paths[file])):
                beginning = tuple([piece for piece in tune if piece != "|"][:ALIKE])
                if beginning and beginning not in known:
                    known.add(beginning)
                    yield f"{file}-{number}", {"tune": " ".join(tune), "label": kind}


def tunes(path: Path) -> Iterator[list[str]]:
    """The notes and bar lines of each tune of a file; raises IntegrityError for a file without a tune."""
    parts = re.split(r"(?m)^X:.*$", path.read_text(encoding="latin-1"))[1:]
    if not parts:
        raise IntegrityError(f"{path} holds no tune in ABC; a tune begins with X:")
    for part in parts:
        yield PIECE.findall(LEFT_OUT.sub("", HEADER.sub("", part)))
