"""The layers are TensorFlow's: Keras has to run on it."""

from __future__ import annotations

import os

WANTED = "tensorflow"
REMEDY = f"the layers of seqtasks run on {WANTED}: set KERAS_BACKEND={WANTED} before Keras is imported"


def require() -> None:
    """Raises ImportError, in one line, where Keras runs on another backend or cannot be imported with it."""
    try:
        import keras
    except Exception as error:  # each backend that is missing, or unknown, has an error of its own
        backend = os.environ.get("KERAS_BACKEND") or "that of keras.json"
        raise ImportError(f"Keras cannot be imported with the backend {backend!r}; {REMEDY}") from error
    if keras.config.backend() != WANTED:
        raise ImportError(f"Keras runs on {keras.config.backend()} here; {REMEDY}")
