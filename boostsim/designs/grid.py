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

from boostsim.designs.problem import Problem

__all__ = ["affordable", "constants", "evaluated", "points"]

# Points that are evaluated at a time.
BATCH = 16
# Fractions that schedules stand at: of the bounds, or of what a total price leaves.
LEVELS = (1e-3, 1e-2, 0.1, 0.3, 1.0)


def points(problem: Problem, most: int) -> list[dict[str, Any]]:
    """Return values on a grid of about so many points, and of a few at least.

    A number stands at evenly spaced places between its bounds; a schedule is constant on a window
    of iterations and as low as may be elsewhere (a divided budget: evenly in the window).
    """
    schedules = [name for name, knob in problem.knobs.items() if knob.per_iteration]
    each = max(3, int(most ** (1.0 / len(problem.knobs))))
    axes: dict[str, list[Any]] = {}
    for name, knob in problem.knobs.items():
        if name == "votes":
            odd = problem.votes()
            chosen = np.unique(np.linspace(0, len(odd) - 1, each).round().astype(int))
            axes[name] = [odd[number] for number in chosen]
        elif not knob.per_iteration:
            axes[name] = [np.asarray(knob.from_unit(unit)) for unit in np.linspace(0.0, 1.0, each)]
    # What numbers do not use is for the schedules.
    rest = most / np.prod([len(axis) for axis in axes.values()])
    each = max(3, int(rest ** (1.0 / max(len(schedules), 1))))
    for name in schedules:
        knob = problem.knobs[name]
        windows = _windows(problem.objective.iterations, each // len(LEVELS))
        if name == "budget" and problem.divided:
            shares = [window / window.sum() for window in windows]
            axes[name] = [level * share for level in LEVELS for share in shares]
        else:
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


def constants(problem: Problem, values: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """Return values in which nothing changes from iteration to iteration.

    Args:
        problem: of the search.
        values: of all knobs; those that may not change stay.
        count: about so many; levels lie in ratios from a ten-thousandth of the bounds on, and 0.
    """
    changing = [name for name, knob in problem.knobs.items() if knob.per_iteration]
    if not changing:
        return []
    each = max(8, int(count ** (1.0 / len(changing))))
    fractions = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, each - 1)])
    length = problem.objective.iterations
    levels = [
        [np.full(length, knob.low + fraction * (knob.high - knob.low)) for fraction in fractions]
        for knob in (problem.knobs[name] for name in changing)
    ]
    return [
        {**values, **dict(zip(changing, chosen, strict=True))}
        for chosen in itertools.product(*levels)
    ]


def affordable(problem: Problem, values: list[dict[str, Any]]) -> list[tuple[float, int]]:
    """Return scores and numbers of the values that cost no more than may be spent."""
    goal = problem.objective
    if not values:
        return []

    def run(point: dict[str, Array]) -> tuple[Array, Array]:
        shown = problem.shown(point)
        return goal.of(shown), shown["cost"][-1]

    stacked = {
        name: jnp.asarray(np.array([point[name] for point in values], float))
        for name in problem.knobs
    }
    scores, costs = jax.jit(lambda each: lax.map(run, each))(stacked)
    most = np.inf if goal.spend is None else goal.spend * (1.0 + 1e-9)
    told = enumerate(zip(scores.tolist(), costs.tolist(), strict=True))
    return [(score, number) for number, (score, cost) in told if cost <= most]


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
