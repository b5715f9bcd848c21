"""Tasks from outside the package: of a file (--code), of an installed package, of a notebook."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import CliRunner

import seqtasks
from seqtasks import codecs, tasks
from seqtasks.cli import group
from seqtasks.errors import InputError, IntegrityError, UsageError
from seqtasks.inference import values
from seqtasks.training import card as cards
from tests.conftest import run, sets
from tests.samples import UNCOMPILED

VARIANT = '''"""Is a review loud?

With letters in capitals.
"""

from dataclasses import dataclass, replace

from seqtasks.codecs.text import Text
from seqtasks.tasks.sentiment import TASK as SENTIMENT


@dataclass(frozen=True)
class Loud(Text):
    def clean(self, value: bytes) -> bytes:
        return value.upper()


TASK = replace(SENTIMENT, name="loud", inputs=Loud())
'''
SMALL = sets(
    UNCOMPILED
    | {"embedding_dim": "8", "units": "256", "bidirectional": "no", "epochs": "1", "min_steps_per_epoch": "2"}
    | {"adversarial_epsilon": "0"}
)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a process learns of tasks is its own."""
    monkeypatch.setattr(tasks, "_outside", {})
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in [name for name in sys.modules if name.startswith(tasks.LOADED)]:
        del sys.modules[name]


def written(folder: Path, content: str, name: str = "loud.py") -> Path:
    path = folder / name
    path.write_text(content)
    return path


def test_a_file_gives_a_task(tmp_path: Path):
    path = written(tmp_path, VARIANT)
    assert tasks.load(path) == "loud"
    assert tasks.known("loud") == "loud"
    assert tasks.find("loud").inputs.clean(b"a") == b"A"
    assert "loud" in tasks.every_name()
    assert "loud" not in tasks.names()
    about = tasks.describe("loud")
    assert (about["summary"], about["pattern"], about["dataset"]) == (
        "Is a review loud?",
        "many_to_one",
        "imdb_reviews",
    )
    found = tasks.outside("loud")
    assert found and found.file == path and found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


