"""Transducer: a sequence is read to its end, and another one written from its last state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast

import keras
import numpy as np
import tensorflow as tf

from seqtasks import codecs, decoding
from seqtasks.codecs import InputCodec, TargetCodec
from seqtasks.codecs.vocabulary import BOS_ID, PAD_ID, SPECIALS
from seqtasks.data import Batches
from seqtasks.data.batches import Batch, RowBatches
from seqtasks.data.columns import Columns
from seqtasks.data.prepare import Data
from seqtasks.data.rows import ROWS
from seqtasks.layers import stateful_decoder
from seqtasks.layers.gru import GRU
from seqtasks.layers.masking import LengthMask
from seqtasks.metrics.report import Report
from seqtasks.patterns import Answers, Endpoint, Metric, Objective
from seqtasks.setting import Setting, Settings, at_least
from seqtasks.task import Examples, Task

FORM = ROWS
MONITORS = ("accuracy",)
SETTINGS: Settings = {"units": Setting(64, "units of both recurrent layers", at_least(1))}


class SequenceCodec(InputCodec, Protocol):
    def embed(self, values: Any, settings: Mapping[str, Any]) -> Any:
        """The network's input (B, T, ...) -> vectors (B, T, E)."""


class SpelledCodec(TargetCodec, Protocol):
    @property
    def max_length(self) -> int:
        """Steps at most, without the end."""


Transducer = Task[SequenceCodec, SpelledCodec]


def check(settings: Mapping[str, Any]) -> None:
    """Any settings go together."""


def batches(task: Transducer, encoded: Columns) -> RowBatches:
    return RowBatches(encoded, encoded.inputs.lengths, _collate)


def _collate(batch: Batch) -> tuple[Any, Any]:
    before = np.pad(batch.targets[:, :-1], [(0, 0), (1, 0)], constant_values=BOS_ID)
    return (batch.values, batch.lengths, before), batch.targets


def build(task: Transducer) -> keras.Model:
    """A model of (values (B, T, ...), lengths (B,), ids before each (B, S)) -> logits (B, S, V)."""
    units, choices = task.settings["units"], task.targets.choices
    values, lengths = task.inputs.placeholder(), keras.Input((), dtype="int32", name="lengths")
    before = keras.Input((None,), dtype="int32", name="before")
    mask = LengthMask(name="mask")(values, lengths)
    state = GRU(units, use_cudnn=False, name="encoder")(task.inputs.embed(values, task.settings), mask=mask)
    vectors = keras.layers.Embedding(choices, units, name="output_embedding")(before)
    decoder = GRU(units, return_sequences=True, return_state=True, use_cudnn=False, name="decoder")
    states, _ = decoder(vectors, initial_state=state)
    return keras.Model([values, lengths, before], keras.layers.Dense(choices, name="logits")(states))


def objective(task: Transducer) -> Objective:
    def loss(y: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
        return tf.boolean_mask(tf.nn.sparse_softmax_cross_entropy_with_logits(y, output), y != PAD_ID)

    def steps(y: tf.Tensor, output: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.boolean_mask(y, y != PAD_ID), tf.boolean_mask(output, y != PAD_ID)

    return Objective(loss, {"accuracy": Metric(keras.metrics.SparseCategoricalAccuracy(), steps)})


def summary(task: Transducer, batches: Batches) -> str:
    return f"{len(batches):,} rows, {task.targets.choices} letters"


def answer(model: keras.Model, task: Transducer, batches: Batches) -> dict[str, np.ndarray]:
    rows, found = cast("RowBatches", batches), np.zeros(len(batches), "U100")
    for index in rows.eval_batches(batch_size=64):
        batch = rows.rows(index)
        written = _write(model, task, tf.constant(batch.values), tf.constant(batch.lengths))
        found[index] = [each.decode() for each in written.numpy()]
    return {"answer": found}


def report(task: Transducer, data: Data, split: str, answers: Answers) -> Report:
    right = float((answers["answer"] == data.part(split).targets[:].astype(str)).mean())
    return Report({"exact": right}, headline="exact", size=(len(answers["answer"]), "examples"))


def golden(task: Transducer) -> list[bytes]:
    return list(task.sample()["test"].inputs)


def endpoints(model: keras.Model, task: Transducer) -> dict[str, Endpoint]:
    """serve: strings (B,) -> answer, string (B,)."""

    def serve(values: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"answer": _write(model, task, *task.inputs.encode(values))}

    return {"serve": Endpoint(serve, [tf.TensorSpec([None], tf.string, name="values")], columns=("answer",))}


def portable(model: keras.Model, task: Transducer) -> dict[str, Endpoint]:
    """prefill: a row as its codec gives it, (1, T, ...) -> what a step takes; step -> logits (1, V)."""
    values = task.inputs.placeholder()

    def prefill(read: tf.Tensor) -> tuple[tf.Tensor, Any, Any]:
        return tf.fill([1], BOS_ID), (), _encoder(model)([read, tf.shape(read)[1:2]])

    given = tf.TensorSpec([1, *values.shape[1:]], values.dtype, name="values")
    made = stateful_decoder.portable(prefill, lambda memory: _step(model, task), given)
    return {name: Endpoint(*each) for name, each in made.items()}


def portable_examples(task: Transducer, examples: Examples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    ids = task.targets.encode(tf.constant(examples.targets[:]))
    rows = codecs.network_rows(task.inputs, examples.inputs[:])
    return ((row, target.numpy()) for row, target in zip(rows, ids, strict=True))


def _encoder(model: keras.Model) -> keras.Model:
    return keras.Model(model.inputs[:2], model.get_layer("encoder").output)


def _step(model: keras.Model, task: Transducer) -> decoding.Step:
    embedding, decoder, head = (model.get_layer(name) for name in ("output_embedding", "decoder", "logits"))

    def step(token: tf.Tensor, state: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        output, (state,) = decoder.step(embedding(token), (state,))
        return head(output), state

    return decoding.ban_tokens(step, range(SPECIALS), task.targets.choices)


def _write(model: keras.Model, task: Transducer, values: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    end = task.targets.traits.end_id
    ids, _, _ = decoding.generate(
        _step(model, task), _encoder(model)([values, lengths]), tf.fill(tf.shape(lengths), BOS_ID),
        length=task.targets.max_length + 1, choose=decoding.greedy, stop=lambda token: token == end,
    )  # fmt: skip
    return task.targets.decode(ids)
