"""One-to-many: from one thing a sequence is generated. A caption of a photograph.

Trained on the thing with all the sentences that there are of it, each word from those before it (teacher forcing).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from seqtasks import codecs
from seqtasks.codecs import InputCodec, Tensor
from seqtasks.codecs.vocabulary import BOS_ID, PAD_ID, UNK_ID
from seqtasks.data import Batches
from seqtasks.data.batches import Batch, RowBatches
from seqtasks.data.columns import Columns, Ragged
from seqtasks.data.prepare import Data
from seqtasks.data.rows import ROWS
from seqtasks.layers import attention_decoder, stateful_decoder
from seqtasks.layers.attention_decoder import AttentionDecoder
from seqtasks.layers.generator import MEMORY, GeneratedCodec, Generator
from seqtasks.layers.sequence_loss import SequenceLoss, metric_inputs
from seqtasks.metrics import captions
from seqtasks.metrics.report import Report
from seqtasks.patterns import Answers, Endpoint, Metric, Objective
from seqtasks.setting import Setting, Settings, at_least, share
from seqtasks.task import Examples, Task

FORM = ROWS
MONITORS = ("accuracy",)
SETTINGS: Settings = {
    **attention_decoder.SETTINGS,
    "num_decoders": Setting(1, "decoders that learn together; their probabilities are averaged", at_least(1)),
    "attention_coverage_weight": Setting(0.0, "in the loss, of regions not attended to (Xu et al., 2015)", at_least(0)),
    "label_smoothing": Setting(0.0, "share of the target spread over all words (Szegedy et al., 2016)", share),
    "encoder_lr_multiplier": Setting(0.02, "of the learning rate, for the pretrained part of an encoder", at_least(0)),
    "num_beams": Setting(5, "sequences that a beam search follows at once", at_least(1)),
    "length_penalty": Setting(1.0, "so that longer sequences are not at a disadvantage (Wu et al., 2016)", at_least(0)),
}
EVAL_BATCH_SIZE = 50  # rows
STRINGS = tf.TensorSpec([None], tf.string, name="values")


class PictureCodec(InputCodec, Protocol):
    """Of values that can be pictured: each is seen in several views, which have regions."""

    @property
    def pretrained_layers(self) -> tuple[str, ...]:
        """Names of layers that `embed` makes and that knew something before."""

    def decode_images(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Strings (B,) -> pictures, uint8 (B, H, W, 3), and which could be read, bool (B,)."""

    def features_of_views(self, pictures: Tensor) -> Tensor:
        """Pictures (B, ...) -> what `encode` gives for each of their views, (B, W, ...)."""

    def picture(self) -> Any:
        """The specification of one picture, (1, ...)."""

    def embed(self, values: Tensor, settings: Mapping[str, Any]) -> Tensor:
        """What `encode` gives -> vectors of the regions, (B, R, E)."""


Captioner = Task[PictureCodec, GeneratedCodec]  # targets: several sentences of each input, ids (B, None, K)


def check(settings: Mapping[str, Any]) -> None:
    """All settings go together."""


def batches(task: Captioner, encoded: Columns) -> RowBatches:
    """Rows whose longest sentences are of like length share a batch."""
    return RowBatches(encoded, cast("Ragged", encoded.targets).lengths, collate)


def collate(batch: Batch) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """(values (B, R, ...), BOS_ID and all ids but the last (B, K, T)), ids (B, K, T)."""
    ids = np.ascontiguousarray(batch.targets.transpose(0, 2, 1))
    return (batch.values, np.pad(ids[:, :, :-1], [(0, 0), (0, 0), (1, 0)], constant_values=BOS_ID)), ids


def build(task: Captioner) -> keras.Model:
    """(Values (B, R, ...), ids (B, K, T)) -> logits (B, K, T, D, V), attention to the regions (B, K, T, R).

    D are the decoders, each with its own logits; attention is the mean of theirs.
    """
    settings, choices = task.settings, task.targets.choices
    values = task.inputs.placeholder()
    ids = keras.Input((None, None), dtype="int32", name="ids")
    regions = keras.layers.Identity(name=MEMORY)(task.inputs.embed(values, settings))
    outputs = []
    for number in range(1, int(settings["num_decoders"]) + 1):
        embedding = keras.layers.Embedding(choices, settings["embedding_dim"], name=f"embedding_{number}")
        outputs.append(AttentionDecoder(embedding, choices, settings, name=f"decoder_{number}")(regions, ids))
    logits, attention = (ops.stack(each, axis=3) for each in zip(*outputs, strict=True))
    return keras.Model([values, ids], [logits, ops.mean(attention, axis=3)], name="one_to_many")


def objective(task: Captioner) -> Objective:
    settings, pretrained = task.settings, task.inputs.pretrained_layers
    return Objective(
        loss=SequenceLoss(float(settings["label_smoothing"]), float(settings["attention_coverage_weight"])),
        metrics={"accuracy": Metric(keras.metrics.SparseCategoricalAccuracy(), metric_inputs)},
        learning_rate_multipliers={name: float(settings["encoder_lr_multiplier"]) for name in pretrained},
    )


