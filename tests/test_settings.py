"""`seqtasks settings`: every setting of a task, and the generated file and tables that hold them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from seqtasks import tasks
from seqtasks.cli import tables
from seqtasks.errors import UsageError
from tests.conftest import run


@pytest.mark.parametrize("name", tasks.names())
def test_every_setting_is_told_with_its_value_type_and_meaning(name: str):
    about = json.loads(run("settings", name, "--json").stdout)
    task = tasks.find(name)
    assert about["task"] == name
    assert {each["name"]: each["value"] for each in about["settings"]} == task.values()
    assert all(type(each["value"]).__name__ == each["type"] and each["help"] for each in about["settings"])
    assert about["datasets"] == {key: dict(values) for key, values in task.dataset_settings.items() if values}
    printed = run("settings", name).stdout.splitlines()
    assert printed[0].split() == ["setting", "value", "type", "meaning"]
    assert [line.split()[0] for line in printed[1:] if not line.startswith("on ")] == list(task.values())


def test_the_generated_file_is_that_of_these_sources():
    generated = json.loads(tables.GENERATED.read_bytes())
    assert generated["sources"] == tables._sources(), "run: seqtasks settings --write"
    assert sorted(generated["tasks"]) == tasks.names()
    assert generated["tasks"] == {name: tables._computed(name) for name in tasks.names()}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package's sources that settings come from, as it is checked out."""
    package = tmp_path / "seqtasks"
    package.mkdir()
    for name in tables.SOURCES:
        copy = shutil.copytree if (tables.PACKAGE / name).is_dir() else shutil.copy
        copy(tables.PACKAGE / name, package / name)
    monkeypatch.setattr(tables, "PACKAGE", package)
    monkeypatch.setattr(tables, "GENERATED", package / "tasks" / "settings.json")
    return tmp_path


def test_where_a_source_has_changed_the_generated_file_is_not_read(checkout: Path):
    generated = {"sources": tables._sources(), "tasks": {"dna": {"settings": [], "datasets": {}}}}
    tables.GENERATED.write_text(json.dumps(generated))
    assert tables.of("dna") == {"settings": [], "datasets": {}}
    with (checkout / "seqtasks" / "layers" / "stack.py").open("a") as file:
        file.write("# another\n")
    assert {each["name"] for each in tables.of("dna")["settings"]} == set(tasks.find("dna").values())
    tables.GENERATED.write_text("{")
    assert tables.of("dna")["settings"]


def test_what_is_between_the_marks_is_written_again(checkout: Path):
    with pytest.raises(UsageError, match="is no checkout of the project"):
        tables.write()
    (checkout / "pyproject.toml").touch()
    (checkout / "README.md").write_text(f"before\n{tables.BEGIN}\nSTALE\n{tables.END}\nbehind\n")
    assert tables.write() == [tables.GENERATED, checkout / "README.md"]
    readme = (checkout / "README.md").read_text()
    assert readme.startswith(f"before\n{tables.BEGIN}\n| setting | `{tasks.names()[0]}` |")
    assert readme.endswith(f"|\n{tables.END}\nbehind\n")
    assert "STALE" not in readme
    tables.write()
    assert (checkout / "README.md").read_text() == readme
    assert tables.of("sentiment") == tables._computed("sentiment")


def test_data_sets_with_the_same_values_are_told_together():
    about = {
        "settings": [{"name": "kmer", "value": 1}, {"name": "units", "value": 8}],
        "datasets": {"a": {"kmer": 2}, "b": {"kmer": 1}, "c": {"kmer": 2, "units": 8}, "d": {"units": 4}},
    }
    assert tables.exceptions(about) == [(["a", "c"], {"kmer": 2}), (["d"], {"units": 4})]
