"""Runs an ONNX export, with ONNX Runtime and without TensorFlow.

seqtasks export sentiment --format onnx
pip install numpy onnxruntime regex
python examples/with_onnx.py saved_models/sentiment/onnx/1 "A fine film."
"""

from collections.abc import Callable
from pathlib import Path

import answers
import numpy as np
import onnxruntime


def opened(folder: Path) -> answers.Endpoints:
    """The endpoints of an export by name: a file each."""
    return {path.stem: endpoint(path) for path in folder.glob("*.onnx")}


def endpoint(path: Path) -> Callable[..., dict[str, np.ndarray]]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs = [output.name for output in session.get_outputs()]
    inputs = {needed.name for needed in session.get_inputs()}  # which may be a part of what is given

    def call(**given: np.ndarray) -> dict[str, np.ndarray]:
        found = session.run(outputs, {name: array for name, array in given.items() if name in inputs})
        return dict(zip(outputs, found, strict=True))

    return call


if __name__ == "__main__":
    answers.main(opened)
