"""Reading an export: raw values in, answers out. Knows TensorFlow and the manifest, no task and no pattern."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqtasks import files
from seqtasks.data import paths
from seqtasks.errors import InputError, IntegrityError, UsageError
from seqtasks.inference import manifest as manifests
from seqtasks.inference.manifest import REMEDY, Manifest

if TYPE_CHECKING:
    from seqtasks.inference.explanation import Entities, Explanation

SAVED_MODEL = "saved-model"
CARD, WEIGHTS = "card.json", "model.weights.h5"  # of a trained model
FOLDERS = {SAVED_MODEL: "serving", "litert": "litert", "onnx": "onnx"}  # format -> where its exports are
RUNTIMES = {"litert": "ai_edge_litert", "onnx": "onnxruntime"}  # the packages that run them


@dataclass(frozen=True)
class Predictor:
    """An export that was verified and loaded. Called with values it gives one dictionary for each."""

    model: Any  # the SavedModel, kept alive here
    manifest: Manifest
    folder: Path

    def __call__(self, values: Any) -> Any:
        """Strings -> [{"answer": ..., "probability": ..., "probabilities": {class: ...}}, ...], in their order.

        Of one string its dictionary alone, of a pandas Series a DataFrame with its index.
        """
        if isinstance(values, str | bytes):
            return self.answers([values])[0]
        if "pandas" in sys.modules:
            import pandas as pd

            if isinstance(values, pd.Series):
                return pd.DataFrame(self.answers(values.tolist()), index=values.index)
        return self.answers(values)

    def __repr__(self) -> str:
        return f"<Predictor {self.manifest.task} on {self.manifest.dataset}, from {self.folder}>"

    def generate(self, prompt: str = "", *, max_new_tokens: int | None = None, seed: int = 0, **sampling: Any) -> str:
        """What the model writes behind a prompt; sampling as in generation.SamplingOptions.

        Raises UsageError where it does not go on with a text.
        """
        return "".join(self.stream(prompt, max_new_tokens=max_new_tokens, seed=seed, **sampling))

    def stream(
        self, prompt: str = "", *, max_new_tokens: int | None = None, seed: int = 0, **sampling: Any
    ) -> Iterator[str]:
        """The same in parts, as they are written."""
        from seqtasks.inference import generation

        generation.require(self.manifest, self.folder, "decode")
        settings = self.manifest.settings
        options = generation.SamplingOptions(**{"temperature": settings["temperature"], **sampling})
        length = settings["max_new_tokens"] if max_new_tokens is None else max_new_tokens
        parts = generation.stream(self, [as_bytes(prompt)], max_new_tokens=length, seeds=[seed], options=options)
        return (text for (text,) in parts)

    def answers(self, values: Sequence[str | bytes], endpoint: str = "serve") -> list[dict[str, Any]]:
        """A dictionary for each value, in their order; raises InputError for what is no string."""
        size = self.manifest.batch_size
        for number, value in enumerate(values, 1):
            if not isinstance(value, str | bytes):
                raise InputError(f"value {number} is {value!r:.60}; give strings or bytes")
        batches = [[as_bytes(value) for value in values[at : at + size]] for at in range(0, len(values), size)]
        if len(batches) == 1:
            return self._answer(endpoint, batches[0])
        with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:  # one batch alone leaves the cores half idle
            return list(chain.from_iterable(pool.map(partial(self._answer, endpoint), batches)))

    def explain(self, value: str | bytes) -> Explanation | Entities:
        """What the answer to one value hangs on, as pieces and what each adds; `.html()` is a page.

        Raises UsageError for an export whose answers cannot be explained.
        """
        from seqtasks.inference import explain

        return explain.explain(self, as_bytes(value))

    def _answer(self, endpoint: str, values: list[bytes]) -> list[dict[str, Any]]:
        import tensorflow as tf

        outputs = getattr(self.model, endpoint)(tf.constant(values))
        columns = {name: tensor.numpy() for name, tensor in sorted(outputs.items())}
        rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
        named = self.manifest.endpoints[endpoint].classes
        return [
            {name: self._by_class(plain(value)) if name in named else plain(value) for name, value in row.items()}
            for row in rows
        ]

    def _by_class(self, value: list[Any]) -> Any:
        """A list of numbers with the names of the classes; of such lists, each."""
        if value and isinstance(value[0], list):
            return [self._by_class(each) for each in value]
        return dict(zip(self.manifest.classes, value, strict=True))


def load(path: str | Path) -> Predictor:
    """The newest export in a model's folder, or the export whose folder is given.

    Raises UsageError where there is none, IntegrityError where a file is altered, missing or one too many.
    """
    folder = newest(Path(path))
    manifest = verified(folder)
    if manifest.format != SAVED_MODEL:
        raise UsageError(f"{folder} is for {manifest.format}, which takes no raw values; give a SavedModel's folder")

    import tensorflow as tf

    try:
        with paths.plain(folder) as place:
            return Predictor(tf.saved_model.load(str(place)), manifest, folder)
    except Exception as error:  # TensorFlow raises eight kinds for one meaning
        raise IntegrityError(f"{folder} cannot be loaded ({type(error).__name__}); {REMEDY}") from error


def without_tensorflow(path: Path, format: str, values: Sequence[str]) -> list[dict[str, Any]]:
    """Answers of the newest export of a format, from the program in examples/ that anyone may run.

    Raises UsageError where there is no such export, its runtime is missing, or it gives no classes, IntegrityError
    where a file is altered.
    """
    folder = newest(path, format)
    manifest = verified(folder)
    if manifest.format != format:
        raise UsageError(f"{folder} is for {manifest.format}, not {format}; give another folder")
    if "serve" not in manifest.endpoints:
        raise UsageError(f"{folder} generates token by token; --runtime is for what gives a class")
    example, runtime = program(f"with_{format}.py"), RUNTIMES[format]
    if example is None or find_spec(runtime) is None or find_spec("regex") is None:
        raise UsageError(f"{format} needs {runtime}, which is not installed; pip install 'seqtasks[{format}]'")
    with paths.plain(folder) as place:
        named = ["--files"] if manifest.reads_files else []
        command = [sys.executable, str(example), str(place), *named, "--", *values]
        done = subprocess.run(command, capture_output=True, check=False, encoding="utf-8", errors="replace")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise IntegrityError(f"{folder} cannot be run ({last}); {REMEDY}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def about(path: Path, format: str = SAVED_MODEL) -> Manifest:
    """The manifest of the newest export in a model's folder, or of the one whose folder is given.

    Its files are not looked at. Raises UsageError where there is none, IntegrityError for an altered one.
    """
    return Manifest.read(newest(path, format))


def newest(path: Path, format: str = SAVED_MODEL) -> Path:
    """The folder of the export to read; raises UsageError where there is none."""
    if (path / manifests.NAME).exists() or (path / "saved_model.pb").exists():
        return path
    found = folders(path, format)
    if not found:
        option = "" if format == SAVED_MODEL else f" --format {format}"
        card = path / CARD
        if not card.exists():
            raise UsageError(f'no export in {path}, and no model; run "seqtasks train TASK" first or name its folder')
        task = files.read_json(card, remedy=REMEDY).get("task", "TASK")
        raise UsageError(
            f'no export in {path}; run "seqtasks export {task}{option}" first or name its folder with --model'
        )
    return found[-1]


def stale(folder: Path, manifest: Manifest) -> str | None:
    """What to say where an export is of earlier weights than those of the model in whose folder it is; else None."""
    trained = folder.absolute().parents[1]
    try:
        weights = json.loads((trained / CARD).read_bytes())["files"][WEIGHTS]
    except (OSError, ValueError, KeyError, TypeError):  # there is no model beside it, or a damaged one
        return None
    if weights == manifest.weights:
        return None
    return (
        f'{folder} is of an earlier training of {trained.name}; run "seqtasks export {manifest.task}" for the present'
    )


def is_current(path: Path) -> bool:
    """Whether a model's folder has a SavedModel, and the newest one is of its weights."""
    return bool(numbers(path)) and stale(newest(path), about(path)) is None


