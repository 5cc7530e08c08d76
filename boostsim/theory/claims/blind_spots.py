"""T20 as claims: classes of responses are right ones, wrong ones, and those of the blind spot."""

from __future__ import annotations

import numpy as np

from boostsim.theory import laws
from boostsim.theory.box import Box
from boostsim.theory.claims.shared import ITERATIONS, UNIT
from boostsim.theory.proofs import claim


def masses(accuracy: float, blind: float) -> np.ndarray:
    """Return the masses of (right, wrong, blind spot): ``blind`` is a share of the wrong mass."""
    wrong = 1.0 - accuracy
    return np.array([accuracy, wrong * (1.0 - blind), wrong * blind])


def _filtered(
    initial_accuracy: float,
    blind: float,
    true_accept: float,
    false_accept: float,
    blind_accept: float,
    iterations: int,
) -> float:
    found = laws.blind_spot(
        initial_masses=masses(initial_accuracy, blind),
        accept=[true_accept, false_accept, blind_accept],
        iterations=iterations,
    )
    return float(found[0])


def resting(
    beta: float,
    blind: float,
    true_accept: float,
    false_accept: float,
    blind_accept: float,
    attempts: int,
) -> np.ndarray:
    """Return the masses at which boosting rests."""
    return np.asarray(
        laws.blind_spot_boosting(
            labeler_masses=masses(beta, blind),
            accept=[true_accept, false_accept, blind_accept],
            attempts=attempts,
        )
    )


def _rests(
    beta: float,
    blind: float,
    true_accept: float,
    false_accept: float,
    blind_accept: float,
    attempts: int,
) -> float:
    return float(resting(beta, blind, true_accept, false_accept, blind_accept, attempts)[0])


CLAIMS = [
    claim(
        "T20",
        laws.blind_spot,
        law=_filtered,
        title="a verifier with a blind spot",
        kind="equality",
        statement="By filtering alone each class of responses grows by its acceptance, so a wrong "
        "class that is accepted more than right answers takes over.",
        formula="m_c(T) = m_c a_c^T / sum_d m_d a_d^T",
        domain=Box(
            initial_accuracy=UNIT,
            blind=UNIT,
            true_accept=UNIT,
            false_accept=UNIT,
            blind_accept=UNIT,
            attempts=[1, 2, 4],
            iterations=ITERATIONS,
        ),
    ),
    claim(
        "T20.boosting",
        laws.blind_spot_boosting,
        law=_rests,
        title="where boosting rests with a blind spot",
        kind="equality",
        statement="Labels for failures do not save it: boosting does not move from the masses at "
        "which a blind spot that is accepted more than right answers has nearly all.",
        formula="m_c = B^k W_c/(1 - g a_c),  g = (1 - B^k)/(1 - B),  sum_c m_c = 1",
        domain=Box(
            beta=(0.05, 0.95),
            blind=(0.01, 0.5),
            true_accept=(0.5, 0.95),
            false_accept=(0.05, 0.4),
            blind_accept=(0.05, 0.99),
            attempts=[1, 2, 4],
            iterations=[1, 8],
        ),
    ),
]
