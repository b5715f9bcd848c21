"""Photographs <-> what a network sees in each region of them.

The encoder is one of keras.applications, with weights that somebody trained: then a photograph is read once, and what
is kept of it are the features of a grid of regions, made by all of the encoder or by all but its last convolutions,
which are trained with the rest. Or all of it is learned with the rest: then the photograph itself is kept.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks import files
from seqtasks.codecs import image_files
from seqtasks.data import download as downloading
from seqtasks.errors import InputError, ResourceError, UsageError, unknown

TUNED = "encoder"  # the name, in a model, of what knew something before it was trained with the rest
OWN = "small"  # the encoder that is learned with the rest
FILTERS = (16, 32, 64)  # of its convolutions; of each four values the largest is left
ALL = -1  # of its convolutions
ENCODER = "encoder.weights.h5"  # in the folder of what was learned with it
AT_ONCE = 32  # photographs that an encoder reads together
ANSWERED = 8  # and that are told of together
MOST_LEFT_OUT = 0.5  # of a photograph's sides, in a nearer look


@dataclass(frozen=True)
class Image:
    encoder: str = "MobileNetV2"  # a class of keras.applications, or small
    encoder_weights: str = "imagenet"  # or a file, or none to begin from chance; of no use to small
    fine_tuned: int = 0  # convolutions at the encoder's end that are trained with the rest; -1 for all
    encoder_width: float = 1.0  # of MobileNets, their alpha
    mirrored: bool = False  # whether training sees photographs in a mirror as well, by chance, and answers are of both
    near: float = 0.0  # of both sides, what a nearer look leaves out that answers have as well; 0 for none
    size: int = 224  # pixels of both sides: a photograph is squashed to a square

    def __post_init__(self) -> None:
        if self.size < 2 ** len(FILTERS):
            raise UsageError(f"size is at least {2 ** len(FILTERS)}, not {self.size}")
        if self.encoder not in (OWN, *_encoders()):
            raise unknown("encoder", self.encoder, [OWN, *_encoders()])
        if self.fine_tuned < ALL:
            raise UsageError(f"fine_tuned is at least {ALL}, not {self.fine_tuned}")
        if not 0 <= self.near <= MOST_LEFT_OUT:  # NaN is not
            raise UsageError(f"near is from 0 to {MOST_LEFT_OUT}, not {self.near}")

    @property
    def frozen(self) -> bool:
        """Whether the encoder, or its beginning, is what it is, so that the features it makes can be kept."""
        return self.encoder != OWN and not self.tuned

    @property
    def tuned(self) -> bool:
        """Whether it is one of Keras's, and all of it is trained with the rest."""
        return self.encoder != OWN and (self.fine_tuned == ALL or self.encoder_weights == "none")

    @property
    def costly(self) -> bool:
        """Whether what is kept of the photographs is for the disk: it takes long to make, or much room."""
        return self.encoder != OWN

    @property
    def opens(self) -> bool:
        """Whether a person's value is the path of a file."""
        return True

    @property
    def at_once(self) -> int:
        """How many photographs are encoded together."""
        return AT_ONCE

    @property
    def answered_at_once(self) -> int:
        """How many photographs an export had better be asked for together: each is looked at in many ways."""
        return ANSWERED

    @property
    def settled(self) -> bool:
        """Whether one value can be of one class only: much can be said of a photograph."""
        return False

    @property
    def columns(self) -> tuple[str, ...]:
        """What people call a column of paths of photographs."""
        return ("image", "path", "file", "filename", "photo", "picture")

    def settings(self) -> dict[str, Any]:
        """The fields that a person may set: all."""
        return dataclasses.asdict(self)

    def fit(self, values: Iterable[np.ndarray]) -> Image:
        """There is nothing to learn; raises InputError for a file that does not hold the encoder's weights."""
        if self.frozen:
            _ = self.network
        return self

    def clean(self, value: bytes) -> bytes:
        """The bytes of the photograph at a path; raises InputError, which names it, for what is none."""
        path = Path(os.fsdecode(value.strip()))
        try:
            if files.endless(path):
                raise InputError(f"names {path}, which is a pipe or a device; give the path of a photograph")
            content = path.read_bytes()
        except FileNotFoundError:
            raise InputError(f"names {path}, which does not exist; give the path of a photograph") from None
        except (OSError, ValueError) as error:  # a folder, a name too long, nobody's to read
            raise InputError(f"names {path}, which cannot be read ({getattr(error, 'strerror', error)})") from None
        if fault := image_files.fault(content):
            raise InputError(f"names {path}, which is {fault}")
        return content

    def located(self, manual: Path) -> Image:
        """The same with the encoder's weights from a file that somebody fetched by hand: weights/ there or beside it.

        It is found by the encoder, its width and its size in its name, as Keras names it.
        """
        if self.encoder == OWN or self.encoder_weights != "imagenet":
            return self
        wanted = ["notop", _letters(self.encoder)]
        if self.encoder == "MobileNet":  # whose file of a quarter is called 2_5, and of the whole 1_0
            wanted[1] += f"{self.encoder_width:.2f}".replace("0.", "").replace(".", "")[:2] + str(self.size)
        elif self.encoder.startswith("MobileNetV3"):
            wanted.append(f"{self.size}{self.encoder_width}")
        elif self.encoder.startswith("MobileNet"):
            wanted.append(f"{self.encoder_width}{self.size}")
        for folder in (manual / "weights", manual.absolute().parent / "weights"):
            for path in sorted(folder.glob("*.h5")):
                if all(each in _letters(path.name) for each in wanted):
                    return dataclasses.replace(self, encoder_weights=str(path))
        return self

    def carried(self) -> dict[str, Callable[[Path], None]]:
        """The encoder's weights, which belong to what is learned."""
        return {ENCODER: lambda path: files.save_weights(self.network, path)} if self.frozen else {}

    def placed(self, find: Callable[[str], Path]) -> Image:
        """The same with the encoder's weights that were kept: beside the model's or, trained with them, among them."""
        if self.tuned:
            return dataclasses.replace(self, encoder_weights="none", fine_tuned=ALL)
        return dataclasses.replace(self, encoder_weights=str(find(ENCODER))) if self.frozen else self

    def encode(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Files' bytes, string (B,) -> features, float16 (B, R, E), or pictures, uint8 (B, H, W, 3); lengths (B,).

        What is no picture is read as a grey one.
        """
        kept = self.looked_at(self.turned(self.read(values)[0]))
        return kept, tf.fill([tf.shape(kept)[0]], tf.shape(kept)[1])

    def see(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Files' bytes, string (B,) -> what is kept of each way to see them (B, W, ...), which could be read (B,)."""
        seen, good = self.read(values)
        return self.every_way(seen), good

    def every_way(self, seen: tf.Tensor) -> tf.Tensor:
        """Pictures, uint8 (B, size, size, 3) -> what is kept of them in all ways in which answers see them.

        (B, W, ...), W of `1 + len(augmented(answering=True))`, in that order.
        """
        others = self.augmented(answering=True)
        if not others:
            return self.looked_at(seen)[:, None]
        turned = [tf.cast(each.turned(seen), tf.float32) for each in (self, *others)]
        kept = self.looked_at(tf.reshape(tf.stack(turned, axis=1), [-1, *seen.shape[1:]]))  # by one encoder for all
        return tf.reshape(kept, [-1, len(turned), *kept.shape[1:]])

    def pixels(self) -> tf.TensorSpec:
        """What a runtime without the graph that reads files is given: one picture."""
        return tf.TensorSpec([1, self.size, self.size, 3], tf.uint8, name="values")

    def looked_at(self, seen: tf.Tensor) -> tf.Tensor:
        """Pictures (B, size, size, 3), of numbers from 0 to 255 -> what `encode` keeps of them."""
        if self.frozen:
            return self.features(seen)
        return tf.cast(tf.round(seen), tf.uint8) if seen.dtype.is_floating else seen

    def read(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Files' bytes, string (B,) -> pictures, uint8 (B, size, size, 3), and which could be read, bool (B,)."""
        return image_files.upright(values, self.size)

    def augmented(self, *, answering: bool = False) -> tuple[Image, ...]:
        """Codecs that see the same photographs in other ways, as training does or, nearer too, as answers do."""
        looks = (0.0, self.near) if answering and self.near else (0.0,)
        ways = itertools.product(looks, (False, True) if self.mirrored else (False,))
        return tuple(_Otherwise(**self.settings(), by=way).with_encoder_of(self) for way in ways if any(way))

    def turned(self, seen: tf.Tensor) -> tf.Tensor:
        """Pictures, uint8 (B, size, size, 3) -> as this codec sees them, numbers from 0 to 255."""
        return seen

    def features(self, seen: tf.Tensor) -> tf.Tensor:
        """Pictures (B, size, size, 3) -> what is kept of their regions, row by row, float16 (B, R, E)."""
        height, width, channels = self.grid
        grid = self.beginning(self._preprocess(tf.cast(seen, tf.float32)), training=False)
        return tf.cast(tf.reshape(grid, [-1, height * width, channels]), tf.float16)

    def placeholder(self) -> keras.KerasTensor:
        """The model's input: what `encode` gives."""
        if not self.frozen:
            return keras.Input((self.size, self.size, 3), dtype="uint8", name="pictures")
        height, width, channels = self.grid
        return keras.Input((height * width, channels), dtype="float16", name="features")

    def embed(self, values: keras.KerasTensor, settings: Mapping[str, Any]) -> keras.KerasTensor:
        """The model's input -> vectors of the regions, float32 (B, R, E)."""
        if self.frozen and not self.fine_tuned:
            return keras.ops.cast(values, "float32")
        if self.encoder != OWN:
            grid = keras.ops.cast(values, "float32")
            grid = self._preprocess(grid) if self.tuned else keras.layers.Reshape(self.grid, name="grid")(grid)
            seen = self._end()(grid)
            return keras.layers.Reshape((-1, seen.shape[-1]), name="regions")(seen)
        values = keras.layers.Rescaling(1 / 127.5, -1.0, name="rescaling")(values)
        for number, filters in enumerate(FILTERS, 1):
            name = f"encoder_{number}"
            values = keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(values)
            values = keras.layers.MaxPooling2D(name=f"pool_{number}")(values)
        return keras.layers.Reshape((-1, FILTERS[-1]), name="regions")(values)

    def _end(self) -> keras.Model:
        """The part of the encoder that is trained with the rest, another one for each model.

        Batch norms stay as they are in what knew something before: few photographs tell less than all those did.
        """
        network = self._made()
        seen = _cut(network, self.fine_tuned if self.frozen else ALL)
        if self.encoder_weights == "none":
            return keras.Model(seen, network.output)
        end = keras.Model(seen, network.output, name=TUNED)
        for layer in end.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False  # which alone keeps Keras from normalizing by the batch
        return end

    def fingerprint(self) -> str:
        """What features depend on beside the photographs, in short."""
        digest = hashlib.sha256(f"{self.encoder} {self.encoder_width} {self.size}".encode())
        for each in self.beginning.get_weights() if self.frozen else ():
            digest.update(np.ascontiguousarray(each).data)
        return digest.hexdigest()[:16]

    def tables(self) -> list[Any]:
        """What an export must carry along: the encoder's weights."""
        return [each.value for each in self.beginning.variables] if self.frozen else []

    @cached_property
    def network(self) -> keras.Model:
        """The encoder, photographs (B, H, W, 3) -> grid (B, h, w, E); raises InputError for weights of another."""
        return self._made()

    @cached_property
    def beginning(self) -> keras.Model:
        """The part of the encoder that is not trained: photographs (B, H, W, 3) -> grid (B, h, w, E)."""
        return keras.Model(self.network.input, _cut(self.network, self.fine_tuned))

    @property
    def grid(self) -> tuple[int, int, int]:
        """Height, width and channels of what is kept of a photograph."""
        return self.beginning.output_shape[1:]

    def _made(self) -> keras.Model:
        arguments: dict[str, Any] = {"include_top": False, "input_shape": (self.size, self.size, 3)}
        if self.encoder.startswith("MobileNet"):
            arguments["alpha"] = self.encoder_width
        weights = self.encoder_weights
        make = getattr(keras.applications, self.encoder)
        with tf.init_scope():  # wherever it is asked for first
            if weights == "none":
                return self._empty(make, arguments)
            if weights == "imagenet":
                return self._downloaded(make, arguments)
            if not Path(weights).is_file():
                raise InputError(f"{weights} does not exist; encoder_weights is imagenet, none or a file")
            network = self._empty(make, arguments)
            try:
                network.load_weights(weights)
            except Exception as error:  # h5py and Keras raise many kinds for one meaning
                raise InputError(f"{weights} does not hold the weights of {self.encoder} ({_short(error)})") from error
            return network

    def _empty(self, make: Callable[..., keras.Model], arguments: Mapping[str, Any]) -> keras.Model:
        try:
            return make(weights=None, **arguments)
        except ValueError as error:  # of a size or width that it cannot have
            raise UsageError(f"{self.encoder}: {_short(error)}") from None

    def _downloaded(self, make: Callable[..., keras.Model], arguments: Mapping[str, Any]) -> keras.Model:
        try:
            with downloading.impatient():
                return make(weights="imagenet", **arguments)
        except ValueError as error:  # of a size or width for which nobody trained any
            raise UsageError(f"{self.encoder}: {_short(error)}") from None
        except Exception as error:  # Keras passes on what its download raised
            raise ResourceError(
                f"the weights of {self.encoder} are not in Keras's cache and cannot be downloaded ({_short(error)}); "
                "connect to the network, or give --encoder-weights FILE, or none to train it from nothing"
            ) from None

    def _preprocess(self, seen: tf.Tensor) -> tf.Tensor:
        module = import_module(getattr(keras.applications, self.encoder).__module__)
        return module.preprocess_input(seen)


@dataclass(frozen=True)
class _Otherwise(Image):
    """The same, which sees every photograph nearer, in a mirror, or both."""

    by: tuple[float, bool] = (0.0, False)  # what is left out of its sides, and whether it is mirrored

    def with_encoder_of(self, other: Image) -> _Otherwise:
        """The same, which looks with that one's encoder, not with another of its kind."""
        if other.frozen:
            vars(self).update(network=other.network, beginning=other.beginning)
        return self

    def turned(self, seen: tf.Tensor) -> tf.Tensor:
        near, mirrored = self.by
        edge = round(self.size * near / 2)
        if edge:
            middle = tf.cast(seen[:, edge:-edge, edge:-edge], tf.float32)  # or other runtimes take it for another type
            seen = tf.image.resize(middle, [self.size, self.size])
        return tf.reverse(seen, axis=[2]) if mirrored else seen

    def fingerprint(self) -> str:
        near, mirrored = self.by
        name = f"{super().fingerprint()}-{near}-nearer" if near else super().fingerprint()
        return f"{name}-in-a-mirror" if mirrored else name


def _cut(network: keras.Model, behind: int) -> keras.KerasTensor:
    """What the last convolutions see, so many or the few more that share it, and what nothing else is seen beside.

    The photographs for ALL, and the network's output for 0.
    """
    layers = network.layers
    number_of = {layer.name: number for number, layer in enumerate(layers)}
    reach = [0] * len(layers)  # the last layer that sees what this one or one before it makes
    for number, layer in enumerate(layers):
        for seen in tf.nest.flatten(layer.input) if number else ():
            reach[number_of[seen._keras_history.operation.name]] = number
    reach = np.maximum.accumulate(reach).tolist()
    convolutions = 0
    for number in reversed(range(1, len(layers))):
        if convolutions >= behind >= 0 and reach[number - 1] <= number:
            return layers[number].output
        convolutions += isinstance(layers[number], keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
    return network.input


def _encoders() -> list[str]:
    return sorted(name for name in vars(keras.applications) if name[0].isupper())


def _letters(name: str) -> str:
    """Letters, digits and points alone, in small letters."""
    return "".join(letter for letter in name.lower() if letter.isalnum() or letter == ".")


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:100]
