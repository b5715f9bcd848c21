"""What checkpoints cost: the default sentiment training, its time inside and outside of saving."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from seqtasks import benchmarks, preparing, tasks, trained
from seqtasks.task import Folders
from seqtasks.training import Training

EPOCHS = 2


def run(folders: Folders, say: Callable[[str], None], *, dataset: str | None = None) -> dict[str, Any]:
    """Number and size of the checkpoints of a training, and the share of its time that went into them."""
    task = tasks.find("sentiment").configure({"epochs": EPOCHS})
    data = preparing.read(task, dataset, folders, say)
    task = preparing.fit(task, data)
    encoded = preparing.encode(task, data, ["train", "validation"], folders)
    keras.utils.set_random_seed(0)
    training = Training(trained.build(task), task.pattern, task.targets, task.settings, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        training.run(encoded["train"], encoded["validation"], folder=Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).glob("*.npz")) / len(list(Path(folder).glob("*.npz")))
    saving = training.saving
    return {
        "benchmark": "checkpoints",
        "dataset": data.name,
        **benchmarks.circumstances(),
        "training": {
            "seconds": training.progress.seconds,
            "checkpoints": len(saving),
            "megabytes_each": size / 1e6,
            "seconds_saving": sum(saving),
            "share_of_time": sum(saving) / training.progress.seconds,
        },
    }
