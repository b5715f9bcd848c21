"""Class names <-> ids."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from seqtasks.codecs import TargetCodec, Traits
from seqtasks.task import Folders

WHOLE = re.compile(r"^(-?[0-9]+)\.0+$")
COLUMNS = ("label", "sentiment", "class", "category", "target", "rating", "stars")


def alike(label: str) -> float | str:
    """The same for labels that a person may take for one: equal as numbers, or but for capitals, quotes and blanks."""
    bare = unicodedata.normalize("NFKC", label).strip("\"'` \t").casefold()
    try:
        return float(bare)
    except ValueError:
        return " ".join(bare.split())


@dataclass(frozen=True)
class Labels(TargetCodec):
    names: tuple[str, ...] = ()  # in the order of their ids

    @property
    def traits(self) -> Traits:
        return Traits(columns=COLUMNS, classes=True)

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Labels:
        """Learns the names from batches of labels, in the order of numbers or letters; keeps names given already."""
        if self.names:
            return self
        names: set[str] = set().union(*(set(batch.tolist()) for batch in values))
        numbers = all(name.removeprefix("-").isdecimal() for name in names)
        return dataclasses.replace(self, names=tuple(sorted(names, key=int if numbers else str)))

    @property
    def choices(self) -> int:
        return len(self.names)

    def clean_target(self, value: str) -> str:
        """A person's label: any can be learned. A whole number is without a point: 1.0, as tables have it, is 1."""
        return WHOLE.sub(r"\1", value)

    def encode(self, values: tf.Tensor) -> tf.Tensor:
        """Names, string (B,) -> ids, int32 (B,); -1 where the name is none of ours."""
        same = tf.equal(values[:, None], tf.constant(self.names)[None, :])
        return tf.where(tf.reduce_any(same, axis=1), tf.argmax(same, axis=1, output_type=tf.int32), -1)

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int (B,) -> names, string (B,)."""
        return tf.gather(tf.constant(self.names), ids)

    def tables(self) -> list[Any]:
        """What an export must carry along: nothing."""
        return []
