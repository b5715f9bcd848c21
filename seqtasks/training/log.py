"""What is written down of a training as it goes: steps.csv, a line a step, and history.csv, a line an epoch.

A step is written before the checkpoint that holds it, and what comes after the last checkpoint is written again: an
interrupted training leaves the lines of one that was not.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from seqtasks import files

STEPS, HISTORY = "steps.csv", "history.csv"
COLUMNS = ("epoch", "step", "loss", "learning_rate", "gradient_norm")


class Log:
    """The lines of a training that has `done` so many steps, in its folder of checkpoints; without one nowhere."""

    def __init__(self, folder: Path | None = None, *, done: int = 0) -> None:
        self.folder = folder
        self.waiting = io.StringIO()
        self.table = csv.writer(self.waiting, lineterminator="\n")
        if folder:
            steps = folder / STEPS
            lines = steps.read_text(encoding="utf-8").splitlines() if done and steps.exists() else []
            kept = lines[: 1 + done] or [",".join(COLUMNS)]
            steps.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def add(self, epoch: int, step: int, loss: float, learning_rate: float, gradient_norm: float) -> None:
        """A step of an epoch, both from 1; the loss is the rows' mean, the norm that before clipping."""
        self.table.writerow([epoch, step, *(f"{value:.9g}" for value in (loss, learning_rate, gradient_norm))])

    def flush(self) -> None:
        """Writes what was added."""
        if self.folder:
            with (self.folder / STEPS).open("a", encoding="utf-8") as file:
                file.write(self.waiting.getvalue())
        self.waiting.seek(0)
        self.waiting.truncate()

    def end_epoch(self, history: Sequence[dict[str, float]]) -> None:
        """Writes all epochs so far."""
        self.flush()
        if not self.folder:
            return
        with files.writing(self.folder / HISTORY, point="log") as path:
            pd.DataFrame(history).to_csv(path, index=False)
