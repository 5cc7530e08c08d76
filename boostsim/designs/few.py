"""Design for so many visits: what is best there, by runs at these visits.

A run at few visits has no slope to follow: where labels fall is drawn. So choices are tried, the
limit's design among them, schedules on windows and decaying ones, and moved from the best of these
in smooth random steps; all on the same seeds, so that differences between them are not of the
draws. Where the exact law at so many visits covers the run there are no draws at all.

Under a total price budgets that add up to no more are paid for: no more is drawn on average. Not
all of a budget is bought where few visits fail, so they may add up to more: then what counts is
what a run costs, on average over the seeds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.designs.found import FewVisits
from boostsim.designs.grid import LEVELS, ROUNDING, Values, constants, paid_for, points
from boostsim.designs.objective import SHOWN, Objective
from boostsim.designs.problem import CRUMB, Problem, turned
from boostsim.progress import track
from boostsim.simulation.run import simulate

# By which schedules decay from one iteration to the next.
DECAYS = (0.3, 0.5, 0.7, 0.8, 0.87, 0.92, 0.96)
# Halvings of the distance to the dearest multiple of a schedule that can be paid; of the best few;
# at most so many times it.
HALVINGS, STRETCHED = 6, 4
STRETCH = 20.0
# Constant schedules.
CONSTANTS = 24
# A step is in logarithms, or a share in places between bounds; it grows where it helps, else
# shrinks.
SHARE, GROWTH, SHRINKING = 0.15, 1.5, 0.9
KNOTS = 6


@dataclass(eq=False)
class Trials:
    """Runs at so many visits with the knobs here and there, on the same seeds.

    Attributes:
        goal, problem: whose knobs.
        visits: v.
        seeds: of each run; None where the exact law at v visits covers it.
        key: of the draws.
        tried: how many were.
    """

    goal: Objective
    problem: Problem
    visits: int
    seeds: range | None
    key: jax.Array
    tried: int = field(default=0)

    def held_out(self) -> Trials:
        """Return the same on as many seeds that follow."""
        seeds = self.seeds
        if seeds is not None:
            seeds = range(seeds.stop, seeds.stop + len(seeds))
        return Trials(self.goal, self.problem, self.visits, seeds, self.key)

    def trace(self, values: Values) -> Any:
        """Return the run."""
        how: dict[str, Any] = {"seeds": self.seeds, "key": self.key}
        if self.seeds is None:
            how = {"exact": True}
        return simulate(
            turned(self.goal.procedure, values),
            self.goal.task,
            self.goal.iterations,
            visits=self.visits,
            prices=self.goal.prices,
            **how,
        )

    def scores(self, trace: Any) -> np.ndarray:
        """Return the score of a run, of each seed."""
        columns = {name: jnp.asarray(trace[name].values) for name in SHOWN}
        return np.asarray(jax.vmap(self.problem.score.of)(columns))

    def of(self, values: Values) -> float:
        """Return the mean score, infinite where it costs more than may be spent."""
        self.tried += 1
        trace = self.trace(values)
        score = float(self.scores(trace).mean())
        return score if self._paid_for(values, trace) and np.isfinite(score) else np.inf

    def _paid_for(self, values: Values, trace: Any) -> bool:
        """Whether it costs no more than may be spent: on average, or else on these seeds."""
        if self.within(values):
            return True
        assert self.goal.spend is not None
        return float(trace.cost[:, -1].mean()) <= self.goal.spend * (1.0 + ROUNDING)

    def within(self, values: Values) -> bool:
        """Whether budgets add up to no more than may be spent: so it is paid for on average."""
        if self.goal.spend is None:
            return True
        allowed = np.sum(np.broadcast_to(values["budget"], self.problem.iterations))
        return bool(allowed <= self.problem.left(values) * (1.0 + ROUNDING))


def covered(goal: Objective, values: Values, visits: int) -> bool:
    """Whether the exact law at so many visits covers all choices: it says so, at one iteration.

    A budget that is all that may be had is none, and ties no prompts together; others do.
    """
    if "budget" in values:
        half = 0.5 * goal.procedure.labels_per_visit
        values = {**values, "budget": np.full_like(values["budget"], half)}
    try:
        simulate(turned(goal.procedure, values), goal.task, 1, visits=visits, exact=True)
    except ValueError:
        return False
    return True


def at_visits(trials: Trials, limit: Values, grid: int, steps: int) -> tuple[Values, FewVisits]:
    """Return the best choice that was tried, and how it was found; call it with 64-bit types.

    Args:
        trials: the runs that choices are judged by.
        limit: the limit's design.
        grid: choices on windows, about so many.
        steps: tries from the best of all of these.
    """
    problem = trials.problem
    start = trials.of(limit)
    others = [*_decaying(problem, limit), *points(problem, grid)]
    shown = track(others, f"choices at {trials.visits} visits", len(others))
    ranked = [(trials.of(values), values) for values in shown]
    ranked = sorted(ranked, key=lambda each: each[0])
    for _, values in ranked[:STRETCHED]:
        ranked = ranked + _multiples(trials, values, 0.0, np.log(STRETCH), HALVINGS)
    # The first of equals: the limit's design, should it be one.
    least, best, kind = start, limit, "the limit's design"
    if (near := min(ranked, key=lambda each: each[0]))[0] < least:
        (least, best), kind = near, "a choice on the grid"
    never = [(trials.of(values), values) for values in constants(problem, best, CONSTANTS)]
    if never:
        wide = np.log(STRETCH * problem.iterations)
        never += _multiples(trials, never[-1][1], -wide, 0.0, 2 * HALVINGS)
    constant, flat = min(never, key=lambda each: each[0], default=(np.nan, None))
    if flat is not None and constant <= least:
        least, best, kind = constant, flat, "what never changes"
    moved, score = _searched(trials, best, least, steps)
    if score < least:
        least, best, kind = score, moved, "a search"
    found = FewVisits(
        visits=trials.visits,
        exact=trials.seeds is None,
        seeds=0 if trials.seeds is None else len(trials.seeds),
        tried=trials.tried,
        by=kind,
        score=least,
        constant=constant,
        limit=start,
        within=trials.within(best),
        held_out={},
        costs={},
    )
    return best, _held_out(trials, found, {"score": best, "constant": flat, "limit": limit})


def _held_out(trials: Trials, found: FewVisits, chosen: dict[str, Values | None]) -> FewVisits:
    """Return it with what the answer and its rivals are on seeds that chose nothing."""
    after = trials.held_out()
    for name, values in chosen.items():
        if values is not None:
            trace = after.trace(values)
            found.held_out[name] = after.scores(trace)
            found.costs[name] = trace.cost.values[:, -1]
    return found


def _decaying(problem: Problem, limit: Values) -> list[Values]:
    """Return schedules that decay, one knob at a time, the others as in the limit."""
    found = []
    for name, knob in problem.knobs.items():
        if not knob.per_iteration:
            continue
        for rate in DECAYS:
            falling = rate ** np.arange(problem.iterations)
            if name == "budget" and problem.divided:
                found.append({**limit, name: falling / falling.sum()})
                continue
            for level in LEVELS:
                height = level * (knob.high - knob.low)
                found.append({**limit, name: knob.low + height * falling})
    return paid_for(problem, found) if found else []


def _multiples(
    trials: Trials, values: Values, low: float, high: float, halvings: int
) -> list[tuple[float, Values]]:
    """Return multiples of a budget, with their scores, towards the dearest that is paid for.

    Args:
        trials: the runs.
        values: of which.
        low, high: logarithms of multiples, between which the dearest is.
        halvings: of the distance.
    """
    if trials.problem.spend is None:
        return []
    found, most = [], trials.problem.knobs["budget"].high
    for _ in range(halvings):
        middle = 0.5 * (low + high)
        multiple = {**values, "budget": np.minimum(np.exp(middle) * values["budget"], most)}
        found.append((trials.of(multiple), multiple))
        low, high = (middle, high) if np.isfinite(found[-1][0]) else (low, middle)
    return found


def _searched(trials: Trials, start: Values, least: float, steps: int) -> tuple[Values, float]:
    """Return the best on a walk of smooth random steps, each kept where it helps."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(trials.key)).ravel())
    best, size = start, 1.0
    for _ in track(range(steps), f"steps at {trials.visits} visits", steps):
        values = _moved(trials.problem, best, size, rng)
        score = trials.of(values)
        size = min(4.0, size * GROWTH) if score < least else max(0.02, size * SHRINKING)
        if score < least:
            best, least = values, score
    return best, least


def _moved(problem: Problem, values: Values, size: float, rng: np.random.Generator) -> Values:
    """Return values beside others; schedules move together where iterations are near."""
    moved = {}
    for name, at in values.items():
        knob = problem.knobs[name]
        if name == "votes":
            moved[name] = at
            continue
        step = rng.normal(size=np.shape(at))
        if np.ndim(at):
            # Dense at the start, where most happens; some knots alone, or all of them.
            ends = np.geomspace(1.0, len(at) + 1.0, KNOTS) - 1.0
            heights = rng.normal(size=KNOTS) * (rng.random(KNOTS) < rng.choice([0.3, 1.0]))
            step = np.interp(np.arange(len(at)), ends, heights)
        if name == "budget" and problem.divided:
            floor = CRUMB * np.mean(at)
            new = np.exp(size * step) * np.maximum(at, floor)
            # What is next to nothing stays so.
            moved[name] = np.minimum(np.where(new > 2.0 * floor, new, 0.0), knob.high)
            continue
        place = np.asarray(knob.to_unit(at)) + SHARE * size * step
        moved[name] = np.asarray(knob.from_unit(np.clip(place, 0.0, 1.0)))
    return moved
