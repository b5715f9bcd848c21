"""What TFDS and Keras do not guard against: servers that fall silent, malicious archives, two downloads at once."""

from __future__ import annotations

import contextlib
import shutil
import socket
import stat
import sys
import tarfile
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from seqtasks import files
from seqtasks.data import progress
from seqtasks.data.progress import Step
from seqtasks.errors import BusyError, IntegrityError, ResourceError

TIMEOUT = 20  # seconds without a byte after which a server is given up
MAX_RETRIES = 3  # of a server that answers with an error; TFDS would try for three minutes
MAX_RATIO = 200  # of an archive's content to its size; a text comes to 20, the densest zip bomb to 1,032
MIN_LIMIT = 1 << 20  # bytes of content that are never too many
MAX_CONTENT = 1 << 36  # bytes of content that always are


def check_reachable(addresses: Sequence[str]) -> None:
    """Raises ResourceError if a server cannot be reached."""
    import requests

    for address in addresses:
        try:
            requests.head(address, timeout=TIMEOUT, allow_redirects=True)
        except requests.TooManyRedirects:
            raise ResourceError(f"{address} redirects in a circle") from None
        except requests.RequestException:
            raise ResourceError(f"no connection to {urlsplit(address).hostname}") from None


@contextlib.contextmanager
def limits(what: str) -> Iterator[None]:
    """Within it, requests without limits of their own, as TFDS and Keras make them, have TIMEOUT and MAX_RETRIES.

    How much of it has come is told as the progress of downloading `what`.
    """
    import requests

    counter = _Counter(what, progress.listener())
    send, before = requests.adapters.HTTPAdapter.send, socket.getdefaulttimeout()
    urlopen = urllib.request.urlopen

    def limited(adapter: Any, request: Any, **options: Any) -> Any:
        retries = adapter.max_retries
        adapter.max_retries = retries.new(total=min(retries.total, MAX_RETRIES))
        response = send(adapter, request, **{**options, "timeout": options.get("timeout") or TIMEOUT})
        if options.get("stream") and response.status_code == requests.codes.ok:
            chunks = response.iter_content
            counted = counter.counts(response.headers)
            whole = lambda *size, **more: map(counted, chunks(*size, **more))  # noqa: E731
            response.iter_content = whole  # type: ignore[method-assign]
        return response

    def opened(*arguments: Any, **more: Any) -> Any:
        response = urlopen(*arguments, **more)
        read, counted = response.read, counter.counts(response.headers)
        response.read = lambda *size: counted(read(*size))
        return response

    requests.adapters.HTTPAdapter.send = limited  # type: ignore[assignment]
    urllib.request.urlopen = opened
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    finally:
        urllib.request.urlopen = urlopen
        requests.adapters.HTTPAdapter.send = send  # type: ignore[method-assign]
        socket.setdefaulttimeout(before)


class _Counter:
    """The bytes of all files that come, maybe in several threads; when all have come, what was loaded is prepared."""

    def __init__(self, what: str, listener: progress.Listener) -> None:
        self.what, self.listener, self.lock = what, listener, threading.Lock()
        self.done, self.total = 0, 0
        self.known = True  # how many are to come

    def counts(self, headers: Mapping[str, str]) -> Callable[[bytes], bytes]:
        """A function that is given one file's bytes as they come, and gives them back."""
        size = headers.get("Content-Length", "")
        with self.lock:
            self.known = self.known and size.isdigit() and "Content-Encoding" not in headers
            self.total += int(size) if size.isdigit() else 0

        def counted(content: bytes) -> bytes:
            with self.lock:
                self.done += len(content)
                total = self.total if self.known and self.done <= self.total else None
                self.listener(Step(f"downloading {self.what}", self.done, total, progress.BYTES))
                if self.done == total:
                    self.listener(Step(f"preparing {self.what}", at_once=True))
            return content

        return counted


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Waits until no other process holds the folder of downloads, holds it, and removes what dead processes left.

    Files that arrive within it are removed again if an IntegrityError says that they are not the right ones.
    """
    with contextlib.ExitStack() as stack:
        noticed = False
        while True:
            try:
                stack.enter_context(files.lock(folder))
                break
            except BusyError as error:
                if not noticed:
                    print(f"waiting: {str(error).partition(';')[0]}", file=sys.stderr)
                noticed = True
                time.sleep(0.5)
        for path in folder.glob("*/*"):
            if _unfinished(path) and _abandoned(path):
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
    """Whether TFDS has not finished the file or folder."""
    return ".tmp." in path.name or "incomplete" in path.name


def _abandoned(path: Path) -> bool:
    """Whether nothing was written there for longer than any download may be silent."""
    newest = max((each.lstat().st_mtime for each in [path, *path.rglob("*")] if each.exists()), default=0.0)
    return time.time() - newest > 2 * TIMEOUT


def remove(path: Path) -> None:
    """Removes a file or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def check_archive(path: Path) -> None:
    """Raises IntegrityError for a file that is no zip or tar, and for an archive that should not be unpacked.

    It names the first member that would leave the folder, that is a link or a device, or with which the content is
    above MAX_RATIO times the archive's size or above MAX_CONTENT.
    """
    total, limit = 0, min(max(MAX_RATIO * path.stat().st_size, MIN_LIMIT), MAX_CONTENT)
    for name, size, plain in _members(path):
        member = PurePosixPath(name.replace("\\", "/"))
        if member.is_absolute() or ".." in member.parts or ":" in name.partition("/")[0]:
            raise IntegrityError(f"{path} holds {name!r}, which would leave its folder; nothing of it was unpacked")
        if not plain:
            raise IntegrityError(f"{path} holds {name!r}, a link or a device; nothing of it was unpacked")
        total += size
        if total > limit:
            shown = f"{MAX_CONTENT >> 30:,} GiB" if limit == MAX_CONTENT else f"{MAX_RATIO} times its size"
            raise IntegrityError(f"{path} unpacks to over {shown} (up to {name!r}); nothing of it was unpacked")


def _members(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Name, size and whether it is a plain file or folder, of each member."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for each in archive.infolist():
                    kind = stat.S_IFMT(each.external_attr >> 16)
                    yield each.filename, each.file_size, kind in (0, stat.S_IFREG, stat.S_IFDIR)
        else:
            with tarfile.open(path, "r:") as tar:  # not compressed: its content is as large as itself
                for member in tar:
                    yield member.name, member.size, member.isfile() or member.isdir()
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, ValueError, NotImplementedError) as error:
        raise IntegrityError(f"{path} is no whole zip or tar archive ({error})") from None
