"""seqtasks info DIR"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from seqtasks.cli import options
from seqtasks.errors import UsageError

SHOWN = 60  # letters of a value


@click.command("info")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@options.json_option
def command(folder: Path, as_json: bool) -> None:
    """What an export is, its endpoints and its worked example, once its files were verified.

    Of a model's folder, all the exports in it.
    """
    from seqtasks.inference import predictor

    folders = predictor.exports(folder)
    if not folders:
        raise UsageError(f'no export in {folder}; run "seqtasks export TASK" first')
    manifests = [{"folder": str(each), **predictor.verified(each)} for each in folders]
    if as_json:
        options.say_json(manifests)
        return
    click.echo("\n\n".join("\n".join(_lines(each)) for each in manifests))


def _lines(manifest: dict[str, Any]) -> list[str]:
    size = sum((Path(manifest["folder"]) / name).stat().st_size for name in manifest["files"])
    versions = ", ".join(f"{name} {version}" for name, version in manifest["versions"].items())
    lines = [
        manifest["folder"],
        f"  {manifest['task']} on {manifest['dataset']}, {manifest['format']}, made {manifest['created']}",
        f"  {len(manifest['files'])} files, {size / 1e6:.1f} MB, as they were written; {versions}",
    ]
    if manifest["names"]:
        lines.append(f"  classes: {_short(', '.join(manifest['names']))}")
    for name, endpoint in manifest["endpoints"].items():
        lines.append(f"  {name}({_tensors(endpoint['inputs'])}) -> {_tensors(endpoint['outputs'])}")
    example = dict(manifest["example"])
    lines.append(f"  example: {_short(json.dumps(example.pop('input'), ensure_ascii=False))}")
    lines += [f"    {name}: {_short(json.dumps(value, ensure_ascii=False))}" for name, value in example.items()]
    return lines


def _tensors(tensors: Any) -> str:
    """Types and sizes: `values string (?)`; what holds several is in braces."""
    if isinstance(tensors, list):
        return ", ".join(_tensors(each) for each in tensors)
    if isinstance(tensors.get("type"), str):
        return f"{tensors['type']} ({_sizes(tensors['size'])})"
    return ", ".join(
        f"{name} {_tensors(each)}" if isinstance(each.get("type"), str) else f"{name} {{{_tensors(each)}}}"
        for name, each in tensors.items()
    )


def _sizes(sizes: list[int | None] | None) -> str:
    return "..." if sizes is None else ", ".join("?" if size is None else str(size) for size in sizes)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
