"""What it costs to keep weights in eight bits: how much is right before and after, row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from seqtasks.data import paths, prepare, progress, user
from seqtasks.data.prepare import Data
from seqtasks.export import convert, replay
from seqtasks.task import Folders, Notice
from seqtasks.training.model_folder import TrainedModel

MAX_ANSWERED = 500  # rows that are answered
MAX_GENERATED = 50  # rows for which tokens are generated, one by one


@dataclass(frozen=True)
class Loss:
    """Shares from 0 to 1: of answers that are right or, of generated texts, of next tokens."""

    data: str  # the data set and its split
    examples: int
    before: float
    after: float


def loss(trained: TrainedModel, export: Path, folders: Folders, notice: Notice) -> Loss:
    """What a LiteRT export gets right next to the trained model, on rows of its data that it did not learn from.

    Raises ResourceError where these can be neither found nor downloaded.
    """
    task, card = trained.task, trained.card
    data = prepare.read(task, user.restore(card.source) or card.dataset, folders, notice)
    name = split(data)
    endpoints = convert.in_tensorflow(trained)
    limit = MAX_ANSWERED if "serve" in endpoints else MAX_GENERATED
    examples = data.part(name)
    few = examples.take(np.arange(min(len(examples), limit)))
    rows = list(islice(task.pattern.portable_examples(task, few), limit))
    with paths.plain(export) as place:
        quantized = replay.in_litert(place)
    before = _right(endpoints, rows, "asking the trained model")
    return Loss(f"{data.name}, {name}", len(rows), before, _right(quantized, rows, "asking the one in eight bits"))


def split(data: Data) -> str:
    """The split that is measured on: the test only where there is no other that was not learned from."""
    return data.validation or ("validation" if "validation" in data.examples else "test")


def _right(endpoints: Mapping[str, replay.Endpoint], rows: Sequence[tuple[np.ndarray, np.ndarray]], what: str) -> float:
    """The share of wanted ids that were the most probable, each behind the true ones before it."""
    right: list[bool] = []
    for number, (row, wanted) in enumerate(rows):
        progress.tell(what, number, len(rows), "rows")
        if "serve" in endpoints:
            right += (endpoints["serve"](values=row)["probabilities"][0].argmax(-1) == wanted).ravel().tolist()
            continue
        given = endpoints["prefill"](values=row)
        for token in wanted:
            after = endpoints["step"](**given)
            right.append(int(after.pop("logits")[0].argmax()) == token)
            given |= {name.removeprefix("next_"): state for name, state in after.items()}
            given["token"] = np.array([token], np.int32)
    return float(np.mean(right))
