"""Tags with blanks between, one a step <-> their ids."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from seqtasks.codecs import TargetCodec, Traits
from seqtasks.task import Folders


@dataclass(frozen=True)
class Tags(TargetCodec):
    tags: tuple[str, ...] = ()  # in the order of their ids

    @property
    def traits(self) -> Traits:
        return Traits(columns=("tags",))

    @property
    def names(self) -> tuple[str, ...]:
        return ()

    @property
    def choices(self) -> int:
        return len(self.tags)

    def clean_target(self, value: str) -> str:
        return value

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Tags:
        tags = {tag for batch in values for value in batch for tag in value.split()}
        return dataclasses.replace(self, tags=tuple(sorted(tags)))

    def encode(self, values: tf.Tensor) -> tf.RaggedTensor:
        """Tags, string (B,) -> ids (B, None); -1 where a tag is none of ours."""
        split = tf.strings.split(values)
        same = split.flat_values[:, None] == tf.constant(self.tags)[None]
        ids = tf.where(tf.reduce_any(same, 1), tf.argmax(same, 1, output_type=tf.int32), -1)
        return split.with_flat_values(ids)

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids (B, T), -1 behind a row's end -> tags with blanks between, string (B,)."""
        tags = tf.where(ids < 0, "", tf.gather(tf.constant(self.tags), tf.maximum(ids, 0)))
        return tf.strings.strip(tf.strings.reduce_join(tags, axis=1, separator=" "))

    def tables(self) -> list[Any]:
        return []
