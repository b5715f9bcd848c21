"""Long short-term memory (Hochreiter and Schmidhuber, 1997) with forget gate (Gers et al., 2000)."""

from __future__ import annotations

import keras
import tensorflow as tf

from seqtasks.layers.fast import Fast
from seqtasks.layers.recurrence import States, product


class Equations:
    """i, f, o = sigmoid(x + h U), g = tanh(x + h U), c' = f c + i g, h' = o tanh(c')."""

    kept = 5
    alike = True

    def forward(self, inputs: tf.Tensor, states: States, parameters: States) -> tuple[States, States]:
        (before, memory), (kernel,) = states, parameters
        sums = tf.split(inputs + product(before, kernel, before.dtype), 4, 1)
        entry, forget, leave = (tf.sigmoid(sums[gate]) for gate in (0, 1, 3))
        candidate = tf.tanh(sums[2])
        after = forget * memory + entry * candidate
        return (leave * tf.tanh(after), after), (entry, forget, candidate, leave, memory)

    def backward(
        self, gradients: States, kept: States, before: tf.Tensor, after: tf.Tensor, kernel: tf.Tensor
    ) -> tuple[States, tf.Tensor, tf.Tensor]:
        (gradient, of_after), (entry, forget, candidate, leave, memory) = gradients, kept
        squashed = tf.tanh(forget * memory + entry * candidate)
        of_after = of_after + gradient * leave * (1 - squashed * squashed)
        of_gates = [
            of_after * candidate * entry * (1 - entry),
            of_after * memory * forget * (1 - forget),
            of_after * entry * (1 - candidate * candidate),
            gradient * squashed * leave * (1 - leave),
        ]
        of_sums = tf.concat(of_gates, 1)
        return (product(of_sums, kernel, of_sums.dtype), of_after * forget), of_sums, of_sums

    def others(self, of_sums: tf.Tensor) -> States:
        return ()


@keras.saving.register_keras_serializable("seqtasks")
class LSTM(Fast, keras.layers.LSTM):
    """keras.layers.LSTM, faster on a CPU: same arguments, weights and numbers."""

    equations = Equations()
