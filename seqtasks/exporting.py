"""From a trained model to a SavedModel that takes raw values and needs none of our code.

An export is made in a new folder, answers golden inputs in a fresh process that has TensorFlow alone, and only then
takes the next number under serving/. One that fails leaves the last good one serving.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from seqtasks import files
from seqtasks.errors import IntegrityError
from seqtasks.task import Task
from seqtasks.trained import Trained

MANIFEST = "manifest.json"
GOLDEN = 4  # inputs replayed before an export counts
TOLERANCE = 1e-4  # in probabilities, between two processes

REPLAY = """
import base64, json, sys
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
values = [base64.b64decode(each) for each in json.load(sys.stdin)]
answer = model.serve(tf.constant(values))
print(json.dumps({name: [each.decode() if isinstance(each, bytes) else np.asarray(each).tolist() for each in
                         tensor.numpy()] for name, tensor in answer.items()}))
"""


def export(trained: Trained, golden: np.ndarray) -> Path:
    """Exports to the next number under serving/ and gives its path; `golden` are raw values (N,), bytes, to replay.

    Raises IntegrityError if a fresh process does not load it or answers them differently.
    """
    path = trained.folder / "serving" / str(next_number(trained.folder))
    with files.new_folder(path, point="export") as part:
        module = assemble(trained)
        tf.saved_model.save(module, str(part), signatures={"serving_default": module.serve})
        files.fault("export.saved")
        golden = golden[:GOLDEN]
        expected = {name: _plain(tensor) for name, tensor in module.serve(tf.constant(golden)).items()}
        replay(part, golden, expected)
        files.fault("export.replayed")
        _write_manifest(trained, part, golden, expected)
    return path


def golden(task: Task) -> np.ndarray:
    """Raw values to replay, bytes (N,): the test inputs of the task's sample or, where that is a text, its lines."""
    inputs = task.sample()["test"].inputs
    return np.array(inputs[0].split(b"\n"), dtype=object) if task.streams else inputs


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


def next_number(folder: Path) -> int:
    return max(numbers(folder), default=0) + 1


def numbers(folder: Path) -> list[int]:
    """The numbers of the exports in a model's folder, in order."""
    return sorted(int(path.name) for path in (folder / "serving").glob("*") if path.name.isdecimal())


def replay(folder: Path, values: np.ndarray, expected: dict[str, list[Any]]) -> None:
    """Asks the SavedModel in a fresh process without our code; raises IntegrityError unless it answers as expected."""
    question = json.dumps([base64.b64encode(value).decode() for value in values])
    # -P keeps the current folder, where our package may lie, off the path
    command = [sys.executable, "-P", "-c", REPLAY, str(folder.absolute())]
    done = subprocess.run(command, input=question, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode:
        raise IntegrityError(f"the export does not load in a fresh process: {done.stderr.strip().splitlines()[-1:]}")
    answers = json.loads(done.stdout.splitlines()[-1])
    for name, wanted in expected.items():
        same = (
            np.allclose(answers[name], wanted, atol=TOLERANCE)
            if not isinstance(wanted[0], str)
            else answers[name] == wanted
        )
        if not same:
            raise IntegrityError(f"the export answers {name} {answers[name]} in a fresh process, not {wanted}")


def _write_manifest(trained: Trained, folder: Path, golden: np.ndarray, expected: dict[str, list[Any]]) -> None:
    """What the export is, one worked example, and the sha256 of each of its files."""
    card = {key: value for key, value in asdict(trained.card).items() if key not in ("inputs", "targets", "files")}
    example = {"input": _as_json(golden[0]), **{name: values[0] for name, values in expected.items()}}
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    hashes = {path.relative_to(folder).as_posix(): files.sha256(path) for path in paths}
    value = {**card, "names": list(trained.task.targets.names), "example": example, "files": hashes}
    (folder / MANIFEST).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _as_json(value: bytes) -> str | dict[str, str]:
    """Text as it is, other bytes as TensorFlow Serving's REST takes them."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def _plain(tensor: tf.Tensor) -> list[Any]:
    return [each.decode() if isinstance(each, bytes) else np.asarray(each).tolist() for each in tensor.numpy()]
