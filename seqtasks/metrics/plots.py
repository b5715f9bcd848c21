"""Plots of a training and of its answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.textpath import TextPath
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Affine2D

STYLE = {"figure.dpi": 120, "text.parse_math": False}  # a $ in a name is a $
COLOURS = {"A": "tab:green", "C": "tab:blue", "G": "tab:orange", "T": "tab:red"}


@contextmanager
def _style() -> Iterator[None]:
    """What is drawn within is drawn alike for everyone, whatever a person's matplotlibrc says."""
    with mpl.style.context(["default", STYLE]):
        yield


@_style()
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


@_style()
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


@_style()
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


@_style()
def attention(picture: np.ndarray, words: Sequence[str], weights: np.ndarray, path: Path) -> None:
    """The picture, uint8 (H, W, 3), once for each word, brighter where it was attended to: weights (T, R), as PNG."""
    columns = min(len(words) + 1, 5)
    rows = -(-(len(words) + 1) // columns)
    side = round(weights.shape[1] ** 0.5)
    figure = Figure(figsize=(2.4 * columns, 2.7 * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).flat
    extent = (0, picture.shape[1], picture.shape[0], 0)
    for place, word, attended in zip(places, ["", *words], [None, *weights], strict=False):
        place.imshow(picture, extent=extent)
        place.set_title(word)
        if attended is not None:
            grid = attended.reshape(side, side)
            shade = 0.75 * (1 - grid / grid.max())
            place.imshow(np.zeros_like(grid), cmap="gray", alpha=shade, extent=extent, interpolation="bilinear")
    for place in figure.axes:
        place.axis("off")
    figure.savefig(path, format="png")


@_style()
def logo(sequence: str, letters: str, effects: np.ndarray, path: Path) -> None:
    """A sequence's letters as high as the mean effect of replacing them, above the effect of each replacement; as PNG.

    Effects (T, letters) are of each letter in each place, in nats; those of the sequence's own letter are 0.
    """
    heights = effects.sum(axis=1) / (len(letters) - 1)
    figure = Figure(figsize=(max(4, 0.16 * len(sequence) + 1.5), 3.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    for place, (letter, height) in enumerate(zip(sequence, heights, strict=True)):
        glyph = TextPath((0, 0), letter, size=1, prop=FontProperties(family="DejaVu Sans", weight="bold"))
        box = glyph.get_extents()
        size = Affine2D().translate(-box.x0, -box.y0).scale(0.9 / box.width, height / box.height)
        colour = COLOURS.get(letter, "grey")
        above.add_patch(PathPatch(size.translate(place - 0.45, 0).transform_path(glyph), color=colour, linewidth=0))
    above.set_ylim(min(0, heights.min()) * 1.1 - 1e-3, max(0, heights.max()) * 1.1 + 1e-3)
    above.axhline(0, color="black", linewidth=0.5)
    above.set_ylabel("lost without it (nats)")
    most = max(float(np.abs(effects).max()), 1e-3)
    image = below.imshow(effects.T, aspect="auto", cmap="RdBu_r", vmin=-most, vmax=most)
    below.set_yticks(range(len(letters)), list(letters))
    below.set_xlim(-0.5, len(sequence) - 0.5)
    below.set_xlabel("place")
    below.set_ylabel("in its place")
    figure.colorbar(image, ax=below, label="lost")
    figure.savefig(path, format="png")
