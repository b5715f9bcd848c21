"""Data that are one long text: the form of what is written on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqtasks.data import corpus, splits, streams
from seqtasks.data.prepare import Data
from seqtasks.data.streams import Stream
from seqtasks.data.user import Source
from seqtasks.task import Examples, Folders, Notice, Task


@dataclass(frozen=True)
class Text:
    """The form of data of which each split is one text; the task has the setting `validation_split`."""

    unit: str = "characters"

    def size(self, examples: Examples) -> int:
        return sum(len(text.decode(errors="replace")) for text in examples.inputs[:])

    def read_user(
        self, source: Source, task: Task[Any, Any], folders: Folders, notice: Notice
    ) -> Mapping[str, Examples]:
        return corpus.read(source, task.inputs.traits.columns, notice)

    def split(
        self, found: Mapping[str, Examples], task: Task[Any, Any], *, user: bool
    ) -> tuple[dict[str, Examples], dict[str, int]]:
        return splits.cut(found, float(task.settings["validation_split"])), {}

    def validation(self, task: Task[Any, Any]) -> str | None:
        return "validation" if task.settings["validation_split"] else None

    def fit(self, task: Task[Any, Any], data: Data, folders: Folders) -> Task[Any, Any]:
        chunks = [np.array([chunk], object) for chunk in streams.chunks(data.examples["train"].inputs[:])]
        return task.with_codecs(task.inputs.fit(chunks, folders), None)

    def encode(
        self, task: Task[Any, Any], data: Data, split: str, folders: Folders, notice: Notice, *, tta: bool
    ) -> Stream:
        texts = data.part(split).inputs[:]
        return streams.encode(texts, task.inputs, bptt_steps=int(task.settings["bptt_steps"]))


TEXT = Text()
