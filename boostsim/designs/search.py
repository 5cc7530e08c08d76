"""The search: gradients through the whole run from several starts, against a grid.

Every knob is a number between 0 and 1, its place between the bounds, kept there by projection. A
budget for each iteration under a total price is a division of what is left for labels, b_t = left
softmax(z)_t: never more is bought than was paid for, and what a run would not buy is wasted, so
nothing is lost by it: any policy can be said by what it buys.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float

from boostsim.curation.procedure import Procedure
from boostsim.designs.knobs import KNOBS, Knob, looks
from boostsim.designs.objective import Objective
from boostsim.simulation.persistence import draws
from boostsim.simulation.population import Parameters, Structure
from boostsim.simulation.prepare import prepare
from boostsim.types import as_key, needed_key, refuse

__all__ = ["Point", "Problem", "fixed_votes", "refuse_unpaid", "rounded", "settle"]

Point = dict[str, Array]
# Where a share of a division is so small it is tried without.
CRUMB = 1e-3
# Points of the grid that are evaluated at a time.
BATCH = 16
# Fractions of the bounds that schedules on the grid stand at, where no price divides them.
LEVELS = (0.1, 0.3, 1.0)


@dataclass(frozen=True, eq=False)
class Problem:
    """An objective and its knobs, as a function of numbers that a gradient can follow.

    Attributes:
        objective: what is small.
        knobs: by the name of their slot.
        structure, parameters: the program, and its numbers where every knob is low.
        key: of the run's draws, where there are any.
    """

    objective: Objective
    knobs: Mapping[str, Knob]
    structure: Structure
    parameters: Parameters
    key: jax.Array | None

    @classmethod
    def of(cls, goal: Objective, knobs: Mapping[str, Knob]) -> Problem:
        """Return it, prepared; call it with 64-bit types enabled."""
        low = {
            name: np.full(goal.iterations, knob.high) if knob.per_iteration else knob.low
            for name, knob in knobs.items()
        }
        if "votes" in low:
            low["votes"] = 1
        procedure = settle(goal.procedure, low)
        key = None
        if draws(procedure, sampled=False):
            key = jax.random.fold_in(needed_key(goal.key, "where verdicts persist"), 0)
        elif procedure.criterion.remembers:
            key = jax.random.fold_in(as_key(0 if goal.key is None else goal.key), 0)
        return cls(goal, knobs, *prepare(procedure, goal.task, sampled=False, key=key), key)

    @property
    def divided(self) -> bool:
        """Whether the budget is a division of what the total price leaves for labels."""
        return self.objective.spend is not None and self.knobs["budget"].per_iteration

    def values(self, point: Point) -> dict[str, Array]:
        """Return where the knobs stand at a point of the search."""
        goal = self.objective
        given = {
            name: self.knobs[name].from_unit(unit)
            for name, unit in point.items()
            if not (name == "budget" and self.divided)
        }
        if goal.spend is None:
            return given
        if "votes" in given:
            given["votes"] = jnp.minimum(given["votes"], self.most_votes)
        seen = looks(goal.procedure, given)
        left = jnp.maximum(goal.spend - goal.before_labels(seen), 0.0) / goal.label_price(seen)
        if self.divided:
            share = jax.nn.softmax(point["budget"])
            given["budget"] = jnp.minimum(left * share, self.knobs["budget"].high)
        else:
            given["budget"] = jnp.minimum(given["budget"], left / goal.iterations)
        return given

    @property
    def most_votes(self) -> float:
        """The votes that the total price pays for, where labels get nothing."""
        goal = self.objective
        look = goal.before_labels(1.0) - goal.before_labels(0.0)
        if goal.spend is None or look == 0.0:
            return np.inf
        return (goal.spend - goal.before_labels(0.0)) / look

    def shown(self, values: Mapping[str, Any]) -> dict[str, Array]:
        """Return what an exact run shows with the knobs there."""
        goal = self.objective
        parameters = self.parameters
        for name, value in values.items():
            parameters = KNOBS[name].arrays(self.structure, parameters, goal.procedure, value)
        seen = looks(goal.procedure, dict(values))
        return goal.run(self.structure, parameters, self.key, seen)

    def score_of(self, values: Mapping[str, Any]) -> Float[Array, ""]:
        """Return the score of an exact run with the knobs there."""
        return self.objective.of(self.shown(values))

    def loss(self, point: Point) -> Float[Array, ""]:
        """Return what is descended: the logarithm of a named score, which is an error."""
        score = self.score_of(self.values(point))
        return score if callable(self.objective.score) else jnp.log(jnp.maximum(score, 1e-300))

    def starts(self, count: int, key: jax.Array) -> Point:
        """Return points to start from: the middle, then random ones, ``[count, ...]``."""
        point: Point = {}
        for number, (name, knob) in enumerate(self.knobs.items()):
            shape = (count, self.objective.iterations) if knob.per_iteration else (count,)
            own = jax.random.fold_in(key, number)
            if name == "budget" and self.divided:
                drawn = 2.0 * jax.random.normal(own, shape, jnp.float64)
                point[name] = drawn.at[0].set(0.0)
            else:
                drawn = jax.random.uniform(own, shape, jnp.float64)
                point[name] = drawn.at[0].set(0.5)
        return point

    def point_of(self, values: Mapping[str, Any]) -> Point:
        """Return the point of the search at which the knobs stand so, or near it."""
        point: Point = {}
        for name, value in values.items():
            if name == "budget" and self.divided:
                share = np.asarray(value) / max(np.sum(value), 1e-300)
                point[name] = jnp.log(jnp.asarray(share) + CRUMB / self.objective.iterations)
            else:
                point[name] = jnp.asarray(self.knobs[name].to_unit(value), float)
        return point

    def _projected(self, point: Point) -> Point:
        free = {"budget"} if self.divided else set()
        return {
            name: unit if name in free else optax.projections.projection_box(unit, 0.0, 1.0)
            for name, unit in point.items()
        }

    def descend(self, start: Point, steps: int, rate: float) -> tuple[Point, Array]:
        """Return where gradients lead from each start, and the loss there, ``[starts]``."""
        rates = optax.cosine_decay_schedule(rate, steps)
        # Scores may be tiny: no constant is added to the scale of the gradients.
        optimiser = optax.adam(rates, eps=1e-30)

        def descent(start: Point) -> tuple[Point, Array]:
            def step(carry: Any, _: None) -> tuple[Any, None]:
                point, state, best, least = carry
                loss, slope = jax.value_and_grad(self.loss)(point)
                better = loss < least
                best = jax.tree.map(lambda new, old: jnp.where(better, new, old), point, best)
                # Where there is no slope (a score of nothing but zeros) there is no step.
                slope = jax.tree.map(lambda each: jnp.where(jnp.isfinite(each), each, 0.0), slope)
                move, state = optimiser.update(slope, state, point)
                point = self._projected(optax.apply_updates(point, move))
                return (point, state, best, jnp.where(better, loss, least)), None

            carry = (start, optimiser.init(start), start, jnp.asarray(jnp.inf))
            (point, _, best, least), _ = lax.scan(step, carry, length=steps)
            last = self.loss(point)
            better = last < least
            best = jax.tree.map(lambda new, old: jnp.where(better, new, old), point, best)
            return best, jnp.where(better, last, least)

        return jax.jit(jax.vmap(descent))(start)

    def grid(self, most: int) -> list[dict[str, Any]]:
        """Return values on a grid of at most so many points, and of a few at least.

        A number stands at evenly spaced places between its bounds; a schedule is constant on a
        window of iterations and zero elsewhere (a divided budget: all of it there).
        """
        scalars = [name for name, knob in self.knobs.items() if not knob.per_iteration]
        schedules = [name for name, knob in self.knobs.items() if knob.per_iteration]
        # Half of the digits for the numbers, half for the windows.
        parts = max(len(scalars) + len(schedules), 1)
        each = max(3, int(most ** (1.0 / parts)))
        windows = _windows(self.objective.iterations, each)
        axes: list[list[Any]] = [
            [votes for votes in _odd(self.knobs[name], each) if votes <= self.most_votes]
            if name == "votes"
            else [
                np.asarray(self.knobs[name].from_unit(unit)) for unit in np.linspace(0.0, 1.0, each)
            ]
            for name in scalars
        ]
        for name in schedules:
            knob, even = self.knobs[name], name == "budget" and self.divided
            levels = (1.0,) if even else LEVELS
            axes.append([level * knob.high * window for level in levels for window in windows])
        points = []
        for chosen in itertools.product(*axes):
            values = dict(zip([*scalars, *schedules], chosen, strict=True))
            points.append(self._paid(values))
        return points

    def _paid(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return values of the grid under the total price."""
        goal = self.objective
        if goal.spend is None:
            return values
        seen = looks(goal.procedure, values)
        left = max(goal.spend - goal.before_labels(seen), 0.0) / goal.label_price(seen)
        high = self.knobs["budget"].high
        if self.divided:
            window = values["budget"] > 0.0
            budget = np.minimum(left * window / window.sum(), high)
        else:
            budget = np.minimum(values["budget"], left / goal.iterations)
        return {**values, "budget": budget}

    def on_grid(self, points: list[dict[str, Any]]) -> Iterator[np.ndarray]:
        """Yield the scores of the grid, a batch at a time."""
        evaluate = jax.jit(jax.vmap(self.score_of))
        for start in range(0, len(points), BATCH):
            batch = points[start : start + BATCH]
            # One shape for all batches.
            filled = batch + batch[-1:] * (BATCH - len(batch))
            stacked = {
                name: jnp.asarray(np.array([point[name] for point in filled], float))
                for name in self.knobs
            }
            yield np.asarray(evaluate(stacked))[: len(batch)]

    def constants(self, values: Mapping[str, Any], count: int) -> list[tuple[float, float]]:
        """Return levels and scores of schedules that never change, within the total price.

        Args:
            values: of all knobs; those that may change are set to the same fraction of their
                bounds in all iterations, the others stay.
            count: fractions that are tried, in ratios from 1/1000 to 1.

        Returns:
            Pairs of fraction and score, of those that cost no more than may be spent.
        """
        changing = [name for name, knob in self.knobs.items() if knob.per_iteration]
        if not changing:
            return []
        goal, length = self.objective, self.objective.iterations

        def run(fraction: Array) -> tuple[Array, Array]:
            level = {
                name: jnp.full(length, self.knobs[name].from_unit(fraction)) for name in changing
            }
            shown = self.shown({**values, **level})
            return goal.of(shown), shown["cost"][-1]

        fractions = np.geomspace(1e-3, 1.0, count)
        scores, costs = jax.jit(lambda each: lax.map(run, each))(jnp.asarray(fractions))
        most = np.inf if goal.spend is None else goal.spend * (1.0 + 1e-9)
        told = zip(fractions.tolist(), scores.tolist(), costs.tolist(), strict=True)
        return [(fraction, score) for fraction, score, cost in told if cost <= most]

    def without_crumbs(self, values: dict[str, Any], score: Callable[..., float]) -> dict[str, Any]:
        """Return a divided budget without its tiniest shares, where that is no worse."""
        if not self.divided:
            return values
        budget = np.asarray(values["budget"])
        whole = budget.sum()
        kept = np.where(budget >= CRUMB * whole, budget, 0.0)
        if kept.sum() == 0.0:
            return values
        high = self.knobs["budget"].high
        pruned = {**values, "budget": np.minimum(kept * whole / kept.sum(), high)}
        return pruned if score(pruned) <= score(values) else values


