"""Logs whose truth is known, made with NumPy alone: what is fitted to them has no part in it."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

from boostsim.logs.log import Log


class Made(NamedTuple):
    """A log, and the truth behind it."""

    log: Log
    correct: np.ndarray  # [prompts, iterations + ahead], every prompt's correct probability
    accepted: np.ndarray  # [prompts, iterations + ahead], what its attempts would show


def log_of(accepted, attempts=8, **more):
    """A log of counts ``[prompts, iterations]``; attempts broadcast."""
    accepted = np.asarray(accepted)
    prompts, iterations = accepted.shape
    return Log(
        prompts=np.arange(prompts),
        iterations=np.arange(iterations),
        prompt=np.repeat(np.arange(prompts), iterations),
        iteration=np.tile(np.arange(iterations), prompts),
        attempts=np.broadcast_to(attempts, accepted.shape).ravel(),
        accepted=accepted.ravel(),
        **more,
    )


def made(
    seed,
    prompts=80,
    iterations=9,
    ahead=5,
    attempts=4,
    speed=0.15,
    accept=(1.0, 0.0),
    helpless=0.2,
    uneven=0.0,
):
    """A run whose log odds grow by ``speed`` an iteration (one, or one for each iteration)."""
    random = np.random.default_rng(seed)
    start = expit(random.normal(-1.0, 1.5, prompts))
    start[random.random(prompts) < helpless] = 0.0
    moved = np.cumsum(np.append(0.0, np.broadcast_to(speed, iterations + ahead - 1)))
    own = 1.0 + uneven * random.normal(size=(prompts, 1))
    with np.errstate(divide="ignore"):
        correct = expit(logit(start)[:, None] + own * moved)
    rate = accept[1] + (accept[0] - accept[1]) * correct
    accepted = random.binomial(attempts, rate)
    return Made(log_of(accepted[:, :iterations], attempts), correct, accepted)
