"""Encoded examples, and the order in which a training sees them: a pure function of (seed, epoch).

Rows of like length share a batch, so that little is computed on padding.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from seqtasks import files
from seqtasks.errors import InputError, IntegrityError
from seqtasks.task import Examples

CHUNK = 500  # rows encoded at a time, where they cost little
PART = 10_000  # rows kept at a time, so many times fewer as they cost more
PATIENCE = 15  # seconds until it is said how far it is
POOL = 50  # batches whose rows are sorted by length together
SLICE = 1_000_000  # steps read at a time
ROUND = 8  # padded lengths are multiples of this, so that few different ones occur and compiled pieces are full
WHOLE = "rows.npz"  # offsets, targets, and what the values are


@dataclass(frozen=True)
class Flat:
    """An array (N, ...) that stays on disk: a slice of it is read when it is asked for."""

    file: Path
    shape: tuple[int, ...]
    dtype: np.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        start, end, _ = rows.indices(self.shape[0])
        item = self.dtype.itemsize * int(np.prod(self.shape[1:]))
        content = os.pread(self._handle, (end - start) * item, start * item)
        return np.frombuffer(content, self.dtype).reshape(-1, *self.shape[1:])

    @cached_property
    def _handle(self) -> int:
        return os.open(self.file, os.O_RDONLY)


class Batches(Protocol):
    """Encoded examples in batches: rows of their own (`Encoded`), or one long text (`streams.Stream`).

    A batch is told by its place, whatever that is. The order of an epoch is a pure function of (seed, epoch).
    """

    @property
    def varied(self) -> bool:
        """Whether batches differ much in steps."""

    def __len__(self) -> int: ...

    def order(self, *, size: int, least: int, seed: int, epoch: int) -> list[Any]:
        """The epoch's places, at least so many, of batches of at most `size` rows."""

    def sweep(self, *, size: int) -> Iterable[Any]:
        """Places at which everything is read once, for measuring."""

    def batch(self, place: Any) -> tuple[Any, Any]:
        """x and y of the batch, as the pattern's `pair` takes them."""

    def steps(self, place: Any) -> int:
        """How many steps the batch has."""

    def named(self, place: Any) -> str:
        """Where it is, in a person's words."""

    def fingerprint(self) -> str:
        """sha256 of what is read."""


