"""What training does with an iteration's examples: regimes and learner, for all runs alike.

Replace trains on this iteration's examples. Accumulate trains on all so far, a window on those of
the last iterations; the first batch carries f_0 exactly, with the weight of one example a visit. A
share of real data, whose law enters as it is, is added to an iteration's examples. All keep the row
in the span of its sources. What is drawn (a first batch, a subsample of what is kept) is drawn by
sampled runs; for exact ones it is what it is drawn from.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from boostsim.arguments import refuse
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
    iteration = jnp.ones(()) if numbers.changes or structure.first_drawn else None
    state = State(mass, memory=memory, iteration=iteration)
    if not structure.accumulates:
        return state
    examples = jnp.full_like(numbers.weights, weight)
    if structure.window is None:
        return dataclasses.replace(state, data=mass if structure.apart else None, examples=examples)
    batches = jnp.zeros((structure.window - 1, *mass.shape))
    weights = jnp.zeros((structure.window - 1, *examples.shape))
    return dataclasses.replace(
        state, data=batches.at[-1].set(weight * mass), examples=weights.at[-1].set(examples)
    )


def begun(state: State, structure: Structure, drawn: Rows, weight: Float[Array, ""]) -> State:
    """Return a state whose first batch is these draws from f_0, a state's only row, in its place.

    It changes nothing but before the first iteration.
    """
    assert state.data is not None
    assert state.iteration is not None
    begins = state.iteration == 1.0
    if structure.window is None:
        return dataclasses.replace(
            state, data=jnp.where(begins, jnp.stack(drawn) / weight, state.data)
        )
    batches = state.data.at[-1].set(jnp.stack(drawn))
    return dataclasses.replace(state, data=jnp.where(begins, batches, state.data))


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


def adder(structure: Structure, numbers: Numbers) -> Callable[[Rows, Any], Rows]:
    """Return what adds the learner's own rows to others, by an amount.

    Raises:
        ValueError: once it is asked to, where the learner has none.
    """

    def add(rows: Rows, amount: Any) -> Rows:
        if "noise" not in structure.sources:
            allowed = "rows where learner.rule adds some of them"
            raise refuse("learner.noise_rows_for(quality)", allowed, None)
        return add_source(structure, numbers, rows, "noise", amount)

    return add


def learn(
    structure: Structure,
    numbers: Numbers,
    state: State,
    rows: Rows,
    examples: Float[Array, "prompts"],
    visits: Float[Array, "#prompts"] | Float[Array, ""],
    draw: Callable[[Rows, Array], Rows] | None = None,
) -> State:
    """Return the next model.

    Args:
        structure: what the program is specialised to.
        numbers: of the run.
        state: the model so far.
        rows: this iteration's examples by class, one array for each row of the state.
        examples: their number on each prompt, in the same unit.
        visits: the visits made, in that unit: 1 in exact runs.
        draw: where not all of what is kept is trained on, a subsample of it: from its law, and
            where there is any, to the law that is trained on. None takes it whole.
    """
    if structure.anchored:
        real = numbers.real_share * visits
        rows = add_source(structure, numbers, rows, "reference", real)
        examples = examples + real
    batches = weights = None
    if structure.window is not None:
        assert state.data is not None
        assert state.examples is not None
        now = jnp.broadcast_to(examples, state.examples.shape[1:])
        batches = jnp.concatenate([state.data, jnp.stack(rows)[None]])
        weights = jnp.concatenate([state.examples, now[None]])
        rows, examples = list(batches.sum(axis=0)), weights.sum(axis=0)
    elif structure.accumulates:
        assert state.examples is not None
        before = state.mass if state.data is None else state.data
        rows = [state.examples * old + new for old, new in zip(before, rows, strict=True)]
        examples = state.examples + examples
    trained = examples > 0.0
    size = jnp.where(trained, examples, 1.0)
    data = [row / size for row in rows]
    taught = data if draw is None else draw(data, trained)
    model = taught
    if structure.learner:
        add = adder(structure, numbers)
        model = structure.learner(numbers.learner, taught, list(state.mass), add)
    mass = jnp.stack([jnp.where(trained, new, old) for new, old in zip(model, state.mass)])
    iteration = None if state.iteration is None else state.iteration + 1.0
    after = State(mass, memory=state.memory, iteration=iteration)
    if not structure.accumulates:
        return after
    if batches is not None and weights is not None:
        return dataclasses.replace(after, data=batches[1:], examples=weights[1:])
    kept = jnp.stack(data) if structure.apart else None
    return dataclasses.replace(after, data=kept, examples=examples)
