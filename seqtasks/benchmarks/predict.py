"""`predict --file` next to the usual script: read_csv in pieces of 256 rows, `model.predict` on each."""

from __future__ import annotations

import io
import multiprocessing
import tempfile
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow as tf

from seqtasks import benchmarks, tasks
from seqtasks.codecs.text import Text
from seqtasks.data import readers
from seqtasks.inference import files, forms, predictor
from seqtasks.task import Folders
from seqtasks.training import experiment, model_folder

ROWS = 4_096
PIECE = 256
REPEATS = 5


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Rows a second of a CSV of test examples, answered by the same model (its weights do not matter here)."""
    prepared = experiment.prepare(tasks.find("sentiment"), dataset, folders, say)
    task, model = prepared.task, model_folder.build(prepared.task)
    texts = [text.decode(errors="replace") for text in prepared.data.examples["test"].inputs[:ROWS]]
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "rows.csv"
        pd.DataFrame({"text": texts}).to_csv(file, index=False)
        benchmarks.export(task, model, Path(name))
        encode = tf.function(task.inputs.encode, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

        def loop() -> None:
            for piece in pd.read_csv(file, chunksize=PIECE, keep_default_na=False):
                model.predict(list(encode(tf.constant(piece["text"].tolist()))), batch_size=PIECE, verbose=0)

        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_answer, args=(there, file), daemon=True)
        process.start()
        there.close()  # so that the end of the process is seen here

        def ours() -> None:
            here.send(True)
            here.recv()

        seconds = benchmarks.interleaved({"ours": ours, "loop": loop}, repeats=REPEATS)
        here.close()
        process.join()
    return {
        "benchmark": "predict",
        "dataset": prepared.data.name,
        **benchmarks.circumstances(),
        "ours": {"rows_per_second": len(texts) / seconds["ours"]},
        "loop": {"rows_per_second": len(texts) / seconds["loop"]},
        "ratio": seconds["loop"] / seconds["ours"],
    }


def _answer(requests: Connection, file: Path) -> None:
    """Answers the file at each request, as the command does in a process of its own: the rival keeps its threads."""
    files.one_core_a_batch()
    loaded = predictor.load(file.parent)
    try:
        while requests.recv():
            given = (loaded, file, readers.Options(), Text())
            form = forms.of(file, readers.Options(), None)
            files.answer(*given, form=form, output=io.BytesIO(), rejects=file.with_name("rejects"), done=files.Done())
            requests.send(True)
    except EOFError:
        return
