"""The command line: one file a verb, and the one place where errors become a line and an exit code."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import traceback
from collections.abc import Iterator
from typing import Any, TextIO

import click

from seqtasks.cli import (
    bench,
    compare,
    doctor,
    download,
    environment,
    evaluate,
    export,
    generate,
    info,
    listing,
    predict,
    scan,
    score,
    settings,
    train,
)
from seqtasks.errors import SeqtasksError, no_room, unknown

WHERE = '"seqtasks --debug VERB ..." shows where'
PIPE = 141  # 128 and the number of SIGPIPE
ROOM = "make room on the disk or choose another --model folder"

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 80, "auto_envvar_prefix": "SEQTASKS"}


class Verbs(click.Group):
    """Verbs in the order of a model's life; the error for an unknown one proposes the nearest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not ctx.resilient_parsing:
            raise unknown("verb", args[0], self.commands)
        return super().resolve_command(ctx, args)

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        with _pipe():
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _pipe():
            return super().invoke(ctx)


@contextlib.contextmanager
def _pipe() -> Iterator[None]:
    """Ends the process with 141 where whoever reads has enough, before click ends it with 1."""
    try:
        yield
    except BrokenPipeError:
        sys.exit(PIPE)


@click.group(cls=Verbs, context_settings=CONTEXT)
@click.option("--debug", is_flag=True, help="Show where an error came from.")
@click.option("-q", "--quiet", is_flag=True, help="No notices and no progress, only answers and errors.")
@click.option("-v", "--verbose", is_flag=True, help="TensorFlow's own log as well.")
@click.option("--device", help="cpu, gpu or gpu:N.  [default: a GPU where there is one]")
@click.version_option(package_name="seqtasks")
def group(debug: bool, quiet: bool, verbose: bool, device: str | None) -> None:
    """Train recurrent networks on sequences and take them away as self-contained SavedModels.

    Any option may be given as an environment variable: SEQTASKS_TRAIN_UNITS=32 is train --units 32.
    """
    if verbose:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"


VERBS = (
    listing, info, settings, doctor, download, train, evaluate, compare, export, predict, generate, score, scan, bench,
)  # fmt: skip
for module in VERBS:
    group.add_command(module.command)


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and ends the process with the exit code of what happened."""
    environment.prepare(restart=arguments is None)
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        group.main(arguments, prog_name="seqtasks", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        lost = _lost(sys.stdout)
        code, message = _unwritten(lost) if lost and isinstance(error, OSError) else _outcome(error)
        with contextlib.suppress(OSError):  # the exit code says it to whoever has no standard error
            if "--debug" in arguments and not isinstance(error, click.exceptions.Exit):
                traceback.print_exc()
            if message:
                message = message.replace("\r", "\\r").replace("\n", "\\n")  # as in names of files
                click.echo(f"seqtasks: error: {message}", err=True)
        _lost(sys.stderr)
        sys.exit(code)
    sys.exit(0)


def _lost(stream: TextIO) -> OSError | None:
    """What keeps a stream from being written; it is closed then, so that Python's own last flush is quiet."""
    try:
        stream.flush()
        os.write(stream.fileno(), b"")
    except io.UnsupportedOperation:  # no stream of the system's
        return None
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error
    return None


def _unwritten(error: OSError) -> tuple[int, str | None]:
    """The exit code and the line for a standard output that cannot be written."""
    if isinstance(error, BrokenPipeError):  # whoever reads has enough
        return PIPE, None
    return 5, f"standard output cannot be written ({error.strerror}); send it to a terminal, a file or a program"


def _outcome(error: BaseException) -> tuple[int, str | None]:
    """The exit code and the line that an exception means."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code, None
        case SystemExit() if isinstance(error.__context__, BrokenPipeError):  # rich's way to end on it
            return PIPE, None
        case SystemExit():
            return error.code if isinstance(error.code, int) else 0, None
        case click.exceptions.Abort() | KeyboardInterrupt():
            return 130, "interrupted"
        case click.ClickException():
            return 2, " ".join(error.format_message().split())
        case SeqtasksError():
            return error.exit_code, str(error)
        case BrokenPipeError():
            return PIPE, None
        case MemoryError():
            return 5, "out of memory; make --set batch_size smaller"
        case OSError() if error.errno:
            return _system(error)
        case Exception() if full := no_room(error):  # which TensorFlow and HDF5 have errors of their own for
            return 5, f"{full}; {ROOM}"
        case OSError():
            return _system(error)
        case Exception() if type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's
            return 5, f"out of memory ({_short(error)}); make --set batch_size smaller"
        case _:
            return 1, f"{type(error).__name__}: {_short(error)}; this is a bug of seqtasks; {WHERE}"


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def _system(error: OSError) -> tuple[int, str]:
    """Exit code and message for what the operating system refused."""
    name = f"{error.filename}: " if error.filename else ""
    remedies = {
        errno.ENOSPC: ROOM,
        errno.EFBIG: ROOM,
        errno.EDQUOT: ROOM,
        errno.EACCES: "change its permissions or choose another",
        errno.EROFS: "choose a folder that can be written",
        errno.EBADF: "a standard stream is closed; leave it open, or give a file",
        errno.ENAMETOOLONG: "choose a shorter name",
        errno.ELOOP: "it is a link that leads back to itself; choose another",
        errno.EIO: "the disk failed; nothing that was there before is damaged, run the command again",
    }
    remedy = remedies.get(error.errno or 0, WHERE)
    return 5, f"{name}{' '.join(str(error.strerror or error).split())}; {remedy}"
