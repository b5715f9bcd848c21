"""How a file is to be read, and what comes of it: rows and rejects."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from seqtasks.data.readers.encodings import UTF_8, WINDOWS
from seqtasks.errors import InputError

MAX_FIELD_CHARACTERS = 1_000_000  # where a field is one example
REPLACEMENT = "\ufffd"  # for bytes that are no text


@dataclass(frozen=True)
class Options:
    """How a file is to be read; what is None is found out."""

    input_column: str | None = None
    label_column: str | None = None
    separator: str | None = None
    encoding: str | None = None
    kind: str | None = None  # csv, tsv, jsonl, txt, fa: of a file whose name does not say so
    max_characters: int = MAX_FIELD_CHARACTERS  # of one field
    label_pattern: str | None = None  # regular expression whose first group is the label in a FASTA header
    on_invalid: str = "error"  # or "skip": rows that cannot be used are left out and counted
    quoting: str | None = None  # of a CSV or TSV: double, backslash or none (dialect.QUOTING)
    header: bool = True  # whether the first row of a CSV or TSV names the columns; else they are 1, 2, ...
    ignore_labels: tuple[str, ...] = ()  # whose rows are left out
    target_file: str | None = None  # a text whose lines are the targets of the lines of the file
    sheet: str | None = None  # of a workbook; its first that is visible


class Row(NamedTuple):  # is made in a third of a dataclass's time, which counts with a million of them
    number: int  # the line in the file, or the row where a file has no lines
    fields: Mapping[str, Any]  # with the types that the file gives them
    shown: Mapping[str, Any] | None = None  # columns of its answer, where these are not its fields
    name: str = ""  # by which the file calls it
    repaired: int = 0  # places that are read otherwise than they are written, as a format's custom is

    def reason(self, error: Exception) -> str:
        """Why it cannot be used, behind its name if it has one."""
        return f"(record {self.name}) {error}" if self.name else str(error)

    def text(self, name: str, options: Options) -> str:
        """A field as text.

        Raises InputError for one that is missing or too long, or that holds bytes which the encoding does not have.
        """
        if name not in self.fields:
            raise InputError(f"has no {name}; fill it in or leave the row out")
        text = as_text(self.fields[name])
        if len(text) > options.max_characters:
            most = f"{options.max_characters:,}"
            raise InputError(f"has {len(text):,} characters in {name}, more than {most}; shorten it")
        if not text.isascii() and (place := _undecoded(text)) is not None:
            where = f"byte 0x{ord(text[place]) - 0xDC00:02x} behind {len(text[:place].encode())} bytes of {name}"
            name = options.encoding or UTF_8
            remedy = f"give --encoding {WINDOWS} or" if name == UTF_8 else "give"
            raise InputError(f"is not in {name} ({where}); {remedy} the encoding that it is in")
        return text


@dataclass(frozen=True)
class Reject:
    """A row that cannot be read."""

    number: int
    reason: str


def as_lines(row: Row, *, without: str = "") -> str:
    """A row's columns but one: a line of their names and one of their values, with tabs between."""
    names = [name for name in row.fields if name != without]
    values = [as_text(row.fields[name]) for name in names]
    return "\n".join("\t".join(" ".join(cell.split()) for cell in line) for line in (names, values))


def as_text(value: Any) -> str:
    """A value of JSON or Parquet as a CSV has it; null and what is not a number are the empty text."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return str(value).lower()
        case bytes():
            return value.decode(errors="surrogateescape")
        case float():
            return repr(value) if math.isfinite(value) else ""
        case Decimal():
            return f"{value:f}" if value.is_finite() else ""
        case list() | dict():
            return json.dumps(as_json(value), ensure_ascii=False)
        case _:
            return str(value)


def as_json(value: Any) -> Any:
    """The same as JSON has it: null for what is not a number, text for bytes, decimals and dates."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {as_json(as_text(key)): as_json(each) for key, each in value.items()}
        case list() | tuple():
            return [as_json(each) for each in value]
        case _:
            return whole(as_text(value))


def whole(text: str) -> str:
    """The text with U+FFFD for each byte that was not decoded and each half of a character."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _undecoded(text: str) -> int | None:
    """Index of the first byte that was not decoded, if any."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None
