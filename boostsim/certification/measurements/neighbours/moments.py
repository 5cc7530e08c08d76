"""A statistic without an upper bound, cut at a cap: what its mean may lose, by its moments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import gammaln

# Of an unbounded statistic what lies beyond the cap adds at most this to the mean.
MISSED = 1e-4
HIGHEST_MOMENT = 10


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


def chi2_norm(degrees: float, p: int) -> float:
    """(E (chi^2)^p)^(1/p)."""
    return 2.0 * math.exp((gammaln(0.5 * degrees + p) - gammaln(0.5 * degrees)) / p)


def inverse_norm(degrees: int, p: int) -> float:
    """(E (1/chi^2)^p)^(1/p), infinite where p is half the degrees or more."""
    if 2 * p >= degrees:
        return math.inf
    return 0.5 * math.exp((gammaln(0.5 * degrees - p) - gammaln(0.5 * degrees)) / p)


def normal_norm(variance_norm: float, p: int) -> float:
    """(E Z^(2p))^(1/p) of a normal Z whose variance is itself drawn."""
    return variance_norm * float(np.prod(np.arange(1, 2 * p, 2, dtype=float))) ** (1.0 / p)


def capped(norm: Callable[..., float], **more: Any) -> dict[str, Any]:
    """Bounds of an unbounded statistic, and what they may lose; norm(p, point...)."""

    def at(**point: Any) -> tuple[float, float]:
        return _cap(lambda p: norm(p, **point))

    return {
        "bounds": lambda **point: (0.0, at(**point)[0]),
        "beyond": lambda **point: at(**point)[1],
        **more,
    }
