"""From a trained model to files of other runtimes, LiteRT and ONNX, which hold the network alone.

They take one row as the codec gives it: ids, sets of bases, pixels. The codecs lie next to them as JSON, with all that
they learned (`codecs.json`): a reader in any language makes rows of people's values with it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from seqtasks import codecs
from seqtasks.data import paths
from seqtasks.export import replay, schema
from seqtasks.inference.manifest import EndpointSchema
from seqtasks.layers import recurrence
from seqtasks.patterns import Endpoint
from seqtasks.training.model_folder import TrainedModel

CODECS = "codecs.json"
OPSET = 18  # of ONNX


def write(
    trained: TrainedModel, format: str, folder: Path, quantization: str | None = None
) -> dict[str, EndpointSchema]:
    """Writes the files of a format into a folder and gives the endpoints that they have, for the manifest.

    LiteRT may have the weights of products in eight bits.
    """
    task = trained.task
    with recurrence.plain():  # as every converter knows it
        endpoints = task.pattern.portable(trained.model, task)
        functions = {name: schema.traced(endpoint) for name, endpoint in endpoints.items()}
    if quantization:
        _litert(trained, functions, folder, quantized=True)
    else:
        FORMATS[format](trained, functions, folder)
    described = {"inputs": codecs.describe(task.inputs), "targets": codecs.describe(task.targets)}
    (folder / CODECS).write_text(json.dumps(described, ensure_ascii=False) + "\n", encoding="utf-8")
    return {name: schema.of(endpoint, functions[name]) for name, endpoint in endpoints.items()}


def in_tensorflow(trained: TrainedModel) -> dict[str, replay.Endpoint]:
    """The same endpoints of the model as it was trained, called as those of a runtime are."""
    endpoints = trained.task.pattern.portable(trained.model, trained.task)
    return {name: _callable(endpoint) for name, endpoint in endpoints.items()}


def _callable(endpoint: Endpoint) -> replay.Endpoint:
    function = schema.traced(endpoint)

    def call(**given: np.ndarray) -> dict[str, np.ndarray]:
        found = function(*(tf.constant(given[spec.name]) for spec in endpoint.signature))
        return {name: output.numpy() for name, output in found.items()}

    return call


def _litert(trained: TrainedModel, functions: Mapping[str, Any], folder: Path, *, quantized: bool = False) -> None:
    """One file, whose signatures are the endpoints: they share the weights."""
    module = tf.Module()
    held = [*(variable.value for variable in trained.model.variables), *trained.task.inputs.tables()]
    module.held = [each for each in held if isinstance(each, tf.Variable)]  # no table of words
    for name, function in functions.items():
        setattr(module, name, function)
    with tempfile.TemporaryDirectory() as temporary, paths.plain(Path(temporary)) as saved:
        signatures = {name: function.get_concrete_function() for name, function in functions.items()}
        tf.saved_model.save(module, str(saved), signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved), signature_keys=list(functions))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.optimizations = [tf.lite.Optimize.DEFAULT] if quantized else []
        (folder / "model.tflite").write_bytes(converter.convert())


def _onnx(trained: TrainedModel, functions: Mapping[str, Any], folder: Path) -> None:
    """A file for each endpoint."""
    import tf2onnx

    for name, function in functions.items():
        model, _ = tf2onnx.convert.from_function(function, input_signature=function.input_signature, opset=OPSET)
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())


FORMATS: dict[str, Callable[[TrainedModel, Mapping[str, Any], Path], None]] = {"litert": _litert, "onnx": _onnx}
