"""Texts that an export generates: from a prompt, as they are generated, or of a file. Knows the export's endpoints."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqtasks.errors import UsageError
from seqtasks.inference.manifest import Manifest
from seqtasks.inference.predictor import Predictor, as_bytes, plain

MAX_TEMPERATURE = 10  # all tokens are nearly as probable then
FIRST, CHUNK = 16, 128  # tokens generated at a time: few at first, so that a reader sees them at once


@dataclass(frozen=True)
class SamplingOptions:
    """How tokens are sampled. Raises UsageError for values that mean nothing."""

    temperature: float = 1.0  # what logits are divided by; 0 for always the most probable token
    top_k: int = 0  # sample from so many of the most probable; 0 for all
    top_p: float = 1.0  # sample from the fewest that are this probable together
    repetition_penalty: float = 1.0  # what the logits of generated tokens are lowered by; 1 for not at all

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= MAX_TEMPERATURE:  # NaN is neither
            raise UsageError(
                f"temperature is from 0 (always the most probable) to {MAX_TEMPERATURE}, not {self.temperature}"
            )
        if self.top_k < 0:
            raise UsageError(f"top_k is at least 1, or 0 for all tokens, not {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top_p is above 0 and at most 1, not {self.top_p}")
        if not 0 < self.repetition_penalty < math.inf:
            raise UsageError(f"repetition_penalty is above 0, 1 for none, not {self.repetition_penalty}")


@dataclass(frozen=True)
class BeamOptions:
    """How the most probable text is searched for. Raises UsageError for values that mean nothing."""

    num_beams: int | None = None  # 1 is greedy, None is as the model was set

    def __post_init__(self) -> None:
        if self.num_beams is not None and self.num_beams < 1:
            raise UsageError(f"num_beams is at least 1, not {self.num_beams}")

    def width(self, predictor: Predictor) -> int:
        """The number of beams for a model."""
        return int(predictor.manifest.settings["num_beams"] if self.num_beams is None else self.num_beams)


def generate(
    predictor: Predictor, values: Sequence[bytes], options: BeamOptions | SamplingOptions, *, seed: int = 0
) -> list[dict[str, Any]]:
    """A text for each value: {"answer": ..., "score": ..., "alternatives": [...]}, the second best from the second on.

    The score is log probability over ((5 + words) / 6) ** length_penalty. A sampled text has no score; the one of value
    i has the seed `seed` + i. What else the endpoint says of a value stands beside. Raises UsageError for an export
    that lacks the endpoint, and for more beams than it has tokens.
    """
    sampling = isinstance(options, SamplingOptions)
    require(predictor.manifest, predictor.folder, "sample" if sampling else "beam_search")
    size = predictor.manifest.batch_size
    answers: list[dict[str, Any]] = []
    for start in range(0, len(values), size):
        batch = values[start : start + size]
        if isinstance(options, SamplingOptions):
            answers += _sampled(predictor, batch, options, seed + start)
        else:
            answers += _searched(predictor, batch, options)
    return answers


def _searched(predictor: Predictor, values: Sequence[bytes], options: BeamOptions) -> list[dict[str, Any]]:
    import tensorflow as tf

    width = options.width(predictor)
    with searching(width):
        beams = arrays(predictor.model.beam_search(tf.constant(values, tf.string), width))
    answers, scores = beams.pop("answers"), beams.pop("scores").tolist()
    found = list[dict[str, Any]]()
    for row, pair in enumerate(zip(answers, scores, strict=True)):
        first, *others = ({"answer": text.decode(), "score": score} for text, score in zip(*pair, strict=True))
        found.append({**first, **_beside(beams, row), "alternatives": others})
    return found


def _sampled(
    predictor: Predictor, values: Sequence[bytes], options: SamplingOptions, seed: int
) -> list[dict[str, Any]]:
    import tensorflow as tf

    seeds = tf.range(seed, seed + len(values), dtype=tf.int64)
    numbers = (options.temperature, options.top_k, options.top_p)
    found = arrays(predictor.model.sample(tf.constant(values, tf.string), *numbers, seeds))
    texts = found.pop("answer")
    return [{"answer": text.decode(), **_beside(found, row)} for row, text in enumerate(texts)]


def arrays(outputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """An endpoint's outputs by name."""
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def _beside(outputs: Mapping[str, np.ndarray], row: int) -> dict[str, Any]:
    """What else an endpoint says of a row."""
    return {name: plain(values[row]) for name, values in outputs.items()}


