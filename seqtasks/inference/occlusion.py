"""What each word of a text adds to a class: the text is answered again and again with words left out.

Shapley values by sampling (Strumbelj and Kononenko, 2010): words are removed one after the other in random orders, and
a word's effect is the mean change of the log odds when it goes. Whatever the orders, the changes of each add up to the
log odds of the whole text less those of the empty one. An export is all that it takes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

MAX_PIECES = 300  # neighbouring words are taken together beyond so many
TEXTS = 2_400  # answered for one explanation, about
MIN_ORDERS, MAX_ORDERS = 2, 32
TAG = re.compile(r"(<[^<>\s][^<>]*>)")
WITHOUT_SPACES = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")  # scripts whose words touch

LogOdds = Callable[[Sequence[str]], Sequence[float]]  # texts -> those of one class


def split(text: str) -> list[str]:
    """Words, other signs and tags, each with the white space before it, the last with what is behind; joined, the text.

    Letters of scripts without spaces are words of their own.
    """
    found: list[str] = []
    space, word = "", False  # white space that waits for its piece; whether the last piece may go on
    for number, part in enumerate(TAG.split(text)):
        if number % 2:
            found.append(space + part)
            space, word = "", False
            continue
        for sign in part:
            letter = sign in "'’" or unicodedata.category(sign)[0] in "LMN"
            if sign.isspace():
                space, word = space + sign, False
            elif word and letter and not WITHOUT_SPACES.match(sign):
                found[-1] += sign
            else:
                found.append(space + sign)
                space, word = "", letter and not WITHOUT_SPACES.match(sign)
    if not found:
        return [space] if space else []
    found[-1] += space
    return found


def grouped(pieces: Sequence[str], most: int) -> list[str]:
    """Neighbours joined, as few as will do, so that there are at most so many."""
    edges = np.linspace(0, len(pieces), min(len(pieces), most) + 1).round().astype(int)
    return ["".join(pieces[start:end]) for start, end in pairwise(edges)]


def remaining(pieces: Sequence[str], kept: np.ndarray) -> str:
    """The text of the pieces that are kept, bool (N,); words that touch now have a space between them."""
    parts: list[str] = []
    before = -1
    for place in np.flatnonzero(kept).tolist():
        touches = parts and not (pieces[place][:1].isspace() or parts[-1][-1:].isspace())
        parts.append(f" {pieces[place]}" if touches and place > before + 1 else pieces[place])
        before = place
    return "".join(parts)


def effects(pieces: Sequence[str], ask: LogOdds, *, seed: int = 0) -> tuple[np.ndarray, float]:
    """What each piece adds (N,), and what they add up to: the log odds of the whole less those of the empty text.

    Each order is used from both its ends, which lessens the variance.
    """
    count = len(pieces)
    if not count:
        return np.zeros(0), 0.0
    draw = np.random.default_rng(seed)
    pairs = int(np.clip(TEXTS // count, MIN_ORDERS, MAX_ORDERS)) // 2
    orders = [order for _ in range(pairs) for first in [draw.permutation(count)] for order in (first, first[::-1])]
    texts = [[remaining(pieces, kept) for kept in _kept(order)] for order in orders]
    distinct = sorted({text for several in texts for text in several}, key=lambda text: (len(text), text))
    odds = dict(zip(distinct, ask(distinct), strict=True))
    found = np.zeros(count)
    for order, several in zip(orders, texts, strict=True):
        found[order] -= np.diff([odds[text] for text in several])
    return found / len(orders), odds[texts[0][0]] - odds[""]


def _kept(order: np.ndarray) -> np.ndarray:
    """An order of removal, (N,) -> what is kept after none, one, ... all were removed, bool (N + 1, N)."""
    rank = np.argsort(order)
    return rank[None, :] >= np.arange(len(order) + 1)[:, None]
