from __future__ import annotations

import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from seqtasks import tasks
from seqtasks.data import prepare
from seqtasks.data.batches import Batches
from seqtasks.errors import DivergenceError, IntegrityError, ResourceError, UsageError
from seqtasks.task import Folders, Task
from seqtasks.training import checkpoints, model_folder
from seqtasks.training.trainer import Training

SMALL = {"units": 4, "embedding": 4, "bigrams": 0, "least_steps": 12, "epochs": 3, "batch": 64, "vocabulary_size": 50}


STREAM = {"units": 6, "embedding": 4, "least_steps": 12, "epochs": 3, "batch": 8, "window": 16}

Data = tuple[Task, dict[str, Batches]]


def prepared(name: str, settings: dict) -> Data:
    task = tasks.find(name).configure(settings)
    found = prepare.read(task, "sample", Folders(()), print)
    fitted = prepare.fit(task, found)
    train, validation = prepare.encode(fitted, found, ["train", found.judge], Folders(())).values()
    return fitted, {"train": train, "validation": validation}


@pytest.fixture(scope="module")
def data() -> Data:
    return prepared("sentiment", SMALL)


def training(data: Data, **changes: object) -> Training:
    task = data[0].configure(changes)
    keras.utils.set_random_seed(7)
    return Training(model_folder.build(task), task.pattern, task.targets, task.settings, seed=7)


def run(training: Training, data: Data, folder: Path, **options: object) -> Training:
    training.run(data[1]["train"], data[1]["validation"], folder=folder, **options)
    return training


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