def settle(procedure: Procedure, values: Mapping[str, Any]) -> Procedure:
    """Return the procedure in which the knobs stand so."""
    for name, value in values.items():
        procedure = KNOBS[name].settle(procedure, value)
    return procedure


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


def _odd(knob: Knob, most: int) -> list[np.ndarray]:
    """Return odd numbers of votes between the bounds, about so many."""
    first, last = 2 * np.ceil((knob.low - 1) / 2) + 1, 2 * np.floor((knob.high - 1) / 2) + 1
    every = np.arange(first, last + 1, 2)
    return list(every[np.unique(np.linspace(0, len(every) - 1, most).round().astype(int))])


def refuse_unpaid(goal: Objective, knobs: Mapping[str, Knob]) -> None:
    """Refuse a total price that does not even pay for the answers.

    Raises:
        ValueError: for it, and for one without a budget to be designed.
    """
    if goal.spend is None:
        return
    if "budget" not in knobs:
        hint = "Add 'budget' to the parameters: labels get what the rest leaves."
        raise refuse("spend", "None where no budget is designed", goal.spend, hint)
    fewest = {"votes": 2 * np.ceil((knobs["votes"].low - 1) / 2) + 1} if "votes" in knobs else {}
    seen = looks(goal.procedure, fewest)
    least = goal.before_labels(seen)
    if goal.spend <= least:
        raise refuse("spend", f"above {least:g}, what the answers alone cost", goal.spend)
    if goal.label_price(seen) == 0.0:
        raise refuse("spend", "None where labels cost nothing", goal.spend)


def rounded(problem: Problem, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the values with votes at the odd numbers beside them, or as they are."""
    if "votes" not in values:
        return [dict(values)]
    knob, votes = problem.knobs["votes"], float(values["votes"])
    below = int(2 * np.floor((votes - 1) / 2) + 1)
    most = min(knob.high, problem.most_votes)
    odd = [each for each in (below, below + 2) if knob.low <= each <= most]
    return [{**values, "votes": each} for each in odd]


def fixed_votes(problem: Problem, votes: int) -> Problem:
    """Return the problem with the votes standing."""
    goal = problem.objective
    knobs = {name: knob for name, knob in problem.knobs.items() if name != "votes"}
    settled = KNOBS["votes"].settle(goal.procedure, votes)
    return Problem.of(replace(goal, procedure=settled), knobs)
