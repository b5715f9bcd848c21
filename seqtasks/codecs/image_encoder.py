"""The network that makes vectors of a picture's regions, and what is trained of it.

It is one of keras.applications, with weights that somebody trained, or a small one. All of the former, or all but its
last convolutions, may stay as it is: this frozen part sees each picture once only, and the rest is part of the model.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module

import keras
import numpy as np
import tensorflow as tf

from seqtasks.codecs import Tensor, encoder_weights

NAME = "image_encoder"  # of the layer, in a model, that knew something before it was trained with the rest
SMALL = "small"  # the encoder that is learned with the rest
ALL = -1  # of an encoder's convolutions
SMALL_FILTERS = (16, 32, 64)  # of the small encoder's convolutions, each of which halves both sides

NAMES = (SMALL, *sorted(name for name in vars(keras.applications) if name[0].isupper()))


@dataclass(frozen=True)
class ImageEncoder:
    name: str  # one of NAMES
    weights: str  # imagenet, none, or a file
    trainable_layers: int  # convolutions at its end that are trained with the rest, or ALL
    alpha: float  # of MobileNets
    image_size: int

    @property
    def frozen(self) -> bool:
        """Whether it, or its beginning, is not trained, so that features can be kept."""
        return self.name != SMALL and not self.fully_trained

    @property
    def fully_trained(self) -> bool:
        """Whether it is one of Keras's, and all of it is trained with the rest."""
        return self.name != SMALL and (self.trainable_layers == ALL or self.weights == "none")

    @property
    def fine_tuned(self) -> bool:
        """Whether a pretrained part of it is trained with the rest."""
        return self.name != SMALL and self.weights != "none" and self.trainable_layers != 0

    @cached_property
    def network(self) -> keras.Model:
        """All of it, pictures (B, H, W, 3) -> grid (B, h, w, E); raises what loading its weights raises."""
        return encoder_weights.shared(self.name, self.alpha, self.image_size, self.weights)

    @cached_property
    def frozen_part(self) -> keras.Model:
        """What is not trained of it, pictures (B, H, W, 3) -> grid (B, h, w, E)."""
        return keras.Model(self.network.input, _cut(self.network, self.trainable_layers))

    @property
    def grid(self) -> tuple[int, int, int]:
        """Height, width and channels of what the frozen part makes."""
        return self.frozen_part.output_shape[1:]

    def features(self, pictures: Tensor) -> Tensor:
        """Pictures (B, H, W, 3), from 0 to 255 -> what the frozen part makes, row by row, float16 (B, R, E)."""
        height, width, channels = self.grid
        grid = self.frozen_part(self._preprocessed(tf.cast(pictures, tf.float32)), training=False)
        return tf.cast(tf.reshape(grid, [-1, height * width, channels]), tf.float16)

    def placeholder(self) -> keras.KerasTensor:
        """A model's input: features (B, R, E), or pictures (B, H, W, 3) where there is no frozen part."""
        if not self.frozen:
            return keras.Input((self.image_size, self.image_size, 3), dtype="uint8", name="pictures")
        height, width, channels = self.grid
        return keras.Input((height * width, channels), dtype="float16", name="features")

    def regions(self, values: keras.KerasTensor) -> keras.KerasTensor:
        """The model's input -> vectors of the regions, float32 (B, R, E)."""
        if self.name == SMALL:
            return _small(values)
        values = keras.ops.cast(values, "float32")
        if self.frozen and not self.trainable_layers:
            return values
        to_grid = self._preprocessed if self.fully_trained else keras.layers.Reshape(self.grid, name="grid")
        encoded = self._trainable_part()(to_grid(values))
        return keras.layers.Reshape((-1, encoded.shape[-1]), name="regions")(encoded)

    def _trainable_part(self) -> keras.Model:
        """The part of it that is trained with the rest, another one for each model.

        Batch norms of a pretrained network stay as they are: few pictures say less than all those of its training.
        """
        network = encoder_weights.load(self.name, self.alpha, self.image_size, self.weights)
        inputs = _cut(network, self.trainable_layers if self.frozen else ALL)
        if self.weights == "none":
            return keras.Model(inputs, network.output)
        part = keras.Model(inputs, network.output, name=NAME)
        for layer in part.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False  # which alone keeps Keras from normalizing by the batch
        return part

    def fingerprint(self) -> str:
        """What features depend on beside the pictures, in short."""
        digest = hashlib.sha256(f"{self.name} {self.alpha} {self.image_size}".encode())
        for weights in self.frozen_part.get_weights() if self.frozen else ():
            digest.update(np.ascontiguousarray(weights).data)
        return digest.hexdigest()[:16]

    def _preprocessed(self, pictures: Tensor) -> Tensor:
        return vars(import_module(encoder_weights.application(self.name).__module__))["preprocess_input"](pictures)


def small_network(side: int) -> keras.Model:
    """The small encoder alone: pictures, uint8 (B, side, side, 3) -> all regions in one vector, float32 (B, R E)."""
    pictures = keras.Input((side, side, 3), dtype="uint8")
    return keras.Model(pictures, keras.layers.Flatten(name="flat")(_small(pictures)), name=SMALL)


def _small(values: keras.KerasTensor) -> keras.KerasTensor:
    """Pictures, uint8 (B, H, W, 3) -> vectors of the regions, float32 (B, R, E), by the small encoder."""
    values = keras.layers.Rescaling(1 / 127.5, -1.0, name="rescaling")(values)
    for number, filters in enumerate(SMALL_FILTERS, 1):
        name = f"encoder_{number}"
        values = keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(values)
        values = keras.layers.MaxPooling2D(name=f"pool_{number}")(values)
    return keras.layers.Reshape((-1, SMALL_FILTERS[-1]), name="regions")(values)


def _cut(network: keras.Model, count: int) -> keras.KerasTensor:
    """The only input of the last `count` convolutions, or of the few more that share it.

    The pictures for ALL, and the network's output for 0.
    """
    layers = network.layers
    number_of = {layer.name: number for number, layer in enumerate(layers)}
    reach = [0] * len(layers)  # the last layer that reads what this one or one before it makes
    for number, layer in enumerate(layers):
        for tensor in tf.nest.flatten(layer.input) if number else ():
            reach[number_of[tensor._keras_history.operation.name]] = number
    reach = np.maximum.accumulate(reach).tolist()
    convolutions = 0
    for number in reversed(range(1, len(layers))):
        if convolutions >= count >= 0 and reach[number - 1] <= number:
            return layers[number].output
        convolutions += isinstance(layers[number], keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
    return network.input
