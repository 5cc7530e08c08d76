"""Bands of a log whose verdicts are all alike: no resample of its prompts differs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import betabinom


@dataclass(frozen=True)
class Unanimous:
    """A log of N attempts whose verdicts are all alike.

    Its resamples are, too, and say that nothing else can come. So bands reach as far as Clopper and
    Pearson's limit of the other verdict's rate, 1 - tail^(1/N); of m attempts to come as far as a
    quantile of the beta-binomial law of m with 1 and N, which has that limit as its own.

    Attributes:
        accepted: whether all were accepted, or none.
        attempts: N.
        ahead: attempts to come, ``[steps, classes]``.
        accept: probability that a (correct, wrong) response is accepted.
    """

    accepted: bool
    attempts: float
    ahead: np.ndarray
    accept: tuple[float, float]

    def limit(self, name: str, tail: float) -> np.ndarray:
        """Return how far a band of this name reaches, ``[steps, classes]``.

        NaN of the correct probability where the filter does not tell right from wrong.
        """
        if name == "observed":
            other = betabinom.isf(tail, self.ahead, 1.0, self.attempts) / self.ahead
        else:
            other = np.full(self.ahead.shape, -np.expm1(np.log(tail) / self.attempts))
        rate = 1.0 - other if self.accepted else other
        if name != "correct":
            return rate
        one, wrong = self.accept
        if one == wrong:
            return np.full(rate.shape, np.nan)
        return np.clip((rate - wrong) / (one - wrong), 0.0, 1.0)
