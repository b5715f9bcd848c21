"""Runs a LiteRT export, on a telephone's runtime and without TensorFlow.

seqtasks export sentiment --format litert
pip install numpy ai-edge-litert regex
python examples/with_litert.py saved_models/sentiment/litert/1 "A fine film."
"""

from pathlib import Path

import answers
from ai_edge_litert.interpreter import Interpreter


def opened(folder: Path) -> answers.Endpoints:
    """The endpoints of an export by name: the signatures of its one file."""
    model = Interpreter(model_path=str(folder / "model.tflite"))
    return {name: model.get_signature_runner(name) for name in model.get_signature_list()}


if __name__ == "__main__":
    answers.main(opened)
