"""Pictures of a training and of its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

mpl.rcParams["figure.dpi"] = 120


def curves(history: pd.DataFrame, name: str, path: Path) -> None:
    """A measure over the epochs, in training and validation, as PNG."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    if len(history):
        axes.plot(history["epoch"], history[name], marker="o", label="training")
        if f"val_{name}" in history:
            axes.plot(history["epoch"], history[f"val_{name}"], marker="o", label="validation")
        axes.legend()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"{name} (nats)" if name == "loss" else name)
    axes.grid(alpha=0.3)
    figure.savefig(path, format="png")


def comparison(histories: Mapping[str, pd.DataFrame], name: str, path: Path) -> None:
    """A validation measure over the epochs, a curve for each, as PNG."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for label, history in histories.items():
        axes.plot(history["epoch"], history[f"val_{name}"], marker="o", label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"validation {name}")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, format="png")


def confusion(matrix: Sequence[Sequence[int]], names: Sequence[str], path: Path) -> None:
    """How often each class (rows) was answered by each class (columns), as PNG; cells show rows and share."""
    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.5 + 0.9 * len(names)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share > 0.5 else "black"
        text = f"{counts[row, column]:,}\n{share:.1%}"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    figure.colorbar(image, label="share of the row", shrink=0.8)
    figure.savefig(path, format="png")
