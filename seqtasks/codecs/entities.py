"""Entities of a text, of which tags are made: O outside, B-TYPE where an entity begins, I-TYPE where it goes on.

A target is text: a line for each entity with the place of its first character, that behind its last, and its type, tabs
between; no line, no entity. Of a person's own, also the JSON of spaCy's, Doccano's and Prodigy's spans.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from seqtasks.codecs import TargetCodec, Traits
from seqtasks.codecs.words import BLANK, LETTER, kind_of
from seqtasks.errors import InputError
from seqtasks.task import Folders

COLUMNS = ("entities", "spans", "label", "labels", "annotations")
KEYS = (("start", "start_offset"), ("end", "end_offset"), ("label", "type", "entity_group"))  # of a span as an object
AROUND = 20  # characters shown on both sides of a wrong span
OUTSIDE = 0  # the id of O; those of B-TYPE and I-TYPE follow, type by type


class Entity(NamedTuple):
    start: int  # characters before it
    end: int  # characters before what is behind it
    type: str


@dataclass(frozen=True)
class Entities(TargetCodec):
    types: tuple[str, ...] = ()  # in the order of the alphabet

    @property
    def traits(self) -> Traits:
        return Traits(columns=COLUMNS, with_input=checked)

    @property
    def names(self) -> tuple[str, ...]:
        """Of classes: there are none, a text has any number of entities."""
        return ()

    @property
    def tags(self) -> tuple[str, ...]:
        """In the order of their ids."""
        return ("O", *(f"{each}-{name}" for name in self.types for each in "BI"))

    @property
    def choices(self) -> int:
        return 1 + 2 * len(self.types)

    @property
    def inside(self) -> tuple[int, ...]:
        """The tag (K,) with which an entity goes on behind each tag; -1 behind O."""
        return (-1, *(2 + 2 * number for number in range(len(self.types)) for _ in "BI"))

    @property
    def allowed(self) -> list[list[bool]]:
        """(1 + K, K): whether each tag may begin a text, and whether it may follow each: I-TYPE only its own type."""
        size = self.choices
        begins = [tag == OUTSIDE or tag % 2 == 1 for tag in range(size)]
        return [begins, *([begins[tag] or tag == self.inside[before] for tag in range(size)] for before in range(size))]

    def clean_target(self, value: str) -> str:
        """A person's entities, JSON, as lines; raises InputError for what is none."""
        return lines(read(value))

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Entities:
        """Learns the types from batches of targets; raises InputError where there is no entity."""
        types = {entity.type for batch in values for value in batch for entity in entities(value)}
        if not types:
            raise InputError("there is no entity in train: nothing to learn; give texts with some")
        return dataclasses.replace(self, types=tuple(sorted(types)))

    def encode(self, values: tf.Tensor) -> tf.RaggedTensor:
        """Targets, string (B,) -> entities, ragged int32 (B, None, 3): start, end, type, -1 for others."""
        rows = tf.strings.split(values, "\n")
        rows = tf.ragged.boolean_mask(rows, rows != "")
        fields = tf.strings.split(rows.flat_values, "\t").to_tensor(shape=[None, 3])
        same = fields[:, 2, None] == tf.constant(self.types)[None]
        types = tf.where(tf.reduce_any(same, 1), tf.argmax(same, 1, output_type=tf.int32), -1)
        places = tf.strings.to_number(fields[:, :2], tf.int32)
        return rows.with_flat_values(tf.concat([places, types[:, None]], axis=1))

    def decode(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids of tags, int (B, T), -1 behind a row's end -> tags with blanks between, string (B,)."""
        names = tf.where(ids < 0, "", tf.gather(tf.constant(self.tags), tf.maximum(ids, 0)))
        return tf.strings.strip(tf.strings.reduce_join(names, axis=1, separator=" "))

    def tables(self) -> list[Any]:
        """What an export must carry along: nothing."""
        return []


def tag_ids(pieces: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Places (T, 2) of a text's pieces, entities (S, 3) as `encode` has them -> ids of tags, int32 (T,)."""
    ids = np.full(len(pieces), OUTSIDE, np.int32)
    for start, end, kind in spans:
        first, last = np.searchsorted(pieces[:, 0], (start, end))
        ids[first:last] = 2 + 2 * kind
        ids[first : first + (last > first)] = 1 + 2 * kind
    return ids


def entities(target: str) -> list[Entity]:
    """The entities of a target, in its order."""
    fields = (line.split("\t") for line in target.split("\n") if line)
    return [Entity(int(start), int(end), kind) for start, end, kind in fields]


def lines(found: Iterable[Entity]) -> str:
    """The target of some entities."""
    return "\n".join(f"{each.start}\t{each.end}\t{each.type}" for each in sorted(found))


def read(value: str) -> list[Entity]:
    """JSON of spans, [[0, 5, "PER"]] or [{"start": 0, "end": 5, "label": "PER"}], -> entities."""
    try:
        spans = json.loads(value)
        if isinstance(spans, dict):  # spaCy's form of annotations
            spans = spans["entities"] if "entities" in spans else spans["spans"]
        return [_entity(each) for each in spans]
    except (ValueError, TypeError, KeyError, RecursionError):
        wanted = 'a list of [start, end, type] or of {"start", "end", "label"}'
        raise InputError(f"has entities that cannot be read ({value[:60]}); give {wanted}") from None


def _entity(span: Any) -> Entity:
    if isinstance(span, dict):
        span = [next(span[key] for key in keys if key in span) for keys in KEYS]
    start, end, kind = span
    if any(isinstance(each, bool) or not isinstance(each, int) for each in (start, end)) or not isinstance(kind, str):
        raise ValueError
    return Entity(start, end, kind)


def checked(value: bytes, target: str) -> str:
    """The target of a text, in order, nothing twice, without blanks around an entity.

    Raises InputError that shows the text around what is wrong.
    """
    text = value.decode(errors="replace")
    found = sorted({_trimmed(entity, text) for entity in entities(target)})
    for start, end, kind in found:
        if not kind.strip():
            raise InputError(f"has an entity from {start} to {end} without a type; give it one")
        if not 0 <= start < end <= len(text):  # or white space alone
            raise InputError(
                f"has a {kind} from {start} to {end} in a text of {len(text):,} characters{_around(text, start)}"
            )
        for place in (start, end):
            if 0 < place < len(text) and kind_of(text[place - 1]) == kind_of(text[place]) == LETTER:
                raise InputError(
                    f"has a {kind} from {start} to {end} with a border inside a word{_around(text, place)}"
                )
    for before, after in pairwise(found):
        if after.start < before.end:
            raise InputError(
                f"has a {before.type} from {before.start} to {before.end} and a {after.type} from {after.start} to "
                f"{after.end}, which overlap{_around(text, after.start)}; keep one"
            )
    return lines(found)


def _trimmed(entity: Entity, text: str) -> Entity:
    """The entity without white space at its ends."""
    start, end, kind = entity
    while 0 <= start < end <= len(text) and kind_of(text[start]) == BLANK:
        start += 1
    while 0 <= start < end <= len(text) and kind_of(text[end - 1]) == BLANK:
        end -= 1
    return Entity(start, end, " ".join(kind.split()))


def _around(text: str, place: int) -> str:
    begin, end = max(place - AROUND, 0), max(place, 0) + AROUND
    return f": {text[begin:end]!r}" if text[begin:end] else ""
