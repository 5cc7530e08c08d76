"""The iterations of a run on a table, compiled: the first model, those after it, what is measured.

Of models that are made one after another each row of what is recorded is an iteration. One program
makes any number of them up to its room, so that a longer run seldom is a new program.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import xlogy

from boostsim.curation.bounds import guarded
from boostsim.hashing import fold_in
from boostsim.simulation.tables import averages
from boostsim.simulation.tables.averages import merged, quantiles, weighted_sum
from boostsim.simulation.tables.kernel import first_state, one_step
from boostsim.simulation.tables.population import right_and_wrong, total
from boostsim.simulation.tables.recording import QUANTILES
from boostsim.simulation.tables.resting import at_rest
from boostsim.simulation.tables.sampled import Sampling
from boostsim.simulation.tables.state import State, diversity, masses
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.statistics import Wanted, average_of, statistics_in

# Runs of up to so many iterations are one program, where rows are so short that their room takes
# so many numbers at most.
FEW, SPARE = 64, 2**20

Rows = dict[str, jax.Array]


def measure(
    structure: Structure,
    numbers: Numbers,
    state: State,
    wanted: Wanted,
    pass_at: tuple[int, ...] = (),
) -> dict[str, Any]:
    """Return what is recorded of a model, by name."""
    mass, weights = masses(state), numbers.weights
    right, wrong = right_and_wrong(structure, numbers, mass)

    def average(values: Any) -> Any:
        # A weighted mean of probabilities; rounding of the weights must not lift it above one.
        return guarded(weighted_sum(weights, values), None, 1.0)

    by_prompt = "prompt" in wanted
    measured = {
        "accuracy": merged(numbers, right) if by_prompt else average(right),
        "error": merged(numbers, wrong) if by_prompt else average(wrong),
        "coverage": average((right > 0.0) * 1.0),
    }
    if pass_at:
        # Of what is rare, to full precision.
        passed = [-jnp.expm1(count * jnp.log1p(-jnp.minimum(right, 1.0))) for count in pass_at]
        worth = [merged(numbers, each) if by_prompt else average(each) for each in passed]
        measured["pass_at_k"] = jnp.stack(worth, axis=-1)
    if "diversity" in wanted:
        apart = diversity(structure, numbers, state)
        measured["diversity"] = average(apart)
        if by_prompt:
            measured["diversity_by_prompt"] = merged(numbers, apart)
    if "accuracy_quantiles" in wanted:
        measured["accuracy_quantiles"] = quantiles(right, weights, QUANTILES)
    for statistic in statistics_in(wanted):
        assert numbers.correct is not None
        values = statistic.of(mass, numbers.correct)
        if statistic.average:
            measured[statistic.name] = average_of(statistic, values, weights)
        else:
            measured[statistic.name] = merged(numbers, values, jnp.inf)
    if "entropy" in wanted:
        # Of what has no mass there is no slope: that of entropy is infinite.
        some = jnp.where(mass > 0.0, mass, 1.0)
        measured["entropy"] = jnp.sum(weights * total(-xlogy(some, some)))
    if "absorbed" in wanted:
        measured["absorbed"] = jnp.all(at_rest(structure, numbers, state)) * 1.0
    if "rows" in wanted:
        # One by one a thousand responses would take a minute to compile.
        measured["rows"] = jax.vmap(lambda each: merged(numbers, each), out_axes=-1)(mass)
    return measured


def opening(structure: Structure, wanted: Wanted, numbers: Numbers) -> tuple[Structure, Numbers]:
    """Return what :func:`begin` needs to know: many structures begin with one program.

    What decides only how an iteration goes is as in the plainest run; but where numbers change with
    the iteration, or it is asked whether a model rests, all is as it was.
    """
    if numbers.changes or "absorbed" in wanted:
        return structure, numbers
    criterion = structure.criterion
    plain = dataclasses.replace(
        structure,
        attempts=1,
        keep_all=False,
        parts=((0,), (1,)),
        criterion=criterion if criterion is not None and criterion.remembers else None,
        allocation="ranked",
        labeled=False,
        budgeted=False,
        anchored=False,
        answering=(),
        sharpening=None,
        disagrees=False,
        weighing=None,
        labels_each=1,
        advantage=None,
        choice=None,
    )
    unasked = dataclasses.replace(
        numbers, priority=None, learner=None, label_weight=None, choice=None, temperature=None
    )
    return plain, unasked


@partial(jax.jit, static_argnums=(0, 1, 4))
def begin(
    structure: Structure,
    wanted: Wanted,
    numbers: Numbers,
    sampling: Sampling | None,
    pass_at: tuple[int, ...] = (),
) -> tuple[State, dict[str, jax.Array]]:
    """Return the first model and what is recorded of it."""
    state = first_state(structure, numbers, sampling)
    nothing = {
        "labels": jnp.zeros(()),
        "visited": jnp.zeros(()),
        "judged": jnp.zeros(()),
        "invalid": jnp.array(-1, jnp.int32),
    }
    measured = measure(structure, numbers, state, wanted, pass_at)
    if structure.until_accepted:
        nothing["generations"] = jnp.zeros(())
    if "prompt" in wanted:
        nothing["labels_by_prompt"] = jnp.zeros_like(measured["error"])
    return state, {**measured, **nothing}


@partial(jax.jit, static_argnums=(0, 1, 2, 8))
def advance(
    structure: Structure,
    wanted: Wanted,
    length: int,
    numbers: Numbers,
    sampling: Sampling | None,
    key: jax.Array | None,
    start: int,
    state: State,
    pass_at: tuple[int, ...] = (),
) -> tuple[State, Rows]:
    """Return the model after so many iterations and what is recorded of each.

    The program is of this number alone: it is a part of others, and has slopes.
    """
    one = Iteration(structure, wanted, numbers, sampling, key, pass_at)
    state, (measured, spent) = lax.scan(one, state, start + jnp.arange(length))
    if one.later(state):
        measured = {
            name: jnp.concatenate([measured[name][1:], last[None]])[:length]
            for name, last in one.measured(state).items()
        }
    return state, measured | spent


def room_for(length: int, most: int, numbers: int = 1) -> int:
    """Return the room of the program that makes so many iterations: a power of 2, or the most.

    Args:
        length: of the longest block.
        most: iterations that any block has.
        numbers: that are recorded of an iteration.

    Example:
        >>> [room_for(length, 100) for length in (1, 20, 64, 65)]
        [64, 64, 64, 100]
        >>> [room_for(length, 100, 2**18) for length in (1, 20)]
        [4, 32]
    """
    least = min(FEW, SPARE // numbers)
    return min(most, max(least, 1 << max(length - 1, 0).bit_length()))


@partial(jax.jit, static_argnums=(0, 1, 2, 10))
def proceed(
    structure: Structure,
    wanted: Wanted,
    room: int,
    numbers: Numbers,
    sampling: Sampling | None,
    key: jax.Array | None,
    start: int,
    length: int,
    state: State,
    first: Rows,
    pass_at: tuple[int, ...] = (),
) -> tuple[State, Rows]:
    """Return what :func:`advance` does, ``[room, ...]``: after the last iteration come zeros.

    One program makes any number of iterations from 1 to its room. ``first`` is the row of
    :func:`begin`: those that are made are like it.
    """
    one = Iteration(structure, wanted, numbers, sampling, key, pass_at)

    def write(rows: Rows, row: Rows, at: jax.Array | int) -> Rows:
        write_one = lax.dynamic_update_index_in_dim
        return rows | {name: write_one(rows[name], value, at, 0) for name, value in row.items()}

    def made(number: jax.Array, carried: tuple[State, Rows]) -> tuple[State, Rows]:
        state, rows = carried
        state, (measured, spent) = one(state, start + number)
        rows = write(rows, measured, jnp.maximum(number - 1, 0) if one.later(state) else number)
        return state, write(rows, spent, number)

    rows = {name: jnp.zeros((room, *each.shape), each.dtype) for name, each in first.items()}
    state, rows = lax.fori_loop(0, length, made, (state, rows))
    return state, write(rows, one.measured(state), length - 1) if one.later(state) else rows


@dataclasses.dataclass(frozen=True, eq=False)
class Iteration:
    """What makes an iteration, from a model and the iteration's number.

    Over many prompts a model is measured where the next iteration begins, the last one by itself:
    where it is made, it would be made once more for each average that is taken of it. (Not so where
    rows are added up to be measured: sums of what is made there are rounded otherwise.)
    """

    structure: Structure
    wanted: Wanted
    numbers: Numbers
    sampling: Sampling | None
    key: jax.Array | None
    pass_at: tuple[int, ...]

    def later(self, state: State) -> bool:
        """Return whether what is measured in an iteration is the model before it."""
        many = len(self.numbers.weights) >= averages.MANY
        return many and state.mass.shape[-3:-1] == (1, 2)

    def measured(self, state: State) -> Rows:
        """Return what is recorded of a model."""
        return measure(self.structure, self.numbers, state, self.wanted, self.pass_at)

    def __call__(self, state: State, number: jax.Array) -> tuple[State, tuple[Rows, Rows]]:
        """Return the next model, what is recorded of one, and what the iteration took."""
        structure, sampling = self.structure, self.sampling
        later = self.later(state)
        before = self.measured(state) if later else {}
        fresh = None if self.key is None else fold_in(self.key, number)
        seen = None if sampling is None else sampling.at(number)
        state, info = one_step(structure, self.numbers, seen, fresh, state)
        spent = {
            "labels": info.labels,
            "visited": info.visited,
            "invalid": info.invalid,
            "judged": info.judged,
        }
        if info.generations is not None:
            spent["generations"] = info.generations
        if "prompt" in self.wanted:
            by_prompt = info.labels_by_prompt
            spent["labels_by_prompt"] = merged(self.numbers, by_prompt, structure.labels_each)
        return state, (before if later else self.measured(state), spent)
