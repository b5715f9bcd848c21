"""Encoder-decoder: a sequence is read whole, then another of any length is generated. A sentence in another language.

Many-to-many, not aligned. Trained on a source with all the sentences that there are for it, each token from those
before it (teacher forcing) or, for a share of them, from those that the decoder itself predicts: `scheduled_sampling`,
all steps at once (Mihaylova and Martins, 2019).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast

import keras
import numpy as np
import tensorflow as tf

from seqtasks.codecs import InputCodec, Tensor
from seqtasks.codecs.vocabulary import PAD_ID
from seqtasks.data import Batches
from seqtasks.data.batches import Batch, RowBatches
from seqtasks.data.columns import Columns, Ragged
from seqtasks.data.prepare import Data
from seqtasks.data.rows import ROWS
from seqtasks.layers import source_reader
from seqtasks.layers.generator import MEMORY, GeneratedCodec, Generator, Named, Source
from seqtasks.layers.masking import LengthMask
from seqtasks.metrics import translation
from seqtasks.metrics.report import Report
from seqtasks.patterns import Answers, Endpoint, Objective, _generating
from seqtasks.patterns._generating import STRINGS
from seqtasks.setting import Settings
from seqtasks.task import Examples, Task

FORM = ROWS
MONITORS = ("accuracy", "bleu")
WIDTH = "embedding_dim"  # of both sides' vectors: a setting of the source's codec
SETTINGS: Settings = {
    **source_reader.SETTINGS, **{name: each for name, each in _generating.SETTINGS.items() if name != WIDTH}
}  # fmt: skip
BLANK = r"[\s\x00\p{Z}\p{C}]*"


class SourceCodec(InputCodec, Protocol):
    """What this pattern asks of an input codec."""

    @property
    def max_length(self) -> int:
        """Steps at most."""

    def embed(self, values: Any, settings: Mapping[str, Any]) -> Any:
        """The network's input (B, S, ...) -> vectors (B, S, E)."""

    def read(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What `encode` gives of strings (B,), and whether each is longer than what is read of it, bool (B,)."""

    def pieces(self, values: Tensor) -> Tensor:
        """The network's input (B, S, ...) -> the piece of each step, string (B, S), for a person to read."""


Translator = Task[SourceCodec, GeneratedCodec]  # targets: several sentences for each source, ids (B, None, K)


def check(settings: Mapping[str, Any]) -> None:
    """All settings go together."""


def batches(task: Translator, encoded: Columns) -> RowBatches:
    """Rows whose targets are of like length and, among these, whose sources are share a batch."""
    sources, targets = encoded.inputs.lengths, cast("Ragged", encoded.targets).lengths
    keys = targets.astype(np.int64) * (int(sources.max(initial=0)) + 1) + sources
    return RowBatches(encoded, keys, collate)


def collate(batch: Batch) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """(Values (B, S, ...), lengths (B,), BOS_ID and all ids but the last (B, K, T)), ids (B, K, T).

    K is as many sentences as a row of the batch has. What is empty is read as one step of padding.
    """
    several = max(int((batch.targets != PAD_ID).any(axis=(0, 1)).sum()), 1)
    before, ids = _generating.shifted(batch.targets[:, :, :several])
    values = batch.values if batch.values.shape[1] else np.pad(batch.values, _one_more(batch.values.ndim))
    return (values, np.maximum(batch.lengths, 1), before), ids


def _one_more(axes: int) -> list[tuple[int, int]]:
    """Padding of an array by a step."""
    return [(0, 0), (0, 1), *[(0, 0)] * (axes - 2)]


def build(task: Translator) -> keras.Model:
    """(Values (B, S, ...), lengths (B,), ids (B, K, T)) -> logits (B, K, T, D, V), attention (B, K, T, S)."""
    values, lengths = task.inputs.placeholder(), keras.Input((), dtype="int32", name="lengths")
    ids = keras.Input((None, None), dtype="int32", name="targets")
    mask = LengthMask(name="mask")(values, lengths)
    states, last = source_reader.read(task.inputs.embed(values, task.settings), mask, task.settings)
    memory = keras.layers.Identity(name=MEMORY)([states, mask, last])
    outputs = _generating.decoded(memory, ids, task.targets.choices, task.settings)
    return keras.Model([values, lengths, ids], outputs, name="encoder_decoder")


def objective(task: Translator) -> Objective:
    """With `bleu` as what is monitored, greedy answers on validation are measured after each epoch."""
    found = _generating.objective(task.settings)
    if task.settings["monitor"] != "bleu":
        return found
    bleu = _generating.OfAnswers(lambda model: _generator(model, task), _features, translation.bleu)
    return dataclasses.replace(found, figures={"bleu": bleu})


def summary(task: Translator, batches: Batches) -> str:
    """How many sentences there are, how long sources are, and how much of a batch of them is padding."""
    rows = cast("RowBatches", batches)
    size, minimum = int(task.settings["batch_size"]), int(task.settings["min_steps_per_epoch"])
    order = rows.epoch_batches(batch_size=size, min_steps=minimum, seed=0, epoch=0)
    median, high, most = np.percentile(rows.columns.inputs.lengths, [50, 95, 100]).astype(int)
    return (
        f"{_generating.summary(task.targets, rows, 'tokens')}; sources: median {median}, 95 % up to {high}, longest "
        f"{most:,} steps; {rows.padded_share(order):.1%} padding"
    )


def answer(model: keras.Model, task: Translator, batches: Batches) -> dict[str, np.ndarray]:
    """The sentence that is generated for each row, str (N,), its score (N,), and the source's length (N,)."""
    rows = cast("RowBatches", batches)
    found = _generating.answer(_generator(model, task), rows, lambda index: _features(rows, index))
    return {**found, "lengths": rows.columns.inputs.lengths}


def _features(rows: RowBatches, index: np.ndarray) -> list[np.ndarray]:
    (values, lengths, _), _ = rows.batch(index)
    return [values[:, None], lengths[:, None]]


def report(task: Translator, data: Data, split: str, answers: Answers) -> Report:
    """BLEU and chrF by sacrebleu, BLEU by length; answers and references in a table, the best and worst on a page."""
    return translation.report(data.part(split), answers["answers"].tolist(), answers["scores"], answers["lengths"])


def golden(task: Translator) -> list[bytes]:
    return list(task.sample()["test"].inputs[:])


def endpoints(model: keras.Model, task: Translator) -> dict[str, Endpoint]:
    """What an export answers; values are string (B,). The answer to what is blank is empty and its score 0.

    serve         values -> answer, its score: log probability over ((5 + tokens) / 6) ** length_penalty, and truncated:
                  whether a value is longer than what is read of it, as all endpoints say
    beam_search   values, num_beams W -> answers (B, W), scores (B, W), the best first
    attention     values, num_beams -> answer, score, words (B, T), the pieces (B, S) that are read of the value, and
                  each word's attention to them, weights (B, T, S)
    sample        values, temperature, top_k, top_p, seed int64 (B,) -> answer
    score         values, texts -> nats (B,) of each text as the answer to its value, in how many tokens (B,)
    """
    generator = _generator(model, task)

    def attention(values: Tensor, num_beams: Tensor) -> Named:
        (read, _), *_ = generator.read(values)
        return {**generator.attention(values, num_beams), "pieces": task.inputs.pieces(read[:, 0])}

    shared = _generating.endpoints(generator, ["answer", "score", "truncated"])
    texts = tf.TensorSpec([None], tf.string, name="texts")
    return {
        **shared,
        "attention": Endpoint(attention, shared["attention"].signature),
        "score": Endpoint(generator.score, [STRINGS, texts]),
    }


def portable(model: keras.Model, task: Translator) -> dict[str, Endpoint]:
    """prefill: a source as its codec gives it, (1, S, ...) -> what a step takes; step -> the next token's logits."""
    values = task.inputs.placeholder()
    row = tf.TensorSpec([1, *values.shape[1:]], values.dtype, name="values")
    return _generating.portable(
        _generator(model, task), lambda values: [values[:, None], tf.shape(values)[1:2][:, None]], row
    )


def portable_examples(task: Translator, examples: Examples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows (1, S, ...), and the ids of the first sentence for each."""
    return _generating.portable_examples(task, examples)


def _generator(model: keras.Model, task: Translator) -> Generator:
    inputs = task.inputs

    @tf.function(input_signature=[STRINGS], autograph=False)  # once in an export
    def read(values: Tensor) -> Source:
        ids, lengths, truncated = inputs.read(values)
        good = ~tf.strings.regex_full_match(values, BLANK) & (lengths > 0)
        lacking = tf.maximum(1 - tf.shape(ids)[1], 0)
        ids = tf.pad(ids, [[0, 0], [0, lacking], *[[0, 0]] * (ids.shape.rank - 2)])
        features = [ids[:, None], tf.maximum(lengths, 1)[:, None]]
        return Source(features, good, {"truncated": truncated})

    num_beams, length_penalty = int(task.settings["num_beams"]), float(task.settings["length_penalty"])
    return Generator(model, read, task.targets, num_beams, length_penalty)
