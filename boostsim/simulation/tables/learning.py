"""What training does with an iteration's examples: regimes and learner, for all runs alike.

Replace trains on this iteration's examples. Accumulate trains on all so far; the first batch
carries f_0 exactly, with the weight of one example a visit. Anchor adds a fixed share of real data,
whose law enters as it is, to this iteration's examples. All three keep the row in the span of its
sources.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from boostsim.learners.tabular import Rows
from boostsim.simulation.tables.state import State
from boostsim.simulation.tables.structure import Numbers, Structure


def first(structure: Structure, numbers: Numbers, weight: Float[Array, ""]) -> State:
    """Return the first model; where data accumulate it is data of the stated weight."""
    initial = numbers.source_mass[0]
    others = len(structure.sources) - 1 if structure.collides else 0
    mass = jnp.stack([initial, *[jnp.zeros_like(initial)] * others])
    memory = None
    if structure.criterion is not None:
        memory = structure.criterion.init(initial.shape[-1] // structure.copies)
        if numbers.share is not None:
            # One for each set of copies.
            memory = jax.tree.map(lambda leaf: jnp.stack([leaf] * structure.copies), memory)
    iteration = jnp.ones(()) if numbers.changes else None
    state = State(mass, memory=memory, iteration=iteration)
    if not structure.accumulates:
        return state
    examples = jnp.full_like(numbers.weights, weight)
    return dataclasses.replace(state, data=mass if structure.learner else None, examples=examples)


def add_source(
    structure: Structure,
    numbers: Numbers,
    rows: Rows,
    source: str,
    amount: Float[Array, "#prompts"] | Float[Array, ""],
) -> Rows:
    """Add an amount of a source's law to the row that owes it."""
    index = structure.sources.index(source)
    row = index if structure.collides else 0
    added = rows[row] + amount * numbers.source_mass[index]
    return [*rows[:row], added, *rows[row + 1 :]]


def learn(
    structure: Structure,
    numbers: Numbers,
    state: State,
    rows: Rows,
    examples: Float[Array, "prompts"],
    visits: Float[Array, "#prompts"] | Float[Array, ""],
) -> State:
    """Return the next model.

    Args:
        structure: what the program is specialised to.
        numbers: of the run.
        state: the model so far.
        rows: this iteration's examples by class, one array for each row of the state.
        examples: their number on each prompt, in the same unit.
        visits: the visits made, in that unit: 1 in exact runs.
    """
    if structure.anchored:
        real = numbers.real_share * visits
        rows = add_source(structure, numbers, rows, "reference", real)
        examples = examples + real
    if structure.accumulates:
        assert state.examples is not None
        before = state.mass if state.data is None else state.data
        rows = [state.examples * old + new for old, new in zip(before, rows, strict=True)]
        examples = state.examples + examples
    trained = examples > 0.0
    size = jnp.where(trained, examples, 1.0)
    data = [row / size for row in rows]
    model = data
    if structure.learner:

        def add(rows: Rows, amount: Any) -> Rows:
            return add_source(structure, numbers, rows, "noise", amount)

        model = structure.learner(numbers.learner, data, list(state.mass), add)
    mass = jnp.stack([jnp.where(trained, new, old) for new, old in zip(model, state.mass)])
    iteration = None if state.iteration is None else state.iteration + 1.0
    after = State(mass, memory=state.memory, iteration=iteration)
    if not structure.accumulates:
        return after
    kept = jnp.stack(data) if structure.learner else None
    return dataclasses.replace(after, data=kept, examples=examples)