BAD = {  # what is wrong: the file, the line
    "it raises": ("import seqtasks\n\n1 / 0\n", r"loud\.py:3 ZeroDivisionError: division by zero; correct it"),
    "it ends": ("import sys\nsys.exit(3)\n", r"loud\.py:2 SystemExit: 3; correct it"),
    "it is no Python": ("x = 1\ny = (\n", r"loud\.py:2 SyntaxError: '\(' was never closed; correct it"),
    "no setting": (VARIANT.replace('name="loud"', 'settings={"unit": 1}'), r"loud\.py:\d+ UsageError: unknown setting"),
    "none": ("from seqtasks.tasks.sentiment import TASK\n", r"defines no task; leave one in it, TASK = Task\(\.\.\.\)"),
    "two": (VARIANT + 'MORE = replace(TASK, name="louder")\n', r"defines 2 tasks \(loud, louder\); leave one in it"),
    "a task's name": (VARIANT.replace("loud", "sentiment"), r"loud\.py is called sentiment, as a task of seqtasks is;"),
    "no name": (VARIANT.replace("loud", "my-task"), r"is called 'my-task'; give it a name of letters, digits and _"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_gives_none_is_one_line(case: str, tmp_path: Path):
    content, said = BAD[case]
    with pytest.raises(InputError, match=said) as raised:
        run("settings", "loud", "--code", written(tmp_path, content))
    assert "\n" not in str(raised.value)
    assert tasks.outside("loud") is None


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(InputError, match=r"loud\.py cannot be read \(No such file or directory\); give the path of a"):
        run("train", "loud", "--code", tmp_path / "loud.py")


def test_its_neighbours_can_be_imported_and_hide_nothing(tmp_path: Path):
    written(tmp_path, "NAME = 'loud'\n", "names_of_mine.py")
    written(tmp_path, "raise RuntimeError\n", "colorsys.py")  # a module of Python's
    more = "import colorsys\nfrom names_of_mine import NAME\n"
    assert (
        tasks.load(written(tmp_path, VARIANT.replace('"loud"', "NAME").replace("\nfrom dat", f"\n{more}from dat")))
        == "loud"
    )


@pytest.mark.trains
def test_a_task_of_a_file_goes_all_the_way_and_its_export_needs_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, VARIANT)
    code = ["--code", path]
    arguments = ["train", "loud", "--sample-data", *SMALL, *map(str, code)]
    done = CliRunner().invoke(group, arguments, catch_exceptions=False, standalone_mode=False)
    assert done.stdout.splitlines()[-1] == "exported to saved_models/loud/serving/1"
    card = cards.read(Path("saved_models/loud"))
    assert (card.code_file, card.code) == (str(path), hashlib.sha256(path.read_bytes()).hexdigest())
    assert card.inputs["codec"] == "seqtasks_code_loud:Loud"
    assert "accuracy" in run("evaluate", "loud", *code).stdout
    assert f"--code {path}" in (tmp_path / "saved_models" / "loud" / "report.html").read_text()
    with_file = json.loads(run("predict", "loud", "It was GOOD", "--json", *code).stdout)[0]

    tasks._outside.clear()
    del sys.modules["seqtasks_code_loud"]
    assert json.loads(run("predict", "loud", "IT WAS GOOD", "--json").stdout)[0] == with_file | {"input": "IT WAS GOOD"}
    (tmp_path / "new.csv").write_text("id,text\n1,IT WAS GOOD\n")
    assert "1,IT WAS GOOD," in run("predict", "loud", "--file", "new.csv").stdout
    assert "serve" in run("info", "loud").stdout
    assert seqtasks.load("saved_models/loud")("IT WAS GOOD")["answer"] == with_file["answer"]
    row = next(row for row in json.loads(run("list", "--json").stdout) if row["model"] == "loud")
    assert row["summary"] == f"of {path}"
    with pytest.raises(UsageError, match=f"loud is a task of a file of your own; give --code {path}"):
        run("evaluate", "loud")
    with pytest.raises(UsageError, match=f"a task of a file of your own; give --code {path}"):
        seqtasks.restore("saved_models/loud").evaluate()

    path.write_text(VARIANT + "# another\n")
    said = "loud.py is not as it was when loud was trained"
    with pytest.raises(IntegrityError, match=said):
        run("evaluate", "loud", "--strict", *code)
    with pytest.raises(UsageError, match="holds a trained model with code"):
        run("train", "loud", "--sample-data", *SMALL, *code)


def test_the_file_may_be_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SEQTASKS_CODE", str(written(tmp_path, VARIANT)))
    assert "bigram_vocabulary_size" in run("settings", "loud").stdout
    with pytest.raises(UsageError, match=r"unknown task 'laud'; did you mean loud\?"):
        run("train", "laud")


def test_an_export_s_values_are_read_without_the_codec_s_source(tmp_path: Path):
    tasks.load(written(tmp_path, VARIANT))
    codec = tasks.find("loud").inputs
    described = json.loads(json.dumps(codecs.describe(codec, learned=False)))
    assert values.codec(described) == codec
    del sys.modules["seqtasks_code_loud"]
    assert values.codec(described) == values.Raw(codec.traits.columns)
    with pytest.raises(UsageError, match="the codec seqtasks_code_loud:Loud is of a file of your own; give it with"):
        codecs.restore(described)
    for name in ("os:system", "subprocess:Popen", "pathlib:Path"):
        with pytest.raises(IntegrityError, match="is not one of this version"):
            codecs.restore({"codec": name})
    (tmp_path / "a").write_bytes(b"content")
    raw = values.Raw(reads_files=True)
    assert raw.clean(str(tmp_path / "a").encode()) == b"content"
    with pytest.raises(InputError, match=r"b cannot be read \(No such file"):
        raw.clean(str(tmp_path / "b").encode())


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EntryPoint:
    """An installed package with a task."""
    written(tmp_path, VARIANT, "package_of_loud.py")
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("loud", "package_of_loud:TASK", tasks.GROUP)
    also = EntryPoint("sentiment", "package_of_loud:TASK", tasks.GROUP)
    monkeypatch.setattr(tasks, "entry_points", lambda group: [entry, also] if group == "seqtasks.tasks" else [])
    yield entry
    sys.modules.pop("package_of_loud", None)


def test_a_package_s_task_is_listed_and_imported_when_it_is_needed(package: EntryPoint, tmp_path: Path):
    assert "loud" in run("list").stdout
    assert "package_of_loud" not in sys.modules
    assert tasks.known("loud") == "loud"
    assert "bigram_vocabulary_size" in run("settings", "loud").stdout
    assert tasks.describe("loud")["summary"] == "Is a review loud?"
    assert tasks.outside("loud").file == tmp_path / "package_of_loud.py"
    assert tasks.find("sentiment").name == "sentiment"


def test_a_package_that_cannot_be_imported_is_one_line(package: EntryPoint, tmp_path: Path):
    (tmp_path / "package_of_loud.py").write_text("import nothing_of_that_name\n")
    said = r"the task loud of a package \(package_of_loud:TASK\) cannot be imported: ModuleNotFoundError: No module"
    with pytest.raises(InputError, match=said):
        run("settings", "loud")
    sys.modules.pop("package_of_loud", None)
    (tmp_path / "package_of_loud.py").write_text("TASK = 3\n")
    with pytest.raises(InputError, match="is no task of this name; install another version of it"):
        tasks.find("loud")


def test_a_task_of_a_notebook_is_known_by_its_name():
    sentiment = tasks.find("sentiment")
    with pytest.raises(InputError, match="have no rows"):
        seqtasks.train(dataclasses.replace(sentiment, name="mine"), [])
    assert tasks.find("mine").name == "mine"
