"""The weights of keras.applications' networks: found, downloaded, loaded, and shared by all who need the same ones."""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from seqtasks.data import download
from seqtasks.errors import InputError, ResourceError, UsageError

CACHED = 4  # networks that are kept in memory


def find(name: str, alpha: float, image_size: int, manual: Path) -> Path | None:
    """The file of an encoder's weights that somebody fetched by hand: in weights/ of the folder or next to it.

    It is found by the encoder, its alpha and its size in its name, as Keras names it.
    """
    wanted = ["notop", _letters(name)]
    if name == "MobileNet":  # whose file of a quarter is called 2_5, and of the whole 1_0
        wanted[1] += f"{alpha:.2f}".replace("0.", "").replace(".", "")[:2] + str(image_size)
    elif name.startswith("MobileNetV3"):
        wanted.append(f"{image_size}{alpha}")
    elif name.startswith("MobileNet"):
        wanted.append(f"{alpha}{image_size}")
    folders = (manual / "weights", manual.absolute().parent / "weights")
    paths = (path for folder in folders for path in sorted(folder.glob("*.h5")))
    return next((path for path in paths if all(part in _letters(path.name) for part in wanted)), None)


def _letters(name: str) -> str:
    """Letters, digits and points alone, in small letters."""
    return "".join(letter for letter in name.lower() if letter.isalnum() or letter == ".")


def application(name: str) -> Any:
    """What makes a network of keras.applications."""
    return vars(keras.applications)[name]


def shared(name: str, alpha: float, image_size: int, weights: str) -> keras.Model:
    """What `load` loads: one network for all, and another one once the file of weights was written again."""
    path = Path(weights)
    written = (path.stat().st_mtime_ns, path.stat().st_size) if path.is_file() else None
    return _shared(name, alpha, image_size, weights, written)


@functools.lru_cache(maxsize=CACHED)
def _shared(name: str, alpha: float, image_size: int, weights: str, written: tuple[int, int] | None) -> keras.Model:
    return load(name, alpha, image_size, weights)


def load(name: str, alpha: float, image_size: int, weights: str) -> keras.Model:
    """A network of keras.applications, pictures (B, H, W, 3) -> grid (B, h, w, E); of imagenet, none or a file.

    Raises InputError for weights of another network, UsageError for a size or an alpha that it cannot have, and
    ResourceError for weights that cannot be downloaded.
    """
    arguments: dict[str, Any] = {"include_top": False, "input_shape": (image_size, image_size, 3)}
    if name.startswith("MobileNet"):
        arguments["alpha"] = alpha
    with tf.init_scope():  # wherever it is needed first
        if weights == "none":
            return _untrained(name, arguments)
        if weights == "imagenet":
            return _downloaded(name, arguments)
        if not Path(weights).is_file():
            raise InputError(f"{weights} does not exist; encoder_weights is imagenet, none or a file")
        network = _untrained(name, arguments)
        try:
            network.load_weights(weights)
        except Exception as error:  # h5py and Keras raise many kinds for one meaning
            raise InputError(f"{weights} does not hold the weights of {name} ({_short(error)})") from error
        return network


def _untrained(name: str, arguments: Mapping[str, Any]) -> keras.Model:
    try:
        return application(name)(weights=None, **arguments)
    except ValueError as error:  # of a size or alpha that it cannot have
        raise UsageError(f"{name}: {_short(error)}") from None


def _downloaded(name: str, arguments: Mapping[str, Any]) -> keras.Model:
    try:
        with download.limits(f"the weights of {name}"), contextlib.redirect_stdout(io.StringIO()):  # Keras's own bar
            return application(name)(weights="imagenet", **arguments)
    except ValueError as error:  # of a size or alpha for which nobody trained any
        raise UsageError(f"{name}: {_short(error)}") from None
    except Exception as error:  # Keras passes on what its download raised
        raise ResourceError(
            f"the weights of {name} are not in Keras's cache and cannot be downloaded ({_short(error)}); connect to "
            "the network, or give --encoder-weights FILE, or none to train it from nothing"
        ) from None


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:100]
