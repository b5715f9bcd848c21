"""Codecs translate between what people read and what a network reads.

A codec is a frozen dataclass and nothing but its fields: `describe` gives them for card.json, `restore` makes the codec
again. `fit` returns a fitted copy. Each translation is written once, in TensorFlow ops, for training and export alike.

    input codec     fit, encode, placeholder, settings, tables, columns, clean, settled
                                                                          values (B, T, ...), lengths (B,)
    target codec    fit, encode, decode, choices, names, settings, tables, columns, clean
                                                                          ids (B,), (B, T) or (B, K, T)

Beside these, for the pattern:

    many_to_one     inputs: views, embed, embedding, length (where each place has a vector of its own)
    one_to_many     inputs: embed, see, every_way, pixels; targets: words, end
    continuation    the one codec of both: embedding, strangers, characters

One whose values are scanned has `letters` and `known`; one of which is drawn what each letter matters, `alternatives`
and `length`; one whose `encode` does more than read, `read` alone, for other runtimes.

One that needs files beside its fields, as an encoder does that somebody trained, has `carried` and `placed` as well,
and `located`; one that may cost so much that what it gives is kept says when (`costly`), has a `fingerprint`, and says
how many it reads `at_once`, or answers (`answered_at_once`). One that training or answers have in other ways as well is
`augmented`; one whose values people give as paths of files `opens` them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from seqtasks.errors import IntegrityError


def describe(codec: Any) -> dict[str, Any]:
    """A codec as JSON: its file's name and its fields."""
    return {"codec": type(codec).__module__.rsplit(".", 1)[1], **dataclasses.asdict(codec)}


def carried(codec: Any) -> dict[str, Callable[[Path], None]]:
    """Files that the codec needs beside its fields, and how each is written; most need none."""
    return codec.carried() if hasattr(codec, "carried") else {}


def augmented(codec: Any, *, answering: bool = False) -> tuple[Any, ...]:
    """Codecs that see the same inputs in other ways: training draws one, answers are of all and perhaps of more."""
    return codec.augmented(answering=answering) if hasattr(codec, "augmented") else ()


def rows(codec: Any, values: Sequence[bytes]) -> list[np.ndarray]:
    """What a runtime that reads no values is given for each, (1, ...): ids, bases, or the pixels of a picture.

    Of what is nothing at all, that of a line feed.
    """
    read = codec.read if hasattr(codec, "read") else codec.encode
    traced = tf.function(read, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    found = (traced(tf.constant([value]))[0].numpy() for value in values)
    return [each if each.size else traced(tf.constant([b"\n"]))[0].numpy() for each in found]


def located(codec: Any, manual: str | None) -> Any:
    """The codec with such files as were fetched by hand, if there are any."""
    return codec.located(Path(manual)) if manual and hasattr(codec, "located") else codec


def restore(description: Mapping[str, Any], find: Callable[[str], Path] | None = None) -> Any:
    """The codec that `describe` described, its files where `find` says; raises IntegrityError if it is none."""
    values = dict(description)
    name = str(values.pop("codec", ""))
    try:
        if not name.isidentifier():
            raise ImportError
        module = import_module(f"{__name__}.{name}")
        codec = getattr(module, name.capitalize())
        tupled = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        restored = codec(**tupled)
    except (ImportError, AttributeError, TypeError):
        raise IntegrityError(f"the card's codec {name!r} is not one of this version; train again") from None
    return restored.placed(find) if find and hasattr(restored, "placed") else restored
