"""What the three recurrent layers share: when the fast path is taken, and how Keras's tensors come to it and back."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from seqtasks.errors import UsageError
from seqtasks.layers.backward import train
from seqtasks.layers.plan import plan
from seqtasks.layers.recurrence import States, Table, Weights, forward


class Fast:
    """Stands before a recurrent layer of Keras among the bases of a class and takes its loop over."""

    cell: Any
    equations: Any  # recurrence.Equations
    unroll: bool
    state_size: list[int]
    go_backwards: bool
    return_sequences: bool
    zero_output_for_mask: bool
    table: Table | None = None  # set by FusedEmbedding while it is called: what comes are ids then
    weight_dropout: float = 0.0  # set by stack: share of the recurrent kernel that a batch in training goes without

    def why_not_fast(self, *, training: bool = True) -> str:
        """What makes this layer take Keras's own path, which gives the same: empty if nothing does."""
        cell = self.cell
        reasons = {
            f"the backend is {keras.backend.backend()}": keras.backend.backend() != "tensorflow",
            "a GPU is in sight": bool(tf.config.list_physical_devices("GPU")),
            "unroll=True": self.unroll,
            "the precision is float16": cell.compute_dtype == "float16",
            "recurrent dropout": training and cell.recurrent_dropout > 0,
            "implementation=1 with dropout": training and cell.dropout > 0 and getattr(cell, "implementation", 2) == 1,
            **self.obstacles(),
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def obstacles(self) -> dict[str, bool]:
        """The cell's own reasons for Keras's path, and whether they hold."""
        cell = self.cell
        return {
            "an activation other than tanh": cell.activation is not keras.activations.tanh,
            "a recurrent activation other than sigmoid": cell.recurrent_activation is not keras.activations.sigmoid,
        }

    def weights_in_use(self) -> Weights:
        """The layer's weights as the equations take them, in the precision of its computations."""
        cell = self.cell
        kernel = tf.convert_to_tensor(cell.kernel)
        bias = tf.zeros([kernel.shape[1]], kernel.dtype) if cell.bias is None else tf.convert_to_tensor(cell.bias)
        return Weights(kernel, bias, (tf.convert_to_tensor(cell.recurrent_kernel),))

    def weights_of_steps(self) -> Weights:
        """The same with all but the kernels in the precision of the states, which is never below float32."""
        kernel, bias, recurrent = self.weights_in_use()
        wide = _wide(kernel.dtype)
        return Weights(kernel, tf.cast(bias, wide), (recurrent[0], *(tf.cast(each, wide) for each in recurrent[1:])))

    def step(self, inputs: tf.Tensor, states: States, weights: Weights | None = None) -> tuple[tf.Tensor, States]:
        """Inputs (B, D) and states (B, U) each -> the output (B, U) and the next states: one step, for inference.

        `weights_of_steps()`, given, is made once for many steps; given a table, inputs are ids (B, 1).
        """
        if self.why_not_fast(training=False):
            return self.cell(inputs, list(states), training=False)
        weights = weights or self.weights_of_steps()
        states, _ = self.equations.forward(
            weights.project(tf.convert_to_tensor(inputs)), tuple(states), weights.recurrent
        )
        return states[0], states

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: Any = False) -> Any:
        """Keras's hook for the loop: (last output (B, U), outputs (B, T, U), last states)."""
        reason = (
            self.why_not_fast(training=bool(training)) if isinstance(training, bool | None) else "training is a tensor"
        )
        if reason and training and self.weight_dropout:
            raise UsageError(f"weight_dropout is for the fast path ({reason}); leave weight_dropout out")
        if reason:
            return super().inner_loop(sequences, initial_state, mask, training=training)  # type: ignore[misc]
        self.supports_jit = False  # the loop compiles what gains by it; all of a training compiled is slower
        mask = _mask(mask, sequences)
        if training and self.cell.dropout:
            sequences *= self.cell.get_dropout_mask(sequences[:, 0])[:, None]
        if self.table is None:
            weights = self.weights_of_steps()
            sequences = tf.cast(sequences, weights.kernel.dtype)  # whole numbers are numbers as all others
        else:
            weights = self.table
        if training and self.weight_dropout:
            weights = self._without_some(weights)
        states = tf.nest.flatten(initial_state)
        states = tuple(_of_every_row(tf.cast(each, weights.bias.dtype), sequences) for each in states)
        for state, units in zip(states, self.state_size, strict=True):
            if not state.shape.is_compatible_with([sequences.shape[0], units]):
                wanted = (sequences.shape[0], units)
                raise ValueError(f"a state for these sequences is {wanted}, not {tuple(state.shape)}")
        given = (self.equations, sequences, mask, states, weights)
        if training:
            chosen = plan(weights.recurrent[0], sequences.shape[1])
            outputs, states = train(*given, backwards=self.go_backwards, chosen=chosen)
        else:
            outputs, states = forward(*given, backwards=self.go_backwards, sequences=self.return_sequences)
        return self._as_keras_gives_it(outputs, states, mask)

    def _without_some(self, weights: Weights) -> Weights:
        """The weights with a part of the recurrent kernel left out, the same at every step (Merity et al., 2018)."""
        kernel = keras.random.dropout(weights.recurrent[0], self.weight_dropout, seed=self.cell.seed_generator)
        return weights._replace(recurrent=(kernel, *weights.recurrent[1:]))

    def _as_keras_gives_it(self, outputs: tf.Tensor | None, states: States, mask: tf.Tensor | None) -> Any:
        """A masked step's output is zero or, by default, the one before it, which before all others is zero too."""
        last = states[0]
        if mask is not None:
            mask = tf.reverse(mask, [1]) if self.go_backwards else mask
            real = mask if self.zero_output_for_mask else tf.cumsum(tf.cast(mask, tf.int32), 1) > 0
            last = tf.where(real[:, -1], last, tf.zeros_like(last))
            if self.return_sequences:
                outputs = tf.where(real, outputs, tf.zeros_like(outputs))
        return last, outputs if self.return_sequences else last[:, None], list(states)


