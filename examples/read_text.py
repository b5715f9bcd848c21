"""A review -> ids of its words: what `seqtasks` does in TensorFlow's graph, in plain Python.

`tables` is the `inputs` of an export's tables.json, written where the codec is `text`.
"""

import numpy as np
import regex

UNKNOWN, SPECIALS = 1, 2  # the id of an unknown word; ids before that of the first word
BLANKS = "\t\n\f\r "  # what RE2, TensorFlow's regular expressions, takes for white space
BYTES = {"word": 32, "character": 4}  # of a step, at most: a longer text is cut before it is read


def read(tables: dict, value: bytes) -> np.ndarray:
    """A text's bytes -> ids, int32 (1, steps)."""
    ids = {word: number for number, word in enumerate(tables["vocabulary"], SPECIALS)}
    found = [ids.get(word, UNKNOWN) for word in split(tables, value)]
    return np.array([found or [UNKNOWN]], np.int32)


def split(tables: dict, value: bytes) -> list[str]:
    """The words, or characters, that are read of a text."""
    length, head = tables["length"], tables["keep"] == "head"
    most = length * BYTES[tables["level"]]
    text = (value[:most] if head else value[-most:]).replace(b"\0", b" ").decode(errors="replace")
    text = text.lower() if tables["lower"] else text
    if tables["level"] == "character":
        pieces = list(text)
    else:
        text = regex.sub(rf"<br[{BLANKS}]*/?>", " ", text)
        text = regex.sub(rf"([^\p{{L}}\p{{N}}\p{{M}}'{BLANKS}])", r" \1 ", text)
        pieces = [piece.decode() for piece in text.encode().split()]  # at ASCII's white space only
    return pieces[:length] if head else pieces[-length:]
