"""The gated recurrent unit (Cho et al., 2014), with the reset gate behind the product, as in cuDNN and Keras."""

from __future__ import annotations

import keras
import tensorflow as tf

from seqtasks.layers.fast import Fast
from seqtasks.layers.recurrence import States, Weights, product


class Equations:
    """z = sigmoid(x_z + h U_z), r = sigmoid(x_r + h U_r), c = tanh(x_c + r (h U_c + b)), h' = z h + (1 - z) c."""

    kept = 3
    alike = False

    def forward(self, inputs: tf.Tensor, states: States, parameters: States) -> tuple[States, States]:
        (before,), (kernel, bias) = states, parameters
        units = before.shape[-1]
        sums, inner = tf.split(product(before, kernel, before.dtype), [2 * units, units], 1)
        entering, candidate = tf.split(inputs, [2 * units, units], 1)
        gates = tf.sigmoid(entering + sums)
        update, reset = tf.split(gates, 2, 1)
        inner += bias
        candidate = tf.tanh(candidate + reset * inner)
        return (candidate + update * (before - candidate),), (gates, candidate, inner)

    def backward(
        self, gradients: States, kept: States, before: tf.Tensor, after: tf.Tensor, kernel: tf.Tensor
    ) -> tuple[States, tf.Tensor, tf.Tensor]:
        (gradient,), (gates, candidate, inner) = gradients, kept
        update, reset = tf.split(gates, 2, 1)
        of_candidate = gradient * (1 - update) * (1 - candidate * candidate)
        of_update = gradient * (before - candidate) * update * (1 - update)
        of_inner = of_candidate * reset
        of_reset = of_inner * inner * (1 - reset)
        of_sums = tf.concat([of_update, of_reset, of_inner], 1)
        of_inputs = tf.concat([of_update, of_reset, of_candidate], 1)
        return (gradient * update + product(of_sums, kernel, of_sums.dtype),), of_inputs, of_sums

    def others(self, of_sums: tf.Tensor) -> States:
        return (tf.reduce_sum(of_sums[:, 2 * of_sums.shape[1] // 3 :], 0),)


@keras.saving.register_keras_serializable("seqtasks")
class GRU(Fast, keras.layers.GRU):
    """keras.layers.GRU, faster on a CPU: same arguments, weights and numbers."""

    equations = Equations()

    def obstacles(self) -> dict[str, bool]:
        return {"reset_after=False": not self.cell.reset_after, **super().obstacles()}

    def weights_in_use(self) -> Weights:
        kernel, bias, (recurrent,) = super().weights_in_use()
        if self.cell.bias is None:
            return Weights(kernel, bias, (recurrent, bias[2 * self.units :]))
        both = bias[0, : 2 * self.units] + bias[1, : 2 * self.units]
        return Weights(kernel, tf.concat([both, bias[0, 2 * self.units :]], 0), (recurrent, bias[1, 2 * self.units :]))
