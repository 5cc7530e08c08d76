"""The search: gradients through the whole run, from several starts.

What is compiled takes the problem as an argument, so it serves all problems of one structure.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array

from boostsim.designs.grid import Values, each_of, tried
from boostsim.designs.knobs import KNOBS
from boostsim.designs.objective import Objective
from boostsim.designs.problem import CRUMB, Point, Problem

RATE = 0.3


@partial(jax.jit, static_argnums=1)
def starts(problem: Problem, count: int, key: jax.Array) -> Point:
    """Return points to start from: the middle, then random ones, ``[count, ...]``."""
    point: Point = {}
    for number, (name, knob) in enumerate(problem.knobs.items()):
        length = problem.iterations
        own, level = jax.random.split(jax.random.fold_in(key, number))
        if name == "budget" and problem.divided:
            # One share is what is not spent.
            drawn = 2.0 * jax.random.normal(own, (count, length + 1), jnp.float64)
            point[name] = drawn.at[0].set(0.0)
            continue
        drawn = jax.random.uniform(own, (count, length)[: 1 + knob.per_iteration], jnp.float64)
        if knob.per_iteration:
            # Schedules that are high, and some that are low, as a whole.
            drawn *= jax.random.uniform(level, (count, 1), jnp.float64)
        point[name] = drawn.at[0].set(0.5)
    return point


@jax.jit
def descend(problem: Problem, start: Point, steps: int) -> tuple[Point, Array, Array]:
    """Return the best point on the way from each start, the loss there, and where it was flat.

    Flat are starts at which the score has no slope. Each is an array ``[starts]``.
    """
    # Scores may be tiny: no constant is added to the scale of the gradients.
    optimiser = optax.scale_by_adam(eps=1e-30)

    def descent(start: Point) -> tuple[Point, Array, Array]:
        def step(number: Array, carry: Any) -> Any:
            point, state, best, least, flat = carry
            loss, slope = jax.value_and_grad(problem.loss)(point)
            lower = loss < least
            best = jax.tree.map(lambda new, old: jnp.where(lower, new, old), point, best)
            sloped = jnp.any(jnp.stack([jnp.any(each != 0.0) for each in slope.values()]))
            flat = jnp.where(number == 0, ~sloped, flat)
            # Where there is no slope (a score of nothing but zeros) there is no step.
            slope = jax.tree.map(lambda each: jnp.where(jnp.isfinite(each), each, 0.0), slope)
            move, state = optimiser.update(slope, state, point)
            # Down to zero along a cosine.
            rate = 0.5 * RATE * (1.0 + jnp.cos(number * (jnp.pi * (1.0 / steps))))
            move = jax.tree.map(lambda each: -rate * each, move)
            point = _projected(problem, optax.apply_updates(point, move))
            return point, state, best, jnp.where(lower, loss, least), flat

        carry = (start, optimiser.init(start), start, jnp.asarray(jnp.inf), jnp.asarray(False))
        # Once more, for the loss at the last point.
        _, _, best, least, flat = lax.fori_loop(0, steps + 1, step, carry)
        return best, least, flat

    return jax.vmap(descent)(start)


@jax.jit
def _values(problem: Problem, points: Point) -> dict[str, Array]:
    return jax.vmap(problem.values)(points)


def values_at(problem: Problem, points: Point) -> list[Values]:
    """Return where the knobs stand at each of several points."""
    return each_of(_values(problem, points))


def _projected(problem: Problem, point: Point) -> Point:
    """Return the nearest point within the bounds; logits have none."""
    return {
        name: place
        if name == "budget" and problem.divided
        else optax.projections.projection_box(place, 0.0, 1.0)
        for name, place in point.items()
    }


def odd_voted(
    goal: Objective, problem: Problem, point: Point, values: Values, steps: int
) -> Values:
    """Return values with an odd number of votes, the rest searched again beside it.

    Args:
        goal: whose problem it is.
        problem: in which votes may lie between odd numbers.
        point, values: where the search ended.
        steps: of each search.
    """
    if "votes" not in values:
        return values
    found = []
    near = sorted(problem.votes(), key=lambda each: abs(each - float(values["votes"])))
    others = {name: knob for name, knob in problem.knobs.items() if name != "votes"}
    for votes in near[:2]:
        whole: Values = {"votes": np.float64(votes)}
        if others:
            procedure = KNOBS["votes"].number.turn(goal.procedure, votes)
            fixed = Problem.of(replace(goal, procedure=procedure), others)
            ends, _, _ = descend(fixed, {name: point[name][None] for name in others}, steps)
            whole |= values_at(fixed, ends)[0]
        found.append(whole)
    return found[int(np.argmin(tried(problem, found)))]


def without_crumbs(problem: Problem, values: Values) -> Values:
    """Return a divided budget without its tiniest shares, where that is no worse."""
    if not problem.divided:
        return values
    budget = values["budget"]
    kept = np.where(budget >= CRUMB * budget.sum(), budget, 0.0)
    if kept.sum() == 0.0:
        return values
    whole = np.minimum(kept * budget.sum() / kept.sum(), problem.knobs["budget"].high)
    pruned = {**values, "budget": whole}
    as_it_is, with_fewer = tried(problem, [values, pruned])
    return pruned if with_fewer <= as_it_is else values
