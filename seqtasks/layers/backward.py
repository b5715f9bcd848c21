"""A training's way over whole sequences, with a backward of our own.

TensorFlow differentiates a loop step by step, two products and a growing list of what it kept for each. Here the
backward loop holds one product a step. What does not wait for the step before, the projection by the input kernel and
the gradients of kernels and inputs, is a few products for a piece of many steps, beside the loop. For widths at which
the loop and the memory are the cost, the steps of a piece are one function compiled by XLA, and the batch is split
over the cores.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from seqtasks.layers import plan
from seqtasks.layers.pieces import Piece
from seqtasks.layers.recurrence import Equations, States, Weights, forward, product

AHEAD = 2  # pieces under way at once: one is projected while the other's steps go


def train(
    equations: Equations, inputs: tf.Tensor, mask: tf.Tensor | None, states: States, weights: Weights, *,
    backwards: bool, chosen: plan.Plan,
) -> tuple[tf.Tensor, States]:  # fmt: skip
    """The same as `forward`, with the outputs in any case, and with a gradient of its own.

    Derivatives of that gradient are those of `forward`.
    """
    length, rows = inputs.shape[1] or tf.shape(inputs)[1], inputs.shape[0] or tf.shape(inputs)[0]
    total = plan.rows_of(rows) if chosen.compiled else rows
    written_out = plan.usual(rows) if chosen.compiled else True
    cuts = [_Cut(length, chosen.steps, backwards, share) for share in _shares(total, chosen.parts)]
    filled = functools.partial(_filled, missing=total - rows)
    own_mask = mask
    if mask is None and not _even(length, chosen.steps):  # the last piece may reach behind the end
        mask = tf.ones(tf.concat([tf.shape(inputs)[:2], [1]], 0), tf.bool)
    piece = Piece(equations, chosen.steps, backwards, chosen.compiled, written_out)
    count = len(states)
    kind: Any = type(weights)

    @tf.custom_gradient
    @_unrecorded
    def run(*values: tf.Tensor) -> Any:
        inputs, states, weights = _parted(values, count, kind)
        whole, whole_mask = filled(inputs), None if mask is None else filled(mask)
        runs = [
            _Run(piece, cut, cut.taken(whole), None if mask is None else cut.taken(whole_mask), weights) for cut in cuts
        ]
        begun = tuple(filled(state) for state in states)
        done = [each.ahead(tuple(cut.of(state) for state in begun)) for each, cut in zip(runs, cuts, strict=True)]
        untraced = tf.executing_eagerly()

        def gradient(*of: tf.Tensor) -> Any:
            def back(of_outputs: tf.Tensor, of_last: States) -> Any:
                of_outputs, of_last = filled(of_outputs), tuple(filled(each) for each in of_last)
                found = []
                for each, cut, (_, _, kept) in zip(runs, cuts, done, strict=True):
                    if untraced and not tf.executing_eagerly():  # a jacobian traces what ran untraced
                        kept = tuple(_as_traced(array) for array in kept)
                    found.append(each.back(of_outputs, tuple(cut.of(state) for state in of_last), kept))
                of_inputs, of_first, sums = zip(*found, strict=True)
                of_weights = (tf.add_n(each) for each in zip(*map(tf.nest.flatten, sums), strict=True))
                of_inputs = tf.concat(of_inputs, 0)[:rows]
                of_inputs = of_inputs if inputs.dtype.is_integer else tf.cast(of_inputs, inputs.dtype)
                return (of_inputs, *(each[:rows] for each in _joined(of_first)), *of_weights)

            of = tuple(tf.convert_to_tensor(each) for each in of)
            return _with_more(back, _derivatives(equations, backwards, count, kind), own_mask, of, values)

        outputs, last, _ = zip(*done, strict=True)
        return (tf.concat(outputs, 0)[:rows], *(each[:rows] for each in _joined(last))), gradient

    outputs, *last = run(inputs, *states, weights.kernel, weights.bias, *weights.recurrent)
    return outputs, tuple(last)


def _parted(values: tuple[tf.Tensor, ...], count: int, kind: Any) -> tuple[tf.Tensor, States, Weights]:
    """Inputs, so many states and what the weights hold, from one row of them."""
    kernel, bias, *recurrent = values[count + 1 :]
    return values[0], values[1 : count + 1], kind(kernel, bias, tuple(recurrent))


def _with_more(
    back: Callable[..., Any], derivatives: Callable[..., Any], mask: tf.Tensor | None,
    of: tuple[tf.Tensor, ...], values: tuple[tf.Tensor, ...],
) -> Any:  # fmt: skip
    """What `back` gives for the gradients `of` the results, itself differentiable."""

    @tf.custom_gradient
    @_unrecorded
    def run(*given: tf.Tensor) -> Any:
        of, values = given[: -len(own)], given[-len(own) :]
        return back(of[0], of[1:]), lambda *of_found: derivatives(mask, of, values, of_found)

    own = values
    return run(*of, *values)


@functools.cache
def _derivatives(equations: Equations, backwards: bool, count: int, kind: Any) -> Callable[..., Any]:
    """The gradients' own, as TensorFlow finds them from `forward`: traced, as nothing else differentiates everywhere.

    Where tangents are carried ahead (tf.autodiff.ForwardAccumulator) no other tape records.
    """

    @tf.function(autograph=False, reduce_retracing=True)
    def derivatives(mask: tf.Tensor | None, of: Any, values: Any, of_found: Any) -> Any:
        inputs, states, weights = _parted(values, count, kind)
        outputs, last = forward(equations, inputs, mask, states, weights, backwards=backwards, sequences=True)
        sources = [each for each in values if each.dtype.is_floating]  # and no ids
        found = tf.gradients([outputs, *last], sources, [*of], unconnected_gradients="zero")
        of_found = [each for each, value in zip(of_found, values, strict=True) if value.dtype.is_floating]
        second = iter(tf.gradients(found, [*of, *sources], of_found, unconnected_gradients="zero"))
        return [next(second) if each.dtype.is_floating else tf.zeros_like(each) for each in (*of, *values)]

    return derivatives


def _unrecorded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, in which no tape records what runs untraced: it would have the compiled pieces differentiated too."""

    def run(*values: tf.Tensor) -> Any:
        if not tf.executing_eagerly():
            return function(*values)
        with tf.init_scope():
            return function(*values)

    return run


