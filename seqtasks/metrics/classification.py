"""Figures of merit, from ids and probabilities."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn import metrics

from seqtasks.metrics import captions as wording

BINS = 15  # of the calibration error
BUCKETS = (100, 200, 300, 400)  # upper ends, in steps


def classification(
    targets: np.ndarray, probabilities: np.ndarray, lengths: np.ndarray, names: Sequence[str]
) -> dict[str, Any]:
    """Class ids (N,), probabilities (N, C), lengths (N,) -> accuracy, macro-F1, ROC-AUC and so on, from 0 to 1.

    MCC, Matthews's correlation of targets and answers, is from -1 to 1 (Gorodkin, 2004, for more than two classes).
    """
    answers = probabilities.argmax(axis=1)
    classes = np.arange(len(names))
    right = answers == targets
    return {
        "accuracy": float(right.mean()),
        "macro_f1": float(metrics.f1_score(targets, answers, average="macro", labels=classes, zero_division=0.0)),
        "mcc": float(metrics.matthews_corrcoef(targets, answers)),
        "roc_auc": _roc_auc(targets, probabilities, classes),
        "pr_auc": _pr_auc(targets, probabilities, classes),
        "calibration_error": calibration_error(probabilities.max(axis=1), right),
        "confusion": metrics.confusion_matrix(targets, answers, labels=classes).tolist(),
        "accuracy_by_length": by_length(right, lengths),
    }


def likelihood(nats: float, tokens: int, characters: int) -> dict[str, Any]:
    """What a text costs by the character and, as perplexity, by the token; nats are those of all of it."""
    each = nats / characters
    return {
        "characters": characters,
        "nats_per_character": each,
        "bits_per_character": each / math.log(2),
        "perplexity": math.exp(nats / tokens),
    }


def captions(written: Sequence[str], references: Sequence[Sequence[str]], known: Collection[str]) -> dict[str, float]:
    """Sentences, what people wrote of each, and the training's -> BLEU, ROUGE-L, CIDEr-D (wording), and from 0 to 1:

    exact_match, of those that are one of their own references, word for word; new, of those that nobody wrote in
    training; distinct, of different ones.
    """
    plain = [" ".join(wording.words(each)) for each in written]
    theirs = [{" ".join(wording.words(each)) for each in several} for several in references]
    before = {" ".join(wording.words(each)) for each in known}
    return {
        **wording.captions(written, references),
        "exact_match": float(np.mean([one in several for one, several in zip(plain, theirs, strict=True)])),
        "new": float(np.mean([one not in before for one in plain])),
        "distinct": len(set(plain)) / len(plain),
    }


def calibration_error(confidences: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error over equal bins of confidence (Guo et al., 2017)."""
    bins = np.minimum((confidences * BINS).astype(int), BINS - 1)
    gaps = [
        abs(confidences[bins == each].mean() - right[bins == each].mean()) * (bins == each).mean() for each in set(bins)
    ]
    return float(sum(gaps))


def by_length(right: np.ndarray, lengths: np.ndarray) -> dict[str, dict[str, float]]:
    """The share of right answers and the number of rows in buckets of length, steps."""
    edges = [0, *BUCKETS, int(lengths.max(initial=0)) + BUCKETS[-1]]
    table = {}
    for low, high in pairwise(edges):
        rows = (lengths > low) & (lengths <= high)
        if rows.any():
            name = f"{low + 1}-{high}" if high != edges[-1] else f"over {low}"
            table[name] = {"accuracy": float(right[rows].mean()), "rows": int(rows.sum())}
    return table


def _roc_auc(targets: np.ndarray, probabilities: np.ndarray, classes: np.ndarray) -> float | None:
    """One class against the rest, averaged; None where a class has no example, for then it is not defined."""
    if len(set(targets)) < len(classes) or len(classes) < 2:
        return None
    scores = probabilities[:, 1] if len(classes) == 2 else probabilities
    return float(metrics.roc_auc_score(targets, scores, multi_class="ovr", labels=classes))


def _pr_auc(targets: np.ndarray, probabilities: np.ndarray, classes: np.ndarray) -> float | None:
    """Average precision of the second of two classes, or of each of several against the rest; or None as there."""
    if len(set(targets)) < len(classes) or len(classes) < 2:
        return None
    asked = [1] if len(classes) == 2 else classes
    return float(np.mean([metrics.average_precision_score(targets == each, probabilities[:, each]) for each in asked]))
