"""Train, validation and test that share no example.

An example that stands in two splits is dropped from train, then from validation, never from an official test split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from seqtasks.errors import InputError
from seqtasks.task import Examples

VALIDATION = 0.1  # of train, where a data set has no validation split of its own
SEED = 20_150_101  # of the split itself: the same for every training seed, so that their results compare
CHUNK = 10_000


def separate(splits: Mapping[str, Examples]) -> tuple[dict[str, Examples], dict[str, int]]:
    """Splits that share no input -> (train, validation and, if there is one, test; what was dropped from which).

    Validation is taken out of train, stratified by target, where it is missing. Raises InputError where a split is left
    without rows.
    """
    if not len(splits["train"]):
        raise InputError("0 usable rows to train on; give a file with examples")
    keys = {name: _keys(examples) for name, examples in splits.items()}
    kept = {name: np.arange(len(examples)) for name, examples in splits.items()}
    dropped: dict[str, int] = {}
    for name, other in (("validation", "test"), ("train", "test"), ("train", "validation")):
        if name in kept and other in kept:
            shared = np.isin(keys[name][kept[name]], keys[other][kept[other]])
            kept[name] = kept[name][~shared]
            dropped[f"{name}, also in {other}"] = int(shared.sum())
    sources = dict(splits)
    if "validation" not in splits:
        sources["validation"] = splits["train"]
        rows = kept["train"]
        train, validation = _divide(splits["train"].targets[rows], keys["train"][rows])
        kept["train"], kept["validation"] = rows[train], rows[validation]
    for name, rows in kept.items():
        if not len(rows):
            raise InputError(f"0 usable rows for {name}; give more examples")
    ordered = [name for name in ("train", "validation", "test") if name in kept]
    return {name: sources[name].take(kept[name]) for name in ordered}, dropped


def _divide(targets: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers for train and validation: of each target alike, equal inputs on the same side."""
    _, group = np.unique(keys, return_inverse=True)
    rank = np.random.default_rng(SEED).permutation(group.max() + 1)[group]
    chosen = []
    for name in np.unique(targets):
        rows = np.flatnonzero(targets == name)
        rows = rows[np.argsort(rank[rows], kind="stable")]
        chosen.append(rows[: max(1, round(len(rows) * VALIDATION))])
    held = np.isin(rank, rank[np.concatenate(chosen)])
    return np.flatnonzero(~held), np.flatnonzero(held)


def _keys(examples: Examples) -> np.ndarray:
    """16 bytes of hash for each input, (N,)."""
    digests = [
        hashlib.blake2b(value if isinstance(value, bytes) else str(value).encode(), digest_size=16).digest()
        for start in range(0, len(examples), CHUNK)
        for value in examples.inputs[start : start + CHUNK]
    ]
    return np.frombuffer(b"".join(digests), dtype="V16")
