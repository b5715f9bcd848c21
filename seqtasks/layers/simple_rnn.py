"""The lecture's network, h_t = tanh(W_hh h_{t-1} + W_xh x_t) (Elman, 1990); with ReLU, the IRNN."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import tensorflow as tf

from seqtasks.layers.fast import Fast
from seqtasks.layers.recurrence import States, product

ACTIVATIONS = {keras.activations.tanh: "tanh", keras.activations.relu: "relu"}


@dataclass(frozen=True)
class Equations:
    """h' = activation(x + h U)."""

    activation: str
    kept: int = 0
    alike: bool = True

    def forward(self, inputs: tf.Tensor, states: States, parameters: States) -> tuple[States, States]:
        sums = inputs + product(states[0], parameters[0], inputs.dtype)
        return (tf.tanh(sums) if self.activation == "tanh" else tf.nn.relu(sums),), ()

    def backward(
        self, gradients: States, kept: States, before: tf.Tensor, after: tf.Tensor, kernel: tf.Tensor
    ) -> tuple[States, tf.Tensor, tf.Tensor]:
        slope = 1 - after * after if self.activation == "tanh" else tf.cast(after > 0, after.dtype)
        of_sums = gradients[0] * slope
        return (product(of_sums, kernel, of_sums.dtype),), of_sums, of_sums

    def others(self, of_sums: tf.Tensor) -> States:
        return ()


@keras.saving.register_keras_serializable("seqtasks")
class SimpleRNN(Fast, keras.layers.SimpleRNN):
    """keras.layers.SimpleRNN, faster on a CPU: same arguments, weights and numbers."""

    @property
    def equations(self) -> Equations:
        return Equations(ACTIVATIONS[self.cell.activation])

    def obstacles(self) -> dict[str, bool]:
        return {"an activation other than tanh and relu": self.cell.activation not in ACTIVATIONS}
