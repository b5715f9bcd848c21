"""Asks an ONNX export, with ONNX Runtime and without TensorFlow.

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
    outputs = [each.name for each in session.get_outputs()]
    inputs = {each.name for each in session.get_inputs()}  # of what was given, this one may need a part

    def ask(**given: np.ndarray) -> dict[str, np.ndarray]:
        found = session.run(outputs, {name: each for name, each in given.items() if name in inputs})
        return dict(zip(outputs, found, strict=True))

    return ask


if __name__ == "__main__":
    answers.main(opened)
