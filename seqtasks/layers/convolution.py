"""What may stand before the recurrent layers: a convolution, which sees short patterns and makes sequences shorter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from seqtasks.errors import UsageError

DEFAULTS: dict[str, bool | int | float | str] = {
    "front": 0,  # steps that a convolution sees together; 0 for none
    "filters": 64,  # of the convolution
    "stride": 1,  # steps of which it leaves one, the strongest of each filter
}


def front(
    values: keras.KerasTensor, mask: keras.KerasTensor, settings: Mapping[str, Any]
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Values (B, T, E) and mask (B, T) -> the same of a convolution, (B, T / stride, filters) and (B, T / stride).

    Raises UsageError for settings that make none.
    """
    for name, least in (("front", 0), ("filters", 1), ("stride", 1)):
        if settings[name] < least:
            raise UsageError(f"{name} is at least {least}, not {settings[name]}")
    if not settings["front"] and settings["stride"] > 1:
        raise UsageError("stride is that of a convolution; give front as well")
    if not settings["front"]:
        return values, mask
    values = Blank(name="front_blank")(values, mask)
    values = keras.layers.Conv1D(
        settings["filters"], settings["front"], padding="same", activation="relu", name="front"
    )(values)
    if settings["stride"] == 1:
        return values, mask
    return Shorter(settings["stride"], name="front_shorter")(values, mask)


@keras.saving.register_keras_serializable("seqtasks")
class Blank(keras.layers.Layer):
    """Values (B, T, E) and a mask (B, T) -> the values, 0 where the mask is not: as beyond the end of the batch."""

    def call(self, values: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
        return values * tf.cast(kept, values.dtype)[:, :, None]


@keras.saving.register_keras_serializable("seqtasks")
class Shorter(keras.layers.Layer):
    """Values, none below 0, (B, T, E) and mask (B, T) -> the largest of each `stride` steps, (B, T / stride, E), mask.

    The steps are counted from the left, whatever T is, so that a row's company changes nothing.
    """

    def __init__(self, stride: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.stride = stride

    def call(self, values: tf.Tensor, kept: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        values = values * tf.cast(kept, values.dtype)[:, :, None]
        steps = tf.shape(values)[1]
        missing = (steps + self.stride - 1) // self.stride * self.stride - steps
        values = tf.pad(values, [[0, 0], [0, missing], [0, 0]])
        return tf.nn.max_pool1d(values, self.stride, self.stride, "VALID"), kept[:, :: self.stride]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stride": self.stride}