def test_history_has_a_row_an_epoch(data, tmp_path: Path):
    history = run(training(data), data, tmp_path).progress.history
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert set(history[0]) == {"epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}
    assert history[-1]["loss"] < history[0]["loss"]


def test_without_validation_the_last_epoch_is_kept(data, tmp_path: Path):
    one = training(data, patience=1)
    done = one.run(data[1]["train"], None, folder=tmp_path)
    assert [row["epoch"] for row in done.history] == [1, 2, 3]
    assert done.best["epoch"] == 3
    assert not any(name.startswith("val_") for name in done.best)
    for kept, average in zip(one.model.trainable_variables, one.averages, strict=True):
        np.testing.assert_array_equal(kept, average)


def test_an_adversarial_step_learns_from_the_harm(data):
    """Its gradients are those of the loss plus the loss of the moved vectors, which is the higher one."""
    plain, adversarial = (training(data, dropout=0.0, output_dropout=0.0) for _ in range(2))
    x, y = plain._batch(data[1]["train"], np.arange(20))
    _, losses, gradients = plain._gradients(x, y, 0.0)
    _, same_losses, sums = adversarial._gradients(x, y, 0.1)
    np.testing.assert_allclose(losses, same_losses, atol=1e-5)
    nudge = adversarial.model.get_layer("nudge")
    assert nudge.by is None
    harms = [float(np.abs(total - own).max()) for total, own in zip(sums, gradients, strict=True)]
    assert all(0 < harm < 1 for harm in harms)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(plain.loss(y, plain.model(x, training=True)))
    harm = tape.gradient(loss, plain.model.get_layer("nudge").seen)
    nudge.by = 0.1 * harm / tf.norm(tf.reshape(harm, [20, -1]), axis=1)[:, None, None]
    assert float(tf.reduce_mean(plain.loss(y, adversarial.model(x, training=True)))) > float(loss)


def test_adversarial_steps_begin_after_as_many_epochs_as_are_set(data, tmp_path: Path):
    kinds = {"never": (0.0, 0), "later": (0.1, 1), "always": (0.1, 0)}
    done = {
        name: run(training(data, adversarial=size, adversarial_after=after, epochs=1), data, tmp_path / name)
        for name, (size, after) in kinds.items()
    }
    weights = {name: each.model.trainable_variables[0].numpy() for name, each in done.items()}
    np.testing.assert_array_equal(weights["later"], weights["never"])
    assert (weights["always"] != weights["never"]).any()


def test_it_ends_with_the_best_epochs_weights(data, tmp_path: Path):
    done = run(training(data), data, tmp_path)
    kept = Training(done.model, done.pattern, data[0].targets, done.settings, seed=0)
    kept.averages = done.model.trainable_variables
    kept._compile(10, data[1]["train"])
    row = kept._end_epoch(data[1]["validation"], keras.callbacks.CallbackList(model=kept.model))
    assert row["val_loss"] == pytest.approx(done.progress.best["val_loss"], rel=1e-5)


def test_it_stops_when_validation_no_longer_improves(data, tmp_path: Path):
    done = run(training(data, learning_rate=1e-30, patience=1, epochs=9), data, tmp_path)
    assert len(done.progress.history) == 2


def test_any_keras_callback_works(data, tmp_path: Path):
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    stop = keras.callbacks.EarlyStopping(
        monitor="learning_rate", mode="min", min_delta=1.0, patience=1
    )  # never enough for it
    done = run(training(data, epochs=9), data, tmp_path, callbacks=[log, stop])
    assert len(done.progress.history) == 2
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1 + 2


def test_a_loss_that_is_not_finite_stops_with_the_state_before_it(data, tmp_path: Path):
    broken = training(data, epochs=2)
    fine = broken.loss

    class Nan(keras.losses.Loss):
        def call(self, wanted, given):
            done = broken.optimizer.iterations
            return fine(wanted, given) * keras.ops.where(done < 15, 1.0, float("nan"))

    broken.loss = Nan(reduction="none")
    with pytest.raises(
        DivergenceError, match=r"epoch 2, step \d+ \(train rows \d+, .*\).*--fresh --set learning_rate="
    ):
        run(broken, data, tmp_path)
    assert broken.progress.best["epoch"] == 1
    assert all(np.isfinite(each).all() for each in broken.averages)
    assert list(tmp_path.glob("step-*.npz"))


def test_checkpoints_of_another_model_are_refused(data, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("seqtasks.training.checkpoints.Saver.save_when_due", lambda saver: saver.save())
    run(training(data, epochs=1), data, tmp_path)
    other = training(data, units=5, epochs=1)
    with pytest.raises(IntegrityError, match="of another model; begin again with --fresh"):
        run(other, data, tmp_path)


@pytest.mark.parametrize("setting", ["epochs", "batch", "patience"])
def test_settings_that_train_nothing_are_refused(data, setting: str):
    with pytest.raises(UsageError, match=f"{setting} is at least 1, not 0"):
        training(data, **{setting: 0})


@pytest.mark.parametrize("kind", ["rows", pytest.param("stream", marks=pytest.mark.thorough)])
def test_going_on_ends_as_if_it_had_never_stopped(kind: str, data: Data, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("seqtasks.training.checkpoints.Saver.save_when_due", lambda saver: saver.save())
    options = {"word_dropout": 0.2, "dropout": 0.3, "recurrent_dropout": 0.1}
    if kind == "stream":  # whose states go on as well
        data, options = prepared("text_generation", STREAM), {"embedding_dropout": 0.1}
    whole = run(training(data, **options), data, tmp_path / "whole")
    said: list[str] = []
    for stop in ((1, 0), (2, 11)):
        with pytest.raises(RuntimeError, match="power cut"):
            run(training(data, **options), data, tmp_path / "cut", callbacks=[StopAt(*stop)], notice=said.append)
    resumed = run(training(data, **options), data, tmp_path / "cut", notice=said.append)
    assert [re.match("going on from epoch [123], step", line) is not None for line in said] == [True] * 2
    assert resumed.progress.history == whole.progress.history
    for one, other in zip(resumed.model.variables, whole.model.variables, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_loss_on_validation_that_is_not_finite_is_a_divergence(data: Data, tmp_path: Path):
    made = training(data)
    made.compile(data[1]["train"])
    made._check_function = lambda *batch: made.metrics["loss"].update_state(float("nan"))
    with pytest.raises(DivergenceError, match=r"diverged in epoch 1, validation: the loss is not finite; try --fresh"):
        run(made, data, tmp_path)
    assert not made.progress.best
    assert list(tmp_path.glob("step-*.json"))


def test_no_room_for_checkpoints_is_told_at_the_beginning(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1_000))
    with pytest.raises(ResourceError, match=r"has 0 MB left, and checkpoints take \d+; make room"):
        run(training(data), data, tmp_path)
    for step in range(2):
        checkpoints.save(tmp_path, step, {}, {})
    checkpoints.check_room(tmp_path, 1_000)  # the next one, when two are kept already
    with pytest.raises(ResourceError, match="has 0 MB left"):
        checkpoints.check_room(tmp_path, 1_001)


@pytest.mark.parametrize("what", ["fingerprint", "seed", "versions.keras", "settings.units"])
def test_an_unfinished_training_of_something_else_is_refused(what: str, tmp_path: Path):
    identity = {"fingerprint": "a", "seed": 1, "versions": {"keras": "3"}, "settings": {"units": 4}}
    model_folder.begin(tmp_path, identity, fresh=False, resume=False)
    model_folder.begin(tmp_path, identity, fresh=False, resume=True)
    first, _, second = what.partition(".")
    other = identity | {first: {second: "9"} if second else "9"}
    with pytest.raises(
        UsageError, match=rf'unfinished training with {what} .* \(now "9"\); finish that one or give --fr'
    ):
        model_folder.begin(tmp_path, other, fresh=False, resume=False)