@dataclass(frozen=True)
class Encoded:
    """Rows of different lengths, end to end: row i is values[offsets[i]:offsets[i + 1]]."""

    values: np.ndarray | Flat  # (sum of lengths, ...)
    offsets: np.ndarray  # int64 (N + 1,)
    targets: np.ndarray  # int32 (N, ...)
    multiple: int = ROUND  # a batch's steps are one of it

    varied = True

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def lengths(self) -> np.ndarray:
        """int32 (N,), steps."""
        return np.subtract(self.offsets[1:], self.offsets[:-1], dtype=np.int32, casting="unsafe")

    @property
    def sizes(self) -> np.ndarray:
        """int (N,), by which rows share a batch: their lengths or, where targets are sentences, the longest one's."""
        return self.lengths if self.targets.ndim == 1 else (self.targets > 0).any(axis=1).sum(axis=1)

    def order(self, *, size: int, least: int, seed: int, epoch: int) -> list[np.ndarray]:
        """The epoch's batches as row numbers: shuffled, sorted by length within pools, the batches shuffled again.

        A data set that fills fewer than `least` batches is gone through several times.
        """
        lengths = self.sizes
        draw = np.random.default_rng([seed, epoch])
        batches: list[np.ndarray] = []
        while len(batches) < max(least, 1):
            rows = draw.permutation(np.arange(len(lengths), dtype=np.int32))
            for start in range(0, len(rows), size * POOL):
                pooled = rows[start : start + size * POOL]
                pooled = pooled[np.argsort(lengths[pooled], kind="stable")]
                batches += [pooled[first : first + size] for first in range(0, len(pooled), size)]
        return [batches[index] for index in draw.permutation(len(batches))]

    def sweep(self, *, size: int) -> Iterator[np.ndarray]:
        """All rows once, shortest first, as batches of row numbers: the cheapest order where order does not matter."""
        rows = np.argsort(self.sizes, kind="stable")
        for first in range(0, len(rows), size):
            yield rows[first : first + size]

    def batch(self, rows: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """(values (B, T, ...), filled with 0 on the right, lengths (B,)), targets (B,)."""
        starts, ends = self.offsets[rows], self.offsets[rows + 1]
        lengths = (ends - starts).astype(np.int32)
        values = np.zeros((len(rows), self.steps(rows), *self.values.shape[1:]), self.values.dtype)
        for row, (start, end) in enumerate(zip(starts, ends, strict=True)):
            values[row, : end - start] = self.values[start:end]
        return (values, lengths), self.targets[rows]

    def every_way(self, rows: np.ndarray) -> np.ndarray:
        """The values of rows in all the ways that there are, (B, W, T, ...)."""
        return self.batch(rows)[0][0][:, None]

    def steps(self, rows: np.ndarray) -> int:
        """How many steps their batch has."""
        longest = int((self.offsets[rows + 1] - self.offsets[rows]).max())
        return -(-longest // self.multiple) * self.multiple

    def named(self, rows: np.ndarray) -> str:
        """Which rows they are, in a person's words."""
        return f"rows {', '.join(str(row + 1) for row in sorted(rows)[:5])}, ..."

    def padded_share(self, batches: list[np.ndarray]) -> float:
        """The share of all computed steps that is padding, from 0 to 1."""
        computed = sum(len(rows) * self.steps(rows) for rows in batches)
        return 1 - float(sum(self.lengths[rows].sum() for rows in batches)) / computed

    def fingerprint(self) -> str:
        """sha256 of all of it, in order."""
        digest = hashlib.sha256()
        for start in range(0, self.values.shape[0], SLICE):
            digest.update(np.ascontiguousarray(self.values[start : start + SLICE]).data)
        for array in (self.offsets, self.targets):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class Augmented(Encoded):
    """Rows that were encoded in other ways as well, with as many steps: an epoch sees one of them of each, by chance.

    Row number i + N * k is row i in way k; way 0 is the row itself, by which everything is measured.
    """

    others: tuple[Encoded, ...] = ()

    @classmethod
    def of(cls, first: Encoded, *others: Encoded) -> Augmented:
        """Several encodings of the same examples."""
        return cls(first.values, first.offsets, first.targets, first.multiple, others)

    def order(self, *, size: int, least: int, seed: int, epoch: int) -> list[np.ndarray]:
        """That of the rows, and each in which way."""
        draw = np.random.default_rng([seed, epoch, len(self.others)])
        batches = super().order(size=size, least=least, seed=seed, epoch=epoch)
        return [rows + len(self) * draw.integers(1 + len(self.others), size=len(rows)) for rows in batches]

    def batch(self, rows: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """As the rows' own, with the values of these ways."""
        ways, rows = np.divmod(rows, len(self))
        (values, lengths), targets = super().batch(rows)
        for way, other in enumerate(self.others, 1):
            chosen = ways == way
            if chosen.any():
                (values[chosen], _), _ = other.batch(rows[chosen])
        return (values, lengths), targets

    def every_way(self, rows: np.ndarray) -> np.ndarray:
        """The values of rows in all the ways that there are, (B, W, T, ...)."""
        return np.concatenate([super().every_way(rows), *(each.every_way(rows) for each in self.others)], axis=1)

    def steps(self, rows: np.ndarray) -> int:
        """How many steps their batch has."""
        return super().steps(rows % len(self))

    def named(self, rows: np.ndarray) -> str:
        """Which rows they are, in a person's words."""
        return super().named(rows % len(self))

    def padded_share(self, batches: list[np.ndarray]) -> float:
        """The share of all computed steps that is padding, from 0 to 1."""
        return super().padded_share([rows % len(self) for rows in batches])

    def fingerprint(self) -> str:
        """sha256 of all of it, in order."""
        every = [super().fingerprint(), *(each.fingerprint() for each in self.others)]
        return hashlib.sha256(" ".join(every).encode()).hexdigest()


def encode(examples: Examples, inputs: Any, targets: Any, *, name: str) -> Encoded:
    """Encodes every example once, in memory. Raises InputError that names the row of a strange target."""
    encoder = _Encoder(inputs, targets, name)
    values, lengths, ids = (np.concatenate(each) for each in zip(*encoder.chunks(examples), strict=True))
    return Encoded(values, np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), ids, _multiple(inputs))


def encode_to_disk(
    examples: Examples, inputs: Any, targets: Any, folder: Path, *, name: str, notice: Callable[[str], None]
) -> Encoded:
    """The same into a folder, unless it is there already, whole and unaltered.

    Memory grows by a few bytes a row, whatever its length. Interrupted, it goes on from the last part.
    """
    parts = folder.with_name(f"{folder.name}-parts")
    if folder.exists():
        try:
            found = _opened(folder, inputs)
        except IntegrityError as error:
            notice(f"{error}: it is made again")
            shutil.rmtree(folder)
        else:
            shutil.rmtree(parts, ignore_errors=True)  # of a process that died before it could
            return found
    parts.mkdir(parents=True, exist_ok=True)
    encoder, rows, noticed = _Encoder(inputs, targets, name), len(examples), time.monotonic()
    size = PART * encoder.at_once // CHUNK
    for start in range(0, rows, size):
        part = parts / f"{start}.npz"
        if not _readable(part):
            chunks = encoder.chunks(examples.take(np.arange(start, min(start + size, rows))), before=start)
            values, lengths, ids = (np.concatenate(each) for each in zip(*chunks, strict=True))
            with files.writing(part, point="part") as path, path.open("wb") as file:
                np.savez(file, values=values, lengths=lengths, targets=ids)
        if start + size < rows and time.monotonic() - noticed > PATIENCE:
            noticed = time.monotonic()
            notice(f"encoded {start + size:,} of {rows:,} rows of {name}")
    if not folder.exists():  # nobody else has made it meanwhile
        with files.new_folder(folder, point="encoded") as whole:
            _join([parts / f"{start}.npz" for start in range(0, rows, size)], whole)
    shutil.rmtree(parts, ignore_errors=True)
    return _opened(folder, inputs)


def inputs_to_disk(
    examples: Examples, inputs: Any, targets: Any, folder: Path, *, name: str, notice: Callable[[str], None]
) -> Encoded:
    """The same, but only the inputs are in the folder: the targets, which may be others next time, are encoded anew."""
    found = encode_to_disk(examples, inputs, _Untold(), folder, name=name, notice=notice)
    return replace(found, targets=_targets(examples, targets))


def _join(parts: Sequence[Path], folder: Path) -> None:
    """Writes parts as the one that `_opened` reads."""
    digest, lengths, targets = hashlib.sha256(), [], []
    with (folder / "values.bin").open("wb") as file:
        for part in parts:
            with np.load(part, allow_pickle=False) as rows:
                values = np.ascontiguousarray(rows["values"])
                lengths.append(rows["lengths"])
                targets.append(rows["targets"])
            digest.update(values.data)
            file.write(values.data)
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths), dtype=np.int64)])
    whole, like = np.concatenate(targets), values[:0]
    np.savez(folder / WHOLE, offsets=offsets, targets=whole, like=like, sha256=np.array(digest.hexdigest()))


