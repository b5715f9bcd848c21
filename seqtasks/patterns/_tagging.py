"""From texts to tags to entities, as an export does it: windows, Viterbi, probabilities, and the answer as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import keras
import tensorflow as tf

from seqtasks.codecs import InputCodec, TargetCodec, Tensor
from seqtasks.decoding import entities
from seqtasks.decoding.windows import windowed
from seqtasks.layers import crf

WINDOWS = 32  # read at once
OVERLAP = 8  # a window shares one in so many of its pieces with the next
JSON_ESCAPES = (
    (r"\\", r"\\\\"),
    (r'"', r'\\"'),
    (r"\n", r"\\n"),
    (r"\r", r"\\r"),
    (r"\t", r"\\t"),
    (r"[\x00-\x1f]", " "),
)


class PieceCodec(InputCodec, Protocol):
    """What this pattern asks of an input codec: pieces with places, as codecs/words.py has them."""

    @property
    def max_length(self) -> int:
        """Pieces of a window."""

    def pieces(self, values: Tensor) -> Any:
        """Strings (B,) -> their pieces, end to end."""

    def features(self, pieces: Any, places: Tensor) -> Tensor:
        """Pieces, and places among them (M,) -> what the network reads of each, (M, F)."""

    def texts(self, pieces: Any, first: Tensor, last: Tensor) -> Tensor:
        """The text from each first character (M,) up to each last one, string (M,)."""

    def embed(self, values: Any, settings: Mapping[str, Any]) -> Any:
        """The network's input (B, T, F) -> vectors (B, T, E)."""


class TagCodec(TargetCodec, Protocol):
    """What it asks of a target codec: entities and their tags, as codecs/entities.py has them."""

    @property
    def types(self) -> tuple[str, ...]:
        """Of entities, in the order of their numbers."""

    @property
    def tags(self) -> tuple[str, ...]:
        """In the order of their ids."""

    @property
    def inside(self) -> tuple[int, ...]:
        """The tag (K,) with which an entity goes on behind each."""

    @property
    def allowed(self) -> list[list[bool]]:
        """(1 + K, K): whether each tag may begin a text and, below, whether it may follow each."""


