"""Pages for a browser: one file each, whose pictures are in it; no network, no script. What is shown is escaped."""

from __future__ import annotations

import base64
import functools
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from seqtasks.metrics.report import Draw

KINDS = {b"\xff\xd8\xff": "jpeg", b"GIF8": "gif", b"RIFF": "webp"}  # by how a file begins; PNG else
MAX_LETTERS = 400  # of a cell
LONG = 40  # letters of a cell that needs room
NOT_SHOWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # no letters of a page


@dataclass(frozen=True)
class Table:
    """What is to be seen of a table: cells as text."""

    names: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()  # columns that are aligned on the right
    long: frozenset[int] = frozenset()  # columns of long texts
    caption: str = ""


def render(template: str, **values: Any) -> str:
    """The page of a template in templates/."""
    return NOT_SHOWN.sub("\ufffd", _environment().get_template(f"{template}.html").render(values))


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates", encoding="utf-8"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"data": data, "signed": signed}
    return environment


def data(picture: bytes) -> str:
    """A picture's file as an address that holds it (RFC 2397)."""
    kind = next((kind for mark, kind in KINDS.items() if picture.startswith(mark)), "png")
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def drawn(draw: Draw) -> bytes:
    """The content of the picture that is drawn."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        draw(path)
        return path.read_bytes()


def table(frame: pd.DataFrame, *, rows: int, name: str = "") -> Table:
    """The first rows of a table; its caption says where the others are."""
    shown = frame.head(rows)
    cells = [[text(value) for value in row] for row in shown.itertuples(index=False, name=None)]
    columns = range(len(frame.columns))
    numbers = frozenset(number for number in columns if pd.api.types.is_numeric_dtype(frame.dtypes.iloc[number]))
    long = frozenset(number for number in columns if any(len(row[number]) > LONG for row in cells))
    caption = ""
    if len(frame) > len(shown):
        caption = f"the first {len(shown):,} of {len(frame):,} rows{f', which are in {name}' if name else ''}"
    return Table([str(each).replace("_", " ") for each in frame.columns], cells, numbers, long, caption)


def text(value: Any) -> str:
    """A value as a person reads it: four digits of a number behind the point, or of a small one; long texts are cut."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        number = float(value)
        return f"{number:,.4f}" if number == 0 or abs(number) >= 0.01 else f"{number:.4g}"
    found = "-" if value is None else str(value)
    return found if len(found) <= MAX_LETTERS else f"{found[:MAX_LETTERS]} …"


def signed(value: float) -> str:
    """A number with its sign, a minus as it is printed."""
    return f"{value:+.3f}".replace("-", "\u2212")
