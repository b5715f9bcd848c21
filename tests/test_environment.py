"""What a person's shell, console and folders bring along changes no answer, and is never a bug of ours."""

from __future__ import annotations

import ast
import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import keras
import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies

import seqtasks
from seqtasks import files
from seqtasks.cli import environment, main, options
from seqtasks.data import paths, tfds
from seqtasks.errors import UsageError
from seqtasks.layers import backend
from seqtasks.metrics import plots
from seqtasks.task import Folders
from tests.conftest import Learned, quickly, run

ROOT = Path(__file__).parents[1]
ODD_NAMES = (
    "[lr=1e-3]", "*", "a?b", "été ☕", "%20 #1", "a\nb", "-m", "back\\slash", "{a,b}", "$HOME", "'quoted'", "\udcff",
    "x" * 250,
)  # fmt: skip
HOSTILE = {
    "KERAS_BACKEND": "jax",
    "KERAS_MAX_EPOCHS": "many",
    "KERAS_NNX_ENABLED": "1",
    "TF_USE_LEGACY_KERAS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "garbage",
    "CUDA_VISIBLE_DEVICES": "garbage",
    "OMP_NUM_THREADS": "0",
    "MPLBACKEND": "nonsense",
    "TMPDIR": "/nowhere",
    "HOME": "/proc/nowhere",
    "MPLCONFIGDIR": "/proc/nowhere",
    "COLUMNS": "0",
    "TERM": "nonsense",
    "PYTHONWARNINGS": "error",
    "PYTHONIOENCODING": "ascii",
    "LC_ALL": "C",
    "PYTHONUTF8": "0",
    "PYTHONCOERCECLOCALE": "0",
    "TFDS_DATA_DIR": "~nobody-here/x",
}

MORE = (
    "XLA_FLAGS", "TF_NUM_INTRAOP_THREADS", "TF_ENABLE_ONEDNN_OPTS", "TF_DETERMINISTIC_OPS", "TF2_BEHAVIOR",
    "TF_FUNCTION_JIT_COMPILE_DEFAULT", "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "LINES",
    "NO_COLOR", "FORCE_COLOR", "TZ", "LANG",
)  # fmt: skip
VALUES = ["", "0", "1", "-1", "garbage", "true", "C", "/nowhere", "é☕", "--garbage", "x" * 300]
JSON = strategies.one_of(
    strategies.none(), strategies.booleans(), strategies.integers(), strategies.floats(), strategies.text(max_size=9),
    strategies.sampled_from(["float16", "float64", "bfloat16", "jax", "channels_first"]), strategies.just([1]),
)  # fmt: skip


@pytest.fixture
def variables() -> Iterator[None]:
    """What a test does to the environment is undone."""
    with mock.patch.dict(os.environ):
        yield


def shell(line: str, folder: Path, **others: str) -> subprocess.CompletedProcess[bytes]:
    """A line of bash, in which seqtasks is the command line in a process of its own."""
    command = f'seqtasks() {{ {shlex.quote(sys.executable)} -m seqtasks "$@"; }}\n{line}'
    known = {**os.environ, "PYTHONPATH": str(ROOT), **others}
    return subprocess.run(["bash", "-c", command], capture_output=True, check=False, cwd=folder, env=known, timeout=300)


@pytest.mark.parametrize(
    ("content", "taken"),
    [
        (b'{"floatx": "float64", "epsilon": 0.1, "backend": "jax", "image_data_format": "channels_first"}', True),
        (b"{}", True), (b"{", False),
        (b'{"floatx": "bfloat16"}', False), (b'{"floatx": ["float32"]}', False), (b'{"epsilon": 1}', False),
        (b'{"epsilon": NaN}', False), (b'{"image_data_format": "sideways"}', False), (b"[1]", False),
        (b"\xff\xfe", False), (None, False),
    ],
)  # fmt: skip
def test_settings_of_keras_that_it_cannot_be_imported_with_are_not_shown_to_it(content, taken, variables, tmp_path):
    file = tmp_path / "keras.json"
    file.mkdir() if content is None else file.write_bytes(content)
    os.environ["KERAS_HOME"] = str(tmp_path)
    environment.variables()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    assert os.environ["KERAS_HOME"] == (str(tmp_path) if taken else environment.NO_HOME)


def test_keras_is_as_it_comes():
    keras.config.set_floatx("float16")
    keras.config.set_epsilon(0.1)
    keras.config.set_image_data_format("channels_first")
    environment.reset_keras()
    assert keras.config.floatx() == keras.config.dtype_policy().name == "float32"
    assert keras.config.epsilon() == 1e-7
    assert keras.config.image_data_format() == "channels_last"


