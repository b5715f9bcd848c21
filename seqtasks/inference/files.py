"""A file in, its rows with their answers out: in the file's order, in constant memory, from where it stopped.

Rows that cannot be read go into a file of rejects, one JSON object a line: file, row, reason.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from seqtasks import files
from seqtasks.data import readers
from seqtasks.data.readers import Options, Reject, Row
from seqtasks.errors import InputError, IntegrityError
from seqtasks.inference.predictor import Served
from seqtasks.inference.scan import Scan

KINDS = {".jsonl": ".jsonl", ".ndjson": ".jsonl", ".parquet": ".jsonl", ".tsv": ".tsv"}
BATCHES = 16  # whose rows are sorted by length together, so that little is computed on padding


@dataclass
class Done:
    """How far a file has been answered."""

    rows: int = 0  # read, rejects included
    rejects: int = 0
    size: int = 0  # bytes of the output
    rejects_size: int = 0  # bytes of the rejects


class Answers:
    """Writes rows with their answers, as CSV, TSV or JSON Lines."""

    def __init__(self, output: BinaryIO, kind: str) -> None:
        self.output, self.kind = output, kind

    def write(self, rows: Sequence[Row], answers: Sequence[dict[str, Any]], *, header: bool) -> int:
        """Writes the rows and gives the number of bytes."""
        text = io.StringIO()
        lines = [{**row.original, **_added(row, answer)} for row, answer in zip(rows, answers, strict=True)]
        if self.kind == ".bed":
            text.writelines(_bed(line) for line in lines)
        elif self.kind == ".jsonl":
            text.writelines(json.dumps(line, ensure_ascii=False, default=str) + "\n" for line in lines)
        elif lines:
            table = csv.DictWriter(
                text, list(lines[0]), delimiter="\t" if self.kind == ".tsv" else ",", lineterminator="\n"
            )
            if header:
                table.writeheader()
            table.writerows(lines)
        content = text.getvalue().encode()
        self.output.write(content)
        self.output.flush()
        return len(content)


def one_core_a_batch() -> None:
    """For a process that answers files, before it loads an export: batches side by side, none split over the cores."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):  # where TensorFlow has computed already its threads are what they are
        tf.config.threading.set_intra_op_parallelism_threads(1)


def answer(
    served: Served,
    path: Path,
    options: Options,
    codec: Any,
    *,
    output: BinaryIO,
    rejects: Path,
    done: Done,
    strict: bool = False,
    scan: Scan | None = None,
    kind: str | None = None,
    progress: Callable[[Done], None] = lambda done: None,
) -> Done:
    """Answers the rows of a file, or the windows of a scan along it, that are not done yet.

    They are written as `kind`, .csv, .tsv, .jsonl or, of windows, .bed; without one as the file is. Raises InputError
    for the first bad row if `strict`.
    """
    answers = Answers(output, kind or KINDS.get(readers.kind_of(path, options), ".csv"))
    found = islice(readers.rows(path, options) if scan is None else scan, done.rows, None)
    column = None
    while chunk := list(islice(found, BATCHES * served.batch)):
        good = [each for each in chunk if isinstance(each, Row)]
        if good and column is None:
            column = readers.column(
                path, list(good[0].fields), options.input_column, codec.columns, what="inputs", option="--input-column"
            )
        beside = path.parent if getattr(codec, "opens", False) else None
        cleaned = [row if isinstance(row, Reject) else _cleaned(row, column, codec, scan, beside) for row in chunk]
        bad = [each for each in cleaned if isinstance(each, Reject)]
        if bad and strict:
            first = min(bad, key=lambda each: each.number)
            raise InputError(f"{path}:{first.number} {first.reason}")
        pairs = zip(chunk, cleaned, strict=True)
        good = [row for row, value in pairs if isinstance(row, Row) and not isinstance(value, Reject)]
        values = [each for each in cleaned if not isinstance(each, Reject)]
        done.size += answers.write(good, _in_order_of_length(served, values), header=done.size == 0)
        done.rejects_size = _append(rejects, path, bad, done.rejects_size)
        done.rows, done.rejects = done.rows + len(chunk), done.rejects + len(bad)
        progress(done)
    return done


