"""A fitted world: where prompts begin, how they move, and what the filter makes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.arguments import choice, finite, refuse, whole
from boostsim.fitting.climb import maximum
from boostsim.fitting.dynamics import FASTEST, KINDS, Dynamics, moved_odds, passed
from boostsim.fitting.histories import Histories, histories
from boostsim.fitting.likelihood import Problem, grid
from boostsim.fitting.mixture import fitted
from boostsim.objects import ByValue

if TYPE_CHECKING:
    from boostsim.logs.log import Log

# What a climb may move the log odds by, over the whole log, and log w.
LIGHTEST, HEAVIEST = -12.0, 12.0
# Arithmetic steps to begin at: the likelihood may have several tops. And what log odds move by over
# the whole log, where a climb from no move has missed a higher one; by so many nats, at least.
BEGINNINGS = (0.001, 0.01, 0.1, 0.5, 0.95)
MOVES = (-24.0, -16.0, -8.0, -4.0, 4.0, 8.0, 16.0, 24.0)
HIGHER = 0.01
# Log odds that move by more than this away from the middle of a log leave the grid there: it is
# made to reach as much further, so many times.
NEAR, WIDENED = 2.0, 3


@dataclass(frozen=True, eq=False)
class World(ByValue):
    """A mixing distribution of first correct masses, and a law of motion.

    Attributes:
        start: correct mass of each grid point at the log's first iteration, ``[grid]``, ascending,
            exactly 0 first and exactly 1 last.
        wrong: 1 minus it, given by itself: of 1e-9 nothing is lost.
        weights: share of the prompts there, ``[grid]``.
        dynamics: how they move: its ``kind``, ``speed``, ``accept`` (the filter's rates).
        span: steps from the log's first iteration to its last.
        log_likelihood: in nats, of what was fitted.
    """

    start: np.ndarray
    wrong: np.ndarray
    weights: np.ndarray
    dynamics: Dynamics
    span: int
    log_likelihood: float

    def correct(self, iterations: int) -> np.ndarray:
        """Return the correct mass after 0, 1, ..., so many steps, ``[iterations + 1, grid]``.

        Without labels; :meth:`advance` takes them.
        """
        times = np.arange(whole("iterations", iterations, 0, 10**6) + 1)
        return self.dynamics.path(self.start, self.wrong, times)[0]

    def accuracy(self, iterations: int) -> np.ndarray:
        """Return the mean correct mass after 0, 1, ..., so many steps, ``[iterations + 1]``."""
        return self.correct(iterations) @ self.weights

    def advance(self, right: np.ndarray, step: int, labels: Any = 0.0) -> np.ndarray:
        """Return correct masses one step later, where so many labels were bought.

        Args:
            right: p, of any shape.
            step: of the log; the last block's speed holds for all later ones.
            labels: L, of a shape that broadcasts.
        """
        return self.dynamics.advance(right, 1.0 - right, step, labels)[0]

    def posterior(self, log: Log | Histories, forgetting: float | None = None) -> np.ndarray:
        """Return the law of each prompt's grid point given what it showed, ``[prompts, grid]``.

        Args:
            log: the log, or its counts.
            forgetting: in (0, 1]: what an iteration counts for, relative to the one after it; None
                counts all alike.

        Raises:
            ValueError: for a factor outside (0, 1].
        """
        counts = log if isinstance(log, Histories) else histories(log)
        if forgetting is not None:
            factor = finite("forgetting", forgetting, 0.0, 1.0)
            if factor == 0.0:
                raise refuse("forgetting", "above 0", forgetting)
            fading = factor ** (counts.times[-1] - counts.times).astype(float)
            counts = replace(
                counts, attempts=counts.attempts * fading, accepted=counts.accepted * fading
            )
        problem = Problem(counts, counts.weights(), self.start, self.wrong, self.dynamics)
        likelihoods = problem.likelihoods(problem.numbers)
        return likelihoods.posterior(self.weights)[counts.history]

    def log_likelihoods(self, counts: Histories) -> np.ndarray:
        """Return the log-likelihood of each history, in nats, ``[histories]``."""
        problem, numbers = problem_of(counts, self)
        return problem.likelihoods(numbers).log(self.weights)

    @staticmethod
    def estimate(
        log: Log | Histories,
        *,
        accept: tuple[float, float] = (1.0, 0.0),
        kind: str = "odds",
        blocks: int = 1,
        beta: float = 0.0,
        prompt_weights: Any = None,
        like: World | None = None,
        alone: World | None = None,
    ) -> World:
        """Fit a world: the most likely mixture and speed, found together.

        Args:
            log: the log, or its counts (``boostsim.fitting.histories``): many fits share them.
            accept: probability that a (correct, wrong) response is accepted.
            kind: of the dynamics: ``"odds"``, ``"arithmetic"``, ``"strong"``, ``"none"``.
            blocks: of iterations, each with a speed of its own; odds only.
            beta: how often a label is right, where the log buys labels.
            prompt_weights: of each prompt, ``[prompts]``: how often a bootstrap drew it.
            like: a world of the same log to begin at.
            alone: that with one block, where there are several and it is at hand: what has a speed
                for each is no less likely.

        Raises:
            ValueError: for an unknown kind, more blocks than steps, a log without attempts, and a
                filter that accepts right responses no more often than wrong ones.

        Example:
            >>> counts = Histories(np.array([0, 1]), 1, 0, np.array([[8.0, 8.0]] * 2),
            ...     np.array([[2.0, 4.0], [4.0, 6.0]]), None, np.array([0, 0, 1]))
            >>> world = World.estimate(counts)
            >>> [round(float(each), 2) for each in (*world.dynamics.speed, world.accuracy(0)[0])]
            [1.04, 0.33]
        """
        counts = log if isinstance(log, Histories) else histories(log)
        choice("kind", kind, KINDS)
        blocks = whole("blocks", blocks, 1)
        tells(accept)
        weights = counts.weights(prompt_weights)
        moving = Dynamics(kind, accept=accept, attempts=counts.usual_attempts, beta=beta)
        if counts.span == 0 and kind in ("odds", "arithmetic"):
            moving = replace(moving, kind="none")
        elif kind == "odds":
            moving = replace(moving, ends=ends(counts, blocks), speed=(0.0,) * blocks)
        elif kind == "arithmetic":
            moving = replace(moving, speed=(BEGINNINGS[1],))
        if like is not None:
            if like.dynamics.kind == moving.kind and like.dynamics.ends == moving.ends:
                moving = replace(
                    moving,
                    speed=like.dynamics.speed,
                    label_weight=like.dynamics.label_weight,
                )
        elif blocks > 1 and moving.kind == "odds":
            found = _climbed(counts, weights, moving, None)
            if alone is None:
                told: dict[str, Any] = {"accept": accept, "beta": beta}
                alone = World.estimate(counts, prompt_weights=prompt_weights, **told)
            if found.log_likelihood < alone.log_likelihood:
                found = _higher(found, _climbed(counts, weights, _alike(moving, alone), alone))
            return found
        found = _climbed(counts, weights, moving, like)
        if like is None and moving.kind == "odds":
            for other in _elsewhere(counts, weights, found):
                found = _higher(found, _climbed(counts, weights, other, None))
        return found


def tells(accept: tuple[float, float]) -> None:
    """Refuse a filter whose verdicts do not tell how the model does.

    Raises:
        ValueError: for one that accepts right responses no more often than wrong ones.
    """
    if not accept[0] > accept[1]:
        raise refuse("accept", "a larger probability for right responses than wrong", accept)


def _alike(moving: Dynamics, alone: World) -> Dynamics:
    """Return dynamics of blocks that all have the speed of one fit."""
    speed = alone.dynamics.speed * len(moving.speed)
    return replace(moving, speed=speed, label_weight=alone.dynamics.label_weight)


def _higher(first: World, other: World) -> World:
    """Return the likelier world; the first where the other is not told from it."""
    return other if other.log_likelihood > first.log_likelihood + HIGHER else first


def _elsewhere(counts: Histories, weights: np.ndarray, found: World) -> list[Dynamics]:
    """Return where to begin once more: at the best of other speeds, if it is likelier as it is."""
    others = [
        replace(found.dynamics, speed=(move / counts.span,), label_weight=1.0) for move in MOVES
    ]
    best, least = [], found.log_likelihood
    for moving in others:
        problem = _problem(counts, weights, moving)
        likelihoods = problem.likelihoods(problem.numbers)
        worth = fitted(likelihoods, weights, gap=1.0, least=least).log_likelihood
        if worth > least:
            best, least = [moving], worth
    return best


def _problem(counts: Histories, weights: np.ndarray, moving: Dynamics) -> Problem:
    """Return the problem of a fit that begins at these dynamics."""
    if moving.kind != "odds":
        return Problem(counts, weights, *grid(counts), moving)
    center, speed = middle(counts, moving), np.array(moving.speed)
    steps = passed(counts.times, moving.ends)
    away = float(np.abs((steps - center) @ speed).max())
    further = away if away > NEAR else 0.0
    return Problem(counts, weights, *grid(counts, further), moving, center)


def _climbed(counts: Histories, weights: np.ndarray, moving: Dynamics, like: World | None) -> World:
    """Return the world at the top that a climb from these dynamics comes to.

    Where it has come so far that prompts leave the grid, the grid is widened, and it goes on.
    """
    for _ in range(WIDENED):
        problem = _problem(counts, weights, moving)
        start = problem.numbers
        if moving.kind == "arithmetic" and like is None:
            starts = [np.append([each], start[1:]) for each in BEGINNINGS]
            worth = [
                fitted(problem.likelihoods(each), weights, gap=1.0).log_likelihood
                for each in starts
            ]
            start = starts[int(np.argmax(worth))]
        begin = None
        if like is not None and like.weights.shape == problem.right.shape:
            begin = like.weights
        numbers, mixture = maximum(problem, start, *bounds(problem), begin)
        moving = moving.at(numbers, labels=problem.labelled)
        if len(_problem(counts, weights, moving).right) <= len(problem.right):
            break
    first = problem.start(numbers)
    return World(
        start=first[0],
        wrong=first[1],
        weights=mixture.weights,
        dynamics=moving,
        span=counts.span,
        log_likelihood=mixture.log_likelihood,
    )


def problem_of(counts: Histories, world: World) -> tuple[Problem, np.ndarray]:
    """Return the problem whose solution a world is, on its grid, and the solution's numbers."""
    moving = world.dynamics
    if moving.kind != "odds":
        problem = Problem(counts, counts.weights(), world.start, world.wrong, moving)
        return problem, problem.numbers
    center = middle(counts, moving)
    right, wrong = moved_odds(world.start, world.wrong, center @ np.array(moving.speed))
    problem = Problem(counts, counts.weights(), right, wrong, moving, center)
    return problem, problem.numbers


def bounds(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest numbers that a fit may find."""
    many = len(problem.dynamics.speed)
    steepest = FASTEST / max(problem.counts.span, 1)
    odds = problem.dynamics.kind == "odds"
    low, high = np.full(many, -steepest if odds else 0.0), np.full(many, steepest if odds else 1.0)
    if problem.labelled:
        return np.append(low, LIGHTEST), np.append(high, HEAVIEST)
    return low, high


def middle(counts: Histories, moving: Dynamics) -> np.ndarray:
    """Return how many steps of each block have passed on average over attempts, ``[blocks]``."""
    made = counts.weights() @ counts.attempts
    return made @ passed(counts.times, moving.ends) / made.sum()


def ends(counts: Histories, blocks: int) -> tuple[int, ...]:
    """Return the steps at which blocks of iterations end, all but the last one's.

    Raises:
        ValueError: for more blocks than steps between iterations.
    """
    transitions = len(counts.times) - 1
    if blocks > transitions:
        raise refuse("blocks", f"at most the {transitions} steps between iterations", blocks)
    places = [round(each * transitions / blocks) for each in range(1, blocks)]
    return tuple(int(counts.times[place]) for place in places)
