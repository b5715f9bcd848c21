"""Peak memory of reading, splitting and encoding a person's own file, at 20,000 and at 2,000,000 rows."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks import benchmarks
from seqtasks.task import Folders

SIZES = (20_000, 2_000_000)
SMALL = (10_000, 20_000)  # a test that it works
WORDS = 5_000
LENGTH = 40  # words of a row
MODEL = [
    "--set",
    "vocabulary_size=4000",
    "--set",
    "bigram_vocabulary_size=20000",
]  # both files fill it: rows are compared, not models
PIECE = 10_000  # rows written at a time


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """The peak of `train --data FILE --dry-run` at each size, and the bytes that a row adds to a model of one size."""
    peaks = {}
    sizes = SMALL if dataset else SIZES
    with tempfile.TemporaryDirectory() as name:
        for rows in sizes:
            path = Path(name) / f"{rows}.csv"
            write_reviews(path, rows)
            peaks[rows] = peak(["train", "sentiment", "--dry-run", *MODEL, "--data", str(path)], Path(name))
            say(f"{rows:,} rows: {peaks[rows] / 1e6:,.0f} MB")
    few, many = sizes
    return {
        "benchmark": "memory",
        "dataset": "random words",
        **benchmarks.circumstances(),
        "peak_mb": {f"{rows:,} rows": found / 1e6 for rows, found in peaks.items()},
        "bytes_per_row": (peaks[many] - peaks[few]) / (many - few),
    }


def write_reviews(path: Path, rows: int) -> None:
    """A CSV of random words and labels, no two rows alike."""
    draw = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        for start in range(0, rows, PIECE):
            words, labels = draw.zipf(1.3, (PIECE, LENGTH)) % WORDS, draw.integers(0, 2, PIECE)
            for number, (line, label) in enumerate(zip(words, labels, strict=True), start):
                file.write(f"row {number} {' '.join(f'w{word}' for word in line)},{('bad', 'good')[label]}\n")


def peak(arguments: list[str], folder: Path) -> int:
    """The most memory, in bytes, that a command held at once."""
    command = [sys.executable, "-m", "seqtasks", *arguments]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    child = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return usage.ru_maxrss * 1024
