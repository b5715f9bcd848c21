"""The settings of all tasks as data: in a generated file, which is read in place of the code, and in the documents.

tasks/settings.json has the hash of the sources that it was made of. Where these have changed it is made again in
memory, which imports the task and so TensorFlow.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqtasks import files, tasks
from seqtasks.cli import options, reference
from seqtasks.errors import UsageError

PACKAGE = Path(__file__).parents[1]
GENERATED = PACKAGE / "tasks" / "settings.json"
SOURCES = ("setting.py", "task.py", "codecs", "layers", "patterns", "tasks")
BEGIN, END = "<!-- settings:begin -->", "<!-- settings:end -->"

About = dict[str, Any]  # {"settings": [{"name", "value", "type", "help"}, ...], "datasets": {name: {setting: value}}}


def of(name: str) -> About:
    """The settings of a task, and the values that data sets have instead."""
    try:
        generated = json.loads(GENERATED.read_bytes())
        if generated["sources"] == _sources():
            found: About = generated["tasks"][name]
            return found
    except (OSError, ValueError, KeyError):
        pass
    return _computed(name)


def write() -> list[Path]:
    """Writes the generated file and what is between the documents' marks; their paths.

    Raises UsageError outside a checkout.
    """
    root = PACKAGE.parent
    if not (root / "pyproject.toml").exists():
        raise UsageError(f"{root} is no checkout of the project; --write is for one")
    every = {name: _computed(name) for name in tasks.names()}
    files.write_json(GENERATED, {"sources": _sources(), "tasks": every})
    marked = [path for path in documents(root) if any(begin in _text(path) for begin, *_ in _generated(every))]
    for path in marked:
        files.write(path, filled(_text(path), every))
    return [GENERATED, *marked]


def documents(root: Path) -> list[Path]:
    """README.md and the pages of docs/."""
    return [path for path in (root / "README.md", *sorted((root / "docs").rglob("*.md"))) if path.exists()]


def filled(document: str, every: Mapping[str, About]) -> str:
    """A document with what belongs between its marks."""
    for begin, end, content in _generated(every):
        if begin in document:
            before, _, rest = document.partition(begin)
            document = f"{before}{begin}\n{content}\n{end}{rest.partition(end)[2]}"
    return document


def _generated(every: Mapping[str, About]) -> list[tuple[str, str, str]]:
    """Each pair of marks with what is between them."""
    return [(BEGIN, END, markdown(every)), (reference.BEGIN, reference.END, reference.markdown())]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def markdown(every: Mapping[str, About]) -> str:
    """A table of all settings with each task's value, and one of what data sets have instead."""
    values = {name: {each["name"]: each["value"] for each in about["settings"]} for name, about in every.items()}
    meanings: dict[str, list[str]] = {}
    for about in every.values():
        for each in about["settings"]:
            meanings.setdefault(each["name"], [])
            if each["help"] not in meanings[each["name"]]:
                meanings[each["name"]].append(each["help"])
    lines = [f"| setting | {' | '.join(f'`{name}`' for name in every)} | |", "|---" * (len(every) + 2) + "|"]
    for setting, meaning in meanings.items():
        cells = [text(values[name][setting], commas=True) if setting in values[name] else "" for name in every]
        lines.append(f"| `{setting}` | {' | '.join(cells)} | {'; '.join(meaning)} |")
    lines += ["", "| task | data set | its own values |", "|---|---|---|"]
    for name, about in every.items():
        for datasets, own in exceptions(about):
            shown = ", ".join(f"`{setting}` {text(value, commas=True)}" for setting, value in own.items())
            lines.append(f"| `{name}` | {', '.join(datasets)} | {shown} |")
    return "\n".join(lines)


def exceptions(about: About) -> list[tuple[list[str], dict[str, Any]]]:
    """Data sets with those of their own values that are not the task's, together where they have the same."""
    values = {each["name"]: each["value"] for each in about["settings"]}
    groups: list[tuple[list[str], dict[str, Any]]] = []
    for dataset, own in about["datasets"].items():
        others = {name: value for name, value in own.items() if value != values[name]}
        same = next((datasets for datasets, known in groups if known == others), None)
        if same:
            same.append(dataset)
        elif others:
            groups.append(([dataset], others))
    return groups


def text(value: bool | int | float | str, *, commas: bool = False) -> str:
    """A setting's value as --set takes it, or as a person reads it: with commas between thousands."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if commas and isinstance(value, int) else str(value)


def _computed(name: str) -> About:
    options.start_tensorflow()
    task = tasks.find(name)
    settings = [
        {"name": each, "value": setting.default, "type": type(setting.default).__name__, "help": setting.help}
        for each, setting in task.all_settings().items()
    ]
    return {"settings": settings, "datasets": {key: dict(own) for key, own in task.dataset_settings.items() if own}}


def _sources() -> str:
    """sha256 of the files that settings come from: their paths and contents."""
    digest = hashlib.sha256()
    for path in sorted(_files()):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for name in SOURCES:
        path = PACKAGE / name
        yield from path.rglob("*.py") if path.is_dir() else [path]
