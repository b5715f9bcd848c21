"""Recurrent networks at work: from raw sequences to a self-contained SavedModel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seqtasks import beside_keras

if TYPE_CHECKING:
    from seqtasks.serving import Served

__all__ = ["load"]

beside_keras.watch()


def load(path: str | Path) -> Served:
    """The newest export in a model's folder, ready to answer: `load("saved_models/sentiment")(["A fine film."])`."""
    from seqtasks import serving

    return serving.load(path)
