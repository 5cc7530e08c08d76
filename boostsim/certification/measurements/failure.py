"""T9 to T13, measured."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binom

from boostsim.certification.measurement import Measurement
from boostsim.certification.measurements.shared import FINITE_VISITS, POPULATION_ONLY, absolute
from boostsim.curation.criteria import uniform
from boostsim.curation.filters import AcceptAll, NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import filter_only, random_labels, uncurated
from boostsim.curation.procedure import Procedure
from boostsim.tasks.table import TableTask, table_task
from boostsim.theory.rounding import EPSILON

if TYPE_CHECKING:
    import xarray

# A prompt of at most three examples is then undecided less than three times in 10^6.
DECIDED = 32


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


def _drifting(regime: str, statistic: Any, **more: Any) -> Measurement:
    """Measure uncurated training on M = ``examples`` visits to a prompt."""
    return Measurement(
        lambda: uncurated(regime=regime),
        statistic,
        visits=lambda examples: examples,
        exact=False,
        why_not=FINITE_VISITS,
        **more,
    )


def _losing_diversity(regime: str) -> Measurement:
    return _drifting(
        regime,
        _diversity_kept,
        task=_several_wrong,
        record=("diversity",),
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
    "T11": _losing_diversity("replace"),
    "T11.accuracy": _drifting("replace", "accuracy"),
    "T11.fixation": _drifting(
        "replace",
        _undecided,
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
    "T12": _losing_diversity("accumulate"),
    "T12.never": _losing_diversity("accumulate"),
    "T12.limit": _drifting(
        "accumulate",
        _diversity_kept,
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
