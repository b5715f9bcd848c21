"""On the real data sets, where they are prepared; otherwise skipped, and said so (pytest -m slow)."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keras
import pytest

from seqtasks import tasks
from seqtasks.data import prepare
from seqtasks.layers import stack
from seqtasks.task import Folders
from seqtasks.training import experiment
from tests.conftest import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared() -> Folders:
    """Where imdb_reviews is prepared."""
    folders = Folders(tuple(each for each in ("datasets", os.environ.get("TFDS_DATA_DIR", "")) if each))
    if not any((Path(folder) / "imdb_reviews").is_dir() for folder in folders.datasets):
        pytest.skip("imdb_reviews is prepared nowhere; set TFDS_DATA_DIR")
    return folders


def test_imdb_has_its_official_test_split_and_nothing_of_it_in_train(prepared: Folders):
    data = prepare.read(tasks.find("sentiment"), None, prepared, print)
    assert data.name == "imdb_reviews"
    assert data.sizes == {"train": 22_390, "validation": 2_487, "test": 25_000}
    assert data.dropped["train, also in test"] == 123
    labels, counts = set(data.examples["test"].targets), data.examples["test"].targets
    assert {label: (counts == label).sum() for label in labels} == {"negative": 12_500, "positive": 12_500}


def test_one_short_epoch_is_better_than_chance(prepared: Folders, tmp_path: Path):
    settings = ("--epochs", "1", "--units", "16", "--set", "max_length=80", "--set", "vocabulary_size=5000")
    run("train", "sentiment", "--model", tmp_path, *settings)
    result = json.loads(run("evaluate", "sentiment", "--model", tmp_path, "--json").stdout)
    assert result["examples"] == 25_000
    assert result["accuracy"] > 0.7


def test_ours_and_keras_s_layers_learn_alike(prepared: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    settings = {
        "epochs": 1, "units": 32, "max_length": 200, "bigram_vocabulary_size": 0, "adversarial_epsilon": 0.0,
        "vocabulary_size": 10_000,
    }  # fmt: skip
    found = experiment.prepare(tasks.find("sentiment").configure(settings), None, prepared, print)

    def accuracy(kind: type[keras.layers.RNN], seed: int) -> float:
        monkeypatch.setitem(stack.CELLS, "gru", (kind, {}))
        parts = (found.train, found.validation)
        return found.trainer(seed).run(*parts, folder=tmp_path / f"{kind.__module__}-{seed}").best["val_accuracy"]

    ours, theirs = ([accuracy(kind, seed) for seed in (0, 1)] for kind in (stack.GRU, keras.layers.GRU))
    spread = max(abs(ours[0] - ours[1]), abs(theirs[0] - theirs[1]), 0.005)
    assert ours == pytest.approx(theirs, abs=spread)
