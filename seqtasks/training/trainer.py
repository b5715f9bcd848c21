"""The training loop: Keras's optimizer, metrics and callbacks, in an order that depends on (seed, epoch) alone.

Everything that a later step depends on is in the checkpoint, so a training that was interrupted, in whatever way, ends
with the very numbers of one that was not.
"""

from __future__ import annotations

import contextlib
import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks.codecs.image import TUNED
from seqtasks.data.batches import Batches
from seqtasks.errors import DivergenceError, IntegrityError, Interrupted, UsageError, unknown
from seqtasks.training import checkpoints, signals

DEFAULTS: dict[str, bool | int | float | str] = {
    "epochs": 5,
    "batch": 128,  # rows
    "least_steps": 100,  # in an epoch; a small data set is gone through several times
    "learning_rate": 3e-3,  # per step at its highest, Adam (Kingma and Ba, 2015)
    "warmup": 100,  # steps until it is that high; from there it falls along a cosine
    "clip": 1.0,  # the gradient's norm at most (Pascanu et al., 2013)
    "adversarial": 0.0,  # L2 norm by which a row's vectors are moved against it (Miyato et al., 2017); 0 for none
    "adversarial_after": 0,  # epochs without it first
    "average": 0.99,  # weight of the past in the running average of the weights, which is what is kept; 0 for none
    "monitor": "accuracy",  # accuracy or loss: by which, on validation, an epoch is better than another
    "patience": 3,  # epochs without a better one before it stops
}
MONITORS = {
    "accuracy": lambda row: (row["val_accuracy"], -row["val_loss"]),
    "loss": lambda row: -row["val_loss"],
}


@dataclass
class Progress:
    """Where a training stands; with the variables' values, all there is in a checkpoint."""

    epoch: int = 0
    step: int = 0  # of this epoch
    seconds: float = 0.0
    waited: int = 0  # epochs since the best
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, float] = field(default_factory=dict)


