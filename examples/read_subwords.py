"""A text <-> ids of pieces of its words: what `seqtasks` does in TensorFlow's graph, in plain Python.

`codec` is the `inputs` of an export's codecs.json where the codec is `subwords`, or the `targets` where it is
`subword_sentences`.
"""

import numpy as np
import regex

UNKNOWN, FIRST_BYTE, FIRST_PIECE = 1, 2, 258  # ids from FIRST_BYTE on are bytes, from FIRST_PIECE on pieces
BLANKS = "\t\n\f\r "  # what RE2, TensorFlow's regular expressions, takes for white space
KNOWN = r"\p{L}\p{N}\p{M}'’"
WORD = rf" ?[{KNOWN}]+| ?[^{KNOWN}{BLANKS}]|[{BLANKS}]"  # a word has the space before it
LONGEST = 32  # characters of a word: a longer one is several
PIECE_BYTES, WORD_BYTES = 24, 128  # at most: a longer text is cut before it is read
UNIT = 1_000


def read(codec: dict, value: bytes) -> np.ndarray:
    """A text's bytes -> ids, int32 (1, steps)."""
    most = (codec["max_length"] + 1) * (PIECE_BYTES if codec["level"] == "subword" else WORD_BYTES)
    found = ids(codec["vocabulary"], codec["level"], value[:most].decode(errors="replace"))
    return np.array([found[: codec["max_length"]] or [UNKNOWN]], np.int32)


def text(codec: dict, tokens: list[int]) -> str:
    """Ids -> text."""
    spelled = [bytes([byte]) for byte in range(FIRST_PIECE - FIRST_BYTE)]
    pieces = [b"", "\ufffd".encode(), *spelled, *(piece.encode() for piece in codec["vocabulary"])]
    return b"".join(pieces[token] for token in tokens).decode(errors="replace")


def ids(vocabulary: list[str], level: str, text: str) -> list[int]:
    """A text -> ids: those of whole words, and of the cheapest cuts of all others."""
    whole = {piece: number for number, piece in enumerate(vocabulary, FIRST_PIECE)}
    prices = costs(vocabulary)
    found: list[int] = []
    words = (word[at : at + LONGEST] for word in regex.findall(WORD, text) for at in range(0, len(word), LONGEST))
    for word in words:
        if word in whole or level == "word":
            found.append(whole.get(word, UNKNOWN))
        else:
            found += cheapest(word.encode(), prices)
    return found


def costs(vocabulary: list[str]) -> dict[bytes, tuple[int, int]]:
    """Piece -> its cost, by its rank and Zipf's law, and its id; a byte costs more than any piece."""
    ranks = np.arange(1, len(vocabulary) + 1)
    prices = np.rint(UNIT * np.log(ranks * np.log(len(vocabulary) + 2))).astype(int).tolist()
    dear = 2 * max(prices, default=UNIT)
    found = {bytes([byte]): (dear, FIRST_BYTE + byte) for byte in range(FIRST_PIECE - FIRST_BYTE)}
    pieces = zip(vocabulary, prices, range(FIRST_PIECE, FIRST_PIECE + len(vocabulary)), strict=True)
    return found | {piece.encode(): (price, number) for piece, price, number in pieces}


def cheapest(word: bytes, prices: dict[bytes, tuple[int, int]]) -> list[int]:
    """The cut whose pieces cost least together; of equal ones that with the shorter last piece."""
    longest = max(map(len, prices))
    best: list[tuple[int, list[int]]] = [(0, [])]  # of the first 0, 1, ... bytes
    for end in range(1, len(word) + 1):
        found = None
        for size in range(1, min(longest, end) + 1):
            if (priced := prices.get(word[end - size : end])) is None:
                continue
            total = best[end - size][0] + priced[0]
            if found is None or total < found[0]:
                found = (total, [*best[end - size][1], priced[1]])
        assert found is not None  # every byte has a price
        best.append(found)
    return best[-1][1]
