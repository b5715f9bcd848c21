"""How an export answers in its own runtime, next to the trained model: on the task's sample and on odd values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqtasks import codecs
from seqtasks.export import parity, savedmodel
from seqtasks.inference import predictor
from seqtasks.inference.manifest import Manifest
from seqtasks.inference.predictor import SAVED_MODEL
from seqtasks.task import Task
from seqtasks.training.model_folder import TrainedModel

SAMPLED = 50  # values of the sample, before the odd ones
ODD = (
    b" \t\n", b"\0", b"\xff\xfe\xc3", "caf\u00e9".encode()[:-1], "\U0001f600\U0001f44d\U0001f3fd".encode(),
    "\u0633\u0631\u062f".encode(), b"zyx wvu tsr", b"<br />" * 50, b"ACGTNRY", b"good " * 1_000,
)  # fmt: skip


@dataclass(frozen=True)
class Check:
    """How an export answered in its own runtime, next to the trained model."""

    format: str
    inputs: int
    equal: int  # answers, of as many
    largest: float  # difference of a probability or a score
    size: int  # bytes
    load_seconds: float
    answer_seconds: float  # of one input alone
    read_alike: int | None  # inputs that the codec's reader in plain Python reads alike; None where none is run


def values(task: Task[Any, Any]) -> list[bytes]:
    """Raw values to check an export with: the sample's and odd ones."""
    return [*task.pattern.golden(task)[:SAMPLED], *ODD]


def check(trained: TrainedModel, path: Path, given: Sequence[bytes] | None = None) -> Check:
    """Compares an export's answers in a fresh process with the trained model's: to raw values, or to `values`.

    One whose weights are quantized is compared with its own answers in this process.
    """
    task, manifest = trained.task, Manifest.read(path)
    inputs = values(task) if given is None else given
    answer = savedmodel.reference(trained, manifest.format, path, manifest.quantization)
    expected = parity.answers(answer, task, manifest.format, inputs)
    reader = None if manifest.format == SAVED_MODEL else _reader(task)
    answered = parity.in_fresh_process(task, manifest.format, path, inputs, reader)
    pairs = list(zip(answered["answers"], expected, strict=True))
    tolerance = task.inputs.traits.reading_tolerance
    return Check(
        manifest.format,
        len(expected),
        sum(parity.same(given, wanted) for given, wanted in pairs),
        max(parity.difference(given, wanted) for given, wanted in pairs),
        sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        answered["load_seconds"],
        answered["answer_seconds"],
        sum(0 <= apart <= tolerance for apart in answered["reading_differences"]) if reader else None,
    )


def _reader(task: Task[Any, Any]) -> Path | None:
    """The program in examples/ that reads what the input codec reads, where programs are installed."""
    return predictor.program(f"read_{codecs.describe(task.inputs, learned=False)['codec']}.py")