@dataclass(frozen=True, eq=False)
class Tagger:
    """Texts, string (B,), to what is found in them."""

    model: keras.Model
    inputs: PieceCodec
    targets: TagCodec

    def tag(self, features: Callable[[Tensor], Tensor], lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the network reads at some places, and lengths (B,) of texts, end to end -> of all P pieces:

        the ids of their tags, the probability of each, and the parts of those of entities (crf.probabilities).
        """

        def of_windows(places: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            found = features(tf.reshape(places, [-1]))
            values = tf.reshape(found, [tf.shape(places)[0], tf.shape(places)[1], found.shape[-1]])
            emissions, parameters = averaged(self.model([values, sizes], training=False))
            tags = crf.viterbi(emissions, parameters, sizes)
            return tags, *crf.probabilities(emissions, parameters, sizes, tags, self.targets.inside)

        window = self.inputs.max_length
        kinds = (tf.int32, tf.float32, tf.float32)
        tags, shares, parts = windowed(
            of_windows, lengths, kinds, window=window, overlap=window // OVERLAP, batch_size=WINDOWS
        )
        begins = tf.scatter_nd(
            tf.cumsum(lengths, exclusive=True)[:, None], tf.ones_like(lengths), [tf.reduce_sum(lengths)]
        )
        return entities.repaired(tags, begins > 0), shares, parts

    def compiled(self) -> Callable[[Tensor, Tensor], entities.Entities]:
        """A function of what the codec gives for the pieces of texts, end to end (P, F), and lengths (B,)."""

        def call(values: Tensor, lengths: Tensor) -> entities.Entities:
            tags, _, parts = self.tag(lambda places: tf.gather(values, places), lengths)
            return entities.entities(tags, parts)

        pieces = tf.TensorSpec([None, self.inputs.placeholder().shape[-1]], tf.int32)
        return tf.function(call, input_signature=[pieces, tf.TensorSpec([None], tf.int32)], autograph=False)

    def serve(self, values: Tensor) -> dict[str, Tensor]:
        """Texts, string (B,) -> answer, string (B,), and tensors (B, T) of pieces; see `many_to_many.endpoints`."""
        pieces = self.inputs.pieces(values)
        tags, shares, parts = self._tagged(pieces)
        first, last = pieces.first - pieces.before, pieces.last - pieces.before
        real = pieces.last > pieces.first  # of a text without a piece there is one that is empty
        columns = {
            "tokens": self.inputs.texts(pieces, pieces.first, pieces.last),
            "tags": tf.where(real, tf.gather(tf.constant(self.targets.tags), tags), ""),
            "starts": first,
            "ends": last,
            "probabilities": tf.where(real, shares, 0.0),
        }
        rows = {name: _padded(column, pieces.lengths) for name, column in columns.items()}
        lengths = tf.reduce_sum(_padded(tf.cast(real, tf.int32), pieces.lengths), axis=1)
        found = entities.entities(tf.where(real, tags, 0), parts)
        return {"answer": self._answer(pieces, found), **rows, "lengths": lengths}

    def tag_tokens(self, values: Tensor) -> dict[str, Tensor]:
        """Texts, string (B,), whose tokens have blanks between -> a tag for each token: answer (B,), tags (B, N).

        A token of several pieces has the tag of its first one.
        """
        pieces = self.inputs.pieces(values)
        tags, shares, _ = self._tagged(pieces)
        begins = tf.concat([[True], pieces.before[1:] != pieces.before[:-1]], 0)
        heads = begins | tf.concat([[True], pieces.first[1:] != pieces.last[:-1]], 0)
        counts = tf.reduce_sum(_padded(tf.cast(heads, tf.int32), pieces.lengths), axis=1)
        real = tf.boolean_mask(pieces.last > pieces.first, heads)
        of_tokens = entities.repaired(tf.boolean_mask(tags, heads), tf.boolean_mask(begins, heads))
        names = tf.where(real, tf.gather(tf.constant(self.targets.tags), of_tokens), "")
        every = tf.RaggedTensor.from_row_lengths(names, counts, validate=False)
        probabilities = tf.where(real, tf.boolean_mask(shares, heads), 0.0)
        answer = tf.strings.reduce_join(every, axis=1, separator=" ")
        return {"answer": answer, "tags": every.to_tensor(), "probabilities": _padded(probabilities, counts)}

    def _tagged(self, pieces: Any) -> tuple[Tensor, Tensor, Tensor]:
        return self.tag(lambda places: self.inputs.features(pieces, places), pieces.lengths)

    def _answer(self, pieces: Any, found: entities.Entities) -> Tensor:
        """Entities -> for each text a JSON list of {"text", "type", "start", "end", "probability"}."""
        first, last = tf.gather(pieces.first, found.first), tf.gather(pieces.last, found.last)
        before = tf.gather(pieces.before, found.first)
        text = self.inputs.texts(pieces, first, last)
        for pattern, escape in JSON_ESCAPES:
            text = tf.strings.regex_replace(text, pattern, escape)
        fields = (
            '{"text": "', text,
            '", "type": ', tf.gather(tf.constant(_quoted(self.targets.types)), found.types),
            ', "start": ', tf.strings.as_string(first - before),
            ', "end": ', tf.strings.as_string(last - before),
            ', "probability": ', tf.strings.as_string(found.probabilities, precision=3),
            "}",
        )  # fmt: skip
        rows = tf.repeat(tf.range(tf.size(pieces.lengths)), pieces.lengths)
        owners = tf.gather(rows, found.first)
        items = tf.RaggedTensor.from_value_rowids(
            tf.strings.join(fields), owners, tf.size(pieces.lengths), validate=False
        )
        joined = tf.strings.reduce_join(items, axis=1, separator=", ")
        return tf.strings.join(["[", joined, "]"])


def averaged(output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """What a model gives -> the mean of its taggers' scores: emissions (B, T, K) and parameters (1 + K, K).

    The product of their probabilities (Hinton, 1999), which is again a CRF.
    """
    emissions, parameters = output
    return tf.reduce_mean(emissions, axis=2), tf.reduce_mean(parameters, axis=0)


def _padded(column: Tensor, lengths: Tensor) -> Tensor:
    """A value for each piece (P,), and how many each text has (B,) -> (B, T)."""
    return tf.RaggedTensor.from_row_lengths(column, lengths, validate=False).to_tensor()


def _quoted(names: tuple[str, ...]) -> tuple[str, ...]:
    import json

    return tuple(json.dumps(name, ensure_ascii=False) for name in names) or ('""',)
