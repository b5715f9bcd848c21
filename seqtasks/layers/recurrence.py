"""Whole sequences through a recurrent cell: forward, and for training a backward of our own.

TensorFlow differentiates a loop step by step, two products and a growing list of what it kept for each. Here the
backward loop holds one product a step. What does not wait for the step before, the projection by the input kernel and
the gradients of kernels and inputs, is a few products for a piece of many steps, beside the loop. For widths at which
the loop and the memory are the cost, the steps of a piece are one function compiled by XLA, and the batch is split
over the cores.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import os
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

_PLAIN = contextvars.ContextVar("plain", default=False)

States = tuple[tf.Tensor, ...]  # (B, U) each; the first is the output

COMPILED_UNITS = 256  # from this width on the products outweigh the rest, and have threads of their own
SPLIT_UNITS = 96  # compiled, the products are long enough for a core each from this width on
# a forward pass goes step by step, the next one's projection beside this one, from so many units on and as long as the
# recurrent kernel has fewer entries than this; narrower and broader ones are projected a piece at a time
NARROW, BROAD = 96, 2**18
SPACIOUS_UNITS = 512  # from here on shorter pieces are as fast, in float32, and take less memory
# steps of a piece: the first of which a known length is a multiple, or else the first. Longer pieces make larger
# products; but what compiled ones work on is to stay in the cache
SHORT = (8, 10, 7, 9, 6, 5)
MIDDLE = (20, 25, 16, 24, 15, 10)
LONG = (40, 50, 32, 30, 25, 20)
AHEAD = 2  # pieces under way at once: one is projected while the other's steps go


class Equations(Hashable, Protocol):
    """One step of a cell and its gradient: of inputs (B, G) projected by the input kernel, and of states."""

    @property
    def kept(self) -> int:
        """How many tensors `forward` gives for `backward`."""

    def forward(self, inputs: tf.Tensor, states: States, parameters: States) -> tuple[States, States]:
        """The next states and what `backward` needs besides. The first parameter is the recurrent kernel (U, P)."""

    def backward(
        self, gradients: States, kept: States, before: tf.Tensor, after: tf.Tensor, kernel: tf.Tensor
    ) -> tuple[States, tf.Tensor, tf.Tensor]:
        """Gradients of the states a step earlier, of the inputs (B, G) and of the states' projection (B, P).

        Before and after are the outputs, (B, U); the kernel is the recurrent one transposed, (P, U). Where the last two
        are alike, they are one tensor.
        """

    def others(self, of_sums: tf.Tensor) -> States:
        """Gradients of the parameters behind the first, from those of N states' projections (N, P)."""


