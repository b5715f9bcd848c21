"""What the documents say is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from seqtasks import cli, tasks
from seqtasks.cli import tables
from tests.conftest import run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_readme_shows_only_commands_that_there_are():
    verbs = set(re.findall(r"^(?:\$ )?(?:\.venv/bin/)?seqtasks (\w+)", README, re.MULTILINE))
    printed = run("--help").output
    assert verbs
    assert all(re.search(rf"^  {verb} ", printed, re.MULTILINE) for verb in verbs)


def test_the_readme_shows_only_options_that_there_are():
    for verb, rest in re.findall(r"^(?:\$ )?(?:\.venv/bin/)?seqtasks (\w+)(.*)$", README, re.MULTILINE):
        known = run(verb, "--help").output
        for option in re.findall(r"(?<=\s)--[a-z-]+", rest.partition("#")[0]):
            assert option in known, f"seqtasks {verb} has no {option}"


def test_the_readmes_table_has_every_task_with_its_pattern_and_data_set():
    for name in tasks.names():
        about = tasks.describe(name)
        row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
        assert about["pattern"] in row
        assert about["dataset"] in row


def test_the_readme_s_table_of_settings_is_that_of_the_code():
    generated = {name: tables.of(name) for name in tasks.names()}
    between = README.partition(tables.BEGIN)[2].partition(tables.END)[0]
    assert between.strip() == tables.markdown(generated).strip(), "run: seqtasks settings --write"


def test_make_knows_every_task_without_being_told():
    makefile = (ROOT / "Makefile").read_text()
    assert not any(name in makefile for name in tasks.names())


def test_the_changelog_knows_the_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_changelog_lists_the_verbs():
    (listed,) = re.findall(r"`seqtasks (\w+(?: \| \w+)+)`", (ROOT / "CHANGELOG.md").read_text())
    assert listed.split(" | ") == [module.command.name for module in cli.VERBS]


def test_every_part_is_installed():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "seqtasks").rglob("*.py")}
    assert sorted(packages) == sorted([*(".".join(folder.parts) for folder in folders), "seqtasks.examples"])
