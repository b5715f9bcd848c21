"""What it costs to keep weights in eight bits: how much is right before and after, asked row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from seqtasks import codecs
from seqtasks.data import prepare, user
from seqtasks.data.prepare import Data
from seqtasks.export import convert, replay
from seqtasks.task import Folders
from seqtasks.training.model_folder import Trained

EXAMPLES = 500  # that are asked, at most
WRITING = 50  # of what writes, at most
READ, WRITTEN = 100, 100  # tokens of a text that are read first, and then guessed one by one


@dataclass(frozen=True)
class Loss:
    """Shares from 0 to 1: of answers that are right or, of what writes, of next tokens."""

    data: str  # the data set and its split
    examples: int
    before: float
    after: float


def loss(trained: Trained, export: Path, folders: Folders, notice: Callable[[str], None]) -> Loss:
    """What a LiteRT export gets right beside the trained model, on rows of the data that it was trained on (`split`).

    Raises ResourceError where these can be neither found nor downloaded.
    """
    task, card = trained.task, trained.card
    data = prepare.read(task, user.restore(card.source) or card.dataset, folders, notice)
    name = split(data)
    asked = list(_asked(trained, data, name))
    before, after = _right(convert.in_tensorflow(trained), asked), _right(replay.in_litert(export), asked)
    return Loss(f"{data.name}, {name}", len(asked), before, after)


def split(data: Data) -> str:
    """The split whose rows are asked: of the test only where there is no other that was not learned from."""
    return data.judge or ("validation" if "validation" in data.examples else "test")


def _asked(trained: Trained, data: Data, split: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows as the codec gives them, (1, ...), and the ids that are wanted: one class, or tokens."""
    task, examples = trained.task, data.part(split)
    if task.streams:
        text = bytes(examples.inputs[0])[: 8 * WRITING * (READ + WRITTEN)]
        ids = codecs.rows(task.inputs, [text])[0][:, : WRITING * (READ + WRITTEN)]
        window = min(READ + WRITTEN, ids.shape[1])
        middle = window * READ // (READ + WRITTEN)
        for start in range(0, ids.shape[1] - window + 1, window):
            yield ids[:, start : start + middle], ids[0, start + middle : start + window]
        return
    few = examples.take(np.arange(min(len(examples), WRITING if task.tells else EXAMPLES)))
    targets = task.targets.encode(tf.constant(few.targets[:])).numpy()
    for row, target in zip(codecs.rows(task.inputs, few.inputs[:]), targets, strict=True):
        if task.tells:
            target = target[0][: np.argmax(target[0] == task.targets.end) + 1]
        yield row, np.atleast_1d(target)


def _right(endpoints: dict[str, replay.Endpoint], asked: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """The share of wanted ids that were the most probable, each asked for behind the true ones before it."""
    right: list[bool] = []
    for row, wanted in asked:
        if "serve" in endpoints:
            right.append(int(endpoints["serve"](values=row)["probabilities"][0].argmax()) == wanted[0])
            continue
        given = endpoints["begin"](values=row)
        for token in wanted:
            after = endpoints["step"](**given)
            right.append(int(after.pop("logits")[0].argmax()) == token)
            given |= {name.removeprefix("next_"): each for name, each in after.items()}
            given["token"] = np.array([token], np.int32)
    return float(np.mean(right))
