"""From what a network gives for each piece of a text to the entities in it, with NumPy: the search that exports lack.

`emissions` (T, K) are the scores of each tag at each piece, `parameters` (1 + K, K) those of the first tag and, below,
of each tag (columns) behind each (rows). Tags are ids: 0 outside, 2 t - 1 where an entity of type t = 1, 2, ... begins,
2 t inside it.
"""

import numpy as np


def viterbi(emissions: np.ndarray, parameters: np.ndarray) -> list[int]:
    """The tags with the highest score."""
    scores, origins = parameters[0] + emissions[0], []
    for emission in emissions[1:]:
        every = scores[:, None] + parameters[1:]  # from each tag (rows) to each (columns)
        origins.append(every.argmax(axis=0))
        scores = every.max(axis=0) + emission
    tags = [int(scores.argmax())]
    for origin in reversed(origins):
        tags.append(int(origin[tags[-1]]))
    return tags[::-1]


def entities(tags: list[int]) -> list[tuple[int, int, int]]:
    """First piece, the one behind the last, and the type, from 0; what goes on from nothing begins there."""
    found: list[tuple[int, int, int]] = []
    before = 0
    for place, tag in enumerate(tags):
        kind = (tag + 1) // 2
        if tag and tag % 2 == 0 and before == kind:
            found[-1] = (found[-1][0], place + 1, kind - 1)
        elif tag:
            found.append((place, place + 1, kind - 1))
        before = kind
    return found


def probability(emissions: np.ndarray, parameters: np.ndarray, first: int, last: int, kind: int) -> float:
    """That there is exactly this entity: the scores of all sequences of tags with it, over those of all sequences."""
    begin, inside = 2 * kind + 1, 2 * kind + 2
    kept = emissions.astype(float).copy()
    only = np.full_like(kept[first:last], -np.inf)
    only[0, begin], only[1:, inside] = kept[first, begin], kept[first + 1 : last, inside]
    kept[first:last] = only
    kept[last : last + 1, inside] = -np.inf
    return float(np.exp(_all(kept, parameters) - _all(emissions.astype(float), parameters)))


def _all(emissions: np.ndarray, parameters: np.ndarray) -> float:
    """The logarithm of the sum of the exponentials of all sequences' scores (forward algorithm; Rabiner, 1989)."""
    scores = parameters[0] + emissions[0]
    for emission in emissions[1:]:
        scores = np.logaddexp.reduce(scores[:, None] + parameters[1:], axis=0) + emission
    return float(np.logaddexp.reduce(scores))
