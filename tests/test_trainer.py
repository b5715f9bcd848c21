from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from seqtasks import tasks
from seqtasks.data import Batches, prepare
from seqtasks.errors import DivergenceError, IntegrityError, ResourceError, UsageError
from seqtasks.layers.adversarial import LAYER, AdversarialGradients
from seqtasks.patterns import Metric, Objective
from seqtasks.task import Folders, Task
from seqtasks.training import checkpoints, model_folder
from seqtasks.training import monitor as monitoring
from seqtasks.training.gradients import plain_gradients
from seqtasks.training.trainer import Trainer

STEPS = {"min_steps_per_epoch": 12, "epochs": 3, "embedding_dim": 4}
SMALL = {**STEPS, "units": 256, "batch_size": 64, "bigram_vocabulary_size": 0, "vocabulary_size": 50}
SMALL |= {"bidirectional": False, "adversarial_epsilon": 0.0}  # what is compiled twice costs twice
STREAM = {**STEPS, "units": 6, "batch_size": 8, "bptt_steps": 16}

Data = tuple[Task[Any, Any], dict[str, Batches]]


def prepared(name: str, settings: dict) -> Data:
    task = tasks.find(name).configure(settings)
    found = prepare.read(task, "sample", Folders(()), print)
    assert found.validation is not None
    fitted = prepare.fit(task, found, Folders(()))
    train, validation = prepare.encode(fitted, found, ["train", found.validation], Folders(())).values()
    return fitted, {"train": train, "validation": validation}


@pytest.fixture(scope="module")
def data() -> Data:
    return prepared("sentiment", SMALL)


def trainer(data: Data, **changes: Any) -> Trainer:
    task = data[0].configure(changes)
    keras.utils.set_random_seed(7)
    return Trainer(model_folder.build(task), task.pattern.objective(task), task.settings, seed=7)


def run(trainer: Trainer, data: Data, folder: Path, **options: Any) -> Trainer:
    trainer.run(data[1]["train"], data[1]["validation"], folder=folder, **options)
    return trainer


class StopAt(keras.callbacks.Callback):
    """Fails in the middle of an epoch, as a machine would."""

    def __init__(self, epoch: int, batch: int) -> None:
        super().__init__()
        self.at = (epoch, batch)

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        if (self.epoch, batch) == self.at:
            raise RuntimeError("power cut")


@pytest.mark.trains
def test_history_has_a_row_an_epoch(data, tmp_path: Path):
    history = run(trainer(data), data, tmp_path).progress.history
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert set(history[0]) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}
    assert history[-1]["loss"] < history[0]["loss"]


@pytest.mark.trains
def test_without_validation_the_last_epoch_is_kept(data, tmp_path: Path):
    one = trainer(data, patience=1)
    done = one.run(data[1]["train"], None, folder=tmp_path)
    assert [row["epoch"] for row in done.history] == [1, 2, 3]
    assert done.best["epoch"] == 3
    assert not any(name.startswith("val_") for name in done.best)
    for kept, average in zip(one.model.trainable_variables, one.averages, strict=True):
        np.testing.assert_array_equal(kept, average)


@pytest.mark.trains
def test_an_adversarial_step_learns_from_the_harm(data):
    """Its gradients are those of the loss plus the loss of the moved vectors, which is the higher one."""
    plain, adversarial = (trainer(data, dropout=0.0, output_dropout=0.0, adversarial_epsilon=0.1) for _ in range(2))
    x, y = plain._batch(data[1]["train"], np.arange(20))
    output, losses, gradients = plain_gradients(plain.model, plain.loss, x, y)
    same_output, same_losses, sums = AdversarialGradients(0.1)(adversarial.model, adversarial.loss, x, y)
    np.testing.assert_allclose(output, same_output, atol=1e-5)
    np.testing.assert_allclose(losses, same_losses, atol=1e-5)
    moved = adversarial.model.get_layer(LAYER)
    assert moved.delta is None
    harms = [float(np.abs(total - own).max()) for total, own in zip(sums, gradients, strict=True)]
    assert all(0 < harm < 1 for harm in harms)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(plain.loss(y, plain.model(x, training=True)))
    harm = tape.gradient(loss, plain.model.get_layer(LAYER).input)
    moved.delta = 0.1 * harm / tf.norm(tf.reshape(harm, [20, -1]), axis=1)[:, None, None]
    assert float(tf.reduce_mean(plain.loss(y, adversarial.model(x, training=True)))) > float(loss)


