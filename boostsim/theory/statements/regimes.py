"""T22: one iteration of the filter alone, with real data."""

from __future__ import annotations

from boostsim.theory.statement import Statement
from boostsim.theory.statements.shared import GAMMA, UNIT, WEIGHT, acceptance

STATEMENTS = [
    Statement(
        "T22/error",
        "with right real data an iteration leaves the share gamma/(gamma + rho) of the error, at "
        "most",
        {"gamma": GAMMA, "real_share": WEIGHT, "p": UNIT},
        direct=lambda gamma, real_share, p: (
            gamma / (gamma + real_share) * (1 - p)
            - gamma * (1 - p) / (acceptance(gamma, p) + real_share)
        ),
        terms=lambda gamma, real_share, p: [
            [
                *(gamma, 1 - p, 1 - 2 * gamma, p),
                1 / (gamma + real_share),
                1 / (acceptance(gamma, p) + real_share),
            ]
        ],
    ),
    Statement(
        "T22/monotone",
        "the correct mass does not fall as that before it rises, whatever real data are",
        {"gamma": GAMMA, "real_share": WEIGHT, "reference": UNIT},
        # The derivative, times the square of what is trained on.
        direct=lambda gamma, real_share, reference: (
            (1 - gamma) * (gamma + real_share) - (1 - 2 * gamma) * real_share * reference
        ),
        terms=lambda gamma, real_share, reference: [
            [gamma, 1 - gamma],
            [real_share, 1 - gamma, 1 - reference],
            [real_share, gamma, reference],
        ],
    ),
]
