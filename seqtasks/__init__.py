"""Recurrent networks at work: from raw sequences to a self-contained SavedModel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqtasks.inference.predictor import Served

__all__ = ["load"]


def load(path: str | Path) -> Served:
    """The newest export in a model's folder, ready to answer: `load("saved_models/sentiment")(["A fine film."])`."""
    from seqtasks.inference import predictor

    return predictor.load(path)
