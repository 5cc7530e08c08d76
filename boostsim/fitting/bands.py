"""Bands around a forecast: what is drawn, and which randomness it covers.

A forecast is for the very prompts of the log, whose histories are known. So each draw

1. resamples prompts with their whole histories, and refits speed and mixture: the fitted numbers'
   sampling error, whatever goes on within a prompt;
2. gives the prompts of the log, not the resampled ones, their posterior under that fit, and draws
   the average of their true rates from it: what their histories leave open;
3. for what will be *observed* adds the binomial noise of attempts that are yet to be made.

1 and 2 are the band of a mean, with 3 it is predictive. Neither has the choice of prompts in it
(other prompts than these vary more), nor that the speed may change or prompts have speeds of their
own: then the bands of the mean over all prompts still hold, those of classes hold less often. A
backtest shows both. Where all verdicts of a class are alike no resample of it differs: then
:mod:`boostsim.fitting.unanimous` says how far its bands reach at least. Bands are percentiles; an
interval reflected about the estimate ("basic") is wrong where the law of the estimate is skewed, as
it is near 0 and 1.

The refit is one Newton step from the fit of all prompts, with scores free of the mixture's and the
curvature of the profile likelihood, and then the most likely mixture there: a full climb takes
twenty times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from boostsim.fitting.buying import Buying
from boostsim.fitting.climb import SUPPORT, curvature
from boostsim.fitting.dynamics import FASTEST
from boostsim.fitting.histories import Histories
from boostsim.fitting.mixture import fitted, slices
from boostsim.fitting.reach import errors
from boostsim.fitting.unanimous import Unanimous
from boostsim.fitting.world import World, problem_of
from boostsim.progress import track

# Nats by which the mixture of a draw may fall short: it is a prior for prompts with long histories.
LOOSE = 0.5
# Normal draws of what histories leave open, for each draw of the fit: they cost nothing.
EACH = 8


@dataclass(frozen=True)
class Cells:
    """Prompts that share a history: what is averaged over.

    Attributes:
        ahead: steps after the last iteration, ascending, ``[steps]``.
        prompts: how many prompts have each history, ``[histories]``.
        attempts: of each of these prompts at each step ahead, ``[steps, histories]``. Where they
            stop at the first accepted one their number tells what came of them: then nothing is
            forecast from it but whether there are any.
        member: whether a history belongs to each class, ``[classes, histories]`` of 0 and 1.
    """

    ahead: np.ndarray
    prompts: np.ndarray
    attempts: np.ndarray
    member: np.ndarray

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return averages over attempts of each class, ``[steps, classes]``.

        Args:
            values: ``[steps, histories]``.
        """
        weight = self.attempts * self.prompts
        total = np.maximum(weight @ self.member.T, np.finfo(float).tiny)
        return (values * weight) @ self.member.T / total

    def by_prompt(self) -> Cells:
        """Return them with every prompt counted once."""
        return replace(self, attempts=np.ones(self.attempts.shape))

    def met(self) -> Cells:
        """Return them with every prompt counted once that makes attempts."""
        return replace(self, attempts=(self.attempts > 0) * 1.0)

    def variance(self, values: np.ndarray, shared: bool) -> np.ndarray:
        """Return variances of such averages, where prompts vary by themselves.

        Args:
            values: of one attempt, or what all attempts of a prompt share, ``[steps, histories]``.
            shared: which.
        """
        weight = self.attempts * self.prompts
        total = np.maximum(weight @ self.member.T, np.finfo(float).tiny)
        own = self.prompts * (self.attempts**2 if shared else self.attempts)
        # The square of a total of nothing would be 0.
        return (values * own) @ self.member.T / total / total


