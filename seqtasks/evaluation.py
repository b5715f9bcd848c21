"""What a trained model is worth on a split, in figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from seqtasks import batching, files, own, plots, preparing
from seqtasks.batching import Encoded
from seqtasks.errors import UsageError
from seqtasks.task import Folders
from seqtasks.trained import Trained

BATCH = 256  # rows
MISTAKES = 100  # shown, the most confident first


def evaluate(
    trained: Trained, split: str, folders: Folders, notice: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Measures the model on a split of the data set it was trained on.

    Leaves metrics.json, confusion.png and mistakes.csv. Raises UsageError for a split that the data set does not have.
    """
    task, card = trained.task, trained.card
    data = preparing.read(task, own.restore(card.source) or card.dataset, folders, notice)
    if split not in data.examples:
        raise UsageError(f"data set {data.name} has no split {split!r}; choose from {', '.join(data.examples)}")
    encoded = preparing.encode(task, data, [split], folders)[split]
    probabilities = predict(trained, encoded)
    measures = measure(trained, encoded, probabilities)
    result = {"task": task.name, "dataset": data.name, "split": split, "examples": len(encoded), **measures}
    files.write_json(trained.folder / "metrics.json", result, point="metrics")
    with files.writing(trained.folder / "confusion.png", point="confusion") as path:
        plots.confusion(measures["confusion"], task.targets.names, path)
    with files.writing(trained.folder / "mistakes.csv", point="mistakes") as path:
        write_mistakes(trained, data.examples[split].inputs, encoded.targets, probabilities, path)
    return result


def measure(trained: Trained, encoded: Encoded, probabilities: np.ndarray) -> dict[str, Any]:
    """The task's figures of merit for class probabilities (N, C) of encoded examples."""
    task = trained.task
    return task.measures(encoded.targets, probabilities, encoded.lengths, task.targets.names)


def predict(trained: Trained, encoded: Encoded) -> np.ndarray:
    """Class probabilities (N, C), in the rows' order."""
    forward = tf.function(
        lambda x: tf.nn.softmax(trained.model(x, training=False)), reduce_retracing=True, autograph=False
    )
    probabilities = np.zeros((len(encoded), trained.task.targets.choices), np.float32)
    for rows in batching.by_length(encoded.lengths, size=BATCH):
        x, _ = trained.task.pattern.pair(*batching.batch(encoded, rows))
        probabilities[rows] = forward(tf.nest.map_structure(tf.constant, x)).numpy()
    return probabilities


def write_mistakes(
    trained: Trained, inputs: np.ndarray, targets: np.ndarray, probabilities: np.ndarray, path: Path
) -> None:
    """The most confidently wrong answers as CSV: row, truth, answer, its probability, the text."""
    answers = probabilities.argmax(axis=1)
    confidence = np.where(answers != targets, probabilities.max(axis=1), 0.0)
    worst = np.argsort(-confidence, kind="stable")[: min(MISTAKES, int((answers != targets).sum()))]
    names = trained.task.targets.names
    table = {
        "row": worst + 1,
        "truth": [names[each] for each in targets[worst]],
        "answer": [names[each] for each in answers[worst]],
        "probability": confidence[worst].round(4),
        "input": [value.decode(errors="replace") for value in inputs[worst]],
    }
    pd.DataFrame(table).to_csv(path, index=False)
