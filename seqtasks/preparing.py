"""From a task and a data set's name to encoded splits and fitted codecs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from seqtasks import batching, splits
from seqtasks.batching import Encoded
from seqtasks.errors import ResourceError
from seqtasks.task import Examples, Folders, Task

SAMPLE = "sample"
CHUNK = 1_000


@dataclass(frozen=True)
class Data:
    """A data set's splits, as people have them, and where they came from."""

    name: str
    examples: Mapping[str, Examples]
    dropped: Mapping[str, int]  # examples that stood in two splits

    @property
    def rows(self) -> dict[str, int]:
        return {name: len(examples) for name, examples in self.examples.items()}


def read(task: Task, dataset: str | None, folders: Folders, notice: Callable[[str], None]) -> Data:
    """The data set's examples, none in two splits; without a name the task's own set or, failing that, its sample.

    Raises ResourceError where a set that was asked for by name can be neither found nor downloaded.
    """
    name = dataset or task.dataset
    try:
        found = task.sample() if name == SAMPLE else task.examples(name, folders)
    except ResourceError as error:
        if dataset:
            raise
        notice(f"{error}\nUSING THE SMALL BUILT-IN SAMPLE INSTEAD: whatever is learned now is learned from the sample")
        name, found = SAMPLE, task.sample()
    return Data(name, *splits.separate(found))


def fit(task: Task, examples: Examples) -> Task:
    """The task with codecs fitted on the examples."""
    chunks = [np.arange(start, min(start + CHUNK, len(examples))) for start in range(0, len(examples), CHUNK)]
    inputs = task.inputs.fit(examples.inputs[rows] for rows in chunks)
    targets = task.targets.fit(examples.targets[rows] for rows in chunks)
    return dataclasses.replace(task, inputs=inputs, targets=targets)


def encode(task: Task, data: Data, names: list[str]) -> dict[str, Encoded]:
    """The named splits, encoded by the task's fitted codecs."""
    return {name: batching.encode(data.examples[name], task.inputs, task.targets, name=name) for name in names}
