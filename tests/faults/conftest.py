"""Commands that are made to fail, and the table of how many were survived.

Each command runs in a process of its own, forked from one that has imported TensorFlow already, to save its seconds.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import resource
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.samples import make_smaller

TRIED: dict[str, list[tuple[str, bool]]] = defaultdict(list)  # what was tried -> (where, survived)
COSTS: dict[str, list[str]] = defaultdict(list)  # what was measured -> what was found


def survived(what: str, where: str, fine: bool) -> bool:
    """Notes an attempt for the table at the end; gives `fine` back."""
    TRIED[what].append((where, fine))
    return fine


def noted(what: str, found: str, fine: bool) -> bool:
    """Notes what something cost, which the table shows whole; gives `fine` back."""
    COSTS[what].append(f"{found}{'' if fine else '  TOO MUCH'}")
    return fine


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of several hands its part of the tables to the process that prints them."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tables"] = (dict(TRIED), dict(COSTS))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes a worker's part."""
    for mine, theirs in zip((TRIED, COSTS), getattr(node, "workeroutput", {}).get("tables", ({}, {})), strict=True):
        for what, rows in theirs.items():
            mine[what].extend(rows)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, found in COSTS.items():
        terminalreporter.section(what)
        for each in found:
            terminalreporter.line(each)
    if not TRIED:
        return
    terminalreporter.section("faults survived")
    for what, attempts in TRIED.items():
        places = len({where for where, _ in attempts})
        good = sum(fine for _, fine in attempts)
        terminalreporter.line(f"{what}: {good} of {len(attempts)} at {places} places")
        for where, fine in attempts:
            if not fine:
                terminalreporter.line(f"    not survived: {where}")


def _child(arguments: list[str], environment: dict[str, str], output: str) -> None:
    with Path(output).open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(environment)
    if "LARGEST_FILE" in environment:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(environment["LARGEST_FILE"]),) * 2)
    if "EVERY" in environment:
        _save_every(int(environment["EVERY"]))
    if "POINTS" in environment:
        _note_points(Path(environment["POINTS"]))
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - the process ends with it
    from seqtasks.cli import main

    make_smaller()
    main(arguments)


def _save_every(steps: int) -> None:
    """Checkpoints by the number of steps, not by the clock: the same fault points on a fast and on a slow machine."""
    from seqtasks.training.checkpoints import Saver

    due = itertools.count(1)
    Saver.save_when_due = lambda saver: saver.save() if next(due) % steps == 0 else None  # type: ignore[method-assign]


def _note_points(path: Path) -> None:
    """Writes the name of every fault point that is passed, a line each."""
    from seqtasks import files

    def noting(point: str) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{point}\n")

    files.fault = noting


class Command:
    """A command of the command line in its own process."""

    def __init__(self, arguments: list[str], folder: Path, **environment: str) -> None:
        self.output = folder / f"output-{len(list(folder.glob('output-*')))}"
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(
            ["tensorflow", "keras", "seqtasks.training.evaluate", "seqtasks.export.savedmodel"]
        )
        self.process = context.Process(target=_child, args=(arguments, environment, str(self.output)))
        self.process.start()

    def wait(self, seconds: float = 300) -> int:
        """The exit code; negative for the signal that ended it."""
        self.process.join(seconds)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode

    @property
    def printed(self) -> str:
        return self.output.read_text() if self.output.exists() else ""


def run(arguments: list[str], folder: Path, **environment: str) -> tuple[int, str]:
    command = Command(arguments, folder, **environment)
    return command.wait(), command.printed
