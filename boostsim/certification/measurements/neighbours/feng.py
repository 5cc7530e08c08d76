"""Feng et al., measured: the majority of verified examples.

The exact values come another way than the laws: by listing what may be drawn.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from boostsim.certification.measurement import Measurement
from boostsim.certification.measurements.shared import binomials


def _lead(
    keep_correct: float, keep_wrong: float, accuracy: float, examples: int
) -> tuple[float, float, float]:
    """P(more kept correct than wrong), P(as many), P(fewer)."""
    correct = np.arange(examples + 1)
    right, wrong = keep_correct * accuracy, keep_wrong * (1.0 - accuracy)
    chance = binom.pmf(correct, examples, right)
    others = min(wrong / (1.0 - right), 1.0) if right < 1.0 else 0.0
    fewer = binom.cdf(correct - 1, examples - correct, others)
    same = binom.pmf(correct, examples - correct, others)
    more = binom.sf(correct, examples - correct, others)
    ahead, tied, behind = (float(np.sum(chance * part)) for part in (fewer, same, more))
    return ahead, tied, behind


def _sides(keep_correct: float, keep_wrong: float, accuracy: float, examples: int) -> float:
    """P(the majority is right above breakdown, wrong below it), ties broken evenly."""
    ahead, tied, behind = _lead(keep_correct, keep_wrong, accuracy, examples)
    above = keep_correct * accuracy > keep_wrong * (1.0 - accuracy)
    return (ahead if above else behind) + 0.5 * tied


def _majority(
    rng: np.random.Generator,
    draws: int,
    keep_correct: float,
    keep_wrong: float,
    accuracy: float,
    examples: int,
) -> np.ndarray:
    """Whether the majority of what is kept is wrong, or there is none."""
    correct = binomials(rng, np.full(draws, examples), accuracy)
    kept_correct = binomials(rng, correct, keep_correct)
    kept_wrong = binomials(rng, examples - correct, keep_wrong)
    return (kept_correct <= kept_wrong) * 1.0


def _not_ahead(keep_correct: float, keep_wrong: float, accuracy: float, examples: int) -> float:
    return sum(_lead(keep_correct, keep_wrong, accuracy, examples)[1:])


MEASUREMENTS: dict[str, Measurement] = {
    "Feng.breakdown": Measurement(
        value=_sides,
        ladder=(128, 512, 2048),
        sampled=False,
        why_not="Feng.bound is checked in sampled runs for each n",
    ),
    "Feng.bound": Measurement(
        simulator=_majority,
        value=_not_ahead,
        binary=True,
        rounding=lambda: 1e-11,
    ),
}
