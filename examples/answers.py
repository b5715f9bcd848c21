"""What with_onnx.py and with_litert.py share: an export's tables, a value read, an answer made of what a network says.

It needs NumPy, what the reader of the export's codec needs (read_*.py), and none of seqtasks.
"""

import argparse
import importlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

Endpoints = dict[str, Callable[..., dict[str, np.ndarray]]]  # by name: arrays by name in, arrays by name out
WORDS = 40  # that are written, at most
END = {"captions": 2}  # the id with which a text ends, of codecs whose texts do


def answer(tables: dict, endpoints: Endpoints, value: bytes) -> dict:
    """What an export, whose tables.json is `tables`, says of one value."""
    inputs, targets = tables["inputs"], tables["targets"]
    values = importlib.import_module(f"read_{inputs['codec']}").read(inputs, value)
    if "serve" in endpoints:
        shares = endpoints["serve"](values=values)["probabilities"][0].tolist()
        best = int(np.argmax(shares))
        named = dict(zip(targets["names"], shares, strict=True))
        return {"answer": targets["names"][best], "probability": shares[best], "probabilities": named}
    pieces = ("", "\ufffd", *targets["vocabulary"])
    joint = " " if targets["codec"] == "captions" else ""
    return {"answer": joint.join(pieces[token] for token in written(endpoints, values, END.get(targets["codec"], -1)))}


def written(endpoints: Endpoints, values: np.ndarray, end: int) -> list[int]:
    """The most probable token, again and again; 0 and 1 are none that is written."""
    given, tokens = endpoints["begin"](values=values), []
    while len(tokens) < WORDS:
        after = endpoints["step"](**given)
        token = int(after.pop("logits")[0, 2:].argmax()) + 2
        if token == end:
            break
        tokens.append(token)
        given |= {name.removeprefix("next_"): each for name, each in after.items()}
        given["token"] = np.array([token], np.int32)
    return tokens


def main(opened: Callable[[Path], Endpoints]) -> None:
    """The command line: the folder of an export, and values or the files that hold them; an answer a line, as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("export", type=Path, help="the folder of an export")
    parser.add_argument("values", nargs="+", help="what is to be answered")
    parser.add_argument("--files", action="store_true", help="values are names of files")
    given = parser.parse_args()
    endpoints = opened(given.export)
    tables = json.loads((given.export / "tables.json").read_text(encoding="utf-8"))
    for value in given.values:
        content = Path(value).read_bytes() if given.files else value.encode("utf-8", "surrogateescape")
        print(json.dumps(answer(tables, endpoints, content)))
