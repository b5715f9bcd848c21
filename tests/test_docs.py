"""What the documents say is there."""

from __future__ import annotations

import hashlib
import re
import tomllib
import warnings
from pathlib import Path

import pytest

from seqtasks import cli, tasks
from seqtasks.cli import reference, tables
from tests import blocks

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [*blocks.documents(), ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
LINES, BYTES = 200, 200_000
LINK = re.compile(r"\]\(([^)\s#:]+)(?:#[^)]*)?\)")  # of a file of ours
FIGURE = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def test_the_readme_is_two_pages_and_its_pictures_are_small():
    assert len(README.splitlines()) <= LINES
    assert sum(path.stat().st_size for path in (ROOT / "docs" / "pictures").iterdir()) < BYTES


def test_the_readme_names_no_commit():
    assert not re.findall(r"\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,40}\b", README)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path):
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        assert (path.parent / link).exists(), f"{path.name} links to {link}"


def test_every_figure_of_the_readme_s_tables_stands_on_the_page_that_it_links_to():
    rows = [line for line in README.splitlines() if line.startswith("|") and "docs/" in line]
    assert len(rows) > 2 * len(tasks.names())
    for row in rows:
        page = "".join((ROOT / link).read_text(encoding="utf-8") for link in LINK.findall(row))
        missing = [figure for figure in FIGURE.findall(LINK.sub("", row)) if figure not in FIGURE.findall(page)]
        assert not missing, f"{row}: {missing}"


def test_the_portuguese_readme_is_of_this_one():
    mark = f"<!-- of README.md: {hashlib.sha256(README.encode()).hexdigest()[:12]} -->"
    portuguese = blocks.PORTUGUESE.read_text(encoding="utf-8")
    assert portuguese.startswith(mark), f"translate what has changed in README.md, then put {mark}"
    for part in (r"^#+ ", r"^\|", r"^- ", r"^!\["):
        assert len(re.findall(part, portuguese, re.MULTILINE)) == len(re.findall(part, README, re.MULTILINE))


def test_the_portuguese_readme_shows_the_same_commands():
    ours, theirs = (
        [[line.partition("#")[0].rstrip() for line in block.text.splitlines()] for block in blocks.blocks(path)]
        for path in (ROOT / "README.md", blocks.PORTUGUESE)
    )
    assert ours == theirs


def test_the_documents_are_built_without_a_warning(tmp_path: Path):
    from sphinx.cmd.build import build_main

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own libraries
        assert build_main(["-W", "--keep-going", "-q", str(ROOT / "docs"), str(tmp_path)]) == 0
    for page in (ROOT / "docs").rglob("*.md"):
        assert (tmp_path / page.relative_to(ROOT / "docs")).with_suffix(".html").exists()


def test_the_readmes_table_has_every_task_with_its_pattern_and_data_set():
    for name in tasks.names():
        about = tasks.describe(name)
        row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
        assert about["pattern"] in row
        assert about["dataset"] in row


def test_what_is_generated_in_the_documents_is_of_the_code():
    generated = {name: tables.of(name) for name in tasks.names()}
    documents = [path.read_text(encoding="utf-8") for path in tables.documents(ROOT)]
    assert all(tables.filled(text, generated) == text for text in documents), "run: seqtasks settings --write"
    assert all(any(begin in text for text in documents) for begin in (tables.BEGIN, reference.BEGIN))


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
