"""T1, T2, T6 to T8, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.certification.measurement import Measurement, one_prompt
from boostsim.certification.measurements.shared import (
    FINITE_VISITS,
    absolute,
    at_visits,
    failed_or_solved,
    short,
)
from boostsim.curation.criteria import failed, uniform
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import boosting
from boostsim.curation.procedure import Procedure
from boostsim.learners.strong import StrongLearner
from boostsim.tasks.table import TableTask, table_task
from boostsim.theory import laws
from boostsim.theory.law import least_whole, reached

if TYPE_CHECKING:
    import xarray


def _two_groups(initial_error: float, hard_share: float) -> TableTask:
    row = [1.0 - initial_error, initial_error]
    return table_task([[1, 0]] * 2, [hard_share, 1.0 - hard_share], [row] * 2)


def _perfect(beta: float, attempts: int = 1) -> Procedure:
    return boosting(attempts=attempts, labeler=WeakLabeler(beta))


def _affine(iterations: int, attempts: int) -> bool:
    """One attempt, or one iteration: there the mean of finitely many visits is the law's."""
    return short(iterations) and (attempts == 1 or iterations == 1)


def _first_below(trace: xarray.Dataset, target: float) -> Any:
    below = reached(trace.error, target)
    return below.argmax("iteration").where(below.any("iteration"), np.inf)


def _paid_and_left(trace: xarray.Dataset, beta: float) -> Any:
    last = trace.isel(iteration=-1)
    return beta * last.labels + last.error


def _policy(beta: float, attempts: int, policy: str) -> Procedure:
    criterion = failed if policy == "failed" else uniform
    return boosting(attempts=attempts, labeler=WeakLabeler(beta), criterion=criterion)


def _one_attempt(beta: float, visits: int, initial_error: float, iterations: int) -> float:
    return at_visits(_perfect(beta), one_prompt(initial_error), visits, iterations)


def _labels(beta: float, initial_error: float, iterations: int) -> float:
    return at_visits(_perfect(beta), failed_or_solved(initial_error), 1, iterations, "labels")


def _optimal(
    beta: float, attempts: int, policy: str, initial_error: float, iterations: int
) -> float:
    procedure, task = _policy(beta, attempts, policy), one_prompt(initial_error)
    labels, error = (
        at_visits(procedure, task, 1, iterations, name) for name in ("labels", "error")
    )
    return beta * labels + error


def _covered(beta: float, visited_share: float, initial_error: float, iterations: int) -> float:
    # Of what is failed for certain: a prompt that is solved stays so.
    failed = at_visits(_perfect(beta), one_prompt(1.0), 1, iterations, visited_share=visited_share)
    return initial_error * failed


def _slack(beta: float, slack: float, gamma: float = 0.0) -> Procedure:
    return boosting(
        filter=NoisyFilter(gamma),
        labeler=WeakLabeler(beta),
        learner=StrongLearner(slack, noise="wrong"),
    )


def _from_fixed_point(trace: xarray.Dataset, beta: float, gamma: float) -> Any:
    fixed_point = float(laws.noisy_boosting(beta=beta, gamma=gamma).fixed_point)
    return abs(trace.accuracy.isel(iteration=-1) - fixed_point)


def _part_of_failures(beta: float, labelled_share: float, initial_error: float) -> Procedure:
    if labelled_share == 1.0:
        return _perfect(beta)
    return boosting(labeler=WeakLabeler(beta), budget=labelled_share * initial_error)


def _budget_is_known(labelled_share: float, visited_share: float, iterations: int) -> bool:
    """A budget of alpha times the failures is known beforehand in the first iteration only."""
    if labelled_share == 1.0:
        return short(iterations)
    return visited_share == 1.0 and iterations == 1


def _two_labelers(beta_low: float, beta_high: float, copies: int) -> Procedure:
    return boosting(labeler=WeakLabeler(np.tile([beta_low, beta_high], copies)))


def _weak_outside(beta: float, copies: int) -> Procedure:
    return boosting(labeler=WeakLabeler(np.tile([0.0, beta], copies)))


def _enough_iterations(beta: float, target: float) -> int:
    return int(least_whole(np.log(1.0 / target) / beta))


def _share_above(trace: xarray.Dataset, target: float) -> Any:
    return ~reached(trace.error.isel(iteration=-1), target) * 1.0


MEASUREMENTS: dict[str, Measurement] = {
    "T1": Measurement(_perfect, sampled=_affine, binary=True),
    "T1.rate": Measurement(
        _perfect,
        _first_below,
        iterations=512,
        sampled=False,
        rounding=lambda: 0.0,
        why_not="in sampled runs the error is random, and its first passage another matter",
    ),
    "T1.visits": Measurement(
        _perfect,
        visits=lambda visits: visits,
        sampled=short,
        binary=lambda visits: visits == 1,
        value=_one_attempt,
        most_points=3,
    ),
    "T2": Measurement(
        _perfect,
        "labels",
        value=_labels,
        task=failed_or_solved,
        sampled=short,
        bounds=lambda iterations: (0.0, iterations),
    ),
    "T2.optimal": Measurement(
        _policy,
        _paid_and_left,
        value=_optimal,
        bounds=lambda beta, iterations: (0.0, beta * iterations + 1.0),
    ),
    "T6": Measurement(_slack, sampled=short, rounding=absolute),
    "T6.noisy": Measurement(
        _slack,
        _from_fixed_point,
        sampled=False,
        rounding=absolute,
        why_not="the distance of a sampled model is not the distance of its mean",
    ),
    "T7": Measurement(
        _part_of_failures,
        task=failed_or_solved,
        # A budget ties prompts together, and they are no chain each.
        exact=lambda labelled_share: labelled_share == 1.0,
        value=_covered,
        sampled=_budget_is_known,
        independent=True,
        visited_share=lambda visited_share: visited_share,
        why_not=FINITE_VISITS,
    ),
    "T7.budget": Measurement(
        lambda beta, budget, attempts: boosting(
            attempts=attempts, labeler=WeakLabeler(beta), budget=budget
        ),
        task=failed_or_solved,
        iterations=1,
        exact=False,
        independent=True,
        why_not=FINITE_VISITS,
    ),
    "T8": Measurement(_two_labelers, task=_two_groups, sampled=short, rounding=absolute),
    "T8.optimal": Measurement(
        _weak_outside,
        _share_above,
        task=_two_groups,
        iterations=_enough_iterations,
        sampled=False,
        why_not="optimality is said of the population",
    ),
}
