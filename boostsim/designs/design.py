"""``bs.design``: continuous choices made by gradients, and checked."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import numpy as np

from boostsim.arguments import refuse, unknown, whole
from boostsim.designs.few import Trials, at_visits, covered
from boostsim.designs.found import Design
from boostsim.designs.grid import constants, points, tried
from boostsim.designs.knobs import KNOBS, Knob
from boostsim.designs.objective import SHOWN, Objective
from boostsim.designs.problem import Problem, turned
from boostsim.designs.search import descend, odd_voted, starts, values_at, without_crumbs
from boostsim.keys import as_key, key_text
from boostsim.mode import fixed
from boostsim.progress import announced
from boostsim.simulation.run import simulate
from boostsim.simulation.tables.continuous import plain

# Constant schedules that the answer is set beside.
CONSTANTS = 64


def design(
    objective: Objective,
    parameters: Mapping[str, Knob | tuple[float, float]],
    *,
    visits: int | None = None,
    seeds: int = 8,
    steps: int = 300,
    restarts: int = 4,
    grid: int = 1000,
    key: jax.Array | int = 0,
) -> Design:
    """Choose what is continuous in a procedure by gradients through the whole exact run.

    Automatic differentiation goes backwards through all iterations, allocation included; Adam takes
    the steps, bounds are kept by projection. The answer is checked twice: against a grid of other
    choices, and by restarts from random ones; it says itself where they disagree. That is a choice
    for the limit of many visits: where a few labels fall to a prompt and all are bought at once,
    all of one prompt's may be wrong, and none is left to ask again. With ``visits`` the choice is
    for so many: the limit's design, schedules on windows, decaying and constant ones, and random
    steps from the best of them are run there, all on the same seeds (or by the exact law at these
    visits, where it covers the run: without a budget, say), and the best of all is the answer. On
    those seeds no constant that was tried is better, and ``few`` says what it is worth on others.
    A total price is kept on average: what is not bought is not paid for, so budgets may add up to
    more, and then what a run costs on average over the seeds decides.

    What is compiled for one call serves the next: another task of that size, other bounds, prices,
    keys, rates and numbers of steps compile nothing; other knobs, another score or length do.

    Args:
        objective: what is to be small, on which task, and what it may cost.
        parameters: what may be chosen, and its bounds, a :class:`Knob` or a pair (low, high):
            ``"budget"``, ``"real_share"``, ``"label_weight"`` or ``"label_share"`` (numbers, or one
            for each iteration), ``"temperature"`` of ``bs.criteria.difficulty``, and ``"votes"`` of
            a filter with fresh noise: between odd numbers a share of the responses gets two votes
            more; the answer has the better of the odd numbers beside. Real data has no price here.
        visits: v, to each prompt in each iteration; None is the limit of many.
        seeds: at given visits, that choices are judged on; as many others are held out.
        steps: of Adam, from each start; at given visits as many random ones.
        restarts: random starts, besides the middle of all bounds.
        grid: other choices that it is held against, about so many; at given visits a fifth.
        key: of the random starts, and of the runs at given visits.

    Returns:
        A :class:`Design`: ``procedure`` is ready to be run.

    Raises:
        ValueError: for a parameter that the procedure has not, bounds that are none, a total price
            that does not pay for the attempts, or for the least budget.

    Example:
        >>> import boostsim as bs
        >>> task = bs.random_table(0, prompts=20, solvable=0.0)
        >>> noisy, weak = bs.NoisyFilter(0.2), bs.WeakLabeler(0.5)
        >>> boosting = bs.boosting(filter=noisy, labeler=weak)
        >>> goal = bs.Objective(boosting, task, 3, spend=0.5, prices=bs.Prices(1.0, 0.0, 0.0))
        >>> found = design(goal, {"budget": bs.Knob(0.0, 1.0, per_iteration=True)})
        >>> [round(budget, 2) for budget in found.values["budget"]]
        [0.5, 0.0, 0.0]
    """
    if not isinstance(objective, Objective):
        raise refuse("objective", "a bs.Objective", objective)
    knobs = _checked(objective, parameters)
    steps, restarts = whole("steps", steps, 1), whole("restarts", restarts, 1)
    grid, key = whole("grid", grid, 1), as_key(key)
    visits = None if visits is None else whole("visits", visits, 1)
    seeds = whole("seeds", seeds, 2)
    with fixed(double=True):
        problem = Problem.of(objective, knobs)
        problem.refuse_dear_low()
        others = points(problem, grid)
        on_grid = tried(problem, others, "grid")
        if not np.isfinite(on_grid).any():
            where = f"at all of {len(others)} choices"
            raise refuse(
                f"score {objective.name!r}", "finite", float(on_grid[0]), f"So it is {where}."
            )
        on_grid = np.where(np.isfinite(on_grid), on_grid, np.inf)
        best = others[int(np.argmin(on_grid))]
        # The last start is the grid's best.
        drawn, last = starts(problem, restarts + 1, key), problem.point_of(best)
        start = jax.tree.map(lambda each, one: np.append(each, one[None], axis=0), drawn, last)
        with announced(f"{steps} steps from {restarts + 2} starts"):
            ends, losses, flat = descend(problem, start, steps)
            least = _least(np.asarray(losses))
            ended, point = values_at(problem, ends), {name: ends[name][least] for name in ends}
            # With votes as they came out.
            scores = tried(problem, ended)
            values = odd_voted(objective, problem, point, ended[least], steps)
            candidates, constant = [values, best], np.nan
            never = constants(problem, values, CONSTANTS)
            if never:
                each = tried(problem, never)
                number = _least(each)
                if np.isfinite(each[number]):
                    constant = float(each[number])
                    candidates.append(never[number])
        values = candidates[_least(tried(problem, candidates))]
        values = without_crumbs(problem, values)
    few = None
    if visits is not None:
        drawn_on = None if covered(objective, values, visits) else range(seeds)
        trials = Trials(objective, problem, visits, drawn_on, key)
        with fixed(double=True):
            values, few = at_visits(trials, values, max(1, grid // 5), steps)
        trace = trials.held_out().trace(values)
        score = few.score
    procedure = turned(objective.procedure, values)
    if few is None:
        trace = simulate(
            procedure,
            objective.task,
            objective.iterations,
            key=objective.key,
            prices=objective.prices,
        )
        with fixed(double=True):
            score = float(problem.score.of({name: trace[name].values[0] for name in SHOWN}))
    return Design(
        objective=objective,
        values={name: plain(value) for name, value in values.items()},
        procedure=procedure,
        score=score,
        trace=trace,
        starts=scores[:-1],
        from_grid=float(scores[-1]),
        grid=float(on_grid.min()),
        grid_size=len(others),
        constant=constant,
        # The grid's best is no start of the search's own.
        flat=int(np.sum(flat[:-1])),
        knobs=knobs,
        search={"steps": steps, "restarts": restarts, "grid": grid, "key": key_text(key)},
        few=few,
    )


def _checked(
    objective: Objective, parameters: Mapping[str, Knob | tuple[float, float]]
) -> dict[str, Knob]:
    """Return the knobs, each fit for the procedure."""
    if not isinstance(parameters, Mapping) or not parameters:
        raise refuse("parameters", "a mapping from names to bs.Knob or (low, high)", parameters)
    knobs = {}
    for name, bounds in parameters.items():
        if name not in KNOBS:
            raise unknown("parameters", name, KNOBS)
        if isinstance(bounds, (tuple, list)) and len(bounds) == 2:
            try:
                bounds = Knob(*bounds)
            except ValueError as error:
                raise ValueError(f"parameters[{name!r}]: {error}") from None
        if not isinstance(bounds, Knob):
            raise refuse(f"parameters[{name!r}]", "a bs.Knob, or (low, high)", bounds)
        if bounds.per_iteration and not KNOBS[name].number.scheduled:
            raise refuse(f"parameters[{name!r}]", "one number for all iterations", bounds)
        KNOBS[name].fits(objective.procedure, bounds)
        knobs[name] = bounds
    if {"label_weight", "label_share"} <= knobs.keys():
        allowed = "of label_weight and label_share only one: both say what a label counts for"
        raise refuse("parameters", allowed, list(knobs))
    return knobs


def _least(scores: np.ndarray) -> int:
    """Return which is least of those that are numbers."""
    return int(np.argmin(np.where(np.isfinite(scores), scores, np.inf)))
