"""The shapes of sequence problems, one module each, which all satisfy the Protocol `Pattern`.

What a pattern asks of its codecs beyond every codec's methods is a Protocol in its own file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np

from seqtasks.codecs import InputCodec, TargetCodec, Tensor
from seqtasks.data import Batches, Form
from seqtasks.data.prepare import Data
from seqtasks.metrics.report import Report
from seqtasks.setting import Settings
from seqtasks.task import Examples, Task

ReadInputs = TypeVar("ReadInputs", bound=InputCodec, contravariant=True)
ReadTargets = TypeVar("ReadTargets", bound=TargetCodec, contravariant=True)


@dataclass(frozen=True)
class Metric:
    """A figure of each epoch, by which one may be better than another."""

    keras: Any  # a Keras metric, not yet used
    feed: Callable[[Tensor, Tensor], tuple[Tensor, ...]]  # y, the model's output -> what it is updated with
    higher_is_better: bool = True


Answers = Mapping[str, np.ndarray]  # by name; of rows, an entry a row in their order

Gradients = Callable[[Any, Callable[..., Tensor], Any, Any], tuple[Tensor, Tensor, list[Tensor]]]
"""model, loss, x, y -> the output, a loss for each row, gradients of their mean for all trainable variables."""


@dataclass(frozen=True)
class Objective:
    """What a training makes small, and what is told of it."""

    loss: Callable[[Tensor, Tensor], Tensor]  # y, output -> a value for each row or step
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    phases: Sequence[tuple[int, Gradients]] = ()  # from which epoch on which gradients are taken; plain ones before
    learning_rate_multipliers: Mapping[str, float] = field(default_factory=dict)  # by a layer's name
    # of a validated epoch, the greater the better, where a pass of its own is needed: model, validation -> figure
    figures: Mapping[str, Callable[[Any, Batches], float]] = field(default_factory=dict)
    after_epoch: Callable[[Any, Mapping[str, float]], str] | None = None  # model and figures -> what a person is shown


@dataclass(frozen=True)
class Endpoint:
    """A function of an export, in TensorFlow ops."""

    function: Callable[..., Any]
    signature: Sequence[Any]  # tf.TensorSpec
    classes: tuple[str, ...] = ()  # outputs whose last axis is the classes
    columns: tuple[str, ...] = ()  # outputs that become columns of a table of answers


class Pattern(Protocol[ReadInputs, ReadTargets]):
    """The shape of a sequence problem: a module of `patterns/`, for codecs that have what it asks of them."""

    @property
    def SETTINGS(self) -> Settings:
        """Those that it can use, its layers' among them."""

    @property
    def FORM(self) -> Form:
        """Of its data: rows, or one long text."""

    @property
    def MONITORS(self) -> Sequence[str]:
        """Beside the loss: metrics by which an epoch may be better than another."""

    def check(self, settings: Mapping[str, Any]) -> None:
        """Raises UsageError for settings that do not go together."""

    def batches(self, task: Task[ReadInputs, ReadTargets], encoded: Any) -> Batches:
        """Batches of what the form encoded."""

    def build(self, task: Task[ReadInputs, ReadTargets]) -> Any:
        """The Keras model, not trained; the codecs are fitted."""

    def objective(self, task: Task[ReadInputs, ReadTargets]) -> Objective: ...

    def summary(self, task: Task[ReadInputs, ReadTargets], batches: Batches) -> str:
        """A line on the training data, for the person who waits."""

    def answer(self, model: Any, task: Task[ReadInputs, ReadTargets], batches: Batches) -> Answers:
        """What a model says of everything that was encoded, and what the report needs beside it."""

    def report(self, task: Task[ReadInputs, ReadTargets], data: Data, split: str, answers: Answers) -> Report:
        """What the answers are worth."""

    def golden(self, task: Task[ReadInputs, ReadTargets]) -> list[bytes]:
        """Values of the task's sample that an export must answer as the model does."""

    def endpoints(self, model: Any, task: Task[ReadInputs, ReadTargets]) -> dict[str, Endpoint]:
        """An export's functions by name: raw values in; `serve` takes nothing else."""

    def portable(self, model: Any, task: Task[ReadInputs, ReadTargets]) -> dict[str, Endpoint]:
        """The same for runtimes that read none: one row as the codec gives it, (1, T, ...)."""

    def portable_examples(
        self, task: Task[ReadInputs, ReadTargets], examples: Examples
    ) -> Iterable[tuple[np.ndarray, np.ndarray]]:
        """Rows for `portable` and the ids (N,) that are right, to measure what an export lost."""