@pytest.mark.thorough
@pytest.mark.trains
def test_adversarial_steps_begin_after_as_many_epochs_as_are_set(data, tmp_path: Path):
    kinds = {"never": (0.0, 0), "later": (0.1, 1), "always": (0.1, 0)}
    done = {
        name: run(
            trainer(data, adversarial_epsilon=epsilon, adversarial_start_epoch=after, epochs=1), data, tmp_path / name
        )
        for name, (epsilon, after) in kinds.items()
    }
    weights = {name: each.model.trainable_variables[0].numpy() for name, each in done.items()}
    np.testing.assert_array_equal(weights["later"], weights["never"])
    assert (weights["always"] != weights["never"]).any()


@pytest.mark.trains
def test_it_ends_with_the_best_epochs_weights(data, tmp_path: Path):
    done = run(trainer(data), data, tmp_path)
    kept = Trainer(done.model, data[0].pattern.objective(data[0]), done.settings, seed=0)
    kept.averages = done.model.trainable_variables
    kept._compile(10, data[1]["train"])
    row = kept._end_epoch(data[1]["validation"], keras.callbacks.CallbackList(model=kept.model))
    assert row["val_loss"] == pytest.approx(done.progress.best["val_loss"], rel=1e-5)


@pytest.mark.trains
def test_it_stops_when_validation_no_longer_improves(data, tmp_path: Path):
    done = run(trainer(data, learning_rate=1e-30, patience=1, epochs=9), data, tmp_path)
    assert len(done.progress.history) == 2


def test_of_two_epochs_the_one_with_the_better_monitored_figure_is_better(data):
    """Whichever way that is; of equals the one with the lower loss."""

    def worth(monitor: str, loss: float, accuracy: float, perplexity: float) -> tuple[float, float]:
        row = {"val_loss": loss, "val_accuracy": accuracy, "val_perplexity": perplexity}
        return monitoring.worth(row, monitor, objective)

    made = trainer(data)
    feed = made.objective.metrics["accuracy"].feed
    perplexity = Metric(keras.metrics.Mean(), feed, higher_is_better=False)
    objective = Objective(made.loss, {**made.objective.metrics, "perplexity": perplexity})
    assert worth("loss", 1.0, 0.5, 9.0) > worth("loss", 2.0, 0.9, 3.0)
    assert worth("accuracy", 1.0, 0.5, 9.0) < worth("accuracy", 2.0, 0.9, 3.0)
    assert worth("accuracy", 1.0, 0.5, 9.0) > worth("accuracy", 2.0, 0.5, 9.0)
    assert worth("perplexity", 1.0, 0.5, 9.0) < worth("perplexity", 2.0, 0.9, 3.0)


@pytest.mark.trains
def test_layers_learn_as_much_slower_as_the_objective_says(data):
    made, slower = trainer(data), trainer(data)
    slower.objective = dataclasses.replace(slower.objective, learning_rate_multipliers={"logits": 0.25})
    before = [each.numpy() for each in made.model.trainable_variables]
    for one in (made, slower):
        one.compile(data[1]["train"])
        one._step(data[1]["train"], np.arange(20))
    pairs = zip(before, made.model.trainable_variables, slower.model.trainable_variables, strict=True)
    for value, other, slow in pairs:
        share = 0.25 if "logits" in slow.path else 1.0
        np.testing.assert_allclose(slow - value, share * (other - value), atol=1e-6)
        assert np.abs(other - value).max() > 1e-5


@pytest.mark.trains
def test_any_keras_callback_works(data, tmp_path: Path):
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    stop = keras.callbacks.EarlyStopping(
        monitor="learning_rate", mode="min", min_delta=1.0, patience=1
    )  # never enough for it
    done = run(trainer(data, epochs=9), data, tmp_path, callbacks=[log, stop])
    assert len(done.progress.history) == 2
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1 + 2


@pytest.mark.trains
def test_a_callback_may_set_the_learning_rate(data, tmp_path: Path):
    rates = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.001 * (epoch + 1))
    pytest.importorskip("tensorboard")
    board = keras.callbacks.TensorBoard(tmp_path / "board", write_graph=False)
    done = run(trainer(data, epochs=2), data, tmp_path, callbacks=[rates, board])
    assert [row["learning_rate"] for row in done.progress.history] == pytest.approx([0.001, 0.002])
    steps = pd.read_csv(tmp_path / "steps.csv")
    assert [*steps] == ["epoch", "step", "loss", "learning_rate", "gradient_norm"]
    assert len(steps) == int(done.optimizer.iterations)
    assert steps.groupby("epoch")["learning_rate"].nunique().tolist() == [1, 1]
    assert (steps["gradient_norm"] > 0).all()
    assert len(pd.read_csv(tmp_path / "history.csv")) == 2
    done.model.save_weights(tmp_path / "model.weights.h5")  # of which the optimizer, called by a number, is no part
    with h5py.File(tmp_path / "model.weights.h5") as file:
        assert set(file) <= {"layers", "vars"}
    assert list((tmp_path / "board").rglob("events*"))


