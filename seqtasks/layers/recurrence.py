"""Whole sequences through a recurrent cell: forward, and for training a backward of our own.

TensorFlow differentiates a loop step by step, two products and a growing list of what it kept for each. Here the
backward loop holds one product a step, and the gradients of the kernels are few large products. For widths at which
the loop and the memory are the cost, a piece of several steps is one function compiled by XLA, its projection by the
input kernel included, so that what it works on stays in the cache; and the batch is split over the cores.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

States = tuple[tf.Tensor, ...]  # (B, U) each; the first is the output

COMPILED_UNITS = 512  # from this width on the products outweigh the rest, and have threads of their own
WIDE = 96  # units from which, ahead, the next step's projection beside this step is worth more than longer pieces
# steps of a piece: the first of which a known length is a multiple, or else the first
SHORT = (8, 10, 7, 9, 6, 5)
LONG = (20, 25, 16, 24, 15, 10)


class Equations(Hashable, Protocol):
    """One step of a cell and its gradient: of inputs (B, G) projected by the input kernel, and of states."""

    @property
    def kept(self) -> int:
        """How many tensors `forward` gives for `backward`."""

    def forward(self, inputs: tf.Tensor, states: States, parameters: States) -> tuple[States, States]:
        """The next states and what `backward` needs besides. The first parameter is the recurrent kernel (U, P)."""

    def backward(
        self, gradients: States, kept: States, before: tf.Tensor, after: tf.Tensor, kernel: tf.Tensor
    ) -> tuple[States, tf.Tensor]:
        """The states' gradients a step earlier, and (B, S) from which `gradients` makes the others.

        Before and after are the outputs, (B, U); the kernel is the recurrent one transposed, (P, U).
        """

    def gradients(self, summed: tf.Tensor, outputs: tf.Tensor, precision: tf.DType) -> tuple[tf.Tensor, States]:
        """From `backward`'s second for N steps, (N, S), and outputs (N, U) before them: of inputs and parameters.

        The product is made in the given precision.
        """


class Weights(NamedTuple):
    """Of a layer: the kernels in the precision of the products, the others in that of the states."""

    kernel: tf.Tensor  # (D, G), or a table (V, G) of what each id projects to
    bias: tf.Tensor  # (G,)
    recurrent: tuple[tf.Tensor, ...]  # the recurrent kernel (U, P) and what else the cell's equations name

    def project(self, values: tf.Tensor) -> tf.Tensor:
        """Values (..., D), or ids (..., 1), -> (..., G)."""
        if values.dtype.is_integer:
            return tf.gather(self.kernel, values[..., 0]) + self.bias
        flat = tf.reshape(values, [-1, values.shape[-1]])
        projected = product(flat, self.kernel, self.bias.dtype) + self.bias
        return tf.reshape(projected, tf.concat([tf.shape(values)[:-1], [self.kernel.shape[-1]]], 0))

    def gradients(self, values: tf.Tensor, of_projected: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The same values and a gradient (N, G), N all but their last axis -> of the values and of the kernel."""
        wide, precision = of_projected.dtype, self.kernel.dtype
        if values.dtype.is_integer:
            rows = tf.one_hot(tf.reshape(values, [-1]), self.kernel.shape[0], dtype=wide)
            return tf.zeros_like(values, wide), product(tf.transpose(rows), of_projected, wide)
        flat = tf.reshape(values, [-1, values.shape[-1]])
        of_kernel = product(tf.transpose(flat), of_projected, wide, precision)
        return tf.reshape(product(of_projected, tf.transpose(self.kernel), wide), tf.shape(values)), of_kernel


@dataclass(frozen=True)
class Plan:
    """How a training step goes over a batch."""

    steps: int  # of a piece
    compiled: bool
    parts: int  # of the batch, each in a loop of its own


def plan(weights: Weights, length: int | None) -> Plan:
    """The fastest as measured (`seqtasks bench layers`) for such weights on sequences of this length."""
    units, wide = weights.recurrent[0].shape
    if units >= COMPILED_UNITS or weights.recurrent[0].dtype == tf.bfloat16 or not tf.test.is_built_with_xla():
        return Plan(_steps(length, LONG), False, 1)
    return Plan(_steps(length, SHORT if wide > units else LONG), True, min(4, os.cpu_count() or 1))


def _steps(length: int | None, near: tuple[int, ...]) -> int:
    return next((each for each in near if length and length % each == 0), near[0])


