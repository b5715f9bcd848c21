"""Runs an export in its own runtime: TensorFlow alone, LiteRT or ONNX Runtime, and NumPy.

It imports nothing of this package, and is the program of a fresh process, too:
python replay.py FORMAT FOLDER ROWS MAX_NEW_TOKENS END_ID [READER], which prints answers and times as JSON and, with the
program of a codec's reader in plain Python, how far its rows are from the codec's.
"""

from __future__ import annotations

import json
import runpy
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Endpoint = Callable[..., dict[str, np.ndarray]]  # of arrays by name
Answer = Callable[[np.ndarray], dict[str, Any]]


def answering(endpoints: Mapping[str, Endpoint], max_new_tokens: int, end_id: int) -> Answer:
    """A function of one row, as the codec gives it, (1, ...) -> the answer to it.

    With `serve`, its outputs. With `prefill` and `step`, the most probable tokens, up to the one that ends a text or
    `max_new_tokens` of them, and the probabilities of the first.
    """
    if "serve" in endpoints:
        return lambda values: {name: output[0] for name, output in endpoints["serve"](values=values).items()}

    def generate(values: np.ndarray) -> dict[str, Any]:
        given, probabilities = endpoints["prefill"](values=values), np.zeros(0)
        tokens: list[int] = []
        while len(tokens) < max_new_tokens and end_id not in tokens:
            after = endpoints["step"](**given)
            logits = after.pop("logits")[0]
            if not tokens:
                probabilities = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
            tokens.append(int(logits.argmax()))
            given["token"] = np.array(tokens[-1:], np.int32)
            given |= {name.removeprefix("next_"): state for name, state in after.items()}
        return {"tokens": tokens, "probabilities": probabilities}

    return generate


def serving(model: Any) -> Answer:
    """Runs a SavedModel, or the module that becomes one, on a value's bytes as uint8 (N,)."""
    import tensorflow as tf

    def answer(value: np.ndarray) -> dict[str, Any]:
        return {name: output.numpy()[0] for name, output in model.serve(tf.constant([value.tobytes()])).items()}

    return answer


def saved_model(folder: Path, max_new_tokens: int, end_id: int) -> Answer:
    import tensorflow as tf

    return serving(tf.saved_model.load(str(folder)))


def in_litert(folder: Path) -> dict[str, Endpoint]:
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(model_path=str(folder / "model.tflite"))
    return {name: model.get_signature_runner(name) for name in model.get_signature_list()}


def litert(folder: Path, max_new_tokens: int, end_id: int) -> Answer:
    return answering(in_litert(folder), max_new_tokens, end_id)


def onnx(folder: Path, max_new_tokens: int, end_id: int) -> Answer:
    import onnxruntime

    def opened(path: Path) -> Endpoint:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        outputs = [output.name for output in session.get_outputs()]
        inputs = {needed.name for needed in session.get_inputs()}

        def endpoint(**given: np.ndarray) -> dict[str, np.ndarray]:
            needed = {name: array for name, array in given.items() if name in inputs}
            return dict(zip(outputs, session.run(outputs, needed), strict=True))

        return endpoint

    return answering({path.stem: opened(path) for path in folder.glob("*.onnx")}, max_new_tokens, end_id)


FORMATS: dict[str, Callable[[Path, int, int], Answer]] = {"saved-model": saved_model, "litert": litert, "onnx": onnx}


def plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    """NumPy's values and bytes as JSON can hold them."""
    return {
        name: _plain(value if isinstance(value, bytes) else np.asarray(value).tolist())
        for name, value in answer.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def reading_differences(reader: str, folder: Path, values: list[np.ndarray], rows: list[np.ndarray]) -> list[float]:
    """How far a reader's rows are from the codec's, at most, for each value, bytes as uint8 (N,); -1 for another size.

    The reader is a program with a function of the codec's description and a value, as examples/read_*.py are.
    """
    sys.path.append(str(Path(reader).parent))  # it may need another beside it
    read = runpy.run_path(reader)["read"]
    codec = json.loads((folder / "codecs.json").read_text(encoding="utf-8"))["inputs"]
    found = [read(codec, value.tobytes()) for value in values]
    return [
        float(np.abs(given.astype(float) - wanted).max()) if given.shape == wanted.shape else -1.0
        for given, wanted in zip(found, rows, strict=True)
    ]


def main(format: str, folder: str, rows: str, max_new_tokens: str, end_id: str, reader: str = "") -> None:
    start = time.perf_counter()
    answer = FORMATS[format](Path(folder), int(max_new_tokens), int(end_id))
    loaded = time.perf_counter()
    with np.load(rows, allow_pickle=False) as stored:
        values = [stored[f"row_{index}"] for index in range(int(stored["count"]))]
        raw = [stored[f"value_{index}"] for index in range(len(values))]
    answer(values[0])  # some work is done once only
    begun = time.perf_counter()
    answers = [plain(answer(row)) for row in values]
    seconds = (time.perf_counter() - begun) / len(values)
    differences = reading_differences(reader, Path(folder), raw, values) if reader else []
    timed = {"load_seconds": loaded - start, "answer_seconds": seconds}
    print(json.dumps({"answers": answers, **timed, "reading_differences": differences}))


if __name__ == "__main__":
    main(*sys.argv[1:])
