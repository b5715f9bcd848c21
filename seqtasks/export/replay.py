"""Asks an export in its own runtime: TensorFlow alone, LiteRT or ONNX Runtime, and NumPy.

It imports nothing of this package, and is the program that a fresh process runs, too:
python runtimes.py FORM FOLDER ROWS MOST END [READER], which prints answers and times as JSON and, with the program of a
codec's reader in plain Python, how far that is from the rows that the codec made.
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
Ask = Callable[[np.ndarray], dict[str, Any]]


def asking(endpoints: Mapping[str, Endpoint], most: int, end: int) -> Ask:
    """A function of one row, as the codec gives it, (1, ...) -> what is said of it.

    With `serve`, its outputs. With `begin` and `step`, the most probable tokens, at most so many, up to the one that
    ends, and the probabilities of the first.
    """
    if "serve" in endpoints:
        return lambda values: {name: each[0] for name, each in endpoints["serve"](values=values).items()}

    def written(values: np.ndarray) -> dict[str, Any]:
        given, chances = endpoints["begin"](values=values), np.zeros(0)
        tokens: list[int] = []
        while len(tokens) < most and end not in tokens:
            after = endpoints["step"](**given)
            logits = after.pop("logits")[0]
            if not tokens:
                chances = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
            tokens.append(int(logits.argmax()))
            given["token"] = np.array(tokens[-1:], np.int32)
            given |= {name.removeprefix("next_"): each for name, each in after.items()}
        return {"tokens": tokens, "probabilities": chances}

    return written


def serving(model: Any) -> Ask:
    """Asks a SavedModel, or what is to be one, by a value's bytes as uint8 (N,)."""
    import tensorflow as tf

    def ask(value: np.ndarray) -> dict[str, Any]:
        return {name: each.numpy()[0] for name, each in model.serve(tf.constant([value.tobytes()])).items()}

    return ask


def saved_model(folder: Path, most: int, end: int) -> Ask:
    import tensorflow as tf

    return serving(tf.saved_model.load(str(folder)))


def in_litert(folder: Path) -> dict[str, Endpoint]:
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(model_path=str(folder / "model.tflite"))
    return {name: model.get_signature_runner(name) for name in model.get_signature_list()}


def litert(folder: Path, most: int, end: int) -> Ask:
    return asking(in_litert(folder), most, end)


def onnx(folder: Path, most: int, end: int) -> Ask:
    import onnxruntime

    def opened(path: Path) -> Endpoint:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        outputs = [each.name for each in session.get_outputs()]
        inputs = {each.name for each in session.get_inputs()}

        def endpoint(**given: np.ndarray) -> dict[str, np.ndarray]:
            wanted = {name: each for name, each in given.items() if name in inputs}
            return dict(zip(outputs, session.run(outputs, wanted), strict=True))

        return endpoint

    return asking({path.stem: opened(path) for path in folder.glob("*.onnx")}, most, end)


FORMS: dict[str, Callable[[Path, int, int], Ask]] = {"saved-model": saved_model, "litert": litert, "onnx": onnx}


def plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON can hold, of NumPy's values and bytes."""
    return {
        name: each.decode(errors="replace") if isinstance(each, bytes) else np.asarray(each).tolist()
        for name, each in answer.items()
    }


def read_apart(reader: str, folder: Path, values: list[np.ndarray], rows: list[np.ndarray]) -> list[float]:
    """How far a reader's rows are from the codec's, at most, for each value, bytes as uint8 (N,); -1 for another size.

    The reader is a program with a function of the codec's tables and a value, as examples/read_*.py are.
    """
    read = runpy.run_path(reader)["read"]
    tables = json.loads((folder / "tables.json").read_text(encoding="utf-8"))["inputs"]
    found = [read(tables, value.tobytes()) for value in values]
    return [
        float(np.abs(given.astype(float) - wanted).max()) if given.shape == wanted.shape else -1.0
        for given, wanted in zip(found, rows, strict=True)
    ]


def main(form: str, folder: str, rows: str, most: str, end: str, reader: str = "") -> None:
    start = time.perf_counter()
    ask = FORMS[form](Path(folder), int(most), int(end))
    loaded = time.perf_counter()
    with np.load(rows, allow_pickle=False) as kept:
        values = [kept[f"row_{number}"] for number in range(int(kept["number"]))]
        raw = [kept[f"value_{number}"] for number in range(len(values))]
    ask(values[0])  # what is done once only
    begun = time.perf_counter()
    answers = [plain(ask(each)) for each in values]
    each = (time.perf_counter() - begun) / len(values)
    apart = read_apart(reader, Path(folder), raw, values) if reader else []
    print(json.dumps({"answers": answers, "load_seconds": loaded - start, "answer_seconds": each, "apart": apart}))


if __name__ == "__main__":
    main(*sys.argv[1:])