@dataclass(frozen=True)
class _Cut:
    """Pieces of so many steps of some rows of a batch, in the order in which they are read."""

    length: Any  # T
    steps: int
    backwards: bool
    time: int = 0  # the axis of a piece's steps: 0 lets a step be taken out without a copy, XLA is faster with 1
    rows: tuple[Any, Any] | None = None  # the first and the one behind the last; None for all

    @property
    def even(self) -> bool:
        """Whether the last piece is surely as long as all others."""
        return self.steps == 1 or (isinstance(self.length, int) and self.length % self.steps == 0)

    @property
    def pieces(self) -> Any:
        return (self.length + self.steps - 1) // self.steps

    def of(self, values: tf.Tensor) -> tf.Tensor:
        """Values (B, ...) -> (b, ...), those of the rows."""
        return values if self.rows is None else values[slice(*self.rows)]

    def piece(self, values: tf.Tensor, number: tf.Tensor, *, read: bool = True) -> tf.Tensor:
        """Values (B, T, N) -> (steps, b, N) or (b, steps, N), zeros behind the end.

        As they are read, or else as they stand.
        """
        rows = slice(None) if self.rows is None else slice(*self.rows)
        flipped = read and self.backwards
        end = self.length - number * self.steps if flipped else (number + 1) * self.steps
        piece = values[rows, tf.maximum(end - self.steps, 0) : end]
        piece = tf.reverse(piece, [1]) if flipped else piece
        if not self.even:
            piece = tf.pad(piece, [[0, 0], [0, self.steps - tf.shape(piece)[1]], [0, 0]])
        if self.time == 1:
            return tf.ensure_shape(piece, [None, self.steps, values.shape[2]])
        return tf.ensure_shape(tf.transpose(piece, [1, 0, 2]), [self.steps, None, values.shape[2]])

    def whole(self, pieces: tf.Tensor, *, read: bool = True) -> tf.Tensor:
        """All pieces (P, ...) in the order of reading -> (b, T, N), in time where they were read backwards."""
        width = pieces.shape[3]
        rows, steps = tf.shape(pieces)[2 - self.time], tf.shape(pieces)[0] * self.steps
        if self.time == 1:
            values = tf.reshape(tf.transpose(pieces, [1, 0, 2, 3]), [rows, steps, width])[:, : self.length]
        else:
            values = tf.transpose(tf.reshape(pieces, [steps, rows, width])[: self.length], [1, 0, 2])
        values = tf.reverse(values, [1]) if read and self.backwards else values
        return tf.ensure_shape(values, [None, self.length if isinstance(self.length, int) else None, pieces.shape[3]])


def forward(
    equations: Equations, inputs: tf.Tensor, mask: tf.Tensor | None, states: States, weights: Weights, *,
    backwards: bool, sequences: bool,
) -> tuple[tf.Tensor | None, States]:  # fmt: skip
    """Inputs (B, T, D), mask (B, T, 1) or None -> outputs (B, T, U) as read, if wanted, and the last states (B, U).

    Inputs may be ids (B, T, 1) where the kernel is a table of what each projects to.

    This is what exports hold: plain operations, one loop, shapes as static as those that come in.
    """
    length = inputs.shape[1] or tf.shape(inputs)[1]
    steps = 1 if states[0].shape[1] >= WIDE else _steps(inputs.shape[1], SHORT)
    cut = _Cut(length, steps, backwards)
    mask = _masked(mask, inputs, cut)
    units, count = states[0].shape[1], cut.pieces
    ahead, _ = _pieces(equations, cut.steps, compiled=False, keeping=False)
    shape = [cut.steps, inputs.shape[0], units]
    outputs = tf.TensorArray(states[0].dtype, count if sequences else 0, element_shape=shape)

    def body(number: tf.Tensor, outputs: tf.TensorArray, states: States) -> Any:
        own = None if mask is None else cut.piece(mask, number)
        piece, _, states = ahead(cut.piece(inputs, number), own, states, weights)
        return number + 1, outputs.write(number, piece) if sequences else outputs, states

    _, outputs, states = tf.while_loop(lambda number, *_: number < count, body, (0, outputs, states))
    return cut.whole(outputs.stack(), read=False) if sequences else None, states


