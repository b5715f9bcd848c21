"""Generating one token after the other, next to tutorials' ways, PyTorch, and reading the weights once a token.

Then training the default text model, next to a plain Keras model of the same size. The weights do not matter here.
"""

from __future__ import annotations

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
from seqtasks.training.trainer import Trainer

UNITS, EMBEDDING_DIM, WINDOW = 1024, 256, 100
BATCH_SIZES = (1, 8, 64)
CODEC = Tokens(vocabulary=tuple(string.ascii_letters + " \n.,:;'!?-&3$"))
TOKENS = {"predict-window": 3, "step-function": 100, "torch-step": 100, "ours": 200, "floor": 100}  # a call
REPEATS = 7

Way = Callable[[], Any]


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Milliseconds a token and tokens a second of all rows; characters a second in training. With "sample", small."""
    small = dataset is not None
    units = 16 if small else UNITS
    settings: dict[str, Any] = {"cell": "gru", "units": units, "num_layers": 1, "embedding_dim": EMBEDDING_DIM}
    task = _task(settings | {"dtype_policy": "float32"})  # as every trained model is restored to be exported
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        loaded = benchmarks.export(task, model_folder.build(task), Path(folder)).model
        for batch in (1,) if small else BATCH_SIZES:
            ways = {
                "predict-window": _predict_window(units, batch),
                "step-function": _step_function(units, batch),
                "torch-step": _torch_step(units, batch),
                "ours": _ours(loaded, batch),
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


def _task(settings: dict[str, Any]) -> Task[Any, Any]:
    return tasks.find("text_generation").configure(settings).with_codecs(CODEC, CODEC)


def _ours(loaded: Any, batch: int) -> Way:
    states = loaded.prefill(tf.constant(["To be, or not"] * batch))
    seeds = tf.range(batch, dtype=tf.int64)
    return lambda: loaded.decode(states, TOKENS["ours"], 0.8, 0, 1.0, 1.0, seeds)[0].numpy()


def _predict_window(units: int, batch: int) -> Way:
    """As Keras's example generates: the last WINDOW characters are read again for each."""
    layers = [
        keras.layers.Embedding(CODEC.choices, EMBEDDING_DIM),
        keras.layers.GRU(units),
        keras.layers.Dense(CODEC.choices),
    ]
    model = keras.Sequential([keras.Input((WINDOW,), dtype="int32"), *layers])
    draw = np.random.default_rng(0)

    def generate() -> None:
        window = np.ones((batch, WINDOW), np.int32)
        for _ in range(TOKENS["predict-window"]):
            logits = model.predict(window, verbose=0).astype(np.float64) / 0.8
            shares = np.exp(logits - logits.max(1, keepdims=True))
            chosen = [draw.choice(CODEC.choices, p=row / row.sum()) for row in shares]
            window = np.concatenate([window[:, 1:], np.array(chosen, np.int32)[:, None]], 1)

    return generate