@pytest.mark.parametrize("name", ["jax", "torch", "numpy"])
def test_the_layers_say_which_backend_they_need(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(keras.config, "backend", lambda: name)
    with pytest.raises(ImportError, match=rf"^Keras runs on {name} here; .*set KERAS_BACKEND=tensorflow before"):
        backend.require()
    seqtasks._import_layers(keras)  # who imports Keras for another backend meets no error of ours
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(ImportError, match=r"^Keras cannot be imported .*set KERAS_BACKEND=tensorflow before"):
        backend.require()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", None), ("  ", None), ("--xla_cpu_enable_fast_math=false", None), ("--tf_xla_auto_jit=2", None),
        ("--xla_of_nobody=1", "has '--xla_of_nobody=1', which is no flag of this TensorFlow; unset XLA_FLAGS"),
        ("--xla_cpu_enable_fast_math --nonsense", "has '--nonsense'"), ("garbage", "no file of flags: 'garbage'"),
    ],
)  # fmt: skip
def test_flags_that_would_end_the_process_are_one_line(given: str, said: str | None, variables: None):
    os.environ["XLA_FLAGS"] = given
    if said is None:
        environment.check_flags()
        return
    with pytest.raises(UsageError, match=said):
        environment.check_flags()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-16", "utf-8"])
def test_a_console_of_any_encoding_takes_any_text(encoding: str, monkeypatch: pytest.MonkeyPatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", environment._escaping(io.TextIOWrapper(written, encoding=encoding), 1))
    value = {"input": "café ☕ 😀 \udcff"}
    options.say_json(value)
    table = options.console()
    table.print("café ☕ 😀 [/red] :smile:")
    sys.stdout.flush()
    first, _, rest = written.getvalue().decode(encoding).partition("\n")
    assert json.loads(first) == value
    assert "[/red] :smile:" in rest


@pytest.mark.trains
@pytest.mark.parametrize(
    ("line", "codes", "said"),
    [
        ("seqtasks --help | true", "141 0", ""),
        ("seqtasks settings sentiment --json | true", "141 0", ""),
        ("seqtasks list 2>&- | true", "141 0", ""),
        ("(trap '' PIPE; seqtasks list) | true", "141 0", ""),
        ("seqtasks list > /dev/full", "5", "standard output cannot be written (No space left on device); send it to"),
        ("PYTHONUNBUFFERED= seqtasks list > /dev/full", "5", "standard output cannot be written (No space left"),
        ("seqtasks list >&-", "5", "standard output cannot be written (Bad file descriptor)"),
        ("seqtasks list <&- 2>&-", "0", ""),
        ("seqtasks fly 2>&-", "2", ""),
        ("seqtasks fly 2>/dev/full", "2", ""),
        ("COLUMNS=1 NO_COLOR=1 TERM= seqtasks train --help", "0", ""),
        ("PYTHONUTF8=0 LC_ALL=C PYTHONCOERCECLOCALE=0 seqtasks train é☕", "2", "unknown task 'é☕'"),
        ("PYTHONIOENCODING=cp1252 seqtasks train ☕", "2", r"unknown task '\u2615'"),
        (r"seqtasks info $'\xff'", "2", r"unknown task '\udcff'"),
    ],
)  # fmt: skip
def test_streams_that_cannot_be_written(line: str, codes: str, said: str, tmp_path: Path):
    done = shell(f'{line}\ncodes="${{PIPESTATUS[*]}}"; echo "$codes" > codes', tmp_path)
    assert (tmp_path / "codes").read_text(encoding="utf-8").strip() == codes
    errors = done.stderr.decode().splitlines()
    assert said in errors[-1] if said else not errors
    assert len(errors) <= 1


@pytest.mark.trains
def test_a_hostile_environment_changes_no_answer(learned_of, tmp_path: Path):
    """Of a process that restores a model, computes with it and draws."""
    learned = learned_of("sentiment")
    home = tmp_path / "keras"
    home.mkdir()
    (home / "keras.json").write_text('{"floatx": "float16", "epsilon": 0.5, "backend": "torch"}', encoding="utf-8")
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n", encoding="utf-8")
    command = ("evaluate", "sentiment", "--model", str(learned.folder), "--json")
    done = shell(f"seqtasks {shlex.join(command)}", tmp_path, **HOSTILE, KERAS_HOME=str(home))
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == json.loads(run(*command).stdout)


@pytest.mark.thorough
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    strategies.fixed_dictionaries({}, optional={name: strategies.sampled_from(VALUES) for name in (*HOSTILE, *MORE)}),
    strategies.dictionaries(strategies.sampled_from(["floatx", "epsilon", "backend", "image_data_format"]), JSON),
)
def test_no_environment_is_a_bug_of_ours(learned_of, tmp_path_factory, variables, keras_settings):
    """Any variables, any keras.json: the same answer, or one line about the environment."""
    folder = tmp_path_factory.mktemp("environment")
    (folder / "keras.json").write_text(json.dumps(keras_settings), encoding="utf-8")
    command = ("predict", "sentiment", "The café is never boring. ☕", "--model", str(learned_of("sentiment").folder))
    done = shell(f"seqtasks {shlex.join(command)}", folder, KERAS_HOME=str(folder), **variables)
    assert done.returncode in (0, 2, 5), done.stderr.decode(errors="replace")
    if done.returncode:
        assert done.stderr.count(b"\n") == 1
    else:
        assert done.stdout.decode() == run(*command).stdout


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_path_of_any_letters_is_given_as_plain_letters(name: str, tmp_path: Path):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "file").write_bytes(b"content")
    with paths.plain(folder) as place:
        assert paths._is_plain(place)
        assert (place / "file").read_bytes() == b"content"
    assert place == folder or not place.parent.exists()
    assert (folder / "file").exists()
    target = folder / f"{name[:200]}.json"
    files.write_json(target, {"name": str(folder)})
    assert files.read_json(target, remedy="") == {"name": str(folder)}
    files.beside(folder, ".progress.json").write_bytes(b"")


