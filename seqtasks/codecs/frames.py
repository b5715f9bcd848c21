"""Recordings, a file each, as sequences of vectors: skeletons in motion, what sensors read, or frames of a film.

What is common to all: numbers are standardised by what was learned, a recording is at most so many frames long, one
that cannot be read is a frame of zeros, and training sees each recording changed a little in each epoch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks.codecs import (
    InputCodec,
    Traits,
    film,
    frame_views,
    number_table,
    signals,
    skeletons,
    standard,
    value_files,
)
from seqtasks.codecs.frame_views import Changes
from seqtasks.codecs.image import LEVELS
from seqtasks.codecs.image_encoder import SMALL_FILTERS, small_network
from seqtasks.errors import InputError
from seqtasks.layers.each_frame import EachFrame
from seqtasks.layers.motion import Motion
from seqtasks.setting import Setting, Settings, at_least, check_fields, field, one_of
from seqtasks.task import Folders

MEDIA = ("joints", "signals", "film")
COLUMNS = ("recording", "path", "file", "filename", "skeleton", "signal", "film")
SUFFIXES = {"joints": (".txt", ".csv", ".tsv", ".skeleton"), "signals": (".csv", ".tsv", ".txt"), "film": (".gif",)}
BATCH_SIZE = 32  # recordings that are read together

SETTINGS: Settings = {"projection_dim": Setting(128, "width of the vector of a frame", at_least(1))}


@dataclass(frozen=True)
class Frames(InputCodec):
    medium: str = field("joints", f"what a file is a recording of: {', '.join(MEDIA)}", one_of(*MEDIA))
    joints: int = field(20, "joints of a skeleton", at_least(2))
    columns: str = field("", "columns of signals that are read, with commas between; all if empty, but for times")
    max_length: int = field(500, "frames at most: the first, of a film evenly", at_least(1))
    image_size: int = field(32, "pixels of both sides of a film's frames", at_least(2 ** len(SMALL_FILTERS)))
    turn_augmentation: float = field(0.0, "radians that skeletons are turned in training (deviation)", at_least(0))
    scale_augmentation: float = field(0.0, "share that they are stretched, each axis (deviation)", at_least(0))
    warp_augmentation: float = field(0.0, "logarithm by which they are faster or slower (deviation)", at_least(0))
    noise_augmentation: float = field(0.0, "that is added to each number (deviation)", at_least(0))
    cut_augmentation: int = field(0, "frames that either end may lose in training", at_least(0))
    shift_augmentation: int = field(0, "pixels by which training shifts films, at most", at_least(0))
    names: tuple[str, ...] = ()  # of the columns, in the order in which the network has them
    mean: tuple[float, ...] = ()  # of each number
    deviation: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def traits(self) -> Traits:
        return Traits(
            columns=COLUMNS,
            settings=SETTINGS,
            reads_files=True,
            suffixes=SUFFIXES[self.medium],
            batch_size=BATCH_SIZE,
            predict_batch_size=BATCH_SIZE,
            recorded={name: getattr(self, name) for name in ("names", "mean", "deviation")},
            reading_tolerance=LEVELS if self.medium == "film" else standard.TOLERANCE,
            augment=self._augment(),
            timed=True,
        )

    @property
    def width(self) -> int:
        """Numbers of a frame."""
        return skeletons.AXES * self.joints if self.medium == "joints" else len(self.names)

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Frames:
        """Learns the columns and how large their numbers are; raises InputError for recordings that do not fit."""
        if self.medium == "film":
            return self
        contents = [bytes(content) for batch in values for content in batch]
        codec = self if self.medium == "joints" else dataclasses.replace(self, names=self._common_names(contents))
        read = tf.function(codec._table, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)
        tables = [read(tf.constant(content)).numpy() for content in contents]
        if unread := [number for number, table in enumerate(tables, 1) if not np.isfinite(table).any()]:
            reason = codec._fault(contents[unread[0] - 1]) or "not to be read"
            raise InputError(f"train row {unread[0]:,} is {reason}")
        if self.medium == "joints":
            sizes = [skeletons.size(table) for table in tables]
            return dataclasses.replace(codec, mean=(0.0,), deviation=(float(np.mean(sizes)) or 1.0,))
        mean, deviation = standard.learned(np.concatenate(tables))
        return dataclasses.replace(codec, mean=mean, deviation=deviation)

    def _common_names(self, contents: list[bytes]) -> tuple[str, ...]:
        """The columns of the first recording, which all others must have."""
        first = signals.names(contents[0], self.columns)
        for number, content in enumerate(contents, 1):
            if reason := signals.fault(content, self.columns, first):
                raise InputError(f"train row {number:,} is {reason}")
        return first

    def clean(self, value: bytes) -> bytes:
        """The bytes of the recording at a path; raises InputError, which names it, for what is none."""
        path, content = value_files.read(value, "a recording")
        if fault := self._fault(content):
            raise InputError(f"names {path}, which is {fault}")
        return content

    def _fault(self, content: bytes) -> str | None:
        if not content.strip():
            return "empty"
        if self.medium == "film":
            return film.fault(content)
        if self.medium == "joints":
            return skeletons.fault(content, self.joints, self.deviation[0] if self.deviation else 0.0)
        return signals.fault(content, self.columns, self.names)

    def encode(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Files' bytes, string (B,) -> frames (B, T, ...), as the network has them, and lengths, int32 (B,).

        What cannot be read of a recording is between what can; one of which nothing can is a frame of zeros.
        """
        vector, kind = self.placeholder().shape[2:], self.placeholder().dtype
        signature = tf.RaggedTensorSpec([None, *vector], kind, ragged_rank=0)
        frames = tf.map_fn(self._frames, values, fn_output_signature=signature)
        return frames.to_tensor(shape=[None, None, *vector]), tf.cast(frames.row_lengths(), tf.int32)

    def _table(self, content: tf.Tensor) -> tf.Tensor:
        """A file's bytes, a scalar string -> its first frames as they are, float32 (T, F), NaN where there is none."""
        if self.medium == "joints":
            return skeletons.positions(content, self.joints, self.max_length)
        return number_table.by_name(content, self.names, self.max_length)

    def _frames(self, content: tf.Tensor) -> tf.Tensor:
        """A file's bytes, a scalar string -> frames (T, ...), one at least."""
        if self.medium == "film":
            return film.frames_of(content, self.max_length, self.image_size)
        found = number_table.filled(self._table(content))
        found = standard.standardised(found, self.mean, self.deviation)
        return tf.pad(found, [[0, tf.maximum(1 - tf.shape(found)[0], 0)], [0, 0]])

    def placeholder(self) -> keras.KerasTensor:
        """The network's input: standardised frames, float32 (B, T, F), or those of films, uint8 (B, T, H, W, 3)."""
        if self.medium == "film":
            return keras.Input((None, self.image_size, self.image_size, 3), dtype="uint8", name="frames")
        return keras.Input((None, self.width), dtype="float32", name="frames")

    def embed(self, values: keras.KerasTensor, settings: Mapping[str, Any]) -> keras.KerasTensor:
        """Frames (B, T, ...) -> vectors (B, T, E) of each and of what has changed before it."""
        if self.medium == "film":
            values = EachFrame(small_network(self.image_size), name="each_frame")(values)
        moving = Motion(skeletons.AXES if self.medium == "joints" else 0, name="motion")(values)
        return keras.layers.Dense(settings["projection_dim"], activation="relu", name="projection")(moving)

    def tables(self) -> list[Any]:
        """What an export must carry along: nothing."""
        return []

    def _augment(self) -> Callable[[np.ndarray, np.random.Generator], np.ndarray] | None:
        """Makes another recording of one, where training is to see such."""
        shift, cut, places = self.shift_augmentation, self.cut_augmentation, self.medium == "joints"
        if self.medium == "film":
            return partial(frame_views.shifted, shift=shift, cut=cut) if shift or cut else None
        changes = Changes(
            turn=self.turn_augmentation,
            scale=self.scale_augmentation,
            warp=self.warp_augmentation,
            noise=self.noise_augmentation,
            cut=cut,
        )
        return partial(frame_views.changed, changes=changes, places=places) if changes.any else None
