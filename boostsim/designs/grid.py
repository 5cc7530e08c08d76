"""The grid: other choices that a design is held against, evaluated without any gradient."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from boostsim.designs.knobs import Knob
from boostsim.designs.problem import Problem
from boostsim.progress import track

# Of each knob where it stands, on the host.
Values = dict[str, Any]

# Points that are evaluated at a time.
BATCH = 16
# What is spent may exceed the total price by rounding.
ROUNDING = 1e-9
# Fractions that schedules stand at: of the bounds, or of what a total price leaves.
LEVELS = (1e-3, 1e-2, 0.1, 0.3, 1.0)


_places = jax.jit(Knob.from_unit)


def points(problem: Problem, most: int) -> list[Values]:
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
            axes[name] = list(np.asarray(_places(knob, np.linspace(0.0, 1.0, each))))
    # What numbers do not use is for the schedules.
    rest = most / np.prod([len(axis) for axis in axes.values()])
    each = max(3, int(rest ** (1.0 / max(len(schedules), 1))))
    for name in schedules:
        knob = problem.knobs[name]
        windows = _windows(problem.iterations, each // len(LEVELS))
        if name == "budget" and problem.divided:
            shares = [window / window.sum() for window in windows]
            axes[name] = [level * share for level in LEVELS for share in shares]
        else:
            axes[name] = [
                knob.low + level * (knob.high - knob.low) * window
                for level in LEVELS
                for window in windows
            ]
    asked = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    return paid_for(problem, asked)


def paid_for(problem: Problem, asked: list[Values]) -> list[Values]:
    """Return values with the budgets that are paid for; divided ones are given by shares."""
    batches = [each_of(_paid(problem, batch)) for batch in _batches(problem, asked)]
    return list(itertools.chain.from_iterable(batches))[: len(asked)]


def tried(problem: Problem, values: list[Values], title: str | None = None) -> np.ndarray:
    """Return the scores of exact runs with the knobs at each of several values.

    They are infinite where a run costs more than may be spent, or less than the least budget.

    Args:
        problem: of the search.
        values: as they are paid for.
        title: under which progress is reported, if at all.
    """
    batches: Iterable[dict[str, np.ndarray]] = _batches(problem, values)
    if title is not None:
        batches = track(batches, title, -(-len(values) // BATCH))
    told = [np.asarray(_tried(problem, batch)) for batch in batches]
    scores, costs = np.concatenate(told, axis=1)[:, : len(values)]
    if problem.spend is None:
        return scores
    least = problem.knobs["budget"].low * (1.0 - ROUNDING)
    bought = np.array([np.min(each["budget"]) for each in values])
    paid = (costs <= problem.spend * (1.0 + ROUNDING)) & (bought >= least)
    return np.where(paid, scores, np.inf)


@jax.jit
def _tried(problem: Problem, values: dict[str, Array]) -> Array:
    def run(values: dict[str, Array]) -> Array:
        shown = problem.shown(values)
        return jnp.stack([problem.score.of(shown), shown["cost"][-1]])

    return jax.vmap(run, out_axes=1)(values)


@jax.jit
def _paid(problem: Problem, values: dict[str, Array]) -> dict[str, Array]:
    return jax.vmap(problem.paid)(values)


def _batches(problem: Problem, values: list[Values]) -> list[dict[str, np.ndarray]]:
    """Return values in batches of one shape, the last filled up."""
    filled = [*values, *values[-1:] * (-len(values) % BATCH)]
    return [
        {
            name: np.array([each[name] for each in filled[start : start + BATCH]], float)
            for name in problem.knobs
        }
        for start in range(0, len(filled), BATCH)
    ]


def each_of(values: Mapping[str, Array]) -> list[Values]:
    """Return values one by one that are held together."""
    held = {name: np.asarray(each) for name, each in values.items()}
    count = len(next(iter(held.values())))
    return [{name: each[number] for name, each in held.items()} for number in range(count)]


def constants(problem: Problem, values: Values, count: int) -> list[Values]:
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
    length = problem.iterations
    levels = [
        [np.full(length, knob.low + fraction * (knob.high - knob.low)) for fraction in fractions]
        for knob in (problem.knobs[name] for name in changing)
    ]
    return [
        {**values, **dict(zip(changing, chosen, strict=True))}
        for chosen in itertools.product(*levels)
    ]


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