def _step_function(units: int, batch: int) -> Way:
    """As TensorFlow's tutorial generates: a function for one step, with the state carried."""
    embedding = keras.layers.Embedding(CODEC.choices, EMBEDDING_DIM)
    recurrent = keras.layers.GRU(units, return_sequences=True, return_state=True)
    head = keras.layers.Dense(CODEC.choices)
    pieces = tf.constant(("", "", *CODEC.vocabulary))

    @tf.function
    def step(ids: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        values, state = recurrent(embedding(ids), initial_state=state)
        logits = head(values)[:, -1] / 0.8
        return tf.random.categorical(logits, 1, dtype=tf.int32), state

    def generate() -> None:
        ids, state = tf.ones([batch, 1], tf.int32), tf.zeros([batch, units])
        text = [tf.gather(pieces, ids[:, 0])]
        for _ in range(TOKENS["step-function"]):
            ids, state = step(ids, state)
            text.append(tf.gather(pieces, ids[:, 0]))
        tf.strings.join(text).numpy()

    return generate


def _torch_step(units: int, batch: int) -> Way | None:
    """PyTorch, a step at a time with the state carried; None where it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    embedding = torch.nn.Embedding(CODEC.choices, EMBEDDING_DIM)
    recurrent = torch.nn.GRU(EMBEDDING_DIM, units, batch_first=True)
    head = torch.nn.Linear(units, CODEC.choices)

    @torch.inference_mode()
    def generate() -> None:
        ids, state = torch.ones(batch, 1, dtype=torch.long), torch.zeros(1, batch, units)
        generated = []
        for _ in range(TOKENS["torch-step"]):
            values, state = recurrent(embedding(ids), state)
            ids = torch.multinomial(torch.softmax(head(values[:, -1]) / 0.8, 1), 1)
            generated.append(ids)
        torch.cat(generated, 1).tolist()

    return generate


def _read_once(count: int) -> Way:
    """Reads as many numbers as a step has weights, again and again: nothing that uses them all is faster.

    Their maximum is taken, in the graph: the fastest of the ways to read them that were tried.
    """
    weights = tf.ones([count])

    @tf.function(autograph=False)
    def read() -> tf.Tensor:
        def body(step: tf.Tensor, largest: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return step + 1, largest + tf.reduce_max(weights) * tf.cast(step, tf.float32)

        return tf.while_loop(lambda step, _: step < TOKENS["floor"], body, (0, 0.0))[1]

    return lambda: read().numpy()


def _training(say: Callable[[str], None], *, small: bool) -> dict[str, float]:
    """Characters a second of a training step of the default text model, and of a plain Keras model of its size."""
    task = _task({"units": 16, "batch_size": 4} if small else {})
    ids = np.random.default_rng(0).integers(2, CODEC.choices, 200_000).astype(np.uint8)
    stream = Stream(ids, len(ids), int(task.settings["bptt_steps"]))
    steps = {
        "ours": _our_step(task, stream),
        "ours in float32": _our_step(task.configure({"dtype_policy": "float32"}), stream),
        "keras": _keras_step(task, stream),
    }
    seconds = benchmarks.interleaved(steps, repeats=1 if small else REPEATS)
    count = int(task.settings["batch_size"]) * stream.bptt_steps
    rates = {f"{name.replace(' ', '_')}_characters_per_second": count / taken for name, taken in seconds.items()}
    ratio = seconds["keras"] / seconds["ours"]
    say(f"training: {', '.join(f'{name} {count / taken:,.0f}' for name, taken in seconds.items())} characters a second")
    return {**rates, "ratio": ratio, "ratio_in_float32": seconds["keras"] / seconds["ours in float32"]}


def _our_step(task: Task[Any, Any], stream: Stream) -> Way:
    trainer = Trainer(model_folder.build(task), task.pattern.objective(task), task.settings, seed=0)
    return benchmarks.training_step(trainer, stream, benchmarks.first_epoch(task, stream))


def _keras_step(task: Task[Any, Any], stream: Stream) -> Way:
    """Keras's layers, stateful, with the same dropout; an optimizer's step by `train_on_batch`."""
    settings: dict[str, Any] = {**task.settings}
    kinds = {"return_sequences": True, "stateful": True}
    recurrent = []
    for _ in range(settings["num_layers"]):
        recurrent += [keras.layers.LSTM(settings["units"], **kinds), keras.layers.SpatialDropout1D(settings["dropout"])]
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(settings["batch_size"], stream.bptt_steps), dtype="int32"),
            keras.layers.Embedding(CODEC.choices, settings["embedding_dim"]),
            *recurrent,
            keras.layers.Dense(CODEC.choices),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3, global_clipnorm=1.0), loss)
    windows = iter(stream.epoch_batches(batch_size=settings["batch_size"], min_steps=1_000, seed=0, epoch=0))

    def step() -> None:
        (ids, _), following = stream.batch(next(windows))
        model.train_on_batch(ids, following)

    return step