def test_a_temporary_folder_of_odd_letters_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    odd = tmp_path / "[odd]"
    odd.mkdir()
    monkeypatch.setattr(paths.tempfile, "gettempdir", lambda: str(odd))
    with paths.plain(odd) as place:
        assert place.samefile(odd)
        assert paths._is_plain(place)


@quickly("sentiment")
@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_model_folder_of_any_name_is_shown(name: str, learned: Learned, tmp_path: Path, capsys):
    """That every verb works in such a folder all other tests show: theirs has such a name."""
    (tmp_path / name).symlink_to(learned.folder)
    for command in (["info", str(tmp_path / name)], ["doctor", "--models", str(tmp_path)]):
        with pytest.raises(SystemExit) as ended:
            main(command)
        assert ended.value.code == 0
        assert name.encode(errors="backslashreplace").decode() in capsys.readouterr().out


def test_a_data_set_in_a_folder_of_any_name_is_found(tmp_path: Path):
    import tensorflow_datasets as ours

    ours.testing.DummyDataset(data_dir=tmp_path / "[1] é").download_and_prepare()
    found = tfds.find("dummy_dataset", Folders((str(tmp_path / "[1] é"),)))
    assert found is not None
    assert len(list(found.as_dataset(split="train"))) == 3
    assert paths.original(Path(found.data_dir)) == tmp_path / "[1] é" / "dummy_dataset" / "1.0.0"


def test_a_matplotlibrc_changes_no_drawing(tmp_path: Path):
    matrix = [[1, 2], [3, 4]]
    plots.confusion(matrix, ["a", "b"], tmp_path / "one.png")
    with mpl.rc_context({"text.usetex": True, "figure.dpi": 10, "font.size": 30}):
        plots.confusion(matrix, ["a", "b"], tmp_path / "other.png")
    assert np.array_equal(*(mpl.image.imread(tmp_path / f"{name}.png") for name in ("one", "other")))
    plots.confusion(matrix, ["$", "$x^"], tmp_path / "no mathematics.png")


def test_every_file_of_text_is_utf_8():
    """Where text is read or written, or a process's output is, the encoding is named."""
    nameless = [
        f"{path}:{node.lineno}"
        for path in [*(ROOT / "seqtasks").rglob("*.py"), *(ROOT / "examples").glob("*.py")]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _is_text(node) and "encoding" not in {each.arg for each in node.keywords}
    ]
    assert not nameless


def _is_text(node: ast.Call) -> bool:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    texts = any(each.arg == "text" for each in node.keywords)
    return name in ("read_text", "write_text") or (name in ("run", "Popen", "check_output") and texts)


def test_a_line_of_progress_that_cannot_be_written_ends_nothing(monkeypatch: pytest.MonkeyPatch):
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123
        monkeypatch.setattr(sys, "stderr", full)
        options.say("epoch 1/1")
        monkeypatch.undo()
        with pytest.raises(OSError, match="No space left"):
            full.write("so that its last flush is tried here") and full.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


def test_a_reader_who_went_away_ends_it_with_141(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(options, "say_json", mock.Mock(side_effect=BrokenPipeError))
    with pytest.raises(SystemExit) as ended:
        main(["list", "--json"])
    assert ended.value.code == 141
    assert capsys.readouterr().err == ""
