"""From a trained model to an export: a SavedModel that takes raw values, or the network for LiteRT or ONNX Runtime.

An export is made in a new folder, answers golden inputs in a fresh process that has its runtime alone, and only then
takes the next number. One that fails leaves the last good one serving.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tensorflow as tf

from seqtasks import codecs, files
from seqtasks.data import paths, progress
from seqtasks.errors import IntegrityError, UsageError
from seqtasks.export import convert, parity, replay, schema
from seqtasks.inference.manifest import EndpointSchema, Manifest
from seqtasks.inference.predictor import FOLDERS, SAVED_MODEL, numbers
from seqtasks.training import card as cards
from seqtasks.training.model_folder import TrainedModel

PACKAGES = {"litert": ("ai_edge_litert",), "onnx": ("tf2onnx", "onnxruntime")}  # that make and run them
QUANTIZATIONS = {"litert": ("int8",)}  # that a format has
GOLDEN = 4  # inputs replayed before an export counts


def export(trained: TrainedModel, format: str = SAVED_MODEL, quantization: str | None = None) -> Path:
    """Exports to the next number of the format's and gives its path.

    With quantized weights its answers are its own: a fresh process must give those, not the trained model's.

    Raises IntegrityError if a fresh process does not load it or answers the pattern's golden inputs differently,
    UsageError for a quantization that the format does not have, and where a package that makes or runs such an export
    is not installed.
    """
    if quantization and quantization not in QUANTIZATIONS.get(format, ()):
        raise UsageError(f"{format} has no quantization {quantization!r}; int8 is for litert")
    for package in PACKAGES.get(format, ()):
        if not find_spec(package):
            raise UsageError(f"{format} needs {package}, which is not installed; pip install 'seqtasks[{format}]'")
    path = trained.folder / FOLDERS[format] / str(next_number(trained.folder, format))
    with files.new_folder(path, point="export") as part:
        progress.tell(f"writing the {format}")
        endpoints = _save(trained, format, part, quantization)
        files.fault("export.saved")
        task = trained.task
        golden = task.pattern.golden(task)[:GOLDEN]
        progress.tell("asking the trained model")
        expected = parity.answers(reference(trained, format, part, quantization), task, format, golden)
        progress.tell("asking the export in a fresh process")
        answers = parity.in_fresh_process(task, format, part, golden)["answers"]
        for given, wanted in zip(answers, expected, strict=True):
            if not parity.same(given, wanted):
                raise IntegrityError(f"the export answers {given} in a fresh process, not {wanted}")
        files.fault("export.replayed")
        example = {"input": _as_json(golden[0]), **expected[0]}
        _manifest(trained, format, quantization, endpoints, example, part).write(part)
    return path


def next_number(folder: Path, format: str = SAVED_MODEL) -> int:
    return max(numbers(folder, format), default=0) + 1


def assemble(trained: TrainedModel) -> tf.Module:
    """A module with the pattern's endpoints as functions, and with all that they read."""
    return _assembled(trained)[0]


def reference(trained: TrainedModel, format: str, folder: Path, quantization: str | None) -> replay.Answer:
    """What an export has to answer: as the trained model does or, where it is quantized, as it does in this process."""
    if quantization:
        with paths.plain(folder) as place:
            return replay.litert(place, parity.MAX_NEW_TOKENS, trained.task.targets.traits.end_id)
    return replay.serving(assemble(trained)) if format == SAVED_MODEL else _network(trained)


@functools.lru_cache(maxsize=1)  # an export and its check use the same
def _assembled(trained: TrainedModel) -> tuple[tf.Module, dict[str, EndpointSchema]]:
    task, module = trained.task, tf.Module()
    module.model_variables = [variable.value for variable in trained.model.variables]
    schemas = {}
    for name, endpoint in task.pattern.endpoints(trained.model, task).items():
        function = schema.traced(endpoint)
        setattr(module, name, function)
        schemas[name] = schema.of(endpoint, function)
    module.tables = [*task.inputs.tables(), *task.targets.tables()]
    return module, schemas


@functools.lru_cache(maxsize=1)
def _network(trained: TrainedModel) -> replay.Answer:
    """The trained model's network, run as those of other runtimes are."""
    endpoints = convert.in_tensorflow(trained)
    return replay.answering(endpoints, parity.MAX_NEW_TOKENS, trained.task.targets.traits.end_id)


def _save(trained: TrainedModel, format: str, folder: Path, quantization: str | None) -> Mapping[str, EndpointSchema]:
    if format != SAVED_MODEL:
        return convert.write(trained, format, folder, quantization)
    module, schemas = _assembled(trained)
    with paths.plain(folder) as place:
        tf.saved_model.save(module, str(place), signatures={"serving_default": module.serve})
    return schemas


def _manifest(
    trained: TrainedModel,
    format: str,
    quantization: str | None,
    endpoints: Mapping[str, EndpointSchema],
    example: Mapping[str, Any],
    folder: Path,
) -> Manifest:
    """What the export is, a worked example, and the sha256 of each of its files.

    When and by which versions it was made are its own; those of the training are kept as "trained".
    """
    task, card, made = trained.task, trained.card, cards.provenance()
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return Manifest(
        task=card.task,
        dataset=card.dataset,
        format=format,
        settings=card.settings,
        classes=tuple(task.targets.names),
        batch_size=task.inputs.traits.predict_batch_size,
        reads_files=task.inputs.traits.reads_files,
        quantization=quantization,
        endpoints=endpoints,
        inputs=codecs.describe(task.inputs, learned=False),
        targets=codecs.describe(task.targets, learned=False),
        example=example,
        rows=card.rows,
        dropped=card.dropped,
        seed=card.seed,
        best=card.best,
        seconds=card.seconds,
        trained={"versions": card.versions, "commit": card.commit, "created": card.created},
        fingerprint=card.fingerprint,
        source=card.source,
        weights=card.files[cards.WEIGHTS],
        files={path.relative_to(folder).as_posix(): files.sha256(path) for path in paths},
        **made,
    )


def _as_json(value: bytes) -> str | dict[str, str]:
    """Text as it is, other bytes as TensorFlow Serving's REST takes them."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}
