"""From a task and a data set's name, or a person's file, to splits, fitted codecs and batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqtasks.data import Batches, Form
from seqtasks.data.store import DiskBytes
from seqtasks.data.user import Source
from seqtasks.errors import ResourceError, UsageError
from seqtasks.task import SAMPLE, Examples, Folders, Notice, Task


@dataclass(frozen=True)
class Data:
    """A data set's splits, as people have them, and where they came from."""

    name: str  # the data set's, a file's, or "sample"
    form: Form
    examples: Mapping[str, Examples]
    dropped: Mapping[str, int]  # examples that stood in two splits
    validation: str | None  # the split by which epochs are chosen, if any: a text may be learned to its end
    source: Source | None = None  # where a person's own examples are

    @property
    def sizes(self) -> dict[str, int]:
        """How much each split has: rows, or characters of a text."""
        return {name: self.form.size(examples) for name, examples in self.examples.items()}

    def part(self, name: str) -> Examples:
        """A split, or several with + between; raises UsageError for one that there is not."""
        for each in name.split("+"):
            if each not in self.examples:
                raise UsageError(f"data set {self.name} has no split {each!r}; choose from {', '.join(self.examples)}")
        parts = [self.examples[each] for each in name.split("+")]
        return parts[0] if len(parts) == 1 else Examples.joined(parts)

    @property
    def fingerprint(self) -> list[str]:
        """The stores that a person's own examples were read into; none of a text, which is read each time."""
        if self.source is None or not all(isinstance(each.inputs, DiskBytes) for each in self.examples.values()):
            return []
        return sorted({examples.inputs.file.parent.name for examples in self.examples.values()})


def read(task: Task[Any, Any], dataset: str | Source | None, folders: Folders, notice: Notice) -> Data:
    """The data set's examples, none in two splits; without a name the task's own set or, failing that, its sample.

    Raises ResourceError where a set that was asked for by name can be neither found nor downloaded.
    """
    form = task.pattern.FORM
    if isinstance(dataset, Source):
        found = form.read_user(dataset, task, folders, notice)
        return Data(dataset.name, form, *form.split(found, task, user=True), form.validation(task), dataset)
    name = dataset or task.dataset
    try:
        found = task.sample() if name == SAMPLE else task.examples(name, folders)
    except ResourceError as error:
        if dataset:
            raise
        notice(f"{error}\nUSING THE SMALL BUILT-IN SAMPLE INSTEAD: whatever is learned now is learned from the sample")
        name, found = SAMPLE, task.sample()
    task = task.for_dataset(name)
    return Data(name, form, *form.split(found, task, user=False), form.validation(task))


def fit(task: Task[Any, Any], data: Data, folders: Folders) -> Task[Any, Any]:
    """The task with codecs fitted on the training examples; raises InputError for examples that teach nothing."""
    return data.form.fit(task, data, folders)


def fingerprint(batches: Iterable[Batches]) -> str:
    """Of encoded splits, in order: differs where a row or its place does."""
    return " ".join(each.fingerprint()[:16] for each in batches)


def encode(
    task: Task[Any, Any],
    data: Data,
    splits: Sequence[str],
    folders: Folders,
    notice: Notice = lambda text: None,
    *,
    tta: bool = False,
) -> dict[str, Batches]:
    """The named splits in batches, encoded by the task's fitted codecs in all views of training, or of answers."""
    return {
        split: task.pattern.batches(task, data.form.encode(task, data, split, folders, notice, tta=tta))
        for split in splits
    }
