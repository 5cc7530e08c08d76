"""One forecast four ways: the fitted speed, the literal theory, a straight line, no change.

Difficulty classes are made from the posterior mean of each prompt's correct probability at the last
iteration of what was fitted, never from counts of the iterations that are forecast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from boostsim.fitting.bands import Cells, averages, by_history, itself, stopped
from boostsim.fitting.buying import buying
from boostsim.fitting.histories import Histories
from boostsim.fitting.rivals import centred, literal, no_change, straight_line
from boostsim.fitting.speed import speed
from boostsim.fitting.world import World

if TYPE_CHECKING:
    from boostsim.curation.procedure import Procedure

# Between what correct probabilities a class lies.
EDGES = (0.0, 0.05, 0.3, 0.7, 0.95, 1.0)
ALL = "all"
FITTED = "fitted_speed"
METHODS = (FITTED, "literal_theory", "straight_line", "no_change")


@dataclass(frozen=True)
class Outlook:
    """Four forecasts of the share of accepted attempts.

    Attributes:
        cells: what is averaged over.
        classes: names, ``ALL`` first, ``[classes]``.
        correct: the fitted mean correct probability of each class, ``[steps, classes]``.
        failing: that none of a prompt's usual attempts is accepted, ``[steps, classes]``.
        generations: responses to a prompt in an iteration, ``[steps, classes]``.
        labels: bought for a prompt in an iteration, ``[steps, classes]``.
        rates: of each method, ``[steps, classes]``.
        each: of each method, for each history, ``[steps, histories]``.
    """

    cells: Cells
    classes: tuple[str, ...]
    correct: np.ndarray
    failing: np.ndarray
    generations: np.ndarray
    labels: np.ndarray
    rates: dict[str, np.ndarray]
    each: dict[str, np.ndarray]


def _classes_of(correct: np.ndarray, prompts: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names of the difficulty classes that have prompts, and who belongs to each.

    Args:
        correct: posterior mean correct probability of each history, ``[histories]``.
        prompts: how many prompts have it, ``[histories]``.

    Returns:
        Names, and membership ``[classes, histories]``; the first is all.

    Example:
        >>> _classes_of(np.array([0.01, 0.5]), np.array([1.0, 1.0]))[0]
        ('all', '0 to .05', '.3 to .7')
    """
    names, members = [ALL], [np.ones(len(correct))]
    for low, high in pairwise(EDGES):
        inside = (correct >= low) & ((correct < high) | (high == 1.0))
        if prompts[inside].any():
            names.append(f"{low:g} to {high:g}".replace("0.", "."))
            members.append(inside.astype(float))
    return tuple(names), np.array(members)


