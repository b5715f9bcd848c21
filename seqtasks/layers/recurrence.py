"""Whole sequences through a recurrent cell: its equations, its weights, and the way ahead that exports hold.

What a training takes is in `backward.py`.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from seqtasks.layers.plan import BROAD, NARROW, SHORT, steps_of

_PLAIN = contextvars.ContextVar("plain", default=False)

States = tuple[tf.Tensor, ...]  # (B, U) each; the first is the output


class Equations(Hashable, Protocol):
    """One step of a cell and its gradient: of inputs (B, G) projected by the input kernel, and of states."""

    @property
    def kept(self) -> int:
        """How many tensors `forward` gives for `backward`."""

    @property
    def alike(self) -> bool:
        """Whether the gradients of inputs and of the states' projection are one tensor."""

    def forward(self, inputs: tf.Tensor, states: States, parameters: States) -> tuple[States, States]:
        """The next states and what `backward` needs besides. The first parameter is the recurrent kernel (U, P)."""

    def backward(
        self, gradients: States, kept: States, before: tf.Tensor, after: tf.Tensor, kernel: tf.Tensor
    ) -> tuple[States, tf.Tensor, tf.Tensor]:
        """Gradients of the states a step earlier, of the inputs (B, G) and of the states' projection (B, P).

        Before and after are the outputs, (B, U); the kernel is the recurrent one transposed, (P, U).
        """

    def others(self, of_sums: tf.Tensor) -> States:
        """Gradients of the parameters behind the first, from those of N states' projections (N, P)."""


class Weights(NamedTuple):
    """Of a layer: the kernels in the precision of the products, the others in that of the states."""

    kernel: tf.Tensor  # (D, G)
    bias: tf.Tensor  # (G,)
    recurrent: tuple[tf.Tensor, ...]  # the recurrent kernel (U, P) and what else the cell's equations name

    def project(self, values: tf.Tensor) -> tf.Tensor:
        """Values (..., D) -> (..., G)."""
        flat = values if values.shape.rank == 2 else tf.reshape(values, [-1, values.shape[-1]])
        projected = product(flat, self.kernel, self.bias.dtype) + self.bias
        if values.shape.rank == 2:
            return projected
        return tf.reshape(projected, tf.concat([tf.shape(values)[:-1], [self.kernel.shape[-1]]], 0))

    def gradients(self, values: tf.Tensor, of_projected: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The same values and a gradient (N, G), N rows in all -> of the values (N, D) and of the kernel."""
        wide, precision = of_projected.dtype, self.kernel.dtype
        flat = tf.reshape(values, [-1, values.shape[-1]])
        of_kernel = product(flat, of_projected, wide, precision, transposed=(True, False))
        return product(of_projected, self.kernel, wide, transposed=(False, True)), of_kernel


class Table(Weights):
    """The same with, in place of the kernel, what each id of a vocabulary projects to, (V, G)."""

    __slots__ = ()

    def project(self, values: tf.Tensor) -> tf.Tensor:
        """Ids (..., 1) -> (..., G)."""
        return tf.gather(self.kernel, values[..., 0]) + self.bias

    def gradients(self, values: tf.Tensor, of_projected: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Ids, N in all, and a gradient (N, G) -> zeros (N, 1) and of the table."""
        wide, flat = of_projected.dtype, tf.reshape(values, [-1, 1])
        rows = tf.one_hot(flat[:, 0], self.kernel.shape[0], dtype=wide)
        return tf.zeros_like(flat, wide), product(rows, of_projected, wide, transposed=(True, False))


@contextlib.contextmanager
def plain() -> Iterator[None]:
    """What is traced inside goes a step at a time in one loop, the only one that every converter knows."""
    token = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(token)


def forward(
    equations: Equations, inputs: tf.Tensor, mask: tf.Tensor | None, states: States, weights: Weights, *,
    backwards: bool, sequences: bool,
) -> tuple[tf.Tensor | None, States]:  # fmt: skip
    """Inputs (B, T, D), mask (B, T, 1) or None -> outputs (B, T, U) as read, if wanted, and the last states (B, U).

    Inputs are ids (B, T, 1) where the weights are a table.

    This is what exports hold: plain operations, shapes as static as those that come in.
    """
    length = inputs.shape[1] or tf.shape(inputs)[1]
    units, wide = weights.recurrent[0].shape
    single = _PLAIN.get() or (units >= NARROW and units * wide < BROAD)
    steps = 1 if single else min(steps_of(inputs.shape[1], SHORT), inputs.shape[1] or SHORT[0])
    whole = length // steps * steps
    outputs = []
    # pieces, and then what is left; an array has one write a turn, as ONNX wants it
    for done, behind, size in ((0, whole, steps), (whole, length, 1)):
        if isinstance(length, int) and behind == done:
            continue

        def body(number: tf.Tensor, arrays: Any, states: States, done: Any = done, size: int = size) -> Any:
            first = length - done - (number + 1) * size if backwards else done + number * size
            if size == 1:
                projected = [weights.project(inputs[:, first])]
            else:
                projected = weights.project(tf.transpose(inputs[:, first : first + size], [1, 0, 2]))
            found = []
            for step in range(size):
                place = size - 1 - step if backwards else step
                after, _ = equations.forward(projected[place], states, weights.recurrent)
                states = after if mask is None else where(mask[:, first + place], after, states)
                found.append(states[0])
            value = found[0] if size == 1 else tf.stack(found)
            return number + 1, tuple(each.write(number, value) for each in arrays), states

        count = (behind - done) // size
        element = [inputs.shape[0], units] if size == 1 else [size, inputs.shape[0], units]
        arrays = (tf.TensorArray(states[0].dtype, count, element_shape=element),) if sequences else ()
        _, arrays, states = tf.while_loop(lambda number, *_, count=count: number < count, body, (0, arrays, states))
        rows = inputs.shape[0] or tf.shape(inputs)[0]
        outputs += [tf.reshape(_stacked(each, element, rows), [-1, rows, units]) for each in arrays]
        if steps == 1:
            break
    if not sequences:
        return None, states
    return tf.transpose(outputs[0] if len(outputs) == 1 else tf.concat(outputs, 0), [1, 0, 2]), states


def _stacked(array: tf.TensorArray, element: list[int | None], rows: Any) -> tf.Tensor:
    """All elements of an array, which may be none: TensorFlow's own method knows no shape then."""
    if tf.executing_eagerly() or None not in element:
        return array.stack()
    shape = tf.stack([rows if each is None else each for each in element])
    return tf.raw_ops.TensorListStack(input_handle=array.flow, element_shape=shape, element_dtype=array.dtype)


def where(mask: tf.Tensor, yes: States, no: States) -> States:
    return tuple(tf.where(mask, *each) for each in zip(yes, no, strict=True))


def product(
    values: tf.Tensor, kernel: tf.Tensor, wide: tf.DType, precision: tf.DType | None = None,
    transposed: tuple[bool, bool] = (False, False),
) -> tf.Tensor:  # fmt: skip
    """Values (N, M) @ kernel (M, K), either of them transposed first, as numbers of the type `wide`.

    The product is made in the given precision or, if none is named, in the kernel's.
    """
    precision = precision or kernel.dtype
    values, kernel = tf.cast(values, precision), tf.cast(kernel, precision)
    return tf.cast(tf.matmul(values, kernel, transpose_a=transposed[0], transpose_b=transposed[1]), wide)
