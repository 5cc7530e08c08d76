"""Gerstgrasser et al., measured: least squares on its own labels.

In units of the noise variance, theta* = 0. The exact values come another way than the laws: by a
pseudo-inverse, by integrating the law of what is inverted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from boostsim.certification.measurement import SMALLEST, Measurement
from boostsim.certification.measurements.neighbours.moments import (
    capped,
    chi2_norm,
    inverse_norm,
    normal_norm,
)
from boostsim.certification.measurements.shared import short

# The law of an inverse has finite moments up to half the degrees of freedom.
DEGREES = 16
# The rows of all rounds: one design, whatever it is, tested on itself; one normal design, drawn
# once, tested on fresh rows; a fresh normal design each round.
ONE, REUSED, FRESH = "one design", "reused", "fresh"


@lru_cache(maxsize=32)
def _design(features: int, batch_size: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal((batch_size, features))


def _regressions(
    rng: np.random.Generator,
    draws: int,
    features: int,
    batch_size: int,
    iterations: int,
    designs: str,
    accumulate: bool,
) -> np.ndarray:
    fresh = designs == FRESH
    theta: np.ndarray = np.zeros((draws, features))
    gram, moments = np.zeros((draws, features, features)), np.zeros((draws, features))
    fixed = np.broadcast_to(_design(features, batch_size), (draws, batch_size, features))
    if designs == REUSED:
        fixed = rng.standard_normal((draws, batch_size, features))
    for _ in range(iterations):
        rows = rng.standard_normal((draws, batch_size, features)) if fresh else fixed
        labels = (rows @ theta[..., None])[..., 0] + rng.standard_normal((draws, batch_size))
        kept = 1.0 if accumulate else 0.0
        gram = kept * gram + np.swapaxes(rows, 1, 2) @ rows
        moments = kept * moments + (labels[:, None, :] @ rows)[:, 0]
        theta = np.linalg.solve(gram, moments[..., None])[..., 0]
    if designs != ONE:
        return np.asarray((theta**2).sum(1))
    covariance = _design(features, batch_size).T @ _design(features, batch_size) / batch_size
    return np.einsum("df,fg,dg->d", theta, covariance, theta)


def _regression(designs: str, accumulate: bool) -> Callable[..., np.ndarray]:
    def draw(
        rng: np.random.Generator, draws: int, features: int, batch_size: int, iterations: int
    ) -> np.ndarray:
        return _regressions(rng, draws, features, batch_size, iterations, designs, accumulate)

    return draw


def _weights(iterations: int, accumulate: bool) -> list[int]:
    """By how much the step of each round is shortened: S_i = i G on one design."""
    return list(range(1, iterations + 1)) if accumulate else [1] * iterations


def _on_one_design(accumulate: bool) -> Callable[..., float]:
    def value(features: int, batch_size: int, iterations: int) -> float:
        rows = _design(features, batch_size)
        step = np.linalg.pinv(rows)
        # tr(step^T Sigma step) with Sigma = X^T X / n: the error that a round's noise makes.
        each = float(np.square(rows @ step).sum()) / batch_size
        return math.fsum(each / weight**2 for weight in _weights(iterations, accumulate))

    return value


@lru_cache(maxsize=4096)
def _mean_inverse(degrees: int) -> float:
    """E 1/chi^2, by integrating its law over z = log x with the trapezoidal rule."""
    z = np.arange(-70.0, 12.0, 1.0 / 64.0)
    density = 0.5 * degrees * z - 0.5 * np.exp(z)
    chance = np.exp(density - density.max())
    return float(np.sum(chance * np.exp(-z)) / np.sum(chance))


def _on_fresh_designs(accumulate: bool) -> Callable[..., float]:
    def value(features: int, batch_size: int, iterations: int) -> float:
        # A diagonal entry of an inverse Wishart matrix is 1/chi^2 with degrees less d - 1.
        return math.fsum(
            features * _mean_inverse(batch_size * weight - features + 1) / weight
            for weight in _weights(iterations, accumulate)
        )

    return value


def _on_reused_designs(accumulate: bool) -> Callable[..., float]:
    def value(features: int, batch_size: int, iterations: int) -> float:
        each = features * _mean_inverse(batch_size - features + 1)
        return math.fsum(each / weight**2 for weight in _weights(iterations, accumulate))

    return value


def _fixed_norm(accumulate: bool) -> Callable[..., float]:
    def norm(p: int, features: int, batch_size: int, iterations: int) -> float:
        # On one design the error is a multiple of chi^2_d.
        scale = sum(weight**-2.0 for weight in _weights(iterations, accumulate))
        return scale / batch_size * chi2_norm(features, p)

    return norm


def _fresh_norm(accumulate: bool) -> Callable[..., float]:
    def norm(p: int, features: int, batch_size: int, iterations: int) -> float:
        # Coordinate by coordinate; S^-1 G S^-1 is at most S^-1.
        each = sum(
            inverse_norm(batch_size * weight - features + 1, p)
            for weight in _weights(iterations, accumulate)
        )
        return features * normal_norm(each, p)

    return norm


def _reused_norm(accumulate: bool) -> Callable[..., float]:
    def norm(p: int, features: int, batch_size: int, iterations: int) -> float:
        # Given the design each coordinate is normal, its variance a multiple of 1/chi^2.
        scale = sum(weight**-2.0 for weight in _weights(iterations, accumulate))
        variance = scale * inverse_norm(batch_size - features + 1, p)
        return features * normal_norm(variance, p)

    return norm


def _few_rows(features: int, batch_size: int, iterations: int) -> bool:
    return short(iterations) and features <= 3 and batch_size <= 16


def _light_tailed(features: int, batch_size: int, iterations: int) -> bool:
    return short(iterations) and features <= 3 and DEGREES <= batch_size <= 32


def _least_squares(designs: str, accumulate: bool, **more: Any) -> Measurement:
    value, norm = {
        ONE: (_on_one_design, _fixed_norm),
        REUSED: (_on_reused_designs, _reused_norm),
        FRESH: (_on_fresh_designs, _fresh_norm),
    }[designs]
    return Measurement(
        simulator=_regression(designs, accumulate),
        value=value(accumulate),
        sampled=_few_rows if designs == ONE else _light_tailed,
        # What quadrature and a pseudo-inverse leave.
        rounding=lambda predicted: 1e-11 * abs(predicted) + SMALLEST,
        **capped(norm(accumulate)),
        **more,
    )


MEASUREMENTS: dict[str, Measurement] = {
    "Gerstgrasser.replace": _least_squares(ONE, accumulate=False),
    "Gerstgrasser.accumulate": _least_squares(ONE, accumulate=True),
    "Gerstgrasser.fresh": _least_squares(FRESH, accumulate=False),
    "Gerstgrasser.exact": _least_squares(FRESH, accumulate=True),
    "Gerstgrasser.reused": _least_squares(REUSED, accumulate=False),
    "Gerstgrasser.theirs": _least_squares(REUSED, accumulate=True),
    "Gerstgrasser.bound": _least_squares(FRESH, accumulate=True),
}
