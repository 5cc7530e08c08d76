"""T20, measured: one prompt with a right response, a wrong one, and one that fools the filter."""

from __future__ import annotations

from boostsim.certification.measurement import Measurement
from boostsim.certification.measurements.shared import absolute
from boostsim.curation.class_filter import ClassFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import boosting, filter_only
from boostsim.curation.procedure import Procedure
from boostsim.tasks.table import TableTask, table_task
from boostsim.theory.claims.blind_spots import masses, resting

# Least acceptance of sampled runs of the filter alone.
OFTEN = 0.05


def _first(initial_accuracy: float, blind: float) -> TableTask:
    return table_task([[1, 0, 0]], initial=[masses(initial_accuracy, blind)])


def _at_rest(
    beta: float,
    blind: float,
    true_accept: float,
    false_accept: float,
    blind_accept: float,
    attempts: int,
) -> TableTask:
    """A first model that is where the law says that boosting rests."""
    rest = resting(beta, blind, true_accept, false_accept, blind_accept, attempts)
    return table_task([[1, 0, 0]], initial=[rest])


def _filtering(
    true_accept: float, false_accept: float, blind_accept: float, attempts: int
) -> Procedure:
    filter = ClassFilter([true_accept, false_accept, blind_accept])
    return filter_only(attempts=attempts, filter=filter, keep="one")


def _boosting(
    beta: float,
    blind: float,
    true_accept: float,
    false_accept: float,
    blind_accept: float,
    attempts: int,
    copies: int,
) -> Procedure:
    filter = ClassFilter([true_accept, false_accept, blind_accept])
    labeler = WeakLabeler(rows=[masses(beta, blind)] * copies)
    return boosting(attempts=attempts, filter=filter, labeler=labeler)


MEASUREMENTS = {
    "T20": Measurement(
        _filtering,
        "accuracy",
        task=_first,
        visits=1000,
        # As of T9: of so many visits one is kept, but for a probability below 0.95^1000.
        sampled=lambda true_accept, false_accept, blind_accept, iterations: (
            iterations == 1 and min(true_accept, false_accept, blind_accept) >= OFTEN
        ),
        # Attempts multiply nothing: they cancel.
        rounding=lambda iterations: absolute(iterations),
    ),
    "T20.boosting": Measurement(
        _boosting,
        "accuracy",
        task=_at_rest,
        # One iteration is affine in what is kept: its mean is the population's at one visit.
        sampled=lambda iterations: iterations == 1,
        binary=True,
        # The law is solved by bisection: relative to it, however small.
        rounding=lambda predicted: 1e-11 * predicted,
    ),
}
