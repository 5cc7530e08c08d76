"""Pass rates of a log's prompts: their mean, how they are spread, how many may be helpless.

J/k is plugged in nowhere: where attempts stop at the first success it is no pass rate, and of few
attempts its spread is mostly noise. What is fitted is the law of rates over prompts, by the
likelihood A^accepted (1 - A)^(attempts - accepted) of each, which holds for both stopping rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import expit, xlogy
from scipy.stats import beta as beta_law
from scipy.stats import chi2, norm

from boostsim.arguments import whole
from boostsim.certification.intervals import Interval, between_0_and_1
from boostsim.fitting.dynamics import Dynamics
from boostsim.fitting.histories import Histories, histories
from boostsim.fitting.likelihood import Problem, grid
from boostsim.fitting.mixture import Likelihoods, Mixture, fitted
from boostsim.fitting.world import World, problem_of

if TYPE_CHECKING:
    from boostsim.logs.log import Log

# Nats by which mixtures fall short where a few nats decide, and that a share may lose to be among
# the most likely ones.
SHARP, SHADE = 1e-4, 1e-2


@dataclass(frozen=True)
class MeanRate:
    """The mean correct mass over the prompts that an iteration met.

    Attributes:
        iteration: its number.
        prompts: how many it met.
        value: the mean, each prompt once.
        low, high: the interval.
    """

    iteration: int
    prompts: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class BetaRates:
    """A beta law of first correct masses, and how far behind the mixture it is.

    Attributes:
        a, b: its parameters.
        mean: a/(a + b).
        nats_behind: by how much the most likely mixture explains the log better.
    """

    a: float
    b: float
    mean: float
    nats_behind: float


def mean_rate(
    log: Log | Histories,
    place: int = 0,
    *,
    accept: Interval = (1.0, 0.0),
    accept_covariance: np.ndarray | None = None,
    confidence: float = 0.95,
) -> MeanRate:
    """Estimate the mean correct mass of one iteration's prompts.

    Each prompt is accepted with a probability of its own; the interval for the mean of these is by
    the likelihood ratio, with the most likely mixture that has such a mean. From the mean accepted
    share E A the mean correct mass is (E A - a0)/(a1 - a0), also where the filter errs more on some
    prompts than on others, as long as a1 and a0 are its means over responses.

    Args:
        log: the log, or its counts.
        place: of the iteration among the log's, from 0.
        accept: (a1, a0), how often a (correct, wrong) response is accepted.
        accept_covariance: of the two where they were estimated, ``[2, 2]``; their error widens the
            interval.
        confidence: of the interval.

    Raises:
        ValueError: for a place that is no iteration's, or a filter that accepts both alike.
    """
    between_0_and_1("confidence", confidence)
    counts = log if isinstance(log, Histories) else histories(log)
    place = whole("place", place, 0, len(counts.times) - 1)
    if accept[0] == accept[1]:
        raise ValueError(
            "filter must accept right and wrong responses with different probabilities: its "
            f"verdicts say nothing of them; got {accept[0]:g} for both"
        )
    one = counts.at(place)
    right, wrong = grid(one)
    problem = Problem(one, one.weights(), right, wrong, Dynamics("none"))
    likelihoods = problem.likelihoods(np.zeros(0))
    best = fitted(likelihoods, problem.weights, gap=SHARP)
    critical = float(chi2.ppf(confidence, 1)) / 2.0

    def tilted(force: float) -> Mixture:
        return fitted(likelihoods, problem.weights, best.weights, force * right, gap=SHARP)

    most, prompts = _strongest(problem), float(problem.weights.sum())
    down = _farthest(lambda size: tilted(-size), best, critical, most)
    up = _farthest(tilted, best, critical, most)
    ends = down.weights @ right, up.weights @ right
    width = accept[0] - accept[1]
    value, low, high = ((float(each) - accept[1]) / width for each in (best.weights @ right, *ends))
    low, high = min(low, high), max(low, high)
    if accept_covariance is not None:
        slope = -np.array([value, 1.0 - value]) / width
        error = norm.isf(0.5 - confidence / 2.0) * float(slope @ accept_covariance @ slope) ** 0.5
        low, high = value - np.hypot(value - low, error), value + np.hypot(high - value, error)
    value, low, high = (min(max(float(each), 0.0), 1.0) for each in (value, low, high))
    return MeanRate(one.first, int(prompts), value, low, high)


def _farthest(
    tilted: Callable[[float], Mixture], best: Mixture, critical: float, most: float
) -> Mixture:
    """Return the mixture that a tilt moves the farthest, at a loss of so many nats.

    Args:
        tilted: the best mixture under a tilt of a size above 0.
        best: that without one.
        critical: nats that it may lose.
        most: how large the tilt may get.
    """

    def loss(power: float) -> float:
        return best.log_likelihood - tilted(np.exp(power)).log_likelihood - critical

    # From below: a tilt that is far too strong leads where no history is possible.
    low = high = -6.0
    while loss(high) < 0.0:
        if high >= np.log(most):
            return tilted(np.exp(high))
        low, high = high, high + 1.5
    if low == high:
        return best
    return tilted(np.exp(brentq(loss, low, high, xtol=1e-3)))


def helpless_bound(log: Log | Histories, world: World, *, confidence: float = 0.95) -> float:
    """Return an upper bound for the share of helpless prompts, those of first correct mass 0.

    Of rates that are small, and of zero, counts say the same: the most likely share is not
    identified, and is not told. What is told begins with the largest share u that the likelihood
    ratio lets pass, maximised over the rest of the mixture, at the normal law's one-sided quantile
    squared, and with the largest most likely share h. So many prompts as would have such a bound if
    each showed whether it is helpless, n KL(h, u) = z^2/2, have Clopper and Pearson's bound, too:
    the larger one is returned. (The ratio alone covers .93 of the time at a nominal .95, for shares
    of few prompts come in steps.)

    Args:
        log: the log, or its counts.
        world: fitted to it, whose speed is taken as it is.
        confidence: that the share is not above the bound.
    """
    between_0_and_1("confidence", confidence)
    counts = log if isinstance(log, Histories) else histories(log)
    problem, numbers = problem_of(counts, world)
    likelihoods = problem.likelihoods(numbers)
    atom = np.zeros(len(world.start))
    atom[0] = 1.0
    best = fitted(likelihoods, problem.weights, world.weights, gap=SHARP)

    def tilted(force: float) -> Mixture:
        return fitted(likelihoods, problem.weights, best.weights, force * atom, gap=SHARP)

    critical = float(norm.isf(1.0 - confidence)) ** 2 / 2.0
    most = _strongest(problem)
    most_likely = float(_farthest(tilted, best, SHADE, most).weights[0])
    bound = float(_farthest(tilted, best, critical, most).weights[0])
    if bound > 1.0 - 1e-6:
        return 1.0
    ratio = xlogy(most_likely, most_likely / bound)
    ratio += xlogy(1.0 - most_likely, (1.0 - most_likely) / (1.0 - bound))
    if ratio <= 0.0:
        return bound
    prompts = min(critical / float(ratio), float(problem.weights.sum()))
    hits = prompts * most_likely
    exact = beta_law.isf(1.0 - confidence, hits + 1.0, max(prompts - hits, 1e-9))
    return float(min(1.0, max(bound, exact)))


def _strongest(problem: Problem) -> float:
    """Return a tilt that is as strong as all that a log's prompts may say."""
    return float(20.0 * problem.weights.sum() * problem.counts.attempts.sum(1).max())


