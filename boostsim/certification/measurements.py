"""How T1 to T15 are measured: one :class:`Measurement` for each claim of ``bs.claims``.

Sampled runs make one visit to a prompt where the claim allows it: then a model is a point mass
after one iteration, the error is 0 or 1, and its interval is exact.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binom

from boostsim.certification.measurement import EPSILON, Measurement, rounding_of
from boostsim.curation.criteria import failed, uniform
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import boosting, filter_only, random_labels, uncurated
from boostsim.curation.procedure import Procedure
from boostsim.learners.strong import StrongLearner
from boostsim.tasks.table import TableTask, table_task
from boostsim.theory import laws

if TYPE_CHECKING:
    import xarray

__all__ = ["MEASUREMENTS"]

# Longest sampled runs, in iterations: what a claim says of longer ones is checked exactly.
SHORT = 4
# Iterations after which a prompt of at most three examples is undecided once in 10^6 times at most.
DECIDED = 32


def _one_prompt(initial_error: float) -> TableTask:
    return table_task([[1, 0]], initial=[[1.0 - initial_error, initial_error]])


def _failed_or_solved(initial_error: float) -> TableTask:
    """One prompt that the first model fails for certain and one that it solves, so weighted."""
    rows = [[0.0, 1.0], [1.0, 0.0]]
    return table_task([[1, 0]] * 2, [initial_error, 1.0 - initial_error], rows)


def _two_groups(initial_error: float, hard_share: float) -> TableTask:
    row = [1.0 - initial_error, initial_error]
    return table_task([[1, 0]] * 2, [hard_share, 1.0 - hard_share], [row] * 2)


def _several_wrong(initial_error: float) -> TableTask:
    wrong = np.array([3.0, 2.0, 1.0]) / 6.0
    return table_task([[1, 0, 0, 0]], initial=[[1.0 - initial_error, *(initial_error * wrong)]])


def _filtered(beta: float, gamma: float, attempts: int = 1) -> Procedure:
    return boosting(attempts=attempts, filter=NoisyFilter(gamma), labeler=WeakLabeler(beta))


def _perfect(beta: float, attempts: int = 1) -> Procedure:
    return boosting(attempts=attempts, labeler=WeakLabeler(beta))


def _voting(gamma: float, votes: int, beta: float = 0.5) -> Procedure:
    return boosting(filter=NoisyFilter(gamma, votes=votes), labeler=WeakLabeler(beta))


def _short(iterations: int) -> bool:
    return 1 <= iterations <= SHORT


def _affine(iterations: int, attempts: int) -> bool:
    """One attempt, or one iteration: there the mean of finitely many visits is the law's."""
    return _short(iterations) and (attempts == 1 or iterations == 1)


def _absolute(iterations: int = 1, attempts: int = 1) -> float:
    """Rounding of accuracies, where no error is meant to be tiny."""
    return rounding_of(iterations, attempts) * 8.0


# T1


def _first_below(trace: xarray.Dataset, target: float) -> Any:
    below = trace.error <= target
    return below.argmax("iteration").where(below.any("iteration"), np.inf)


# T2


def _paid_and_left(trace: xarray.Dataset, beta: float) -> Any:
    last = trace.isel(iteration=-1)
    return beta * last.labels + last.error


def _policy(beta: float, attempts: int, policy: str) -> Procedure:
    criterion = failed if policy == "failed" else uniform
    return boosting(attempts=attempts, labeler=WeakLabeler(beta), criterion=criterion)


# T4


def _one_more(beta: float, gamma: float, attempts: int) -> Procedure:
    return _filtered(beta, gamma, attempts + 1)


def _odds_gained(trace: xarray.Dataset) -> Any:
    odds = trace.accuracy / trace.error
    return odds.isel(iteration=1) / odds.isel(iteration=0)


# T6


def _slack(beta: float, slack: float, gamma: float = 0.0) -> Procedure:
    return boosting(
        filter=NoisyFilter(gamma),
        labeler=WeakLabeler(beta),
        learner=StrongLearner(slack, noise="wrong"),
    )


