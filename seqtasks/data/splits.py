"""Train, validation and test that share no example; of one long text, parts that stand one behind the other.

An example that stands in two splits is dropped from train, then from validation, never from an official test split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from seqtasks import setting
from seqtasks.errors import InputError, UsageError
from seqtasks.task import Examples

SHARE = 0.1  # of train, for a split that a data set does not have
MIN_CHARACTERS = 100  # of a text
OFFICIAL = "official_validation"  # what a data set has as validation where epochs are chosen by another part
SEED = 20_150_101  # of the split itself: the same for every training seed, so that their results compare
CHUNK = 10_000


def separate(
    splits: Mapping[str, Examples], *, user: bool = False, classes: bool = True, validation_split: float = SHARE
) -> tuple[dict[str, Examples], dict[str, int]]:
    """Splits that share no input -> (train, validation and test; what was dropped from which because of which).

    A test or a validation split that is missing is taken out of train, stratified by target where targets are classes;
    no validation of a share of 0.
    Of a person's own examples what stands in train more than once, with one target, is kept once. Raises InputError
    where a split is left without rows.
    """
    keys = {name: _keys(examples) for name, examples in splits.items()}
    kept = {name: np.arange(len(examples), dtype=np.int32) for name, examples in splits.items()}
    sources = dict(splits)
    dropped: dict[str, int] = {}
    if user:
        first = _first(keys["train"], splits["train"].targets)
        kept["train"], dropped["train, there already"] = first, len(keys["train"]) - len(first)
    shares = {"test": SHARE, "validation": validation_split}
    for name in ("test", "validation"):
        if name not in splits and len(kept["train"]) and shares[name]:
            rows = kept["train"]
            names = splits["train"].targets[rows] if classes else np.full(len(rows), "", object)
            chosen = _choose(names, keys["train"][rows], shares[name])
            sources[name], keys[name] = splits["train"], keys["train"]
            kept[name], kept["train"] = kept["train"][chosen], kept["train"][~chosen]
        for other in ("train", "validation") if name == "test" else ("train",):
            if name in kept and other in kept:
                shared = _shared(keys[other][kept[other]], keys[name][kept[name]])
                kept[other] = kept[other][~shared]
                dropped[f"{other}, also in {name}"] = int(shared.sum())
    wanted = [name for name in ("train", "validation", "test") if name in kept or name == "test" or validation_split]
    for name in wanted:
        if not len(kept.get(name, ())):
            few = " of each class" if classes else ""
            raise InputError(f"0 usable rows for {name}; give more examples{few}")
    return {name: sources[name].take(kept[name]) for name in wanted}, dropped


def cut(splits: Mapping[str, Examples], validation_split: float) -> dict[str, Examples]:
    """Texts by split -> the same with a share of the training text, its end, as validation, if any.

    Where there is no test split, it is the last tenth of the text before that. A validation split that a data set has
    itself is then called OFFICIAL. Raises InputError for a text too short and UsageError for a share that is not from 0
    to 0.5.
    """
    setting.between(0, 0.5)("validation_split", validation_split)
    texts = {name: "".join(text.decode(errors="replace") for text in each.inputs[:]) for name, each in splits.items()}
    for name, text in texts.items():
        if len(text) < (minimum := MIN_CHARACTERS if name == "train" else 1):
            raise InputError(f"the text for {name} has {len(text):,} characters; give one of at least {minimum}")
    if "test" not in texts:
        texts["train"], texts["test"] = _without_end(texts["train"], SHARE)
    if validation_split:
        if "validation" in texts:
            texts[OFFICIAL] = texts.pop("validation")
        texts["train"], texts["validation"] = _without_end(texts["train"], validation_split)
    columns = {name: np.array([text.encode()], dtype=object) for name, text in texts.items()}
    return {name: Examples(column, column) for name, column in columns.items()}


def _without_end(text: str, share: float) -> tuple[str, str]:
    """A text without its end, and its end."""
    place = len(text) - int(len(text) * share)
    return text[:place], text[place:]


def duplicates(examples: Examples) -> int:
    """How many inputs stand there before already."""
    keys = _keys(examples)
    keys.sort()
    return int((keys[1:] == keys[:-1]).sum())


def folds(examples: Examples, number: int) -> np.ndarray:
    """The fold, from 0, that each example is in, int (N,): equal inputs in one, each target's inputs evenly in all.

    Raises UsageError unless there are at least two folds and at least as many distinct inputs.
    """
    keys = _keys(examples)
    distinct, first, groups = np.unique(keys, return_index=True, return_inverse=True)
    if not 2 <= number <= len(distinct):
        raise UsageError(f"--folds is from 2 to {len(distinct):,}, the number of distinct inputs, not {number}")
    targets = examples.targets[first].astype(str)
    order = np.lexsort((_mix(distinct), targets))
    place = np.empty(len(distinct), int)
    place[order] = np.arange(len(distinct)) % number
    return place[groups]


def contradictions(examples: Examples) -> np.ndarray:
    """The rows, ascending, whose input stands in another row under another target: int (N,)."""
    keys = _keys(examples)
    order = np.argsort(keys, kind="stable")
    same = keys[order[1:]] == keys[order[:-1]]
    starts = np.flatnonzero(np.append(True, ~same))  # of the groups of equal inputs
    sizes = np.diff(np.append(starts, len(order)))
    several = sizes > 1
    groups = [order[start : start + size] for start, size in zip(starts[several], sizes[several], strict=True)]
    found = [rows for rows in groups if len(set(examples.targets[rows])) > 1]
    return np.sort(np.concatenate(found)) if found else order[:0]


def _first(keys: np.ndarray, targets: Any) -> np.ndarray:
    """The rows, ascending, whose key and target no row before has: int32 (N,)."""
    pairs = keys.copy()
    for start in range(0, len(pairs), CHUNK):
        texts = (str(target).encode() for target in targets[start : start + CHUNK])
        digests = b"".join(hashlib.blake2b(text, digest_size=8).digest() for text in texts)
        pairs[start : start + CHUNK] += np.frombuffer(digests, np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    order = np.argsort(pairs, kind="stable")
    kept = np.ones(len(keys), bool)
    kept[order[1:][pairs[order[1:]] == pairs[order[:-1]]]] = False
    return np.flatnonzero(kept).astype(np.int32)


def _choose(targets: np.ndarray, keys: np.ndarray, share: float) -> np.ndarray:
    """A share of each target's rows, at least one where it has two: bool (N,). Equal rows are chosen together.

    The keys are used up: there may be millions.
    """
    draw = _mix(keys)
    chosen = np.zeros(len(keys), bool)
    for name in sorted(set(targets)):
        rows = np.flatnonzero(targets == name)
        number = max(1, round(len(rows) * share)) if len(rows) > 1 else 0
        if number:
            drawn = draw[rows]
            drawn.partition(number - 1)
            chosen[rows] = draw[rows] <= drawn[number - 1]
    return chosen


def _mix(keys: np.ndarray) -> np.ndarray:
    """Makes the keys random numbers that depend on them alone (the finaliser of SplitMix64, Steele et al., 2014)."""
    for start in range(0, len(keys), CHUNK):
        part = keys[start : start + CHUNK]
        part += np.uint64(SEED)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            part ^= part >> np.uint64(shift)
            part *= np.uint64(factor)
        part ^= part >> np.uint64(31)
    return keys


def _shared(keys: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of the keys stand among the others, bool (N,)."""
    if not len(others):
        return np.zeros(len(keys), bool)
    ordered = np.sort(others)
    place = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    return ordered[place] == keys


def _keys(examples: Examples) -> np.ndarray:
    """A hash of each input, uint64 (N,): among two million rows, two differ and share one in 1 of 10 million cases."""
    keys = np.empty(len(examples), np.uint64)
    for start in range(0, len(examples), CHUNK):
        values = examples.inputs[start : start + CHUNK]
        digests = b"".join(hashlib.blake2b(value, digest_size=8).digest() for value in values)
        keys[start : start + len(values)] = np.frombuffer(digests, np.uint64)
    return keys
