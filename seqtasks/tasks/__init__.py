"""The tasks, one file each. A task's name is its file's, its summary the first line of its docstring."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

from seqtasks.errors import unknown
from seqtasks.task import Task

FOLDER = Path(__file__).parent


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def known(name: str) -> str:
    """The task's name as its file has it, `-` taken for `_`; raises UsageError for one that no file has."""
    name = name.replace("-", "_")
    if name not in names():
        raise unknown("task", name, names())
    return name


def describe(name: str) -> dict[str, Any]:
    """A task's summary, pattern, data set and all its data sets, read from its file: nothing is imported.

    Where there are several, they are the keys of the dictionary DATASETS.
    """
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    summary = (ast.get_docstring(tree) or "").partition("\n")[0]
    call = next(
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TASK"
    )
    assert isinstance(call, ast.Call)
    given = {each.arg: each.value for each in call.keywords}
    constants = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    dataset = ast.unparse(constants.get(ast.unparse(given["dataset"]), given["dataset"])).strip("'\"")
    several = constants.get("DATASETS")
    datasets = [ast.literal_eval(key) for key in several.keys if key] if isinstance(several, ast.Dict) else [dataset]
    pattern = ast.unparse(given["pattern"])
    return {"name": name, "summary": summary, "pattern": pattern, "dataset": dataset, "datasets": datasets}


def find(name: str) -> Task:
    """The task of that name; raises UsageError for an unknown one."""
    task: Task = import_module(f"{__name__}.{known(name)}").TASK
    return task
