"""A file in, its rows with their answers out: in the file's order, in constant memory, from where it stopped.

Rows that cannot be read end it or, where the options say that such are left out, go into a file of rejects, one JSON
object a line: file, row, reason.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from seqtasks import files
from seqtasks.data import progress, readers
from seqtasks.data.readers import Options, Reject, Row, header
from seqtasks.errors import InputError, IntegrityError
from seqtasks.inference import tagging
from seqtasks.inference.forms import CONLL, Form
from seqtasks.inference.generation import BeamOptions, generate
from seqtasks.inference.predictor import Predictor, as_bytes
from seqtasks.inference.scan import Scan
from seqtasks.inference.values import Named

BATCHES = 16  # whose rows are sorted by length together, so that little is computed on padding

Ask = Callable[[Sequence[bytes]], Sequence[Mapping[str, Any]]]  # values -> their answers, in this order


@dataclass
class Done:
    """How far a file has been answered."""

    rows: int = 0  # read, rejects included
    rejects: int = 0
    size: int = 0  # bytes of the output
    rejects_size: int = 0  # bytes of the rejects


def answer_rows(
    rows: Iterable[Row | Reject],
    ask: Ask,
    *,
    value: Callable[[Row], bytes],
    columns: Sequence[str],
    on_reject: Callable[[Reject], None],
) -> list[dict[str, Any]]:
    """Rows -> their columns and those of their answers, in the rows' order; what cannot be read goes to `on_reject`.

    `value` raises InputError for a row that cannot be answered. All rows are read before the first is answered, and
    answered in the order of their lengths.
    """
    good: list[tuple[Row, bytes]] = []
    for row in rows:
        try:
            if isinstance(row, Reject):
                raise InputError(row.reason)
            good.append((row, value(row)))
        except InputError as error:
            on_reject(Reject(row.number, row.reason(error)) if isinstance(row, Row) else row)
    order = np.argsort([len(content) for _, content in good], kind="stable")
    answers = ask([good[place][1] for place in order]) if good else []
    lines = [dict[str, Any]() for _ in good]
    for place, answer in zip(order, answers, strict=True):
        row = good[place][0]
        lines[place] = {**_shown(row), **_added(row, {name: answer[name] for name in columns})}
    return lines


def one_core_a_batch() -> None:
    """For a process that answers files, before it loads an export: batches side by side, none split over the cores."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):  # where TensorFlow has computed already its threads are what they are
        tf.config.threading.set_intra_op_parallelism_threads(1)


def answer(
    predictor: Predictor,
    path: Path,
    options: Options,
    codec: Any,
    *,
    output: BinaryIO,
    rejects: Path,
    done: Done,
    scan: Scan | None = None,
    named: Named | None = None,
    form: Form,
    beams: BeamOptions | None = None,
    note: Callable[[Done], None] = lambda done: None,
) -> Done:
    """Answers the rows of a file, the windows of a scan along it, or named files of a folder, that are not done yet.

    Raises InputError for the first row that cannot be read, unless the options say that such are left out.
    """
    source: Iterable[Row | Reject] = scan or named or readers.rows(path, options)
    rows = islice(source, done.rows, None)
    value: Callable[[Row], bytes] | None = _bases if scan else partial(_content, codec) if named else None
    size = predictor.manifest.batch_size * (1 if named else BATCHES)  # files are large, and answers to them slow
    unit, total = ("bases", None) if scan else ("files", len(named.names)) if named else ("rows", None)
    ask: Ask = partial(generate, predictor, options=beams) if beams else predictor
    if form.kind == CONLL:
        ask = partial(tagging.conll, predictor)
    columns = predictor.manifest.endpoints["serve"].columns
    while chunk := list(islice(rows, size)):
        if value is None and any(isinstance(row, Row) for row in chunk):
            names = dict.fromkeys(name for row in chunk if isinstance(row, Row) for name in row.fields)
            value = _reader(path, options, codec, list(names))
        refused: list[Reject] = []

        def refuse(reject: Reject, refused: list[Reject] = refused) -> None:
            if options.on_invalid == "error":
                where = f"value {reject.number}" if named else f"{path}:{reject.number}"
                raise InputError(f"{where} {reject.reason}")
            refused.append(reject)

        lines = answer_rows(chunk, ask, value=value or _bases, columns=columns, on_reject=refuse)
        content = form.content(lines, header=done.size == 0)
        output.write(content)
        output.flush()
        done.size += len(content)
        done.rejects_size = _append(rejects, path, refused, done.rejects_size)
        done.rows, done.rejects = done.rows + len(chunk), done.rejects + len(refused)
        note(done)
        progress.tell("answering", scan.bases if scan else done.rows, total, unit)
    return done


def _reader(path: Path, options: Options, codec: Any, names: Sequence[str]) -> Callable[[Row], bytes]:
    """Gives a row's value, of a file with columns of these names; a path is one from the file's folder.

    Raises InputError for a file that has no column of inputs.
    """
    traits = codec.traits
    if traits.whole_row:
        return lambda row: bytes(codec.clean(readers.as_lines(row).encode()))
    column = readers.column(path, names, options.input_column, traits.columns, what="inputs", option="--input-column")
    if options.header and header.looks_like_a_row(names, [column]):
        raise InputError(f"{path} has no column {column!r}, but a first row{header.hint(path, names)}")

    def value(row: Row) -> bytes:
        text = row.text(column, options)
        return bytes(codec.clean(os.fsencode(path.parent / text.strip()) if traits.reads_files else text.encode()))

    return value


def _bases(row: Row) -> bytes:
    """A window, every base of which the scan has looked at."""
    return str(row.fields["sequence"]).encode()


def _content(codec: Any, row: Row) -> bytes:
    """What a file holds, as its codec reads it."""
    return bytes(codec.clean(as_bytes(row.fields["file"])))


def answer_to_file(predictor: Predictor, path: Path, options: Options, codec: Any, output: Path, **more: Any) -> Done:
    """The same into a file, which appears when it is whole; interrupted, the next call goes on from the last chunk."""
    part, record = files.beside(output, ".partial"), files.beside(output, ".progress.json")
    identity: dict[str, Any] = {
        "input": str(path.absolute()),
        "model": predictor.manifest.files,
        "options": vars(options),
        "form": vars(more["form"]),
    }
    if scan := more.get("scan"):
        identity |= {"window": scan.window, "stride": scan.stride}
    if beams := more.get("beams"):
        identity |= {"num_beams": beams.num_beams}
    if named := more.get("named"):
        identity |= {"named": named.fingerprint()}
    elif path != readers.STANDARD_INPUT and path.exists():
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

        answer(predictor, path, options, codec, output=file, done=done, note=note, **more)
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


def _shown(row: Row) -> Mapping[str, Any]:
    return row.fields if row.shown is None else row.shown


def _added(row: Row, answer: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that are added; one that the file has already gets a _ behind its name."""
    added: dict[str, Any] = {}
    for name, value in answer.items():
        free = name
        while free in _shown(row):
            free += "_"
        added[free] = round(value, 6) if isinstance(value, float) else value
    return added


def _append(rejects: Path, path: Path, refused: Sequence[Reject], size: int) -> int:
    """Adds rejects to their file and gives its size; no rejects, no file."""
    if not refused:
        return size
    with rejects.open("ab") as file:
        for reject in refused:
            line = {"file": str(path), "row": reject.number, "reason": reject.reason}
            file.write(json.dumps(line, ensure_ascii=False).encode(errors="backslashreplace") + b"\n")
        return file.tell()
