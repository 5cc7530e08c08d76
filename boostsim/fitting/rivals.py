"""What a forecast has to beat: a straight line, no change, and the theory taken literally.

Classes of prompts are made from the fitted model's posterior, so what a class did in the very
iterations that made it is more extreme than what it will do (regression to the mean). Hence a
class's curve is taken about its own average, and the average is the posterior's:

    s_c(t) = observed_c(t) - average_t observed_c + average_t fitted_c,

each average weighted by attempts. Both rivals extrapolate s_c: a line by least squares weighted by
attempts, no change by its mean over the last tenth of the iterations (at least one).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import jax
import numpy as np

from boostsim.learners.strong import StrongLearner
from boostsim.simulation.run import simulate
from boostsim.tasks.table import table_task

if TYPE_CHECKING:
    from boostsim.curation.procedure import Procedure

# Runs over which the literal theory is averaged, at finite visits.
RUNS = 64
# The share of the iterations, at the end, whose mean level "no change" keeps.
LATEST = 0.1


def centred(accepted: np.ndarray, attempts: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Return s_c(t), ``[classes, times]``: NaN where a class made no attempts in an iteration.

    Args:
        accepted, attempts: sums over each class's prompts, ``[classes, times]``.
        fitted: the model's accepted rate of the same attempts, ``[classes, times]``.
    """
    weight = attempts / attempts.sum(1, keepdims=True)
    rate = np.divide(accepted, attempts, out=np.full(attempts.shape, np.nan), where=attempts > 0)
    level = np.nansum(weight * (fitted - np.nan_to_num(rate)), axis=1, keepdims=True)
    return rate + level


def straight_line(
    curve: np.ndarray, attempts: np.ndarray, times: np.ndarray, ahead: np.ndarray
) -> np.ndarray:
    """Return each class's line, ``[classes, ahead]``, within [0, 1].

    Args:
        curve: s_c, ``[classes, times]``.
        attempts: weights of the least squares, ``[classes, times]``.
        times: of the curve, ``[times]``.
        ahead: times to forecast.

    Example:
        >>> straight_line(np.array([[0.1, 0.2, 0.3]]), np.ones((1, 3)), np.arange(3), np.array([4]))
        array([[0.5]])
    """
    weight = attempts / attempts.sum(1, keepdims=True)
    curve = np.nan_to_num(curve)
    middle = (weight @ times)[:, None]
    height = (weight * curve).sum(1)[:, None]
    off = times - middle
    spread = (weight * off**2).sum(1)[:, None]
    slope = (weight * off * (curve - height)).sum(1)[:, None] / np.where(spread > 0.0, spread, 1.0)
    return np.clip(height + slope * (ahead - middle), 0.0, 1.0)


def no_change(curve: np.ndarray, attempts: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Return each class's latest level, ``[classes, ahead]``, within [0, 1].

    Example:
        >>> no_change(np.array([[0.1, 0.2, 0.3]]), np.ones((1, 3)), np.array([4, 5]))
        array([[0.3, 0.3]])
    """
    latest = max(1, round(LATEST * curve.shape[1]))
    level = np.zeros((len(curve), 1))
    for row, (values, weight) in enumerate(zip(curve, attempts, strict=True)):
        met = np.flatnonzero(weight > 0)[-latest:]
        level[row] = np.average(values[met], weights=weight[met])
    return np.clip(level + 0.0 * ahead, 0.0, 1.0)


def literal(
    procedure: Procedure, correct: np.ndarray, steps: int, visits: int | None, key: jax.Array | int
) -> np.ndarray:
    """Return what the strong learner would make of each grid point, ``[steps, grid]``.

    The mean correct probability after 1, 2, ..., steps iterations of the fitted procedure with
    :class:`boostsim.StrongLearner`, over 64 runs at finite visits; exact where ``visits`` is None.

    Args:
        procedure: what an iteration does.
        correct: the model's correct probability at each grid point now, ``[grid]``.
        steps: iterations, at least 1.
        visits: to a prompt in an iteration; None for infinitely many.
        key: of the runs.
    """
    rows = np.stack([correct, 1.0 - correct], axis=1)
    task = table_task(np.tile([1, 0], (len(rows), 1)), None, rows)
    procedure, record = replace(procedure, learner=StrongLearner()), ("prompt",)
    if visits is None:
        trace = simulate(procedure, task, steps, record=record)
    else:
        trace = simulate(
            procedure,
            task,
            steps,
            visits=visits,
            seeds=RUNS,
            key=key,
            record=record,
        )
    return np.asarray(trace.accuracy.mean("seed").values[1:])
