"""A review -> ids of its words, characters or pieces: what `seqtasks` does in TensorFlow's graph, in plain Python.

`codec` is the `inputs` of an export's codecs.json, where the codec is `text`.
"""

import numpy as np
import read_subwords
import regex

UNKNOWN, SPECIALS = 1, 2  # the id of an unknown word; ids before that of the first word
BLANKS = "\t\n\f\r "  # what RE2, TensorFlow's regular expressions, takes for white space
BYTES = {"word": 32, "character": 4, "subword": 24}  # of a step, at most: a longer text is cut before it is read


def read(codec: dict, value: bytes) -> np.ndarray:
    """A text's bytes -> ids, int32 (1, steps)."""
    if codec["level"] == "subword":
        found = read_subwords.ids(codec["vocabulary"], "subword", cleaned(codec, value))
    else:
        ids = {word: number for number, word in enumerate(codec["vocabulary"], SPECIALS)}
        found = [ids.get(word, UNKNOWN) for word in split(codec, value)]
    return np.array([kept(codec, found) or [UNKNOWN]], np.int32)


def split(codec: dict, value: bytes) -> list[str]:
    """The words, or characters, of a text."""
    text = cleaned(codec, value)
    if codec["level"] == "character":
        return list(text)
    text = regex.sub(rf"([^\p{{L}}\p{{N}}\p{{M}}'{BLANKS}])", r" \1 ", text)
    return [piece.decode() for piece in text.encode().split()]  # at ASCII's white space only


def cleaned(codec: dict, value: bytes) -> str:
    """What is read of a text."""
    most = codec["max_length"] * BYTES[codec["level"]]
    kept = value[:most] if codec["truncation_side"] == "right" else value[-most:]
    text = kept.replace(b"\0", b" ").decode(errors="replace")
    text = text.lower() if codec["lowercase"] else text
    return text if codec["level"] == "character" else regex.sub(rf"<br[{BLANKS}]*/?>", " ", text)


def kept(codec: dict, steps: list) -> list:
    """As many steps as are read."""
    return steps[: codec["max_length"]] if codec["truncation_side"] == "right" else steps[-codec["max_length"] :]
