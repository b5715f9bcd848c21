"""Some steps of a cell at once, ahead and back: the pieces that a training's loops are made of.

For widths at which a loop's own cost counts, a piece is compiled by XLA. Written out step by step it is compiled for
seconds and, with a mask, runs a fifth faster than as a loop, which is compiled in one: batches of a usual size get the
first, all others the second.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from seqtasks.layers.recurrence import Equations, States, where


@dataclass(frozen=True)
class Piece:
    """A number of steps; tensors are time first."""

    equations: Equations
    steps: int
    backwards: bool
    compiled: bool
    written_out: Any  # a bool or, where that is known only when a batch comes, a tensor

    def ahead(self, projected: tf.Tensor, mask: tf.Tensor | None, states: States, parameters: States) -> Any:
        """Projected (steps, b, G), mask (steps, b, 1), first states -> outputs as read, what `back` needs, states."""
        return self._either(0, projected, mask, states, parameters)

    def back(
        self, mask: tf.Tensor | None, kept: States, of_outputs: tf.Tensor, gradients: States, transposed: tf.Tensor
    ) -> Any:
        """Gradients of outputs as read (steps, b, U) and of the last states -> those that follow.

        They are, in the order of time, of what was projected (steps * b, G) and, if they differ, of the states'
        projections (steps * b, P), together, and the outputs before each (steps * b, U); then those of the bias, of the
        other parameters and of the first states.
        """
        return self._either(1, mask, kept, of_outputs, gradients, transposed)

    def _either(self, which: int, *arguments: Any) -> Any:
        written = _written_out(self.equations, self.steps, self.backwards, self.compiled)[which]
        if self.written_out is True:
            return written(*arguments)
        looped = _looped(self.equations, self.steps, self.backwards)[which]
        if self.written_out is False:
            return looped(*arguments)
        return tf.cond(self.written_out, lambda: written(*arguments), lambda: looped(*arguments))


Both = tuple[Callable[..., Any], Callable[..., Any]]


@functools.cache
def _written_out(equations: Equations, steps: int, backwards: bool, compiled: bool) -> Both:
    """A number of steps ahead, and as many back: two functions, shared by all loops over such a cell."""
    places = range(steps)[:: -1 if backwards else 1]  # in time, in the order of reading

    def ahead(projected: tf.Tensor, mask: tf.Tensor | None, states: States, parameters: States) -> Any:
        outputs, kept = [], []
        for place in places:
            after, keep = equations.forward(projected[place], states, parameters)
            states = after if mask is None else where(mask[place], after, states)
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
            of_both, gradients = _step_back(
                equations, None if mask is None else mask[place], tuple(each[step] for each in more),
                of_outputs[step], gradients, values[step], values[step + 1], transposed,
            )  # fmt: skip
            found[place] = (*of_both, values[step])
        *both, before = (tf.concat(each, 0) for each in zip(*found, strict=True))
        bias, others = tf.reduce_sum(both[0], 0), equations.others(both[-1])
        return tuple(both), before, bias, others, gradients

    if not compiled:
        return ahead, back
    return tf.function(ahead, jit_compile=True, autograph=False), tf.function(back, jit_compile=True, autograph=False)


@functools.cache
def _looped(equations: Equations, steps: int, backwards: bool) -> Both:
    """The same, compiled as a loop, which does not know the direction: what it takes and gives is turned round."""
    compiled = _compiled_loops(equations, steps)

    def turned(values: Any) -> Any:
        return tf.reverse(values, [0]) if backwards and values is not None else values

    def ahead(projected: tf.Tensor, mask: tf.Tensor | None, states: States, parameters: States) -> Any:
        return compiled[0](turned(projected), turned(mask), states, parameters)

    def back(
        mask: tf.Tensor | None, kept: States, of_outputs: tf.Tensor, gradients: States, transposed: tf.Tensor
    ) -> Any:
        of_both, before, *rest = compiled[1](turned(mask), kept, of_outputs, gradients, transposed)
        *of_both, before = (tf.reshape(turned(each), [-1, each.shape[2]]) for each in (*of_both, before))
        return tuple(of_both), before, *rest

    return ahead, back


@functools.cache
def _compiled_loops(equations: Equations, steps: int) -> Both:
    def ahead(projected: tf.Tensor, mask: tf.Tensor | None, states: States, parameters: States) -> Any:
        def body(step: tf.Tensor, arrays: Any, states: States) -> Any:
            after, keep = equations.forward(projected[step], states, parameters)
            states = after if mask is None else where(mask[step], after, states)
            new = (states[0], *keep)
            return step + 1, tuple(each.write(step, own) for each, own in zip(arrays, new, strict=True)), states

        arrays = tuple(tf.TensorArray(states[0].dtype, steps) for _ in range(1 + equations.kept))
        _, arrays, states = tf.while_loop(
            lambda step, *_: step < steps, body, (0, arrays, states), maximum_iterations=steps
        )
        outputs, *kept = (each.stack() for each in arrays)
        return outputs, tuple(kept), states

    def back(
        mask: tf.Tensor | None, kept: States, of_outputs: tf.Tensor, gradients: States, transposed: tf.Tensor
    ) -> Any:
        begin, outputs, *more = kept
        values = tf.concat([begin[None], outputs], 0)

        def body(step: tf.Tensor, arrays: Any, gradients: States) -> Any:
            of_both, gradients = _step_back(
                equations, None if mask is None else mask[step], tuple(each[step] for each in more),
                of_outputs[step], gradients, values[step], values[step + 1], transposed,
            )  # fmt: skip
            return step - 1, tuple(each.write(step, own) for each, own in zip(arrays, of_both, strict=True)), gradients

        arrays = tuple(tf.TensorArray(begin.dtype, steps) for _ in range(1 if equations.alike else 2))
        _, arrays, gradients = tf.while_loop(
            lambda step, *_: step >= 0, body, (steps - 1, arrays, gradients), maximum_iterations=steps
        )
        of_both = tuple(each.stack() for each in arrays)
        flat = tf.reshape(of_both[-1], [-1, transposed.shape[0]])
        bias, others = tf.reduce_sum(of_both[0], [0, 1]), equations.others(flat)
        return of_both, values[:-1], bias, others, gradients

    return tf.function(ahead, jit_compile=True, autograph=False), tf.function(back, jit_compile=True, autograph=False)


def _step_back(
    equations: Equations, mask: tf.Tensor | None, keep: States, of_output: tf.Tensor, gradients: States,
    before: tf.Tensor, after: tf.Tensor, transposed: tf.Tensor,
) -> tuple[States, States]:  # fmt: skip
    """Gradients of the inputs and, if they differ, of the states' projection, and those of the states before."""
    gradients = (gradients[0] + of_output, *gradients[1:])
    real = gradients if mask is None else where(mask, gradients, tuple(tf.zeros_like(each) for each in gradients))
    earlier, *of_both = equations.backward(real, keep, before, after, transposed)
    return tuple(of_both[:1] if equations.alike else of_both), (
        earlier if mask is None else where(mask, earlier, gradients)
    )