class Weights(NamedTuple):
    """Of a layer: the kernels in the precision of the products, the others in that of the states."""

    kernel: tf.Tensor  # (D, G), or a table (V, G) of what each id projects to
    bias: tf.Tensor  # (G,)
    recurrent: tuple[tf.Tensor, ...]  # the recurrent kernel (U, P) and what else the cell's equations name

    def project(self, values: tf.Tensor) -> tf.Tensor:
        """Values (..., D), or ids (..., 1), -> (..., G)."""
        if values.dtype.is_integer:
            return tf.gather(self.kernel, values[..., 0]) + self.bias
        flat = values if values.shape.rank == 2 else tf.reshape(values, [-1, values.shape[-1]])
        projected = product(flat, self.kernel, self.bias.dtype) + self.bias
        if values.shape.rank == 2:
            return projected
        return tf.reshape(projected, tf.concat([tf.shape(values)[:-1], [self.kernel.shape[-1]]], 0))

    def gradients(self, values: tf.Tensor, of_projected: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The same values and a gradient (N, G), N rows in all -> of the values (N, D) and of the kernel."""
        wide, precision = of_projected.dtype, self.kernel.dtype
        flat = tf.reshape(values, [-1, values.shape[-1]])
        if values.dtype.is_integer:
            rows = tf.one_hot(flat[:, 0], self.kernel.shape[0], dtype=wide)
            return tf.zeros_like(flat, wide), product(rows, of_projected, wide, transposed=(True, False))
        of_kernel = product(flat, of_projected, wide, precision, transposed=(True, False))
        return product(of_projected, self.kernel, wide, transposed=(False, True)), of_kernel


@dataclass(frozen=True)
class Plan:
    """How a training step goes over a batch."""

    steps: int  # of a piece
    compiled: bool
    parts: int  # of the batch, each in a loop of its own


def plan(weights: Weights, length: int | None) -> Plan:
    """The fastest as measured (`seqtasks bench layers`) for such weights on sequences of this length."""
    units, wide = weights.recurrent[0].shape
    short = weights.recurrent[0].dtype == tf.bfloat16
    compiled = units < COMPILED_UNITS and not short and tf.test.is_built_with_xla()
    gated = SHORT if compiled or (units >= SPACIOUS_UNITS and not short) else MIDDLE
    near = gated if wide > units else LONG  # without gates little is kept of a step
    parts = min(2, os.cpu_count() or 1) if compiled and units >= SPLIT_UNITS else 1
    return Plan(_steps(length, near), compiled, parts)


def _steps(length: int | None, near: tuple[int, ...]) -> int:
    return next((each for each in near if length and length % each == 0), near[0])


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

    Inputs may be ids (B, T, 1) where the kernel is a table of what each projects to.

    This is what exports hold: plain operations, shapes as static as those that come in.
    """
    length = inputs.shape[1] or tf.shape(inputs)[1]
    units, wide = weights.recurrent[0].shape
    single = _PLAIN.get() or (units >= NARROW and units * wide < BROAD)
    steps = 1 if single else _steps(inputs.shape[1], SHORT)

    def body(steps: int, done: tf.Tensor, outputs: tf.TensorArray, states: States) -> Any:
        first = length - done - steps if backwards else done
        if steps == 1:
            projected = [weights.project(inputs[:, first])]
        else:
            projected = weights.project(tf.transpose(inputs[:, first : first + steps], [1, 0, 2]))
        for step in range(steps):
            place = steps - 1 - step if backwards else step
            after, _ = equations.forward(projected[place], states, weights.recurrent)
            states = after if mask is None else _where(mask[:, first + place], after, states)
            outputs = outputs.write(done + step, states[0]) if sequences else outputs
        return done + steps, outputs, states

    outputs = tf.TensorArray(states[0].dtype, length if sequences else 0, element_shape=[inputs.shape[0], units])
    loop = (0, outputs, states)
    for count in (steps, 1)[: 1 if _even(length, steps) else 2]:  # pieces, and then what is left
        loop = tf.while_loop(lambda done, *_, count=count: done + count <= length, functools.partial(body, count), loop)
    _, outputs, states = loop
    return tf.transpose(outputs.stack(), [1, 0, 2]) if sequences else None, states


def train(
    equations: Equations, inputs: tf.Tensor, mask: tf.Tensor | None, states: States, weights: Weights, *,
    backwards: bool, chosen: Plan,
) -> tuple[tf.Tensor, States]:  # fmt: skip
    """The same as `forward`, with the outputs in any case, and with a gradient of its own."""
    length = inputs.shape[1] or tf.shape(inputs)[1]
    cuts = [_Cut(length, chosen.steps, backwards, rows) for rows in _shares(inputs, chosen.parts)]
    if mask is None and not _even(length, chosen.steps):  # the last piece may reach behind the end
        mask = tf.ones(tf.concat([tf.shape(inputs)[:2], [1]], 0), tf.bool)
    count = len(states)

    @tf.custom_gradient
    def run(inputs: tf.Tensor, *rest: tf.Tensor) -> Any:
        states, weights = rest[:count], Weights(rest[count], rest[count + 1], rest[count + 2 :])
        runs = [
            _Run(equations, cut, chosen.compiled, cut.taken(inputs), None if mask is None else cut.taken(mask), weights)
            for cut in cuts
        ]
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
            missing = self.pieces * self.steps - self.length
            ends = [missing, 0] if read and self.backwards else [0, missing]
            values = tf.cond(missing > 0, lambda: tf.pad(values, [ends, [0, 0], [0, 0]]), lambda: values)
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

    equations: Equations
    cut: _Cut
    compiled: bool
    inputs: tf.Tensor  # (P, steps, b, D)
    mask: tf.Tensor | None  # (P, steps, b, 1)
    weights: Weights

    def ahead(self, states: States) -> tuple[tf.Tensor, States, Any]:
        """First states (b, U) -> outputs (b, T, U), last states and, for each piece, what `back` needs."""
        cut, weights = self.cut, self.weights
        piece_ahead, _ = _pieces(self.equations, cut.steps, cut.backwards, self.compiled)
        kept = tuple(
            tf.TensorArray(states[0].dtype, cut.pieces, clear_after_read=False) for _ in range(2 + self.equations.kept)
        )

        def body(number: tf.Tensor, kept: Any, states: States) -> Any:
            place = cut.place(number)
            begin = states[0]
            outputs, more, states = piece_ahead(
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
        _, piece_back = _pieces(self.equations, cut.steps, cut.backwards, self.compiled)
        of_outputs = cut.taken(of_outputs, read=False)
        of_inputs = tf.TensorArray(gradients[0].dtype, cut.pieces)
        transposed = tf.transpose(weights.recurrent[0])

        def body(number: tf.Tensor, of_inputs: Any, gradients: States, sums: Weights) -> Any:
            place = cut.place(number)
            own = tuple(each.read(number) for each in kept)
            of_projected, of_sums, before, of_bias, others, gradients = piece_back(
                self._masked(place), own, of_outputs[number], gradients, transposed
            )
            found, of_kernel = weights.gradients(self.inputs[place], of_projected)
            of_sums = of_projected if of_sums is None else of_sums
            of_recurrent = product(before, of_sums, of_sums.dtype, weights.recurrent[0].dtype, transposed=(True, False))
            own_sums = Weights(of_kernel, of_bias, (of_recurrent, *others))
            return number - 1, of_inputs.write(place, found), gradients, tf.nest.map_structure(tf.add, sums, own_sums)

        sums = tf.nest.map_structure(lambda each: tf.zeros(each.shape, gradients[0].dtype), weights)
        loop = (cut.pieces - 1, of_inputs, gradients, sums)
        _, of_inputs, gradients, sums = tf.while_loop(
            lambda number, *_: number >= 0, body, loop, parallel_iterations=AHEAD
        )
        return cut.whole(of_inputs.stack(), self.inputs.shape[3]), gradients, _like(sums, weights)

    def _masked(self, place: tf.Tensor) -> tf.Tensor | None:
        return None if self.mask is None else self.mask[place]


@functools.cache
def _pieces(
    equations: Equations, steps: int, backwards: bool, compiled: bool
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """A number of steps ahead, and as many back: two functions, shared by all loops over such a cell."""

    places = range(steps)[:: -1 if backwards else 1]  # in time, in the order of reading

    def ahead(projected: tf.Tensor, mask: tf.Tensor | None, states: States, parameters: States) -> Any:
        outputs, kept = [], []
        for place in places:
            after, keep = equations.forward(projected[place], states, parameters)
            states = after if mask is None else _where(mask[place], after, states)
            outputs.append(states[0])
            kept.append(keep)
        return tf.stack(outputs), tuple(tf.stack(each) for each in zip(*kept, strict=True)), states

    def back(
        mask: tf.Tensor | None, kept: States, of_outputs: tf.Tensor, gradients: States, transposed: tf.Tensor
    ) -> Any:
        begin, outputs, *more = kept
        values = [begin, *(outputs[step] for step in range(steps))]
        found: list[Any] = [None] * steps
        for step in reversed(range(steps)):
            place = places[step]
            gradients = (gradients[0] + of_outputs[step], *gradients[1:])
            real = gradients if mask is None else _where(mask[place], gradients, _zeros(gradients))
            keep = tuple(each[step] for each in more)
            earlier, *of_both = equations.backward(real, keep, values[step], values[step + 1], transposed)
            gradients = earlier if mask is None else _where(mask[place], earlier, gradients)
            found[place] = (*of_both, values[step])
        of_projected, of_sums, before = (tf.concat(each, 0) for each in zip(*found, strict=True))
        alike = found[0][0] is found[0][1]
        bias, others = tf.reduce_sum(of_projected, 0), equations.others(of_sums)
        return of_projected, None if alike else of_sums, before, bias, others, gradients

    if not compiled:
        return ahead, back
    return tf.function(ahead, jit_compile=True, autograph=False), tf.function(back, jit_compile=True, autograph=False)


def _even(length: Any, steps: int) -> bool:
    """Whether it is known that the last piece is as long as all others."""
    return steps == 1 or (isinstance(length, int) and length % steps == 0)


def _shares(inputs: tf.Tensor, parts: int) -> list[Any]:
    """The rows of each part of a batch, as even as they can be."""
    if parts == 1:
        return [None]
    rows = inputs.shape[0] or tf.shape(inputs)[0]
    return [(rows * part // parts, rows * (part + 1) // parts) for part in range(parts)]


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
