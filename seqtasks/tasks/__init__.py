"""The tasks, one file each. A task's name is its file's, its summary the first line of its docstring.

Others come from outside the package: from a file (`load`), from an installed package (entry points of GROUP, which are
looked up for a name that no file here has), or from a notebook (`add`).
"""

from __future__ import annotations

import ast
import hashlib
import sys
import traceback
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from seqtasks.errors import InputError, unknown
from seqtasks.errors import UsageError as UsageError
from seqtasks.task import Task

FOLDER = Path(__file__).parent
GROUP = "seqtasks.tasks"  # of entry points: NAME = "package.module:TASK"
LOADED = "seqtasks_code_"  # before the name of a file that was run, among Python's modules


@dataclass(frozen=True)
class Outside:
    """A task that is none of this folder's, once it was loaded."""

    task: Task
    summary: str
    file: Path | None = None  # that defines it
    sha256: str | None = None  # of the file, as it was run


_outside: dict[str, Outside] = {}


def names() -> list[str]:
    """The package's own."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def every_name() -> list[str]:
    """Those of outside as well: loaded ones, and those of installed packages."""
    return sorted({*names(), *_outside, *installed()})


def installed() -> dict[str, EntryPoint]:
    """The entry points of installed packages by name; one that is called as a task of this package is none."""
    return {each.name: each for each in entry_points(group=GROUP) if each.name not in names()}


def known(name: str) -> str:
    """The task's name as its file has it, `-` taken for `_`; raises UsageError for one that there is not."""
    name = name.replace("-", "_")
    if name not in names() and name not in _outside and name not in installed():
        raise unknown("task", name, every_name())
    return name


def describe(name: str) -> dict[str, Any]:
    """A task's summary, pattern, data set and all its data sets; of its own, nothing is imported.

    Where there are several data sets, they are the keys of the dictionary DATASETS. Of an installed package's task that
    was not loaded yet only the package is known.
    """
    if outside := _outside.get(name):
        task = outside.task
        about = {"pattern": _pattern(task), "dataset": task.dataset, "datasets": [task.dataset]}
        return {"name": name, "summary": outside.summary, **about}
    if name not in names():
        found = installed().get(name)
        summary = f"of the package {found.dist.name} {found.dist.version}" if found and found.dist else None
        return {"name": name, "summary": summary, "pattern": None, "dataset": None, "datasets": []}
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
    """The task of that name, imported now; raises UsageError for an unknown one, InputError for one that fails."""
    name = known(name)
    if name in names():
        own: Task = import_module(f"{__name__}.{name}").TASK
        return own
    if name not in _outside:
        _load_installed(installed()[name])
    return _outside[name].task


def outside(name: str) -> Outside | None:
    """What is known of a task that was loaded from outside the package; None for any other."""
    return _outside.get(name)


def add(task: Task, summary: str = "", file: Path | None = None, sha256: str | None = None) -> str:
    """Makes a task of outside known, in place of an earlier one of its name, which is given.

    Raises InputError for a name that is a task's of this package, or that no folder and no command could have.
    """
    place = file or "the task"
    if task.name in names():
        raise InputError(f"{place} is called {task.name}, as a task of seqtasks is; give it a name of its own")
    if not task.name.isidentifier():
        raise InputError(f"{place} is called {task.name!r}; give it a name of letters, digits and _")
    _outside[task.name] = Outside(task, summary, file, sha256)
    return task.name


def load(path: Path) -> str:
    """Runs a Python file that defines one task, and gives the task's name, by which it is known from now on.

    Raises InputError for a file that cannot be read, that raises an error, or that defines no task or several.
    """
    path = path.absolute()
    try:
        source = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); give the path of a Python file") from None
    name = f"{LOADED}{path.stem}"
    spec = spec_from_loader(name, None, origin=str(path))
    assert spec
    module = sys.modules[name] = module_from_spec(spec)  # dataclasses look it up there
    module.__file__ = str(path)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # last: its neighbours can be imported, and hide nothing
    try:
        exec(compile(source, str(path), "exec"), vars(module))
    except (Exception, SystemExit) as error:
        raise InputError(f"{_place(path, error)} {_reason(error)}; correct it") from error
    return add(_only_task(path, module), _first_line(module), path, hashlib.sha256(source).hexdigest())


def _load_installed(entry: EntryPoint) -> None:
    """Raises InputError for an entry point that cannot be imported, or is no task of its name."""
    where = f"the task {entry.name} of {entry.dist.name if entry.dist else 'a package'} ({entry.value})"
    try:
        task = entry.load()
    except (Exception, SystemExit) as error:
        raise InputError(f"{where} cannot be imported: {_reason(error)}; install another version of it") from error
    if not isinstance(task, Task) or task.name != entry.name:
        raise InputError(f"{where} is no task of this name; install another version of it")
    module = import_module(entry.module)
    file = Path(module.__file__) if module.__file__ else None
    add(task, _first_line(module), file, hashlib.sha256(file.read_bytes()).hexdigest() if file else None)


def _only_task(path: Path, module: ModuleType) -> Task:
    """The one task among a module's values that is none of this package's."""
    imported = [getattr(sys.modules.get(f"{__name__}.{each}"), "TASK", None) for each in names()]
    values = [value for value in vars(module).values() if isinstance(value, Task)]
    found = {id(value): value for value in values if not any(value is each for each in imported)}
    if len(found) != 1:
        named = f"{len(found)} tasks ({', '.join(task.name for task in found.values())})" if found else "no task"
        raise InputError(f"{path} defines {named}; leave one in it, TASK = Task(...)")
    return next(iter(found.values()))


def _place(path: Path, error: BaseException) -> str:
    """The file with the last of its lines that an error came through."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _reason(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {' '.join(text.split())[:200]}"


def _first_line(module: ModuleType) -> str:
    return (module.__doc__ or "").strip().partition("\n")[0]


def _pattern(task: Task) -> str:
    """The name of a pattern's module."""
    return str(vars(task.pattern).get("__name__", type(task.pattern).__name__)).rpartition(".")[2]
