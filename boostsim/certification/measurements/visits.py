"""T21, measured: by runs that are exact at finite visits, and by sampled ones."""

from __future__ import annotations

from collections.abc import Callable

from boostsim.certification.measurement import Measurement, one_prompt
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import boosting, filter_only
from boostsim.curation.procedure import Procedure
from boostsim.simulation.run import simulate


def _boosting(beta: float, gamma: float, attempts: int) -> Procedure:
    return boosting(attempts=attempts, filter=NoisyFilter(gamma), labeler=WeakLabeler(beta))


def _filtering(gamma: float, attempts: int) -> Procedure:
    return filter_only(attempts=attempts, filter=NoisyFilter(gamma), keep="one")


def _boosted(
    beta: float, gamma: float, attempts: int, visits: int, initial_accuracy: float, iterations: int
) -> float:
    return _error(_boosting(beta, gamma, attempts), visits, initial_accuracy, iterations)


def _filtered(
    gamma: float, attempts: int, visits: int, initial_accuracy: float, iterations: int
) -> float:
    return _error(_filtering(gamma, attempts), visits, initial_accuracy, iterations)


def _error(procedure: Procedure, visits: int, accuracy: float, iterations: int) -> float:
    task = one_prompt(initial_accuracy=accuracy)
    return float(simulate(procedure, task, iterations, visits=visits, exact=True).error[0, -1])


def _accurate(
    beta: float, gamma: float, attempts: int, visits: int, initial_accuracy: float, iterations: int
) -> float:
    return 1.0 - _boosted(beta, gamma, attempts, visits, initial_accuracy, iterations)


def _at_visits(procedure: Callable[..., Procedure], value: Callable[..., float]) -> Measurement:
    return Measurement(procedure, visits=lambda visits: visits, value=value, most_points=3)


MEASUREMENTS = {
    "T21": _at_visits(_boosting, _boosted),
    "T21.filtering": _at_visits(_filtering, _filtered),
    "T21.rest": Measurement(
        _boosting,
        "accuracy",
        value=_accurate,
        # The slowest point of the domain is within 1e-8 of the limit there.
        ladder=(16, 32, 64),
        sampled=False,
        why_not="T21 is checked in sampled runs",
    ),
}
