"""A prompt -> ids of its characters, words or pieces of words, in plain Python.

`codec` is the `inputs` of an export's codecs.json, where the codec is `tokens`.
"""

import numpy as np
import read_subwords
import regex

UNKNOWN, SPECIALS = 1, 2  # the id of an unknown piece; ids before that of the first piece
BLANKS = "\t\n\f\r "  # what RE2, TensorFlow's regular expressions, takes for white space
KNOWN = r"\p{L}\p{N}\p{M}'’"
WORDS = rf" ?[{KNOWN}]+| ?[^{KNOWN}{BLANKS}]|[{BLANKS}]"  # a word has the space before it


def read(codec: dict, value: bytes) -> np.ndarray:
    """A text's bytes -> ids, int32 (1, steps); of an empty one those of a line feed: the beginning of a line."""
    text = value.replace(b"\0", b" ").decode(errors="replace") or "\n"
    if codec["level"] == "subword":
        return np.array([read_subwords.ids(codec["vocabulary"], "subword", text)], np.int32)
    ids = {piece: number for number, piece in enumerate(codec["vocabulary"], SPECIALS)}
    pieces = list(text) if codec["level"] == "character" else regex.findall(WORDS, text)
    return np.array([[ids.get(piece, UNKNOWN) for piece in pieces]], np.int32)