def beta_rates(log: Log | Histories, world: World) -> BetaRates:
    """Fit a beta law of first correct masses, the world's speed and filter given.

    With one iteration and clean verdicts this is the beta-binomial; the law is cut into cells about
    the grid's points, each prompt's likelihood taken at the point.

    Example:
        >>> counts = Histories(np.array([0]), 1, 0, np.full((5, 1), 4.0),
        ...     np.arange(5.0)[:, None], None, np.repeat(np.arange(5), [20, 20, 20, 20, 20]))
        >>> found = beta_rates(counts, World.estimate(counts, kind="none"))
        >>> round(found.a, 1), round(found.b, 1)
        (1.0, 1.0)
    """
    counts = log if isinstance(log, Histories) else histories(log)
    problem, numbers = problem_of(counts, world)
    likelihoods = problem.likelihoods(numbers)
    inner = slice(1, -1)
    logits = np.log(world.start[inner]) - np.log(world.wrong[inner])
    edges = expit(0.5 * (logits[1:] + logits[:-1]))

    def cells(free: np.ndarray) -> np.ndarray:
        mean, size = expit(free[0]), np.exp(np.clip(free[1], -9.0, 9.0))
        inside = beta_law.cdf(edges, mean * size, (1.0 - mean) * size)
        ladder = np.concatenate([[0.0], inside, [1.0]])
        weights = np.zeros(len(world.start))
        weights[inner] = np.maximum(np.diff(ladder), 0.0)
        return weights

    def loss(free: np.ndarray) -> float:
        return -_worth(likelihoods, problem.weights, cells(np.clip(free, -12.0, 12.0)))

    middle = float(np.clip(world.accuracy(0)[0], 0.01, 0.99))
    found = minimize(
        loss,
        [np.log(middle / (1.0 - middle)), 0.5],
        method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-4},
    )
    mean, size = float(expit(found.x[0])), float(np.exp(np.clip(found.x[1], -9.0, 9.0)))
    return BetaRates(
        mean * size, (1.0 - mean) * size, mean, max(0.0, world.log_likelihood + float(found.fun))
    )


def _worth(likelihoods: Likelihoods, weights: np.ndarray, mixture: np.ndarray) -> float:
    held = weights > 0.0
    inside = np.maximum(likelihoods.values[held] @ mixture, 1e-300)
    return float(weights[held] @ (np.log(inside) + likelihoods.scale[held]))
