"""Data that accumulate, exactly at finite visits: the law goes forward over all that was seen.

The model after t iterations is what is learned of f_0, with the weight of v examples, and of the
sum of t v visits. So its states are these sums, ever more of them, and the same for all prompts of
a kind: what differs from prompt to prompt is f_0, and with it the model in each.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from boostsim.arguments import refuse
from boostsim.simulation.tables.compositions import composed, multinomials
from boostsim.simulation.tables.finite import learned
from boostsim.simulation.tables.population import right_and_wrong
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.simulation.tables.untied import tied
from boostsim.simulation.tables.visiting import seen_by, visit_of

# Of one iteration, sums so far times sums of its visits; the same of all, for all first rows.
MOST_MOVES, MOST_WORK = 2**24, 2**31
# Functions of models, from their accuracy, error, labels and attempts a visit.
Measured = Callable[..., Float[np.ndarray, "functions models"]]


def grown(
    structure: Structure,
    numbers: Numbers,
    first: Float[np.ndarray, "classes rows"],
    visits: int,
    share: float,
    iterations: int,
    functions: Measured,
) -> Iterator[Float[np.ndarray, "functions rows"]]:
    """Return an iterator of what is expected of functions after 0, 1, ... iterations.

    Args:
        structure: what the run is specialised to.
        numbers: of one prompt.
        first: the first rows of prompts that have these numbers.
        visits: v.
        share: the chance that a prompt is visited.
        iterations: how many there will be.
        functions: what is expected.

    Raises:
        ValueError: for visits that may give several examples, or labels of a weight, or real data,
            and for more sums than can be gone through.
    """
    visit = visit_of(structure, numbers)
    if not visit.apart or structure.weighing is not None or structure.anchored:
        reason = (
            "data that accumulate have ever more states, few enough only where a visit gives one "
            "example at most (keep one, a label where nothing is accepted, of weight 1)"
        )
        raise tied(reason)
    units, kinds = visits * (structure.attempts if visit.single else 1), len(visit.kinds)
    each, last = (math.comb(units * many + kinds - 1, kinds - 1) for many in (1, iterations))
    if each * last > MOST_MOVES or each * last * iterations * first.shape[1] > MOST_WORK:
        allowed = (
            f"so few that what {iterations} iterations add up to can be gone through, exact at "
            f"finite visits (here: {last:,} sums, {each:,} ways on)"
        )
        raise refuse("visits", allowed, visits, "Sampled runs take any number.")
    return _grown(structure, numbers, first, visits, units, share, functions)


def _grown(
    structure: Structure,
    numbers: Numbers,
    first: Float[np.ndarray, "classes rows"],
    visits: int,
    units: int,
    share: float,
    functions: Measured,
) -> Iterator[Float[np.ndarray, "functions rows"]]:
    visit = visit_of(structure, numbers)
    added = composed(units, len(visit.kinds)) @ visit.kinds
    if share < 1.0:
        # Who is not visited adds nothing.
        added = np.concatenate([added, np.zeros_like(added[:1])])
    # What is learned from all that there is, f_0 among it, is learned as if it were one batch.
    whole = dataclasses.replace(structure, accumulates=False)
    sums, laws, iteration = np.zeros_like(added[:1]), np.ones((1, first.shape[1])), 1
    while True:
        after, where = np.unique(
            (sums[:, None] + added).reshape(-1, added.shape[1]), axis=0, return_inverse=True
        )
        values, nexts = [], []
        for row, law in zip(first.T, laws.T, strict=True):
            rows = row[:, None]
            if iteration > 1:
                rows = learned(whole, numbers, visits * rows + sums.T, visits)
            seen = seen_by(structure, numbers, rows, iteration)
            right, wrong = right_and_wrong(structure, numbers, jnp.asarray(rows))
            sides = np.asarray(right), np.asarray(wrong), seen.labels, seen.generations
            values.append(functions(*sides) @ law)
            moves = share * multinomials(units, visit.chances(structure, seen))
            if share < 1.0:
                moves = np.concatenate([moves, np.full((1, len(law)), 1.0 - share)])
            nexts.append(np.bincount(where.ravel(), (moves * law).T.ravel(), len(after)))
        yield np.stack(values, axis=1)
        sums, laws, iteration = after, np.stack(nexts, axis=1), iteration + 1
