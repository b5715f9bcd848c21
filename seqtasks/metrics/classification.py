"""Figures of merit for classes, from ids and probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

from seqtasks.metrics import plots
from seqtasks.metrics.report import Report, Section

BINS = 15  # of the calibration error
BUCKETS = (100, 200, 300, 400)  # upper ends, in steps
MAX_MISTAKES = 100  # listed, the most confident first
SAMPLES = 10  # rows shown of all that were answered


def measure(
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
        "errors": int((~right).sum()),
        "macro_f1": float(metrics.f1_score(targets, answers, average="macro", labels=classes, zero_division=0.0)),
        "mcc": float(metrics.matthews_corrcoef(targets, answers)) if len({*targets, *answers}) > 1 else 0.0,
        "roc_auc": _roc_auc(targets, probabilities, classes),
        "pr_auc": _pr_auc(targets, probabilities, classes),
        "calibration_error": calibration_error(probabilities.max(axis=1), right),
        "confusion": metrics.confusion_matrix(targets, answers, labels=classes).tolist(),
        "accuracy_by_length": by_length(right, lengths),
    }


def report(
    targets: np.ndarray, probabilities: np.ndarray, lengths: np.ndarray, names: Sequence[str], inputs: Any
) -> Report:
    """Figures of `measure`; the confusion matrix drawn and in words; the most confident mistakes with their inputs."""
    figures = measure(targets, probabilities, lengths, names)
    by_length = {
        f"{bucket} steps": (found["accuracy"], found["rows"]) for bucket, found in figures["accuracy_by_length"].items()
    }
    lines = [
        (f"{truth} answered as", ", ".join(f"{count:,} {name}" for name, count in zip(names, row, strict=True)))
        for truth, row in zip(names, figures["confusion"], strict=True)
    ]
    return Report(
        figures,
        headline="accuracy",
        size=(len(targets), "examples"),
        breakdowns=by_length,
        lines=lines,
        tables={"mistakes.csv": mistakes(targets, probabilities, names, inputs)},
        pictures={"confusion.png": lambda path: plots.confusion(figures["confusion"], names, path)},
        sections=_sections(targets, probabilities, lengths, names, inputs),
    )


def _sections(
    targets: np.ndarray, probabilities: np.ndarray, lengths: np.ndarray, names: Sequence[str], inputs: Any
) -> list[Section]:
    """Parts of the page: curves over thresholds, lengths, and rows drawn at random."""
    right, confidences = probabilities.argmax(axis=1) == targets, probabilities.max(axis=1)
    whose = f"of the class {names[1]}" if len(names) == 2 else "of each class against the rest"
    curves = {}
    if len(names) > 1 and len(set(targets)) > 1:
        curves = {
            f"ROC curve {whose}": lambda path: plots.roc(targets, probabilities, names, path),
            f"Precision and recall {whose}": lambda path: plots.precision_recall(targets, probabilities, names, path),
        }
    drawn = np.sort(np.random.default_rng(0).permutation(len(targets))[:SAMPLES])
    return [
        Section(
            "Thresholds and calibration",
            pictures={
                **curves,
                f"Calibration in {BINS} bins: how often answers of a probability are right, and how many there are": (
                    lambda path: plots.calibration(confidences, right, BINS, path)
                ),
            },
        ),
        Section(
            "Lengths",
            pictures={
                "Lengths of the inputs, rightly and wrongly answered": lambda path: plots.lengths(lengths, right, path)
            },
        ),
        Section(
            "Samples",
            "Drawn at random from all that were answered.",
            table=_rows(drawn, targets, probabilities, names, inputs),
        ),
    ]


def _rows(
    rows: np.ndarray, targets: np.ndarray, probabilities: np.ndarray, names: Sequence[str], inputs: Any
) -> pd.DataFrame:
    """Rows with truth, answer, its probability and the input; inputs are bytes (N,)."""
    answers = probabilities.argmax(axis=1)
    return pd.DataFrame(
        {
            "row": rows + 1,
            "truth": [names[each] for each in targets[rows]],
            "answer": [names[each] for each in answers[rows]],
            "probability": probabilities.max(axis=1)[rows].round(4),
            "input": [value.decode(errors="replace") for value in inputs[rows]],
        }
    )


def mistakes(targets: np.ndarray, probabilities: np.ndarray, names: Sequence[str], inputs: Any) -> pd.DataFrame:
    """The most confident wrong answers: row, truth, answer, its probability, the input; inputs are bytes (N,)."""
    answers = probabilities.argmax(axis=1)
    confidence = np.where(answers != targets, probabilities.max(axis=1), 0.0)
    worst = np.argsort(-confidence, kind="stable")[: min(MAX_MISTAKES, int((answers != targets).sum()))]
    return _rows(worst, targets, probabilities, names, inputs)


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