class Training:
    """A model in training. `run` trains it to the end and leaves the best epoch's weights in it, or the last's."""

    def __init__(
        self, model: keras.Model, pattern: ModuleType, targets: Any, settings: Mapping[str, Any], *, seed: int
    ) -> None:
        check(settings)
        self.model, self.pattern, self.settings, self.seed = model, pattern, settings, seed
        self.progress = Progress()
        self.saving: list[float] = []  # seconds that each checkpoint took
        self.began = self.before = 0.0
        self.compiled = 0  # steps of the whole training for which it is
        self.loss = pattern.loss(targets, settings)
        self.metrics = {"loss": keras.metrics.Mean(), "accuracy": keras.metrics.SparseCategoricalAccuracy()}
        self.averages = [tf.Variable(each) for each in model.trainable_variables]
        self.best = [tf.Variable(each) for each in model.trainable_variables]

    def run(
        self,
        train: Batches,
        validation: Batches | None,
        *,
        folder: Path,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        notice: Callable[[str], None] = lambda text: None,
    ) -> Progress:
        """Trains from the folder's newest checkpoint, or from the beginning, to the end.

        Without validation the last epoch counts as the best, and all are gone through.

        Raises Interrupted on SIGINT or SIGTERM, after the step was finished and saved, DivergenceError when a loss or
        gradient is not finite: the state before that step is saved and the best epoch's weights are in the model, and
        ResourceError where there is no room for checkpoints.
        """
        at, epochs = self.progress, self.settings["epochs"]
        steps = len(self._order(train, 0))
        self.compile(train)
        self._restore(folder, notice)
        checkpoints.check_room(folder, sum(np.asarray(each).nbytes for each in self._variables().values()))
        self.began, self.before = time.monotonic(), at.seconds
        listeners = keras.callbacks.CallbackList(list(callbacks), model=self.model, epochs=epochs, steps=steps)
        self.model.stop_training = at.waited >= self.settings["patience"]
        listeners.on_train_begin()
        with signals.collected() as caught:
            saver = checkpoints.Saver(folder, self._state)
            while at.epoch < epochs and not self.model.stop_training:
                listeners.on_epoch_begin(at.epoch)
                batches = self._order(train, at.epoch)
                while at.step < len(batches):
                    listeners.on_train_batch_begin(at.step)
                    with self._diverging(saver):
                        self._step(train, batches[at.step])
                    at.step += 1
                    listeners.on_train_batch_end(at.step - 1, {"loss": float(self.metrics["loss"].result())})
                    saver.save_when_due()
                    if caught:
                        saver.save()
                        raise Interrupted(
                            f"stopped in epoch {at.epoch + 1}; the same command goes on from here", caught[0]
                        )
                with self._diverging(saver):
                    row = self._end_epoch(validation, listeners)
                listeners.on_epoch_end(row["epoch"] - 1, row)
            at.seconds, self.saving = self._seconds(), saver.taken
        self._assign(self.best)
        listeners.on_train_end()
        return at

    @contextlib.contextmanager
    def _diverging(self, saver: checkpoints.Saver) -> Iterator[None]:
        """Where training diverges within it, the state is saved and the model gets the best epoch's weights."""
        try:
            yield
        except DivergenceError:
            saver.save()
            self._assign(self.best)
            raise

    def compile(self, train: Batches) -> None:
        """Makes ready for a run on these rows; where an earlier run had as many steps, all that it compiled serves."""
        steps = len(self._order(train, 0)) * self.settings["epochs"]
        if steps != self.compiled:
            self._compile(steps, train)
            self.compiled = steps

    def values(self) -> list[np.ndarray]:
        """Every variable's value, once compiled."""
        return [np.asarray(variable).copy() for variable in self._variables().values()]

    def begin_again(self, values: Sequence[np.ndarray]) -> None:
        """Back to the beginning, at which `values` gave these, for a run on other rows."""
        for variable, value in zip(self._variables().values(), values, strict=True):
            variable.assign(value)
        self.progress = Progress()

    def estimate(self, train: Batches) -> float:
        """Seconds that an epoch takes on this machine, from a few steps on batches of middling length."""
        batches = sorted(self._order(train, 0), key=train.steps)
        self._compile(len(batches), train)
        middling = batches[len(batches) // 2 - 1 :][:2] * 3
        taken = []
        for place in middling:
            start = time.monotonic()
            self._step(train, place)
            taken.append(time.monotonic() - start)
        return float(np.median(taken[2:])) * len(batches)

    def _compile(self, steps: int, train: Batches) -> None:
        """Makes the optimizer, with all its variables, and the functions for one step."""
        settings = self.settings
        warmup = min(settings["warmup"], steps // 4)
        schedule = keras.optimizers.schedules.CosineDecay(
            settings["learning_rate"] / 100, steps - warmup, alpha=0.01, warmup_target=settings["learning_rate"],
            warmup_steps=warmup,
        )  # fmt: skip
        self.optimizer = keras.optimizers.Adam(schedule)
        self.optimizer.build(self.model.trainable_variables)
        example = self._batch(train, next(iter(train.sweep(size=1))))
        signature = tf.nest.map_structure(_any_batch, example) if train.varied else None

        known = [layer for layer in self.model.layers if layer.name == TUNED]
        slow = [variable for layer in known for variable in layer.trainable_variables]

        @tf.function(jit_compile=tf.test.is_built_with_xla(), autograph=False)  # one pass over each variable
        def update(gradients: list[tf.Tensor], scale: tf.Tensor) -> None:
            before = [tf.identity(each) for each in slow]
            self.optimizer.apply([each * scale for each in gradients], self.model.trainable_variables)
            for variable, value in zip(slow, before, strict=True):
                variable.assign(value + settings["tuned_rate"] * (variable - value))
            past = tf.minimum(float(settings["average"]), self._past())
            for average, variable in zip(self.averages, self.model.trainable_variables, strict=True):
                average.assign(past * average + (1 - past) * variable)

        def step(size: float, x: Any, y: Any) -> tf.Tensor:
            output, losses, gradients = self._gradients(x, y, size)
            norm = tf.linalg.global_norm(gradients)

            def apply() -> bool:
                update(gradients, settings["clip"] / tf.maximum(norm, settings["clip"]))
                self._note(y, output, losses)
                return True

            return tf.cond(tf.math.is_finite(tf.reduce_sum(losses)) & tf.math.is_finite(norm), apply, lambda: False)

        @tf.function(input_signature=signature, autograph=False)
        def check(x: Any, y: Any) -> None:
            output = self.model(x, training=False)
            self._note(y, output, self.loss(y, output))

        self._check_function = check
        self._step_functions = {
            size: tf.function(functools.partial(step, size), input_signature=signature, autograph=False)
            for size in (0.0, settings["adversarial"])
        }

    def _gradients(self, x: Any, y: Any, size: float) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        """Output, losses and the gradients of their mean; with a `size`, those of a second one are added.

        That is the loss after each row's vectors were moved by so much, in the L2 norm, the way that harms most
        (Miyato et al., 2017).
        """
        variables = self.model.trainable_variables
        nudge = self.model.get_layer("nudge") if size else None
        with tf.GradientTape() as tape:
            output = self.model(x, training=True)
            losses = self.loss(y, output)
            loss = tf.reduce_mean(losses)
        if nudge is None:
            return output, losses, [tf.convert_to_tensor(each) for each in tape.gradient(loss, variables)]
        *gradients, harm = tape.gradient(loss, [*variables, nudge.seen])
        norm = tf.sqrt(tf.reduce_sum(harm * harm, axis=range(1, harm.shape.rank), keepdims=True))
        nudge.by = tf.math.divide_no_nan(harm * size, norm)
        with tf.GradientTape() as tape:
            harmed = tf.reduce_mean(self.loss(y, self.model(x, training=True)))
        nudge.by = None
        return output, losses, [_sum(each) for each in zip(gradients, tape.gradient(harmed, variables), strict=True)]

    def _note(self, y: Any, output: tf.Tensor, losses: tf.Tensor) -> None:
        self.metrics["loss"].update_state(losses)
        self.metrics["accuracy"].update_state(*self.pattern.judged(y, output))

    def _past(self) -> tf.Tensor:
        """The past's weight early on, when there is little of it: (1 + n) / (10 + n) after n steps."""
        done = tf.cast(self.optimizer.iterations, tf.float32)
        return (1 + done) / (10 + done)

    def _step(self, train: Batches, place: Any) -> None:
        at = self.progress
        size = self.settings["adversarial"] if at.epoch >= self.settings["adversarial_after"] else 0.0
        if not self._step_functions[size](*self._batch(train, place)):
            where = f"step {at.step + 1} (train {train.named(place)})"
            raise self._divergence(f"{where}: the loss or its gradient is not finite")

    def _divergence(self, what: str) -> DivergenceError:
        slower = f"--set learning_rate={self.settings['learning_rate'] / 4:g}"
        return DivergenceError(f"training diverged in epoch {self.progress.epoch + 1}, {what}; try --fresh {slower}")

    def _end_epoch(self, validation: Batches | None, listeners: keras.callbacks.CallbackList) -> dict[str, float]:
        """Validates the averaged weights, notes the epoch in the history and keeps the weights if none were better.

        Raises DivergenceError where the loss on validation is not finite.
        """
        at = self.progress
        row: dict[str, float] = {"epoch": at.epoch + 1, **self._results()}
        weights = [each.numpy() for each in self.model.trainable_variables]
        self._assign(self.averages)
        listeners.on_test_begin()
        if validation:
            for place in validation.sweep(size=self.settings["batch"]):
                self._check_function(*self._batch(validation, place))
            row |= {f"val_{name}": value for name, value in self._results().items()}
        listeners.on_test_end()
        self._assign(weights)
        if not math.isfinite(row.get("val_loss", 0)):
            raise self._divergence("validation: the loss is not finite")
        row["learning_rate"] = float(self.optimizer.learning_rate)
        at.history.append(row)
        at.waited += 1
        worth = MONITORS[self.settings["monitor"]]
        if not validation or not at.best or worth(row) > worth(at.best):
            at.best, at.waited = row, 0
            for kept, average in zip(self.best, self.averages, strict=True):
                kept.assign(average)
        at.epoch, at.step = at.epoch + 1, 0
        self.model.stop_training = self.model.stop_training or at.waited >= self.settings["patience"]
        return row

    def _results(self) -> dict[str, float]:
        """The metrics' values, which begin anew."""
        values = {name: float(metric.result()) for name, metric in self.metrics.items()}
        for metric in self.metrics.values():
            metric.reset_state()
        return values

    def _order(self, train: Batches, epoch: int) -> list[Any]:
        size, least = self.settings["batch"], self.settings["least_steps"]
        return train.order(size=size, least=least, seed=self.seed, epoch=epoch)

    def _batch(self, batches: Batches, place: Any) -> tuple[Any, Any]:
        return tf.nest.map_structure(tf.constant, self.pattern.pair(*batches.batch(place)))

    def _assign(self, values: Sequence[Any]) -> None:
        for variable, value in zip(self.model.trainable_variables, values, strict=True):
            variable.assign(value)

    def _variables(self) -> dict[str, Any]:
        """Every variable that the next step depends on, random seeds included."""
        groups = {
            "model": self.model.variables,
            "average": self.averages,
            "best": self.best,
            "optimizer": self.optimizer.variables,
            "metric": [each for metric in self.metrics.values() for each in metric.variables],
        }
        return {f"{name}.{index}": each for name, group in groups.items() for index, each in enumerate(group)}

    def _seconds(self) -> float:
        """What the training has taken, before an interruption and since."""
        return self.before + time.monotonic() - self.began

    def _state(self) -> tuple[int, dict[str, np.ndarray], dict[str, Any]]:
        """The number of steps done, all variables' values, and the rest: what a checkpoint holds."""
        rest = {**vars(self.progress), "seconds": self._seconds()}
        arrays = {name: np.asarray(variable) for name, variable in self._variables().items()}
        return int(self.optimizer.iterations), arrays, rest

    def _restore(self, folder: Path, notice: Callable[[str], None]) -> None:
        found = checkpoints.load(folder, notice)
        if found is None:
            return
        arrays, rest = found
        variables = self._variables()
        if {name: each.shape for name, each in arrays.items()} != {
            name: tuple(each.shape) for name, each in variables.items()
        }:
            raise IntegrityError(f"the checkpoints in {folder} are those of another model; begin again with --fresh")
        for name, variable in variables.items():
            variable.assign(arrays[name])
        for name, value in rest.items():
            setattr(self.progress, name, value)
        notice(f"going on from epoch {self.progress.epoch + 1}, step {self.progress.step + 1}")


def check(settings: Mapping[str, Any]) -> None:
    """Raises UsageError for settings by which nothing can be trained."""
    for name in ("epochs", "batch", "patience", "least_steps", "warmup", "adversarial", "adversarial_after"):
        least = 1 if name in ("epochs", "batch", "patience") else 0
        if not least <= settings[name] < math.inf:  # NaN is not
            raise UsageError(f"{name} is at least {least}, not {settings[name]}")
    for name in ("learning_rate", "clip"):
        if not 0 < settings[name] < math.inf:
            raise UsageError(f"{name} is above 0, not {settings[name]}")
    if not 0 <= settings["average"] < 1:
        raise UsageError(f"average is at least 0 and below 1, not {settings['average']}")
    if settings["monitor"] not in MONITORS:
        raise unknown("monitor", settings["monitor"], MONITORS)


def _any_batch(tensor: tf.Tensor) -> tf.TensorSpec:
    """The tensor's specification with any number of rows and steps; of ids, any number of anything."""
    kept = [] if tensor.dtype == tf.int32 else tensor.shape[2:]
    return tf.TensorSpec([None] * (tensor.shape.rank - len(kept)) + list(kept), tensor.dtype)


def _sum(gradients: Sequence[Any]) -> tf.Tensor:
    """Dense, of a variable's gradients, which may be of a table's rows only."""
    if not isinstance(gradients[0], tf.IndexedSlices):
        return tf.add_n(gradients)
    values, indices = (tf.concat([getattr(each, name) for each in gradients], 0) for name in ("values", "indices"))
    return tf.convert_to_tensor(tf.IndexedSlices(values, indices, gradients[0].dense_shape))
