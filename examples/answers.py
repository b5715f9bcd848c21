"""What with_onnx.py and with_litert.py share: reading a value, running a network, making an answer of its outputs.

It needs NumPy, what the reader of the export's codec needs (read_*.py), and none of seqtasks.
"""

import argparse
import importlib
import json
from collections.abc import Callable
from pathlib import Path

import decode_tags
import numpy as np
import read_subwords

Endpoints = dict[str, Callable[..., dict[str, np.ndarray]]]  # by name: arrays by name in, arrays by name out
MAX_NEW_TOKENS = 40
SPECIALS = 2  # ids before that of the first piece: none of them is ever generated
END = {"sentences": 2, "subword_sentences": 12}  # the id with which a text ends, of codecs whose texts do


def answer(codecs: dict, endpoints: Endpoints, value: bytes) -> dict:
    """The answer to one value of an export whose codecs.json is `codecs`."""
    inputs, targets = codecs["inputs"], codecs["targets"]
    values = importlib.import_module(f"read_{inputs['codec']}").read(inputs, value)
    if targets["codec"] == "entities":
        outputs = endpoints["serve"](values=values)
        return {"answer": tagged(outputs, values[0], value.decode(errors="replace"), targets["types"])}
    if "serve" in endpoints:
        shares = endpoints["serve"](values=values)["probabilities"][0].tolist()
        best = int(np.argmax(shares))
        named = dict(zip(targets["names"], shares, strict=True))
        return {"answer": targets["names"][best], "probability": shares[best], "probabilities": named}
    tokens = generate(endpoints, values, END.get(targets["codec"], -1))
    if targets["codec"] == "subword_sentences" or targets.get("level") == "subword":
        return {"answer": read_subwords.text(targets, tokens)}
    pieces = ("", "\ufffd", *targets["vocabulary"])
    return {"answer": (" " if targets["codec"] == "sentences" else "").join(pieces[token] for token in tokens)}


def tagged(outputs: dict[str, np.ndarray], pieces: np.ndarray, text: str, types: list[str]) -> str:
    """The entities of a text, JSON, from what a network gives for its pieces, whose places are columns 1 and 2."""
    emissions, parameters = outputs["emissions"][0], outputs["parameters"][0]
    found = []
    for first, last, kind in decode_tags.entities(decode_tags.viterbi(emissions, parameters)):
        start, end = int(pieces[first, 1]), int(pieces[last - 1, 2])
        if end > start:  # a text without a piece has one that is empty
            words, name = (json.dumps(each, ensure_ascii=False) for each in (text[start:end], types[kind]))
            share = decode_tags.probability(emissions, parameters, first, last, kind)
            places = f'"start": {start}, "end": {end}, "probability": {share:.3f}'
            found.append(f'{{"text": {words}, "type": {name}, {places}}}')
    return f"[{', '.join(found)}]"


def generate(endpoints: Endpoints, values: np.ndarray, end_id: int) -> list[int]:
    """The most probable token, again and again."""
    given, tokens = endpoints["prefill"](values=values), []
    while len(tokens) < MAX_NEW_TOKENS:
        after = endpoints["step"](**given)
        token = int(after.pop("logits")[0, SPECIALS:].argmax()) + SPECIALS
        if token == end_id:
            break
        tokens.append(token)
        given |= {name.removeprefix("next_"): state for name, state in after.items()}
        given["token"] = np.array([token], np.int32)
    return tokens


def main(opened: Callable[[Path], Endpoints]) -> None:
    """The command line: the folder of an export, and values or the files that hold them; an answer a line, as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("export", type=Path, help="the folder of an export")
    parser.add_argument("values", nargs="+", help="values to answer")
    parser.add_argument("--files", action="store_true", help="values are names of files")
    given = parser.parse_args()
    endpoints = opened(given.export)
    codecs = json.loads((given.export / "codecs.json").read_text(encoding="utf-8"))
    for value in given.values:
        content = Path(value).read_bytes() if given.files else value.encode("utf-8", "surrogateescape")
        print(json.dumps(answer(codecs, endpoints, content)))
