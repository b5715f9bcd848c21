"""Reading an export: raw values in, answers out. Knows TensorFlow and the manifest, no task and no pattern."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

from seqtasks import files
from seqtasks.errors import InputError, IntegrityError, UsageError

MANIFEST = "manifest.json"
SAVED_MODEL = "saved-model"
FOLDERS = {SAVED_MODEL: "serving", "litert": "litert", "onnx": "onnx"}  # form -> where its exports are
RUNTIMES = {"litert": "ai_edge_litert", "onnx": "onnxruntime"}  # the packages that run them
BATCH = 256  # values answered at a time, where the manifest does not say how many
REMEDY = "export again, or copy the whole folder again"


@dataclass(frozen=True)
class Served:
    """An export that was verified and loaded. Called with values it gives one dictionary for each."""

    model: Any  # the SavedModel, kept alive here
    manifest: dict[str, Any]
    folder: Path

    @property
    def batch(self) -> int:
        """How many values are answered together."""
        return int(self.manifest.get("at_once", BATCH))

    def __call__(self, values: Sequence[str | bytes]) -> list[dict[str, Any]]:
        """Strings -> [{"answer": ..., "probability": ..., "probabilities": {class: ...}}, ...], in their order."""
        if isinstance(values, str | bytes):
            raise InputError("give a list of values, not one value: model([value])")
        size = self.batch
        for number, value in enumerate(values, 1):
            if not isinstance(value, str | bytes):
                raise InputError(f"value {number} is {value!r:.60}; give strings or bytes")
        batches = [[as_bytes(value) for value in values[at : at + size]] for at in range(0, len(values), size)]
        if len(batches) == 1:
            return self._answer(batches[0])
        with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:  # one batch alone leaves the cores half idle
            return list(chain.from_iterable(pool.map(self._answer, batches)))

    def _answer(self, values: list[bytes]) -> list[dict[str, Any]]:
        import tensorflow as tf

        columns = {name: tensor.numpy() for name, tensor in self.model.serve(tf.constant(values)).items()}
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        return [self._plain(row) for row in rows]

    def _plain(self, row: dict[str, Any]) -> dict[str, Any]:
        """NumPy's values as Python's; a list of probabilities gets the names of its classes."""
        plain: dict[str, Any] = {}
        for name in sorted(row):
            value = row[name].decode(errors="replace") if isinstance(row[name], bytes) else row[name].tolist()
            plain[name] = dict(zip(self.manifest["names"], value, strict=True)) if name == "probabilities" else value
        return plain


def load(path: str | Path) -> Served:
    """The newest export in a model's folder, or the export whose folder is given.

    Raises UsageError where there is none, IntegrityError where a file is altered, missing or one too many.
    """
    folder = newest(Path(path))
    manifest = verified(folder)
    if (form := manifest.get("format", SAVED_MODEL)) != SAVED_MODEL:
        raise UsageError(f"{folder} is for {form}, which takes no raw values; give a SavedModel's folder")

    import tensorflow as tf

    try:
        return Served(tf.saved_model.load(str(folder)), manifest, folder)
    except Exception as error:  # TensorFlow raises eight kinds for one meaning
        raise IntegrityError(f"{folder} cannot be loaded ({type(error).__name__}); {REMEDY}") from error


def without_tensorflow(path: Path, form: str, values: Sequence[str]) -> list[dict[str, Any]]:
    """What the newest export of a form says of values, asked by the program in examples/ that anyone may run.

    Raises UsageError where there is no such export, its runtime is missing, or it gives no classes, IntegrityError
    where a file is altered.
    """
    folder = newest(path, form)
    manifest = verified(folder)
    if manifest.get("format", SAVED_MODEL) != form:
        raise UsageError(f"{folder} is for {manifest.get('format', SAVED_MODEL)}, not {form}; give another folder")
    if "serve" not in manifest["endpoints"]:
        raise UsageError(f"{folder} writes, token by token; --runtime is for what gives a class")
    asking, runtime = program(f"with_{form}.py"), RUNTIMES[form]
    if asking is None or find_spec(runtime) is None or find_spec("regex") is None:
        raise UsageError(f"{form} needs {runtime}, which is not installed; pip install 'seqtasks[{form}]'")
    command = [sys.executable, str(asking), str(folder), "--", *values]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise IntegrityError(f"{folder} cannot be asked ({last}); {REMEDY}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def about(path: Path, form: str = SAVED_MODEL) -> dict[str, Any]:
    """The manifest of the newest export in a model's folder, or of the one whose folder is given.

    Its files were not looked at yet. Raises UsageError where there is none, IntegrityError for an altered one.
    """
    return files.read_sealed(newest(path, form) / MANIFEST, remedy=REMEDY)


def newest(path: Path, form: str = SAVED_MODEL) -> Path:
    """The folder of the export to read; raises UsageError where there is none."""
    if (path / MANIFEST).exists() or (path / "saved_model.pb").exists():
        return path
    found = folders(path, form)
    if not found:
        option = "" if form == SAVED_MODEL else f" --format {form}"
        card = path / "card.json"
        task = files.read_json(card, remedy=REMEDY).get("task", "TASK") if card.exists() else "TASK"
        raise UsageError(
            f'no export in {path}; run "seqtasks export {task}{option}" first or name its folder with --model'
        )
    return found[-1]


def exports(path: Path) -> list[Path]:
    """The folders of all exports in a model's folder, or the folder given where it is an export."""
    if (path / MANIFEST).exists():
        return [path]
    return [each for form in FOLDERS for each in folders(path, form)]


def numbers(path: Path, form: str = SAVED_MODEL) -> list[int]:
    """The numbers of a form's exports in a model's folder, in order."""
    return [int(each.name) for each in folders(path, form)]


def folders(path: Path, form: str = SAVED_MODEL) -> list[Path]:
    """The folders of a form's exports in a model's folder, by their numbers: 00000002, as some write it, is 2."""
    found = (each for each in (path / FOLDERS[form]).glob("*") if each.name.isdecimal())
    return sorted(found, key=lambda each: int(each.name))


def verified(folder: Path) -> dict[str, Any]:
    """The manifest, after every file was compared with it; raises IntegrityError by the name of the file."""
    manifest = files.read_sealed(folder / MANIFEST, remedy=REMEDY)
    recorded = manifest.get("files", {})
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()} - {MANIFEST}
    for name in sorted({*recorded, *present}):
        path = folder / name
        if name not in recorded:
            raise IntegrityError(f"{path} does not belong to this export; {REMEDY}")
        if name not in present or path.is_symlink() or not path.is_file() or files.sha256(path) != recorded[name]:
            raise IntegrityError(f"{path} does not match {MANIFEST}; {REMEDY}")
    return manifest


def program(name: str) -> Path | None:
    """One of the programs in examples/, which are installed with the package; None where they are not."""
    here = Path(__file__).parents[1]
    places = (here / "examples" / name, here.parent / "examples" / name)  # installed; in a checkout
    return next((place for place in places if place.is_file()), None)


def as_bytes(value: str | bytes) -> bytes:
    """UTF-8; what the command line could not decode comes out as the bytes that it was."""
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