@pytest.mark.trains
def test_a_loss_that_is_not_finite_stops_with_the_state_before_it(data, tmp_path: Path):
    broken = trainer(data, epochs=2)
    fine = broken.loss

    def breaks(wanted, given):
        return fine(wanted, given) * keras.ops.where(broken.optimizer.iterations < 15, 1.0, float("nan"))

    broken.loss = breaks
    with pytest.raises(
        DivergenceError, match=r"epoch 2, step \d+ \(train rows \d+, .*\).*--fresh --set learning_rate="
    ):
        run(broken, data, tmp_path)
    assert broken.progress.best["epoch"] == 1
    assert all(np.isfinite(each).all() for each in broken.averages)
    assert list(tmp_path.glob("step-*.npz"))


@pytest.mark.trains
def test_checkpoints_of_another_model_are_refused(data, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("seqtasks.training.checkpoints.Saver.save_when_due", lambda saver: saver.save())
    run(trainer(data, epochs=1), data, tmp_path)
    other = trainer(data, units=5, epochs=1)
    with pytest.raises(IntegrityError, match="of another model; begin again with --fresh"):
        run(other, data, tmp_path)


@pytest.mark.parametrize("setting", ["epochs", "batch_size", "patience"])
def test_settings_that_train_nothing_are_refused(data, setting: str):
    with pytest.raises(UsageError, match=f"{setting} is at least 1, not 0"):
        trainer(data, **{setting: 0})


@pytest.mark.trains
@pytest.mark.parametrize("kind", ["rows", pytest.param("stream", marks=pytest.mark.thorough)])
def test_going_on_ends_as_if_it_had_never_stopped(kind: str, data: Data, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("seqtasks.training.checkpoints.Saver.save_when_due", lambda saver: saver.save())
    options = {"units": 4, "word_dropout": 0.2, "dropout": 0.3, "recurrent_dropout": 0.1}
    if kind == "stream":  # whose states go on as well
        data, options = prepared("text_generation", STREAM), {"embedding_dropout": 0.1}
    whole = run(trainer(data, **options), data, tmp_path / "whole")
    said: list[str] = []
    for stop in ((1, 0), (2, 11)):
        with pytest.raises(RuntimeError, match="power cut"):
            run(trainer(data, **options), data, tmp_path / "cut", callbacks=[StopAt(*stop)], notice=said.append)
    resumed = run(trainer(data, **options), data, tmp_path / "cut", notice=said.append)
    assert [re.match("going on from epoch [123], step", line) is not None for line in said] == [True] * 2
    assert resumed.progress.history == whole.progress.history
    for name in ("history.csv", "steps.csv"):
        assert (tmp_path / "cut" / name).read_text() == (tmp_path / "whole" / name).read_text()
    for one, other in zip(resumed.model.variables, whole.model.variables, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.trains
def test_a_loss_on_validation_that_is_not_finite_is_a_divergence(data: Data, tmp_path: Path):
    made = trainer(data)
    made.compile(data[1]["train"])
    made._check_function = lambda *batch: made.metrics["loss"].update_state(float("nan"))
    with pytest.raises(DivergenceError, match=r"diverged in epoch 1, validation: the loss is not finite; try --fresh"):
        run(made, data, tmp_path)
    assert not made.progress.best
    assert list(tmp_path.glob("step-*.json"))


def test_no_room_for_checkpoints_is_told_at_the_beginning(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1_000))
    with pytest.raises(ResourceError, match=r"has 0 MB left, and checkpoints take \d+; make room"):
        run(trainer(data), data, tmp_path)
    for step in range(2):
        checkpoints.save(tmp_path, step, {}, {})
    checkpoints.check_room(tmp_path, 1_000)  # the next one, when two are kept already
    with pytest.raises(ResourceError, match="has 0 MB left"):
        checkpoints.check_room(tmp_path, 1_001)


@pytest.mark.parametrize("what", ["fingerprint", "seed", "versions.keras", "settings.units"])
def test_an_unfinished_training_of_something_else_is_refused(what: str, tmp_path: Path):
    identity = {"fingerprint": "a", "seed": 1, "versions": {"keras": "3"}, "settings": {"units": 4}}
    model_folder.start_run(tmp_path, identity, fresh=False, resume=False)
    model_folder.start_run(tmp_path, identity, fresh=False, resume=True)
    first, _, second = what.partition(".")
    other = identity | {first: {second: "9"} if second else "9"}
    with pytest.raises(
        UsageError, match=rf'unfinished training with {what} .* \(now "9"\); finish that one or give --fr'
    ):
        model_folder.start_run(tmp_path, other, fresh=False, resume=False)
