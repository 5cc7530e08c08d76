"""T12 and T22, measured: regimes that keep examples, and real data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.certification.measurement import Measurement, one_prompt
from boostsim.certification.measurements.noise import LIMIT_ONLY
from boostsim.certification.measurements.shared import (
    FINITE_VISITS,
    POPULATION_ONLY,
    absolute,
)
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import boosting, filter_only, uncurated
from boostsim.curation.procedure import Procedure
from boostsim.curation.regimes import Accumulate, Anchor, Subsample, Window
from boostsim.simulation.run import simulate
from boostsim.tasks.table import TableTask, table_task

if TYPE_CHECKING:
    import xarray


def _grounded(initial_accuracy: float, reference_accuracy: float = 1.0) -> TableTask:
    """One prompt of two responses, and real data that are right so often."""
    rows = [[each, 1.0 - each] for each in (initial_accuracy, reference_accuracy)]
    return table_task([[1, 0]], initial=rows[:1], reference=rows[1:])


def _from_error(initial_error: float, reference_accuracy: float = 1.0) -> TableTask:
    """The same, of an error that is what it is, be it tiny."""
    real = [[reference_accuracy, 1.0 - reference_accuracy]]
    return table_task([[1, 0]], initial=[[1.0 - initial_error, initial_error]], reference=real)


def _even(initial_error: float) -> TableTask:
    return _from_error(initial_error, 0.5)


def _expected_diversity(
    procedure: Procedure, task: TableTask, visits: int, iterations: int
) -> float:
    """Return E 2 p (1 - p), from the mean and the variance of the exact law at finite visits."""
    run = simulate(procedure, task, iterations, visits=visits, exact=True).isel(seed=0)
    mean, variance = run.accuracy[-1], run.accuracy_variance[-1]
    return float(2.0 * (mean - variance - mean**2))


def _kept_by(regime: Callable[..., Any]) -> Measurement:
    """Measure the share of its diversity that a prompt of two responses keeps."""

    def procedure(window: int = 1, each: int = 1) -> Procedure:
        return uncurated(regime=regime(window, each))

    def value(
        examples: int, iterations: int, initial_error: float, window: int = 1, each: int = 1
    ) -> float:
        task = one_prompt(initial_error)
        found = _expected_diversity(procedure(window, each), task, examples, iterations)
        return found / (2.0 * initial_error * (1.0 - initial_error))

    return Measurement(
        procedure,
        lambda trace: trace.diversity.isel(iteration=-1) / trace.diversity.isel(iteration=0),
        visits=lambda examples: examples,
        record=("diversity",),
        bounds=lambda initial_error: (0.0, 0.25 / (initial_error * (1.0 - initial_error))),
        rounding=lambda iterations, initial_error: (
            absolute(iterations) / (initial_error * (1.0 - initial_error))
        ),
        value=value,
        most_points=4,
        why_not=FINITE_VISITS,
    )


def _size(examples: int, window: int) -> float:
    """Return 1/(1 - lambda): lambda is the largest eigenvalue of what takes pairs to pairs."""
    batches = range(window)
    number = {
        pair: place for place, pair in enumerate((s, u) for u in batches for s in range(u + 1))
    }
    moves = np.zeros((len(number), len(number)))
    for (s, u), row in number.items():
        # The batches before, the oldest of them left out: of the new one any may be the parent.
        mothers = [s + 1] if s + 1 < window else list(batches)
        fathers = [u + 1] if u + 1 < window else list(batches)
        apart = 1.0 - 1.0 / examples if s == u == window - 1 else 1.0
        for one in mothers:
            for other in fathers:
                pair = min(one, other), max(one, other)
                moves[row, number[pair]] += apart / (len(mothers) * len(fathers))
    return float(1.0 / (1.0 - np.abs(np.linalg.eigvals(moves)).max()))


def _anchored(real_share: float) -> Procedure:
    return uncurated(regime=Anchor(real_share))


def _filtered(gamma: float, real_share: float) -> Procedure:
    filter = NoisyFilter(gamma)
    return filter_only(attempts=1, filter=filter, keep="one", regime=Anchor(real_share))


def _boosted(beta: float, gamma: float, real_share: float) -> Procedure:
    labeler, filter = WeakLabeler(beta), NoisyFilter(gamma)
    return boosting(filter=filter, labeler=labeler, regime=Anchor(real_share))


def _anchored_diversity(
    examples: int,
    real_share: float,
    initial_error: float,
    iterations: int,
    reference_accuracy: float = 0.5,
) -> float:
    task = _from_error(initial_error, reference_accuracy)
    return _expected_diversity(_anchored(real_share), task, examples, iterations)


def _last(trace: xarray.Dataset) -> Any:
    return trace.diversity.isel(iteration=-1)


MEASUREMENTS: dict[str, Measurement] = {
    "T12.first": _kept_by(lambda window, each: Accumulate(first="sampled")),
    "T12.subsample": _kept_by(lambda window, each: Subsample(each)),
    "T12.window": _kept_by(lambda window, each: Window(window)),
    "T12.equivalent": Measurement(
        value=_size,
        ladder=(16, 64, 256, 1024),
        sampled=False,
        why_not="T12.window is checked in sampled runs",
    ),
    "T12.real": Measurement(
        lambda real_share: uncurated(regime=Accumulate(real_share=real_share)),
        "accuracy",
        task=_grounded,
        visits=2,
        sampled=lambda iterations: iterations <= 4,
        # The law's logarithms of Gamma.
        rounding=lambda iterations: 1e-11 + absolute(iterations),
        most_points=4,
    ),
    "T22": Measurement(
        _anchored,
        "accuracy",
        task=_grounded,
        visits=2,
        sampled=lambda iterations: iterations <= 4,
        rounding=absolute,
        most_points=4,
    ),
    "T22.filter": Measurement(
        _filtered, "accuracy", task=_grounded, sampled=False, why_not=LIMIT_ONLY
    ),
    "T22.error": Measurement(_filtered, task=_from_error, sampled=False, why_not=POPULATION_ONLY),
    "T22.boosting": Measurement(
        _boosted,
        "accuracy",
        task=_grounded,
        visits=2,
        sampled=lambda iterations: iterations <= 4,
        rounding=absolute,
        most_points=4,
    ),
    "T22.diversity": Measurement(
        _anchored,
        _last,
        task=_from_error,
        visits=lambda examples: examples,
        record=("diversity",),
        bounds=(0.0, 0.5),
        rounding=absolute,
        value=_anchored_diversity,
        most_points=4,
        why_not=FINITE_VISITS,
    ),
    "T22.kept": Measurement(
        _anchored,
        lambda trace: _last(trace) / 0.5,
        task=_even,
        visits=lambda examples: examples,
        record=("diversity",),
        bounds=(0.0, 1.0),
        value=lambda examples, real_share, initial_error, iterations: (
            _anchored_diversity(examples, real_share, initial_error, iterations) / 0.5
        ),
        ladder=(32, 64, 128),
        sampled=False,
        why_not="T22.diversity is checked in sampled runs",
    ),
}
