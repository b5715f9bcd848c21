"""An import may only point down. The floors are those of ARCHITECTURE.md, from the ground up."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "seqtasks"
FLOORS = (
    {"beside_keras", "cards", "errors", "files", "interrupts", "task"},
    {
        "layers",
        "batching",
        "builders",
        "checkpoints",
        "decoding",
        "downloading",
        "fasta",
        "measures",
        "own",
        "pages",
        "pictures",
        "plots",
        "readers",
        "scanning",
        "splits",
        "streams",
        "vocabulary",
        "wording",
    },
    {"codecs"},
    {"patterns"},
    {"training"},
    {"tasks"},
    {"preparing", "trained"},
    {"learning"},
    {
        "answering",
        "converting",
        "evaluation",
        "exporting",
        "looking",
        "mutation",
        "quantizing",
        "runtimes",
        "serving",
        "writing",
    },
    {"benchmarks", "comparing", "folding", "health"},
    {"cli"},
)


def imported(path: Path) -> set[str]:
    """The parts of seqtasks that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "seqtasks":
            below = (node.module or "").split(".")[1:]
            found |= {below[0]} if below else {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("seqtasks.")}
    return found


def floor(name: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if name in names)


def test_every_part_stands_on_one_floor():
    parts = {path.stem for path in PACKAGE.iterdir() if not path.name.startswith("__")}
    assert parts == set().union(*FLOORS)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path):
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if part.startswith("__"):
        return
    allowed = {name for names in FLOORS[: floor(part) + 1] for name in names}
    assert imported(path) <= allowed
