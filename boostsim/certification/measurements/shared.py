"""What several measurements share."""

from __future__ import annotations

import numpy as np

from boostsim.certification.measurement import rounding_of
from boostsim.curation.procedure import Procedure
from boostsim.simulation.counts import binomial
from boostsim.simulation.run import simulate
from boostsim.tasks.table import TableTask, table_task

# Longest sampled runs, in iterations: what a claim says of longer ones is checked exactly.
SHORT = 4
POPULATION_ONLY = "at finitely many visits the mean differs from the law by O(1/v)"
FINITE_VISITS = "it speaks of finitely many visits"


def failed_or_solved(initial_error: float) -> TableTask:
    """One prompt that the first model fails for certain and one that it solves, so weighted."""
    rows = [[0.0, 1.0], [1.0, 0.0]]
    return table_task([[1, 0]] * 2, [initial_error, 1.0 - initial_error], rows)


def short(iterations: int) -> bool:
    """Whether a run has begun (one visit then makes a point mass) and is short enough to sample."""
    return 1 <= iterations <= SHORT


def absolute(iterations: int = 1, attempts: int = 1) -> float:
    """Rounding of accuracies, where no error is meant to be tiny."""
    return rounding_of(iterations, attempts) * 8.0


def binomials(rng: np.random.Generator, n: np.ndarray, p: np.ndarray | float) -> np.ndarray:
    """Draw a binomial count for each n and p, by the one stream of counts."""
    n, p = np.broadcast_arrays(np.asarray(n, np.float64), p)
    return binomial([rng.bit_generator], n[None], p[None])[0]


def at_visits(
    procedure: Procedure,
    task: TableTask,
    visits: int,
    iterations: int,
    variable: str = "error",
    visited_share: float = 1.0,
) -> float:
    """Return what is expected of a variable at the end of a run, exactly at so many visits."""
    run = simulate(
        procedure, task, iterations, visits=visits, visited_share=visited_share, exact=True
    )
    return float(run[variable][0, -1])
