"""The compiled program of a sweep: a block of points, side by side, from first model to last row.

A block has as many points as fit a processor's cache, a number that follows from the program and
nothing else, and the last block is filled up. So every point of a sweep is computed by one and the
same program, whatever else the sweep has, however it is cut into chunks and wherever they run, and
its numbers are the same to the last bit. Only the step is in the loop: a model is measured where it
is asked for, and costs are carried.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from boostsim.curation.filters import NoisyFilter
from boostsim.mode import KEYS
from boostsim.simulation.tables.averages import merged
from boostsim.simulation.tables.continuous import NUMBERS
from boostsim.simulation.tables.iterating import advance, begin, measure
from boostsim.simulation.tables.kernel import first_state, one_step
from boostsim.simulation.tables.resting import at_rest
from boostsim.simulation.tables.sampled import Sampling
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.simulation.until import Until
from boostsim.statistics import Wanted
from boostsim.theory.law import reached

# Cells of a block's rows: what a core's own cache holds, or what keeps an accelerator busy.
CELLS, CELLS_OF_ACCELERATORS = 2**14, 2**22
MOST_POINTS = 2**12
# Where visits are drawn: what a block lacks is filled up, and drawn in vain.
MOST_DRAWN = 2**6
# Numbers that a block may return.
RETURNED = 2**21


@dataclasses.dataclass(frozen=True)
class Program:
    """What a block's program is specialised to; every number is an argument of it.

    Attributes:
        structures: one for each number of attempts.
        stretches: of iterations of one of them: where it begins, its length, and which.
        wanted: what is recorded on request.
        reduce: ``"last"``, ``"all"``, or until when.
        names: of the numbers that are moved.
        filter: how rates of mistakes become those of a vote, where they are moved.
        apart: whether each point comes with all its numbers, not with those that are moved alone.
        keyed: whether each point has a key.
        sampled: whether visits are finite.
    """

    structures: tuple[Structure, ...]
    stretches: tuple[tuple[int, int, int], ...]
    wanted: Wanted
    reduce: str | Until
    names: tuple[str, ...]
    filter: NoisyFilter | None
    apart: bool
    keyed: bool
    sampled: bool = False

    @property
    def iterations(self) -> int:
        """T."""
        return sum(length for _, length, _ in self.stretches)


class Leaves(NamedTuple):
    """The arrays of a program.

    Attributes:
        numbers: of each structure.
        held: of each structure what moving its numbers needs, by name.
        sampling: how much is seen, where visits are finite.
    """

    numbers: tuple[Numbers, ...]
    held: tuple[dict[str, Any], ...]
    sampling: Sampling | None = None


def points_of(program: Program, numbers: tuple[Numbers, ...], each: int) -> int:
    """Return how many points a block has: a power of two.

    Args:
        program: of the block.
        numbers: of a point.
        each: numbers that are recorded of a point, at most.
    """
    most = CELLS if jax.default_backend() == "cpu" else CELLS_OF_ACCELERATORS
    cells = max(
        one.source_mass.shape[-1]
        * max(one.source_mass.shape[-2], len(structure.parts))
        * (structure.window or 1)
        for one, structure in zip(numbers, program.structures, strict=True)
    )
    rows = (program.iterations + 1) * each if program.reduce == "all" else each
    fitting = min(MOST_DRAWN if program.sampled else MOST_POINTS, most // cells, RETURNED // rows)
    return 1 << max(fitting, 1).bit_length() - 1


@partial(jax.jit, static_argnums=0)
def block(
    program: Program, leaves: Leaves, values: Array, words: Array | None = None
) -> dict[str, Array]:
    """Return what is recorded of each point of a block.

    Args:
        program: what it is specialised to.
        leaves: the arrays, of each point where they come apart.
        values: of the numbers that are moved, ``[points, names]``.
        words: of the seeds' keys, ``[points, 2]``, where there are any.
    """
    axes = (0 if program.apart else None, 0, 0 if program.keyed else None)
    return jax.vmap(partial(_point, program), in_axes=axes)(leaves, values, words)


def _point(
    program: Program, leaves: Leaves, values: Array, words: Array | None
) -> dict[str, Array]:
    moved = [
        _moved(program, structure, numbers, held, values)
        for structure, numbers, held in zip(
            program.structures, leaves.numbers, leaves.held, strict=True
        )
    ]
    key = None if words is None else jax.random.wrap_key_data(words, impl=KEYS)
    if program.reduce == "all":
        return _all(program, moved, leaves.sampling, key)
    return _last(program, moved, leaves.sampling, key)


def _moved(
    program: Program, structure: Structure, numbers: Numbers, held: dict[str, Any], values: Array
) -> Numbers:
    for place, name in enumerate(program.names):
        other = held.get(name, program.filter)
        numbers = NUMBERS[name].arrays(structure, numbers, other, values[place])
    return numbers


def _all(
    program: Program, moved: list[Numbers], sampling: Sampling | None, key: Any
) -> dict[str, Array]:
    state, first = begin(program.structures[0], program.wanted, moved[0], sampling)
    parts = [{name: value[None] for name, value in first.items()}]
    for start, length, which in program.stretches:
        structure = program.structures[which]
        state, rows = advance(
            structure, program.wanted, length, moved[which], sampling, key, start, state
        )
        parts.append(rows)
    joined = {name: jnp.concatenate([part[name] for part in parts]) for name in first}
    # Of one iteration to the next the first row would be lost in the maximum.
    return {**joined, "invalid": jnp.max(joined["invalid"])}


class _Carry(NamedTuple):
    """What goes from one iteration to the next.

    Attributes:
        iteration: how many there were.
        state: the model.
        labels: bought so far, by prompt.
        bought: labels so far, of the visits that were made, where these are finite.
        generations: made so far, where attempts stop, or visits are finite.
        invalid: the last cell without a priority, or -1.
        met: whether what is waited for has come true.
        before: what was measured last, where it is waited for that this stays.
    """

    iteration: Array
    state: Any
    labels: Array
    bought: Array
    generations: Array
    invalid: Array
    met: Array
    before: Any = None


def _last(
    program: Program, moved: list[Numbers], sampling: Sampling | None, key: Any
) -> dict[str, Array]:
    structure, numbers, until = program.structures[0], moved[0], program.reduce
    asked = isinstance(until, Until)
    state = first_state(structure, numbers, sampling)
    carry = _Carry(
        jnp.zeros((), int),
        state,
        jnp.zeros_like(numbers.weights),
        jnp.zeros(()),
        jnp.zeros(()),
        jnp.array(-1, jnp.int32),
        jnp.array(False),
    )
    if asked:
        carry = _looked(program, structure, numbers, carry)
    for start, length, which in program.stretches:
        one = partial(_iteration, program, program.structures[which], moved[which], sampling, key)
        if asked:
            carry = lax.while_loop(partial(_goes_on, start + length), one, carry)
        else:
            carry = lax.fori_loop(0, length, partial(_next, one), carry)
    rows = dict(measure(structure, numbers, carry.state, program.wanted))
    bought = carry.bought if program.sampled else jnp.sum(numbers.weights * carry.labels)
    rows |= {"labels": bought, "invalid": carry.invalid}
    if program.sampled or any(each.until_accepted for each in program.structures):
        rows["generations"] = carry.generations
    if "prompt" in program.wanted:
        rows["labels_by_prompt"] = merged(numbers, carry.labels, jnp.inf)
    if asked:
        rows["ended"] = jnp.where(carry.met, carry.iteration, jnp.nan)
        rows["iterations"] = carry.iteration
    return rows


def _goes_on(end: int, carry: _Carry) -> Array:
    return (carry.iteration < end) & ~carry.met


def _next(one: Callable[[_Carry], _Carry], number: Any, carry: _Carry) -> _Carry:
    return one(carry)


def _iteration(
    program: Program,
    structure: Structure,
    numbers: Numbers,
    sampling: Sampling | None,
    key: Any,
    carry: _Carry,
) -> _Carry:
    fresh = None if key is None else jax.random.fold_in(key, carry.iteration)
    seen = None if sampling is None else sampling.at(carry.iteration)
    state, info = one_step(structure, numbers, seen, fresh, carry.state)
    made, bought = carry.generations, carry.bought
    if info.generations is not None:
        made = made + info.generations
    elif program.sampled:
        # An iteration in which nobody was visited costs nothing.
        made = made + structure.attempts * info.visited
    if program.sampled:
        bought = bought + info.labels
    after = carry._replace(
        iteration=carry.iteration + 1,
        state=state,
        labels=carry.labels + info.labels_by_prompt,
        bought=bought,
        generations=made,
        invalid=jnp.maximum(carry.invalid, info.invalid),
    )
    if isinstance(program.reduce, Until):
        return _looked(program, structure, numbers, after)
    return after


def _looked(program: Program, structure: Structure, numbers: Numbers, carry: _Carry) -> _Carry:
    """Return the carry with whether it has come true; as :meth:`boostsim.Until.met` says it."""
    until, before = program.reduce, carry.before
    assert isinstance(until, Until)
    met = jnp.array(False)
    averages = measure(structure, numbers, carry.state, frozenset())
    if until.accuracy is not None:
        met |= averages["accuracy"] >= until.accuracy
    if until.error is not None:
        met |= reached(averages["error"], until.error)
    if until.absorbed:
        met |= jnp.all(at_rest(structure, numbers, carry.state))
    if until.change is not None:
        now = measure(structure, numbers, carry.state, program.wanted)
        if before is not None:
            apart = jax.tree.map(lambda new, old: jnp.max(jnp.abs(new - old)), now, before)
            met |= jnp.max(jnp.stack(jax.tree.leaves(apart))) <= until.change
        carry = carry._replace(before=now)
    return carry._replace(met=met)


def bytes_of(program: Program, leaves: Leaves, points: int, outputs: Mapping[str, Any]) -> int:
    """Return about how much memory a block takes while it runs."""
    shared = sum(leaf.size for leaf in jax.tree.leaves(leaves.numbers))
    own = math.prod(leaves.numbers[0].source_mass.shape) * len(program.structures)
    returned = sum(math.prod(each.shape) for each in outputs.values())
    # What is moved is made anew for each point; state, its successor, and what is in between.
    return 8 * (points * (8 * own + (shared if program.apart else 0)) + shared + 2 * returned)
