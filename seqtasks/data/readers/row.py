"""How a file is to be read, and what comes of it: rows and rejects."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

MAX_FIELD_CHARACTERS = 1_000_000  # where a field is one example


@dataclass(frozen=True)
class Options:
    """How a file is to be read; what is None is found out."""

    input_column: str | None = None
    label_column: str | None = None
    separator: str | None = None
    encoding: str = "utf-8"
    kind: str | None = None  # csv, tsv, jsonl, txt, fa: of a file whose name does not say so
    max_characters: int = MAX_FIELD_CHARACTERS  # of one field
    label_pattern: str | None = None  # regular expression whose first group is the label in a FASTA header
    on_invalid: str = "error"  # or "skip": rows that cannot be used are left out and counted


@dataclass(frozen=True)
class Row:
    number: int  # the line in the file, or the row where a file has no lines
    fields: dict[str, str]
    original: dict[str, Any]  # the fields with the types that the file gives them
    repaired: int = 0  # places that are read otherwise than they are written, as a format's custom is


@dataclass(frozen=True)
class Reject:
    """A row that cannot be read."""

    number: int
    reason: str


def checked(number: int, original: dict[str, Any], options: Options) -> Row | Reject:
    """The row; a reject if a field is too long or holds bytes that the encoding does not have."""
    fields = {name: _text(value) for name, value in original.items()}
    for name, value in fields.items():
        if len(value) > options.max_characters:
            most = f"{options.max_characters:,}"
            return Reject(number, f"has {len(value):,} characters in {name}, more than {most}; shorten it")
        if not value.isascii() and (index := _undecoded(value)) is not None:
            byte = ord(value[index]) - 0xDC00
            where = f"byte 0x{byte:02x} behind {len(value[:index].encode())} bytes of {name}"
            return Reject(number, f"is not in this encoding ({where}); give --encoding latin-1 or the one it is in")
    return Row(number, fields, original)


def _undecoded(text: str) -> int | None:
    """Index of the first byte that was not decoded, if any."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def _text(value: Any) -> str:
    """A JSON or Parquet value as a CSV has it; null is the empty text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False, default=str)
