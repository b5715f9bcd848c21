"""What may come before the recurrent layers: a convolution, which sees short patterns and makes sequences shorter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from seqtasks.errors import UsageError
from seqtasks.layers.masking import MaskPadding
from seqtasks.setting import Setting, Settings, at_least

SETTINGS: Settings = {
    "conv_kernel_size": Setting(
        0, "steps that a convolution before the recurrent layers sees; 0 for none", at_least(0)
    ),
    "conv_filters": Setting(64, "filters of the convolution", at_least(1)),
    "pool_size": Setting(1, "steps of the convolution of which one is left, each filter's strongest", at_least(1)),
}


def check(settings: Mapping[str, Any]) -> None:
    """Raises UsageError for settings that do not go together."""
    if not settings["conv_kernel_size"] and settings["pool_size"] > 1:
        raise UsageError("pool_size is that of a convolution; give conv_kernel_size as well")


def convolution(
    values: keras.KerasTensor, mask: keras.KerasTensor, settings: Mapping[str, Any]
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Values (B, T, E), mask (B, T) -> (B, T / pool_size, conv_filters), (B, T / pool_size); or both as they are."""
    if not settings["conv_kernel_size"]:
        return values, mask
    values = MaskPadding(name="mask_padding")(values, mask)
    values = keras.layers.Conv1D(
        settings["conv_filters"], settings["conv_kernel_size"], padding="same", activation="relu", name="convolution"
    )(values)
    if settings["pool_size"] == 1:
        return values, mask
    return MaskedMaxPool(settings["pool_size"], name="max_pool")(values, mask)


@keras.saving.register_keras_serializable("seqtasks")
class MaskedMaxPool(keras.layers.Layer):
    """Values, none below 0, (B, T, E), mask (B, T) -> the largest of each `pool_size` P steps, (B, T / P, E), and mask.

    The steps are counted from the left, whatever T is, so that a row's company changes nothing.
    """

    def __init__(self, pool_size: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.pool_size = pool_size

    def call(self, values: tf.Tensor, kept: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        values = values * tf.cast(kept, values.dtype)[:, :, None]
        steps = tf.shape(values)[1]
        missing = (steps + self.pool_size - 1) // self.pool_size * self.pool_size - steps
        values = tf.pad(values, [[0, 0], [0, missing], [0, 0]])
        return tf.nn.max_pool1d(values, self.pool_size, self.pool_size, "VALID"), kept[:, :: self.pool_size]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pool_size": self.pool_size}
