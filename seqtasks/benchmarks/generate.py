"""Writing one token after the other, beside what tutorials do, PyTorch, and reading the weights once a token.

Then training the default text model, beside a plain Keras model of the same size. The weights do not matter here.
"""

from __future__ import annotations

import dataclasses
import string
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks import benchmarks, tasks
from seqtasks.codecs.tokens import Tokens
from seqtasks.data.streams import Stream
from seqtasks.task import Folders, Task
from seqtasks.training import model_folder
from seqtasks.training.trainer import Training

UNITS, EMBEDDING, WINDOW = 1024, 256, 100
BATCHES = (1, 8, 64)
CODEC = Tokens(vocabulary=tuple(string.ascii_letters + " \n.,:;'!?-&3$"))
TOKENS = {"predict-window": 3, "step-function": 100, "torch-step": 100, "ours": 200, "floor": 100}  # a call
REPEATS = 7

Way = Callable[[], Any]


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Milliseconds a token and tokens a second of all rows; characters a second in training. With "sample", small."""
    small = dataset is not None
    units = 16 if small else UNITS
    settings: dict[str, Any] = {"cell": "gru", "units": units, "layers": 1, "embedding": EMBEDDING}
    task = _task(settings | {"precision": "float32"})  # as every trained model is restored to be exported
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        served = benchmarks.export(task, model_folder.build(task), Path(folder), np.array([b"To be"], object)).model
        for batch in (1,) if small else BATCHES:
            ways = {
                "predict-window": _predict_window(units, batch),
                "step-function": _step_function(units, batch),
                "torch-step": _torch_step(units, batch),
                "ours": _ours(served, batch),
                "floor": _read_once(3 * units * (units + 2) + units * CODEC.choices),
            }
            seconds = benchmarks.interleaved(
                {name: way for name, way in ways.items() if way}, repeats=1 if small else REPEATS
            )
            for name, taken in seconds.items():
                each = taken / TOKENS[name]
                rows.append(
                    {"batch": batch, "way": name, "ms_per_token": 1e3 * each, "tokens_per_second": batch / each}
                )
                say(f"batch {batch}, {name}: {1e3 * each:.3f} ms a token")
    return {
        "benchmark": "generate",
        "dataset": "random weights",
        **benchmarks.circumstances(),
        "rows": rows,
        "training": _training(say, small=small),
    }


def _task(settings: dict[str, Any]) -> Task:
    task = tasks.find("text_generation").configure(settings)
    return dataclasses.replace(task, inputs=CODEC, targets=CODEC)


def _ours(served: Any, batch: int) -> Way:
    states = served.begin(tf.constant(["To be, or not"] * batch))
    seeds = tf.range(batch, dtype=tf.int64)
    return lambda: served.go_on(states, TOKENS["ours"], 0.8, 0, 1.0, 1.0, seeds)[0].numpy()


def _predict_window(units: int, batch: int) -> Way:
    """As Keras's example writes: the last WINDOW characters are read anew for each."""
    layers = [
        keras.layers.Embedding(CODEC.choices, EMBEDDING),
        keras.layers.GRU(units),
        keras.layers.Dense(CODEC.choices),
    ]
    model = keras.Sequential([keras.Input((WINDOW,), dtype="int32"), *layers])
    draw = np.random.default_rng(0)

    def write() -> None:
        window = np.ones((batch, WINDOW), np.int32)
        for _ in range(TOKENS["predict-window"]):
            logits = model.predict(window, verbose=0).astype(np.float64) / 0.8
            shares = np.exp(logits - logits.max(1, keepdims=True))
            chosen = [draw.choice(CODEC.choices, p=row / row.sum()) for row in shares]
            window = np.concatenate([window[:, 1:], np.array(chosen, np.int32)[:, None]], 1)

    return write


