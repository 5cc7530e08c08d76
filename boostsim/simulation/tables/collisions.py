"""How often draws of two sources agree within a class: what diversity of lumped rows is made of.

It takes the rows themselves, of every prompt, and depends on little of a procedure: it is kept with
the task.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Hashable, Mapping

import numpy as np
from jaxtyping import Float

from boostsim.simulation.tables.classes import Classes
from boostsim.simulation.tables.population import pairs
from boostsim.simulation.tables.sources import Source
from boostsim.tasks.table import TableTask

# Cells of the rows that are gone over at once: with what is made of them, a core's own cache.
BLOCK = 2**15
# Bytes that are kept with one task, at most.
KEPT = 2**26
# By a task's identity; it goes when the task does. Not in the task, which is sent to processes.
_kept: dict[int, dict[Hashable, np.ndarray]] = {}


def collision(
    sources: Mapping[str, Source], classes: Classes, prompts: int, responses: int
) -> Float[np.ndarray, "pairs classes prompts"]:
    """Return the chance that draws of two sources agree, given that both lie in the class.

    A source without mass there has an entry of 0.

    Args:
        sources: by name.
        classes: of the responses.
        prompts, responses: how many there are.
    """
    both = pairs(len(sources))
    entries = np.empty((len(both), len(classes.correct), prompts))
    # Never one prompt alone where there are others: that may be summed in another order.
    blocks = max(1, min(prompts * responses // BLOCK, prompts // 2))
    ends = [prompts * block // blocks for block in range(blocks + 1)]
    for start, end in itertools.pairwise(ends):
        some = slice(start, end)
        of = classes.numbered(some)
        members = [(of == number) * 1.0 for number in range(len(classes.correct))]
        given = [_given(source.rows(some), members) for source in sources.values()]
        for entry, (left, right) in zip(entries, both, strict=True):
            agree = given[left] * given[right]
            for number, member in enumerate(members):
                entry[number, some] = (agree * member).sum(1)
    return entries


def _given(
    rows: Float[np.ndarray, "prompts responses"],
    members: list[Float[np.ndarray, "prompts responses"]],
) -> Float[np.ndarray, "prompts responses"]:
    """Return rows as they are within each class, 0 where they have no mass in it."""
    divisor = np.empty_like(rows)
    for member in members:
        mass = (rows * member).sum(1)
        np.copyto(divisor, np.where(mass > 0.0, mass, 1.0)[:, None], where=member == 1.0)
    # Minus zero is zero.
    return np.divide(rows, divisor, out=divisor) + 0.0


def always_alike(
    entries: Float[np.ndarray, "pairs classes prompts"], sources: list[str]
) -> Float[np.ndarray, "pairs classes prompts"]:
    """Return the entries of a labeler that always gives the same answer.

    Its own draws always agree. Entries with another source are averages over the answers in the
    class: diversity is linear in them.
    """
    label, entries = sources.index("labels"), entries.copy()
    entries[pairs(len(sources)).index((label, label))] = 1.0
    return entries


def decided_by(sources: Mapping[str, Source]) -> Hashable:
    """Return what decides the collisions of right and of wrong responses on a task, if known."""
    told = tuple((name, source.decided_by) for name, source in sources.items())
    return None if any(what is None for _, what in told) else told


def kept(task: TableTask, what: Hashable, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Return what is made, or was made for the same task; not to be written to.

    Args:
        task: with which it is kept, as long as there is the task.
        what: it is decided by besides; None where that is not known, and then nothing is kept.
        make: it.
    """
    if what is None:
        return make()
    if id(task) not in _kept:
        weakref.finalize(task, _kept.pop, id(task), None)
    held = _kept.setdefault(id(task), {})
    made = held.pop(what, None)
    if made is None:
        made = make()
        made.setflags(write=False)
    # The last that was asked for stands last.
    held[what] = made
    while sum(each.nbytes for each in list(held.values())) > KEPT:
        held.pop(next(iter(held)))
    return made
