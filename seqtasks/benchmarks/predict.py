"""`predict --file` beside what people write: read_csv in pieces of 256 rows, `model.predict` on each."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import tensorflow as tf

from seqtasks import answering, benchmarks, learning, readers, tasks
from seqtasks.task import Folders

ROWS = 4_096
PIECE = 256
REPEATS = 3


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Rows a second of a CSV of test examples, answered by the same model (its weights do not matter here)."""
    lesson = learning.prepare(tasks.find("sentiment"), dataset, folders, say)
    task, model = lesson.task, lesson.training(0).model
    texts = [text.decode(errors="replace") for text in lesson.data.examples["test"].inputs[:ROWS]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pd.DataFrame({"text": texts}).to_csv(folder / "rows.csv", index=False)
        served = benchmarks.export(task, model, folder, lesson.data.examples["test"].inputs[:2])

        def ours() -> None:
            options, usual, rejects = readers.Options(), ("text",), folder / "rejects"
            done = answering.Done()
            answering.answer(
                served, folder / "rows.csv", options, usual, output=io.BytesIO(), rejects=rejects, done=done
            )

        encode = tf.function(task.inputs.encode, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)

        def loop() -> None:
            for piece in pd.read_csv(folder / "rows.csv", chunksize=PIECE, keep_default_na=False):
                model.predict(list(encode(tf.constant(piece["text"].tolist()))), batch_size=PIECE, verbose=0)

        seconds = benchmarks.interleaved({"ours": ours, "loop": loop}, repeats=REPEATS)
    return {
        "benchmark": "predict",
        "dataset": lesson.data.name,
        **benchmarks.circumstances(),
        "ours": {"rows_per_second": len(texts) / seconds["ours"]},
        "loop": {"rows_per_second": len(texts) / seconds["loop"]},
        "ratio": seconds["loop"] / seconds["ours"],
    }
