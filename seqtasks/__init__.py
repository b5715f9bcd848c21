"""Recurrent networks at work: from raw sequences to a self-contained SavedModel.

`import seqtasks` alone is quick: neither Keras nor TensorFlow is imported. As soon as Keras is, the layers are, so that
Keras finds them when it loads a model.
"""

from __future__ import annotations

import importlib
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqtasks.api import Run, restore, settings, train
    from seqtasks.inference.predictor import Predictor

__all__ = ["Run", "load", "restore", "settings", "train"]  # what stays as it is until the next major version


def load(path: str | Path) -> Predictor:
    """The newest export in a model's folder, ready to answer: `load("saved_models/sentiment")(["A fine film."])`."""
    import warnings

    from seqtasks.inference import predictor

    found = predictor.load(path)
    if said := predictor.stale(found.folder, found.manifest):
        warnings.warn(said, stacklevel=2)
    return found


def __getattr__(name: str) -> Any:
    """The rest of the public names, which need TensorFlow, when they are asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("seqtasks.api"), name)


class _ImportsLayers(MetaPathFinder):
    """Imports the layers when Keras has been imported."""

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name) if name == "keras" else None
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_both(module: ModuleType) -> None:
            execute(module)
            _import_layers(module)

        spec.loader.exec_module = execute_both  # type: ignore[method-assign]
        return spec


def _import_layers(keras: ModuleType) -> None:
    """They are TensorFlow's: who runs Keras on another backend goes without."""
    if keras.config.backend() == "tensorflow":
        importlib.import_module("seqtasks.layers")


if "keras" in sys.modules:
    _import_layers(sys.modules["keras"])
else:
    sys.meta_path.insert(0, _ImportsLayers())
