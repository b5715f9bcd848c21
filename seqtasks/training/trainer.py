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
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks.data import Batches
from seqtasks.errors import DivergenceError, IntegrityError, Interrupted
from seqtasks.patterns import Gradients, Objective
from seqtasks.training import checkpoints, log, signals
from seqtasks.training.checkpoints import Progress
from seqtasks.training.gradients import plain_gradients, signature_of
from seqtasks.training.learning_rate import LearningRate
from seqtasks.training.monitor import better


class Trainer:
    """A model in training. `run` trains it to the end and leaves the best epoch's weights in it, or the last's."""

    def __init__(self, model: keras.Model, objective: Objective, settings: Mapping[str, Any], *, seed: int) -> None:
        self.model, self.objective, self.settings, self.seed = model, objective, settings, seed
        self.progress = Progress()
        self.saving: list[float] = []  # seconds that each checkpoint took
        self.began = self.before = 0.0
        self.log, self.compiled = log.Log(), 0  # steps of the whole training for which it is
        self.loss = objective.loss
        self.metrics = {"loss": keras.metrics.Mean(), **{name: each.keras for name, each in objective.metrics.items()}}
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
        steps = len(self._epoch(train, 0))
        self.compile(train)
        self._restore(folder, notice)
        checkpoints.check_room(folder, sum(np.asarray(each).nbytes for each in self._variables().values()))
        self.began, self.before = time.monotonic(), at.seconds
        self.log = log.Log(folder, done=int(self.optimizer.iterations))
        listeners = keras.callbacks.CallbackList(list(callbacks), model=self.model, epochs=epochs, steps=steps)
        self.model.stop_training = at.waited >= self.settings["patience"]
        with self.rate.shown_in(self.model), signals.collected() as caught:
            listeners.on_train_begin()
            saver = checkpoints.Saver(folder, self._state)
            while at.epoch < epochs and not self.model.stop_training:
                listeners.on_epoch_begin(at.epoch)
                batches = self._epoch(train, at.epoch)
                while at.step < len(batches):
                    listeners.on_train_batch_begin(at.step)
                    self.rate.after_callbacks()
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
                self.log.end_epoch(at.history)
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
        steps = len(self._epoch(train, 0)) * self.settings["epochs"]
        if steps != self.compiled:
            self._compile(steps, train)
            self.compiled = steps

    def values(self) -> list[np.ndarray]:
        """Every variable's value, once compiled."""
        return [np.array(tf.convert_to_tensor(variable)) for variable in self._variables().values()]

    def begin_again(self, values: Sequence[np.ndarray]) -> None:
        """Back to the beginning, at which `values` gave these, for a run on other rows."""
        for variable, value in zip(self._variables().values(), values, strict=True):
            variable.assign(value)
        self.progress = Progress()

    def estimate(self, train: Batches) -> float:
        """Seconds that an epoch takes on this machine, from a few steps on batches of middling length."""
        batches = sorted(self._epoch(train, 0), key=train.steps)
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
        self.rate = LearningRate(settings, steps)
        self.optimizer = self.rate.optimizer
        clipnorm = settings["global_clipnorm"]
        self.optimizer.build(self.model.trainable_variables)
        example = self._batch(train, next(iter(train.eval_batches(batch_size=1))))
        signature = signature_of(example) if train.varied else None

        slow = [
            (variable, multiplier)
            for name, multiplier in self.objective.learning_rate_multipliers.items()
            for variable in self.model.get_layer(name).trainable_variables
        ]

        @tf.function(jit_compile=tf.test.is_built_with_xla(), autograph=False)  # one pass over each variable
        def update(gradients: list[tf.Tensor], scale: tf.Tensor) -> None:
            self.rate.advance()
            before = [tf.identity(variable) for variable, _ in slow]
            self.optimizer.apply([each * scale for each in gradients], self.model.trainable_variables)
            for (variable, multiplier), value in zip(slow, before, strict=True):
                variable.assign(value + multiplier * (variable - value))
            past = tf.minimum(float(settings["ema_momentum"]), self._past())
            for average, variable in zip(self.averages, self.model.trainable_variables, strict=True):
                average.assign(past * average + (1 - past) * variable)

        def step(gradients_of: Gradients, x: Any, y: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            output, losses, gradients = gradients_of(self.model, self.loss, x, y)
            norm = tf.linalg.global_norm(gradients)

            def apply() -> bool:
                update(gradients, clipnorm / tf.maximum(norm, clipnorm))
                self._note(y, output, losses)
                return True

            finite = tf.math.is_finite(tf.reduce_sum(losses)) & tf.math.is_finite(norm)
            return tf.cond(finite, apply, lambda: False), tf.reduce_mean(losses), norm

        @tf.function(input_signature=signature, autograph=False)
        def check(x: Any, y: Any) -> None:
            output = self.model(x, training=False)
            self._note(y, output, self.loss(y, output))

        self._check_function = check
        self._step_functions = [
            (first, tf.function(functools.partial(step, each), input_signature=signature, autograph=False))
            for first, each in ((0, plain_gradients), *self.objective.phases)
        ]

    def _note(self, y: Any, output: tf.Tensor, losses: tf.Tensor) -> None:
        self.metrics["loss"].update_state(losses)
        for metric in self.objective.metrics.values():
            metric.keras.update_state(*metric.feed(y, output))

    def _past(self) -> tf.Tensor:
        """The past's weight early on, when there is little of it: (1 + n) / (10 + n) after n steps."""
        done = tf.cast(self.optimizer.iterations, tf.float32)
        return (1 + done) / (10 + done)

    def _step(self, train: Batches, index: Any) -> None:
        at = self.progress
        step = next(function for first, function in reversed(self._step_functions) if at.epoch >= first)
        finite, loss, norm = step(*self._batch(train, index))
        rate = self.rate.after_step()
        self.log.add(at.epoch + 1, at.step + 1, float(loss), rate, float(norm))
        if not finite:
            where = f"step {at.step + 1} (train {train.describe(index)})"
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
            for index in validation.eval_batches(batch_size=self.settings["batch_size"]):
                self._check_function(*self._batch(validation, index))
            row |= {f"val_{name}": value for name, value in self._results().items()}
            row |= {f"val_{name}": figure(self.model, validation) for name, figure in self.objective.figures.items()}
        listeners.on_test_end(row)
        self._assign(weights)
        if not math.isfinite(row.get("val_loss", 0)):
            raise self._divergence("validation: the loss is not finite")
        row["learning_rate"] = self.rate.value
        at.history.append(row)
        at.waited += 1
        if not validation or not at.best or better(row, at.best, self.settings, self.objective):
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

    def _epoch(self, train: Batches, epoch: int) -> list[Any]:
        size, minimum = self.settings["batch_size"], self.settings["min_steps_per_epoch"]
        return train.epoch_batches(batch_size=size, min_steps=minimum, seed=self.seed, epoch=epoch)

    def _batch(self, batches: Batches, index: Any) -> tuple[Any, Any]:
        x, y = tf.nest.map_structure(tf.constant, batches.batch(index))
        return x, y

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
            "scheduled": [self.rate.scheduled],
            "metric": [each for metric in self.metrics.values() for each in metric.variables],
        }
        return {f"{name}.{index}": each for name, group in groups.items() for index, each in enumerate(group)}

    def _seconds(self) -> float:
        """What the training has taken, before an interruption and since."""
        return self.before + time.monotonic() - self.began

    def _state(self) -> tuple[int, dict[str, np.ndarray], dict[str, Any]]:
        """The number of steps done, all variables' values, and the rest: what a checkpoint holds."""
        self.log.flush()
        rest = {**vars(self.progress), "seconds": self._seconds()}
        arrays = {name: np.asarray(variable) for name, variable in self._variables().items()}
        return int(self.optimizer.iterations), arrays, rest

    def _restore(self, folder: Path, notice: Callable[[str], None]) -> None:
        found = checkpoints.load(folder, notice)
        if found is None:
            return
        arrays, rest = found
        variables = self._variables()
        shapes = {name: tuple(each.shape) for name, each in variables.items()}
        if {name: each.shape for name, each in arrays.items()} != shapes:
            raise IntegrityError(f"the checkpoints in {folder} are those of another model; begin again with --fresh")
        if set(rest) != set(vars(self.progress)):
            raise IntegrityError(f"the checkpoints in {folder} are of another version; begin again with --fresh")
        for name, variable in variables.items():
            variable.assign(arrays[name])
        for name, value in rest.items():
            setattr(self.progress, name, value)
        self.rate.after_step()
        notice(f"going on from epoch {self.progress.epoch + 1}, step {self.progress.step + 1}")
