"""Paths for libraries that cannot take every path."""

from __future__ import annotations

import atexit
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PLAIN = re.compile(r"[\w .,:=+~@-]+", re.ASCII)  # what no library takes for anything else


@contextmanager
def plain(path: Path) -> Iterator[Path]:
    """The absolute path, or a link to it where it holds more than plain letters.

    TensorFlow takes [ ] * ? in a path for a pattern, and all of it for UTF-8.
    """
    if _is_plain(path):
        yield path.absolute()
        return
    places = (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), *path.absolute().parents)
    place = next((each for each in places if _is_plain(each) and os.access(each, os.W_OK)), places[0])
    with tempfile.TemporaryDirectory(prefix="seqtasks-", dir=place) as folder:
        link = Path(folder) / "link"
        link.symlink_to(path.absolute())
        yield link


_LASTING: dict[Path, Path] = {}  # paths that have a link until the process ends
_LINKS = ExitStack()
atexit.register(_LINKS.close)


def lasting(path: Path) -> Path:
    """The same until the process ends, for what is read later; a path of plain letters is itself."""
    if _is_plain(path):
        return path
    if path not in _LASTING:
        _LASTING[path] = _LINKS.enter_context(plain(path))
    return _LASTING[path]


def original(path: Path) -> Path:
    """The path as a person gave it, of one that begins with what `lasting` gave."""
    known = ((given, link) for given, link in _LASTING.items() if path.is_relative_to(link))
    return next((given / path.relative_to(link) for given, link in known), path)


def _is_plain(path: Path) -> bool:
    return all(PLAIN.fullmatch(part) for part in path.absolute().parts[1:])
