"""T9 to T13, measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binom

from boostsim.certification.fate import fate
from boostsim.certification.measurement import Measurement, one_prompt
from boostsim.certification.measurements.shared import (
    FINITE_VISITS,
    POPULATION_ONLY,
    absolute,
    at_visits,
)
from boostsim.curation.criteria import uniform
from boostsim.curation.filters import AcceptAll, NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import filter_only, random_labels, uncurated
from boostsim.curation.procedure import Procedure
from boostsim.simulation.run import simulate
from boostsim.tasks.table import TableTask, table_task
from boostsim.theory.rounding import EPSILON

if TYPE_CHECKING:
    import xarray

# A prompt of at most three examples is then undecided less than three times in 10^6.
DECIDED = 32
# Attempts of which one is accepted, where each is with a probability of 0.4 at least.
SURE = 96
# Iterations of drift where visits change, at most.
LONGEST_RUN = 4


def _several_wrong(initial_error: float) -> TableTask:
    wrong = np.array([3.0, 2.0, 1.0]) / 6.0
    return table_task([[1, 0, 0, 0]], initial=[[1.0 - initial_error, *(initial_error * wrong)]])


def _diversity_kept(trace: xarray.Dataset) -> Any:
    return trace.diversity.isel(iteration=-1) / trace.diversity.isel(iteration=0)


def _undecided(trace: xarray.Dataset) -> Any:
    inside = (trace.accuracy > 0.0) & (trace.accuracy < 1.0)
    return inside.sum("iteration")


@lru_cache(maxsize=8)
def _times(examples: int) -> np.ndarray:
    """Expected iterations until fixation from each state, by summing powers, not by solving."""
    inner = np.arange(1, examples)
    power = np.asarray(binom.pmf(inner[None, :], examples, inner[:, None] / examples))
    # 1 + Q + ... + Q^(2n-1) = (1 + Q^n)(1 + Q + ... + Q^(n-1)), until Q^n is nothing.
    total = np.eye(examples - 1)
    while np.abs(power).max() > 1e-18:
        total = total + power @ total
        power = power @ power
    return total.sum(1)


def _markov_chain(examples: int, initial_accuracy: float) -> float:
    law = binom.pmf(np.arange(1, examples), examples, initial_accuracy)
    return float(1.0 + np.sum(law * _times(examples)))


def _signal(signal: str, regime: str) -> Procedure:
    labeler = WeakLabeler(0.0) if "wrong labels" in signal else None
    filter = NoisyFilter(0.2) if "filter" in signal else AcceptAll()
    if labeler is None and filter == AcceptAll():
        return uncurated(regime=regime)
    return Procedure(
        attempts=2, filter=filter, labeler=labeler, criterion=uniform, regime=regime, keep="all"
    )


def _initial_diversity(initial_error: float) -> float:
    row = _several_wrong(initial_error).initial
    return float(1.0 - (row**2).sum())


def _counted(share: float, examples: int, iterations: int, accumulate: bool) -> float:
    """Return E f_T^2 of a response of this share, through the law of its copies in all batches.

    The first batch is the share itself.
    """
    copies: np.ndarray = np.zeros(1)
    law, batches, first = np.ones(1), 1, examples * share
    for iteration in range(iterations):
        row = (first + copies) / (examples * batches)
        drawn = law[:, None] * binom.pmf(np.arange(examples + 1), examples, row[:, None])
        if accumulate:
            batches = iteration + 2
            law = np.zeros(len(law) + examples)
            for more in range(examples + 1):
                law[more : more + len(drawn)] += drawn[:, more]
        else:
            law, first = drawn.sum(0), 0.0
        copies = np.arange(len(law))
    return float(np.sum(law * ((first + copies) / (examples * batches)) ** 2))


def _expected_diversity(
    examples: int, iterations: int, initial_error: float, accumulate: bool
) -> float:
    row = _several_wrong(initial_error).initial[0]
    left = 1.0 - sum(_counted(share, examples, iterations, accumulate) for share in row)
    return left / _initial_diversity(initial_error)


def _replaced(examples: int, iterations: int, initial_error: float) -> float:
    return _expected_diversity(examples, iterations, initial_error, accumulate=False)


def _accumulated(examples: int, iterations: int, initial_error: float) -> float:
    return _expected_diversity(examples, iterations, initial_error, accumulate=True)


def _stays(examples: int, iterations: int, initial_error: float) -> float:
    return at_visits(uncurated(), one_prompt(initial_error), examples, iterations, "accuracy")


def _decided(examples: int, initial_accuracy: float) -> float:
    found = fate(uncurated(), visits=examples, initial_accuracy=initial_accuracy)
    return float(found.time)


def _survives(examples: int, iterations: int, initial_probability: float) -> float:
    task = one_prompt(initial_accuracy=initial_probability)
    return 1.0 - at_visits(uncurated(), task, examples, iterations, "lost")


def _filtering(gamma: float, attempts: int) -> Procedure:
    return filter_only(attempts=attempts, filter=NoisyFilter(gamma), keep="one")


def _lost(
    gamma: float, attempts: int, visits: int, initial_accuracy: float, iterations: int
) -> float:
    task = one_prompt(initial_accuracy=initial_accuracy)
    return at_visits(_filtering(gamma, attempts), task, visits, iterations, "lost")


def _always_one(false_accept: float, false_reject: float) -> Procedure:
    """Filter so many attempts that one is accepted, but for a probability below 10^-20."""
    filter = NoisyFilter(false_accept=false_accept, false_reject=false_reject)
    return filter_only(attempts=SURE, filter=filter, keep="one")


def _solved(
    examples: int, false_accept: float, false_reject: float, initial_accuracy: float
) -> float:
    procedure = _always_one(false_accept, false_reject)
    return float(fate(procedure, visits=examples, initial_accuracy=initial_accuracy).solved)


def _drifting(regime: str, statistic: Any, value: Any, **more: Any) -> Measurement:
    """Measure uncurated training on M = ``examples`` visits to a prompt."""
    return Measurement(
        lambda: uncurated(regime=regime),
        statistic,
        visits=lambda examples: examples,
        exact=value is not None,
        value=value,
        why_not=FINITE_VISITS,
        **more,
    )


def _geometric(examples: int, growth: int, iterations: int = LONGEST_RUN) -> list[int]:
    return [examples * growth**before for before in range(iterations)]


def _linear(examples: int, increase: int, iterations: int = LONGEST_RUN) -> list[int]:
    return [examples + increase * before for before in range(iterations)]


def _kept_exactly(
    initial_error: float, iterations: int, schedule: Callable[..., list[int]], **how: int
) -> float:
    """E H_T / H_0 on two responses, from the mean and the variance of p at finite visits."""
    if iterations == 0:
        return 1.0
    visits = schedule(iterations=iterations, **how)
    task = one_prompt(initial_error=initial_error)
    last = simulate(uncurated(), task, iterations, visits=visits, exact=True).isel(
        iteration=-1, seed=0
    )
    p, e = float(last.accuracy), float(last.error)
    return (p * e - float(last.accuracy_variance)) / (initial_error * (1.0 - initial_error))


def _changing(visits: Callable[..., list[int]], value: Callable[..., float]) -> Measurement:
    """Measure drift where the visits of an iteration change."""
    drifting = _losing_diversity("replace", value)
    return replace(drifting, visits=visits, most_points=3)


def _grown(examples: int, growth: int, initial_error: float, iterations: int) -> float:
    return _kept_exactly(initial_error, iterations, _geometric, examples=examples, growth=growth)


def _risen(examples: int, increase: int, initial_error: float, iterations: int) -> float:
    return _kept_exactly(initial_error, iterations, _linear, examples=examples, increase=increase)


def _losing_diversity(regime: str, value: Any) -> Measurement:
    return _drifting(
        regime,
        _diversity_kept,
        value,
        task=_several_wrong,
        record=("diversity",),
        rounding=absolute,
        # H <= 3/4 on four responses.
        bounds=lambda initial_error: (0.0, 0.75 / _initial_diversity(initial_error)),
    )


MEASUREMENTS: dict[str, Measurement] = {
    "T9": Measurement(
        lambda gamma, attempts, keep: filter_only(
            attempts=attempts, filter=NoisyFilter(gamma), keep=keep
        ),
        "accuracy",
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
        sampled=False,
        why_not="at finitely many visits a prompt may fix on a wrong answer",
    ),
    "T10": Measurement(
        lambda beta, rate: random_labels(rate=rate, labeler=WeakLabeler(beta)),
        "accuracy",
        sampled=False,
        why_not=POPULATION_ONLY,
    ),
    "T9.never": Measurement(
        _filtering,
        lambda trace: (trace.accuracy.isel(iteration=-1) == 0.0) * 1.0,
        visits=lambda visits: visits,
        binary=True,
        value=_lost,
        rounding=lambda iterations: 64.0 * EPSILON * (iterations + 1),
        most_points=3,
    ),
    "T9.fixation": Measurement(
        _always_one,
        "accuracy",
        visits=lambda examples: examples,
        # Undecided after that with a probability below 10^-6.
        iterations=64,
        value=_solved,
        rounding=absolute,
        most_points=2,
    ),
    "T11": _losing_diversity("replace", _replaced),
    "T11.growing": _changing(lambda examples, growth: _geometric(examples, growth), _grown),
    "T11.linear": _changing(lambda examples, increase: _linear(examples, increase), _risen),
    "T11.accuracy": _drifting("replace", "accuracy", _stays, rounding=absolute),
    "T11.survival": _drifting(
        "replace",
        lambda trace: (trace.accuracy.isel(iteration=-1) > 0.0) * 1.0,
        _survives,
        task=lambda initial_probability: one_prompt(initial_accuracy=initial_probability),
        binary=True,
        rounding=absolute,
        most_points=3,
    ),
    "T11.fixation": _drifting(
        "replace",
        _undecided,
        _decided,
        iterations=DECIDED,
        bounds=(0.0, DECIDED + 1.0),
        most_points=3,
    ),
    "T11.diffusion": Measurement(
        value=_markov_chain,
        ladder=(16, 64, 256, 1024),
        sampled=False,
        why_not="T11.fixation is checked in sampled runs",
    ),
    "T12": _losing_diversity("accumulate", _accumulated),
    "T12.never": _losing_diversity("accumulate", _accumulated),
    "T12.limit": _drifting(
        "accumulate",
        _diversity_kept,
        None,
        record=("diversity",),
        bounds=lambda initial_error: (0.0, 0.25 / (initial_error * (1.0 - initial_error))),
        # The remainder is about c/(n + 1.5).
        sampled_ladder=(31, 64),
        most_points=3,
    ),
    "T13": Measurement(
        _signal,
        "accuracy",
        visits=2,
        rounding=absolute,
    ),
}
