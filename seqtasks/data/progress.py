"""How far a long work is: whoever does it tells, whoever shows it listens. Nobody has to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

EVERY = 15.0  # seconds between two lines of a log
BYTES = "bytes"  # the unit that is shown in millions


@dataclass(frozen=True)
class Step:
    what: str
    done: float = 0
    total: float | None = None  # where it is known
    unit: str = ""
    at_once: bool = False  # whether a log says it now: nothing more is told until it is done

    def amount(self) -> str:
        """12 of 80 MB, as far as there is something to count."""
        if not self.unit:
            return ""
        scale, unit = (1e6, "MB") if self.unit == BYTES else (1, self.unit)
        of = f" of {self.total / scale:,.0f}" if self.total else ""
        return f"{self.done / scale:,.0f}{of} {unit}"


Listener = Callable[[Step], None]
_listener: ContextVar[Listener] = ContextVar("listener", default=lambda step: None)


def tell(what: str, done: float = 0, total: float | None = None, unit: str = "", *, at_once: bool = False) -> None:
    """For whoever listens, if anybody does."""
    _listener.get()(Step(what, done, total, unit, at_once))


def listener() -> Listener:
    """Who listens now, for a thread, which would not find it."""
    return _listener.get()


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Within it, this listener is told of every step."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def lines(say: Callable[[str], None], now: Callable[[], float] = time.monotonic) -> Listener:
    """A listener that says a line now and then, with the time left: none of what takes less than that."""
    began: dict[str, float] = {}  # by what is done
    said: dict[str, float] = {}

    def listen(step: Step) -> None:
        at = now()
        start, last = began.setdefault(step.what, at), said.setdefault(step.what, at)
        if step.at_once:
            say(step.what)
        elif at - last >= EVERY:
            said[step.what] = at
            say(_line(step, at - start))

    return listen


def _line(step: Step, seconds: float) -> str:
    parts = [part for part in (step.amount(),) if part]
    if step.total and step.done:
        parts += [f"{step.done / step.total:.0%}", f"about {_time(seconds * (step.total / step.done - 1))} left"]
    else:
        parts.append(_time(seconds))
    return f"{step.what}: {', '.join(parts)}"


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
