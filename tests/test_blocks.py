"""What README and docs show is run (tests/blocks.py), or says why it is not."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from seqtasks import tasks
from seqtasks.training import experiment as experiments
from tests import blocks
from tests.blocks import Block, Runner
from tests.conftest import Learned, exported

EVERY = [block for path in blocks.documents() for block in blocks.blocks(path)]
RUN = [path for path in blocks.documents() if path != blocks.PORTUGUESE]  # whose blocks are README's, as is tested


@pytest.fixture(scope="module")
def home(learned_of: Callable[[str], Learned], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a person has it after the first afternoon."""
    folder = tmp_path_factory.mktemp("home")
    blocks.make_files(folder)
    for name in tasks.names():
        shutil.copytree(learned_of(name).folder, folder / "saved_models" / name)
    onnx = exported(learned_of("sentiment"), "onnx")
    shutil.copytree(onnx, folder / "saved_models" / "sentiment" / "onnx" / onnx.name, dirs_exist_ok=True)
    return folder


@pytest.fixture
def runner(home: Path, learned_of: Callable[[str], Learned], monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.chdir(home)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setattr(tf.saved_model, "load", _load)
    monkeypatch.setattr(experiments, "finished", lambda *_, **__: True)
    return Runner(lambda task, folder: shutil.copytree(learned_of(task).folder, folder))


_load = functools.cache(tf.saved_model.load)


@pytest.mark.parametrize("path", RUN, ids=lambda path: str(path.relative_to(blocks.ROOT)))
def test_every_block_that_is_not_marked_works(path: Path, runner: Runner):
    for block in blocks.blocks(path):
        if not block.reason:
            runner.run(block)


@pytest.mark.parametrize("block", EVERY, ids=lambda block: block.place)
def test_every_block_is_run_or_says_why_not(block: Block):
    if not block.reason:
        assert block.language in (*blocks.CONSOLE, "python"), "put <!-- not run: WHY --> right before it"
        assert block.language == "python" or block.commands
    else:
        assert block.language in (*blocks.CONSOLE, "python", "text", "json", "toml")


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("console", "seqtasks predict sentiment 'Good.' --nosuch", "--nosuch"),
        ("console", "seqtasks -q predict sentimant 'Good.'", "unknown task 'sentimant'"),
        ("console", "$ seqtasks predict sentiment --file nosuch.csv\nan answer", "nosuch.csv"),
        ("console", "seqtasks train sentiment --set unit=3", "unknown setting 'unit'"),
        ("console", "seqtasks evaluate sentiment --folds many", "'many' is not a valid integer"),
        ("", "make nosuch", "nosuch"),
        ("", "pip install 'seqtasks[nosuch]'", "nosuch"),
        ("", "rm -r mine", "mark the block as not run"),
        ("python", "import seqtasks\n\nseqtasks.nosuch", "has no attribute 'nosuch'"),
        ("python", "import seqtasks\n\nseqtasks.train('sentiment', 'reviews.csv', unit=3)", "unknown setting 'unit'"),
    ],
)
def test_a_block_that_does_not_work_is_named(language: str, text: str, said: str, runner: Runner):
    block = Block(blocks.ROOT / "page.md", 3, language, text, "")
    with pytest.raises(AssertionError, match=rf"^page\.md:3: (?s:.)*{said}"):
        runner.run(block)
