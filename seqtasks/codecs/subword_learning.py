"""Which pieces words are cut into: byte-pair encoding (Sennrich et al., 2016) of a text's distinct words.

It begins with single characters; again and again the most frequent pair of neighbours becomes a piece.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

MAX_PIECE_BYTES = 24
MIN_FREQUENCY = 2  # of a piece: what occurs once is spelled
MAX_WORDS = 50_000  # distinct ones that are learned from, the most frequent

Pair = tuple[str, str]


def learn(words: Iterable[tuple[str, int]], most: int) -> tuple[str, ...]:
    """Distinct words and how often each occurs -> at most so many pieces, the most frequent first.

    Characters come before merged pieces where not all fit. A piece counts where words are cut into it in the end.
    """
    words = list(words)
    letters: Counter[str] = Counter()
    for word, count in words:
        for letter in word:
            letters[letter] += count
    ranked = sorted((-count, letter) for letter, count in letters.items() if count >= MIN_FREQUENCY)
    pieces = dict.fromkeys(letter for _, letter in ranked[:most])
    parts = [(part, count) for word, count in words for part in _parts(word, pieces)]
    cut, counts = [part for part, _ in parts], [count for _, count in parts]
    for piece in _merged(cut, counts, most - len(pieces)):
        pieces[piece] = None
    found = Counter(dict.fromkeys(pieces, 0))
    for symbols, count in zip(cut, counts, strict=True):
        for symbol in symbols:
            found[symbol] += count
    return tuple(sorted(found, key=lambda piece: (-found[piece], piece)))


def _parts(word: str, known: dict[str, None]) -> Iterator[list[str]]:
    """The characters of a word, in parts without unknown ones."""
    return (list(part) for is_known, part in groupby(word, known.__contains__) if is_known)


def _merged(cut: list[list[str]], counts: Sequence[int], most: int) -> Iterator[str]:
    """Pieces, the most frequent pair first; the parts are cut into them as they come."""
    pairs: Counter[Pair] = Counter()
    places = defaultdict[Pair, set[int]](set)  # the parts in which a pair occurs, or did
    for number, symbols in enumerate(cut):
        for pair in pairwise(symbols):
            pairs[pair] += counts[number]
            places[pair].add(number)
    waiting = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(waiting)
    made: set[str] = set()
    while waiting and len(made) < most:
        negative, pair = heapq.heappop(waiting)
        piece = "".join(pair)
        if pairs[pair] != -negative or -negative < MIN_FREQUENCY or len(piece.encode()) > MAX_PIECE_BYTES:
            continue  # its count has changed since, and it waits once more with the right one
        if piece not in made:  # of other pairs
            made.add(piece)
            yield piece
        changes: Counter[Pair] = Counter()
        for number in places.pop(pair):
            joined = _joined(cut[number], pair, piece)
            for each in pairwise(cut[number]):
                changes[each] -= counts[number]
            for each in pairwise(joined):
                changes[each] += counts[number]
                places[each].add(number)
            cut[number] = joined
        for each, change in changes.items():
            if change:
                pairs[each] += change
                heapq.heappush(waiting, (-pairs[each], each))


def _joined(symbols: Sequence[str], pair: Pair, piece: str) -> list[str]:
    """The symbols with the piece for each such pair, from left to right."""
    found: list[str] = []
    place = 0
    while place < len(symbols):
        here = tuple(symbols[place : place + 2]) == pair
        found.append(piece if here else symbols[place])
        place += 2 if here else 1
    return found