def _step_function(units: int, batch: int) -> Way:
    """As TensorFlow's tutorial writes: a function for one step, with the state carried."""
    embedding = keras.layers.Embedding(CODEC.choices, EMBEDDING)
    recurrent = keras.layers.GRU(units, return_sequences=True, return_state=True)
    head = keras.layers.Dense(CODEC.choices)
    pieces = tf.constant(("", "", *CODEC.vocabulary))

    @tf.function
    def step(ids: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        values, state = recurrent(embedding(ids), initial_state=state)
        logits = head(values)[:, -1] / 0.8
        return tf.random.categorical(logits, 1, dtype=tf.int32), state

    def write() -> None:
        ids, state = tf.ones([batch, 1], tf.int32), tf.zeros([batch, units])
        text = [tf.gather(pieces, ids[:, 0])]
        for _ in range(TOKENS["step-function"]):
            ids, state = step(ids, state)
            text.append(tf.gather(pieces, ids[:, 0]))
        tf.strings.join(text).numpy()

    return write


def _torch_step(units: int, batch: int) -> Way | None:
    """PyTorch, a step at a time with the state carried; None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    embedding = torch.nn.Embedding(CODEC.choices, EMBEDDING)
    recurrent = torch.nn.GRU(EMBEDDING, units, batch_first=True)
    head = torch.nn.Linear(units, CODEC.choices)

    @torch.inference_mode()
    def write() -> None:
        ids, state = torch.ones(batch, 1, dtype=torch.long), torch.zeros(1, batch, units)
        written = []
        for _ in range(TOKENS["torch-step"]):
            values, state = recurrent(embedding(ids), state)
            ids = torch.multinomial(torch.softmax(head(values[:, -1]) / 0.8, 1), 1)
            written.append(ids)
        torch.cat(written, 1).tolist()

    return write


def _read_once(numbers: int) -> Way:
    """Reads as many numbers as a step's weights are, again and again: nothing that uses them all is faster.

    By the largest of them, in the graph: of what was tried in Python the reading that was fastest.
    """
    weights = tf.ones([numbers])

    @tf.function(autograph=False)
    def read() -> tf.Tensor:
        def body(step: tf.Tensor, largest: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return step + 1, largest + tf.reduce_max(weights) * tf.cast(step, tf.float32)

        return tf.while_loop(lambda step, _: step < TOKENS["floor"], body, (0, 0.0))[1]

    return lambda: read().numpy()


def _training(say: Callable[[str], None], *, small: bool) -> dict[str, float]:
    """Characters a second of a training step of the default text model, and of a plain Keras model of its size."""
    task = _task({"units": 16, "batch": 4} if small else {})
    ids = np.random.default_rng(0).integers(2, CODEC.choices, 200_000).astype(np.uint8)
    stream = Stream(ids, len(ids), task.settings["window"])
    steps = {
        "ours": _our_step(task, stream),
        "ours in float32": _our_step(task.configure({"precision": "float32"}), stream),
        "keras": _keras_step(task, stream),
    }
    seconds = benchmarks.interleaved(steps, repeats=1 if small else REPEATS)
    count = task.settings["batch"] * task.settings["window"]
    rates = {f"{name.replace(' ', '_')}_characters_per_second": count / taken for name, taken in seconds.items()}
    ratio = seconds["keras"] / seconds["ours"]
    say(f"training: {', '.join(f'{name} {count / taken:,.0f}' for name, taken in seconds.items())} characters a second")
    return {**rates, "ratio": ratio, "ratio_in_float32": seconds["keras"] / seconds["ours in float32"]}


def _our_step(task: Task, stream: Stream) -> Way:
    training = Training(model_folder.build(task), task.pattern, task.targets, task.settings, seed=0)
    training._compile(1_000, stream)
    windows = iter(training._order(stream, 0) * 10)
    return lambda: training._step(stream, next(windows))


def _keras_step(task: Task, stream: Stream) -> Way:
    """Keras's layers, stateful, with the same dropout; an optimizer's step by `train_on_batch`."""
    settings = task.settings
    kinds = {"return_sequences": True, "stateful": True}
    recurrent = []
    for _ in range(settings["layers"]):
        recurrent += [keras.layers.LSTM(settings["units"], **kinds), keras.layers.SpatialDropout1D(settings["dropout"])]
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(settings["batch"], settings["window"]), dtype="int32"),
            keras.layers.Embedding(CODEC.choices, settings["embedding"]),
            *recurrent,
            keras.layers.Dense(CODEC.choices),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0), loss)
    windows = iter(stream.order(size=settings["batch"], least=1_000, seed=0, epoch=0))

    def step() -> None:
        (ids, _), _ = stream.batch(next(windows))
        model.train_on_batch(ids[:, :-1], ids[:, 1:])

    return step
