"""An import may only point down, or stay on its floor. The floors are those of ARCHITECTURE.md, from the ground up."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "seqtasks"
FLOORS = (
    {"errors", "files", "setting", "task"},
    {"codecs", "layers", "decoding", "metrics", "data"},
    {"patterns"},
    {"tasks"},
    {"training", "inference"},
    {"export"},
    {"benchmarks", "api"},
    {"cli"},
)
MOST_ROOMS, MOST_LINES, MOST_LINES_OF_PEERS = 17, 300, 200  # peers are files of one form, which are compared


def rooms() -> set[str]:
    found = (path for path in PACKAGE.iterdir() if path.suffix in ("", ".py"))
    return {path.stem for path in found if not path.name.startswith("__")}


def imported(path: Path) -> set[str]:
    """The rooms that a file imports from, but for types alone."""
    found: set[str] = set()
    for node in _run(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "seqtasks":
            below = (node.module or "").split(".")[1:]
            found |= {below[0]} if below else {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("seqtasks.")}
    return found


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """A tree's nodes without those that a type checker alone looks at."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from _run(child)


def test_every_room_stands_on_one_floor():
    assert rooms() == set().union(*FLOORS)
    assert len(rooms()) <= MOST_ROOMS


def test_imports_point_down():
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    upward = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if not path.relative_to(PACKAGE).parts[0].startswith("__")
        for name in imported(path)
        if floor[name] > floor[path.relative_to(PACKAGE).parts[0].removesuffix(".py")]
    ]
    assert not upward


def test_no_file_is_long():
    long = {
        str(path.relative_to(PACKAGE)): lines
        for path in PACKAGE.rglob("*.py")
        if (lines := len(path.read_text().splitlines()))
        > (MOST_LINES_OF_PEERS if path.parent.name in ("codecs", "patterns") else MOST_LINES)
    }
    assert not long
