"""How an exact run changes with what its world is made from: forward through the recursion.

A world (a procedure and a task) is made by Python and guarded there; a run is one compiled program
on the world's arrays. So the derivative with respect to a number that worlds are made from is a
difference quotient of those arrays, cheap and smooth, pushed through the whole recursion by
automatic differentiation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.curation.procedure import Procedure
from boostsim.mode import fixed
from boostsim.simulation.tables.differentiable import exact_rows
from boostsim.simulation.tables.loop import traced
from boostsim.simulation.tables.prepare import check, prepare
from boostsim.simulation.tables.recording import wanted_records
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.statistics import described_on, statistics_in
from boostsim.tasks.table import TableTask

if TYPE_CHECKING:
    import xarray

World = tuple[Procedure, TableTask]


class Direction(NamedTuple):
    """One number of a world, a little above and a little below: the worlds, and how far they are.

    Attributes:
        above, below: the worlds; equal structure, other numbers.
        up, down: the distance of the number in each to that of the world in the middle.
    """

    above: World
    below: World
    up: float
    down: float


def nearby(
    world: World, iterations: int, directions: Sequence[Direction], record: Iterable[str] = ()
) -> list[tuple[xarray.Dataset, xarray.Dataset] | None]:
    """Return for each direction the traces of the worlds above and below, to first order.

    They are those of the world in the middle, plus or minus its derivative times the distance; so
    the difference of a statistic of the two is its derivative, however close they are.

    Args:
        world: the procedure and the task in the middle.
        iterations: T.
        directions: what changes.
        record: as in :func:`boostsim.simulate`.

    Returns:
        A pair of traces for each direction, or None where the numbers change which program is run
        (a labeler that comes or goes, say): there is no derivative there. Where attempts change
        from one iteration to the next it is not taken either.
    """
    if isinstance(world[0].attempts, tuple):
        return [None] * len(directions)
    wanted = wanted_records(record)
    described_on(statistics_in(wanted), world[1].responses)
    with fixed(double=True):
        check(*world)
        structure, numbers = prepare(*world, sampled=False, wanted=wanted, iterations=iterations)
        tangents, smooth = [], []
        for direction in directions:
            (kind_above, above), (kind_below, below) = (
                prepare(*each, sampled=False, wanted=wanted, iterations=iterations)
                for each in (direction.above, direction.below)
            )
            same = kind_above == kind_below == structure
            shapes = [
                [np.shape(leaf) for leaf in jax.tree.leaves(each)]
                for each in (numbers, above, below)
            ]
            smooth.append(same and shapes[0] == shapes[1] == shapes[2])
            if smooth[-1]:
                apart = direction.up + direction.down
                tangents.append(
                    jax.tree.map(lambda a, b, apart=apart: (a - b) / apart, above, below)
                )
        if not tangents:
            return [None] * len(directions)
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *tangents)
        values, slopes = jax.tree.map(
            np.asarray, _pushed(structure, wanted, iterations, numbers, stacked)
        )
    pairs: list[tuple[xarray.Dataset, xarray.Dataset] | None] = []
    number = -1
    for direction, is_smooth in zip(directions, smooth, strict=True):
        number += is_smooth
        if not is_smooth:
            pairs.append(None)
            continue
        ends = []
        for (procedure, task), step in (
            (direction.above, direction.up),
            (direction.below, -direction.down),
        ):
            moved = {
                name: (value + step * slopes[name][number])[None] for name, value in values.items()
            }
            about = {
                "level": "exact, to first order",
                "task": json.dumps(task.describe(), sort_keys=True),
            }
            ends.append(traced(procedure, task, moved, about))
        pairs.append((ends[0], ends[1]))
    return pairs


@partial(jax.jit, static_argnums=(0, 1, 2))
def _pushed(
    structure: Structure,
    wanted: frozenset[str],
    iterations: int,
    numbers: Numbers,
    tangents: Numbers,
) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
    """Return what a run records, and its derivative along each tangent."""

    def run(numbers: Numbers) -> dict[str, jax.Array]:
        rows = exact_rows(structure, wanted, iterations, numbers)
        del rows["invalid"]
        return rows

    def slope(tangent: Numbers) -> dict[str, jax.Array]:
        return jax.jvp(run, (numbers,), (tangent,))[1]

    return run(numbers), jax.vmap(slope)(tangents)
