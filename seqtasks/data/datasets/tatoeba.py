"""Tatoeba's French sentences with their English translations, as of 7 April 2019: the pairs of many tutorials.

From a copy of manythings.org's archive at one commit, or from a file fetched by hand, tatoeba/fra.txt, plain or .gz.
It has no splits of its own. One sentence has several translations, which are those of others as well: pairs that are
connected by any of their sentences are in one split, or half of the test would be learned by heart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow_datasets as tfds

from seqtasks.data.datasets.pairs import Pairs, lines
from seqtasks.errors import IntegrityError

ADDRESS = "https://raw.githubusercontent.com/modelexlab/data/adddaf33ac35572bcfeb421efec29435e7ea9332/fra-eng.zip"
NAMES = ("tatoeba/fra.txt", "tatoeba/fra.txt.gz", "tatoeba_eng_fra/fra.txt", "tatoeba_eng_fra/fra.txt.gz")
SHARES = {"test": 2, "validation": 2}  # of 100 connected parts; the others are for training

Pair = tuple[str, str]


class Tatoeba(Pairs):
    """167,130 pairs, split by connected component; outside of training all translations of a sentence are together."""

    name = "tatoeba"
    HOMEPAGE = "https://www.manythings.org/anki"
    BUILDER_CONFIGS = [tfds.core.BuilderConfig(name="fr-en")]  # noqa: RUF012  TFDS's own form

    def _split_generators(self, downloads: Any) -> dict[str, Any]:
        path = self.fetch(downloads, {"fra.txt": ADDRESS}, lambda file: NAMES)["fra.txt"]
        pairs = []
        for number, line in enumerate(lines(path, "fra.txt"), 1):
            english, tab, rest = line.partition("\t")
            if not tab:
                raise IntegrityError(f"{path}:{number} has no tab between a sentence and its translation")
            pairs.append((rest.partition("\t")[0].strip(), english.strip()))
        parts = split(pairs)
        return {
            name: self._generate_examples(rows if name == "train" else joined(rows)) for name, rows in parts.items()
        }


def split(pairs: list[Pair]) -> dict[str, list[Pair]]:
    """Pairs that are connected are in one split, which a hash of the least of their sources decides."""
    names = components(pairs)
    found: dict[str, list[Pair]] = {"train": [], **{name: [] for name in SHARES}}
    for pair in pairs:
        place = int.from_bytes(hashlib.sha256(names[pair[0]].encode()).digest()[:8], "big") % 100
        chosen = "train"
        for name, share in SHARES.items():
            if 0 <= place < share:
                chosen = name
            place -= share
        found[chosen].append(pair)
    return found


def components(pairs: Iterable[Pair]) -> dict[str, str]:
    """Each source -> the least source that it is connected with, over sentences that two pairs share."""
    above: dict[tuple[int, str], tuple[int, str]] = {}

    def root(node: tuple[int, str]) -> tuple[int, str]:
        while (parent := above.setdefault(node, node)) != node:
            above[node] = node = above[parent]
        return node

    for source, target in pairs:
        least, other = sorted((root((0, source)), root((1, target))))
        above[other] = least
    return {text: root((side, text))[1] for side, text in [*above] if side == 0}


def joined(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Each source once, with all its translations, joined by line feeds."""
    targets: dict[str, dict[str, None]] = {}
    for source, target in pairs:
        targets.setdefault(source, {})[target] = None
    return ((source, "\n".join(several)) for source, several in targets.items())
