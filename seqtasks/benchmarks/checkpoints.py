"""What checkpoints cost: the default sentiment training, its time inside and outside of saving."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqtasks import benchmarks, tasks
from seqtasks.task import Folders
from seqtasks.training import experiment

EPOCHS = 2


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Number and size of the checkpoints of a training, and the share of its time that went into them."""
    prepared = experiment.prepare(tasks.find("sentiment").configure({"epochs": EPOCHS}), dataset, folders, say)
    trainer = prepared.trainer(0)
    with tempfile.TemporaryDirectory() as folder:
        trainer.run(prepared.train, prepared.validation, folder=Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).glob("*.npz")) / len(list(Path(folder).glob("*.npz")))
    saving, seconds = trainer.saving, trainer.progress.seconds
    return {
        "benchmark": "checkpoints",
        "dataset": prepared.data.name,
        **benchmarks.circumstances(),
        "training": {
            "seconds": seconds,
            "checkpoints": len(saving),
            "megabytes_each": size / 1e6,
            "seconds_saving": sum(saving),
            "share_of_time": sum(saving) / seconds,
        },
    }