def train(
    equations: Equations, inputs: tf.Tensor, mask: tf.Tensor | None, states: States, weights: Weights, *,
    backwards: bool, chosen: Plan,
) -> tuple[tf.Tensor, States]:  # fmt: skip
    """The same as `forward`, with the outputs in any case, and with a gradient of its own."""
    length = inputs.shape[1] or tf.shape(inputs)[1]
    cuts = [_Cut(length, chosen.steps, backwards, int(chosen.compiled), rows) for rows in _shares(inputs, chosen.parts)]
    mask = _masked(mask, inputs, cuts[0])
    count = len(states)

    @tf.custom_gradient
    def run(inputs: tf.Tensor, *rest: tf.Tensor) -> Any:
        states, weights = rest[:count], Weights(rest[count], rest[count + 1], rest[count + 2 :])
        runs = [_Run(equations, cut, chosen.compiled, inputs, mask, weights) for cut in cuts]
        done = [each.ahead(tuple(cut.of(state) for state in states)) for each, cut in zip(runs, cuts, strict=True)]

        def gradient(of_outputs: tf.Tensor, *of_last: tf.Tensor) -> Any:
            found = [
                each.back(of_outputs, tuple(cut.of(state) for state in of_last), kept)
                for each, cut, (_, _, kept) in zip(runs, cuts, done, strict=True)
            ]
            of_inputs, of_first, sums = zip(*found, strict=True)
            of_weights = (tf.add_n(each) for each in zip(*map(tf.nest.flatten, sums), strict=True))
            of_inputs = tf.cast(tf.concat(of_inputs, 0), tf.float32 if inputs.dtype.is_integer else inputs.dtype)
            return tuple(_once(each) for each in (of_inputs, *_joined(of_first), *of_weights))

        outputs, last, _ = zip(*done, strict=True)
        return (tf.concat(outputs, 0), *_joined(last)), gradient

    outputs, *last = run(inputs, *states, weights.kernel, weights.bias, *weights.recurrent)
    return outputs, tuple(last)


