"""Tables of numbers -> their cells and columns, in plain Python: what read_frames.py and read_features.py share."""

import math
import re

import numpy as np

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
MAX_NUMBER = 1e30  # beyond it, of either sign, a cell is no number
BYTES_PER_NUMBER = 32  # that are read for each, at most
MAX_STANDARDISED = 1e3


def cells(value: bytes, most: int) -> list[list[str]]:
    """The cells of a table's lines, of its first bytes."""
    text = re.sub('[\0\ufeff"]', "", value[:most].decode(errors="replace"))
    if re.search("[;\t]", text):
        text = text.replace(",", ".")
    lines = [re.sub("^[ \t-\r]+|[ \t-\r]+$", "", line) for line in re.sub("\r\n?", "\n", text).split("\n")]
    lines = [re.sub(" *[,;\t] *", "\t", line) for line in lines if line and not line.startswith("#")]
    return [(line if "\t" in line else re.sub("[ \t\n\f\r]+", "\t", line)).split("\t") for line in lines]


def number(cell: str) -> float:
    """The number in a cell; NaN for what is none."""
    found = float(cell) if NUMBER.fullmatch(cell) else math.nan
    return found if abs(found) < MAX_NUMBER else math.nan


def has_header(lines: list[list[str]]) -> bool:
    return bool(lines) and not any(NUMBER.fullmatch(cell) for cell in lines[0])


def of_width(lines: list[list[str]], width: int) -> np.ndarray:
    """Numbers, float32 (lines, width); a line of another number of cells is NaN."""
    rows = [[number(cell) for cell in line] if len(line) == width else [math.nan] * width for line in lines]
    return np.array(rows, np.float64).astype(np.float32).reshape(-1, width)


def by_name(value: bytes, names: list[str], most: int) -> np.ndarray:
    """A table's first lines, its columns of these names, or of a table without a header all, float32 (lines, width)."""
    lines = cells(value, (most + 1) * (len(names) + 4) * BYTES_PER_NUMBER)
    if not has_header(lines):
        return of_width(lines[:most], len(names))
    header = lines[0]
    table = of_width(lines[1 : most + 1], len(header))
    missing = np.full(len(table), np.nan, np.float32)
    return np.stack([table[:, header.index(name)] if name in header else missing for name in names], axis=1)


def filled(table: np.ndarray) -> np.ndarray:
    """Where a number is missing, the line between those before and behind it in its column."""
    table = table.copy()
    places = np.arange(len(table))
    for column in table.T:
        known = np.isfinite(column)
        if known.any():
            column[~known] = np.interp(places[~known], places[known], column[known])
    return table


def standardised(table: np.ndarray, codec: dict) -> np.ndarray:
    """By the mean and deviation of the training, 0 where a number is missing."""
    mean, deviation = (np.array(codec[name], np.float32) for name in ("mean", "deviation"))
    found = np.nan_to_num((table - mean) / deviation, nan=0.0)
    return np.clip(found, -MAX_STANDARDISED, MAX_STANDARDISED)
