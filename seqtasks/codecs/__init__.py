"""Codecs translate between what people have and what a network reads.

A codec is a frozen dataclass and nothing but its fields: `describe` gives them for a card, `restore` makes the codec
again. `fit` returns a fitted copy. Each translation is written once, in TensorFlow ops, for training and export alike.
Lengths, never an id 0, decide what is padding.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import tensorflow as tf

from seqtasks import setting
from seqtasks.errors import IntegrityError, UsageError
from seqtasks.setting import Settings
from seqtasks.task import Folders

Tensor = Any  # TensorFlow gives no types


@dataclass(frozen=True)
class Alphabet:
    """What a codec of letters says of single ones: for windows along a sequence, and for mutations."""

    letters: str  # that may stand in each other's place
    normalized: Callable[[bytes], bytes]  # raises InputError, which names the place, for what is no letter
    known: Callable[[bytes], bool]  # whether enough of normalized letters says something


@dataclass(frozen=True)
class Asset:
    """A file that a codec needs beside its fields, published with the model."""

    name: str
    write: Callable[[Path], None]


@dataclass(frozen=True)
class Traits:
    """The facts of a codec, of which each states those that are not as usual."""

    columns: tuple[str, ...] = ()  # what people call a column of its values
    settings: Settings = field(default_factory=dict)  # of the layers that its `embed` makes
    reads_files: bool = False  # whether a person gives the path of a file in place of its bytes
    whole_row: bool = False  # whether a value is all columns of a row but the target: a line of names, one of values
    suffixes: tuple[str, ...] = ()  # of these files, in small letters; all files of a folder where none is named
    other_suffixes: tuple[str, ...] = ()  # of files that are of the same kind, and refused by name
    classes: bool = False  # of targets: whether each distinct value is a class
    several: bool = False  # of targets: whether one input may have several, which are joined by line feeds
    # of targets that name places of the input: makes of a person's input and target the latter as it is learned from;
    # raises InputError where they do not fit
    with_input: Callable[[bytes, str], str] | None = None
    end_id: int = -1  # of targets: the id with which a text ends; -1 where none does
    unambiguous: bool = False  # of inputs: whether one value can have one target only
    # of inputs: makes of a network's values and lengths both and, behind them, those of another view of each row, over
    # which logits are averaged
    second_view: Callable[[Any, Any], tuple[Any, Any]] | None = None
    batch_size: int = 500  # values that are encoded together
    predict_batch_size: int = 256  # values that an export is asked for together
    cache_key: Callable[[], str] | None = None  # where encoding is dear: what its outcome depends on beside the values
    version: Callable[[bytes], str] | None = None  # and of how a value is read now; empty if as in the first version
    augmentations: tuple[InputCodec, ...] = ()  # the same for other views of a value, of which training draws one
    # of a network's values (T, ...) of a row, those of another row of the same target, T' long, as it is drawn
    augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None
    timed: bool = False  # of inputs: whether steps are moments, after each of which one may ask for an answer
    tta: tuple[InputCodec, ...] = ()  # for other views, over which answers are averaged
    assets: Mapping[str, Asset] = field(default_factory=dict)  # field -> the file that it names
    recorded: Mapping[str, Any] = field(default_factory=dict)  # fields that are others in a card
    portable: Callable[[Tensor], Tensor] | None = (
        None  # strings (B,) -> what `portable` endpoints take, if not `encode`
    )
    reading_tolerance: float = 0  # by which readers in other languages may differ
    alphabet: Alphabet | None = None


class Codec(Protocol):
    """Translates between what people have and what a network reads: a frozen dataclass that is its fields."""

    @property
    def traits(self) -> Traits: ...

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Self:
        """A fitted copy: learns from batches (N,) that can be gone through twice, and finds the files that it needs."""

    def tables(self) -> list[Any]:
        """Lookup tables and variables that an export must keep alive."""


class InputCodec(Codec, Protocol):
    """Values, string (B,), -> what a network reads; one more method, `embed`, where the pattern needs vectors."""

    def clean(self, value: bytes) -> bytes:
        """A person's value as it is learned from and answered; raises InputError for what is none."""

    def encode(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Strings (B,) -> values (B, T, ...), filled with 0 on the right, and lengths, int32 (B,)."""

    def placeholder(self) -> Any:
        """The network's input, a Keras tensor (B, T, ...)."""


class TargetCodec(Codec, Protocol):
    """Targets, string (B,) <-> ids."""

    @property
    def names(self) -> tuple[str, ...]:
        """The classes' names in the order of their ids; empty where ids are no classes."""

    @property
    def choices(self) -> int:
        """How many ids there are."""

    def clean_target(self, value: str) -> str:
        """A person's target as it is learned from; raises InputError for what is none."""

    def encode(self, values: Tensor) -> Tensor:
        """Strings (B,) -> ids, int32 (B,), or ragged (B, None, ...); -1 for what was not learned."""

    def decode(self, ids: Tensor) -> Tensor:
        """Ids (B,) or (B, T) -> strings (B,)."""


def describe(codec: Any, *, learned: bool = True) -> dict[str, Any]:
    """A codec as JSON: its file's name and its fields, or those alone that are settings.

    One from outside the package is called module:Class; it says as well how a person gives its values.
    """
    fields = dataclasses.asdict(codec) if learned else setting.defaults(setting.of(codec))
    traits: Traits = codec.traits
    package, _, name = type(codec).__module__.rpartition(".")
    more: dict[str, Any] = {}
    if package != __name__:
        name = f"{type(codec).__module__}:{type(codec).__qualname__}"
        more = {"given": {each: getattr(traits, each) for each in ("columns", "reads_files", "suffixes")}}
    return {"codec": name, **fields, **traits.recorded, **_asset_names(traits), **more}


def restore(description: Mapping[str, Any], find: Callable[[str], Path] | None = None) -> Any:
    """The codec that `describe` described, its files where `find` says; raises IntegrityError if it is none.

    One from outside the package is of a module that was imported; raises UsageError where it was not.
    """
    fields = dict(description)
    name, assets = str(fields.pop("codec", "")), fields.pop("assets", {})
    if ":" in name:
        fields.pop("given", None)
        if is_elsewhere(name):
            raise UsageError(f"the codec {name} is of a file of your own; give it with --code FILE")
    try:
        codec = _kind(name)
        tupled = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
        files = {key: str(find(file)) for key, file in assets.items()} if find else {}
        return codec(**{**tupled, **files})
    except (ImportError, KeyError, TypeError, UsageError):
        raise IntegrityError(f"the card's codec {name!r} is not one of this version; train again") from None


def is_elsewhere(name: str) -> bool:
    """Whether a codec of this name is from outside the package, and its source was not imported."""
    return ":" in name and name.partition(":")[0] not in sys.modules


def _kind(name: str) -> Any:
    """The class that a description names; raises ImportError or KeyError for what is no codec."""
    module, _, kind = name.partition(":")
    if kind:
        found = vars(sys.modules[module])[kind]
        if not (isinstance(found, type) and dataclasses.is_dataclass(found) and "traits" in dir(found)):
            raise ImportError
        return found
    if not name.isidentifier():
        raise ImportError
    return vars(import_module(f"{__name__}.{name}"))[name.title().replace("_", "")]


def _asset_names(traits: Traits) -> dict[str, dict[str, str]]:
    return {"assets": {key: asset.name for key, asset in traits.assets.items()}} if traits.assets else {}


def network_rows(codec: Any, values: Sequence[bytes]) -> list[np.ndarray]:
    """What a runtime that reads no values is given for each, (1, T, ...): ids, bases, or the pixels of a picture.

    Of what is nothing at all, that of a line feed.
    """
    traits: Traits = codec.traits
    traced = tf.function(traits.portable or (lambda given: codec.encode(given)[0]), autograph=False)
    found = (traced(tf.constant([value])).numpy() for value in values)
    return [each if each.size else traced(tf.constant([b"\n"])).numpy() for each in found]
