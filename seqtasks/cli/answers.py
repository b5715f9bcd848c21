"""Answers as they come: those of values, of a file's rows, of a scan's windows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqtasks.cli import options
from seqtasks.data import progress
from seqtasks.errors import InputError, UsageError

if TYPE_CHECKING:
    from seqtasks.data.readers import Options
    from seqtasks.inference.generation import BeamOptions
    from seqtasks.inference.predictor import Predictor
    from seqtasks.inference.scan import Scan

KEYS = ("answer", "probability")
TRUNCATED = "truncated"  # what an answer says of a value that is longer than what is read of it
Answered = Iterable[tuple[str, Mapping[str, Any]]]  # values with their answers
Ask = Callable[[Sequence[bytes], int], Sequence[Mapping[str, Any]]]  # values, and how many came before -> answers


def of_values(names: Sequence[str], codec: Any, ask: Ask, *, batch_size: int, on_invalid: str) -> Answered:
    """Each value with its answer, a batch at a time: no more of a folder's files is held.

    Values that are no files are all read before the first is answered. Raises InputError for the first that cannot be,
    or says how many were left out.
    """
    from seqtasks.inference import values

    refused: list[str] = []

    def refuse(reason: str) -> None:
        if on_invalid == "error":
            raise InputError(reason)
        refused.append(reason)
        options.say(reason)

    pairs = values.cleaned(names, codec, refuse)
    if not codec.traits.reads_files:
        pairs = iter(list(pairs))
    done = 0
    unit, total = ("files", len(names)) if codec.traits.reads_files else ("values", None)
    while batch := list(islice(pairs, batch_size)):
        answers = ask([content for _, content in batch], done)
        yield from zip((name for name, _ in batch), answers, strict=True)
        done += len(batch)
        progress.tell("answering", done + len(refused), total, unit)
    if refused and not done:
        raise InputError(refused[0])
    if refused:
        options.say(f"{len(refused):,} left out")


def explained(served: Predictor, name: str, codec: Any, beams: BeamOptions | None, path: Path) -> Answered:
    """The value with its answer, which is explained in a file; raises UsageError where it cannot be."""
    from seqtasks.inference import explain, values

    def refuse(reason: str) -> None:
        raise InputError(reason)

    ((_, content),) = values.cleaned([name], codec, refuse)
    found = explain.explain(served, content, beams)
    found.write(path)
    return [(name, found.answer)]


def most_probable(answered: Answered, number: int) -> Answered:
    """Each answer with the classes that come behind it: answer_2, probability_2, ...

    Raises UsageError for answers that have no probability for each class.
    """
    for name, answer in answered:
        found = answer.get("probabilities")
        if not isinstance(found, dict):
            raise UsageError("--top is for what answers with one of several classes; leave it out")
        ranked = sorted(found.items(), key=lambda each: -each[1])[:number]
        others = {
            f"{key}_{place}": value
            for place, pair in enumerate(ranked[1:], 2)
            for key, value in zip(KEYS, pair, strict=True)
        }
        yield name, {**answer, **others}


def of_classes(columns: Sequence[str], number: int) -> list[str]:
    """The columns of so many classes."""
    return [*columns, *(f"{key}_{place}" for place in range(2, number + 1) for key in KEYS)]


def show(answered: Answered, columns: Sequence[str], *, as_json: bool, named: bool) -> None:
    """A line an answer, as it comes, behind the value's name if it is to be named; or all as JSON.

    Of a value that was not read to its end a notice says so.
    """
    answered = _noticed(answered)
    if as_json:
        options.say_json([{"input": _text(name), **answer} for name, answer in answered])
        return
    for name, answer in answered:
        shown_columns = [column for column in columns if column != TRUNCATED and column in answer]
        values = [answer[column] for column in shown_columns]  # a sampled text has no score
        shown = [f"{value:.4f}" if isinstance(value, float) else str(value) for value in values]
        click.echo("\t".join([*([_text(name)] if named else []), *shown]))
        sys.stdout.flush()


def _noticed(answered: Answered) -> Answered:
    for number, (name, answer) in enumerate(answered, 1):
        if answer.get(TRUNCATED):
            shown = " ".join(_text(name).split())[:40]
            options.say(f"value {number} ({shown}...) is longer than what the model reads: only a part was")
        yield name, answer


def of_file(
    served: Predictor,
    codec: Any,
    file: Path,
    reading: Options,
    output: Path | None,
    *,
    scan: Scan | None = None,
    kind: str | None = None,
    **more: Any,
) -> None:
    """Answers a file, and says how much of it; `more` is for inference.files.answer."""
    from seqtasks.cli import meter
    from seqtasks.data import readers
    from seqtasks.files import beside
    from seqtasks.inference import files, forms

    reading, found = readers.settled(file, reading)
    if found:
        options.say(f"{file}: {found}")
    if not (reading.encoding or "utf-8").lower().replace("_", "-").startswith("utf-8"):
        options.say(f"answers are written as UTF-8, not {reading.encoding}")
    form = forms.of(file, reading, output, kind)
    named = output or Path("standard-input" if str(file) == "-" else file.name)
    rejects = beside(named, ".rejects.jsonl")
    more |= {"rejects": rejects, "scan": scan, "form": form}
    with meter.shown(beside_answers=output is None):
        if output:
            done = files.answer_to_file(served, file, reading, codec, output, **more)
        else:
            rejects.unlink(missing_ok=True)
            standard = sys.stdout.buffer
            done = files.answer(served, file, reading, codec, output=standard, done=files.Done(), **more)
    aside = f"; {done.rejects:,} bad ones set aside in {rejects}" if done.rejects else ""
    if scan:
        unknown = f"; {scan.unknown:,} windows left out, most of whose bases are not known" if scan.unknown else ""
        options.say(f"{scan.bases:,} bases, {done.rows:,} windows{unknown}{aside}")
    else:
        options.say(f"{done.rows:,} rows{aside}")


def of_named(
    served: Predictor, codec: Any, names: Sequence[str], output: Path, on_invalid: str, beams: BeamOptions | None
) -> None:
    """Answers files into a table that has their names; interrupted, the same command goes on."""
    from seqtasks.cli import meter
    from seqtasks.data.readers import Options
    from seqtasks.files import beside
    from seqtasks.inference import files, forms
    from seqtasks.inference.values import Named

    reading, rejects = Options(on_invalid=on_invalid), beside(output, ".rejects.jsonl")
    more = {"rejects": rejects, "form": forms.of(None, reading, output), "beams": beams, "named": Named(names)}
    with meter.shown():
        done = files.answer_to_file(served, Path(names[0]).parent, reading, codec, output, **more)
    aside = f"; {done.rejects:,} bad ones set aside in {rejects}" if done.rejects else ""
    options.say(f"{done.rows:,} files{aside}")


def _text(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode(errors="replace")
