"""The form in which a file's answers are written: that of the output's name or, where it has none, that of the file."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqtasks.data import readers
from seqtasks.data.readers import Options, conll
from seqtasks.data.readers.dialect import QUOTING, SEEMS, SEPARATORS
from seqtasks.errors import InputError, UsageError

JSON_LINES = ".jsonl"
BED = ".bed"
CONLL = ".conll"  # a token a line with its tag
KINDS = {".jsonl": JSON_LINES, ".ndjson": JSON_LINES, ".json": JSON_LINES, ".parquet": JSON_LINES, ".tsv": ".tsv"}
KINDS |= dict.fromkeys(conll.SUFFIXES, CONLL)
NAMED = {
    ".csv": ".csv",
    ".tsv": ".tsv",
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".bed": BED,
    CONLL: CONLL,
}
NOT_WRITTEN = (".json", ".parquet", ".xlsx", ".xls", ".ods", ".fa", ".fasta", ".bz2", ".xz", ".zip")
COMPRESSED = ".gz"


@dataclass(frozen=True)
class Form:
    kind: str  # .csv, .tsv, .jsonl or, of windows, .bed
    separator: str = ","
    quoting: str = "double"
    compressed: bool = False
    columns: tuple[str, ...] | None = None  # of a table that is made of objects: those that its header names

    def content(self, lines: Sequence[Mapping[str, Any]], *, header: bool) -> bytes:
        """Lines of a table; raises InputError for a line with a column that the header does not have."""
        written = self._text(lines, header=header).encode("utf-8", "surrogateescape")  # bytes that are no text stay
        return gzip.compress(written, mtime=0) if self.compressed and written else written

    def _text(self, lines: Sequence[Mapping[str, Any]], *, header: bool) -> str:
        if self.kind == BED:
            return "".join(_bed(line) for line in lines)
        if self.kind == CONLL:
            return "".join(f"{[*line.values()][-1]}\n" for line in lines)  # the answer stands last
        if self.kind == JSON_LINES:
            dumped = (json.dumps(readers.as_json(dict(line)), ensure_ascii=False, allow_nan=False) for line in lines)
            return "".join(f"{line}\n" for line in dumped)
        if not lines:
            return ""
        names = list(lines[0])
        if self.columns is not None:
            names = [*self.columns, *(name for name in names if name not in self.columns)]
        rows = [names] if header else []
        for line in lines:
            if strange := next((name for name in line if name not in names), None):
                raise InputError(f"a row has {strange!r}, which the first rows do not have; write .jsonl with --output")
            rows.append([readers.as_text(line.get(name)) for name in names])
        return self._table(rows)

    def _table(self, rows: Sequence[Sequence[str]]) -> str:
        if self.quoting == "none":  # and nothing can be quoted
            blank = str.maketrans({self.separator: " ", "\n": " ", "\r": " "})
            return "".join(self.separator.join(each.translate(blank) for each in row) + "\n" for row in rows)
        text = io.StringIO()
        how: dict[str, Any] = {"doublequote": False} if self.quoting == "backslash" else {}
        csv.writer(text, delimiter=self.separator, lineterminator="\n", **QUOTING[self.quoting], **how).writerows(rows)
        return text.getvalue()


def of(path: Path | None, options: Options, output: Path | None, kind: str | None = None) -> Form:
    """The form of the answers to a file; a `kind` that is given comes first, then the output's name.

    Of answers to no table there is no path. Raises UsageError for an output whose name is that of a form that is not
    written.
    """
    name = output.name.lower() if output else ""
    compressed = name.endswith(COMPRESSED)
    end = Path(name.removesuffix(COMPRESSED)).suffix
    if end in NOT_WRITTEN:
        raise UsageError(f"{output} cannot be written; give a name that ends in .csv, .tsv or .jsonl, plain or .gz")
    if path is None:
        kind = kind or NAMED.get(end, ".csv")
        return Form(kind, SEPARATORS.get(kind, ","), compressed=compressed)
    given = readers.kind_of(path, options)
    kind = kind or NAMED.get(end) or KINDS.get(given, ".csv")
    if kind not in SEPARATORS:
        return Form(kind, compressed=compressed)
    quoting = options.quoting or SEEMS
    if kind == given:
        return Form(kind, options.separator or SEPARATORS[kind], "double" if quoting == SEEMS else quoting, compressed)
    columns = tuple(readers.fields(path, options)) if given in readers.OBJECTS and not readers.once(path) else None
    return Form(kind, SEPARATORS[kind], compressed=compressed, columns=columns)


def _bed(line: Mapping[str, Any]) -> str:
    """A line of BED: record, start, end, the answer as its name, its probability from 0 to 1,000, no strand."""
    score = round(1_000 * line["probability"])
    return f"{line['record']}\t{line['start']}\t{line['end']}\t{line['answer']}\t{score}\t.\n"
