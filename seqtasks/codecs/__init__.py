"""Codecs translate between what people read and what a network reads.

A codec is a frozen dataclass and nothing but its fields: `describe` gives them for card.json, `restore` makes the codec
again. `fit` returns a fitted copy. Each translation is written once, in TensorFlow ops, for training and export alike.

    input codec     fit, encode, placeholder, views, embed, embedding, settings, tables, clean, settled
                                                                          values (B, T, ...), lengths (B,)
    target codec    fit, encode, decode, choices, names, tables                           ids (B,) or (B, T)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from seqtasks.errors import IntegrityError


def describe(codec: Any) -> dict[str, Any]:
    """A codec as JSON: its file's name and its fields."""
    return {"codec": type(codec).__module__.rsplit(".", 1)[1], **dataclasses.asdict(codec)}


def restore(description: Mapping[str, Any]) -> Any:
    """The codec that `describe` described; raises IntegrityError if it does not describe one."""
    values = dict(description)
    name = str(values.pop("codec", ""))
    try:
        if not name.isidentifier():
            raise ImportError
        module = import_module(f"{__name__}.{name}")
        codec = getattr(module, name.capitalize())
        tupled = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
        return codec(**tupled)
    except (ImportError, AttributeError, TypeError):
        raise IntegrityError(f"the card's codec {name!r} is not one of this version; train again") from None
