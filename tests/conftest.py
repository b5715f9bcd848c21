"""Every task learned once on its sample, for all tests that look at what came of it.

Tests are in tiers, by marks: what neither trains nor starts a process is `make quick`; with the rest it is `make test`.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import http.server
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"
if "TF_XLA_FLAGS" not in os.environ:  # the same little models over and over, in many processes: compiled once for all
    COMPILED = tempfile.mkdtemp(prefix="compiled-")
    atexit.register(shutil.rmtree, COMPILED, ignore_errors=True)
    os.environ["TF_XLA_FLAGS"] = f"--tf_xla_persistent_cache_directory={COMPILED}"

import filelock
import pytest
import tensorflow as tf
from click.testing import CliRunner, Result

from seqtasks import tasks
from seqtasks.cli import group
from seqtasks.inference import predictor
from seqtasks.task import Folders
from tests.samples import SAMPLES, make_smaller

make_smaller()
tf.config.list_logical_devices()  # from here on TensorFlow's threads are what they are, whatever a command asks for

ROOT = Path(__file__).parents[1]
LEARNED = ROOT / ".pytest_cache" / "learned"  # models that a second run of the same sources need not learn again
DAY = 86_400  # seconds
TRAINS = {"learned", "learned_of", "copied", "served", "writes"}  # fixtures that hang on a training


@dataclass(frozen=True)
class Learned:
    name: str
    folder: Path
    printed: str


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that hangs on a training, or injects faults, is not for the quick tier."""
    for item in items:
        if item.path.parent.name == "faults" or (isinstance(item, pytest.Function) and TRAINS & set(item.fixturenames)):
            item.add_marker(pytest.mark.trains)


def run(*arguments: str | Path) -> Result:
    """One command of the command line, in this process; raises what it raises. A training is not exported."""
    more = ["--no-export"] if "train" in arguments else []
    return CliRunner().invoke(
        group, [*(str(each) for each in arguments), *more], catch_exceptions=False, standalone_mode=False
    )


def sets(settings: dict[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]


@pytest.fixture(autouse=True)
def _optimizer_as_it_was() -> Iterator[None]:
    """A command has a process of its own, and sets it up as it likes; here the next ones share it."""
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})


@pytest.fixture
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which of its two paths a recurrent layer's training takes, compiled or plain, whatever its width."""
    from seqtasks.layers import plan

    monkeypatch.setattr(plan, "COMPILED_UNITS", {"compiled": range(256), "plain": range(256, 256)}[request.param])
    return str(request.param)


@functools.cache
def sources() -> str:
    """What a learned model depends on, in short: the package, the samples, the libraries."""
    digest = hashlib.sha256("".join(metadata.version(name) for name in ("tensorflow", "keras", "numpy")).encode())
    for path in [*sorted((ROOT / "seqtasks").rglob("*.py")), ROOT / "tests" / "samples.py"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="session")
def learned_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Learned]:
    """A task trained on its sample, evaluated and exported: once for all processes of a run, copied for each use."""
    kept = LEARNED / sources()
    kept.mkdir(parents=True, exist_ok=True)
    for other in LEARNED.iterdir():
        if other != kept and time.time() - other.stat().st_mtime > DAY:  # another run may use it now
            shutil.rmtree(other, ignore_errors=True)

    @functools.cache
    def learned(name: str) -> Learned:
        shared = kept / name
        printed = shared / "printed.txt"
        with filelock.FileLock(f"{shared}.lock"):
            if not printed.exists():
                shutil.rmtree(shared, ignore_errors=True)
                model = shared / "model"
                settings = sets(SAMPLES[name].settings)
                train = run("train", name, "--sample-data", "--model", model, "--seed", "1", *settings)
                evaluate = run("evaluate", name, "--model", model)
                export = run("export", name, "--model", model)
                printed.write_text(train.output + evaluate.output + export.output)
        folder = tmp_path_factory.mktemp(name) / "my [lr=1e-3] model*? été #1"  # as people have them
        shutil.copytree(shared / "model", folder)
        return Learned(name, folder, printed.read_text())

    return learned


@pytest.fixture(scope="session", params=tasks.names())
def learned(request: pytest.FixtureRequest, learned_of: Callable[[str], Learned]) -> Learned:
    """Each task, learned."""
    return learned_of(request.param)


def quickly(*names: str) -> pytest.MarkDecorator:
    """`learned` is one of these; the other tasks are for the thorough half."""
    every = [pytest.param(name, marks=() if name in names else pytest.mark.thorough) for name in tasks.names()]
    return pytest.mark.parametrize("learned", every, indirect=True)


@pytest.fixture
def copied(learned: Learned, tmp_path: Path) -> Learned:
    """The same with a folder for this test alone, to do harm in: its model and the first export."""
    folder = tmp_path / "a copied model"
    shutil.copytree(learned.folder, folder, ignore=shutil.ignore_patterns("litert", "onnx", "training"))
    for path in (folder / "serving").glob("[!1]*"):
        shutil.rmtree(path)
    return Learned(learned.name, folder, learned.printed)


def exported(learned: Learned, form: str) -> Path:
    """The newest export of a format, made where there is none yet: once for all processes of a run."""
    if not predictor.numbers(learned.folder, form):
        shared = LEARNED / sources() / learned.name / "model"
        with filelock.FileLock(f"{shared}-{form}.lock"):
            if not predictor.numbers(shared, form):
                run("export", learned.name, "--format", form, "--model", shared)
        shutil.copytree(shared / predictor.FOLDERS[form], learned.folder / predictor.FOLDERS[form])
    return predictor.newest(learned.folder, form)


@contextmanager
def serving_files(folder: Path) -> Iterator[str]:
    """A server of the folder's files on this machine alone; its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Nothing."""

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def no_downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """An empty data folder and no network: every download fails at once."""
    import requests

    def refuse(*arguments: object, **options: object) -> None:
        raise requests.ConnectionError("no network")

    monkeypatch.setattr(requests.Session, "request", refuse)
    monkeypatch.setattr(requests.Session, "get", refuse)
    return Folders((str(tmp_path / "datasets"),))
