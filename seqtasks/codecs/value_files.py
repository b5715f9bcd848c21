"""Values that are files: the bytes at a path."""

from __future__ import annotations

import os
from pathlib import Path

from seqtasks import files
from seqtasks.errors import InputError


def read(value: bytes, what: str) -> tuple[Path, bytes]:
    """The path that a value is, and the bytes there; raises InputError, which names it, for what is no file."""
    path = Path(os.fsdecode(value))
    try:
        if files.is_stream(path):
            raise InputError(f"names {path}, which is a pipe or a device; give the path of {what}")
        return path, path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"names {path}, which does not exist; give the path of {what}") from None
    except OSError as error:  # a folder, a name too long, nobody's to read
        raise InputError(f"names {path}, which cannot be read ({error.strerror})") from None
    except ValueError as error:  # a NUL in its name
        raise InputError(f"names {path}, which cannot be read ({error})") from None
