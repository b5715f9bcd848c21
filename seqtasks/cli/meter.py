"""How far a long work is: a bar with the time left on a terminal, elsewhere a line now and then. On standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from seqtasks.cli import options
from seqtasks.data import progress
from seqtasks.data.progress import Listener, Step

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@contextmanager
def shown(*, beside_answers: bool = False) -> Iterator[None]:
    """Within it, what long works tell is shown; nothing is printed to a terminal meanwhile.

    Where answers are printed beside it no bar is drawn on the terminal that they are printed to.
    """
    console = options.console(stderr=True)
    if options.is_quiet() or (beside_answers and sys.stdout.isatty()):
        yield
        return
    if not console.is_terminal:
        with progress.listening(progress.lines(options.say)):
            yield
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = [
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"), TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"), TimeRemainingColumn(),
    ]  # fmt: skip
    with (
        Progress(*columns, console=console, transient=True, redirect_stdout=False) as bars,
        progress.listening(_drawn(bars)),
    ):
        yield


def _drawn(bars: Progress) -> Listener:
    """Draws one bar, of what is done now."""
    drawn: dict[str, TaskID] = {}

    def listen(step: Step) -> None:
        shown: dict[str, Any] = {"total": step.total, "amount": step.amount(), "left": "left" if step.total else ""}
        if step.what not in drawn:
            for bar in drawn.values():
                bars.update(bar, visible=False)
            drawn[step.what] = bars.add_task(step.what, **shown)
        bars.update(drawn[step.what], completed=step.done, **shown)

    return listen
