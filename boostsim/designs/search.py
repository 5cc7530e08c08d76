"""The search: gradients through the whole run, from several starts."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array

from boostsim.designs.problem import Point, Problem

__all__ = ["descend", "flat", "settled", "starts"]

RATE = 0.3


def starts(problem: Problem, count: int, key: jax.Array) -> Point:
    """Return points to start from: the middle, then random ones, ``[count, ...]``."""
    point: Point = {}
    for number, (name, knob) in enumerate(problem.knobs.items()):
        length = problem.objective.iterations
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


def flat(problem: Problem, start: Point) -> Array:
    """Return at which starts the score has no slope, ``[starts]``."""
    slopes = jax.jit(jax.vmap(jax.grad(problem.loss)))(start)
    each = [jnp.any(slope.reshape(len(slope), -1) != 0.0, axis=1) for slope in slopes.values()]
    return ~jnp.any(jnp.stack(each), axis=0)


def descend(problem: Problem, start: Point, steps: int) -> tuple[Point, Array]:
    """Return the best point on the way from each start, and the loss there, ``[starts]``."""
    # Scores may be tiny: no constant is added to the scale of the gradients.
    optimiser = optax.adam(optax.cosine_decay_schedule(RATE, steps), eps=1e-30)

    def better(point: Point, loss: Array, best: Point, least: Array) -> tuple[Point, Array]:
        lower = loss < least
        return jax.tree.map(lambda new, old: jnp.where(lower, new, old), point, best), jnp.where(
            lower, loss, least
        )

    def descent(start: Point) -> tuple[Point, Array]:
        def step(carry: Any, _: None) -> tuple[Any, None]:
            point, state, best, least = carry
            loss, slope = jax.value_and_grad(problem.loss)(point)
            best, least = better(point, loss, best, least)
            # Where there is no slope (a score of nothing but zeros) there is no step.
            slope = jax.tree.map(lambda each: jnp.where(jnp.isfinite(each), each, 0.0), slope)
            move, state = optimiser.update(slope, state, point)
            point = _projected(problem, optax.apply_updates(point, move))
            return (point, state, best, least), None

        carry = (start, optimiser.init(start), start, jnp.asarray(jnp.inf))
        (point, _, best, least), _ = lax.scan(step, carry, length=steps)
        return better(point, problem.loss(point), best, least)

    return jax.jit(jax.vmap(descent))(start)


def _projected(problem: Problem, point: Point) -> Point:
    """Return the nearest point within the bounds; logits have none."""
    return {
        name: place
        if name == "budget" and problem.divided
        else optax.projections.projection_box(place, 0.0, 1.0)
        for name, place in point.items()
    }


def settled(problem: Problem, point: Point, steps: int) -> dict[str, Any]:
    """Return values with an odd number of votes, the rest searched again beside it."""
    values = {name: np.asarray(each) for name, each in problem.values(point).items()}
    if "votes" not in values:
        return values
    found = []
    near = sorted(problem.votes(), key=lambda each: abs(each - float(values["votes"])))
    for votes in near[:2]:
        fixed = problem.with_votes(votes)
        others: dict[str, Any] = {}
        if fixed.knobs:
            ends, _ = descend(fixed, {name: point[name][None] for name in fixed.knobs}, steps)
            others = fixed.values({name: each[0] for name, each in ends.items()})
        whole = {**{name: np.asarray(each) for name, each in others.items()}, "votes": votes}
        found.append((float(problem.score_of(whole)), votes, whole))
    return min(found)[2]