def exports(path: Path) -> list[Path]:
    """The folders of all exports in a model's folder, or the folder given where it is an export."""
    if (path / manifests.NAME).exists():
        return [path]
    return [folder for format in FOLDERS for folder in folders(path, format)]


def numbers(path: Path, format: str = SAVED_MODEL) -> list[int]:
    """The numbers of a format's exports in a model's folder, in order."""
    return [int(folder.name) for folder in folders(path, format)]


def folders(path: Path, format: str = SAVED_MODEL) -> list[Path]:
    """The folders of a format's exports in a model's folder, by their numbers: 00000002, as some write it, is 2."""
    found = (folder for folder in (path / FOLDERS[format]).glob("*") if folder.name.isdecimal())
    return sorted(found, key=lambda folder: int(folder.name))


def verified(folder: Path) -> Manifest:
    """The manifest, after every file was compared with it; raises IntegrityError by the name of the file."""
    manifest = Manifest.read(folder)
    recorded = manifest.files
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    for name in sorted({*recorded, *present} - {manifests.NAME}):
        path = folder / name
        if name not in recorded:
            raise IntegrityError(f"{path} does not belong to this export; {REMEDY}")
        if name not in present or path.is_symlink() or not path.is_file() or files.sha256(path) != recorded[name]:
            raise IntegrityError(f"{path} does not match {manifests.NAME}; {REMEDY}")
    return manifest


def program(name: str) -> Path | None:
    """One of the programs in examples/, which are installed with the package; None where they are not."""
    here = Path(__file__).parents[1]
    places = (here / "examples" / name, here.parent / "examples" / name)  # installed; in a checkout
    return next((place for place in places if place.is_file()), None)


def as_bytes(value: str | bytes) -> bytes:
    """UTF-8; what the command line could not decode comes out as the bytes that it was."""
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")


def plain(value: Any) -> Any:
    """A value of NumPy's as one of Python's, bytes as text."""
    found = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    if isinstance(found, bytes):
        return found.decode(errors="replace")
    return [plain(each) for each in found] if isinstance(found, list) else found