@dataclass(frozen=True)
class Draws:
    """Draws of what classes average, ``[draws, steps, classes]``.

    Attributes:
        correct: mean correct probability.
        rate: mean probability that an attempt is accepted.
        observed: share of accepted attempts.
        numbers: the dynamics' speeds, as fitted to each resample, ``[resamples, numbers]``.
        unanimous: what is known of classes whose verdicts are all alike.
    """

    correct: np.ndarray
    rate: np.ndarray
    observed: np.ndarray
    numbers: np.ndarray
    unanimous: Unanimous

    def band(self, name: str, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the central band, ``[steps, classes]`` each."""
        tail = 50.0 * (1.0 - confidence)
        low, high = np.percentile(getattr(self, name), [tail, 100.0 - tail], axis=0)
        for end in self.unanimous.ends(name, tail / 100.0):
            low, high = np.fmin(low, end), np.fmax(high, end)
        return low, high


def paths(
    world: World,
    counts: Histories,
    ahead: np.ndarray,
    bought: Buying,
    part: slice = slice(None),
) -> np.ndarray:
    """Return correct masses so many steps after the last iteration.

    Args:
        world: the fitted one.
        counts: the log's, for the labels that it bought.
        ahead: steps, ascending, at least -span, ``[steps]``.
        bought: how many labels the log buys.
        part: of the histories.

    Returns:
        ``[steps, grid]``; of a log that buys labels ``[steps, histories, grid]``.
    """
    moving, last = world.dynamics, counts.span
    if counts.labels is None:
        return moving.path(world.start, world.wrong, last + ahead)[0]
    own = counts.labels[part]
    right, wrong = (np.tile(each, (len(own), 1)) for each in (world.start, world.wrong))
    place = {int(time): column for column, time in enumerate(counts.times)}
    found = {0: right}
    for step in range(last + int(ahead[-1])):
        if step <= last:
            labels = own[:, place[step], None] if step in place else 0.0
        else:
            one, other = moving.accept
            labels = bought.by_visit((1.0 - one) * right + (1.0 - other) * wrong)
            labels = bought.visits[part, None] * labels
        right, wrong = moving.advance(right, wrong, step, labels)
        found[step + 1] = right
    return np.array([found[last + int(steps)] for steps in ahead])


def averages(
    world: World,
    counts: Histories,
    posterior: np.ndarray,
    ahead: np.ndarray,
    bought: Buying,
    *functions: Callable[[np.ndarray], np.ndarray],
) -> list[np.ndarray]:
    """Return each history's posterior means of functions of its correct mass.

    Args:
        world, counts, ahead, bought: see :func:`paths`.
        posterior: ``[histories, grid]``.
        functions: of the correct masses.

    Returns:
        For each function ``[steps, histories]``.
    """
    if counts.labels is None:
        right = paths(world, counts, ahead, bought)
        return [function(right) @ posterior.T for function in functions]
    found = [np.empty((len(ahead), len(posterior))) for _ in functions]
    for part in slices(len(posterior), posterior.shape[1] * (len(ahead) + counts.span)):
        right = paths(world, counts, ahead, bought, part)
        for values, function in zip(found, functions, strict=True):
            values[:, part] = np.einsum("thg,hg->th", function(right), posterior[part])
    return found


@dataclass(frozen=True)
class Stopped:
    """Attempts that stop at the first accepted one: what a prompt's visits show (T17).

    With A the rate, B = 1 - A, and N <= k the attempts of a visit, h whether one is accepted: E h =
    1 - B^k, E N = 1 + B + ... + B^(k-1), E hN = E N - k B^k, E N^2 = 1 + 3B + ... + (2k-1) B^(k-1).

    Args:
        visits: of a prompt in an iteration.
        most: k.
        accept: probability that a (correct, wrong) response is accepted.
    """

    visits: int
    most: int
    accept: tuple[float, float]

    def _rejected(self, right: np.ndarray) -> np.ndarray:
        one, other = self.accept
        return np.clip(1.0 - other - (one - other) * right, 0.0, 1.0)

    def hits(self, right: np.ndarray) -> np.ndarray:
        """Return the accepted attempts that are expected."""
        return self.visits * (1.0 - self._rejected(right) ** self.most)

    def made(self, right: np.ndarray) -> np.ndarray:
        """Return the attempts that are expected."""
        rate = np.clip(1.0 - self._rejected(right), 1e-12, 1.0 - 1e-16)
        return -self.visits * np.expm1(self.most * np.log1p(-rate)) / rate

    def moments(self) -> list[Callable[[np.ndarray], np.ndarray]]:
        """Return hits and made, their squares and product, and var h, cov(h, N), var N."""

        def h(right: np.ndarray) -> np.ndarray:
            return self.hits(right) / self.visits

        def n(right: np.ndarray) -> np.ndarray:
            return self.made(right) / self.visits

        def both(right: np.ndarray) -> np.ndarray:
            return n(right) - self.most * self._rejected(right) ** self.most - h(right) * n(right)

        def square(right: np.ndarray) -> np.ndarray:
            rejected, power = self._rejected(right), np.ones(right.shape)
            total = np.zeros(right.shape)
            for each in range(self.most):
                total += (2.0 * each + 1.0) * power
                power = power * rejected
            return total - n(right) ** 2

        return [
            self.hits,
            self.made,
            lambda right: self.hits(right) ** 2,
            lambda right: self.hits(right) * self.made(right),
            lambda right: self.made(right) ** 2,
            lambda right: self.visits * h(right) * (1.0 - h(right)),
            lambda right: self.visits * both(right),
            lambda right: self.visits * square(right),
        ]


def stopped(world: World, counts: Histories) -> Stopped | None:
    """Return what attempts show that stop at the first accepted one; None where they do not."""
    if counts.stopping is None:
        return None
    return Stopped(*counts.stopping, world.dynamics.accept)


def itself(right: np.ndarray) -> np.ndarray:
    """Return the correct mass."""
    return right


def by_history(world: World, counts: Histories, forgetting: float | None = None) -> np.ndarray:
    """Return the posterior of each history instead of each prompt, ``[histories, grid]``."""
    every = np.arange(len(counts.attempts))
    return world.posterior(replace(counts, history=every), forgetting)


def resampled(
    world: World, counts: Histories, draws: int, random: np.random.Generator
) -> Iterator[World]:
    """Yield the worlds that resampled prompts give.

    Args:
        world: fitted to the counts.
        counts: the log's.
        draws: how many.
        random: where resamples come from; of uniform numbers only.
    """
    problem, numbers = problem_of(counts, world)
    bent = curvature(problem, numbers, problem.likelihoods(numbers), world.weights)
    moves, _ = errors(problem, numbers, world.weights, bent)
    met = np.flatnonzero(counts.attempts.sum(1)[counts.history] > 0)
    # Scores free of the mixture's are what a regression on these leaves: their squares fall short
    # by a degree of freedom for each.
    lost = np.count_nonzero(world.weights > SUPPORT)
    wider = np.sqrt(len(met) / max(len(met) - int(lost), 1))
    many, high = len(world.dynamics.speed), FASTEST / max(counts.span, 1)
    low, high = (0.0, 1.0) if world.dynamics.kind == "arithmetic" else (-high, high)
    for _ in track(range(draws), "bootstrap", draws):
        drawn = counts.history[met[(random.random(len(met)) * len(met)).astype(int)]]
        weights = np.bincount(drawn, minlength=len(problem.weights)).astype(float)
        moved = numbers + wider * (weights @ bent.scores) @ moves
        moved[:many] = np.clip(moved[:many], low, high)
        mixture = fitted(problem.likelihoods(moved), weights, world.weights, gap=LOOSE)
        start, wrong = problem.start(moved)
        yield replace(
            world,
            start=start,
            wrong=wrong,
            weights=mixture.weights,
            dynamics=world.dynamics.at(moved, labels=problem.labelled),
        )


def draw(
    world: World,
    counts: Histories,
    cells: Cells,
    bought: Buying,
    draws: int,
    random: np.random.Generator,
) -> Draws:
    """Return draws of what each class averages at each step ahead.

    Args:
        world: fitted to the counts.
        counts: of the log up to now.
        cells: what is averaged over.
        bought: see :func:`paths`.
        draws: of the fit; each is used :data:`EACH` times.
        random: where they come from.
    """
    steps, classes = len(cells.ahead), len(cells.member)
    one, other = world.dynamics.accept
    found: list[list[np.ndarray]] = [[], [], []]
    numbers = []
    ends = stopped(world, counts)
    every = cells.by_prompt()
    for again in resampled(world, counts, draws, random):
        numbers.append(again.dynamics.speed)
        posterior = by_history(again, counts)
        mean, square = averages(again, counts, posterior, cells.ahead, bought, itself, np.square)
        # Of p given the history.
        open_ = np.maximum(square - mean**2, 0.0)
        if ends is None:
            rate = other + (one - other) * mean
            # Of an attempt's verdict given p, on average over p.
            own = other**2 + 2.0 * other * (one - other) * mean + (one - other) ** 2 * square
            noise = cells.variance(np.maximum(rate - own, 0.0), shared=False)
            level = cells.mean(rate)
            width = (one - other) ** 2 * cells.variance(open_, shared=True)
        else:
            moments = averages(again, counts, posterior, cells.ahead, bought, *ends.moments())
            level, width, noise = _ratio(cells.met(), moments)
        # What histories leave open moves a class the same way at every step.
        pool = random.standard_normal((EACH, 1, classes))
        attempt = np.sqrt(noise) * random.standard_normal((EACH, steps, classes))
        correct = every.mean(mean) + np.sqrt(every.variance(open_, shared=True)) * pool
        # In what bounds it a filter that errs keeps the accepted share.
        low, high = min(one, other), max(one, other)
        rates = np.clip(level + np.sqrt(width) * pool, low, high)
        found[0].append(np.clip(correct, 0.0, 1.0))
        found[1].append(rates)
        found[2].append(np.clip(rates + attempt, 0.0, 1.0))
    correct, rate, observed = (np.concatenate(each) for each in found)
    ahead = cells.attempts
    if ends is not None:
        # How many attempts were made tells what came of them.
        posterior = by_history(world, counts)
        [made] = averages(world, counts, posterior, cells.ahead, bought, ends.made)
        ahead = cells.met().attempts * made
    alike = _unanimous(world, counts, cells, ahead)
    return Draws(correct, rate, observed, np.array(numbers), alike)


def _unanimous(world: World, counts: Histories, cells: Cells, ahead: np.ndarray) -> Unanimous:
    made = counts.attempts.sum(1)
    total = (cells.prompts * made) @ cells.member.T
    share = (cells.prompts * counts.accepted.sum(1)) @ cells.member.T / np.maximum(total, 1.0)
    alike = (total > 0.0) & ((share == 0.0) | (share == 1.0))
    return Unanimous(
        accepted=np.where(alike, share, np.nan),
        attempts=made,
        prompts=cells.prompts * (made > 0),
        ahead=ahead,
        member=cells.member,
        accept=world.dynamics.accept,
    )


def _ratio(cells: Cells, moments: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return accepted attempts over attempts made, where these stop: what classes show together.

    R = sum E hits/sum E made; what is off it is sum (hits - R made)/sum E made.

    Returns:
        R, its variance by what histories leave open, and by the attempts' own noise,
        ``[steps, classes]`` each.
    """

    def sums(values: np.ndarray) -> np.ndarray:
        return (values * cells.attempts * cells.prompts) @ cells.member.T

    hits, made, hits_square, product, made_square, *own = moments
    total = np.maximum(sums(made), np.finfo(float).tiny)
    ratio = sums(hits) / total

    def variance(first: np.ndarray, both: np.ndarray, second: np.ndarray) -> np.ndarray:
        found = sums(first) - 2.0 * ratio * sums(both) + ratio**2 * sums(second)
        return np.maximum(found, 0.0) / total**2

    shared = hits_square - hits**2, product - hits * made, made_square - made**2
    return ratio, variance(*shared), variance(own[0], own[1], own[2])
