"""Shumailov et al., measured: normal laws fitted to their own samples, exactly refit by refit."""

from __future__ import annotations

import math

import numpy as np

from boostsim.certification.measurement import SMALLEST, Measurement
from boostsim.certification.measurements.neighbours.moments import capped, chi2_norm, normal_norm
from boostsim.certification.measurements.shared import short
from boostsim.theory.rounding import EPSILON


def _rounding(iterations: int, predicted: float) -> float:
    return 32.0 * EPSILON * (iterations + 1) * abs(predicted) + SMALLEST


def _refits(
    rng: np.random.Generator,
    draws: int,
    batch_size: int,
    iterations: int,
    accumulate: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    mean, deviation = np.zeros((draws, 1)), np.ones((draws, 1))
    data = np.empty((draws, 0))
    for _ in range(iterations):
        fresh = mean + deviation * rng.standard_normal((draws, batch_size))
        data = np.concatenate([data, fresh], axis=1) if accumulate else fresh
        mean, deviation = data.mean(1, keepdims=True), data.std(1, keepdims=True)
    return mean[:, 0], deviation[:, 0] ** 2


def _few(iterations: int, batch_size: int) -> bool:
    return short(iterations) and 5 <= batch_size <= 30


def _left(batch_size: int, iterations: int, accumulate: bool = False) -> float:
    """Variance left, refit by refit."""
    variance = 1.0
    for batch in range(1, iterations + 1):
        variance *= 1.0 - 1.0 / (batch_size * (batch**2 if accumulate else 1))
    return variance


def _left_of_all(batch_size: int, iterations: int) -> float:
    return _left(batch_size, iterations, accumulate=True)


def _variance_norm(p: int, batch_size: int, iterations: int) -> float:
    # A product of independent chi^2_(n-1)/n.
    return (chi2_norm(batch_size - 1, p) / batch_size) ** iterations if batch_size > 1 else 0.0


def _mean_norm(p: int, batch_size: int, iterations: int) -> float:
    steps = sum(_variance_norm(p, batch_size, before) for before in range(iterations))
    return normal_norm(steps / batch_size, p)


def _kept_norm(p: int, batch_size: int, iterations: int) -> float:
    # The pooled variance is at most the pooled second moment about the mean before.
    fresh = chi2_norm(batch_size, p) / batch_size
    return math.prod((batch - 1 + fresh) / batch for batch in range(1, iterations + 1))


MEASUREMENTS: dict[str, Measurement] = {
    "Shumailov.variance": Measurement(
        simulator=lambda rng, draws, batch_size, iterations: _refits(
            rng, draws, batch_size, iterations
        )[1],
        value=_left,
        sampled=_few,
        rounding=_rounding,
        **capped(_variance_norm),
    ),
    "Shumailov.mean": Measurement(
        simulator=lambda rng, draws, batch_size, iterations: (
            _refits(rng, draws, batch_size, iterations)[0] ** 2
        ),
        value=lambda batch_size, iterations: math.fsum(
            _left(batch_size, before) / batch_size for before in range(iterations)
        ),
        sampled=_few,
        rounding=_rounding,
        **capped(_mean_norm),
    ),
    "Shumailov.accumulate": Measurement(
        simulator=lambda rng, draws, batch_size, iterations: _refits(
            rng, draws, batch_size, iterations, accumulate=True
        )[1],
        value=_left_of_all,
        sampled=_few,
        rounding=_rounding,
        **capped(_kept_norm),
    ),
    "Shumailov.limit": Measurement(
        value=_left_of_all,
        sampled=False,
        why_not="Shumailov.accumulate is checked in sampled runs, iteration by iteration",
    ),
}