def _cleaned(row: Row, column: str | None, codec: Any, scan: Scan | None, beside: Path | None) -> bytes | Reject:
    """The row's value, a path taken from `beside`, as the codec wants it, or why it cannot be answered."""
    if column not in row.fields:
        return Reject(row.number, f"has no {column}; fill it in")
    value = row.fields[column].encode()
    if scan:
        return value  # it looks at every base itself
    try:
        return codec.clean(value if beside is None else os.fsencode(beside / row.fields[column].strip()))
    except InputError as error:
        return Reject(row.number, str(error))


def answer_to_file(served: Served, path: Path, options: Options, codec: Any, output: Path, **more: Any) -> Done:
    """The same into a file, which appears when it is whole; interrupted, the next call goes on from the last chunk."""
    part, record = output.with_name(f"{output.name}.partial"), output.with_name(f"{output.name}.progress.json")
    identity = {"input": str(path.absolute()), "model": served.manifest["files"], "options": vars(options)}
    if scan := more.get("scan"):
        identity |= {"window": scan.width, "stride": scan.stride}
    if path != readers.STANDARD_INPUT and path.exists():
        identity |= {"size": path.stat().st_size, "changed": path.stat().st_mtime_ns}
    done = _resumed(part, record, identity)
    with part.open("r+b" if part.exists() else "w+b") as file:
        file.truncate(done.size)
        file.seek(done.size)
        if more["rejects"].exists():
            os.truncate(more["rejects"], done.rejects_size)

        def note(now: Done) -> None:
            os.fsync(file.fileno())
            files.write_json(record, {"identity": identity, **vars(now)}, point="answers")
            more["progress"](now)

        answer(served, path, options, codec, output=file, done=done, **{**more, "progress": note})
    part.replace(output)
    record.unlink(missing_ok=True)
    return done


def _resumed(part: Path, record: Path, identity: dict[str, Any]) -> Done:
    """How far the same file was answered by the same model before, or nothing."""
    if not part.exists() or not record.exists():
        return Done()
    try:
        before = files.read_json(record, remedy="")
    except IntegrityError:
        return Done()
    if before.pop("identity", None) != json.loads(json.dumps(identity)) or part.stat().st_size < before["size"]:
        return Done()
    return Done(**before)


def _in_order_of_length(served: Served, values: Sequence[bytes]) -> list[dict[str, Any]]:
    """Answers in the order of the values, computed in the order of their lengths."""
    order = np.argsort([len(value) for value in values], kind="stable")
    answers = served([values[place] for place in order])
    back: list[dict[str, Any]] = [{}] * len(values)
    for place, found in zip(order, answers, strict=True):
        back[place] = found
    return back


def _added(row: Row, answer: dict[str, Any]) -> dict[str, Any]:
    """The columns that are added; one that the file has already gets a _ behind its name."""
    added: dict[str, Any] = {}
    for name in [each for each in ("answer", "probability", "score") if each in answer]:
        free: str = name
        while free in row.original:
            free += "_"
        added[free] = round(answer[name], 6) if isinstance(answer[name], float) else answer[name]
    return added


def _bed(line: dict[str, Any]) -> str:
    """A line of BED: record, start, end, the answer as its name, its probability from 0 to 1,000, no strand."""
    score = round(1_000 * line["probability"])
    return f"{line['record']}\t{line['start']}\t{line['end']}\t{line['answer']}\t{score}\t.\n"


def _append(rejects: Path, path: Path, bad: Sequence[Reject], size: int) -> int:
    """Adds rejects to their file and gives its size; no rejects, no file."""
    if not bad:
        return size
    with rejects.open("ab") as file:
        for each in sorted(bad, key=lambda each: each.number):
            line = {"file": str(path), "row": each.number, "reason": each.reason}
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        return file.tell()
