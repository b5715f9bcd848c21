"""Rows of numbers <-> what a feed-forward network reads: standardised, each in the place of its column.

A value is a line of numbers in the learned order, or two lines, the columns' names and the numbers, in any order. A
number that is missing is read as that column's mean by `encode`, which always answers, and refused by `clean`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks.codecs import InputCodec, Traits, number_table, signals, standard
from seqtasks.errors import InputError
from seqtasks.setting import check_fields, field
from seqtasks.task import Folders


@dataclass(frozen=True)
class Features(InputCodec):
    columns: str = field(
        "", "columns that are read, with commas between; all if empty, but for names of files and rows"
    )
    names: tuple[str, ...] = ()  # of the columns, in the order in which the network has them
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def traits(self) -> Traits:
        return Traits(
            columns=("features",),
            whole_row=True,
            recorded={"names": self.names},
            portable=lambda values: self.encode(values)[0][:, 0],
            reading_tolerance=standard.TOLERANCE,
        )

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Features:
        """Learns the columns, and the mean and deviation of each; raises InputError for rows of other columns."""
        rows = [bytes(value) for batch in values for value in batch]
        codec = dataclasses.replace(self, names=self.names or signals.names(rows[0], self.columns))
        read = tf.function(codec._row, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
        table = np.concatenate([read(tf.constant(row)).numpy() for row in rows])
        if (unread := np.flatnonzero(~np.isfinite(table).any(axis=1))).size:
            raise InputError(f"train row {int(unread[0]) + 1:,} has none of the columns {', '.join(codec.names)}")
        mean, deviation = standard.learned(table)
        return dataclasses.replace(codec, mean=mean, deviation=deviation)

    def clean(self, value: bytes) -> bytes:
        """A person's row as a line of names and one of numbers; raises InputError, which names the column."""
        names = self.names if self.names and not signals.header(value) else ()
        names = names or signals.names(value, self.columns or ",".join(self.names))
        if not names:
            raise InputError("has no column of numbers; give a line of numbers, or one of their names before it")
        found = number_table.cells(tf.constant(value), len(value) + 1)
        rows = found[int(number_table.has_header(found)) :]
        if rows.nrows() != 1:
            raise InputError(f"has {int(rows.nrows()):,} lines of numbers; give one")
        width = len(signals.header(value)) or len(names)
        if (count := int(rows.row_lengths()[0])) != width:
            raise InputError(f"has {count:,} numbers, expected {width}: {', '.join(names[:3])}, ...")
        numbers = number_table.by_name(tf.constant(value), names, 1).numpy()[0]
        if (wrong := np.flatnonzero(~np.isfinite(numbers))).size:
            name = names[int(wrong[0])]
            place = (signals.header(value) or list(names)).index(name)
            cell = rows[0][place].numpy().decode(errors="replace")
            what = f"{cell[:20]!r}, which is no number," if cell else "nothing"
            raise InputError(f"has {what} as {name}; fill it in, or name the columns to be read with --set columns=...")
        return "\n".join(["\t".join(names), "\t".join(str(number) for number in numbers)]).encode()

    def encode(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Rows, string (B,) -> standardised numbers, float32 (B, 1, F), and lengths, int32 (B,), which are 1."""
        signature = tf.TensorSpec([1, len(self.names)], tf.float32)
        rows = tf.map_fn(self._standardised, values, fn_output_signature=signature)
        return rows, tf.ones(tf.shape(values), tf.int32)

    def _row(self, value: tf.Tensor) -> tf.Tensor:
        """A row, a scalar string -> its numbers, float32 (1, F), NaN where there is none."""
        table = number_table.by_name(value, self.names, 1)
        missing = tf.constant(np.nan, tf.float32)
        return tf.ensure_shape(tf.pad(table, [[0, 1], [0, 0]], constant_values=missing)[:1], [1, len(self.names)])

    def _standardised(self, value: tf.Tensor) -> tf.Tensor:
        return standard.standardised(self._row(value), self.mean, self.deviation)

    def placeholder(self) -> keras.KerasTensor:
        """The network's input, numbers (B, F)."""
        return keras.Input((len(self.names),), dtype="float32", name="features")

    def tables(self) -> list[Any]:
        """What an export must carry along: nothing."""
        return []
