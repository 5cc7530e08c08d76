"""T16 and T17, measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.certification.measurement import Measurement, one_prompt, rounding_of
from boostsim.certification.measurements.noise import LIMIT_ONLY
from boostsim.certification.measurements.shared import POPULATION_ONLY
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import boosting
from boostsim.curation.procedure import Procedure
from boostsim.tasks.table import TableTask, table_task
from boostsim.theory.law import reached

if TYPE_CHECKING:
    import xarray


def _weighted(beta: float, label_weight: float, gamma: float = 0.0, attempts: int = 1) -> Procedure:
    return boosting(
        attempts=attempts,
        filter=NoisyFilter(gamma),
        labeler=WeakLabeler(beta),
        label_weight=label_weight,
    )


def _lighter(
    beta: float, label_weight: float, gamma: float, attempts: int, part: float
) -> Procedure:
    return _weighted(beta, part * label_weight, gamma, attempts)


def _ever_lighter(beta: float, gamma: float, attempts: int, lightness: float) -> Procedure:
    return _weighted(beta, 1.0 / lightness, gamma, attempts)


def _shared(beta: float, label_share: float, attempts: int) -> Procedure:
    return boosting(attempts=attempts, labeler=WeakLabeler(beta), label_share=label_share)


def _several(
    gamma: float, attempts: int, served: int, beta: float = 0.5, label_weight: float = 1.0
) -> Procedure:
    return boosting(
        attempts=attempts,
        filter=NoisyFilter(gamma),
        labeler=WeakLabeler(beta),
        label_weight=label_weight,
        labels_per_visit=served,
    )


def _until_accepted(
    gamma: float, attempts: int, beta: float = 0.5, budget: float | None = None
) -> Procedure:
    return boosting(
        attempts=attempts,
        filter=NoisyFilter(gamma),
        labeler=WeakLabeler(beta),
        budget=budget,
        until_accepted=True,
    )


def _each_a_run(gamma: float, attempts: int) -> Procedure:
    """With a budget that is never short: generations are known of a run, so each is one draw."""
    return _until_accepted(gamma, attempts, budget=1.0)


def _hard_and_solved(initial_error: float, hard_share: float) -> TableTask:
    """Prompts of which that share is right with probability 1 - e_0, and the others always."""
    rows = [[1.0 - initial_error, initial_error], [1.0, 0.0]]
    return table_task([[1, 0]] * 2, [hard_share, 1.0 - hard_share], rows)


def _first_below(trace: xarray.Dataset, target: float) -> Any:
    below = reached(trace.error, target)
    return below.argmax("iteration").where(below.any("iteration"), np.inf)


def _settled(trace: xarray.Dataset) -> Any:
    """A weight over itself makes 1 up to a rounding."""
    return trace.error.isel(iteration=-1).round(12)


NEEDED = Measurement(
    _weighted,
    _first_below,
    iterations=512,
    sampled=False,
    rounding=lambda: 0.0,
    why_not="in sampled runs the error is random, and its first passage another matter",
)

MEASUREMENTS: dict[str, Measurement] = {
    "T16": Measurement(_weighted, sampled=False, why_not=POPULATION_ONLY),
    "T16.step": Measurement(_weighted, iterations=1, sampled=False, why_not=POPULATION_ONLY),
    "T16.visit": Measurement(
        _weighted,
        _settled,
        exact=False,
        binary=True,
        most_points=4,
        why_not="it speaks of one visit to a prompt",
    ),
    "T16.limit": Measurement(_weighted, sampled=False, why_not=LIMIT_ONLY),
    "T16.needed": NEEDED,
    "T16.rate": NEEDED,
    "T16.floor": Measurement(_weighted, sampled=False, why_not=LIMIT_ONLY),
    "T16.lighter": Measurement(
        _lighter,
        task=lambda: one_prompt(initial_error=1.0),
        iterations=1024,
        sampled=False,
        rounding=lambda predicted: 1e-9 * predicted + 1e-15,
        why_not=LIMIT_ONLY,
    ),
    "T16.leading": Measurement(
        _ever_lighter,
        task=lambda: one_prompt(initial_error=0.0),
        iterations=512,
        sampled=False,
        ladder=(64, 256, 1024),
        why_not=LIMIT_ONLY,
    ),
    "T16.share": Measurement(
        _shared,
        sampled=False,
        # What came before the last iteration is forgotten.
        rounding=lambda attempts, predicted: rounding_of(1, attempts, predicted),
        why_not=POPULATION_ONLY,
    ),
    "T16.stall": Measurement(_shared, task=_hard_and_solved, sampled=False, why_not=LIMIT_ONLY),
    "T16.several": Measurement(_several, iterations=1, sampled=False, why_not=POPULATION_ONLY),
    "T16.bought": Measurement(
        _several,
        "labels",
        iterations=1,
        bounds=lambda served: (0.0, served),
        binary=True,
    ),
    "T17": Measurement(
        _each_a_run,
        "generations",
        iterations=1,
        # Seeds are dear: fewer of them, and points, with the mean of several visits.
        visits=16,
        most_points=2,
        bounds=lambda attempts: (1.0, attempts),
        rounding=lambda attempts, predicted: rounding_of(1, attempts, predicted),
    ),
    "T17.same": Measurement(_until_accepted, iterations=1, binary=True),
}
