"""How fast log odds grow: one speed, a speed for each block of iterations, and whether they differ.

The speed D = log R an iteration (T9, T18; docs/theory.md) is the most likely one with the mixture
of first correct masses that is the most likely beside it. Its interval is by prompt: prompts are
independent, what one prompt shows in many iterations need not be. With psi_x the score of prompt x,
free of the mixture's, I the information, and a_x = I^-1 psi_x what a prompt adds to D's error,

    D +- t sqrt(v),  v the larger of n/(n - 1) sum_x a_x^2 and I^-1,

a sandwich, and what counts leave open where the model holds: either alone is too small where few
prompts tell of D, as where nearly all are solved. So t has 2 (sum a^2)^2/sum a^4 degrees of
freedom, at most n - 1, and an end goes on for as long as the log is less likely there by at most
t^2/2 nats (:mod:`boostsim.fitting.reach`). Where the filter's rates come from an audit their own
scores are added to psi_x. That all blocks have one speed is rejected where both the sandwich
(Hotelling's test) and the likelihood ratio do, so no more often in error than whichever of them is
right there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import chi2, norm
from scipy.stats import f as fisher
from scipy.stats import t as student

from boostsim.arguments import whole
from boostsim.certification.intervals import between_0_and_1
from boostsim.fitting.climb import curvature
from boostsim.fitting.dynamics import FASTEST
from boostsim.fitting.histories import Histories, histories
from boostsim.fitting.likelihood import Problem
from boostsim.fitting.reach import errors, reach
from boostsim.fitting.world import World, ends, problem_of, tells
from boostsim.objects import ByValue

if TYPE_CHECKING:
    from boostsim.logs.log import Log

BLOCKS = 4
# What log odds move by over the whole log, beyond which counts do not tell by how much.
STEEPEST = 0.9 * FASTEST
# Nats by which a learner has to be the better one to be named.
NATS = 2.0


@dataclass(frozen=True)
class Block:
    """The speed of one block of iterations.

    Attributes:
        first, last: numbers of its first and its last iteration, as the log writes them.
        log_ratio: D in it, an iteration.
        low, high: the interval; infinite where pass rates change by more than counts can tell.
    """

    first: int
    last: int
    log_ratio: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Speed(ByValue):
    """What :func:`speed` found. All numbers are None, and blocks empty, where ``why_not`` says why.

    Attributes:
        log_ratio: D = log R an iteration, as if it were constant.
        low, high: its interval, by prompt; infinite as a block's.
        standard_error: of D.
        confidence: of every interval.
        blocks: of iterations, each with its own speed.
        constant_p_value: of the test that all prompts have one speed in all blocks, the larger of
            Hotelling's and the likelihood ratio's; None of one block, and of fewer prompts than
            blocks. Small too where each prompt has a constant speed of its own: the fast ones are
            solved first, and the slow ones are left.
        why_not: why there is no speed, or None.
    """

    log_ratio: float | None
    low: float | None
    high: float | None
    standard_error: float | None
    confidence: float
    blocks: tuple[Block, ...]
    constant_p_value: float | None
    why_not: str | None = None

    @property
    def constant(self) -> bool:
        """Whether the test lets the speed pass as constant, at 1 - confidence."""
        return self.constant_p_value is None or self.constant_p_value > 1.0 - self.confidence

    def summary(self) -> str:
        """Return a few plain sentences."""
        if self.log_ratio is None:
            return f"Speed: none, {self.why_not}."
        told = (
            f"Speed: log odds grow by {self.log_ratio:.4g} an iteration "
            f"({self.low:.4g} to {self.high:.4g} at {self.confidence:g}, by prompt)"
        )
        if len(self.blocks) < 2:
            return f"{told}."
        parts = ", ".join(f"{each.log_ratio:.4g}" for each in self.blocks)
        if self.constant_p_value is None:
            return f"{told}; by blocks {parts}: so few prompts do not tell whether it changes."
        if self.constant:
            return (
                f"{told}; by blocks {parts}: no change is seen (p = {self.constant_p_value:.2g})."
            )
        return (
            f"{told}, but one constant speed of all prompts does not explain the log: by blocks "
            f"{parts} (p = {self.constant_p_value:.2g}). What lies ahead goes at the last block's."
        )


@dataclass(frozen=True, eq=False)
class Explained(ByValue):
    """Which learner explains a log best: :func:`explained`.

    Attributes:
        best: ``"odds"``, ``"arithmetic"``, ``"strong"`` or ``"none"``.
        behind: nats by which each lies behind the best, numbers that were fitted counted at one
            nat each.
        runner_up: the next best.
        standard_errors: by how many each is worse, by prompt (Vuong 1989); None where no prompt
            tells a difference.
        told_apart: whether the best is better than the next by two nats and 1.96 of these.
        worlds: fitted to each.
    """

    best: str
    behind: dict[str, float]
    runner_up: str
    standard_errors: dict[str, float | None]
    told_apart: bool
    worlds: dict[str, World]

    def summary(self) -> str:
        """Return a plain sentence."""
        names = {
            "odds": "multiplying odds (policy gradient)",
            "arithmetic": "an arithmetic partial step",
            "strong": "the strong learner",
            "none": "no learning at all",
        }
        others = ", ".join(
            f"{names[name]} is {nats:,.0f} nats behind"
            if nats < 1e6
            else f"{names[name]} is ruled out"
            for name, nats in sorted(self.behind.items(), key=lambda each: each[1])
            if name != self.best
        )
        sure = "" if self.told_apart else " (the first two are not told apart by this log)"
        return f"Learner: {names[self.best]} explains the log best{sure}; {others}."


def speed(
    log: Log | Histories,
    *,
    accept: tuple[float, float] = (1.0, 0.0),
    rates_scores: np.ndarray | None = None,
    beta: float = 0.0,
    blocks: int = BLOCKS,
    confidence: float = 0.95,
    world: World | None = None,
) -> Speed:
    """Estimate the growth of log odds an iteration, with an interval by prompt.

    Args:
        log: the log, or its counts.
        accept: probability that a (correct, wrong) response is accepted.
        rates_scores: what each prompt adds to the error of these two, ``[prompts, 2]``, where they
            were estimated (they sum to about 0, their outer products to the variance); None where
            they are known.
        beta: how often a label is right, where the log buys labels.
        blocks: of iterations, at most; each takes two steps or more.
        confidence: of every interval.
        world: fitted to odds with one block, where it is at hand.

    Raises:
        ValueError: for a confidence outside (0, 1), fewer than one block, and a filter that accepts
            right responses no more often than wrong ones.
    """
    confidence = between_0_and_1("confidence", confidence)
    tells(accept)
    counts = log if isinstance(log, Histories) else histories(log)
    most = max(1, min(whole("blocks", blocks, 1), (len(counts.times) - 1) // 2))
    why_not = _why_not(counts)
    if why_not is not None:
        return Speed(None, None, None, None, confidence, (), None, why_not)
    alone = World.estimate(counts, accept=accept, beta=beta) if world is None else world
    every = blocked = _numbers(counts, alone, rates_scores)
    constant = None
    if most > 1:
        world = World.estimate(counts, accept=accept, blocks=most, beta=beta, alone=alone)
        blocked = _numbers(counts, world, rates_scores)
        gained = max(world.log_likelihood - alone.log_likelihood, 0.0)
        constant = _constant(blocked, gained)
    value = float(every.values[0])
    error, low, high = every.interval(0, confidence)
    if counts.span * abs(value) > STEEPEST or not 0.0 < error < np.inf:
        why_not = "for pass rates change by more than counts can tell"
        return Speed(None, None, None, None, confidence, (), None, why_not)
    return Speed(
        log_ratio=value,
        low=low,
        high=high,
        standard_error=error,
        confidence=confidence,
        blocks=_blocks(counts, blocked, confidence),
        constant_p_value=constant,
    )


def _why_not(counts: Histories) -> str | None:
    """Return why a log has no speed, or None."""
    if counts.prompts < 2:
        return "for one prompt alone says nothing of how prompts vary"
    met = counts.attempts > 0
    if (met.sum(1) < 2).all():
        return "for no prompt was met in two iterations"
    held = counts.attempts.sum(1)
    passed = counts.accepted.sum(1)
    if (passed == 0).all():
        return "for no attempt was accepted"
    if (passed == held).all():
        return "for every attempt was accepted"
    if ((passed == 0) | (passed == held)).all():
        return "for every prompt's attempts were all accepted or all rejected"
    rejected = counts.attempts - counts.accepted
    before = np.cumsum(rejected, axis=1) - rejected, np.cumsum(counts.accepted, axis=1)
    rises = (counts.accepted * before[0]).sum()
    falls = (rejected * (before[1] - counts.accepted)).sum()
    if rises == 0.0 or falls == 0.0:
        return "for pass rates change by more than counts can tell: nothing goes the other way"
    return None


@dataclass(frozen=True)
class _Numbers:
    """Fitted speeds, and how sure they are.

    Attributes:
        problem, mixture: what they were fitted to, and the mixture beside them, ``[grid]``.
        values: all numbers that were fitted, speeds first, ``[numbers]``.
        covariance: of their errors, where the model holds, ``[numbers, numbers]``.
        influence: what each prompt adds to their errors, ``[prompts, numbers]``.
    """

    problem: Problem
    mixture: np.ndarray
    values: np.ndarray
    covariance: np.ndarray
    influence: np.ndarray

    @property
    def speeds(self) -> int:
        """How many there are."""
        return len(self.problem.dynamics.speed)

    def sandwich(self) -> np.ndarray:
        """Return the covariance by prompt, ``[numbers, numbers]``."""
        prompts = len(self.influence)
        return self.influence.T @ self.influence * (prompts / (prompts - 1.0))

    def interval(self, place: int, confidence: float) -> tuple[float, float, float]:
        """Return the standard error of a speed, and the ends of its interval."""
        squares = self.influence[:, place] ** 2
        fourth = max(float(squares @ squares), np.finfo(float).tiny)
        freedom = min(max(2.0 * squares.sum() ** 2 / fourth, 1.0), len(squares) - 1.0)
        wide = float(student.ppf(0.5 + confidence / 2.0, freedom))
        error = float(np.sqrt(max(self.sandwich()[place, place], self.covariance[place, place])))
        value, bound = float(self.values[place]), STEEPEST / self.problem.counts.span
        # Where the log tells nothing of a speed, no error is known.
        first = max(wide * error, 1e-4 * bound)
        information = np.linalg.pinv(self.covariance, rcond=1e-12, hermitian=True)
        ends = [
            value
            + reach(
                self.problem,
                self.values,
                self.mixture,
                information,
                place,
                first=side * first,
                nats=wide**2 / 2.0,
                most=max(bound - side * value, 0.0),
            )
            for side in (-1.0, 1.0)
        ]
        return error, ends[0], ends[1]


def _numbers(counts: Histories, world: World, rates_scores: np.ndarray | None) -> _Numbers:
    problem, numbers = problem_of(counts, world)
    likelihoods = problem.likelihoods(numbers)
    bent = curvature(problem, numbers, likelihoods, world.weights)
    scores = bent.scores[counts.history]
    if rates_scores is not None:
        scores = scores + rates_scores @ _moved_by_rates(problem, numbers, world, bent.load)
    moves, covariance = errors(problem, numbers, world.weights, bent)
    return _Numbers(problem, world.weights, numbers, covariance, scores @ moves)


def _moved_by_rates(
    problem: Problem, numbers: np.ndarray, world: World, load: np.ndarray
) -> np.ndarray:
    """Return how the scores' sums go with the filter's rates, ``[2, numbers]``."""
    found = np.zeros((2, len(numbers)))
    for place in range(2):
        sums = []
        for sign in (1.0, -1.0):
            accept = list(world.dynamics.accept)
            accept[place] += sign * 1e-4
            moved = problem.filtered((accept[0], accept[1]))
            likelihoods = moved.likelihoods(numbers)
            at = curvature(moved, numbers, likelihoods, world.weights)
            sums.append(at.sums[0] + load.T @ at.sums[1])
        found[place] = (sums[0] - sums[1]) / 2e-4
    return found


def _blocks(counts: Histories, numbers: _Numbers, confidence: float) -> tuple[Block, ...]:
    bounds = [0, *ends(counts, numbers.speeds), counts.span]
    found = []
    for place in range(numbers.speeds):
        first, last = (counts.first + counts.step * bounds[place + each] for each in (0, 1))
        _, low, high = numbers.interval(place, confidence)
        found.append(Block(first, last, float(numbers.values[place]), low, high))
    return tuple(found)


def _constant(numbers: _Numbers, gained: float) -> float | None:
    """Return the p-value of the test that all speeds are one.

    Args:
        numbers: the speeds.
        gained: nats by which they are likelier than one speed.
    """
    prompts, free = len(numbers.influence), numbers.speeds - 1
    if prompts <= free:
        return None
    contrast = np.diff(np.eye(free + 1, len(numbers.values)), axis=0)
    apart = contrast @ numbers.values
    spread = contrast @ numbers.sandwich() @ contrast.T
    statistic = float(apart @ np.linalg.pinv(spread, hermitian=True) @ apart)
    scaled = statistic * (prompts - free) / (free * (prompts - 1.0))
    by_prompt = fisher.sf(scaled, free, prompts - free)
    return float(max(by_prompt, chi2.sf(2.0 * gained, free)))


def explained(
    log: Log | Histories,
    *,
    accept: tuple[float, float] = (1.0, 0.0),
    beta: float = 0.0,
    odds: World | None = None,
) -> Explained:
    """Say which learner explains a log best, by log-likelihood with the best mixture for each.

    Args:
        log: the log, or its counts.
        accept: probability that a (correct, wrong) response is accepted.
        beta: how often a label is right, where the log buys labels.
        odds: the world fitted to odds, where it is at hand.
    """
    counts = log if isinstance(log, Histories) else histories(log)
    worlds = {
        kind: odds
        if kind == "odds" and odds is not None
        else World.estimate(counts, accept=accept, kind=kind, beta=beta)
        for kind in ("odds", "arithmetic", "strong", "none")
    }
    worth = {
        kind: world.log_likelihood - len(world.dynamics.speed) for kind, world in worlds.items()
    }
    first, second = sorted(worth, key=lambda kind: worth[kind], reverse=True)[:2]
    weights = counts.weights()
    own = worlds[first].log_likelihoods(counts)
    errors: dict[str, float | None] = {}
    for kind, world in worlds.items():
        apart = own - world.log_likelihoods(counts)
        mean = float(weights @ apart / weights.sum())
        spread = float(np.sqrt(weights @ (apart - mean) ** 2)) / float(weights.sum())
        errors[kind] = mean / spread if spread > 0.0 else None
    behind = {kind: worth[first] - value for kind, value in worth.items()}
    return Explained(
        best=first,
        behind=behind,
        runner_up=second,
        standard_errors=errors,
        told_apart=behind[second] > NATS and (errors[second] or 0.0) > norm.isf(0.025),
        worlds=worlds,
    )
