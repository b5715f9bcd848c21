"""One review answered from a cold shell: by the SavedModel, and by exports that need no TensorFlow.

The weights do not matter here.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqtasks import benchmarks, tasks
from seqtasks.export import savedmodel
from seqtasks.inference import predictor
from seqtasks.task import Folders
from seqtasks.training import experiment

REPEATS = 7


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Seconds from the command to the end of its process, in turns: the median, after a first call that warms up."""
    prepared = experiment.prepare(tasks.find("sentiment"), dataset, folders, say)
    review = prepared.data.examples["test"].inputs[0].decode(errors="replace")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = benchmarks.untrained(prepared.task, folder)
        for format in predictor.FOLDERS:
            savedmodel.export(model, format)
            say(f"exported as {format}")

        def predict(*options: str) -> Callable[[], Any]:
            command = [sys.executable, "-P", "-m", "seqtasks", "predict", "sentiment", "--model", str(folder), *options]
            return lambda: subprocess.run([*command, "--", review], check=True, capture_output=True)

        calls = {format: predict("--runtime", format) for format in predictor.RUNTIMES} | {"tensorflow": predict()}
        seconds = benchmarks.interleaved(calls, repeats=1 if dataset else REPEATS)
    rows = [
        {"runtime": name, "seconds": seconds[name], "ratio": seconds["tensorflow"] / seconds[name]} for name in calls
    ]
    return {"benchmark": "cold", "dataset": prepared.data.name, **benchmarks.circumstances(), "rows": rows}