def _from_fixed_point(trace: xarray.Dataset, beta: float, gamma: float) -> Any:
    fixed_point = float(laws.noisy_boosting(beta=beta, gamma=gamma).fixed_point)
    return abs(trace.accuracy.isel(iteration=-1) - fixed_point)


# T7


def _part_of_failures(beta: float, labelled_share: float, initial_error: float) -> Procedure:
    if labelled_share == 1.0:
        return _perfect(beta)
    return boosting(labeler=WeakLabeler(beta), budget=labelled_share * initial_error)


def _budget_is_known(labelled_share: float, visited_share: float, iterations: int) -> bool:
    """A budget of alpha times the failures is known beforehand in the first iteration only."""
    if labelled_share == 1.0:
        return _short(iterations)
    return visited_share == 1.0 and iterations == 1


# T8


def _two_labelers(beta_low: float, beta_high: float, copies: int) -> Procedure:
    return boosting(labeler=WeakLabeler(np.tile([beta_low, beta_high], copies)))


def _weak_outside(beta: float, copies: int) -> Procedure:
    return boosting(labeler=WeakLabeler(np.tile([0.0, beta], copies)))


def _enough_iterations(beta: float, target: float) -> int:
    return int(np.ceil(np.log(1.0 / target) / beta))


def _share_above(trace: xarray.Dataset, target: float) -> Any:
    # At exact powers the error is the target, up to rounding.
    return (trace.error.isel(iteration=-1) > target * (1.0 + 1e-9)) * 1.0


# T11


def _diversity_kept(trace: xarray.Dataset) -> Any:
    return trace.diversity.isel(iteration=-1) / trace.diversity.isel(iteration=0)


def _undecided(trace: xarray.Dataset) -> Any:
    inside = (trace.accuracy > 0.0) & (trace.accuracy < 1.0)
    return inside.sum("iteration")


@lru_cache(maxsize=8)
def _times(examples: int) -> np.ndarray:
    """Expected iterations until fixation from each state, by summing powers, not by solving."""
    inner = np.arange(1, examples)
    power = binom.pmf(inner[None, :], examples, inner[:, None] / examples)
    # 1 + Q + ... + Q^(2n-1) = (1 + Q^n)(1 + Q + ... + Q^(n-1)), until Q^n is nothing.
    total = np.eye(examples - 1)
    while np.abs(power).max() > 1e-18:
        total = total + power @ total
        power = power @ power
    return total.sum(1)


def _markov_chain(examples: int, initial_accuracy: float) -> float:
    law = binom.pmf(np.arange(1, examples), examples, initial_accuracy)
    return float(1.0 + np.sum(law * _times(examples)))


# T13


def _signal(signal: str, regime: str) -> Procedure:
    labeler = WeakLabeler(0.0) if "wrong labels" in signal else None
    filter = NoisyFilter(0.2) if "filter" in signal else None
    if labeler is None and filter is None:
        return uncurated(regime=regime)
    return Procedure(
        attempts=2, filter=filter, labeler=labeler, criterion=uniform, regime=regime, keep="all"
    )


# T15


def _spread_labels(beta: float, correct_answers: int, wrong_answers: int) -> np.ndarray:
    return np.concatenate(
        [
            np.full(correct_answers, beta / correct_answers),
            np.full(wrong_answers, (1.0 - beta) / wrong_answers),
        ]
    )


def _labels_first(beta: float, correct_answers: int, wrong_answers: int) -> TableTask:
    """A first model that is the labeler: then all liked mass is the labeler's."""
    row = _spread_labels(beta, correct_answers, wrong_answers)
    return table_task([[1] * correct_answers + [0] * wrong_answers], initial=[row])


def _persistent(beta: float, gamma: float, attempts: int) -> Procedure:
    return boosting(
        attempts=attempts,
        filter=NoisyFilter(gamma, persistent=True),
        labeler=WeakLabeler(beta),
    )


def _two_right_answers(initial_liked: float) -> TableTask:
    return table_task([[1, 1, 0]], initial=[[initial_liked, 0.0, 1.0 - initial_liked]])


def _knows_the_other(beta: float, attempts: int) -> Procedure:
    # In exact runs there is one prompt.
    return boosting(attempts=attempts, labeler=WeakLabeler(rows=[[0.0, beta, 1.0 - beta]]))


