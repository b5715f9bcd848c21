"""SIGINT and SIGTERM, collected so that a step can be finished and saved."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def collected() -> Iterator[list[int]]:
    """Gives a list that a first signal is put in, instead of ending the process; a second one ends it."""
    caught: list[int] = []

    def catch(number: Any, frame: Any) -> None:
        caught.append(number)
        signal.signal(number, before[number])

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, catch) for number in numbers}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
