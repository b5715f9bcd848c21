"""Workbooks: each is read as the table that a person sees, or refused in a line."""

from __future__ import annotations

import builtins
import datetime
from pathlib import Path
from typing import Any

import pytest

from seqtasks.codecs.labels import Labels
from seqtasks.codecs.text import Text
from seqtasks.data import readers, user
from seqtasks.data.readers import Options, Reject, Row
from seqtasks.errors import InputError, IntegrityError, SeqtasksError, UsageError
from seqtasks.inference import forms

openpyxl = pytest.importorskip("openpyxl")

AB = [("one", "a"), ("two", "b")]
HEADER = ["text", "label"]


def book(folder: Path, *tables: list[list[Any]], titles: tuple[str, ...] = ("Reviews", "Notes")) -> Path:
    """A workbook with a table a sheet."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for title, table in zip(titles, tables, strict=False):
        sheet = made.create_sheet(title)
        for number, row in enumerate(table, 1):
            for place, value in enumerate(row, 1):
                if value is not None:
                    sheet.cell(number, place, value)
    path = folder / "a.xlsx"
    made.save(path)
    return path


def pairs(path: Path, said: list[str] | None = None, **options: Any) -> list[tuple[str, str]]:
    """Texts and labels, through a store, and what is said meanwhile."""
    source, notice = user.Source(str(path), None, Options(**options)), (said if said is not None else []).append
    train = user.read(source, Text(), Labels(), path.parent / "datasets", notice)["train"]
    return [(text.decode(), label) for text, label in zip(train.inputs[:], train.targets[:], strict=True)]


READ: dict[str, tuple[list[list[Any]], dict[str, Any], list[tuple[str, str]]]] = {
    "as it is": ([HEADER, ["one", "a"], ["two", "b"]], {}, AB),
    "numbers are as Excel shows them": ([HEADER, [1, 1.0], [2.5, 0]], {}, [("1", "1"), ("2.5", "0")]),
    "truth values": ([HEADER, ["one", True], ["two", False]], {}, [("one", "true"), ("two", "false")]),
    "dates": (
        [HEADER, [datetime.date(2026, 11, 27), "a"], [datetime.datetime(2026, 11, 27, 8, 30), "b"]],
        {},
        [("2026-11-27", "a"), ("2026-11-27T08:30:00", "b")],
    ),
    "rows and columns that are empty": (
        [[], ["text", None, "label"], [], ["one", None, "a"], ["two", None, "b"]],
        {},
        AB,
    ),
    "cells beyond the last name": ([[*HEADER, ""], ["one", "a", " "], ["two", "b"]], {}, AB),
    "no header": ([["a", "one"], ["b", "two"]], {"header": False, "input_column": "2", "label_column": "1"}, AB),
    "an error in a column that is not read": ([[*HEADER, "n"], ["one", "a", "#N/A"], ["two", "b", 1]], {}, AB),
}


@pytest.mark.parametrize("case", READ)
def test_a_workbook_is_read(case: str, tmp_path: Path):
    table, options, expected = READ[case]
    said: list[str] = []
    assert pairs(book(tmp_path, table), said, **options) == expected
    assert said[0] == f"reading {tmp_path / 'a.xlsx'}"


REFUSED: dict[str, tuple[list[list[Any]], dict[str, Any], str]] = {
    "an error as a label": ([HEADER, ["one", "a"], ["two", "#N/A"]], {}, "a.xlsx:3 has no label; fill it in"),
    "a label that is missing": ([HEADER, [], ["one", None]], {}, "a.xlsx:3 has no label"),
    "a formula without a value": ([HEADER, ["one", "a"], ["=A2", "b"]], {}, ":3 has a formula in A3 whose value"),
    "a cell beyond the last name": ([HEADER, ["one", "a", "more"]], {}, ":2 has 3 cells, expected 2; name all columns"),
    "the header once more": ([HEADER, ["one", "a"], HEADER], {}, ":3 is the header once more; leave it out"),
    "a column named twice": ([["text", "text"], ["one", "a"]], {}, "a.xlsx:1 names a column twice: text"),
    "no header": ([[0, "so tired"], [4, "so glad"]], {}, "its first row looks like data: give --no-header"),
    "another sheet": ([HEADER], {"sheet": "Review"}, "unknown sheet 'Review'; did you mean Reviews?"),
    "nothing": ([HEADER], {}, "0 usable rows in"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_workbook_is_refused_in_one_line(case: str, tmp_path: Path):
    table, options, said = REFUSED[case]
    with pytest.raises(SeqtasksError) as raised:
        pairs(book(tmp_path, table), **options)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_of_several_sheets_the_first_is_read_and_said(tmp_path: Path):
    path = book(tmp_path, [HEADER, ["one", "a"]], [HEADER, ["two", "b"]])
    said: list[str] = []
    assert pairs(path, said) == [("one", "a")]
    assert said[0].endswith("a.xlsx: the sheet 'Reviews' of Reviews, Notes; --sheet NAME reads another")
    assert pairs(path, said, sheet="Notes") == [("two", "b")]


def test_rows_are_those_of_excel_whatever_the_file_says_of_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = book(tmp_path, [HEADER, ["one", "a"], ["=1", "b"], ["three", "c"]])
    found = list(readers.rows(path, Options()))
    assert [row.number for row in found] == [2, 3, 4]
    assert [type(row) for row in found] == [Row, Reject, Row]
    assert forms.of(path, Options(), None).kind == ".csv"
    import zipfile

    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert b'<dimension ref="A1:B4"' in sheet
    with zipfile.ZipFile(path, "w") as archive:  # as some programs write it
        for name, content in parts.items():
            archive.writestr(name, content.replace(b'<dimension ref="A1:B4"', b'<dimension ref="A1"'))
    assert list(readers.rows(path, Options())) == found


@pytest.mark.parametrize(
    ("name", "content", "error", "said"),
    [
        ("a.xlsx", b"PK", IntegrityError, "is no whole Excel workbook"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1", InputError, "has a password, or is of a form of before 2007"),
        ("a.xls", b"", UsageError, "is an Excel workbook of before 2007; save it as .xlsx, or as CSV UTF-8"),
        ("a.ods", b"", UsageError, "is a spreadsheet; save it as .xlsx, or as CSV"),
    ],
)
def test_what_is_no_workbook_is_one_line(
    name: str, content: bytes, error: type[SeqtasksError], said: str, tmp_path: Path
):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=said):
        pairs(tmp_path / name)


def test_a_workbook_that_is_cut_off_is_damaged(tmp_path: Path):
    path = book(tmp_path, [HEADER, ["one", "a"]])
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(IntegrityError, match="is no whole Excel workbook"):
        pairs(path)


def test_without_openpyxl_a_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, imported = book(tmp_path, [HEADER, ["one", "a"]]), builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "openpyxl":
            raise ImportError
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"needs openpyxl; pip install 'seqtasks\[excel\]', or save it as CSV UTF-8"):
        pairs(path)
