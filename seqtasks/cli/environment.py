"""What a person's environment brings along, made so that every command runs alike: streams, locale, Keras, TensorFlow.

Variables are set for this process and those that it starts.
"""

from __future__ import annotations

import codecs
import functools
import json
import math
import mmap
import os
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

from seqtasks.errors import UsageError

NO_HOME = str(Path(os.devnull) / "keras")  # where nothing can be read or written
FLAGS = ("TF_XLA_FLAGS", "XLA_FLAGS")  # an unknown one ends the process, without an exception
SET = {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_NNX_ENABLED": "false",  # it is JAX's
    "MPLBACKEND": "agg",  # files are drawn, no windows
    "PYTHONIOENCODING": "utf-8",  # of processes that are started
}
UNSET = (
    "KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH",
    "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION",  # one that is not there
    "PYTHONWARNINGS",  # a library's warning is no error in a process that is started
    "TF_FUNCTION_JIT_COMPILE_DEFAULT",  # not every operation of ours can be compiled
    "TF_USE_LEGACY_KERAS",  # another Keras, which TensorFlow would import
)  # fmt: skip


def prepare(*, restart: bool) -> None:
    """For the beginning of a process, before a file is opened or Keras imported; `restart` it where it must be."""
    if restart:
        _utf8()
    streams()
    variables()
    if any("error" in option for option in sys.warnoptions):  # a library's warning ends nothing
        warnings.simplefilter("default")


def _utf8() -> None:
    """Starts the same command again, in UTF-8, where the locale knows ASCII alone and Python was told to obey it.

    A path that one command records in a card could not be opened by another otherwise.
    """
    if codecs.lookup(sys.getfilesystemencoding()).name != "ascii" or os.environ.get("PYTHONUTF8") == "1":
        return
    os.environ["PYTHONUTF8"] = "1"
    if sys.executable:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def streams() -> None:
    """Opens the standard streams that are closed, and lets a console of any encoding take any text, escaped.

    To write to a closed standard output, or to read a closed standard input, fails when it is done, as EBADF; no file
    that is opened later takes the place of either. What goes to a closed standard error is lost.
    """
    for number, mode in ((0, os.O_WRONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)  # the lowest number that is free: this one
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = _escaping(sys.stdout, 1)
    sys.stderr = _escaping(sys.stderr, 2)


def _escaping(stream: TextIO | None, number: int) -> Any:
    if stream is None:
        return open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    if reconfigure := getattr(stream, "reconfigure", None):
        reconfigure(errors="backslashreplace")
    return stream


def variables() -> None:
    """Environment variables under which Keras, TensorFlow and matplotlib are those that we know."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what matters of it comes as an exception as well
    os.environ.update(SET)
    for name in UNSET:
        os.environ.pop(name, None)
    if not os.environ.get("KERAS_HOME"):  # an empty one is the folder that one is in
        os.environ.pop("KERAS_HOME", None)
    if not _readable(keras_settings()):
        os.environ["KERAS_HOME"] = NO_HOME


def keras_settings() -> Path:
    """The file that Keras reads its settings from."""
    if home := os.environ.get("KERAS_HOME"):
        return Path(os.path.expanduser(home)) / "keras.json"  # noqa: PTH111, as Keras does; it never raises
    home = os.path.expanduser("~")  # noqa: PTH111
    return Path(home if os.access(home, os.W_OK) else "/tmp") / ".keras" / "keras.json"


def _readable(path: Path) -> bool:
    """Whether Keras can be imported with this file, which may well be missing."""
    if not os.path.exists(path):  # noqa: PTH110, it never raises
        return True
    if not path.is_file():  # a folder, or a pipe that one would wait for
        return False
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return (
            value.get("floatx", "float32") in ("float16", "float32", "float64")
            and isinstance(epsilon := value.get("epsilon", 1e-7), float)
            and math.isfinite(epsilon)
            and value.get("image_data_format", "channels_last") in ("channels_last", "channels_first")
        )
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return False


def reset_keras() -> None:
    """Keras, once imported, as it comes: without what a person's file of settings says."""
    import keras

    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")  # made of the other, where a layer was asked for it before
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")


def check_flags() -> None:
    """Raises UsageError for a flag of XLA that TensorFlow does not know, or for a file of flags that is not there."""
    spec = find_spec("tensorflow")
    folders = [Path(each) for each in spec.submodule_search_locations or ()] if spec else []
    found = (path for folder in folders for path in folder.glob("libtensorflow*") if path.is_file())
    libraries = sorted(found, key=lambda path: path.stat().st_size)
    for variable in FLAGS:
        given = os.environ.get(variable, "").strip()
        if given and not given.startswith("-"):
            if not os.path.isfile(given):  # noqa: PTH113, it never raises
                raise UsageError(f"{variable} names no file of flags: {given!r:.80}; unset {variable}")
            given = Path(given).read_text(encoding="utf-8", errors="replace")
        for flag in given.split():
            name = flag.lstrip("-").partition("=")[0]
            if flag.startswith("-") and libraries and not any(_holds(path, name) for path in libraries):
                raise UsageError(f"{variable} has {flag!r:.80}, which is no flag of this TensorFlow; unset {variable}")


@functools.cache
def _holds(library: Path, name: str) -> bool:
    """Whether a name is among the texts of a library: those of its flags are."""
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"\0" + os.fsencode(name) + b"\0") >= 0
