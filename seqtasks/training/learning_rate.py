"""The learning rate of each step: a schedule's, until a callback sets another."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf


class LearningRate:
    """Rises over the first steps and falls on a cosine from there (Loshchilov and Hutter, 2017)."""

    def __init__(self, settings: Mapping[str, Any], steps: int) -> None:
        warmup = min(settings["warmup_steps"], steps // 4)
        highest = settings["learning_rate"]
        self.schedule = keras.optimizers.schedules.CosineDecay(
            highest / 100, steps - warmup, alpha=0.01, warmup_target=highest, warmup_steps=warmup
        )
        self.scheduled = tf.Variable(True)
        self.optimizer = keras.optimizers.Adam(float(self.schedule(0)))
        self.last = self.value

    @property
    def value(self) -> float:
        """That of the last step."""
        return float(self.optimizer.learning_rate)

    @contextlib.contextmanager
    def shown_in(self, model: keras.Model) -> Iterator[None]:
        """Callbacks look for the optimizer in the model; Keras would write it into a file of the weights as well."""
        model.optimizer = self.optimizer
        try:
            yield
        finally:
            model.optimizer = None

    def advance(self) -> None:
        """In a step's graph, before the optimizer is applied: the schedule's value, where it is followed."""
        given = self.optimizer.learning_rate
        given.assign(tf.where(self.scheduled, self.schedule(self.optimizer.iterations), given))

    def after_callbacks(self) -> None:
        """From where one of them has set a value on, the schedule is not followed."""
        if self.value != self.last:
            self.scheduled.assign(False)

    def after_step(self) -> float:
        """The value that the step was made with."""
        self.last = self.value
        return self.last
