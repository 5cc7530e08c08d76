"""Seddik, Ferbach and Feng, measured: responses refitted, liked best, or verified.

Seddik's setting is the table. The others have small simulators of their own. The exact values come
another way than the laws: by a Markov chain, and by listing what may be drawn.
"""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaln
from scipy.stats import binom

from boostsim.certification.measurement import Measurement
from boostsim.certification.measurements.shared import short
from boostsim.curation.presets import uncurated
from boostsim.simulation.counts import binomial
from boostsim.tasks.table import TableTask, table_task
from boostsim.theory.claims.neighbours import three_responses

if TYPE_CHECKING:
    import xarray

# Seddik: frequencies of two responses, refitted: the table itself.


@lru_cache(maxsize=64)
def _transitions(examples: int, iterations: int) -> np.ndarray:
    counts = np.arange(examples + 1)
    step = np.asarray(binom.pmf(counts[None, :], examples, counts[:, None] / examples))
    return np.linalg.matrix_power(step, iterations)


def _counts(examples: int, share: float, iterations: int) -> np.ndarray:
    """Law of the count of the first response."""
    first = binom.pmf(np.arange(examples + 1), examples, share)
    return np.asarray(first @ _transitions(examples, iterations - 1))


def _share(collision: float) -> float:
    return 0.5 * (1.0 + math.sqrt(max(2.0 * collision - 1.0, 0.0)))


def _agreement(examples: int, initial_collision: float, iterations: int) -> float:
    law = _counts(examples, _share(initial_collision), iterations)
    share = np.arange(examples + 1) / examples
    return float(np.sum(law * (share**2 + (1.0 - share) ** 2)))


def _two_responses(initial_collision: float) -> TableTask:
    share = _share(initial_collision)
    return table_task([[1, 0]], initial=[[share, 1.0 - share]])


def _agree(trace: xarray.Dataset) -> Any:
    return 1.0 - trace.diversity.isel(iteration=-1)


def _survival(examples: int, initial_accuracy: float) -> float:
    """P(the first response is the one that is left), by solving for it from each count."""
    step = _transitions(examples, 1)
    inner = slice(1, examples)
    if examples == 1:
        return initial_accuracy
    solved = np.linalg.solve(np.eye(examples - 1) - step[inner, inner], step[inner, -1])
    first = binom.pmf(np.arange(examples + 1), examples, initial_accuracy)
    return float(first[inner] @ solved + first[-1])


def _drawn(rng: np.random.Generator, n: np.ndarray, p: np.ndarray | float) -> np.ndarray:
    n, p = np.broadcast_arrays(np.asarray(n, np.float64), p)
    return binomial([rng.bit_generator], n[None], p[None])[0]


def _survivors(
    rng: np.random.Generator, draws: int, examples: int, initial_accuracy: float
) -> np.ndarray:
    count = _drawn(rng, np.full(draws, examples), initial_accuracy)
    while ((count > 0) & (count < examples)).any():
        count = _drawn(rng, np.full(draws, examples), count / examples)
    return (count == examples) * 1.0


# Ferbach: one of K draws, by the rule of Bradley, Terry and Luce.


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


# Feng: the majority of verified examples.


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
    correct = _drawn(rng, np.full(draws, examples), accuracy)
    kept_correct = _drawn(rng, correct, keep_correct)
    kept_wrong = _drawn(rng, examples - correct, keep_wrong)
    return (kept_correct <= kept_wrong) * 1.0


def _not_ahead(keep_correct: float, keep_wrong: float, accuracy: float, examples: int) -> float:
    return sum(_lead(keep_correct, keep_wrong, accuracy, examples)[1:])


MEASUREMENTS: dict[str, Measurement] = {
    "Seddik.collision": Measurement(
        uncurated,
        _agree,
        task=_two_responses,
        visits=lambda examples: examples,
        record=("diversity",),
        value=_agreement,
        sampled=short,
        rounding=lambda: 1e-12,
    ),
    "Seddik.survivor": Measurement(
        simulator=_survivors,
        value=_survival,
        binary=True,
        rounding=lambda: 1e-12,
    ),
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
