"""Every input of the corpus comes to what is wanted of it: an answer, or one line and an exit code."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seqtasks.cli import main
from tests.conftest import Learned
from tests.faults.conftest import survived
from tests.faults.corpus import CASES, Case

QUICK = {"crlf.csv", "text: empty", "cut.jpg", "prompt: unseen", "a flipped graph"}


def test_the_corpus_is_large_and_its_names_are_its_own():
    altered = sum(case.harm is not None for case in CASES)
    assert len(CASES) - altered >= 224
    assert len({case.name for case in CASES}) == len(CASES)
    assert altered >= 39


def cases() -> list[object]:
    """All; those that take a model, or its making, and are no example of theirs are for the long half."""
    slow = {case.name for case in CASES if case.task or (case.command[0] == "train" and not case.code)}
    return [
        pytest.param(case, id=case.name, marks=pytest.mark.faults if case.name in slow - QUICK else ())
        for case in CASES
    ]


@pytest.mark.parametrize("case", cases())
def test_an_input_comes_to_what_is_wanted(
    case: Case,
    learned_of: Callable[[str], Learned],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
):
    here, model = tmp_path / "here", tmp_path / "model"
    here.mkdir()
    for name, content in case.files.items():
        (here / name).write_bytes(content)
    if case.task:
        shutil.copytree(learned_of(case.task).folder, model, ignore=shutil.ignore_patterns("litert", "onnx", "[2-9]"))
    if case.harm:
        case.harm(model)
    monkeypatch.chdir(here)
    (tmp_path / "stdin").write_bytes(case.stdin)
    with (tmp_path / "stdin").open() as stdin, pytest.raises(SystemExit) as ended:
        monkeypatch.setattr(sys, "stdin", stdin)
        main([each.replace("{model}", str(model)) for each in case.command])
    printed = capfdbinary.readouterr()
    errors = printed.err.decode(errors="replace")
    last = (errors.splitlines() or [""])[-1]
    if case.code:
        fine = case.said in last and last.startswith("seqtasks: error: ") and "Traceback" not in errors
    else:
        fine = case.said in printed.out.decode(errors="replace") + errors
    what = "attacks on artefacts refused" if case.harm else "inputs answered as wanted"
    assert survived(what, case.name, fine and ended.value.code == case.code), (ended.value.code, errors[-500:])
