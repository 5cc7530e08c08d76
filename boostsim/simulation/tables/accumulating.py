"""Examples that are kept, exactly at finite visits: the law goes forward over all that was seen.

The model after t iterations is what is learned of f_0, with the weight of v examples or as v draws,
and of the sum of t v visits; of the last n batches where a window is kept; and of a subsample of
either it is each that may be drawn. So states are what is kept, the same for all prompts of a kind:
what differs from prompt to prompt is f_0, and with it the model in each.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float, Int

from boostsim.arguments import refuse
from boostsim.simulation.tables.compositions import composed, multinomials
from boostsim.simulation.tables.finite import learned
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.simulation.tables.untied import tied
from boostsim.simulation.tables.visiting import seen_by, sides_of, visit_of

# Of one iteration, sums so far times sums of its visits; the same of all, for all first rows.
MOST_MOVES, MOST_WORK = 2**24, 2**31
# Functions of models, from their accuracy, error, labels and attempts a visit.
Measured = Callable[..., Float[np.ndarray, "functions models"]]
# Models, and how likely each is, given what is kept; None where there is one for each of that.
Models = tuple[Float[np.ndarray, "classes models"], Float[np.ndarray, "models states"] | None]


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
        ValueError: for visits that may give several examples, or labels of a weight; for windows
            that may be empty; for real data where not every prompt is visited; and for more sums
            than can be gone through.
    """
    visit = visit_of(structure, numbers)
    if not visit.apart or structure.weighing is not None:
        reason = (
            "data that accumulate have ever more states, few enough only where a visit gives one "
            "example at most (keep one, a label where nothing is accepted, of weight 1)"
        )
        raise tied(reason)
    if structure.anchored and share < 1.0:
        raise tied("real data come with the visits that are made, ever another number of them")
    window = _window(structure)
    nothing = share < 1.0 or not visit.kinds.any(axis=1).all()
    if window is not None and nothing and not structure.anchored:
        raise tied("a window may hold no example, and then the model is one of any time before")
    units, kinds = visits * (structure.attempts if visit.single else 1), len(visit.kinds)
    each = math.comb(units + kinds - 1, kinds - 1)
    if window is None:
        most = units * iterations + (visits if structure.first_drawn else 0)
        last = math.comb(most + kinds - 1, kinds - 1)
    else:
        last = each ** min(window, iterations)
    drawn = 1
    if structure.draws is not None:
        classes = visit.kinds.shape[1]
        drawn = math.comb(structure.draws * visits + classes - 1, classes - 1)
    moves = max(each * last, drawn * last, drawn * each)
    if moves > MOST_MOVES or moves * iterations * first.shape[1] > MOST_WORK:
        allowed = (
            f"so few that what {iterations} iterations add up to can be gone through, exact at "
            f"finite visits (here: {last:,} sums, {each:,} ways on)"
        )
        raise refuse("visits", allowed, visits, "Sampled runs take any number.")
    return _grown(structure, numbers, first, visits, units, share, functions)


def _window(structure: Structure) -> int | None:
    """Return of how many iterations examples are trained on; None for all."""
    return structure.window if structure.accumulates else 1


def _grown(
    structure: Structure,
    numbers: Numbers,
    first: Float[np.ndarray, "classes rows"],
    visits: int,
    units: int,
    share: float,
    functions: Measured,
) -> Iterator[Float[np.ndarray, "functions rows"]]:
    visit, window = visit_of(structure, numbers), _window(structure)
    added = composed(units, len(visit.kinds)) @ visit.kinds
    if share < 1.0:
        # Who is not visited adds nothing.
        added = np.concatenate([added, np.zeros_like(added[:1])])
    classes = added.shape[1]
    # What is kept: a sum of all batches, or as many batches as the window has.
    kept, laws = np.zeros((1, classes * (window or 1)), int), np.ones((1, first.shape[1]))
    if structure.first_drawn:
        begins = composed(visits, classes)
        kept = np.concatenate([np.zeros((len(begins), kept.shape[1] - classes), int), begins], 1)
        laws = multinomials(visits, first)
    iteration = 1
    while True:
        if window is None:
            reached = kept[:, None] + added
        else:
            shape = len(kept), len(added)
            older = np.broadcast_to(kept[:, None, classes:], (*shape, kept.shape[1] - classes))
            reached = np.concatenate([older, np.broadcast_to(added, (*shape, classes))], axis=2)
        after, where = np.unique(reached.reshape(-1, kept.shape[1]), axis=0, return_inverse=True)
        sums = kept.reshape(len(kept), -1, classes).sum(axis=1)
        values, nexts = [], []
        for row, law in zip(first.T, laws.T, strict=True):
            # The first model is one, whatever is kept.
            found: Models = row[:, None], np.ones((1, len(law)))
            if iteration > 1:
                found = _models(structure, numbers, row, sums, visits, iteration - 1)
            rows, chance = found
            seen = seen_by(structure, numbers, rows, iteration)
            sides = *sides_of(structure, numbers, rows), seen.labels, seen.generations
            values.append(functions(*sides) @ (law if chance is None else chance @ law))
            moves = share * multinomials(units, visit.chances(structure, seen))
            if chance is not None:
                moves = moves @ chance
            if share < 1.0:
                moves = np.concatenate([moves, np.full((1, len(law)), 1.0 - share)])
            nexts.append(np.bincount(where.ravel(), (moves * law).T.ravel(), len(after)))
        yield np.stack(values, axis=1)
        kept, laws, iteration = after, np.stack(nexts, axis=1), iteration + 1


def _models(
    structure: Structure,
    numbers: Numbers,
    row: Float[np.ndarray, "classes"],
    sums: Int[np.ndarray, "states classes"],
    visits: int,
    done: int,
) -> Models:
    """Return the models that there are after so many iterations, see :data:`Models`."""
    window = _window(structure)
    amounts = sums.T.astype(float)
    if not structure.first_drawn and (window is None or done < window):
        amounts = visits * row[:, None] + amounts
    if structure.anchored:
        batches = done if window is None else min(done, window)
        real = np.asarray(numbers.source_mass)[structure.sources.index("reference")]
        amounts = amounts + float(numbers.real_share) * visits * batches * real
    # What is learned from all that there is, f_0 among it, is learned as if it were one batch.
    whole = dataclasses.replace(structure, accumulates=False, window=None, anchored=False)
    whole = dataclasses.replace(whole, draws=None, first_drawn=False)
    if structure.draws is None:
        return learned(whole, numbers, amounts, visits), None
    count = structure.draws * visits
    points = composed(count, len(row)).T.astype(float)
    return learned(whole, numbers, points, visits), multinomials(count, amounts)
