"""Data sets, people's own files, splits, batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from seqtasks.task import Examples, Folders, Notice, Task

if TYPE_CHECKING:
    from seqtasks.data.prepare import Data
    from seqtasks.data.user import Source


class Batches(Protocol):
    """Encoded examples in batches; a batch is named by its index, whatever that is.

    The order of an epoch is a pure function of (seed, epoch).
    """

    @property
    def varied(self) -> bool:
        """Whether batches differ much in steps."""

    def __len__(self) -> int: ...

    def epoch_batches(self, *, batch_size: int, min_steps: int, seed: int, epoch: int) -> list[Any]:
        """The epoch's indices, at least so many, of batches of at most `batch_size` rows."""

    def eval_batches(self, *, batch_size: int) -> Iterable[Any]:
        """Indices at which everything is read once."""

    def batch(self, index: Any) -> tuple[Any, Any]:
        """x and y as model and loss take them."""

    def steps(self, index: Any) -> int:
        """How many steps the batch has."""

    def describe(self, index: Any) -> str:
        """Where it is, in a person's words."""

    def fingerprint(self) -> str:
        """sha256 of what is read."""


class Form(Protocol):
    """The form of a pattern's data: rows of their own (`rows.ROWS`), or one long text (`text.TEXT`)."""

    @property
    def unit(self) -> str:
        """What `size` counts, in the plural."""

    def size(self, examples: Examples) -> int: ...

    def read_user(
        self, source: Source, task: Task[Any, Any], folders: Folders, notice: Notice
    ) -> Mapping[str, Examples]:
        """A person's own examples: train and, where there is a file for it, test."""

    def split(
        self, found: Mapping[str, Examples], task: Task[Any, Any], *, user: bool
    ) -> tuple[dict[str, Examples], dict[str, int]]:
        """Train, validation and test that share no example, and what was dropped from which because of which."""

    def validation(self, task: Task[Any, Any]) -> str | None:
        """The split by which epochs are chosen, if any."""

    def fit(self, task: Task[Any, Any], data: Data, folders: Folders) -> Task[Any, Any]:
        """The task with codecs fitted on the training examples; raises InputError for examples that teach nothing."""

    def encode(
        self, task: Task[Any, Any], data: Data, split: str, folders: Folders, notice: Notice, *, tta: bool
    ) -> Any:
        """A split, or several with + between, as the codecs encode it; in all views of training, or of answers."""