@dataclass(frozen=True)
class _Cut:
    """Some rows of a batch in pieces of so many steps, time first: a piece or a step is taken without a copy."""

    length: Any  # T
    steps: int
    backwards: bool
    rows: tuple[Any, Any] | None = None  # the first and the one behind the last; None for all

    @property
    def pieces(self) -> Any:
        return (self.length + self.steps - 1) // self.steps

    def of(self, values: tf.Tensor) -> tf.Tensor:
        """Values (B, ...) -> (b, ...), those of the rows."""
        return values if self.rows is None else values[slice(*self.rows)]

    def place(self, number: tf.Tensor) -> tf.Tensor:
        """Where in time the piece stands that is read so many pieces after the first."""
        return self.pieces - 1 - number if self.backwards else number

    def taken(self, values: tf.Tensor, *, read: bool = True) -> tf.Tensor:
        """Values (B, T, N) -> pieces (P, steps, b, N), filled with zeros where the reading ends.

        They are in the order of time or, if they are not what is read, in that of reading.
        """
        values = tf.transpose(self.of(values), [1, 0, 2])
        if not _even(self.length, self.steps):
            values = _filled(values, self.pieces * self.steps - self.length, first=read and self.backwards)
        return tf.reshape(values, [self.pieces, self.steps, tf.shape(values)[1], values.shape[2]])

    def whole(self, pieces: tf.Tensor, width: int, *, read: bool = True) -> tf.Tensor:
        """The opposite of `taken`: pieces (P, ..., N), of steps and rows, -> (b, T, N)."""
        values = tf.reshape(pieces, [self.pieces * self.steps, -1, width])
        if not _even(self.length, self.steps):
            values = values[-self.length :] if read and self.backwards else values[: self.length]
        values = tf.transpose(values, [1, 0, 2])
        return tf.ensure_shape(values, [None, self.length if isinstance(self.length, int) else None, width])


