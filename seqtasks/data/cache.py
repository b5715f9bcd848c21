"""Encoded columns that are kept on disk, because they took long to encode or are too many for the memory.

    values.bin      the rows end to end
    rows.npz        offsets, the type of a value, the sha256 of values.bin

They are encoded in parts, so that an interrupted encoding goes on from the last part.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks import files
from seqtasks.data import encode
from seqtasks.data.columns import DiskArray, Ragged
from seqtasks.errors import IntegrityError

PART = 20  # chunks in a part
PATIENCE = 15  # seconds until progress is told
RECORD = "rows.npz"


def column(
    values: Any, function: encode.Encode, size: int, folder: Path, *, name: str, notice: Callable[[str], None]
) -> Ragged:
    """A column (N,), encoded `size` rows at a time, in a folder: made unless it is there already, whole and unaltered.

    Memory grows by a few bytes a row, whatever its length.
    """
    parts = folder.with_name(f"{folder.name}-parts")
    if folder.exists():
        try:
            found = _opened(folder)
        except IntegrityError as error:
            notice(f"{error}: it is made again")
            shutil.rmtree(folder)
        else:
            shutil.rmtree(parts, ignore_errors=True)  # of a process that died before it could
            return found
    parts.mkdir(parents=True, exist_ok=True)
    rows, noticed = len(values), time.monotonic()
    step = PART * size
    for start in range(0, rows, step):
        part, end = parts / f"{start}.npz", min(start + step, rows)
        if not _readable(part):
            encoded = encode.chunks(values.take(np.arange(start, end)), function, size, before=start)
            found, lengths = zip(*encoded, strict=True)
            with files.writing(part, point="part") as path, path.open("wb") as file:
                np.savez(file, values=np.concatenate(found), lengths=np.concatenate(lengths))
        if end < rows and time.monotonic() - noticed > PATIENCE:
            noticed = time.monotonic()
            notice(f"encoded {end:,} of {rows:,} rows of {name}")
    if not folder.exists():  # nobody else has made it meanwhile
        with files.new_folder(folder, point="encoded") as whole:
            _join([parts / f"{start}.npz" for start in range(0, rows, step)], whole)
    shutil.rmtree(parts, ignore_errors=True)
    return _opened(folder)


def _join(parts: Sequence[Path], folder: Path) -> None:
    """Writes parts as the one that `_opened` reads."""
    digest, lengths = hashlib.sha256(), []
    with (folder / "values.bin").open("wb") as file:
        for part in parts:
            with np.load(part, allow_pickle=False) as rows:
                values = np.ascontiguousarray(rows["values"])
                lengths.append(rows["lengths"])
            digest.update(values.data)
            file.write(values.data)
    offsets = encode.offsets(np.concatenate(lengths))
    np.savez(folder / RECORD, offsets=offsets, like=values[:0], sha256=np.array(digest.hexdigest()))


def _opened(folder: Path) -> Ragged:
    """The column in a folder; raises IntegrityError for one that is not what was written."""
    try:
        with (folder / RECORD).open("rb") as record, np.load(record, allow_pickle=False) as rows:
            offsets, like, digest = (rows[each] for each in ("offsets", "like", "sha256"))
    except (OSError, EOFError, ValueError, KeyError, NotImplementedError, zipfile.BadZipFile) as error:
        raise IntegrityError(f"{folder / RECORD} cannot be read ({type(error).__name__})") from None
    file = folder / "values.bin"
    if not file.exists() or files.sha256(file) != str(digest):
        raise IntegrityError(f"{file} is not what was written")
    return Ragged(DiskArray(file, (int(offsets[-1]), *like.shape[1:]), like.dtype), offsets)


def _readable(part: Path) -> bool:
    """Whether a part is there, and as it was written: a .npz has a checksum of everything in it."""
    try:
        with zipfile.ZipFile(part) as archive:
            return archive.testzip() is None
    except (OSError, NotImplementedError, zipfile.BadZipFile):
        return False
