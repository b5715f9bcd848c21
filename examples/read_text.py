"""A review -> ids of its words: what `seqtasks` does in TensorFlow's graph, in plain Python.

`codec` is the `inputs` of an export's codecs.json, where the codec is `text`.
"""

import numpy as np
import regex

UNKNOWN, SPECIALS = 1, 2  # the id of an unknown word; ids before that of the first word
BLANKS = "\t\n\f\r "  # what RE2, TensorFlow's regular expressions, takes for white space
BYTES = {"word": 32, "character": 4}  # of a step, at most: a longer text is cut before it is read


def read(codec: dict, value: bytes) -> np.ndarray:
    """A text's bytes -> ids, int32 (1, steps)."""
    ids = {word: number for number, word in enumerate(codec["vocabulary"], SPECIALS)}
    found = [ids.get(word, UNKNOWN) for word in split(codec, value)]
    return np.array([found or [UNKNOWN]], np.int32)


def split(codec: dict, value: bytes) -> list[str]:
    """The words, or characters, that are read of a text."""
    length, head = codec["max_length"], codec["truncation_side"] == "right"
    most = length * BYTES[codec["level"]]
    text = (value[:most] if head else value[-most:]).replace(b"\0", b" ").decode(errors="replace")
    text = text.lower() if codec["lowercase"] else text
    if codec["level"] == "character":
        pieces = list(text)
    else:
        text = regex.sub(rf"<br[{BLANKS}]*/?>", " ", text)
        text = regex.sub(rf"([^\p{{L}}\p{{N}}\p{{M}}'{BLANKS}])", r" \1 ", text)
        pieces = [piece.decode() for piece in text.encode().split()]  # at ASCII's white space only
    return pieces[:length] if head else pieces[-length:]
