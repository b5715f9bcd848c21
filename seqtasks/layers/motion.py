"""What changes from frame to frame."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

LAGS = (1, 3)  # frames back
FACTORS = (5.0, 2.0)  # by which the differences are about as large as the numbers


@keras.saving.register_keras_serializable("seqtasks")
class Motion(keras.layers.Layer):
    """Frames (B, T, F) -> themselves and their differences to the frames LAGS before, (B, T, 3 F).

    Where numbers are places, `axes` to each, the frame's own centre is taken from them. Before the first frame it
    stood still.
    """

    def __init__(self, axes: int = 0, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.axes = axes

    def call(self, frames: tf.Tensor) -> tf.Tensor:
        found = [self._centred(frames)]
        for lag, factor in zip(LAGS, FACTORS, strict=True):
            padded = ops.concatenate([ops.repeat(frames[:, :1], lag, axis=1), frames], axis=1)
            found.append((frames - padded[:, :-lag]) * factor)
        return ops.concatenate(found, axis=-1)

    def _centred(self, frames: tf.Tensor) -> tf.Tensor:
        if not self.axes:
            return frames
        width = frames.shape[-1]
        places = ops.reshape(frames, (-1, ops.shape(frames)[1], width // self.axes, self.axes))
        return ops.reshape(places - ops.mean(places, axis=2, keepdims=True), (-1, ops.shape(frames)[1], width))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*shape[:-1], shape[-1] and (1 + len(LAGS)) * shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axes": self.axes}
