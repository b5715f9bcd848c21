"""Training on DNA next to the same model with Keras's own layers; scanning next to a loop over `model.predict`.

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
from seqtasks.data.columns import Columns, Dense, Ragged
from seqtasks.data.readers import Options
from seqtasks.data.rows import PAD_TO_MULTIPLE_OF
from seqtasks.inference import files, predictor
from seqtasks.inference.forms import Form
from seqtasks.inference.scan import Scan
from seqtasks.layers import stack
from seqtasks.task import SAMPLE, Folders
from seqtasks.training import experiment
from seqtasks.training.experiment import Experiment

BASES, PIECE, RECORDS, LINE = 50_000_000, 500_000, 5, 70
WINDOW, STRIDE, TOGETHER = 200, 50, 256
TRAINED = 100  # bases of a sequence in training
REPEATS = 5


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Bases a second of both, and the memory of scanning the whole genome and a tenth of it. With "sample", small."""
    repeats, bases = (1, 20_000) if dataset else (REPEATS, BASES)
    piece = min(PIECE, bases)
    prepared = experiment.prepare(tasks.find("dna"), SAMPLE, folders, say)
    training = _training(prepared, repeats)
    say(f"training: {training['ratio']:.2f} times Keras's layers")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in {piece, bases // 10, bases}:
            _genome(folder / f"{number}.fa", number)
        model = prepared.trainer(0).model
        benchmarks.export(prepared.task, model, folder)
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_scan, args=(there, folder), daemon=True)
        process.start()
        there.close()  # so that the end of the process is seen here

        def ours(number: int = piece) -> int:
            here.send(number)
            return int(here.recv())

        loop = _loop(prepared.task.inputs, model, folder / f"{piece}.fa")
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


def _training(prepared: Experiment, repeats: int) -> dict[str, float]:
    """Bases a second of a step of the default model on random sequences."""
    task, batch_size = prepared.task, int(prepared.task.settings["batch_size"])
    rows = 4 * batch_size
    draw = np.random.default_rng(0)
    values = (1 << draw.integers(0, 4, rows * TRAINED)).astype(np.uint8)
    offsets = np.arange(rows + 1, dtype=np.int64) * TRAINED
    targets = Dense(draw.integers(0, task.targets.choices, rows).astype(np.int32))
    batches = task.pattern.batches(task, Columns(Ragged(values, offsets), targets, PAD_TO_MULTIPLE_OF))
    first = benchmarks.first_epoch(task, batches)[:1]
    steps = {"ours": benchmarks.training_step(prepared.trainer(0), batches, first)}
    with _keras_layers():
        steps["keras"] = benchmarks.training_step(prepared.trainer(0), batches, first)
        steps["keras"]()  # it is traced while the layers are Keras's
    seconds = benchmarks.interleaved(steps, repeats=4 * repeats)
    return _rates(batch_size * TRAINED, seconds["ours"], seconds["keras"])


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
        for record in path.read_text(encoding="utf-8").split(">")[1:]:
            bases = "".join(record.split("\n")[1:])
            windows = [bases[start : start + WINDOW] for start in range(0, len(bases) - WINDOW + 1, STRIDE)]
            for first in range(0, len(windows), TOGETHER):
                values = encode(tf.constant(windows[first : first + TOGETHER]))
                model.predict(list(values), batch_size=TOGETHER, verbose=0)

    return loop


def _scan(requests: Connection, folder: Path) -> None:
    """Scans a genome at each request, as the command does in a process of its own, and sends its memory, MB."""
    files.one_core_a_batch()
    loaded = predictor.load(folder)
    codec, options = tasks.find("dna").inputs, Options(kind="fa")
    alphabet = codec.traits.alphabet
    assert alphabet
    try:
        while number := requests.recv():
            path = folder / f"{number}.fa"
            scan = Scan(path, options, alphabet, WINDOW, STRIDE)
            with (folder / "out.bed").open("wb") as output:
                given: dict[str, Any] = {"output": output, "rejects": folder / "rejects", "done": files.Done()}
                files.answer(loaded, path, options, codec, **given, scan=scan, form=Form(".bed"))
            requests.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    except EOFError:
        return
