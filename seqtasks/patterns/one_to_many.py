"""One-to-many: from one thing a sequence is generated. A caption of a photograph.

Trained on the thing with all the sentences that there are of it, each word from those before it (teacher forcing).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import keras
import numpy as np
import tensorflow as tf

from seqtasks.codecs import InputCodec, Tensor
from seqtasks.data import Batches
from seqtasks.data.batches import Batch, RowBatches
from seqtasks.data.columns import Columns, Ragged
from seqtasks.data.prepare import Data
from seqtasks.data.rows import ROWS
from seqtasks.layers.generator import MEMORY, GeneratedCodec, Generator, Source
from seqtasks.metrics import captions
from seqtasks.metrics.report import Report
from seqtasks.patterns import Answers, Endpoint, Objective, _generating
from seqtasks.patterns._generating import STRINGS
from seqtasks.setting import Setting, Settings, at_least
from seqtasks.task import Examples, Task

FORM = ROWS
MONITORS = ("accuracy",)
SETTINGS: Settings = {
    **_generating.SETTINGS,
    "encoder_lr_multiplier": Setting(0.02, "of the learning rate, for the pretrained part of an encoder", at_least(0)),
}
NO_REPEAT = 3  # words: captions say nothing twice (Paulus et al., 2018)


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
    before, ids = _generating.shifted(batch.targets)
    return (batch.values, before), ids


def build(task: Captioner) -> keras.Model:
    """(Values (B, R, ...), ids (B, K, T)) -> logits (B, K, T, D, V), attention to the regions (B, K, T, R)."""
    values = task.inputs.placeholder()
    ids = keras.Input((None, None), dtype="int32", name="ids")
    regions = keras.layers.Identity(name=MEMORY)(task.inputs.embed(values, task.settings))
    outputs = _generating.decoded([regions], ids, task.targets.choices, task.settings)
    return keras.Model([values, ids], outputs, name="one_to_many")


def objective(task: Captioner) -> Objective:
    multiplier = float(task.settings["encoder_lr_multiplier"])
    return _generating.objective(task.settings, dict.fromkeys(task.inputs.pretrained_layers, multiplier))


def summary(task: Captioner, batches: Batches) -> str:
    """How many sentences and different words there are, and how many words are unknown."""
    return _generating.summary(task.targets, cast("RowBatches", batches), "words")


def answer(model: keras.Model, task: Captioner, batches: Batches) -> dict[str, np.ndarray]:
    """The sentence that is generated for each row, str (N,), and its score (N,)."""
    rows = cast("RowBatches", batches)
    return _generating.answer(_generator(model, task), rows, rows.views)


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
    return _generating.endpoints(_generator(model, task), ["answer", "score"])


def portable(model: keras.Model, task: Captioner) -> dict[str, Endpoint]:
    """prefill: a picture (1, ...) -> what a step takes; step -> the next word's logits (1, V)."""
    return _generating.portable(_generator(model, task), task.inputs.features_of_views, task.inputs.picture())


def portable_examples(task: Captioner, examples: Examples) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pictures, and the ids of the first sentence of each."""
    return _generating.portable_examples(task, examples)


def _generator(model: keras.Model, task: Captioner) -> Generator:
    inputs = task.inputs

    @tf.function(input_signature=[STRINGS], autograph=False)  # once in an export, not four times
    def read(values: Tensor) -> Source:
        pictures, good = inputs.decode_images(values)
        return Source(inputs.features_of_views(pictures), good, {})

    return Generator(
        model,
        read,
        task.targets,
        num_beams=int(task.settings["num_beams"]),
        length_penalty=float(task.settings["length_penalty"]),
        views=1 + len(inputs.traits.tta),
        no_repeat_ngram_size=NO_REPEAT,
    )
