"""From a trained model to an export: a SavedModel that takes raw values, or the network for LiteRT or ONNX Runtime.

An export is made in a new folder, answers golden inputs in a fresh process that has its runtime alone, and only then
takes the next number. One that fails leaves the last good one serving.
"""

from __future__ import annotations

import base64
import functools
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from seqtasks import codecs, files
from seqtasks.errors import IntegrityError, UsageError
from seqtasks.export import convert
from seqtasks.export import replay as runtimes
from seqtasks.inference import predictor
from seqtasks.inference.predictor import FOLDERS, MANIFEST, SAVED_MODEL, numbers
from seqtasks.task import Task
from seqtasks.training import card as cards
from seqtasks.training.model_folder import Trained

PACKAGES = {"litert": ("ai_edge_litert",), "onnx": ("tf2onnx", "onnxruntime")}  # what makes and runs them
PROGRAM = runtimes.__file__  # what a fresh process runs
GOLDEN = 4  # inputs replayed before an export counts
CHECKED = 50  # of the sample's, and what follows
ODD = (
    b" \t\n", b"\0", b"\xff\xfe\xc3", "caf\u00e9".encode()[:-1], "\U0001f600\U0001f44d\U0001f3fd".encode(),
    "\u0633\u0631\u062f".encode(), b"zyx wvu tsr", b"<br />" * 50, b"ACGTNRY", b"good " * 1_000,
)  # fmt: skip
WRITTEN = 40  # tokens that are compared, of what writes
TOLERANCE = 1e-4  # in probabilities, between two processes
LEVELS = 8  # of 256, between two decoders of JPEG


@dataclass(frozen=True)
class Check:
    """How an export answered in its own runtime, beside the model that was trained."""

    form: str
    inputs: int
    equal: int  # answers, of as many
    largest: float  # difference of a probability or a score
    size: int  # bytes
    load_seconds: float
    answer_seconds: float  # of one input alone
    read_alike: int | None  # inputs that the codec's reader in plain Python reads alike; None where none is asked


def export(trained: Trained, golden: np.ndarray, form: str = SAVED_MODEL, *, eight_bits: bool = False) -> Path:
    """Exports to the next number of the form's and gives its path; `golden` are raw values (N,), bytes, to replay.

    With weights in eight bits, of LiteRT, what it says is its own: a fresh process must say that, not what was trained.

    Raises IntegrityError if a fresh process does not load it or answers them differently, UsageError where what makes
    or runs such an export is not installed.
    """
    for package in PACKAGES.get(form, ()):
        if not find_spec(package):
            raise UsageError(f"{form} needs {package}, which is not installed; pip install 'seqtasks[{form}]'")
    path = trained.folder / FOLDERS[form] / str(next_number(trained.folder, form))
    with files.new_folder(path, point="export") as part:
        if form == SAVED_MODEL:
            module = assemble(trained)
            tf.saved_model.save(module, str(part), signatures={"serving_default": module.serve})
            endpoints, ask = _endpoints(module), runtimes.serving(module)
        else:
            endpoints = convert.write(trained, form, part, eight_bits=eight_bits)
            ask = runtimes.litert(part, WRITTEN, _end(trained)) if eight_bits else _asking(trained)
        files.fault("export.saved")
        asked = list(golden[:GOLDEN])
        expected = [runtimes.plain(ask(row)) for row in _rows(trained, form, asked)]
        answered = replay(trained, form, part, asked)["answers"]
        for given, wanted in zip(answered, expected, strict=True):
            if not _same(given, wanted):
                raise IntegrityError(f"the export answers {given} in a fresh process, not {wanted}")
        files.fault("export.replayed")
        about = {"format": form, "eight_bits": eight_bits, "endpoints": endpoints}
        if at_once := getattr(trained.task.inputs, "answered_at_once", None):
            about["at_once"] = at_once
        _write_manifest(trained, part, about, asked, expected)
    return path


def check(trained: Trained, form: str, path: Path, values: np.ndarray) -> Check:
    """Asks an export raw values (N,), bytes, in a fresh process, and compares its answers with the trained model's.

    With one whose weights are in eight bits, those that it gives in this process.
    """
    if files.read_json(path / MANIFEST, remedy=predictor.REMEDY).get("eight_bits"):
        ask = runtimes.litert(path, WRITTEN, _end(trained))
    else:
        ask = runtimes.serving(assemble(trained)) if form == SAVED_MODEL else _asking(trained)
    expected = [runtimes.plain(ask(row)) for row in _rows(trained, form, list(values))]
    kind = codecs.describe(trained.task.inputs)["codec"]
    reader = predictor.program(f"read_{kind}.py") if form != SAVED_MODEL else None
    answered = replay(trained, form, path, list(values), reader)
    most = LEVELS if kind == "image" else 0
    pairs = list(zip(answered["answers"], expected, strict=True))
    return Check(
        form,
        len(expected),
        sum(_same(given, wanted) for given, wanted in pairs),
        max(_difference(given, wanted) for given, wanted in pairs),
        sum(each.stat().st_size for each in path.rglob("*") if each.is_file()),
        answered["load_seconds"],
        answered["answer_seconds"],
        sum(0 <= each <= most for each in answered["apart"]) if reader else None,
    )


