"""The layers are imported together with Keras, so that it finds them when it loads a model.

`import seqtasks` alone is quick, as it imports neither Keras nor TensorFlow.
"""

from __future__ import annotations

import importlib
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

LAYERS = "seqtasks.layers"


def watch() -> None:
    """Imports the layers if Keras is there, or else as soon as it is."""
    if "keras" in sys.modules:
        importlib.import_module(LAYERS)
    else:
        sys.meta_path.insert(0, _Watcher())


class _Watcher(MetaPathFinder):
    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        """Keras, which when it has run imports the layers; nothing for other names."""
        spec = PathFinder.find_spec(name) if name == "keras" else None
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def both(module: ModuleType) -> None:
            execute(module)
            importlib.import_module(LAYERS)

        spec.loader.exec_module = both  # type: ignore[method-assign]
        return spec
