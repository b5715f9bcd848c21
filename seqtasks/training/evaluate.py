"""What a trained model is worth on a split, in figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from seqtasks import files
from seqtasks.data import prepare, user
from seqtasks.data.batches import Encoded
from seqtasks.data.prepare import Data
from seqtasks.data.streams import Stream, Window
from seqtasks.metrics import plots, report
from seqtasks.task import Folders, Task
from seqtasks.training.model_folder import Trained

BATCH = 256  # rows
RESET = 256  # tokens
MISTAKES = 100  # shown, the most confident first
TOLD = 50  # things told of at a time, each in several ways
SHOWN = 50  # of them on the page


def evaluate(
    trained: Trained, split: str, folders: Folders, notice: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Measures the model on a split of the data set it was trained on, or on several with + between.

    Leaves metrics.json and, of classes, confusion.png and mistakes.csv, of sentences captions.csv and captions.html.
    Raises UsageError for an unknown split.
    """
    task, card = trained.task, trained.card
    data = prepare.read(task, user.restore(card.source) or card.dataset, folders, notice)
    encoded = prepare.encode(task, data, [split], folders, notice, answering=True)[split]
    about = {"task": task.name, "dataset": data.name, "split": split}
    if task.streams:
        result = about | likelihood(trained, encoded)
        files.write_json(trained.folder / "metrics.json", result, point="metrics")
        return result
    if task.tells:
        result = about | {"examples": len(encoded)} | told(trained, data, split, encoded)
        files.write_json(trained.folder / "metrics.json", result, point="metrics")
        return result
    probabilities = predict(trained, encoded)
    measures = measure(trained, encoded, probabilities)
    result = about | {"examples": len(encoded)} | measures
    files.write_json(trained.folder / "metrics.json", result, point="metrics")
    with files.writing(trained.folder / "confusion.png", point="confusion") as path:
        plots.confusion(measures["confusion"], task.targets.names, path)
    with files.writing(trained.folder / "mistakes.csv", point="mistakes") as path:
        write_mistakes(trained, data.part(split).inputs, encoded.targets, probabilities, path)
    return result


def left(task: Task) -> str:
    """The names of the files that `evaluate` leaves."""
    more = ["captions.csv", "captions.html"] if task.tells else ["confusion.png", "mistakes.csv"]
    return ", ".join(["metrics.json", *([] if task.streams else more)])


def likelihood(trained: Trained, stream: Stream) -> dict[str, Any]:
    """The task's figures of merit for a text, read from its beginning to its end with the state carried.

    Beside them what a character costs when the state is reset every RESET tokens, as models with a window have it.
    """
    pattern, loss = trained.task.pattern, trained.task.pattern.loss(trained.task.targets, trained.task.settings)

    @tf.function(reduce_retracing=True, autograph=False)
    def nats(x: Any, y: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(loss(y, trained.model(x, training=False)))

    def total(text: Stream, windows: Iterable[Window]) -> float:
        batches = (tf.nest.map_structure(tf.constant, pattern.pair(*text.batch(window))) for window in windows)
        return sum(float(nats(*batch)) for batch in batches)

    measures = trained.task.measures(total(stream, stream.sweep(size=1)), len(stream), stream.characters)
    short = total(stream, stream.rows(RESET, size=trained.task.settings["batch"]))
    return measures | {f"nats_per_character_reset_every_{RESET}": short / stream.characters}


def told(trained: Trained, data: Data, split: str, encoded: Encoded) -> dict[str, Any]:
    """The task's figures of merit for what it says of each example, beside what people said; leaves both in files."""
    written, scores = tell(trained, encoded)
    examples = data.part(split)
    references = [each.split("\n") for each in examples.targets[:]]
    known = {sentence for each in data.part("train").targets[:] for sentence in each.split("\n")}
    table = pd.DataFrame({"row": range(1, len(written) + 1), "caption": written, "score": scores.round(4)})
    for number in range(max(map(len, references))):
        table[f"reference_{number + 1}"] = [each[number] if number < len(each) else "" for each in references]
    with files.writing(trained.folder / "captions.csv", point="captions") as path:
        table.to_csv(path, index=False)
    shown = np.arange(min(SHOWN, len(written)))
    contents = examples.take(shown).inputs[:]
    with files.writing(trained.folder / "captions.html", point="page") as path:
        path.write_text(report.captions(data.name, split, contents, written, references), encoding="utf-8")
    measures: dict[str, Any] = trained.task.measures(written, references, known)
    return measures


def tell(trained: Trained, encoded: Encoded) -> tuple[list[str], np.ndarray]:
    """What is said of each example, and its score (N,), in the rows' order."""
    task = trained.task
    function = tf.function(
        task.pattern.tell(trained.model, task.inputs, task.targets, task.settings),
        reduce_retracing=True,
        autograph=False,
    )
    answers, scores = np.empty(len(encoded), object), np.zeros(len(encoded), np.float32)
    for rows in encoded.sweep(size=TOLD):
        found = function(tf.constant(encoded.every_way(rows)))
        answers[rows], scores[rows] = found["answer"].numpy(), found["score"].numpy()
    return [each.decode() for each in answers], scores


def measure(trained: Trained, encoded: Encoded, probabilities: np.ndarray) -> dict[str, Any]:
    """The task's figures of merit for class probabilities (N, C) of encoded examples."""
    task = trained.task
    return task.measures(encoded.targets, probabilities, encoded.lengths, task.targets.names)


def predict(trained: Trained, encoded: Encoded) -> np.ndarray:
    """Class probabilities (N, C), in the rows' order."""
    return predictor(trained.task, trained.model)(encoded)


def predictor(task: Task, model: keras.Model) -> Callable[[Encoded], np.ndarray]:
    """From encoded rows to class probabilities (N, C), with the weights that the model has when it is asked."""
    forward = tf.function(lambda x: tf.nn.softmax(model(x, training=False)), reduce_retracing=True, autograph=False)

    def answer(encoded: Encoded) -> np.ndarray:
        probabilities = np.zeros((len(encoded), task.targets.choices), np.float32)
        for rows in encoded.sweep(size=BATCH):
            x, _ = task.pattern.pair(*encoded.batch(rows))
            probabilities[rows] = forward(tf.nest.map_structure(tf.constant, x)).numpy()
        return probabilities

    return answer


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
