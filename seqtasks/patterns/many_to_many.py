"""Many-to-many, aligned: a tag for each piece of a sequence, the best sequence by a CRF. The entities of a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from seqtasks import codecs
from seqtasks.codecs import Tensor
from seqtasks.codecs.entities import OUTSIDE, Entity, tag_ids
from seqtasks.codecs.words import END, START
from seqtasks.data import Batches, progress, windows
from seqtasks.data.columns import Columns, Ragged
from seqtasks.data.prepare import Data
from seqtasks.data.rows import ROWS
from seqtasks.data.windows import WindowBatches
from seqtasks.layers import crf, stack
from seqtasks.layers.masking import LengthMask
from seqtasks.metrics import spans
from seqtasks.metrics.entity_f1 import EntityF1
from seqtasks.metrics.report import Report
from seqtasks.patterns import Answers, Endpoint, Metric, Objective
from seqtasks.patterns._tagging import PieceCodec, TagCodec, Tagger, averaged
from seqtasks.setting import Setting, Settings, at_least, share
from seqtasks.task import Examples, Task

FORM = ROWS
MONITORS = ("f1",)
SETTINGS: Settings = {
    **stack.SETTINGS,
    "crf": Setting(True, "whether a CRF scores whole sequences of tags; else a softmax at each step"),
    "num_taggers": Setting(1, "taggers that learn together; their scores are averaged", at_least(1)),
    "output_dropout": Setting(0.0, "of the recurrent layers' states", share),
    "mention_replacement": Setting(0.0, "share of entities that training reads as others of their type", share),
    "missed_cost": Setting(0.0, "nats that training adds to the score of no entity where there is one", at_least(0)),
}
EVAL_BATCH_SIZE = 64  # rows


EntityTask = Task[PieceCodec, TagCodec]


def check(settings: Mapping[str, Any]) -> None:
    """All settings go together."""


def batches(task: EntityTask, encoded: Columns) -> WindowBatches:
    """Rows of like length, long ones in windows: (pieces (B, T, F), lengths (B,)), ids of tags (B, T)."""
    return windows.batches(encoded, task.inputs.max_length, float(task.settings["mention_replacement"]))


def build(task: EntityTask) -> keras.Model:
    """A model of (pieces (B, T, F), lengths (B,)) -> emissions (B, T, N, K), parameters of the CRFs (N, 1 + K, K).

    N are the taggers, each with recurrent layers and a CRF of its own.
    """
    settings = task.settings
    values, lengths = task.inputs.placeholder(), keras.Input((), dtype="int32", name="lengths")
    mask, vectors = LengthMask(name="mask")(values, lengths), task.inputs.embed(values, settings)
    outputs = []
    for number in range(1, int(settings["num_taggers"]) + 1):
        prefix = f"tagger_{number}_"
        states = stack.stack(vectors, mask, settings, sequences=True, prefix=prefix)
        states = keras.layers.Dropout(settings["output_dropout"], name=f"{prefix}output_dropout")(states)
        emissions = keras.layers.Dense(task.targets.choices, name=f"{prefix}emissions")(states)
        outputs.append(crf.CRF(task.targets.allowed, bool(settings["crf"]), name=f"{prefix}crf")(emissions))
    emissions, parameters = zip(*outputs, strict=True)
    return keras.Model([values, lengths], [ops.stack(emissions, axis=2), ops.stack(parameters)], name="many_to_many")


def objective(task: EntityTask) -> Objective:
    """Negative log-likelihood in nats, the taggers' mean, one value a row; F1 of the best sequence's entities.

    `missed_cost` is added to the scores of the tag outside where an entity is, so that the model learns to find it
    by as much more: softmax-margin (Gimpel and Smith, 2010) for recall (Mohit et al., 2012).
    """
    taggers, missed_cost = range(int(task.settings["num_taggers"])), float(task.settings["missed_cost"])

    def loss(y: Tensor, output: tuple[Tensor, Tensor]) -> Tensor:
        emissions, parameters = output
        missed = tf.cast(y > OUTSIDE, tf.float32) * missed_cost  # (B, T)
        emissions += missed[..., None, None] * tf.one_hot(OUTSIDE, emissions.shape[-1])
        return tf.add_n([crf.cost(emissions[:, :, each], parameters[each], y) for each in taggers]) / len(taggers)

    def best(y: Tensor, output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return y, crf.viterbi(*averaged(output), tf.reduce_sum(tf.cast(y >= 0, tf.int32), axis=1))

    return Objective(loss, {"f1": Metric(EntityF1(), best)})


def summary(task: EntityTask, batches: Batches) -> str:
    """How many entities of each type there are, how long texts are, and how much of a batch is padding."""
    rows = cast("WindowBatches", batches)
    size, minimum = int(task.settings["batch_size"]), int(task.settings["min_steps_per_epoch"])
    order = rows.epoch_batches(batch_size=size, min_steps=minimum, seed=0, epoch=0)
    counts = np.bincount(cast("Ragged", rows.columns.targets).values[:][:, 2], minlength=len(task.targets.types))
    types = ", ".join(f"{name} {count:,}" for name, count in zip(task.targets.types, counts, strict=True))
    median, high, most = np.percentile(rows.whole.inputs.lengths, [50, 95, 100]).astype(int)
    cut = f", in {len(rows):,} windows" if len(rows) > len(rows.whole) else ""
    lengths = f"lengths: median {median}, 95 % up to {high}, longest {most:,} pieces{cut}"
    return f"entities: {types}; {lengths}; {rows.padded_share(order):.1%} padding"


def answer(model: keras.Model, task: EntityTask, batches: Batches) -> dict[str, np.ndarray]:
    """The entities of each row with their probabilities: lists of (Entity, float), object (N,)."""
    inputs = cast("WindowBatches", batches).whole.inputs
    found, tagged = np.empty(len(inputs), object), Tagger(model, task.inputs, task.targets).compiled()
    order = np.argsort(inputs.lengths, kind="stable")
    for first in range(0, len(order), EVAL_BATCH_SIZE):
        index = order[first : first + EVAL_BATCH_SIZE]
        rows = [inputs.values[slice(*inputs.offsets[row : row + 2])] for row in index]
        pieces, owners = np.concatenate(rows), np.repeat(index, inputs.lengths_of(index))
        for row in index:
            found[row] = []
        columns = tagged(tf.constant(pieces), tf.constant(inputs.lengths_of(index)))
        for begin, end, kind, probability in zip(*(each.numpy() for each in columns), strict=True):
            entity = Entity(int(pieces[begin, START]), int(pieces[end, END]), task.targets.types[kind])
            if entity.end > entity.start:  # a text without a piece has one that is empty
                found[owners[begin]].append((entity, float(probability)))
        progress.tell("answering", first + len(index), len(order), "rows")
    return {"entities": found}


def report(task: EntityTask, data: Data, split: str, answers: Answers) -> Report:
    """Precision, recall and F1 of entities, by type, of unseen ones; the confusion of types; the worst texts."""
    return spans.report(data.part(split), answers["entities"].tolist(), data.part("train"), task.targets.types)


def golden(task: EntityTask) -> list[bytes]:
    return list(task.sample()["test"].inputs)


def endpoints(model: keras.Model, task: EntityTask) -> dict[str, Endpoint]:
    """What an export answers; values are texts, string (B,), and places are counted in characters of the text as given.

    serve         values -> answer (B,): a JSON list of {"text", "type", "start", "end", "probability"}; of its pieces
                  tokens, tags, starts, ends, probabilities (B, T), and how many there are, lengths (B,)
    tag_tokens    values whose tokens have blanks between -> answer (B,), the tags with blanks between; tags and
                  probabilities (B, N)
    types         -> answer, the types of entities
    """
    tagger = Tagger(model, task.inputs, task.targets)
    strings = tf.TensorSpec([None], tf.string, name="values")
    return {
        "serve": Endpoint(tagger.serve, [strings], columns=("answer",)),
        "tag_tokens": Endpoint(tagger.tag_tokens, [strings], columns=("answer",)),
        "types": Endpoint(lambda: {"answer": tf.constant(task.targets.types)}, []),
    }


def portable(model: keras.Model, task: EntityTask) -> dict[str, Endpoint]:
    """serve: one row as its codec gives it, (1, T, F) -> emissions (1, T, K), the CRF's parameters (1, 1 + K, K).

    And the probabilities (1, T, K) of a softmax of the emissions alone. The best sequence is the caller's to find, as
    examples/decode_tags.py does: ONNX's converter has no such loop.
    """
    values = task.inputs.placeholder()

    def serve(values: Tensor) -> dict[str, Tensor]:
        emissions, parameters = averaged(model([values, tf.shape(values)[1:2]], training=False))
        shares = tf.nn.softmax(emissions)
        return {"emissions": emissions, "parameters": parameters[None], "probabilities": shares}

    return {"serve": Endpoint(serve, [tf.TensorSpec([1, *values.shape[1:]], values.dtype, name="values")])}


def portable_examples(task: EntityTask, examples: Examples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows (1, T, F) and the ids of their tags (T,)."""
    targets = task.targets.encode(tf.constant(examples.targets[:]))
    for row, found in zip(codecs.network_rows(task.inputs, examples.inputs[:]), targets, strict=True):
        yield row, tag_ids(row[0, :, START : END + 1], found.numpy())