@contextlib.contextmanager
def searching(num_beams: int) -> Iterator[None]:
    """Raises UsageError where an export's search within it refuses so many beams: it has fewer tokens."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        if "num_beams" not in str(error):
            raise
        raise UsageError(f"num_beams is {num_beams:,}, more than the model has tokens; give fewer") from error


def stream(
    predictor: Predictor,
    prompts: Sequence[str | bytes],
    *,
    max_new_tokens: int,
    seeds: Sequence[int],
    options: SamplingOptions,
    stop: str = "",
) -> Iterator[list[str]]:
    """Generates so many tokens after each prompt, a seed each: again and again what is new of every text.

    A text ends before the stop string. It depends on its prompt, seed and options alone. Raises UsageError, before
    anything is generated, for an export that does not go on with a text and for a negative number of tokens.
    """
    require(predictor.manifest, predictor.folder, "decode")
    if max_new_tokens < 0:
        raise UsageError(f"max_new_tokens is at least 0, not {max_new_tokens}")
    return _parts(predictor, prompts, max_new_tokens, seeds, options, stop)


def _parts(
    predictor: Predictor,
    prompts: Sequence[str | bytes],
    remaining: int,
    seeds: Sequence[int],
    options: SamplingOptions,
    stop: str,
) -> Iterator[list[str]]:
    import tensorflow as tf

    states = predictor.model.prefill(tf.constant([as_bytes(prompt) for prompt in prompts], tf.string))
    numbers = (options.temperature, options.top_k, options.top_p, options.repetition_penalty)
    ends = [Stop(stop) for _ in prompts]
    count = FIRST
    while remaining > 0 and not all(end.reached for end in ends):
        count = min(count, remaining)
        texts, states = predictor.model.decode(states, count, *numbers, tf.constant(seeds, tf.int64))
        remaining, count = remaining - count, CHUNK
        yield [end.before(text.decode()) for end, text in zip(ends, texts.numpy(), strict=True)]
    if stop:
        yield [end.rest() for end in ends]


class Stop:
    """Lets a text pass, part by part, until a string occurs in it."""

    def __init__(self, string: str) -> None:
        self.string, self.held, self.reached = string, "", False

    def before(self, text: str) -> str:
        """The part of the next text that is known to precede the string."""
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
        """The text held back because the string might have begun in it."""
        held, self.held = self.held, ""
        return held


def score(predictor: Predictor, parts: Iterable[bytes]) -> tuple[float, int]:
    """Nats of a text, which may come in parts, and its characters; raises UsageError for what does not generate."""
    import tensorflow as tf

    require(predictor.manifest, predictor.folder, "decode")
    states, total, characters = predictor.model.initial_state(1), 0.0, 0
    for part in parts:
        nats, states = predictor.model.score(tf.constant([part]), states)
        total, characters = total + float(nats[0]), characters + len(part.decode(errors="replace"))
    return total, characters


def unknown_tokens(predictor: Predictor, texts: Sequence[str | bytes]) -> list[str]:
    """The tokens of each text that the model has never seen, each once."""
    import tensorflow as tf

    require(predictor.manifest, predictor.folder, "unknown_tokens")
    found: Any = predictor.model.unknown_tokens(tf.constant([as_bytes(text) for text in texts], tf.string)).numpy()
    return ["".join(dict.fromkeys(each.decode())) for each in found]


def require(manifest: Manifest, folder: Path, endpoint: str) -> None:
    """Raises UsageError, which names what else to use, for an export that lacks an endpoint."""
    if endpoint in manifest.endpoints:
        return
    of = f"{folder} is of {manifest.task}"
    if endpoint in ("decode", "unknown_tokens"):
        raise UsageError(f'{of}, which does not go on with a text; use "seqtasks predict {manifest.task}"')
    raise UsageError(f"{of}, which has no {endpoint}; it has {', '.join(manifest.endpoints)}")