def _opened(folder: Path, inputs: Any) -> Encoded:
    """What was encoded into a folder; raises IntegrityError for one that is not what was written."""
    try:
        with np.load(folder / WHOLE, allow_pickle=False) as rows:
            offsets, targets, like, digest = (rows[each] for each in ("offsets", "targets", "like", "sha256"))
    except (OSError, EOFError, ValueError, KeyError, NotImplementedError, zipfile.BadZipFile) as error:
        raise IntegrityError(f"{folder / WHOLE} cannot be read ({type(error).__name__})") from None
    file = folder / "values.bin"
    if not file.exists() or files.sha256(file) != str(digest):
        raise IntegrityError(f"{file} is not what was written")
    return Encoded(Flat(file, (int(offsets[-1]), *like.shape[1:]), like.dtype), offsets, targets, _multiple(inputs))


def _readable(part: Path) -> bool:
    """Whether a part is there, and as it was written: a .npz has a checksum of everything in it."""
    try:
        with zipfile.ZipFile(part) as archive:
            return archive.testzip() is None
    except (OSError, NotImplementedError, zipfile.BadZipFile):
        return False


def _multiple(inputs: Any) -> int:
    """Of what number steps are a multiple: any, where a row always has the same."""
    return 1 if inputs.placeholder().shape[1] else ROUND


class _Untold:
    """A codec of targets that are not looked at."""

    def encode(self, values: tf.Tensor) -> tf.Tensor:
        return tf.zeros(tf.shape(values), tf.int32)


def _targets(examples: Examples, codec: Any) -> np.ndarray:
    """All targets as a codec encodes them, int32 (N, ...)."""
    encode = tf.function(codec.encode, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    starts = range(0, len(examples), CHUNK)
    return np.concatenate([encode(tf.constant(examples.targets[at : at + CHUNK])).numpy() for at in starts])


class _Encoder:
    """Two codecs, traced once."""

    def __init__(self, inputs: Any, targets: Any, name: str) -> None:
        self.inputs, self.targets, self.name = inputs, targets, name
        self.at_once = getattr(inputs, "at_once", CHUNK)
        signature = [tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.string)]
        self.both = tf.function(self._both, input_signature=signature, autograph=False)

    def chunks(self, examples: Examples, *, before: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Chunks of rows in their order, encoded on all cores: values end to end, lengths (B,), targets (B, ...).

        `before` is how many rows stand before them. Raises InputError that names the row of a strange target.
        """
        cores = os.cpu_count() or 1
        with ThreadPoolExecutor(cores) as threads:
            waiting: deque[Future[tuple[np.ndarray, np.ndarray, np.ndarray]]] = deque()
            for start in range(0, len(examples), self.at_once):
                waiting.append(threads.submit(self._chunk, examples, start, before))
                if len(waiting) > 2 * cores:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _both(self, x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        values, lengths = self.inputs.encode(x)
        kept = tf.sequence_mask(lengths, tf.shape(values)[1])
        return tf.boolean_mask(values, kept), lengths, self.targets.encode(y)

    def _chunk(self, examples: Examples, start: int, before: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = slice(start, start + self.at_once)
        x, y = examples.inputs[rows], examples.targets[rows]
        values, lengths, ids = (each.numpy() for each in self.both(tf.constant(x), tf.constant(y)))
        if (ids < 0).any():
            wrong = int(np.argmax(ids < 0))
            known = ", ".join(self.targets.names)
            raise InputError(f"{self.name} row {before + start + wrong + 1}: label {y[wrong]!r} is none of {known}")
        return values, lengths, ids
