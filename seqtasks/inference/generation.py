"""Texts that an export writes, as they are written. Knows the export's endpoints, no task and no pattern."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seqtasks.errors import UsageError
from seqtasks.inference.predictor import Served, as_bytes

HOTTEST = 10  # temperature: all tokens are nearly as probable then
FIRST, CHUNK = 16, 128  # tokens written at a time: few at first, so that a reader sees them at once


@dataclass(frozen=True)
class Choice:
    """How tokens are chosen. Raises UsageError for what is no choice."""

    temperature: float = 1.0  # what logits are divided by; 0 for always the most probable token
    top_k: int = 0  # of so many of the most probable only; 0 for all
    top_p: float = 1.0  # of the fewest that are this probable together
    penalty: float = 1.0  # by which what was written already is made less probable; 1 for not at all

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= HOTTEST:  # NaN is neither
            raise UsageError(f"temperature is from 0 (always the most probable) to {HOTTEST}, not {self.temperature}")
        if self.top_k < 0:
            raise UsageError(f"top_k is at least 1, or 0 for all tokens, not {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top_p is above 0 and at most 1, not {self.top_p}")
        if not 0 < self.penalty < math.inf:
            raise UsageError(f"penalty is above 0, 1 for none, not {self.penalty}")


def stream(
    served: Served, prompts: Sequence[str | bytes], *, length: int, seeds: Sequence[int], choice: Choice, stop: str = ""
) -> Iterator[list[str]]:
    """Writes `length` tokens behind each prompt, a seed each: again and again what is new of every text.

    A text ends before the stop string. It depends on its prompt, seed and choice alone. Raises UsageError for an export
    that does not write and for a negative length, before anything is written.
    """
    check(served)
    if length < 0:
        raise UsageError(f"length is at least 0, not {length}")
    return _parts(served, prompts, length, seeds, choice, stop)


def _parts(
    served: Served, prompts: Sequence[str | bytes], length: int, seeds: Sequence[int], choice: Choice, stop: str
) -> Iterator[list[str]]:
    import tensorflow as tf

    states = served.model.begin(tf.constant([as_bytes(prompt) for prompt in prompts], tf.string))
    kind = (choice.temperature, choice.top_k, choice.top_p, choice.penalty, tf.constant(seeds, tf.int64))
    ends = [Stop(stop) for _ in prompts]
    count = FIRST
    while length > 0 and not all(end.reached for end in ends):
        count = min(count, length)
        text, states = served.model.go_on(states, count, *kind)
        length, count = length - count, CHUNK
        yield [end.before(each.decode()) for end, each in zip(ends, text.numpy(), strict=True)]
    if stop:
        yield [end.rest() for end in ends]


class Stop:
    """Lets a text pass, part by part, until a string stands in it."""

    def __init__(self, string: str) -> None:
        self.string, self.held, self.reached = string, "", False

    def before(self, text: str) -> str:
        """What of the next part is known to stand before the string."""
        if self.reached or not self.string:
            return "" if self.reached else text
        text = self.held + text
        place = text.find(self.string)
        self.reached = place >= 0
        begun = (size for size in range(len(self.string) - 1, -1, -1) if text.endswith(self.string[:size]))
        end = place if self.reached else len(text) - next(begun)
        self.held = "" if self.reached else text[end:]
        return text[:end]

    def rest(self) -> str:
        """What was held back, because the string might have begun there."""
        held, self.held = self.held, ""
        return held


def score(served: Served, parts: Iterable[bytes]) -> tuple[float, int]:
    """Nats that a text costs, and its characters; it may come in parts. Raises UsageError for what does not write."""
    import tensorflow as tf

    check(served)
    states, total, characters = served.model.start(1), 0.0, 0
    for part in parts:
        nats, states = served.model.score(tf.constant([part]), states)
        total, characters = total + float(nats[0]), characters + len(part.decode(errors="replace"))
    return total, characters


def strangers(served: Served, texts: Sequence[str | bytes]) -> list[str]:
    """Of each text what the model has never seen and reads as unknown, each piece once."""
    import tensorflow as tf

    check(served)
    found: Any = served.model.strangers(tf.constant([as_bytes(text) for text in texts], tf.string)).numpy()
    return ["".join(dict.fromkeys(each.decode())) for each in found]


def check(served: Served) -> None:
    """Raises UsageError for an export that answers but does not write."""
    if not hasattr(served.model, "go_on"):
        task = served.manifest.get("task", "another task")
        raise UsageError(f'{served.folder} is of {task}, which does not write; use "seqtasks predict {task}"')
