"""Ferbach et al., measured: one of K draws, by the rule of Bradley, Terry and Luce.

The exact values come another way than the laws: by listing what may be drawn. In the loop it is
simulated runs that keep a preferred one.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.special import gammaln

from boostsim.certification.measurement import Measurement
from boostsim.curation.presets import filter_only
from boostsim.curation.procedure import Procedure
from boostsim.tasks.table import TableTask, table_task
from boostsim.theory.neighbours.ferbach import three_responses


def _kept(
    rng: np.random.Generator, draws: int, reward: float, best: float, contenders: int
) -> np.ndarray:
    rewards, probabilities = three_responses(reward, best)
    drawn = rng.choice(3, size=(draws, contenders), p=probabilities)
    weights = np.exp(np.asarray(rewards))[drawn]
    until = np.cumsum(weights, axis=1)
    chosen = (until < rng.random((draws, 1)) * until[:, -1:]).sum(1)
    return np.asarray(drawn[np.arange(draws), chosen])


def _kept_best(
    rng: np.random.Generator, draws: int, reward: float, best: float, contenders: int
) -> np.ndarray:
    return (_kept(rng, draws, reward, best, contenders) == 2) * 1.0


def _relative(reward: float, best: float) -> tuple[np.ndarray, np.ndarray]:
    """e^(r - r*) and the probabilities."""
    rewards, probabilities = map(np.asarray, three_responses(reward, best))
    return np.exp(rewards - rewards.max()), probabilities


def _kept_gain(
    rng: np.random.Generator, draws: int, reward: float, best: float, contenders: int
) -> np.ndarray:
    weights, probabilities = _relative(reward, best)
    kept = _kept(rng, draws, reward, best, contenders)
    return np.asarray(weights[kept] - probabilities @ weights)


def _curated(reward: float, best: float, contenders: int) -> np.ndarray:
    """The law of what is kept, by listing how many of the K draws are which response."""
    rewards, probabilities = three_responses(reward, best)
    counts = np.array(
        [
            (first, second, contenders - first - second)
            for first, second in itertools.product(range(contenders + 1), repeat=2)
            if first + second <= contenders
        ],
        float,
    )
    ways = gammaln(contenders + 1.0) - gammaln(counts + 1.0).sum(1)
    chance = np.exp(ways + counts @ np.log(probabilities))
    weighed = counts * np.exp(np.asarray(rewards))
    return np.asarray((chance[:, None] * weighed / weighed.sum(1, keepdims=True)).sum(0))


def _curated_best(reward: float, best: float, contenders: int) -> float:
    return float(_curated(reward, best, contenders)[2])


def _curated_gain(reward: float, best: float, contenders: int) -> float:
    weights, probabilities = _relative(reward, best)
    return float((_curated(reward, best, contenders) - probabilities) @ weights)


def _gains(reward: float, best: float) -> tuple[float, float]:
    weights, probabilities = _relative(reward, best)
    mean = float(probabilities @ weights)
    return float(weights.min()) - mean, float(weights.max()) - mean


def _preferring(reward: float, contenders: int) -> Procedure:
    rewards, _ = three_responses(reward, 0.5)
    return filter_only(attempts=contenders, filter=None, keep="preferred", scores=rewards)


def _three(reward: float, best: float) -> TableTask:
    """The third response is the right one, so that accuracy is its mass."""
    return table_task([[0, 0, 1]], initial=[three_responses(reward, best)[1]])


MEASUREMENTS: dict[str, Measurement] = {
    "Ferbach.update": Measurement(
        simulator=_kept_best,
        value=_curated_best,
        binary=True,
        rounding=lambda: 1e-12,
    ),
    "Ferbach.rise": Measurement(
        simulator=_kept_gain,
        value=_curated_gain,
        bounds=_gains,
        rounding=lambda: 1e-13,
    ),
    "Ferbach.limit": Measurement(
        value=_curated_best,
        ladder=(64, 128, 256),
        sampled=False,
        why_not="Ferbach.update is checked in sampled runs for each K",
    ),
    "Ferbach.loop": Measurement(
        _preferring,
        "accuracy",
        task=_three,
        # At one visit a row is then what was kept, and stays so.
        sampled=lambda iterations: iterations == 1,
        binary=True,
        rounding=lambda contenders, iterations: 1e-14 * (1.0 + contenders) ** iterations,
        why_not="after the first iteration at one visit a prompt stays with what it has said",
    ),
    "Ferbach.fate": Measurement(
        _preferring,
        "accuracy",
        task=_three,
        sampled=False,
        why_not="at finitely many visits a prompt may fix on what it has said",
    ),
}
