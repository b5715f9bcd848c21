"""What an export says of pictures. Knows its endpoints, no task and no pattern."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqtasks.errors import UsageError
from seqtasks.inference.generation import HOTTEST
from seqtasks.inference.predictor import Served

SHOWN = 448  # pixels of both sides of one that is drawn


@dataclass(frozen=True)
class Choice:
    """How sentences are found. Raises UsageError for what is no way."""

    beam: int | None = None  # ways that are followed at once; 1 is greedy, None is as the model was set
    sample: bool = False  # or chance chooses each word
    temperature: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.beam is not None and self.beam < 1:
            raise UsageError(f"beam is at least 1, not {self.beam}")
        if not 0 <= self.temperature <= HOTTEST:  # NaN is neither
            raise UsageError(f"temperature is from 0 (always the most probable) to {HOTTEST}, not {self.temperature}")


def tell(served: Served, contents: Sequence[bytes], choice: Choice) -> list[dict[str, Any]]:
    """Files' bytes -> [{"answer": ..., "score": ..., "alternatives": [...]}, ...], the second best from the second on.

    The score is log probability over ((5 + words) / 6) ** length_penalty. What was sampled has only an answer.
    """
    import tensorflow as tf

    check(served)
    told, width = list[dict[str, Any]](), _width(served, choice.beam)
    for start in range(0, len(contents), served.batch):
        batch = tf.constant(contents[start : start + served.batch], tf.string)
        if choice.sample:
            seeds = tf.range(choice.seed + start, choice.seed + start + len(batch), dtype=tf.int64)
            found = served.model.sample(batch, choice.temperature, 0, 1.0, seeds)["answer"].numpy()
            told += [{"answer": each.decode()} for each in found]
            continue
        ways = {name: tensor.numpy() for name, tensor in served.model.alternatives(batch, width).items()}
        for answers, scores in zip(ways["answers"], ways["scores"].tolist(), strict=True):
            first, *others = (
                {"answer": each.decode(), "score": score} for each, score in zip(answers, scores, strict=True)
            )
            told.append({**first, "alternatives": others})
    return told


def explain(
    served: Served, content: bytes, beam: int | None = None
) -> tuple[dict[str, Any], np.ndarray, list[str], np.ndarray]:
    """Answer, the picture as it is read, uint8 (H, W, 3), its words, and how much each region was looked at (T, R)."""
    import tensorflow as tf

    from seqtasks.codecs import image_files

    check(served)
    given = tf.constant([content]), _width(served, beam)
    found = {name: tensor.numpy()[0] for name, tensor in served.model.explain(*given).items()}
    picture = image_files.upright(tf.constant([content]), SHOWN)[0].numpy()[0]
    words = [each.decode() for each in found["words"] if each]
    answer = {"answer": found["answer"].decode(), "score": float(found["score"])}
    return answer, picture, words, found["weights"][: len(words)]


def _width(served: Served, beam: int | None) -> int:
    return int(served.manifest["settings"]["beam"] if beam is None else beam)


def check(served: Served) -> None:
    """Raises UsageError for an export that does not look at pictures."""
    if not hasattr(served.model, "alternatives"):
        task = served.manifest.get("task", "another task")
        raise UsageError(
            f'{served.folder} is of {task}, which does not look at pictures; use "seqtasks predict {task}"'
        )