def why_not_fast(layer: keras.layers.Layer) -> str:
    """Why a recurrent layer, or a Bidirectional around one, trains on Keras's own path; empty if it does not."""
    if isinstance(layer, keras.layers.Bidirectional):
        return why_not_fast(layer.forward_layer) or why_not_fast(layer.backward_layer)
    if not isinstance(layer, Fast):
        return f"{type(layer).__module__}.{type(layer).__name__} is none of seqtasks.layers"
    return layer.why_not_fast()


def _wide(precision: tf.DType) -> tf.DType:
    return tf.float32 if precision == tf.bfloat16 else precision


def _of_every_row(values: tf.Tensor, sequences: tf.Tensor) -> tf.Tensor:
    """A mask or a state; where it has one row alone, that stands for all, as in Keras's loop."""
    if values.shape.rank is None or values.shape[0] != 1 or sequences.shape[0] == 1:
        return values
    rows = sequences.shape[0] or tf.shape(sequences)[0]
    return tf.tile(values, [rows, *[1] * (values.shape.rank - 1)])


def _mask(mask: Any, sequences: tf.Tensor) -> tf.Tensor | None:
    """A mask (B, T), or (B, T, 1), or one in a list -> bool (B, T, 1); raises ValueError for another form."""
    if isinstance(mask, list | tuple):
        mask = mask[0] if mask else None
    if mask is None:
        return None
    mask = tf.cast(mask, tf.bool)
    mask = mask[:, :, None] if mask.shape.rank == 2 else mask
    mask = _of_every_row(mask, sequences)
    if mask.shape.rank != 3 or not mask.shape.is_compatible_with([*sequences.shape[:2], 1]):
        raise ValueError(f"a mask for sequences {tuple(sequences.shape)} is (B, T), not {tuple(mask.shape)}")
    return mask
