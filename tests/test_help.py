"""What helps while one types: options in groups with an example, and a shell that completes words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from seqtasks import tasks
from seqtasks.cli import completion, group, listing, options
from seqtasks.cli.verb import OTHERS, Verb
from seqtasks.data import user
from seqtasks.layers import stack
from tests.conftest import run
from tests.test_cli import HEAVY

COLUMNS, MOST = 80, 10  # of a help; options in a group


@pytest.mark.parametrize("name", group.commands)
def test_a_verb_has_its_options_in_groups_and_an_example(name: str):
    verb = group.commands[name]
    assert isinstance(verb, Verb)
    lines = run(name, "--help").stdout.splitlines()
    assert max(map(len, lines)) <= COLUMNS
    assert f"{OTHERS}:" in lines
    assert lines[lines.index("Example:") + 1].startswith(f"  seqtasks {name}")
    groups = verb.grouped(click.Context(verb))
    assert max(map(len, groups.values())) <= MOST
    known = {each.name for each in verb.params}
    assert all(any(each in known for each in names) for names in verb.groups.values())
    if title := next((title for title in verb.groups if title not in ("Data", "How your own file is read")), None):
        assert set(verb.groups[title]) <= known  # no option that is gone


def offered(typed: str, word: str = "") -> list[str]:
    shell = ShellComplete(group, {}, "seqtasks", "_SEQTASKS_COMPLETE")
    return [each.value for each in shell.get_completions(typed.split(), word)]


def test_a_shell_is_offered_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tasks, "_outside", {})
    for name in ("mine", "sentiment", ".hidden"):
        (tmp_path / "saved_models" / name).mkdir(parents=True)
    assert offered("", "ev") == ["evaluate"]
    assert offered("train") == tasks.names()
    assert offered("train", "sen") == ["sentiment"]
    assert offered("settings", "d") == ["dna"]
    assert offered("download sentiment", "d") == ["dna"]
    assert offered("predict", "mi") == ["mine"]
    assert offered("generate", "te") == ["text_generation"]
    assert offered("train sentiment --cell", "l") == ["lstm"]
    assert offered("compare sentiment --cells", "lstm,g") == ["lstm,gru"]
    assert offered("train sentiment --set", "drop") == ["dropout="]
    assert offered("train sentiment --set", "kmer") == []
    assert offered("train dna --set", "kmer") == ["kmer="]
    assert offered("train sentiment --set", "bidirectional=") == ["bidirectional=true", "bidirectional=false"]
    assert offered("train sentiment --set", "cell=i") == ["cell=irnn"]
    assert offered("train sentiment --dataset") == ["imdb_reviews"]
    assert "gue/prom_core_all" in offered("train dna --dataset", "gue/")
    assert offered("train sentiment --like") == ["mine", "sentiment"]
    assert offered("evaluate sentiment --split", "v") == ["validation"]
    assert offered("predict sentiment --format", "js") == ["jsonl", "json"]
    assert "layers" in offered("bench")
    assert offered("fly", "x") == []


@pytest.mark.parametrize("shell", [BashComplete, ZshComplete, FishComplete])
def test_each_shell_has_a_script(shell: type[ShellComplete], monkeypatch: pytest.MonkeyPatch):
    made = shell(group, {}, "seqtasks", "_SEQTASKS_COMPLETE")
    monkeypatch.setattr(BashComplete, "_check_version", lambda *_: None)
    assert "seqtasks" in made.source()
    monkeypatch.setenv("COMP_WORDS", "seqtasks train dn" if shell is not FishComplete else "seqtasks train")
    monkeypatch.setenv("COMP_CWORD", "2" if shell is not FishComplete else "dn")
    assert "dna" in made.complete()


def test_the_cells_that_are_offered_are_those_there_are():
    assert tuple(stack.CELLS) == completion.CELLS


@pytest.mark.trains
def test_a_shell_that_completes_imports_nothing_heavy(tmp_path: Path):
    code = f"""
import os, sys
os.environ |= {{"_SEQTASKS_COMPLETE": "bash_complete", "COMP_CWORD": "4"}}
os.environ["COMP_WORDS"] = "seqtasks train sentiment --set un"
from seqtasks.cli import main
try:
    main([])
except SystemExit:
    print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == ["plain,units="]
    assert done.stderr.splitlines()[-1].strip() == ""


def test_list_fits_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    table = run("list").stdout.splitlines()
    assert table[0].split()[:3] == ["task", "model", "pattern"]
    row = {
        "task": "dna",
        "model": "mine",
        "pattern": "many_to_one",
        "dataset": "gue/prom_core_all",
        "trained": "a.csv, 2026-11-28",
        "measured": "accuracy 0.9 (test), of earlier weights",
        "exported": "12, of earlier weights",
        "summary": "x y " * 40,
    }
    lines = listing._lines(row)
    assert max(map(len, lines)) <= COLUMNS
    assert lines[0].startswith("mine (dna): x y")
    said = " ".join(line.strip() for line in lines)
    assert "many_to_one on gue/prom_core_all; trained on a.csv, 2026-11-28; accuracy 0.9 (test), of earlier" in said
    assert listing._lines(dict.fromkeys(row) | {"task": "dna", "model": "dna"}) == ["dna: not described"]


def test_tensorflow_is_started_quietly_before_a_person_s_file_is_looked_at(monkeypatch: pytest.MonkeyPatch):
    called: list[str] = []

    def source(*_: object) -> None:
        called.append("source")
        raise KeyboardInterrupt

    monkeypatch.setattr(options, "start_tensorflow", lambda: called.append("tensorflow"))
    monkeypatch.setattr(user, "Source", source)
    with pytest.raises(click.exceptions.Abort):
        run("train", "sentiment", "--data", "a.csv")
    assert called == ["tensorflow", "source"]