def _endpoints(module: tf.Module) -> dict[str, Any]:
    functions = {name: each for name, each in vars(module).items() if hasattr(each, "get_concrete_function")}
    return {name: convert.described(each) for name, each in functions.items()}


@functools.lru_cache(maxsize=1)
def _asking(trained: Trained) -> runtimes.Ask:
    """Asks the model that was trained what its network is asked in other runtimes."""
    return runtimes.asking(convert.in_tensorflow(trained), WRITTEN, _end(trained))


def replay(
    trained: Trained, form: str, folder: Path, values: Sequence[bytes], reader: Path | None = None
) -> dict[str, Any]:
    """Asks the export in a fresh process without our code; raises IntegrityError where it cannot be asked.

    Gives the answers and, in seconds, how long it took to load and to answer one; with a codec's reader in plain
    Python, how far apart each value is read.
    """
    with tempfile.TemporaryDirectory() as temporary:
        rows = Path(temporary) / "rows.npz"
        given: dict[str, Any] = {f"row_{number}": row for number, row in enumerate(_rows(trained, form, values))}
        given |= {f"value_{number}": np.frombuffer(value, np.uint8) for number, value in enumerate(values)}
        np.savez(rows, number=len(values), **given)
        # -P keeps the program's own folder, where our package lies, off the path
        command = [sys.executable, "-P", PROGRAM, form, folder.absolute(), rows, WRITTEN, _end(trained), reader or ""]
        done = subprocess.run(
            [str(each) for each in command], capture_output=True, text=True, check=False, cwd=temporary
        )
    if done.returncode:
        raise IntegrityError(f"the export does not load in a fresh process: {done.stderr.strip().splitlines()[-1:]}")
    answered: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answered


def _rows(trained: Trained, form: str, values: Sequence[bytes]) -> list[np.ndarray]:
    """What an export is asked for each value: its bytes, or what the codec makes of them."""
    if form == SAVED_MODEL:
        return [np.frombuffer(value, np.uint8) for value in values]
    return codecs.rows(trained.task.inputs, values)


def _end(trained: Trained) -> int:
    """The token with which all is said, or one that there is not."""
    return getattr(trained.task.targets, "end", -1)


def _same(given: dict[str, Any], wanted: dict[str, Any]) -> bool:
    texts = (name for name in wanted if name not in _numbers(wanted))
    return _difference(given, wanted) <= TOLERANCE and all(given[name] == wanted[name] for name in texts)


def _difference(given: dict[str, Any], wanted: dict[str, Any]) -> float:
    """The largest of a probability or a score."""
    numbers = [np.abs(np.subtract(given[name], wanted[name])) for name in _numbers(wanted)]
    return float(max((each.max() for each in numbers if each.size), default=0.0))


def _numbers(answer: dict[str, Any]) -> list[str]:
    return [name for name, value in answer.items() if name != "tokens" and not isinstance(value, str)]


def checked(task: Task) -> np.ndarray:
    """Raw values, bytes (N,), to check an export with: the sample's and odd ones."""
    return np.array([*golden(task)[:CHECKED], *ODD], dtype=object)


def golden(task: Task) -> np.ndarray:
    """Raw values to replay, bytes (N,): the test inputs of the task's sample or, where that is a text, its lines."""
    inputs = task.sample()["test"].inputs
    return np.array(inputs[0].split(b"\n"), dtype=object) if task.streams else inputs


@functools.lru_cache(maxsize=1)  # an export and its check ask the same
def assemble(trained: Trained) -> tf.Module:
    """A module with the pattern's endpoints as functions, and with all that they read."""
    task = trained.task
    module = tf.Module()
    module.model_variables = [each.value for each in trained.model.variables]
    endpoints = task.pattern.endpoints(trained.model, task.inputs, task.targets, task.settings)
    for name, (function, signature) in endpoints.items():
        setattr(module, name, tf.function(function, input_signature=signature, autograph=False))
        getattr(module, name).get_concrete_function()
    module.tables = [*task.inputs.tables(), *task.targets.tables()]
    return module


def next_number(folder: Path, form: str = SAVED_MODEL) -> int:
    return max(numbers(folder, form), default=0) + 1


def _write_manifest(
    trained: Trained, folder: Path, more: dict[str, Any], golden: Sequence[bytes], expected: list[dict[str, Any]]
) -> None:
    """What the export is, one worked example, and the sha256 of each of its files, and of itself.

    When and by which versions it was made are its own; those of the training are kept as "trained".
    """
    card = {key: value for key, value in asdict(trained.card).items() if key not in ("inputs", "targets", "files")}
    made = cards.provenance()
    card["trained"] = {key: card[key] for key in made}
    example = {"input": _as_json(golden[0]), **expected[0]}
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    hashes = {path.relative_to(folder).as_posix(): files.sha256(path) for path in paths}
    value = {**card, **made, **more, "names": list(trained.task.targets.names), "example": example, "files": hashes}
    (folder / MANIFEST).write_bytes(files.as_json(files.sealed(value)).encode())


def _as_json(value: bytes) -> str | dict[str, str]:
    """Text as it is, other bytes as TensorFlow Serving's REST takes them."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}
