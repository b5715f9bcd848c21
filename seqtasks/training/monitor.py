"""By what an epoch is better than another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtasks.patterns import Objective


def better(row: Mapping[str, float], other: Mapping[str, float], settings: Mapping[str, Any], of: Objective) -> bool:
    """Whether an epoch's row is better than another's; of equals the one with the lower loss on validation is."""
    return worth(row, settings["monitor"], of) > worth(other, settings["monitor"], of)


def worth(row: Mapping[str, float], name: str, objective: Objective) -> tuple[float, float]:
    """An epoch's row by the figure of that name on validation: of two the greater is better."""
    if name == "loss":
        return -row["val_loss"], 0.0
    value, metric = row[f"val_{name}"], objective.metrics.get(name)
    return value if metric is None or metric.higher_is_better else -value, -row["val_loss"]
