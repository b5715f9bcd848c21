"""Pictures <-> what a network sees in each region of them.

Where the encoder, or its beginning, is not trained, each picture is seen by it once, and its features are kept. Or all
of the encoder is trained with the rest: then the pictures themselves are kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from seqtasks import files
from seqtasks.codecs import Asset, InputCodec, Traits, encoder_weights, image_files, value_files
from seqtasks.codecs.image_encoder import ALL, NAME, NAMES, SMALL, SMALL_FILTERS, ImageEncoder
from seqtasks.errors import InputError
from seqtasks.setting import above, at_least, check_fields, field, one_of
from seqtasks.task import Folders

ENCODER_FILE = "encoder.weights.h5"  # in a model's folder
COLUMNS = ("image", "path", "file", "filename", "photo", "picture")
SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".jpe", ".jfif", ".apng")
OTHER_SUFFIXES = (".heic", ".heif", ".avif", ".tif", ".tiff", ".bmp", ".jp2", ".jxl")  # photographs to be converted
BATCH_SIZE = 32  # pictures that an encoder sees together
PREDICT_BATCH_SIZE = 8  # and that are answered together: each is seen in several views
LEVELS = 8  # of 256, by which two decoders of JPEG may differ
TTA_CROP = 0.2  # of both sides, what a centre crop leaves out

View = Callable[[tf.Tensor], tf.Tensor]  # pictures (B, H, W, 3) -> the same size


def identity(pictures: tf.Tensor) -> tf.Tensor:
    return pictures


def flip(pictures: tf.Tensor) -> tf.Tensor:
    """Left and right exchanged."""
    return tf.reverse(pictures, axis=[2])


def centre_crop(pictures: tf.Tensor) -> tf.Tensor:
    """The pictures without their edges, as large as before."""
    size = pictures.shape[1]
    edge = round(size * TTA_CROP / 2)
    middle = tf.cast(pictures[:, edge:-edge, edge:-edge], tf.float32)  # or other runtimes take it for another type
    return tf.image.resize(middle, [size, size])


def flipped_crop(pictures: tf.Tensor) -> tf.Tensor:
    return flip(centre_crop(pictures))


VIEWS: dict[str, View] = {"": identity, "flip": flip, "crop": centre_crop, "flipped_crop": flipped_crop}
TTA = {"none": (), "flip": ("flip",), "flip_crop": ("flip", "crop", "flipped_crop")}  # the views beside the picture


@dataclass(frozen=True)
class Image(InputCodec):
    encoder: str = field("MobileNetV2", f"{SMALL}, or a class of keras.applications", one_of(*NAMES))
    encoder_weights: str = field("imagenet", f"imagenet, a file, or none to train it from nothing; not of {SMALL}")
    trainable_encoder_layers: int = field(
        0, f"convolutions at the encoder's end that are trained with the rest; {ALL} for all", at_least(ALL)
    )
    encoder_alpha: float = field(1.0, "width of a MobileNet", above(0))
    flip_augmentation: bool = field(False, "whether training sees pictures flipped as well, by chance")
    tta: str = field(
        "none", "views that answers are averaged over: none, flip, or flip_crop (centre crops of both)", one_of(*TTA)
    )
    image_size: int = field(224, "pixels of both sides: a picture is squashed", at_least(2 ** len(SMALL_FILTERS)))
    view: str = ""  # of a picture that this codec sees

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def traits(self) -> Traits:
        network = self.image_encoder
        return Traits(
            columns=COLUMNS,
            reads_files=True,
            suffixes=SUFFIXES,
            other_suffixes=OTHER_SUFFIXES,
            batch_size=BATCH_SIZE,
            predict_batch_size=PREDICT_BATCH_SIZE,
            cache_key=None if self.encoder == SMALL else self.fingerprint,
            version=image_files.version,
            augmentations=self._in_views(("flip",) if self.flip_augmentation else ()),
            tta=self._in_views(TTA[self.tta]),
            assets={"encoder_weights": Asset(ENCODER_FILE, self._save_encoder)} if network.frozen else {},
            recorded={"encoder_weights": "none"} if network.fully_trained else {},
            portable=lambda values: self.decode_images(values)[0],
            reading_tolerance=LEVELS,
        )

    def fit(self, values: Iterable[np.ndarray], folders: Folders) -> Image:
        """With the weights of its encoder that somebody fetched by hand, if there are any; nothing else is learned.

        Raises what loading the weights raises.
        """
        codec = self
        if self.encoder != SMALL and self.encoder_weights == "imagenet" and folders.manual:
            found = encoder_weights.find(self.encoder, self.encoder_alpha, self.image_size, Path(folders.manual))
            codec = dataclasses.replace(self, encoder_weights=str(found)) if found else self
        if self.encoder != SMALL:
            _ = codec.image_encoder.network
        return codec

    def clean(self, value: bytes) -> bytes:
        """The bytes of the picture at a path; raises InputError, which names it, for what is none."""
        path, content = value_files.read(value, "a photograph")
        if fault := image_files.fault(content):
            raise InputError(f"names {path}, which is {fault}")
        return content

    def encode(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Files' bytes, string (B,) -> features, float16 (B, R, E), or pictures, uint8 (B, H, W, 3); lengths (B,).

        A file that cannot be read is a grey picture.
        """
        found = self.features(VIEWS[self.view](self.decode_images(values)[0]))
        return found, tf.fill([tf.shape(found)[0]], tf.shape(found)[1])

    def decode_images(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Files' bytes, string (B,) -> pictures, uint8 (B, H, W, 3), and which could be read, bool (B,)."""
        return image_files.upright(values, self.image_size)

    def features(self, pictures: tf.Tensor) -> tf.Tensor:
        """Pictures (B, H, W, 3), from 0 to 255 -> what the model takes, as `encode` gives it."""
        if self.image_encoder.frozen:
            return self.image_encoder.features(pictures)
        return tf.cast(tf.round(pictures), tf.uint8) if pictures.dtype.is_floating else pictures

    def features_of_views(self, pictures: tf.Tensor) -> tf.Tensor:
        """Pictures, uint8 (B, H, W, 3) -> features of the views that answers are averaged over, (B, W, ...)."""
        names = TTA[self.tta]
        if not names:
            return self.features(pictures)[:, None]
        views = [tf.cast(VIEWS[name](pictures), tf.float32) for name in ("", *names)]
        found = self.features(tf.reshape(tf.stack(views, axis=1), [-1, *pictures.shape[1:]]))  # seen together
        return tf.reshape(found, [-1, len(views), *found.shape[1:]])

    def picture(self) -> tf.TensorSpec:
        """What a runtime without the graph that reads files takes: one picture."""
        return tf.TensorSpec([1, self.image_size, self.image_size, 3], tf.uint8, name="values")

    def placeholder(self) -> keras.KerasTensor:
        """The model's input: what `encode` gives."""
        return self.image_encoder.placeholder()

    def embed(self, values: keras.KerasTensor, settings: Mapping[str, Any]) -> keras.KerasTensor:
        """The model's input -> vectors of the regions, float32 (B, R, E)."""
        return self.image_encoder.regions(values)

    @property
    def pretrained_layers(self) -> tuple[str, ...]:
        """The name of the pretrained part of the encoder that is trained with the rest, if there is one."""
        return (NAME,) if self.image_encoder.fine_tuned else ()

    def fingerprint(self) -> str:
        """What `encode` depends on beside the files, in short."""
        encoder = self.image_encoder.fingerprint()
        return f"{encoder}-{self.view}-{TTA_CROP}" if self.view else encoder

    def tables(self) -> list[Any]:
        """What an export must carry along: the weights that are not the model's."""
        network = self.image_encoder
        return [variable.value for variable in network.frozen_part.variables] if network.frozen else []

    @cached_property
    def image_encoder(self) -> ImageEncoder:
        return ImageEncoder(
            self.encoder, self.encoder_weights, self.trainable_encoder_layers, self.encoder_alpha, self.image_size
        )

    def _in_views(self, names: Iterable[str]) -> tuple[Image, ...]:
        return tuple(dataclasses.replace(self, view=name) for name in names)

    def _save_encoder(self, path: Path) -> None:
        files.save_weights(self.image_encoder.network, path)
