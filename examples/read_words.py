"""A text -> its pieces, as words and characters: what `seqtasks` does in TensorFlow's graph, in plain Python.

`codec` is the `inputs` of an export's codecs.json, where the codec is `words`. A piece is a row of numbers: the id of
its word, the places of its first character and of the one behind its last, the ids of its characters.
"""

import re
import unicodedata

import numpy as np

UNKNOWN, SPECIALS = 1, 2  # the id of an unknown word or character; ids before that of the first one
BLANK, SIGN, LETTER = range(3)
ALONE = ((0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))  # signs of scripts without blanks


def read(codec: dict, value: bytes) -> np.ndarray:
    """A text's bytes -> pieces, int32 (1, steps, 3 + characters); a text without one has one that is empty."""
    text = value.decode(errors="replace")
    words = {word: number for number, word in enumerate(codec["vocabulary"], SPECIALS)}
    ids = {sign: number for number, sign in enumerate(codec["characters"], SPECIALS)}
    most = codec["word_characters"]
    rows = []
    for start, end in pieces(text) or [(0, 0)]:
        piece = text[start:end]
        word = words.get(re.sub("[0-9]", "0", piece.lower()), UNKNOWN)
        kept = piece if len(piece) <= most else piece[: most // 2] + piece[len(piece) - most + most // 2 :]
        row = [ids.get(sign, UNKNOWN) for sign in kept]
        rows.append([word, start, end, *row, *[0] * (most - len(row))])
    return np.array([rows], np.int32)


def pieces(text: str) -> list[tuple[int, int]]:
    """First character and the one behind the last: of runs of letters, digits and marks, and of each other sign."""
    found: list[tuple[int, int]] = []
    before = BLANK
    for place, sign in enumerate(text):
        now = kind(sign)
        if now == before == LETTER:
            found[-1] = (found[-1][0], place + 1)
        elif now != BLANK:
            found.append((place, place + 1))
        before = now
    return found


def kind(sign: str) -> int:
    category = unicodedata.category(sign)
    if category[0] == "Z" or category == "Cc":
        return BLANK
    if category[0] not in "LNM" or any(first <= ord(sign) <= last for first, last in ALONE):
        return SIGN
    return LETTER
