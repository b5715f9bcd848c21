"""From a trained model to files of other runtimes, LiteRT and ONNX, which hold the network alone.

They take what the codec gives, of one row: ids, sets of bases, pixels. What makes that of a person's value lies beside
them as JSON, codec and all (`tables.json`).
"""

from __future__ import annotations

import inspect
import json
import tempfile
from collections.abc import Callable, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from seqtasks import codecs
from seqtasks.export import replay
from seqtasks.layers import recurrence
from seqtasks.training.model_folder import Trained

TABLES = "tables.json"
OPSET = 18  # of ONNX


def write(trained: Trained, form: str, folder: Path, *, eight_bits: bool = False) -> dict[str, Any]:
    """Writes the files of a form into a folder and gives the endpoints that they have, for the manifest.

    LiteRT may have the weights of products in eight bits.
    """
    endpoints = functions(trained)
    if eight_bits:
        _litert(trained, endpoints, folder, eight_bits=True)
    else:
        FORMS[form](trained, endpoints, folder)
    task = trained.task
    tables = {"inputs": codecs.describe(task.inputs), "targets": codecs.describe(task.targets)}
    (folder / TABLES).write_text(json.dumps(tables, ensure_ascii=False) + "\n")
    return {name: described(function) for name, function in endpoints.items()}


def functions(trained: Trained) -> dict[str, Any]:
    """The pattern's portable endpoints, traced as every converter knows it."""
    task, traced = trained.task, {}
    with recurrence.plain():
        made = task.pattern.portable(trained.model, task.inputs, task.targets, task.settings)
        for name, (function, signature) in made.items():
            traced[name] = tf.function(function, input_signature=signature, autograph=False)
            traced[name].get_concrete_function()
    return traced


def in_tensorflow(trained: Trained) -> dict[str, replay.Endpoint]:
    """The same endpoints of the model as it was trained, to be asked as a runtime is."""
    task = trained.task
    made = task.pattern.portable(trained.model, task.inputs, task.targets, task.settings)

    def endpoint(function: Callable[..., Any], signature: list[tf.TensorSpec]) -> replay.Endpoint:
        traced = tf.function(function, input_signature=signature, autograph=False)

        def ask(**given: np.ndarray) -> dict[str, np.ndarray]:
            found = traced(*(tf.constant(given[each.name]) for each in signature))
            return {name: each.numpy() for name, each in found.items()}

        return ask

    return {name: endpoint(*each) for name, each in made.items()}


def _litert(trained: Trained, endpoints: Mapping[str, Any], folder: Path, *, eight_bits: bool = False) -> None:
    """One file, whose signatures are the endpoints: they share the weights."""
    module = tf.Module()
    held = [*(each.value for each in trained.model.variables), *trained.task.inputs.tables()]
    module.held = [each for each in held if isinstance(each, tf.Variable)]  # no table of words
    for name, function in endpoints.items():
        setattr(module, name, function)
    with tempfile.TemporaryDirectory() as saved:
        signatures = {name: function.get_concrete_function() for name, function in endpoints.items()}
        tf.saved_model.save(module, saved, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=list(endpoints))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.optimizations = [tf.lite.Optimize.DEFAULT] if eight_bits else []
        (folder / "model.tflite").write_bytes(converter.convert())


def _onnx(trained: Trained, endpoints: Mapping[str, Any], folder: Path) -> None:
    """A file for each endpoint."""
    import tf2onnx

    for name, function in endpoints.items():
        made, _ = tf2onnx.convert.from_function(function, input_signature=function.input_signature, opset=OPSET)
        (folder / f"{name}.onnx").write_bytes(made.SerializeToString())


FORMS: dict[str, Callable[[Trained, Mapping[str, Any], Path], None]] = {"litert": _litert, "onnx": _onnx}


def described(function: Any) -> dict[str, dict[str, Any]]:
    """Inputs and outputs of an endpoint by name: each one's type and size, None where that varies."""
    called = inspect.signature(function.python_function).parameters
    names = [getattr(each, "name", None) or name for each, name in zip_longest(function.input_signature, called)]
    outputs = function.get_concrete_function().structured_outputs
    return {
        "inputs": dict(zip(names, map(_kinds, function.input_signature), strict=False)),
        "outputs": _kinds(outputs),
    }


def _kinds(tensors: Any) -> Any:
    """A tree of tensors -> the same of their types and sizes."""
    return tf.nest.map_structure(lambda each: {"type": each.dtype.name, "size": each.shape.as_list()}, tensors)
