"""Our recurrent layers next to Keras's, PyTorch's and the matrix products alone, in one run."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import keras
import tensorflow as tf

from seqtasks import benchmarks, layers
from seqtasks.task import Folders

SIZES = (
    (64, 100, 256, 1024, False),
    (64, 200, 128, 128, False),
    (32, 200, 128, 64, False),
    (64, 400, 128, 256, True),
    (1, 200, 128, 64, False),
)
SMALL = ((4, 6, 3, 5, False), (1, 6, 3, 5, True))
GATES = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}
OURS = {"SimpleRNN": layers.SimpleRNN, "LSTM": layers.LSTM, "GRU": layers.GRU}
KERAS = {"SimpleRNN": keras.layers.SimpleRNN, "LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU}
SECONDS = 6.0  # for one row, at least
REPEATS = (5, 25)  # at least, at most


@dataclass(frozen=True)
class Case:
    """One row of the table: a recurrent layer of a size, read by a loss over every output."""

    cell: str
    batch: int
    length: int
    input: int
    units: int
    bidirectional: bool
    dtype_policy: str

    @property
    def dtype(self) -> str:
        return "float32" if self.dtype_policy == "float32" else "bfloat16"

    def values(self) -> tf.Tensor:
        return tf.random.stateless_normal([self.batch, self.length, self.input], [1, 2])


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Milliseconds of a train step, gradients of weights and inputs, and of a forward pass. With "sample", small.

    For a train step in float32 its memory as well, in a process of its own.
    """
    sizes = SMALL if dataset == "sample" else SIZES
    rows = []
    for size, dtype_policy, cell in itertools.product(sizes, ("float32", "mixed_bfloat16"), GATES):
        case = Case(cell, *size, dtype_policy=dtype_policy)
        for name in ("train", "forward") if case.batch > 1 else ("forward",):
            row = asdict(case) | {"pass": name} | _measure(case, name == "train", quick=dataset == "sample")
            if name == "train" and dtype_policy == "float32":
                row |= {f"{who}_mb": _memory(who, case) for who in ("ours", "keras")}
            say("  ".join(f"{value:.1f}" if isinstance(value, float) else str(value) for value in row.values()))
            rows.append(row)
    return {"benchmark": "layers", "dataset": "random numbers", **benchmarks.circumstances(), "rows": rows}


def _measure(case: Case, train: bool, *, quick: bool) -> dict[str, float | None]:
    calls = {
        "ours": _keras(OURS[case.cell], case, train),
        "keras": _keras(KERAS[case.cell], case, train),
        "torch": _torch(case, train),
        "limit": _products(case, train),
    }
    taken: dict[str, list[float]] = {name: [] for name, call in calls.items() if call}
    minimum, maximum = (1, 1) if quick else REPEATS
    started = time.perf_counter()
    while len(taken["ours"]) <= minimum or (len(taken["ours"]) <= maximum and time.perf_counter() - started < SECONDS):
        for name, seconds in taken.items():
            start = time.perf_counter()
            calls[name]()  # type: ignore[misc]
            seconds.append(1_000 * (time.perf_counter() - start))
    milliseconds = {f"{name}_ms": median(taken[name][1:]) if name in taken else None for name in calls}
    fastest = {f"{name}_min_ms": min(taken[name][1:]) if name in taken else None for name in calls}
    return milliseconds | fastest | {f"{name}_first_ms": taken[name][0] for name in ("ours", "keras")}


def _memory(who: str, case: Case) -> float | None:
    code = "import json, sys; from seqtasks.benchmarks import layers; print(layers.peak(**json.loads(sys.argv[1])))"
    command = [sys.executable, "-c", code, json.dumps({"who": who, **asdict(case)})]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=False)
    return float(done.stdout) if not done.returncode else None


def peak(who: str, **sizes: Any) -> float:
    """Megabytes that a train step, once traced and compiled, adds at its peak to those of a process without it.

    What XLA's compiler takes once in a process counts as without it. Raises OSError on a system other
    than Linux.
    """
    tf.function(tf.tanh, jit_compile=True)(tf.zeros([2]))
    before = _memory_now("VmRSS")
    case = Case(**sizes)
    call = _keras((OURS if who == "ours" else KERAS)[case.cell], case, train=True)
    call()
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak starts again
    for _ in range(3):
        call()
    return _memory_now("VmHWM") - before


def _memory_now(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1e3


def _keras(kind: type[keras.layers.RNN], case: Case, train: bool) -> Callable[[], Any]:
    layer = kind(case.units, return_sequences=True, dtype=keras.DTypePolicy(case.dtype_policy))
    layer = keras.layers.Bidirectional(layer, dtype=layer.dtype_policy) if case.bidirectional else layer
    values = tf.cast(case.values(), layer.compute_dtype)
    layer.build(values.shape)
    weights = [each.value for each in layer.trainable_variables]

    @tf.function(autograph=False)
    def step(values: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(values)
            loss = tf.reduce_sum(layer(values, training=True))
        return tape.gradient(loss, [values, *weights])

    @tf.function(autograph=False)
    def forward(values: tf.Tensor) -> Any:
        return layer(values, training=False)

    call = step if train else forward
    return lambda: [each.numpy() for each in tf.nest.flatten(call(values))]


def _torch(case: Case, train: bool) -> Callable[[], Any] | None:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(os.cpu_count() or 1)
    kind = {"SimpleRNN": torch.nn.RNN, "LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}[case.cell]
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[case.dtype]
    layer = kind(case.input, case.units, batch_first=True, bidirectional=case.bidirectional).to(dtype)
    values = torch.tensor(case.values().numpy()).to(dtype)

    def step() -> None:
        values.requires_grad = True
        values.grad = None
        layer.zero_grad()
        layer(values)[0].sum().backward()

    def forward() -> None:
        with torch.no_grad():
            layer(values)

    return step if train else forward


def _products(case: Case, train: bool) -> Callable[[], Any]:
    """The matrix products that no implementation is spared, those of the recurrence one after another."""
    dtype = tf.as_dtype(case.dtype)
    wide = GATES[case.cell] * case.units
    flat = tf.cast(tf.reshape(case.values(), [-1, case.input]), dtype)
    kernel, recurrent = (tf.cast(tf.random.normal([size, wide]) * 0.01, dtype) for size in (case.input, case.units))
    state = tf.zeros([case.batch, case.units], dtype)

    def repeat(state: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        def body(time: tf.Tensor, state: tf.Tensor) -> Any:
            return time + 1, (state @ kernel)[:, : state.shape[1]]

        return tf.while_loop(lambda time, _: time < case.length, body, (0, state))[1]

    @tf.function(autograph=False)
    def products() -> Any:
        done = []
        for _ in range(1 + case.bidirectional):
            gates = flat @ kernel
            done += [gates, repeat(state, recurrent)]
            if train:
                wider = tf.zeros([case.batch, wide], dtype)
                back = tf.concat([tf.transpose(recurrent)] * GATES[case.cell], 1)[:, : case.units]
                outputs = gates[:, : case.units]
                done += [
                    _repeat_back(case, wider, back),
                    tf.matmul(outputs, gates, transpose_a=True),
                    tf.matmul(flat, gates, transpose_a=True),
                    tf.matmul(gates, kernel, transpose_b=True),
                ]
        return done

    return lambda: [each.numpy() for each in products()]


def _repeat_back(case: Case, wider: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    def body(time: tf.Tensor, wider: tf.Tensor) -> Any:
        return time + 1, tf.tile(wider @ kernel, [1, GATES[case.cell]])

    return tf.while_loop(lambda time, _: time < case.length, body, (0, wider))[1]
