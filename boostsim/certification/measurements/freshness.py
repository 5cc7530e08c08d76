"""T14 and T15, measured."""

from __future__ import annotations

import numpy as np

from boostsim.certification.measurement import Measurement
from boostsim.certification.measurements.shared import (
    POPULATION_ONLY,
    absolute,
    failed_or_solved,
    short,
)
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import boosting
from boostsim.curation.procedure import Procedure
from boostsim.tasks.table import TableTask, table_task


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


MEASUREMENTS: dict[str, Measurement] = {
    "T14": Measurement(
        lambda beta: boosting(labeler=WeakLabeler(beta, persistent=True)),
        task=failed_or_solved,
        visits=2,
        sampled=short,
        rounding=absolute,
    ),
    "T15": Measurement(
        _persistent,
        task=_labels_first,
        # Where no correct answer is liked, what is not liked dies slowly.
        iterations=128,
        visits=None,
        exact=False,
        sampled_ladder=(64, 192),
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
