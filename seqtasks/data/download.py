"""What TFDS and Keras leave open when they download: servers that fall silent, archives that hold harm, two at once."""

from __future__ import annotations

import contextlib
import shutil
import socket
import stat
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from seqtasks import files
from seqtasks.errors import BusyError, IntegrityError, ResourceError

TIMEOUT = 20  # seconds of silence until a server counts as out of reach
TRIES = 3  # more, of a server that answers that it cannot; TFDS would try for three minutes
RATIO = 200  # an archive's content to itself, at most; a text comes to 20, the densest bomb of a zip to 1,032
SMALL = 1 << 20  # bytes of content that never count as too many
LARGEST = 1 << 36  # bytes of content that always do


def reach(addresses: Sequence[str]) -> None:
    """Raises ResourceError if a server cannot be reached."""
    import requests

    for address in addresses:
        try:
            requests.head(address, timeout=TIMEOUT, allow_redirects=True)
        except requests.TooManyRedirects:
            raise ResourceError(f"{address} leads in a circle") from None
        except requests.RequestException:
            raise ResourceError(f"no connection to {urlsplit(address).hostname}") from None


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """Within it whoever asks a server without limits of its own, as TFDS and Keras do, has those of here."""
    import requests

    send, before = requests.adapters.HTTPAdapter.send, socket.getdefaulttimeout()

    def limited(adapter: Any, request: Any, **options: Any) -> Any:
        tries = adapter.max_retries
        adapter.max_retries = tries.new(total=min(tries.total, TRIES))
        return send(adapter, request, **{**options, "timeout": options.get("timeout") or TIMEOUT})

    requests.adapters.HTTPAdapter.send = limited  # type: ignore[assignment]
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        requests.adapters.HTTPAdapter.send = send  # type: ignore[method-assign]
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds a folder of downloads, once no other process does, and clears away what dead ones left unfinished.

    What came in within it goes again if it turns out, by an IntegrityError, to be something else than was wanted.
    """
    with contextlib.ExitStack() as stack:
        said = False
        while True:
            try:
                stack.enter_context(files.lock(folder))
                break
            except BusyError as error:
                if not said:
                    print(f"waiting: {str(error).partition(';')[0]}", file=sys.stderr)
                said = True
                time.sleep(0.5)
        for path in folder.glob("*/*"):
            if _unfinished(path) and _silent(path):
                remove(path)
        before = set(folder.glob("*/*"))
        try:
            yield
        except BaseException as error:
            for path in set(folder.glob("*/*")) - before:
                if isinstance(error, IntegrityError) or _unfinished(path):
                    remove(path)
            raise


def _unfinished(path: Path) -> bool:
    """Whether TFDS has not ended what it makes there."""
    return ".tmp." in path.name or "incomplete" in path.name


def _silent(path: Path) -> bool:
    """Whether nothing was written there for longer than a download may be silent, whoever makes it."""
    newest = max((each.lstat().st_mtime for each in [path, *path.rglob("*")] if each.exists()), default=0.0)
    return time.time() - newest > 2 * TIMEOUT


def remove(path: Path) -> None:
    """A file or a folder, whichever it is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def check_archive(path: Path) -> None:
    """Raises IntegrityError for what is no zip or tar, and for one with a member that should not be unpacked, by name.

    That is one that would leave its folder, that is a link or a device, or with which the content is RATIO times the
    archive's own size, or LARGEST.
    """
    total, most = 0, min(max(RATIO * path.stat().st_size, SMALL), LARGEST)
    for name, size, plain in _members(path):
        place = PurePosixPath(name.replace("\\", "/"))
        if place.is_absolute() or ".." in place.parts or ":" in name.partition("/")[0]:
            raise IntegrityError(f"{path} holds {name!r}, which would leave its folder; nothing of it was unpacked")
        if not plain:
            raise IntegrityError(f"{path} holds {name!r}, a link or a device; nothing of it was unpacked")
        total += size
        if total > most:
            size_of = f"{LARGEST >> 30:,} GiB" if most == LARGEST else f"{RATIO} times its size"
            raise IntegrityError(f"{path} unpacks to over {size_of} (up to {name!r}); nothing of it was unpacked")


def _members(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Name, size and whether it is a plain file or folder, of each member."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for each in archive.infolist():
                    kind = stat.S_IFMT(each.external_attr >> 16)
                    yield each.filename, each.file_size, kind in (0, stat.S_IFREG, stat.S_IFDIR)
        else:
            with tarfile.open(path, "r:") as tar:  # not compressed: what it unpacks to is what it is
                for member in tar:
                    yield member.name, member.size, member.isfile() or member.isdir()
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError, NotImplementedError) as error:
        raise IntegrityError(f"{path} is no whole zip or tar archive ({error})") from None
