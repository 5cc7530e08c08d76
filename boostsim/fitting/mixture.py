"""The most likely mixing distribution on a grid: a concave problem, solved with a bound on the gap.

max over weights pi of sum_i w_i log(sum_g pi_g L_ig), by Wang's constrained Newton method. The gap
is bounded at every step: no mixture is better by more than W (max_g (1/W) sum_i w_i L_ig/f_i - 1)
nats, where f = L pi and W = sum w (Lindsay 1983).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

# Nats by which the mixture may fall short of the best one.
GAP = 1e-3
STEPS = 200
# What a step may leave of a history's likelihood, at least.
FALL = 0.02
# Numbers that a slice of the likelihoods has: of a million prompts not all are held at once.
SLICE = 2**22
# What is added to the curvature, relative to its mean: neighbours on a grid are nearly alike.
RIDGE = 1e-9


class Mixture(NamedTuple):
    """Weights on the grid, their log-likelihood in nats, and by how much the best may exceed it."""

    weights: np.ndarray
    log_likelihood: float
    gap: float


@dataclass(frozen=True, eq=False)
class Likelihoods:
    """Likelihoods of histories at grid points, each row divided by its largest.

    Attributes:
        values: ``[histories, grid]``, the largest of each row is 1.
        scale: logarithm of what each row was divided by, ``[histories]``.
    """

    values: np.ndarray
    scale: np.ndarray

    def log(self, mixture: np.ndarray) -> np.ndarray:
        """Return each history's log-likelihood under a mixture, ``[histories]``."""
        return np.log(self.values @ mixture) + self.scale

    def posterior(self, mixture: np.ndarray) -> np.ndarray:
        """Return the law of the grid point given each history, ``[histories, grid]``.

        Of a history that the mixture has no prompt for, what it says by itself.
        """
        joint = self.values * mixture
        unknown = ~joint.any(1)
        joint[unknown] = self.values[unknown]
        return joint / joint.sum(1, keepdims=True)


def scaled(logs: np.ndarray) -> Likelihoods:
    """Return likelihoods from their logarithms, which are overwritten."""
    scale = logs.max(1)
    logs -= scale[:, None]
    return Likelihoods(np.exp(logs, out=logs), scale)


def slices(rows: int, columns: int) -> list[slice]:
    """Return slices of the rows of a table, each of which has at most :data:`SLICE` numbers."""
    size = max(1, SLICE // max(columns, 1))
    return [slice(low, min(low + size, rows)) for low in range(0, rows, size)]


def fitted(
    likelihoods: Likelihoods,
    weights: np.ndarray,
    start: np.ndarray | None = None,
    tilt: np.ndarray | None = None,
    gap: float = GAP,
    least: float = -np.inf,
) -> Mixture:
    """Return the most likely mixture.

    Args:
        likelihoods: of histories at grid points.
        weights: w, how many prompts have each history, ``[histories]``.
        start: where to begin, ``[grid]``; evenly where None.
        tilt: a number for each grid point; their mean under the mixture is added to the
            log-likelihood that is maximised (not to the one that is returned).
        gap: nats by which it may fall short.
        least: log-likelihood below which it is not asked for: given up as soon as none reaches it.

    Source: Wang 2007, "On fast computation of the non-parametric maximum likelihood estimate of a
    mixing distribution", J. R. Statist. Soc. B 69, 185-198.
    """
    held = weights > 0.0
    values, scale, weights = likelihoods.values, likelihoods.scale, weights
    if not held.all():
        values, scale, weights = values[held], scale[held], weights[held]
    size = values.shape[1]
    slope = np.zeros(size) if tilt is None else tilt
    mixture = np.full(size, 1.0 / size)
    if start is not None:
        # No history may be impossible at the beginning.
        mixture = (1.0 - 1e-6) * start + 1e-6 * mixture
    total, least = weights.sum(), least - float(weights @ scale)

    def worth(inside: np.ndarray, at: np.ndarray) -> float:
        return float(weights @ np.log(inside) + slope @ at)

    inside = values @ mixture
    best = worth(inside, mixture)
    for _ in range(STEPS):
        gradient, curvature = _derivatives(values, weights, inside)
        gradient += slope
        excess = float(gradient.max() - gradient @ mixture)
        if excess <= gap or best + excess < least:
            break
        target = _newton(gradient, curvature, mixture, total)
        size_of_step, promised = 1.0, gradient @ (target - mixture)
        while size_of_step > 1e-9:
            candidate = mixture + size_of_step * (target - mixture)
            moved = values @ candidate
            # A history that became all but impossible would rule the next curvature.
            if (moved > FALL * inside).all():
                now = worth(moved, candidate)
                if now >= best + 0.1 * size_of_step * promised:
                    break
            size_of_step *= 0.5
        else:
            # Rounding ends what the Newton step can do; what is left is in the gap.
            break
        mixture, inside, best = candidate, moved, now
    return Mixture(mixture, best - float(slope @ mixture) + float(weights @ scale), excess)


def _derivatives(
    values: np.ndarray, weights: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return gradient and negative Hessian of the log-likelihood in the weights of the mixture."""
    size = values.shape[1]
    gradient, curvature = np.zeros(size), np.zeros((size, size))
    for part in slices(len(values), size):
        ratio = values[part] / inside[part][:, None]
        gradient += weights[part] @ ratio
        ratio *= np.sqrt(weights[part])[:, None]
        curvature += ratio.T @ ratio
    return gradient, curvature


def _newton(
    gradient: np.ndarray, curvature: np.ndarray, mixture: np.ndarray, total: float
) -> np.ndarray:
    """Return the distribution y with the largest g'(y - x) - (y - x)'H(y - x)/2."""
    size = len(mixture)
    ridge = RIDGE * np.trace(curvature) / size
    root = np.linalg.cholesky(curvature + ridge * np.eye(size)).T / np.sqrt(total)
    aim = root @ mixture + np.linalg.solve(root.T, gradient - gradient @ mixture) / total
    # Distributions, by one more row: Haskell and Hanson's way to make least squares so.
    table = np.vstack([root - aim[:, None], np.ones(size)])
    found, _ = nnls(table, np.append(np.zeros(size), 1.0), maxiter=100 * size)
    return found / found.sum()
