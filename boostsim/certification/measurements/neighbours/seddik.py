"""Seddik et al., measured: frequencies of two responses, refitted, which is the table itself.

The exact values come another way than the laws: by a Markov chain.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binom

from boostsim.certification.measurement import Measurement
from boostsim.certification.measurements.shared import binomials, short
from boostsim.curation.presets import uncurated
from boostsim.tasks.table import TableTask, table_task

if TYPE_CHECKING:
    import xarray


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


def _survivors(
    rng: np.random.Generator, draws: int, examples: int, initial_accuracy: float
) -> np.ndarray:
    count = binomials(rng, np.full(draws, examples), initial_accuracy)
    while ((count > 0) & (count < examples)).any():
        count = binomials(rng, np.full(draws, examples), count / examples)
    return (count == examples) * 1.0


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
}