def summary(task: Captioner, batches: Batches) -> str:
    """How many sentences and different words there are, and how many words are unknown."""
    targets = cast("Ragged", cast("RowBatches", batches).columns.targets)
    ids, first = targets.values[:], targets.offsets[:-1][targets.lengths > 0]
    unknown = (ids == UNK_ID).sum() / max((ids != PAD_ID).sum(), 1)
    return (
        f"{(ids[first] != PAD_ID).sum():,} sentences in train, {task.targets.choices:,} different words, {unknown:.2%} "
        f"of the text none of them; at most {task.targets.max_target_length} words of a sentence"
    )


def answer(model: keras.Model, task: Captioner, batches: Batches) -> dict[str, np.ndarray]:
    """The sentence that is generated for each row, str (N,), and its score (N,)."""
    rows, best = cast("RowBatches", batches), _generator(model, task).best
    generate = tf.function(best, reduce_retracing=True, autograph=False)
    answers, scores = np.empty(len(rows), object), np.zeros(len(rows), np.float32)
    for index in rows.eval_batches(batch_size=EVAL_BATCH_SIZE):
        found = generate(tf.constant(rows.views(index)))
        answers[index], scores[index] = [each.decode() for each in found["answer"].numpy()], found["score"].numpy()
    return {"answers": answers, "scores": scores}


def report(task: Captioner, data: Data, split: str, answers: Answers) -> Report:
    """BLEU, ROUGE-L, CIDEr-D and others; answers and references in a table and, with the pictures, on a page."""
    examples, known = data.part(split), data.part("train").targets[:]

    def small(contents: Sequence[bytes]) -> list[bytes]:
        """Pictures as the model sees them, as JPEG."""
        read = tf.function(task.inputs.decode_images, input_signature=[STRINGS], autograph=False)  # much sooner
        seen = read(tf.constant(contents))[0]
        return [tf.io.encode_jpeg(picture).numpy() for picture in seen]

    return captions.report(examples, answers["answers"].tolist(), answers["scores"], known, small)


def golden(task: Captioner) -> list[bytes]:
    return list(task.sample()["test"].inputs[:])


def endpoints(model: keras.Model, task: Captioner) -> dict[str, Endpoint]:
    """What an export answers; values are string (B,). The answer to what cannot be read is empty and its score 0.

    serve         values -> answer, its score: log probability over ((5 + words) / 6) ** length_penalty
    beam_search   values, num_beams W -> answers (B, W), scores (B, W), the best first
    attention     values, num_beams -> answer, score, words (B, T), their attention to each region, weights (B, T, R):
                  of the picture itself, whichever other views the answer is averaged over
    sample        values, temperature, top_k, top_p, seed int64 (B,) -> answer
    """
    generator = _generator(model, task)
    whole, real = tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.float32)
    seeds = tf.TensorSpec([None], tf.int64, name="seed")
    return {
        "serve": Endpoint(generator.serve, [STRINGS], columns=("answer", "score")),
        "beam_search": Endpoint(generator.beam_search, [STRINGS, whole]),
        "attention": Endpoint(generator.attention, [STRINGS, whole]),
        "sample": Endpoint(generator.sample, [STRINGS, real, whole, real, seeds]),
    }


def portable(model: keras.Model, task: Captioner) -> dict[str, Endpoint]:
    """prefill: a picture (1, ...) -> what a step takes; step -> the next word's logits (1, V)."""
    generator = _generator(model, task)

    def prefill(picture: Tensor) -> tuple[Tensor, Any, Any]:
        return tf.fill([1], BOS_ID), *generator.prefill(task.inputs.features_of_views(picture))

    functions = stateful_decoder.portable(prefill, generator.step, task.inputs.picture())
    return {name: Endpoint(*function) for name, function in functions.items()}


def portable_examples(task: Captioner, examples: Examples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pictures, and the ids of the first sentence of each."""
    targets = task.targets.encode(tf.constant(examples.targets[:]))
    for row, target in zip(codecs.network_rows(task.inputs, examples.inputs[:]), targets, strict=True):
        ids = target[:, 0].numpy()
        yield row, ids[ids != PAD_ID]


def _generator(model: keras.Model, task: Captioner) -> Generator:
    inputs = task.inputs

    @tf.function(input_signature=[STRINGS], autograph=False)  # once in an export, not four times
    def read(values: Tensor) -> tuple[Tensor, Tensor]:
        pictures, good = inputs.decode_images(values)
        return inputs.features_of_views(pictures), good

    num_beams, length_penalty = int(task.settings["num_beams"]), float(task.settings["length_penalty"])
    return Generator(model, read, task.targets, 1 + len(inputs.traits.tta), num_beams, length_penalty)
