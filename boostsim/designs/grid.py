"""The grid: other answers that a design is held against, evaluated without any gradient."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from boostsim.designs.problem import Problem, odd_votes

__all__ = ["constants", "evaluated", "points"]

# Points that are evaluated at a time.
BATCH = 16
# Fractions of the bounds that schedules stand at, where no price divides them.
LEVELS = (0.1, 0.3, 1.0)


def points(problem: Problem, most: int) -> list[dict[str, Any]]:
    """Return values on a grid of about so many points, and of a few at least.

    A number stands at evenly spaced places between its bounds; a schedule is constant on a window
    of iterations and as low as may be elsewhere (a divided budget: all of it in the window).
    """
    schedules = [name for name, knob in problem.knobs.items() if knob.per_iteration]
    each = max(3, int(most ** (1.0 / len(problem.knobs))))
    axes: dict[str, list[Any]] = {}
    for name, knob in problem.knobs.items():
        if name == "votes":
            odd = odd_votes(knob)
            chosen = np.unique(np.linspace(0, len(odd) - 1, each).round().astype(int))
            axes[name] = [odd[number] for number in chosen]
        elif not knob.per_iteration:
            axes[name] = [np.asarray(knob.from_unit(unit)) for unit in np.linspace(0.0, 1.0, each)]
    # What numbers do not use is for the schedules.
    rest = most / np.prod([len(axis) for axis in axes.values()])
    each = max(3, int(rest ** (1.0 / max(len(schedules), 1))))
    for name in schedules:
        knob = problem.knobs[name]
        if name == "budget" and problem.divided:
            windows = _windows(problem.objective.iterations, each)
            axes[name] = [window / window.sum() for window in windows]
        else:
            windows = _windows(problem.objective.iterations, each // len(LEVELS))
            axes[name] = [
                knob.low + level * (knob.high - knob.low) * window
                for level in LEVELS
                for window in windows
            ]
    product = itertools.product(*axes.values())
    return [problem.paid(dict(zip(axes, values, strict=True))) for values in product]


def evaluated(problem: Problem, values: list[dict[str, Any]]) -> Iterator[np.ndarray]:
    """Yield the scores of a grid, a batch at a time."""
    evaluate = jax.jit(jax.vmap(problem.score_of))
    for start in range(0, len(values), BATCH):
        batch = values[start : start + BATCH]
        # One shape for all batches.
        filled = batch + batch[-1:] * (BATCH - len(batch))
        stacked = {
            name: jnp.asarray(np.array([point[name] for point in filled], float))
            for name in problem.knobs
        }
        yield np.asarray(evaluate(stacked))[: len(batch)]


def constants(problem: Problem, values: Mapping[str, Any], count: int) -> list[tuple[float, float]]:
    """Return fractions and scores of schedules that never change, within the total price.

    Args:
        problem: of the search.
        values: of all knobs; those that may change are set to the same fraction of their bounds in
            all iterations, the others stay.
        count: fractions that are tried, in ratios from 1/1000 to 1.

    Returns:
        Pairs of fraction and score, of those that cost no more than may be spent.
    """
    changing = [name for name, knob in problem.knobs.items() if knob.per_iteration]
    if not changing:
        return []
    goal = problem.objective

    def run(fraction: Array) -> tuple[Array, Array]:
        level = {
            name: jnp.full(goal.iterations, problem.knobs[name].from_unit(fraction))
            for name in changing
        }
        shown = problem.shown({**values, **level})
        return goal.of(shown), shown["cost"][-1]

    fractions = np.geomspace(1e-3, 1.0, count)
    scores, costs = jax.jit(lambda each: lax.map(run, each))(jnp.asarray(fractions))
    most = np.inf if goal.spend is None else goal.spend * (1.0 + 1e-9)
    told = zip(fractions.tolist(), scores.tolist(), costs.tolist(), strict=True)
    return [(fraction, score) for fraction, score, cost in told if cost <= most]


def _windows(iterations: int, most: int) -> list[np.ndarray]:
    """Return about so many windows of iterations, the whole of them first, as zeros and ones."""
    count = max(2, int(np.sqrt(2.0 * most)))
    # Dense at the start, where most happens.
    ends = np.unique(np.round(np.geomspace(1, iterations + 1, count + 1)).astype(int)) - 1
    ends = np.union1d(ends, [0, iterations])
    numbers = np.arange(iterations)
    found = [
        ((numbers >= first) & (numbers < stop)) * 1.0
        for first, stop in itertools.combinations(ends, 2)
    ]
    return sorted(found, key=lambda window: -window.sum())
