"""Plots of a training and of its answers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

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
from sklearn import metrics
from sklearn.calibration import CalibrationDisplay

STYLE = {"figure.dpi": 120, "text.parse_math": False}  # a $ in a name is a $
COLOURS = {"A": "tab:green", "C": "tab:blue", "G": "tab:orange", "T": "tab:red"}
SMOOTHED = 50  # steps
TIMELINE_CLASSES = 5  # that have a colour, those of the highest peaks
MAX_CURVES = 10  # classes in one plot


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
        if name in history:
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
def steps(table: pd.DataFrame, path: Path) -> None:
    """The loss of each step, its mean over SMOOTHED steps, and whatever else is known of a step, as PNG."""
    others = [name for name in ("learning_rate", "gradient_norm") if name in table]
    figure = Figure(figsize=(6, 3.2 + 1.2 * len(others)), layout="constrained")
    above, *below = np.atleast_1d(
        figure.subplots(1 + len(others), 1, sharex=True, height_ratios=[2.5, *[1] * len(others)])
    )
    places = np.arange(1, len(table) + 1)
    above.plot(places, table["loss"], linewidth=0.5, alpha=0.4, label="each step")
    smooth = table["loss"].rolling(SMOOTHED, min_periods=1).mean()
    above.plot(places, smooth, label=f"mean of {SMOOTHED} steps")
    above.set_ylabel("loss (nats)")
    above.legend()
    for axes, name in zip(below, others, strict=True):
        axes.plot(places, table[name], linewidth=0.8)
        axes.set_ylabel(name.replace("_", " "), fontsize="small")
        axes.set_ylim(bottom=0)
    for axes in figure.axes:
        axes.grid(alpha=0.3)
    figure.axes[-1].set_xlabel("step")
    figure.savefig(path, format="png")


@_style()
def roc(targets: np.ndarray, probabilities: np.ndarray, names: Sequence[str], path: Path) -> None:
    """Class ids (N,), probabilities (N, C) -> the true against the false positives, a curve a class, as PNG."""
    axes = "false positives (share)", "true positives (share)"
    _curves_of_classes(metrics.RocCurveDisplay, axes, targets, probabilities, names, path)


@_style()
def precision_recall(targets: np.ndarray, probabilities: np.ndarray, names: Sequence[str], path: Path) -> None:
    """Class ids (N,), probabilities (N, C) -> precision against recall, a curve a class, as PNG."""
    axes = "recall", "precision"
    _curves_of_classes(metrics.PrecisionRecallDisplay, axes, targets, probabilities, names, path)


def _curves_of_classes(
    display: Any,
    labels: tuple[str, str],
    targets: np.ndarray,
    probabilities: np.ndarray,
    names: Sequence[str],
    path: Path,
) -> None:
    """Of two classes the second, of several the first MAX_CURVES, each against the rest, where both have examples."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    for each in [1] if len(names) == 2 else range(min(len(names), MAX_CURVES)):
        if 0 < (targets == each).sum() < len(targets):
            display.from_predictions(targets == each, probabilities[:, each], name=names[each], ax=axes)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.grid(alpha=0.3)
    figure.savefig(path, format="png")


@_style()
def calibration(confidences: np.ndarray, right: np.ndarray, bins: int, path: Path) -> None:
    """Probabilities of answers (N,), whether they are right -> the share of right ones in bins of it, as PNG."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    CalibrationDisplay.from_predictions(right, confidences, n_bins=bins, name="answers", ax=above)
    above.set_xlabel("")
    above.set_ylabel("share of right answers")
    below.hist(confidences, bins=np.linspace(0, 1, bins + 1).tolist())
    below.set_xlabel("probability of the answer")
    below.set_ylabel("answers")
    for axes in figure.axes:
        axes.grid(alpha=0.3)
    figure.savefig(path, format="png")


@_style()
def lengths(values: np.ndarray, right: np.ndarray, path: Path) -> None:
    """How many inputs of which length, steps (N,), were answered rightly and wrongly, as PNG."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    edges = np.histogram_bin_edges(values, bins=min(30, int(np.ptp(values)) + 1)).tolist()
    axes.hist([values[right], values[~right]], bins=edges, stacked=True, label=["right", "wrong"])
    axes.set_xlabel("length (steps)")
    axes.set_ylabel("examples")
    axes.legend()
    axes.grid(alpha=0.3)
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
def alignment(pieces: Sequence[str], words: Sequence[str], weights: np.ndarray, path: Path) -> None:
    """How much of each piece of a source was attended to for each word: weights (T, S), as PNG."""
    figure = Figure(figsize=(2.2 + 0.32 * max(len(pieces), 4), 1.8 + 0.3 * max(len(words), 3)), layout="constrained")
    axes = figure.add_subplot()
    shown = weights if weights.size else np.zeros((1, 1))
    image = axes.imshow(shown, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    axes.set_xticks(range(len(pieces)), list(pieces), rotation=60, ha="left", rotation_mode="anchor")
    axes.set_yticks(range(len(words)), list(words))
    axes.xaxis.tick_top()
    axes.set_xlabel("source")
    axes.set_ylabel("answer")
    figure.colorbar(image, label="attention", shrink=0.8)
    with warnings.catch_warnings():  # scripts that the font lacks are boxes
        warnings.filterwarnings("ignore", "Glyph")
        figure.savefig(path, format="png")


@_style()
def timeline(probabilities: np.ndarray, names: Sequence[str], path: Path) -> None:
    """The probabilities (T, C) of the classes after each moment, the highest by name, as PNG."""
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.add_subplot()
    moments = np.arange(1, len(probabilities) + 1)
    ranked = np.argsort(-probabilities.max(axis=0), kind="stable")
    for place, each in enumerate(ranked):
        named = place < TIMELINE_CLASSES
        style = {"label": names[each], "linewidth": 2} if named else {"color": "lightgrey", "linewidth": 0.8}
        axes.plot(moments, probabilities[:, each], marker="." if named else None, **style)
    axes.set_ylim(0, 1)
    axes.set_xlabel("moment")
    axes.set_ylabel("probability")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    axes.grid(alpha=0.3)
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