@dataclass(frozen=True)
class _Run:
    """One loop over the pieces of some rows, ahead and, with what it kept, back."""

    piece: Piece
    cut: _Cut
    inputs: tf.Tensor  # (P, steps, b, D)
    mask: tf.Tensor | None  # (P, steps, b, 1)
    weights: Weights

    def ahead(self, states: States) -> tuple[tf.Tensor, States, Any]:
        """First states (b, U) -> outputs (b, T, U), last states and, for each piece, what `back` needs."""
        cut, weights = self.cut, self.weights
        kept = tuple(
            tf.TensorArray(states[0].dtype, cut.pieces, clear_after_read=False)
            for _ in range(2 + self.piece.equations.kept)
        )

        def body(number: tf.Tensor, kept: Any, states: States) -> Any:
            place = cut.place(number)
            begin = states[0]
            outputs, more, states = self.piece.ahead(
                weights.project(self.inputs[place]), self._masked(place), states, weights.recurrent
            )
            new = (begin, outputs, *more)
            return number + 1, tuple(each.write(number, own) for each, own in zip(kept, new, strict=True)), states

        _, kept, states = tf.while_loop(
            lambda number, *_: number < cut.pieces, body, (0, kept, states), parallel_iterations=AHEAD
        )
        return cut.whole(kept[1].stack(), states[0].shape[1], read=False), states, kept

    def back(self, of_outputs: tf.Tensor, gradients: States, kept: Any) -> tuple[tf.Tensor, States, Weights]:
        """Gradients of outputs (B, T, U) and of last states (b, U) -> of inputs (b, T, D), first states, weights."""
        cut, weights = self.cut, self.weights
        of_outputs = cut.taken(of_outputs, read=False)
        of_inputs = tf.TensorArray(gradients[0].dtype, cut.pieces)
        transposed = tf.transpose(weights.recurrent[0])

        def body(number: tf.Tensor, of_inputs: Any, gradients: States, sums: Weights) -> Any:
            place = cut.place(number)
            own = tuple(each.read(number) for each in kept)
            of_both, before, of_bias, others, gradients = self.piece.back(
                self._masked(place), own, of_outputs[number], gradients, transposed
            )
            found, of_kernel = weights.gradients(self.inputs[place], of_both[0])
            of_sums = of_both[-1]
            of_recurrent = product(before, of_sums, of_sums.dtype, weights.recurrent[0].dtype, transposed=(True, False))
            own_sums = type(weights)(of_kernel, of_bias, (of_recurrent, *others))
            return number - 1, of_inputs.write(place, found), gradients, tf.nest.map_structure(tf.add, sums, own_sums)

        sums = tf.nest.map_structure(lambda each: tf.zeros(each.shape, gradients[0].dtype), weights)
        loop = (cut.pieces - 1, of_inputs, gradients, sums)
        _, of_inputs, gradients, sums = tf.while_loop(
            lambda number, *_: number >= 0, body, loop, parallel_iterations=AHEAD
        )
        of_weights = tf.nest.map_structure(lambda value, other: tf.cast(value, other.dtype), sums, weights)
        return cut.whole(of_inputs.stack(), self.inputs.shape[3]), gradients, of_weights

    def _masked(self, place: tf.Tensor) -> tf.Tensor | None:
        return None if self.mask is None else self.mask[place]


def _even(length: Any, steps: int) -> bool:
    """Whether it is known that the last piece is as long as all others."""
    return steps == 1 or (isinstance(length, int) and length % steps == 0)


def _filled(values: tf.Tensor, missing: Any, *, first: bool = False) -> tf.Tensor:
    """The values with so many zeros more, a number or a tensor, along their first axis: behind or before them."""
    rest = [[0, 0]] * (values.shape.rank - 1)
    if isinstance(missing, int):
        return tf.pad(values, [[missing, 0] if first else [0, missing], *rest]) if missing else values
    return tf.cond(
        missing > 0, lambda: tf.pad(values, [[missing, 0] if first else [0, missing], *rest]), lambda: values
    )


def _as_traced(array: tf.TensorArray) -> tf.TensorArray:
    values = array.stack()
    return tf.TensorArray(values.dtype, values.shape[0], clear_after_read=False).unstack(values)


def _shares(rows: Any, parts: int) -> list[Any]:
    """The rows of each part of a batch, as even as they can be."""
    if parts == 1:
        return [None]
    return [(rows * part // parts, rows * (part + 1) // parts) for part in range(parts)]


def _joined(parts: tuple[States, ...]) -> States:
    return tuple(tf.concat(each, 0) for each in zip(*parts, strict=True))
