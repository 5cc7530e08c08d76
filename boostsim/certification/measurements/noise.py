"""T3 to T5, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from boostsim.certification.measurement import (
    SMALLEST,
    Measurement,
    one_prompt,
    rounding_of,
)
from boostsim.certification.measurements.shared import absolute, short
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import boosting
from boostsim.curation.procedure import Procedure

if TYPE_CHECKING:
    import xarray

LIMIT_ONLY = "it says where the population's iteration ends; T3 and T4 are checked in sampled runs"


def _filtered(beta: float, gamma: float, attempts: int = 1) -> Procedure:
    return boosting(attempts=attempts, filter=NoisyFilter(gamma), labeler=WeakLabeler(beta))


def _voting(gamma: float, votes: int, beta: float = 0.5) -> Procedure:
    return boosting(filter=NoisyFilter(gamma, votes=votes), labeler=WeakLabeler(beta))


def _threshold(rate: float, votes: int, least: int, wrong: int) -> Procedure:
    """Labels err where the response was right alone, so the error is what was judged amiss."""
    rule = least if wrong else votes - least + 1
    filter = NoisyFilter(false_accept=rate, false_reject=rate, votes=votes, rule=rule)
    return boosting(filter=filter, labeler=WeakLabeler(float(wrong)))


def _correlated(gamma: float, votes: int, correlation: float, beta: float = 0.5) -> Procedure:
    filter = NoisyFilter(gamma, votes=votes, correlation=correlation)
    return boosting(filter=filter, labeler=WeakLabeler(beta))


def _one_more(beta: float, gamma: float, attempts: int) -> Procedure:
    return _filtered(beta, gamma, attempts + 1)


def _odds_gained(trace: xarray.Dataset) -> Any:
    odds = trace.accuracy / trace.error
    return odds.isel(iteration=1) / odds.isel(iteration=0)


MEASUREMENTS: dict[str, Measurement] = {
    "T3": Measurement(_filtered, sampled=short, binary=True, rounding=absolute),
    "T3.limit": Measurement(_filtered, sampled=False, why_not=LIMIT_ONLY),
    "T3.worse": Measurement(_filtered, "accuracy", sampled=short, binary=True, rounding=absolute),
    "T4": Measurement(_filtered, iterations=1, binary=True),
    "T4.limit": Measurement(_filtered, sampled=False, why_not=LIMIT_ONLY),
    "T4.falls": Measurement(
        _one_more,
        task=lambda: one_prompt(initial_error=1.0),
        iterations=1024,
        sampled=False,
        rounding=lambda predicted: 1e-9 * predicted + 1e-15,
        why_not=LIMIT_ONLY,
    ),
    "T4.leading": Measurement(
        _filtered,
        task=lambda: one_prompt(initial_error=0.0),
        iterations=512,
        sampled=False,
        ladder=(8, 16, 32, 64),
        why_not=LIMIT_ONLY,
    ),
    "T4.growth": Measurement(
        _filtered,
        _odds_gained,
        iterations=1,
        sampled=False,
        why_not="odds of a sampled model may be infinite",
        rounding=lambda attempts, predicted: rounding_of(1, attempts, predicted) * 4.0,
    ),
    "T5": Measurement(_voting, sampled=short, binary=True, rounding=absolute),
    "T5.noise": Measurement(
        _voting,
        "labels",
        task=lambda: one_prompt(initial_error=0.0),
        iterations=1,
        binary=True,
        # Two implementations of the incomplete beta function.
        rounding=lambda predicted: 1e-11 * predicted + SMALLEST,
    ),
    "T5.bound": Measurement(
        _voting, "labels", task=lambda: one_prompt(initial_error=0.0), iterations=1, binary=True
    ),
    "T5.threshold": Measurement(
        _threshold,
        task=lambda wrong: one_prompt(initial_error=float(wrong)),
        iterations=1,
        binary=True,
        rounding=lambda predicted: 1e-11 * predicted + SMALLEST,
    ),
    "T5.correlated": Measurement(
        _correlated,
        "labels",
        task=lambda: one_prompt(initial_error=0.0),
        iterations=1,
        binary=True,
        rounding=lambda predicted: 1e-11 * predicted + SMALLEST,
    ),
    "T5.floor": Measurement(_correlated, sampled=short, binary=True, rounding=absolute),
}
