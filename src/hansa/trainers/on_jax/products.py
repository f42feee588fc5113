"""What a jax network's kernels multiply, row by row: what ghost clipping needs of any network.

A kernel W that takes part in one product x W of a row, and in nothing else, has x^T e as that row's gradient, with e
the derivative of the row's cost by the product. So the program of one row's cost is read: which parameters are such
kernels, what comes into each, and what a shift of its product would do to the cost. The network may be anybody's.

Example:
    >>> import jax
    >>> cost = jax.make_jaxpr(lambda w, x: ((x[None] @ w) ** 2).sum())(jax.numpy.ones((2, 1)), jax.numpy.ones(2))
    >>> kernels = kernels_of(cost, leaves=1)
    >>> shifted(cost, kernels)([jax.numpy.ones((1, 1))], [jax.numpy.ones((2, 1)), jax.numpy.ones(2)])
    (Array(9., dtype=float32), [Array([[1., 1.]], dtype=float32)])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun


def kernels_of(cost: Any, leaves: int) -> dict[int, int]:
    """Which of the first `leaves` inputs are kernels of one product of one row, and at which step of the program.

    Example:
        >>> import jax
        >>> row, kernel = jax.numpy.ones(2), jax.numpy.ones((2, 2))
        >>> kernels_of(jax.make_jaxpr(lambda w, x: (x[None] @ w).sum())(kernel, row), leaves=1)
        {0: 1}
        >>> kernels_of(jax.make_jaxpr(lambda w, x: (x[None] @ w @ w).sum())(kernel, row), leaves=1)
        {}
    """
    program = cost.jaxpr
    uses = Counter(one for step in program.eqns for one in step.invars if not isinstance(one, Literal))
    places = {one: place for place, one in enumerate(program.invars[:leaves])}
    return {
        places[step.invars[1]]: number
        for number, step in enumerate(program.eqns)
        if step.primitive.name == "dot_general"
        and uses[step.invars[1]] == 1
        and step.invars[1] in places
        and step.params["dimension_numbers"] == (((1,), (0,)), ((), ()))
        and [len(one.aval.shape) for one in step.invars] == [2, 2]
        and step.invars[0].aval.shape[0] == 1
    }


def shifted(cost: Any, kernels: Mapping[int, int]) -> Callable[[Sequence[Any], Sequence[Any]], tuple[Any, list[Any]]]:
    """The same program with a shift added to each kernel's product: of shifts and inputs, the cost and what comes in.

    Both are in the order of `kernels`.
    """
    program, turns = cost.jaxpr, list(kernels.values())
    begin, parts = 0, []
    for number in (*turns, len(program.eqns)):
        parts.append(_part(program, program.eqns[begin:number]))
        begin = number + 1

    def run(shifts: Sequence[Any], inputs: Sequence[Any]) -> tuple[Any, list[Any]]:
        held = dict(zip(program.constvars, cost.consts, strict=True)) | dict(zip(program.invars, inputs, strict=True))
        below = []
        for i, part in enumerate(parts):
            part(held)
            if i < len(shifts):
                step = program.eqns[turns[i]]
                below.append(held[step.invars[0]])
                held[step.outvars[0]] = below[-1] @ held[step.invars[1]] + shifts[i]
        return held[program.outvars[0]], below

    return run


def _part(program: Any, steps: Sequence[Any]) -> Callable[[dict[Any, Any]], None]:
    """Some steps of a program, over what is held."""
    made = [one for step in steps for one in step.outvars]
    taken = list(dict.fromkeys(one for step in steps for one in step.invars if not isinstance(one, Literal)))
    taken = [one for one in taken if one not in set(made)]
    run = jaxpr_as_fun(ClosedJaxpr(program.replace(constvars=[], invars=taken, outvars=made, eqns=steps), []))

    def over(held: dict[Any, Any]) -> None:
        held.update(zip(made, run(*(held[one] for one in taken)), strict=True))

    return over