@dataclass(frozen=True)
class _Run:
    """One loop over the pieces of some rows, ahead and, with what it kept, back."""

    equations: Equations
    cut: _Cut
    compiled: bool
    inputs: tf.Tensor
    mask: tf.Tensor | None
    weights: Weights

    def ahead(self, states: States) -> tuple[tf.Tensor, States, States]:
        """First states (b, U) -> outputs (b, T, U), last states and, for each piece, what `back` needs."""
        cut, dtype = self.cut, states[0].dtype
        piece_ahead, _ = _pieces(self.equations, cut.steps, self.compiled)
        kept = tuple(tf.TensorArray(dtype, cut.pieces) for _ in range(2 + self.equations.kept))

        def body(number: tf.Tensor, kept: Any, states: States) -> Any:
            begin = states[0]
            outputs, more, states = piece_ahead(*self._piece(number), states, self.weights)
            new = (begin, outputs, *more)
            return number + 1, tuple(each.write(number, own) for each, own in zip(kept, new, strict=True)), states

        _, kept, states = tf.while_loop(lambda number, *_: number < cut.pieces, body, (0, kept, states))
        kept = tuple(each.stack() for each in kept)
        outputs = tf.ensure_shape(kept[1], [None, None, None, states[0].shape[1]])
        return cut.whole(outputs, read=False), states, kept

    def back(self, of_outputs: tf.Tensor, gradients: States, kept: States) -> tuple[tf.Tensor, States, Weights]:
        """Gradients of outputs (B, T, U) and of last states (b, U) -> of inputs (b, T, D), first states, weights."""
        cut = self.cut
        _, piece_back = _pieces(self.equations, cut.steps, self.compiled)
        of_inputs = tf.TensorArray(gradients[0].dtype, cut.pieces)
        transposed = tf.transpose(self.weights.recurrent[0])

        def body(number: tf.Tensor, of_inputs: Any, gradients: States, sums: Weights) -> Any:
            own = tuple(each[number] for each in kept)
            given = cut.piece(of_outputs, number, read=False)
            found, gradients, sums = piece_back(
                *self._piece(number), own, given, gradients, self.weights, transposed, sums
            )
            return number - 1, of_inputs.write(number, found), gradients, sums

        sums = tf.nest.map_structure(lambda each: tf.zeros(each.shape, gradients[0].dtype), self.weights)
        loop = (cut.pieces - 1, of_inputs, gradients, sums)
        _, of_inputs, gradients, sums = tf.while_loop(lambda number, *_: number >= 0, body, loop)
        of_inputs = tf.ensure_shape(of_inputs.stack(), [None, None, None, self.inputs.shape[2]])
        return cut.whole(of_inputs), gradients, _like(sums, self.weights)

    def _piece(self, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        return self.cut.piece(self.inputs, number), None if self.mask is None else self.cut.piece(self.mask, number)


@functools.cache
def _pieces(
    equations: Equations, steps: int, compiled: bool, keeping: bool = True
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A number of steps ahead, and as many back: two functions, shared by all loops over such a cell."""

    axis = int(compiled)  # of the steps in a piece

    def at(values: tf.Tensor, step: int) -> tf.Tensor:
        return values[:, step] if axis else values[step]

    def ahead(inputs: tf.Tensor, mask: tf.Tensor | None, states: States, weights: Weights) -> Any:
        projected = weights.project(inputs)
        outputs, kept = [], []
        for step in range(steps):
            after, keep = equations.forward(at(projected, step), states, weights.recurrent)
            states = after if mask is None else _where(at(mask, step), after, states)
            outputs.append(states[0])
            kept.append(keep)
        more = tuple(tf.stack(each, axis) for each in zip(*kept, strict=True)) if keeping else ()
        return tf.stack(outputs, axis), more, states

    def back(
        inputs: tf.Tensor, mask: tf.Tensor | None, kept: States, of_outputs: tf.Tensor, gradients: States,
        weights: Weights, transposed: tf.Tensor, sums: Weights,
    ) -> Any:  # fmt: skip
        begin, outputs, *more = kept
        values = [begin, *(at(outputs, step) for step in range(steps))]
        summed: list[Any] = [None] * steps
        for step in reversed(range(steps)):
            gradients = (gradients[0] + at(of_outputs, step), *gradients[1:])
            real = gradients if mask is None else _where(at(mask, step), gradients, _zeros(gradients))
            keep = tuple(at(each, step) for each in more)
            earlier, summed[step] = equations.backward(real, keep, values[step], values[step + 1], transposed)
            gradients = earlier if mask is None else _where(at(mask, step), earlier, gradients)
        flat = tf.reshape(tf.stack(summed, axis), [-1, summed[0].shape[-1]])
        before = tf.reshape(tf.stack(values[:-1], axis), [-1, begin.shape[-1]])
        of_projected, of_recurrent = equations.gradients(flat, before, weights.recurrent[0].dtype)
        of_inputs, of_kernel = weights.gradients(inputs, of_projected)
        own = Weights(of_kernel, tf.reduce_sum(of_projected, 0), of_recurrent)
        return of_inputs, gradients, tf.nest.map_structure(tf.add, sums, own)

    if not compiled:
        return ahead, back
    return tf.function(ahead, jit_compile=True, autograph=False), tf.function(back, jit_compile=True, autograph=False)


def _shares(inputs: tf.Tensor, parts: int) -> list[Any]:
    """The rows of each part of a batch, as even as they can be."""
    if parts == 1:
        return [None]
    rows = inputs.shape[0] or tf.shape(inputs)[0]
    return [(rows * part // parts, rows * (part + 1) // parts) for part in range(parts)]


def _masked(mask: tf.Tensor | None, inputs: tf.Tensor, cut: _Cut) -> tf.Tensor | None:
    """The mask, or one of ones where the last piece may reach behind the end."""
    if mask is not None or cut.even:
        return mask
    return tf.ones(tf.concat([tf.shape(inputs)[:2], [1]], 0), tf.bool)


def _joined(parts: tuple[States, ...]) -> States:
    return tuple(tf.concat(each, 0) for each in zip(*parts, strict=True))


def _where(mask: tf.Tensor, yes: States, no: States) -> States:
    return tuple(tf.where(mask, *each) for each in zip(yes, no, strict=True))


def _zeros(states: States) -> States:
    return tuple(tf.zeros_like(each) for each in states)


def _like(values: Weights, others: Weights) -> Weights:
    return tf.nest.map_structure(lambda value, other: tf.cast(value, other.dtype), values, others)


@tf.custom_gradient
def _once(gradient: tf.Tensor) -> Any:
    def again(*_: tf.Tensor) -> Any:
        raise NotImplementedError(
            "the fast path of seqtasks.layers has no second derivatives; "
            "the layer of the same name in keras.layers has them, and takes the same weights"
        )

    return tf.identity(gradient), again


def product(values: tf.Tensor, kernel: tf.Tensor, wide: tf.DType, precision: tf.DType | None = None) -> tf.Tensor:
    """Values (N, M) @ kernel (M, K) in the precision of the kernel, if none is named, as numbers of the type `wide`."""
    precision = precision or kernel.dtype
    return tf.cast(tf.cast(values, precision) @ tf.cast(kernel, precision), wide)
