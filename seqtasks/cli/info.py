"""seqtasks info [MODEL]"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqtasks.cli import completion, models, options
from seqtasks.cli.verb import Verb
from seqtasks.errors import UsageError

if TYPE_CHECKING:
    from seqtasks.inference.manifest import Manifest

MAX_SHOWN = 60  # letters of a value


@click.command("info", cls=Verb, short_help="What an export is, verified", example="seqtasks info sentiment")
@click.argument(
    "model", metavar="[MODEL]", required=False, shell_complete=completion.beginning(completion.of_answering)
)
@options.json_option
def command(model: str | None, as_json: bool) -> None:
    """What an export is, its endpoints and its worked example, once its files were verified.

    MODEL is a task's name, a model's folder, whose exports are all shown, or the folder of one export. Without it all
    models in saved_models are shown.
    """
    from dataclasses import asdict

    from seqtasks.inference import predictor

    folders = [folder for place in _places(model) for folder in predictor.exports(place)]
    if not folders:
        raise UsageError(f'no export in {model or models.FOLDER}; run "seqtasks export TASK" first')
    manifests = [(folder, predictor.verified(folder)) for folder in folders]
    if as_json:
        options.say_json([{"folder": str(folder), **asdict(manifest)} for folder, manifest in manifests])
        return
    click.echo("\n\n".join("\n".join(_lines(folder, manifest)) for folder, manifest in manifests))


def _places(model: str | None) -> list[Path]:
    """Where exports are looked for; raises UsageError for a name that is neither a folder nor a task's."""
    if model is None:
        return [models.FOLDER / name for name in models.trained()]
    return [Path(model) if Path(model).is_dir() else models.locate(model, None)[1]]


def _lines(folder: Path, manifest: Manifest) -> list[str]:
    from seqtasks.inference import predictor

    size = sum((folder / name).stat().st_size for name in manifest.files)
    versions = ", ".join(f"{name} {version}" for name, version in manifest.versions.items())
    quantized = f" {manifest.quantization}" if manifest.quantization else ""
    lines = [
        str(folder),
        f"  {manifest.task} on {manifest.dataset}, {manifest.format}{quantized}, made {manifest.created}",
        f"  {len(manifest.files)} files, {size / 1e6:.1f} MB, as they were written; {versions}",
    ]
    if manifest.classes:
        lines.append(f"  classes: {_short(', '.join(manifest.classes))}")
    if said := predictor.stale(folder, manifest):
        lines.append(f"  OLD: {said}")
    for name, endpoint in manifest.endpoints.items():
        lines.append(f"  {name}({_tensors(endpoint.inputs)}) -> {_tensors(endpoint.outputs)}")
    example = dict(manifest.example)
    lines.append(f"  example: {_short(json.dumps(example.pop('input'), ensure_ascii=False))}")
    lines += [f"    {name}: {_short(json.dumps(value, ensure_ascii=False))}" for name, value in example.items()]
    return lines


def _tensors(tensors: Any) -> str:
    """Types and sizes: `values string (?)`; several tensors are in braces."""
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
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
