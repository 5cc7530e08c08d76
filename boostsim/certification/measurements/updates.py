"""T18 and T19, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.certification.measurement import SMALLEST, Measurement, one_prompt
from boostsim.certification.measurements.noise import LIMIT_ONLY
from boostsim.certification.measurements.shared import POPULATION_ONLY, absolute, short
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import boosting, filter_only
from boostsim.curation.procedure import Procedure
from boostsim.learners.gradient import PolicyGradient
from boostsim.learners.strong import StrongLearner
from boostsim.theory.rounding import EPSILON

if TYPE_CHECKING:
    import xarray

SAMPLED_ELSEWHERE = "T19 is checked in sampled runs"


def _on_verdicts(
    false_accept: float,
    false_reject: float,
    rate: float = 1.0,
    attempts: int = 2,
    advantage: str = "verdict",
    reference: float = 0.0,
) -> Procedure:
    return filter_only(
        attempts=attempts,
        filter=NoisyFilter(false_accept=false_accept, false_reject=false_reject),
        learner=PolicyGradient(rate, advantage, reference),
    )


def _normalised(
    false_accept: float, false_reject: float, attempts: int, rate: float = 1.0
) -> Procedure:
    return _on_verdicts(false_accept, false_reject, rate, attempts, "group_normalised")


def _left_out(false_accept: float, false_reject: float, attempts: int) -> Procedure:
    return _on_verdicts(false_accept, false_reject, 1.0, attempts, "leave_one_out")


def _with_labels(
    beta: float, gamma: float, rate: float, label_weight: float, attempts: int
) -> Procedure:
    return boosting(
        attempts=attempts,
        filter=NoisyFilter(gamma),
        labeler=WeakLabeler(beta),
        label_weight=label_weight,
        learner=PolicyGradient(rate),
    )


def _partly(beta: float, step: float, gamma: float = 0.0, attempts: int = 1) -> Procedure:
    return boosting(
        attempts=attempts,
        filter=NoisyFilter(gamma),
        labeler=WeakLabeler(beta),
        learner=StrongLearner(step=step),
    )


def _geometrically(gamma: float, step: float) -> Procedure:
    learner = StrongLearner(step=step, step_mean="geometric")
    return filter_only(filter=NoisyFilter(gamma), learner=learner)


def _labelled_geometrically(beta: float, step: float) -> Procedure:
    learner = StrongLearner(step=step, step_mean="geometric")
    return boosting(labeler=WeakLabeler(beta), learner=learner)


def _gained(trace: xarray.Dataset) -> Any:
    """What the last iterations added to the log-odds."""
    first, last = (trace.isel(iteration=place) for place in (0, -1))
    return np.log(last.accuracy / last.error) - np.log(first.accuracy / first.error)


def _in_exponents(
    iterations: int = 1, rate: float = 1.0, attempts: int = 1, predicted: float = 1.0
) -> float:
    """Exponents of up to 2 sqrt(k) times the rate round that often, each iteration anew."""
    exponents = 1.0 + 2.0 * rate * attempts**0.5
    return 32.0 * EPSILON * (iterations + 1) * exponents * max(predicted, SMALLEST) + SMALLEST


MEASUREMENTS: dict[str, Measurement] = {
    "T18": Measurement(
        _on_verdicts, "accuracy", sampled=False, rounding=_in_exponents, why_not=POPULATION_ONLY
    ),
    "T18.fate": Measurement(
        _on_verdicts,
        "accuracy",
        sampled=False,
        why_not="at finitely many visits a prompt may fix on what it has said",
    ),
    "T18.reference": Measurement(_on_verdicts, "accuracy", sampled=False, why_not=LIMIT_ONLY),
    "T18.normalised": Measurement(
        _normalised,
        "accuracy",
        iterations=1,
        sampled=False,
        rounding=_in_exponents,
        why_not=POPULATION_ONLY,
    ),
    "T18.groups": Measurement(
        _normalised,
        _gained,
        iterations=1,
        ladder=(60, 240, 960),
        sampled=False,
        why_not=LIMIT_ONLY,
    ),
    "T18.labels": Measurement(
        _with_labels,
        "accuracy",
        iterations=1,
        sampled=False,
        rounding=_in_exponents,
        why_not=POPULATION_ONLY,
    ),
    "T18.drawn": Measurement(
        _left_out,
        _gained,
        iterations=1,
        visits=lambda looks: looks,
        bounds=(-2.0, 2.0),
        exact=False,
        why_not="it speaks of finitely many visits",
    ),
    "T19": Measurement(_partly, sampled=short),
    "T19.noisy": Measurement(_partly, sampled=False, rounding=absolute, why_not=SAMPLED_ELSEWHERE),
    "T19.limit": Measurement(_partly, sampled=False, why_not=LIMIT_ONLY),
    "T19.attempts": Measurement(_partly, sampled=False, why_not=POPULATION_ONLY),
    "T19.geometric": Measurement(
        _geometrically,
        "accuracy",
        sampled=False,
        rounding=lambda iterations, predicted: (
            64.0 * EPSILON * (iterations + 1) * max(predicted, SMALLEST) + SMALLEST
        ),
        why_not=POPULATION_ONLY,
    ),
    "T19.unsaid": Measurement(
        _labelled_geometrically,
        task=lambda: one_prompt(initial_accuracy=0.0),
        binary=True,
        most_points=1,
    ),
}
