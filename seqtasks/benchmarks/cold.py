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
    """Seconds from the command to the end of its process, in turns; a median of several after one that warms up."""
    lesson = experiment.prepare(tasks.find("sentiment"), dataset, folders, say)
    golden = savedmodel.golden(lesson.task)
    review = lesson.data.examples["test"].inputs[0].decode(errors="replace")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = benchmarks.unlearned(lesson.task, folder)
        for form in predictor.FOLDERS:
            savedmodel.export(model, golden, form)
            say(f"exported as {form}")

        def asked(*options: str) -> Callable[[], Any]:
            command = [sys.executable, "-P", "-m", "seqtasks", "predict", "sentiment", "--model", str(folder), *options]
            return lambda: subprocess.run([*command, "--", review], check=True, capture_output=True)

        calls = {form: asked("--runtime", form) for form in predictor.RUNTIMES} | {"tensorflow": asked()}
        seconds = benchmarks.interleaved(calls, repeats=1 if dataset else REPEATS)
    rows = [
        {"runtime": each, "seconds": seconds[each], "ratio": seconds["tensorflow"] / seconds[each]} for each in calls
    ]
    return {"benchmark": "cold", "dataset": lesson.data.name, **benchmarks.circumstances(), "rows": rows}
