"""Excel workbooks, a row of a sheet at a time, each cell as a CSV would have it."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, time
from itertools import repeat
from pathlib import Path
from typing import Any

from seqtasks.data.readers import delimited
from seqtasks.data.readers.row import Options, Reject, Row, as_text
from seqtasks.errors import InputError, IntegrityError, UsageError, unknown

SUFFIXES = (".xlsx", ".xlsm")
OLD = b"\xd0\xcf\x11\xe0"  # how a workbook of before 2007 begins, and one with a password
FORMULA = re.compile(rb"<f[ >/]")
ERRORS = {"#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A"}
CHUNK = 1 << 20  # bytes of a sheet that are looked at together


def rows(path: Path, options: Options) -> Iterator[Row | Reject]:
    """Rows of one sheet with a header, if the options do not say that it has none; numbered as Excel numbers them.

    A whole number is written without a point, a date as ISO 8601; a cell that shows an error has no value. Raises
    UsageError without openpyxl and for a sheet that there is not, IntegrityError for a file that is cut off or altered.
    """
    names: list[str] = []
    header: list[str] = []
    for number, cells in enumerate(_cells(path, options), 1):
        values = [as_text(cell_value(value)) for value, _ in cells]
        if uncomputed := [place for place, (value, typed) in enumerate(cells) if value is None and typed is not None]:
            what = f"has a formula in {_letters(uncomputed[0])}{number} whose value the file does not hold"
            yield Reject(number, f"{what}; open it in a spreadsheet and save it")
            continue
        if not any(value.strip() for value in values):
            continue
        while len(values) > len(names) and not values[-1].strip():
            values.pop()  # cells that have a colour, and nothing in them
        if not names:
            header = values
            names = [*map(str, range(1, len(values) + 1))]
            if options.header:
                names = delimited.names_of(path, number, values)
                continue
        values += [""] * (len(names) - len(values))  # a row ends where its last cell does
        if options.header and values[: len(header)] == header:
            yield Reject(number, "is the header once more; leave it out")
        elif (whole := delimited.fitted(values, names)) is not None:
            shown = dict(zip(names, whole, strict=True))
            yield Row(number, {name: value for name, value in shown.items() if value not in ERRORS}, shown)
        else:
            yield Reject(number, f"has {len(values)} cells, expected {len(names)}; name all columns in the first row")


def sheets(path: Path) -> list[str]:
    """The names of its visible sheets of cells; raises what `rows` does."""
    with _opened(path) as book:
        return [sheet.title for sheet in book.worksheets if sheet.sheet_state == "visible"] or book.sheetnames


def cell_value(value: Any) -> Any:
    """A cell's value as a person reads it: 1.0 is 1, midnight is a date's and not shown."""
    match value:
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case datetime() | time():
            return value.isoformat()
        case _:
            return value


def _cells(path: Path, options: Options) -> Iterator[Sequence[tuple[Any, Any]]]:
    """Each row's cells: what is shown and, where the sheet has formulas, what was typed."""
    with _opened(path) as book:
        names = sheets(path)
        name = options.sheet or names[0]
        if name not in book.sheetnames:
            raise unknown("sheet", name, names)
        shown = _rows_of(path, book[name])
        if not _has_formulas(path):
            yield from (list(zip(values, repeat(None))) for values in shown)
            return
        with _opened(path, values=False) as typed:
            for values, given in zip(shown, _rows_of(path, typed[name]), strict=True):
                yield list(zip(values, given, strict=True))


def _rows_of(path: Path, sheet: Any) -> Iterator[Sequence[Any]]:
    """A sheet's rows as they are, whatever the file says of their number and width."""
    sheet.reset_dimensions()
    found = sheet.iter_rows(values_only=True)
    while True:
        with _whole(path):
            row = next(found, None)
        if row is None:
            return
        yield row


def _letters(place: int) -> str:
    """A column as Excel calls it."""
    from openpyxl.utils import get_column_letter

    return str(get_column_letter(place + 1))


def _has_formulas(path: Path) -> bool:
    """Whether any sheet has one."""
    with _whole(path), zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not name.startswith("xl/worksheets/"):
                continue
            end = b""
            with archive.open(name) as file:
                while block := file.read(CHUNK):
                    if FORMULA.search(end + block):
                        return True
                    end = block[-2:]
    return False


@contextmanager
def _opened(path: Path, *, values: bool = True) -> Iterator[Any]:
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise UsageError(f"{path} needs openpyxl; pip install 'seqtasks[excel]', or save it as CSV UTF-8") from None
    if not path.is_file():
        raise InputError(f"{path} is no file; give a workbook by its path")
    with path.open("rb") as file:
        if file.read(len(OLD)) == OLD:
            raise InputError(f"{path} has a password, or is of a form of before 2007; save it as .xlsx without one")
        with _whole(path):
            book = load_workbook(file, read_only=True, data_only=values)
        with closing(book):
            yield book


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Raises IntegrityError where openpyxl finds that the file is none of Excel's; what it warns of is not read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # openpyxl lets every error of zip, XML and its own parsers through
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise IntegrityError(f"{path} is no whole Excel workbook ({reason}); save it again") from None
