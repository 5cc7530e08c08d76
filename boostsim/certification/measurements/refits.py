"""Shumailov and Gerstgrasser, measured: normal laws and regressions fitted to their own samples.

Each has a small simulator of its own. The exact values come another way than the laws: refit by
refit, by a pseudo-inverse, by integrating the law of what is inverted.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaln

from boostsim.certification.measurement import EPSILON, SMALLEST, Measurement
from boostsim.certification.measurements.shared import short

if TYPE_CHECKING:
    pass

# Of an unbounded statistic what lies beyond the cap adds at most this to the mean.
MISSED = 1e-4
HIGHEST_MOMENT = 10
# The law of an inverse has finite moments up to half the degrees of freedom.
DEGREES = 16


def _cap(norm: Callable[[int], float]) -> tuple[float, float]:
    """Return a cap c, and what the mean may lose by it: for each p at most

    E(X - c)^+ <= E X^p (p-1)^(p-1) / (p^p c^(p-1)).

    Args:
        norm: (E X^p)^(1/p), or more, for a statistic X of at least zero.
    """
    moments = [(p, norm(p)) for p in range(2, HIGHEST_MOMENT + 1)]

    def lost(cap: float) -> float:
        return min(
            size * ((p - 1) * size / (p * cap)) ** (p - 1) / p
            for p, size in moments
            if math.isfinite(size)
        )

    cap = 1.0
    while lost(cap) > MISSED:
        cap *= 1.25
    return cap, lost(cap)


def _chi2_norm(degrees: float, p: int) -> float:
    """(E (chi^2)^p)^(1/p)."""
    return 2.0 * math.exp((gammaln(0.5 * degrees + p) - gammaln(0.5 * degrees)) / p)


def _inverse_norm(degrees: int, p: int) -> float:
    """(E (1/chi^2)^p)^(1/p), infinite where p is half the degrees or more."""
    if 2 * p >= degrees:
        return math.inf
    return 0.5 * math.exp((gammaln(0.5 * degrees - p) - gammaln(0.5 * degrees)) / p)


def _normal_norm(variance_norm: float, p: int) -> float:
    """(E Z^(2p))^(1/p) of a normal Z whose variance is itself drawn."""
    return variance_norm * float(np.prod(np.arange(1, 2 * p, 2, dtype=float))) ** (1.0 / p)


def _capped(norm: Callable[..., float], **more: Any) -> dict[str, Any]:
    """Bounds of an unbounded statistic, and what they may lose; norm(p, point...)."""

    def at(**point: Any) -> tuple[float, float]:
        return _cap(lambda p: norm(p, **point))

    return {
        "bounds": lambda **point: (0.0, at(**point)[0]),
        "beyond": lambda **point: at(**point)[1],
        **more,
    }


def _rounding(iterations: int, predicted: float) -> float:
    return 32.0 * EPSILON * (iterations + 1) * abs(predicted) + SMALLEST


# Shumailov: normal laws, refitted.


def _refits(
    rng: np.random.Generator, draws: int, batch_size: int, iterations: int, accumulate: bool
) -> tuple[np.ndarray, np.ndarray]:
    mean, deviation = np.zeros((draws, 1)), np.ones((draws, 1))
    data = np.empty((draws, 0))
    for _ in range(iterations):
        fresh = mean + deviation * rng.standard_normal((draws, batch_size))
        data = np.concatenate([data, fresh], axis=1) if accumulate else fresh
        mean, deviation = data.mean(1, keepdims=True), data.std(1, keepdims=True)
    return mean[:, 0], deviation[:, 0] ** 2


def _variance(rng: np.random.Generator, draws: int, batch_size: int, iterations: int) -> np.ndarray:
    return _refits(rng, draws, batch_size, iterations, accumulate=False)[1]


def _mean_error(
    rng: np.random.Generator, draws: int, batch_size: int, iterations: int
) -> np.ndarray:
    return _refits(rng, draws, batch_size, iterations, accumulate=False)[0] ** 2


def _kept_variance(
    rng: np.random.Generator, draws: int, batch_size: int, iterations: int
) -> np.ndarray:
    return _refits(rng, draws, batch_size, iterations, accumulate=True)[1]


def _left(batch_size: int, iterations: int, accumulate: bool = False) -> float:
    """Variance left, refit by refit."""
    variance = 1.0
    for batch in range(1, iterations + 1):
        variance *= 1.0 - 1.0 / (batch_size * (batch**2 if accumulate else 1))
    return variance


def _variance_norm(p: int, batch_size: int, iterations: int) -> float:
    # A product of independent chi^2_(n-1)/n.
    return (_chi2_norm(batch_size - 1, p) / batch_size) ** iterations if batch_size > 1 else 0.0


def _mean_norm(p: int, batch_size: int, iterations: int) -> float:
    steps = sum(_variance_norm(p, batch_size, before) for before in range(iterations))
    return _normal_norm(steps / batch_size, p)


def _kept_norm(p: int, batch_size: int, iterations: int) -> float:
    # The pooled variance is at most the pooled second moment about the mean before.
    fresh = _chi2_norm(batch_size, p) / batch_size
    return math.prod((batch - 1 + fresh) / batch for batch in range(1, iterations + 1))


# Gerstgrasser: least squares on its own labels. In units of the noise variance, theta* = 0.


@lru_cache(maxsize=32)
def _design(features: int, batch_size: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal((batch_size, features))


def _regressions(
    rng: np.random.Generator,
    draws: int,
    features: int,
    batch_size: int,
    iterations: int,
    fresh: bool,
    accumulate: bool,
) -> np.ndarray:
    theta: np.ndarray = np.zeros((draws, features))
    gram, moments = np.zeros((draws, features, features)), np.zeros((draws, features))
    fixed = np.broadcast_to(_design(features, batch_size), (draws, batch_size, features))
    for _ in range(iterations):
        rows = rng.standard_normal((draws, batch_size, features)) if fresh else fixed
        labels = (rows @ theta[..., None])[..., 0] + rng.standard_normal((draws, batch_size))
        kept = 1.0 if accumulate else 0.0
        gram = kept * gram + np.swapaxes(rows, 1, 2) @ rows
        moments = kept * moments + (labels[:, None, :] @ rows)[:, 0]
        theta = np.linalg.solve(gram, moments[..., None])[..., 0]
    if fresh:
        return np.asarray((theta**2).sum(1))
    covariance = _design(features, batch_size).T @ _design(features, batch_size) / batch_size
    return np.einsum("df,fg,dg->d", theta, covariance, theta)


def _regression(fresh: bool, accumulate: bool) -> Callable[..., np.ndarray]:
    def draw(
        rng: np.random.Generator, draws: int, features: int, batch_size: int, iterations: int
    ) -> np.ndarray:
        return _regressions(rng, draws, features, batch_size, iterations, fresh, accumulate)

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


def _fixed_norm(accumulate: bool) -> Callable[..., float]:
    def norm(p: int, features: int, batch_size: int, iterations: int) -> float:
        # On one design the error is a multiple of chi^2_d.
        scale = sum(weight**-2.0 for weight in _weights(iterations, accumulate))
        return scale / batch_size * _chi2_norm(features, p)

    return norm


def _fresh_norm(accumulate: bool) -> Callable[..., float]:
    def norm(p: int, features: int, batch_size: int, iterations: int) -> float:
        # Coordinate by coordinate; S^-1 G S^-1 is at most S^-1.
        each = sum(
            _inverse_norm(batch_size * weight - features + 1, p)
            for weight in _weights(iterations, accumulate)
        )
        return features * _normal_norm(each, p)

    return norm


def _few_rows(features: int, batch_size: int, iterations: int) -> bool:
    return short(iterations) and features <= 3 and batch_size <= 16


def _light_tailed(features: int, batch_size: int, iterations: int) -> bool:
    return short(iterations) and features <= 3 and DEGREES <= batch_size <= 32


def _least_squares(fresh: bool, accumulate: bool, **more: Any) -> Measurement:
    value = _on_fresh_designs(accumulate) if fresh else _on_one_design(accumulate)
    norm = _fresh_norm(accumulate) if fresh else _fixed_norm(accumulate)
    return Measurement(
        simulator=_regression(fresh, accumulate),
        value=value,
        sampled=_light_tailed if fresh else _few_rows,
        # What quadrature and a pseudo-inverse leave.
        rounding=lambda predicted: 1e-11 * abs(predicted) + SMALLEST,
        **_capped(norm),
        **more,
    )


MEASUREMENTS: dict[str, Measurement] = {
    "Shumailov.variance": Measurement(
        simulator=_variance,
        value=_left,
        sampled=lambda iterations, batch_size: short(iterations) and 5 <= batch_size <= 30,
        rounding=_rounding,
        **_capped(_variance_norm),
    ),
    "Shumailov.mean": Measurement(
        simulator=_mean_error,
        value=lambda batch_size, iterations: math.fsum(
            _left(batch_size, before) / batch_size for before in range(iterations)
        ),
        sampled=lambda iterations, batch_size: short(iterations) and 5 <= batch_size <= 30,
        rounding=_rounding,
        **_capped(_mean_norm),
    ),
    "Shumailov.accumulate": Measurement(
        simulator=_kept_variance,
        value=lambda batch_size, iterations: _left(batch_size, iterations, accumulate=True),
        sampled=lambda iterations, batch_size: short(iterations) and 5 <= batch_size <= 30,
        rounding=_rounding,
        **_capped(_kept_norm),
    ),
    "Shumailov.limit": Measurement(
        value=lambda batch_size, iterations: _left(batch_size, iterations, accumulate=True),
        sampled=False,
        why_not="Shumailov.accumulate is checked in sampled runs, iteration by iteration",
    ),
    "Gerstgrasser.replace": _least_squares(fresh=False, accumulate=False),
    "Gerstgrasser.accumulate": _least_squares(fresh=False, accumulate=True),
    "Gerstgrasser.fresh": _least_squares(fresh=True, accumulate=False),
    "Gerstgrasser.exact": _least_squares(fresh=True, accumulate=True),
    "Gerstgrasser.bound": _least_squares(fresh=True, accumulate=True),
}