def outlook(
    world: World,
    counts: Histories,
    ahead: np.ndarray,
    attempts: np.ndarray | None,
    procedure: Procedure,
    visits: int | None,
    key: jax.Array | int,
) -> Outlook:
    """Return the four forecasts.

    Args:
        world: fitted to the counts.
        counts: of the log up to now.
        ahead: steps after its last iteration, ``[steps]``.
        attempts: of a prompt of each history, ``[steps, histories]``; None: as many as usual.
        procedure: for the literal theory, which learns all that it is shown.
        visits: its visits to a prompt in an iteration; None for infinitely many.
        key: of its runs.
    """
    posterior, prompts = by_history(world, counts), counts.weights()
    bought, usual = buying(counts), counts.usual_attempts
    one, other = world.dynamics.accept
    ends = stopped(world, counts)
    # The literal theory is run from the points of a grid, between which it is interpolated.
    run = literal(procedure, world.start, int(ahead[-1]), visits, key)[ahead - 1]
    now = np.array([0])
    learned: list[Any] = [partial(np.interp, xp=world.start, fp=row) for row in run]
    found = averages(world, counts, posterior, now, bought, itself, *learned)
    present, strong = found[0][0], np.array([each[0] for each in found[1:]])

    def none(right: np.ndarray) -> np.ndarray:
        return (1.0 - other - (one - other) * right) ** usual

    def made(right: np.ndarray) -> np.ndarray:
        return np.full(right.shape, float(usual)) if ends is None else ends.made(right)

    def labels(right: np.ndarray) -> np.ndarray:
        return bought.by_visit(1.0 - other - (one - other) * right)

    def passed(right: np.ndarray) -> np.ndarray:
        return made(right) * (other + (one - other) * right) if ends is None else ends.hits(right)

    def sums(functions: list[Any], at: np.ndarray) -> list[np.ndarray]:
        return averages(world, counts, posterior, at, bought, *functions)

    correct, failing, generations, hits, buys = sums([itself, none, made, passed, labels], ahead)
    names, member = _classes_of(present, prompts)
    cells = Cells(ahead, prompts, generations if attempts is None else attempts, member)
    literally = [usual * (other + (one - other) * strong), generations]
    if ends is not None:
        kinds = [[partial(_then, of, row) for row in learned] for of in (ends.hits, ends.made)]
        literally = [np.array([each[0] for each in sums(kind, now)]) for kind in kinds]
    expected = {FITTED: (hits, generations), "literal_theory": literally}
    each = {name: above / below for name, (above, below) in expected.items()}
    rates = {name: cells.mean(values) for name, values in each.items()}
    if ends is not None:
        # The number of attempts tells what came of them: the model's number stands for it.
        met, tiny = cells.met(), np.finfo(float).tiny
        for name, (above, below) in expected.items():
            rates[name] = met.mean(above) / np.maximum(met.mean(below), tiny)

    before = counts.times - counts.span
    past = averages(world, counts, posterior, before, bought, itself)[0]
    total = member @ (prompts[:, None] * counts.attempts)
    modelled = member @ (prompts[:, None] * counts.attempts * (other + (one - other) * past.T))
    observed = member @ (prompts[:, None] * counts.accepted)
    curve = centred(observed, total, modelled / np.maximum(total, np.finfo(float).tiny))
    rates["straight_line"] = straight_line(curve, total, counts.times, counts.span + ahead).T
    rates["no_change"] = no_change(curve, total, ahead).T
    # Within a class prompts differ as the fit says, for all: the methods differ in the time course.
    own = member[1:].argmax(0)
    above, below = sums([passed, made], now)
    offset = above[0] / below[0]
    offset = offset - (member[1:] @ (prompts * offset) / (member[1:] @ prompts))[own]
    for name in METHODS[2:]:
        each[name] = np.clip(rates[name][:, 1:][:, own] + offset, 0.0, 1.0)
    # What is said of prompts is averaged over prompts, what is observed over attempts.
    by_prompt = cells.by_prompt()
    return Outlook(
        cells=cells,
        classes=names,
        correct=by_prompt.mean(correct),
        failing=by_prompt.mean(failing),
        generations=by_prompt.mean(generations),
        labels=by_prompt.mean(buys * bought.visits),
        rates=rates,
        each=each,
    )


def _then(
    function: Callable[[np.ndarray], np.ndarray],
    first: Callable[[np.ndarray], np.ndarray],
    right: np.ndarray,
) -> np.ndarray:
    return function(first(right))


def settled(world: World, counts: Histories, confidence: float) -> World:
    """Return the world that a forecast goes on from: with blocks where the speed is not constant.

    Where a test at 1 - confidence says that blocks of iterations have speeds of their own, they are
    fitted, and what lies ahead goes at the last block's speed.
    """
    if world.dynamics.kind != "odds" or len(world.dynamics.speed) != 1:
        return world
    moving = world.dynamics
    found = speed(
        counts, accept=moving.accept, beta=moving.beta, confidence=confidence, world=world
    )
    if found.constant:
        return world
    blocks = len(found.blocks)
    return World.estimate(
        counts, accept=moving.accept, beta=moving.beta, blocks=blocks, alone=world
    )