POPULATION_ONLY = "at finitely many visits the mean differs from the law by O(1/v)"
LIMIT_ONLY = "it says where the population's iteration ends; T3 and T4 are checked in sampled runs"
FINITE_VISITS = "it speaks of finitely many visits"

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
    "T2": Measurement(
        _perfect,
        "labels",
        task=_failed_or_solved,
        sampled=_short,
        bounds=lambda iterations: (0.0, iterations),
    ),
    "T2.optimal": Measurement(
        _policy,
        _paid_and_left,
        exact=False,
        bounds=lambda beta, iterations: (0.0, beta * iterations + 1.0),
        why_not=FINITE_VISITS,
    ),
    "T3": Measurement(_filtered, sampled=_short, binary=True, rounding=_absolute),
    "T3.limit": Measurement(_filtered, sampled=False, why_not=LIMIT_ONLY),
    "T3.worse": Measurement(_filtered, "accuracy", sampled=_short, binary=True, rounding=_absolute),
    "T4": Measurement(_filtered, iterations=1, binary=True),
    "T4.limit": Measurement(_filtered, sampled=False, why_not=LIMIT_ONLY),
    "T4.falls": Measurement(
        _one_more,
        task=lambda: _one_prompt(1.0),
        iterations=1024,
        sampled=False,
        rounding=lambda predicted: 1e-9 * predicted + 1e-15,
        why_not=LIMIT_ONLY,
    ),
    "T4.leading": Measurement(
        _filtered,
        task=lambda: _one_prompt(0.0),
        iterations=512,
        sampled=False,
        ladder=(8, 16, 32, 64),
        why_not=LIMIT_ONLY,
    ),
    "T4.growth": Measurement(
        _filtered,
        _odds_gained,
        task=lambda initial_accuracy: table_task(
            [[1, 0]], initial=[[initial_accuracy, 1.0 - initial_accuracy]]
        ),
        iterations=1,
        sampled=False,
        why_not="odds of a sampled model may be infinite",
        rounding=lambda attempts, predicted: rounding_of(1, attempts, predicted) * 4.0,
    ),
    "T5": Measurement(_voting, sampled=_short, binary=True, rounding=_absolute),
    "T5.noise": Measurement(
        _voting,
        "labels",
        task=lambda: _one_prompt(0.0),
        iterations=1,
        binary=True,
        # Two implementations of the incomplete beta function.
        rounding=lambda predicted: 1e-11 * predicted,
    ),
    "T5.bound": Measurement(
        _voting, "labels", task=lambda: _one_prompt(0.0), iterations=1, binary=True
    ),
    "T6": Measurement(_slack, sampled=_short, rounding=_absolute),
    "T6.noisy": Measurement(
        _slack,
        _from_fixed_point,
        sampled=False,
        rounding=_absolute,
        why_not="the distance of a sampled model is not the distance of its mean",
    ),
    "T7": Measurement(
        _part_of_failures,
        task=_failed_or_solved,
        exact=False,
        sampled=_budget_is_known,
        independent=True,
        visited_share=lambda visited_share: visited_share,
        why_not=FINITE_VISITS,
    ),
    "T7.budget": Measurement(
        lambda beta, budget, attempts: boosting(
            attempts=attempts, labeler=WeakLabeler(beta), budget=budget
        ),
        task=_failed_or_solved,
        iterations=1,
        exact=False,
        independent=True,
        why_not=FINITE_VISITS,
    ),
    "T8": Measurement(_two_labelers, task=_two_groups, sampled=_short, rounding=_absolute),
    "T8.optimal": Measurement(
        _weak_outside,
        _share_above,
        task=_two_groups,
        iterations=_enough_iterations,
        sampled=False,
        why_not="optimality is said of the population",
    ),
    "T9": Measurement(
        lambda gamma, attempts, keep: filter_only(
            attempts=attempts, filter=NoisyFilter(gamma), keep=keep
        ),
        "accuracy",
        task=lambda initial_accuracy: _one_prompt(1.0 - initial_accuracy),
        visits=1000,
        # Of so many visits one is kept, but for a probability below 0.95^1000: then the mean is
        # the law's, for one iteration.
        sampled=lambda gamma, iterations: iterations == 1 and 0.05 <= gamma <= 0.95,
        rounding=lambda iterations: 64.0 * EPSILON * (iterations + 1),
        why_not=POPULATION_ONLY,
    ),
    "T9.limit": Measurement(
        lambda gamma, attempts: filter_only(attempts=attempts, filter=NoisyFilter(gamma)),
        "accuracy",
        task=lambda initial_accuracy: _one_prompt(1.0 - initial_accuracy),
        sampled=False,
        why_not="at finitely many visits a prompt may fix on a wrong answer",
    ),
    "T10": Measurement(
        lambda beta, rate: random_labels(rate=rate, labeler=WeakLabeler(beta)),
        "accuracy",
        task=lambda initial_accuracy: _one_prompt(1.0 - initial_accuracy),
        sampled=False,
        why_not=POPULATION_ONLY,
    ),
    "T11": Measurement(
        lambda: uncurated(),
        _diversity_kept,
        task=_several_wrong,
        visits=lambda examples: examples,
        record=("diversity",),
        # H <= 3/4 on four responses.
        bounds=lambda initial_error: (0.0, 0.75 / _initial_diversity(initial_error)),
        exact=False,
        why_not=FINITE_VISITS,
    ),
    "T11.accuracy": Measurement(
        lambda: uncurated(),
        "accuracy",
        visits=lambda examples: examples,
        exact=False,
        why_not=FINITE_VISITS,
    ),
    "T11.fixation": Measurement(
        lambda: uncurated(),
        _undecided,
        task=lambda initial_accuracy: _one_prompt(1.0 - initial_accuracy),
        iterations=DECIDED,
        visits=lambda examples: examples,
        bounds=(0.0, DECIDED + 1.0),
        exact=False,
        most_points=3,
        why_not=FINITE_VISITS,
    ),
    "T11.diffusion": Measurement(
        value=_markov_chain,
        ladder=(16, 64, 256, 1024),
        sampled=False,
        why_not="T11.fixation is checked in sampled runs",
    ),
    "T12": Measurement(
        lambda: uncurated(regime="accumulate"),
        _diversity_kept,
        task=_several_wrong,
        visits=lambda examples: examples,
        record=("diversity",),
        bounds=lambda initial_error: (0.0, 0.75 / _initial_diversity(initial_error)),
        exact=False,
        why_not=FINITE_VISITS,
    ),
    "T12.never": Measurement(
        lambda: uncurated(regime="accumulate"),
        _diversity_kept,
        task=_several_wrong,
        visits=lambda examples: examples,
        record=("diversity",),
        bounds=lambda initial_error: (0.0, 0.75 / _initial_diversity(initial_error)),
        exact=False,
        why_not=FINITE_VISITS,
    ),
    "T12.limit": Measurement(
        lambda: uncurated(regime="accumulate"),
        _diversity_kept,
        visits=lambda examples: examples,
        record=("diversity",),
        bounds=lambda initial_error: (0.0, 0.25 / (initial_error * (1.0 - initial_error))),
        exact=False,
        sampled_ladder=(32, 64),
        most_points=3,
        why_not=FINITE_VISITS,
    ),
    "T13": Measurement(
        _signal,
        "accuracy",
        task=lambda initial_accuracy: _one_prompt(1.0 - initial_accuracy),
        visits=2,
        rounding=_absolute,
    ),
    "T14": Measurement(
        lambda beta: boosting(labeler=WeakLabeler(beta, persistent=True)),
        task=_failed_or_solved,
        visits=2,
        sampled=_short,
        rounding=_absolute,
    ),
    "T15": Measurement(
        _persistent,
        task=_labels_first,
        iterations=64,
        visits=None,
        exact=False,
        sampled_ladder=(64, 128),
        most_points=3,
        why_not="exact runs are given the verdicts; their mean over verdicts is sampled",
    ),
    "T15.ancestry": Measurement(
        _knows_the_other,
        "diversity",
        task=_two_right_answers,
        record=("diversity",),
        sampled=False,
        why_not=POPULATION_ONLY,
    ),
}


def _initial_diversity(initial_error: float) -> float:
    row = _several_wrong(initial_error).initial
    return float(1.0 - (row**2).sum())
