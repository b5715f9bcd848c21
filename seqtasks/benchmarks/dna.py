"""Training on DNA beside the same model with Keras's own layers; scanning beside a loop over `model.predict`.

The weights do not matter here, and the genome is random.
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks import benchmarks, tasks
from seqtasks.data.batches import Encoded
from seqtasks.data.readers import Options
from seqtasks.inference import files as answering
from seqtasks.inference import predictor
from seqtasks.inference.scan import Scan
from seqtasks.layers import stack
from seqtasks.task import Folders
from seqtasks.training import experiment
from seqtasks.training.trainer import Training

BASES, PIECE, RECORDS, LINE = 50_000_000, 500_000, 5, 70
WINDOW, STRIDE, TOGETHER = 200, 50, 256
TRAINED = 100  # bases of a sequence in training
REPEATS = 5


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Bases a second of both, and the memory that the whole genome takes beyond a tenth of it. With "sample", small."""
    repeats, bases = (1, 20_000) if dataset else (REPEATS, BASES)
    piece = min(PIECE, bases)
    lesson = experiment.prepare(tasks.find("dna"), "sample", folders, say)
    training = _training(lesson, repeats)
    say(f"training: {training['ratio']:.2f} times Keras's layers")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in {piece, bases // 10, bases}:
            _genome(folder / f"{number}.fa", number)
        model = lesson.training(0).model
        benchmarks.export(lesson.task, model, folder, lesson.data.examples["test"].inputs[:2])
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_scan, args=(there, folder), daemon=True)
        process.start()
        there.close()  # so that the end of the process is seen here

        def ours(number: int = piece) -> int:
            here.send(number)
            return int(here.recv())

        loop = _loop(lesson.task.inputs, model, folder / f"{piece}.fa")
        seconds = benchmarks.interleaved({"ours": ours, "loop": loop}, repeats=repeats)
        tenth = ours(bases // 10)
        start = time.perf_counter()
        memory = ours(bases)
        taken = time.perf_counter() - start
        here.close()
        process.join()
    say(f"{bases:,} bases: {bases / taken:,.0f} a second, {memory} MB; a tenth of them: {tenth} MB")
    rows = [
        {"work": "training", "rival": "keras", **training},
        {"work": "scanning", "rival": "predict-loop", **_rates(piece, seconds["ours"], seconds["loop"])},
    ]
    return {
        "benchmark": "dna",
        "dataset": "random bases",
        **benchmarks.circumstances(),
        "rows": rows,
        "whole_bases": bases,
        "whole_bases_per_second": bases / taken,
        "whole_mb": memory,
        "tenth_mb": tenth,
    }


def _rates(bases: int, ours: float, rival: float) -> dict[str, float]:
    return {"bases_per_second": bases / ours, "rival_bases_per_second": bases / rival, "ratio": rival / ours}


def _training(lesson: experiment.Lesson, repeats: int) -> dict[str, float]:
    """Bases a second of a step of the default model on random sequences."""
    rows, task = 4 * lesson.task.settings["batch"], lesson.task
    draw = np.random.default_rng(0)
    values = (1 << draw.integers(0, 4, rows * TRAINED)).astype(np.uint8)
    offsets = np.arange(rows + 1, dtype=np.int64) * TRAINED
    encoded = Encoded(values, offsets, draw.integers(0, task.targets.choices, rows).astype(np.int32))
    steps = {"ours": _step(lesson.training(0), encoded)}
    with _keras_layers():
        steps["keras"] = _step(lesson.training(0), encoded)
        steps["keras"]()  # it is traced while the layers are Keras's
    seconds = benchmarks.interleaved(steps, repeats=4 * repeats)
    return _rates(task.settings["batch"] * TRAINED, seconds["ours"], seconds["keras"])


def _step(training: Training, encoded: Encoded) -> Callable[[], None]:
    training._compile(1_000, encoded)
    batches = training._order(encoded, 0)
    return lambda: training._step(encoded, batches[0])


@contextmanager
def _keras_layers() -> Iterator[None]:
    """Makes the stack of Keras's own layers."""
    ours = dict(stack.CELLS)
    stack.CELLS["gru"] = (keras.layers.GRU, {})
    try:
        yield
    finally:
        stack.CELLS.update(ours)


def _genome(path: Path, bases: int) -> None:
    """Random bases in a few records."""
    draw = np.random.default_rng(bases)
    with path.open("wb") as file:
        for record in range(RECORDS):
            file.write(f">record{record}\n".encode())
            letters = np.frombuffer(b"ACGT", np.uint8)[draw.integers(0, 4, bases // RECORDS, dtype=np.uint8)]
            whole = len(letters) // LINE * LINE
            lines = np.full((whole // LINE, LINE + 1), ord("\n"), np.uint8)
            lines[:, :LINE] = letters[:whole].reshape(-1, LINE)
            file.write(lines.tobytes() + letters[whole:].tobytes() + b"\n")


def _loop(codec: Any, model: keras.Model, path: Path) -> Callable[[], None]:
    """What people write: a record read whole, its windows in lists of 256, `model.predict` on each."""
    encode = tf.function(codec.encode, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

    def loop() -> None:
        for record in path.read_text().split(">")[1:]:
            bases = "".join(record.split("\n")[1:])
            windows = [bases[start : start + WINDOW] for start in range(0, len(bases) - WINDOW + 1, STRIDE)]
            for first in range(0, len(windows), TOGETHER):
                values = encode(tf.constant(windows[first : first + TOGETHER]))
                model.predict(list(values), batch_size=TOGETHER, verbose=0)

    return loop


def _scan(requests: Connection, folder: Path) -> None:
    """Scans a genome whenever asked, as the command does in a process of its own, and says its memory, MB."""
    answering.one_core_a_batch()
    served = predictor.load(folder)
    codec = tasks.find("dna").inputs
    try:
        while number := requests.recv():
            path = folder / f"{number}.fa"
            scan = Scan(path, Options(kind="fa"), codec, WINDOW, STRIDE)
            with (folder / "out.bed").open("wb") as output:
                given = (served, path, Options(kind="fa"), codec)
                new = answering.Done()
                answering.answer(*given, output=output, rejects=folder / "rejects", done=new, scan=scan, kind=".bed")
            requests.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    except EOFError:
        return
