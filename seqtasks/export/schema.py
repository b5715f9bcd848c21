"""From a pattern's endpoints to TensorFlow's functions, and to what a manifest says of them."""

from __future__ import annotations

import inspect
from itertools import zip_longest
from typing import Any

import tensorflow as tf

from seqtasks.inference.manifest import EndpointSchema
from seqtasks.patterns import Endpoint


def traced(endpoint: Endpoint) -> Any:
    """The endpoint as a tf.function of one signature, traced already."""
    function = tf.function(endpoint.function, input_signature=endpoint.signature, autograph=False)
    function.get_concrete_function()
    return function


def of(endpoint: Endpoint, function: Any) -> EndpointSchema:
    """Inputs and outputs by name: each one's type and size, None where that varies."""
    parameters = inspect.signature(function.python_function).parameters
    names = (_name(spec) or name for spec, name in zip_longest(endpoint.signature, parameters))
    return EndpointSchema(
        inputs=dict(zip(names, map(_kinds, endpoint.signature), strict=False)),
        outputs=_kinds(function.get_concrete_function().structured_outputs),
        classes=endpoint.classes,
        columns=endpoint.columns,
    )


def _name(spec: Any) -> str | None:
    return spec.name if isinstance(spec, tf.TensorSpec) else None


def _kinds(tensors: Any) -> Any:
    """A tree of tensors -> the same tree of their types and sizes."""
    return tf.nest.map_structure(lambda tensor: {"type": tensor.dtype.name, "size": tensor.shape.as_list()}, tensors)
