"""What can go wrong, each kind with the exit code that the command line ends with.

    SeqtasksError            1  a bug of ours
    ├── UsageError           2  an unknown task, setting or choice
    ├── InputError           3  data that cannot be used
    ├── IntegrityError       4  altered, truncated or mixed files
    ├── ResourceError        5  disk, memory or network
    ├── DivergenceError      6  training left the finite numbers
    ├── BusyError            7  somebody else works in the folder
    └── Interrupted    130/143  a signal, after everything was saved

A message is one line: what came, what was wanted, what to do next.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import threading
from collections.abc import Iterable, Iterator

_STANDARD_ERROR = threading.RLock()  # or two threads would take each other's for the true one


class SeqtasksError(Exception):
    exit_code = 1


class UsageError(SeqtasksError):
    exit_code = 2


class InputError(SeqtasksError):
    exit_code = 3


class IntegrityError(SeqtasksError):
    exit_code = 4


class ResourceError(SeqtasksError):
    exit_code = 5


class DivergenceError(SeqtasksError):
    exit_code = 6


class BusyError(SeqtasksError):
    exit_code = 7


class Interrupted(SeqtasksError):
    def __init__(self, message: str, signal_number: int):
        super().__init__(message)
        self.exit_code = 128 + signal_number


def no_room(error: BaseException | None) -> str | None:
    """What the system said if an error comes of a full disk or a limit to files, whoever found it; None if not."""
    while error:
        for code in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            if getattr(error, "errno", None) == code or os.strerror(code) in str(error):
                return os.strerror(code)
        error = error.__cause__ or error.__context__
    return None


def unknown(kind: str, name: object, known: Iterable[str]) -> UsageError:
    """The error for a name that is not in a list: `unknown cell 'lsmt'; did you mean lstm? choose from gru, ...`."""
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    proposal = f"did you mean {near[0]}? " if near else ""
    return UsageError(f"unknown {kind} {name!r}; {proposal}choose from {', '.join(names)}")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps what C++ prints off standard error: TensorFlow on import, before its log level counts, and decoders."""
    with _STANDARD_ERROR:
        saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(sink)
