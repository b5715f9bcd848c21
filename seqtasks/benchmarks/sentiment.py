"""Our sentiment next to a Keras script of the usual kind.

The script: 20,000 words, 200 tokens, two bidirectional LSTM-64, batches of 32.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from seqtasks import benchmarks, tasks
from seqtasks.data import prepare
from seqtasks.data.batches import RowBatches
from seqtasks.task import Examples, Folders, Task
from seqtasks.training import experiment

MAX_LENGTH = 200  # words that the script reads
GOAL = 0.86  # validation accuracy
EPOCHS = 3
REVIEWS = 2_048  # answered per measurement
REPEATS = 5


class Script:
    """The usual script: TextVectorization, the last 200 words padded on the left, two bidirectional LSTMs, `fit`."""

    def __init__(self, train: Examples, validation: Examples) -> None:
        self.vectorize = keras.layers.TextVectorization(max_tokens=20_000, ragged=True)
        self.vectorize.adapt(tf.constant(train.inputs), batch_size=1_000)
        self.model = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                keras.layers.Embedding(20_000, 128),
                keras.layers.Bidirectional(keras.layers.LSTM(64, return_sequences=True)),
                keras.layers.Bidirectional(keras.layers.LSTM(64)),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        self.model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        self.train, self.validation = self._arrays(train), self._arrays(validation)

    def epoch(self) -> tuple[float, float]:
        """Trains one epoch; seconds and validation accuracy."""
        start = time.perf_counter()
        self.model.fit(*self.train, batch_size=32, epochs=1, verbose=0)
        seconds = time.perf_counter() - start
        return seconds, float(self.model.evaluate(*self.validation, batch_size=256, verbose=0)[1])

    def export(self, folder: Path) -> Any:
        """The script as a SavedModel of raw strings, loaded."""
        signature = [tf.TensorSpec([None], tf.string)]
        module = tf.Module()
        module.parts = [self.model, self.vectorize]
        module.serve = tf.function(lambda texts: self.model(self._ids(texts)), input_signature=signature)
        tf.saved_model.save(module, str(folder))
        return tf.saved_model.load(str(folder))

    def _ids(self, texts: tf.Tensor) -> tf.Tensor:
        """What keras.utils.pad_sequences(maxlen=200) makes of the words' ids, in the graph: int (B, 200)."""
        backwards = tf.RaggedTensor.from_row_splits(*_reversed(self.vectorize(texts)))[:, :MAX_LENGTH]
        return tf.reverse(backwards.to_tensor(shape=[None, MAX_LENGTH]), [1])

    def _arrays(self, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
        chunks = np.array_split(examples.inputs, max(1, len(examples) // 1_000))
        ids = np.concatenate([self._ids(tf.constant(chunk)).numpy() for chunk in chunks])
        return ids, (examples.targets == "positive").astype("float32")


def _reversed(rows: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Values and row splits of the rows, each from its end."""
    splits, places = rows.row_splits, tf.range(tf.size(rows.flat_values, tf.int64))
    row = rows.value_rowids()
    backwards = tf.gather(splits, row) + tf.gather(splits, row + 1) - 1 - places
    return tf.gather(rows.flat_values, backwards), splits


class InTurns(keras.callbacks.Callback):
    """Measures our epochs and lets the script train one after each of them."""

    def __init__(self, script: Script, say: Callable[[str], None]) -> None:
        super().__init__()
        self.script, self.say = script, say
        self.ours: list[tuple[float, float]] = []
        self.theirs: list[tuple[float, float]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seconds = time.perf_counter() - self.start

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.ours.append((self.seconds, logs["val_accuracy"]))
        self.theirs.append(self.script.epoch())
        for who, (seconds, accuracy) in (("ours", self.ours[-1]), ("script", self.theirs[-1])):
            self.say(f"epoch {epoch + 1}, {who}: {seconds:.1f} s, validation accuracy {accuracy:.4f}")
        self.model.stop_training |= epoch + 1 >= EPOCHS


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Seconds per epoch, seconds to GOAL, reviews per second and milliseconds for one review, ours and the script's."""
    prepared = experiment.prepare(tasks.find("sentiment"), dataset, folders, say)
    data, task = prepared.data, prepared.task
    start = time.perf_counter()
    encoded = prepare.encode(task, data, ["train", "validation"], folders)
    encoding = time.perf_counter() - start
    train = cast("RowBatches", encoded["train"])
    size = sum(len(text) for name in encoded for text in data.examples[name].inputs)
    turns = InTurns(Script(data.examples["train"], data.examples["validation"]), say)
    trainer = prepared.trainer(0)
    with tempfile.TemporaryDirectory() as folder:
        trainer.run(train, encoded["validation"], folder=Path(folder), callbacks=[turns])
        answers = _answers(trainer.model, task, turns.script, data.examples["test"].inputs, Path(folder))
    order = benchmarks.first_epoch(task, train)
    return {
        "benchmark": "sentiment",
        "dataset": data.name,
        **benchmarks.circumstances(),
        "encoding_mb_per_second": size / 1e6 / encoding,
        "input_share_of_step": _input_share(train, order, turns.ours),
        "padded_share": train.padded_share(order),
        "padded_share_unsorted": train.padded_share(
            np.array_split(np.random.default_rng(0).permutation(len(train)), len(order))
        ),
        "epochs": len(trainer.progress.history),
        "ours": _summary(turns.ours) | answers["ours"],
        "script": _summary(turns.theirs) | answers["script"],
    }


def _summary(epochs: list[tuple[float, float]]) -> dict[str, Any]:
    seconds = [each[0] for each in epochs]
    reached = [number for number, (_, accuracy) in enumerate(epochs, 1) if accuracy >= GOAL]
    return {
        "seconds_per_epoch": float(np.median(seconds)),
        "seconds_to_goal": sum(seconds[: reached[0]]) if reached else None,
        "validation_accuracy": [accuracy for _, accuracy in epochs],
    }


def _answers(
    model: keras.Model, task: Task[Any, Any], script: Script, texts: np.ndarray, folder: Path
) -> dict[str, dict[str, float]]:
    """Reviews per second and milliseconds for one review, both through a loaded SavedModel of raw strings."""
    ours = benchmarks.export(task, model, folder).model
    theirs = script.export(folder / "script")
    many = [tf.constant(chunk) for chunk in np.array_split(texts[:REVIEWS], max(1, len(texts[:REVIEWS]) // 256))]
    one = tf.constant(texts[:1])
    whole = benchmarks.interleaved(
        {"ours": lambda: [ours.serve(each) for each in many], "script": lambda: [theirs.serve(each) for each in many]},
        repeats=REPEATS,
    )
    single = benchmarks.interleaved(
        {"ours": lambda: ours.serve(one), "script": lambda: theirs.serve(one)}, repeats=10 * REPEATS
    )
    count = len(texts[:REVIEWS])
    return {
        name: {"reviews_per_second": count / whole[name], "milliseconds_for_one": 1_000 * single[name]}
        for name in whole
    }


def _input_share(train: RowBatches, order: list[np.ndarray], epochs: list[tuple[float, float]]) -> float:
    """The share of an epoch that goes into making its batches."""
    start = time.perf_counter()
    for index in order:
        tf.nest.map_structure(tf.constant, train.batch(index))
    return (time.perf_counter() - start) / float(np.median([seconds for seconds, _ in epochs]))
