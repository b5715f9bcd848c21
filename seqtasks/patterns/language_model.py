"""Language model: a text is read and written on, each token from all before it. Text generation, next word, music.

It is trained on windows of one long stream, the state carried from each to the next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol, cast

import keras
import numpy as np
import tensorflow as tf

from seqtasks import codecs
from seqtasks.codecs import InputCodec, TargetCodec, Tensor
from seqtasks.codecs.vocabulary import SPECIALS, UNK_ID
from seqtasks.data import Batches, progress
from seqtasks.data.prepare import Data
from seqtasks.data.streams import Stream, Window
from seqtasks.data.text import TEXT
from seqtasks.layers import stateful_decoder
from seqtasks.metrics.likelihood import likelihood
from seqtasks.metrics.report import Report, Sample, Section
from seqtasks.patterns import Answers, Endpoint, Metric, Objective
from seqtasks.patterns._writing import Writing
from seqtasks.setting import Setting, Settings, at_least, between
from seqtasks.task import Examples, Task

FORM = TEXT
MONITORS = ("accuracy",)
SETTINGS: Settings = {
    **stateful_decoder.SETTINGS,
    "validation_split": Setting(
        0.05, "share of the text, its end, by which epochs are chosen; 0 for none: the last is kept", between(0, 0.5)
    ),
    "bptt_steps": Setting(128, "tokens that gradients go back through", at_least(1)),
    "max_new_tokens": Setting(500, "tokens that are written where nothing else is asked for", at_least(0)),
    "temperature": Setting(0.8, "of sampling; 0 for always the most probable token", at_least(0)),
}
RESET = 256  # tokens
EXCERPT = 200  # tokens written after an epoch
SAMPLES = 3  # texts of a report
READ, GUESSED = 100, 100  # tokens of a window that are read first, and then guessed one by one
WINDOWS = 50  # by which --int8 is measured, at most


class TextCodec(InputCodec, TargetCodec, Protocol):
    """What this pattern asks of its one codec."""

    @property
    def level(self) -> str:
        """The name of a token."""

    def split(self, values: Tensor) -> Any:
        """Texts, string (B,) -> tokens, string (B, None), ragged; joined they are the text."""

    def unknown_tokens(self, values: Tensor) -> Tensor:
        """Texts, string (B,) -> what of them is read as unknown, string (B,)."""

    def characters(self, values: Tensor) -> Tensor:
        """Texts, string (B,) -> how many characters each has, int32 (B,)."""


Writer = Task[TextCodec, TextCodec]


def check(settings: Mapping[str, Any]) -> None:
    stateful_decoder.check(settings)


def batches(task: Writer, encoded: Stream) -> Stream:
    return encoded


def build(task: Writer) -> keras.Model:
    """A model of (ids (B, T), the rows whose states are reset, bool (B,)) -> logits (B, T, V)."""
    ids = task.inputs.placeholder()
    reset_states = keras.Input((), dtype="bool", name="reset_states")
    logits = stateful_decoder.build(ids, reset_states, task.targets.choices, task.settings)
    return keras.Model([ids, reset_states], logits, name="language_model")


def objective(task: Writer) -> Objective:
    """Cross-entropy in nats, one value a token; after an epoch a text is written."""
    accuracy = keras.metrics.SparseCategoricalAccuracy()
    return Objective(_loss(), {"accuracy": Metric(accuracy, lambda y, output: (y, output))}, after_epoch=_Excerpt(task))


def _loss() -> keras.losses.Loss:
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")


class _Excerpt:
    """What the loss means, and what the model writes by now."""

    def __init__(self, task: Writer) -> None:
        self.task = task

    def __call__(self, model: keras.Model, figures: Mapping[str, float]) -> str:
        loss = figures.get("val_loss", figures["loss"])
        self.model = model
        return (
            f"{loss / math.log(2):.3f} bits, perplexity {math.exp(loss):.2f} a {self.task.inputs.level}\n"
            f"{self._write()}\n"
        )

    @cached_property
    def _write(self) -> Callable[[], str]:
        endpoint = Writing(self.model, self.task).generate
        traced = tf.function(endpoint.function, input_signature=endpoint.signature, autograph=False)
        given = (tf.constant([""]), EXCERPT, 0.8, 0, 1.0, tf.constant([0], tf.int64))
        return lambda: str(traced(*given)["answer"].numpy()[0].decode())


def summary(task: Writer, batches: Batches) -> str:
    """How many tokens there are, and how much of the text is none of them."""
    codec, stream = task.inputs, cast("Stream", batches)
    unknown = float(np.mean(stream.values == UNK_ID))
    return (
        f"{codec.choices - SPECIALS:,} different {codec.level}s, {unknown:.2%} of the text none of them; "
        f"{len(stream):,} of them in train, windows of {stream.bptt_steps}"
    )


def answer(model: keras.Model, task: Writer, batches: Batches) -> dict[str, np.ndarray]:
    """Nats of the whole text, read with the state carried and with the state reset every RESET tokens; its size."""
    stream, loss = cast("Stream", batches), _loss()

    @tf.function(reduce_retracing=True, autograph=False)
    def nats(x: Any, y: Tensor) -> Tensor:
        return tf.reduce_sum(loss(y, model(x, training=False)))

    def total(windows: Sequence[Window]) -> float:
        found = 0.0
        for number, window in enumerate(windows, 1):
            found += float(nats(*tf.nest.map_structure(tf.constant, stream.batch(window))))
            progress.tell("reading", number, len(windows), "windows")
        return found

    return {
        "nats": np.array(total([*stream.eval_batches(batch_size=1)])),
        "nats_reset": np.array(total(stream.windows(RESET, batch_size=int(task.settings["batch_size"])))),
        "tokens": np.array(len(stream)),
        "characters": np.array(stream.characters),
        "samples": _samples(model, task),
    }


def _samples(model: keras.Model, task: Writer) -> np.ndarray:
    """Texts that follow on the beginning of a line, as `serve` writes them but for their seeds: 0, 1, 2; str (N,)."""
    seeds = tf.range(SAMPLES, dtype=tf.int64)
    length, temperature = int(task.settings["max_new_tokens"]), float(task.settings["temperature"])
    generate = Writing(model, task).generate.function
    found = generate(tf.fill([SAMPLES], ""), length, temperature, 0, 1.0, seeds)["answer"]
    return np.array([text.decode() for text in found.numpy()], object)


def report(task: Writer, data: Data, split: str, answers: Answers) -> Report:
    """What a character costs; beside it the cost where the state is reset, as in models with a window."""
    characters = int(answers["characters"])
    figures = likelihood(float(answers["nats"]), int(answers["tokens"]), characters)
    reset = {f"nats_per_character_reset_every_{RESET}": float(answers["nats_reset"]) / characters}
    written = [Sample(text, [f"seed {seed}"]) for seed, text in enumerate(answers["samples"])]
    how = f"What follows on an empty prompt, {task.settings['max_new_tokens']:,} {task.inputs.level}s at temperature "
    return Report(
        {**figures, **reset},
        headline="bits_per_character",
        size=(characters, "characters"),
        sections=[Section("Samples", f"{how}{task.settings['temperature']}.", samples=written)],
    )


def golden(task: Writer) -> list[bytes]:
    """The lines of the sample's test text."""
    return list(task.sample()["test"].inputs[0].split(b"\n"))


def endpoints(model: keras.Model, task: Writer) -> dict[str, Endpoint]:
    """What an export answers; prompts and texts are string (B,). See Writing."""
    return Writing(model, task).endpoints()


def portable(model: keras.Model, task: Writer) -> dict[str, Endpoint]:
    """prefill: ids of a prompt, (1, T), T at least 1 -> what a step takes; step -> the next logits, (1, V)."""
    return Writing(model, task).portable()


def portable_examples(task: Writer, examples: Examples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Ids of windows, (1, READ), and those of the tokens that follow."""
    text = bytes(examples.inputs[0])[: 8 * WINDOWS * (READ + GUESSED)]
    ids = codecs.network_rows(task.inputs, [text])[0][:, : WINDOWS * (READ + GUESSED)]
    window = min(READ + GUESSED, ids.shape[1])
    middle = window * READ // (READ + GUESSED)
    for start in range(0, ids.shape[1] - window + 1, window):
        yield ids[:, start : start + middle], ids[0, start + middle : start + window]
