"""The exact step: the population map, lumped (T0).

On class c a row stays in the span of its sources, so it is known by the mass m_sc that it owes to
each source s there. One iteration under replace maps

    m_sc' = (S/A a_c m_sc + w L [s = labels] W_c) / (S + w L),

where W_c is the labeler's mass in class c and w what a label weighs; a step costs prompts x
classes x sources, whatever the number of responses is. (Masses, not coefficients: a coefficient on
a source without mass in a class can grow without bound.) Only diversity needs to tell the sources
apart; without it they are one.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from boostsim.keys import as_key
from boostsim.simulation.tables.choosing import kept_gain
from boostsim.simulation.tables.gradient import expected_advantage, updated
from boostsim.simulation.tables.learning import add_source, first, learn
from boostsim.simulation.tables.population import (
    attempt,
    focus,
    label_law,
    label_sources,
    remember,
    sharpened,
    total,
    weighed,
)
from boostsim.simulation.tables.state import Info, State, judged, masses, shown
from boostsim.simulation.tables.structure import Numbers, Structure


class Gathered(NamedTuple):
    """One iteration's examples, before anything is learned from them; per visit.

    Attributes:
        rows: accepted responses and labels by class, one array for each row of the state.
        kept: accepted responses on each prompt; of a policy gradient the rows that visits make, 1.
        labels: labels on each prompt.
        examples: what both weigh in training on each prompt.
        invalid: see :class:`Info`.
        memory: of the criterion, after the iteration.
        tried: attempts made on each prompt, where they stop at the first accepted one.
    """

    rows: list[Float[Array, "classes prompts"]]
    kept: Float[Array, "prompts"]
    labels: Float[Array, "prompts"]
    examples: Float[Array, "prompts"]
    invalid: Array
    memory: Any = None
    tried: Float[Array, "prompts"] | None = None


def init(structure: Structure, numbers: Numbers) -> State:
    """Return the first model: all of it from the first source."""
    return first(structure, numbers, jnp.asarray(1.0))


def gather(
    structure: Structure, numbers: Numbers, state: State, key: jax.Array | None = None
) -> Gathered:
    """Return the examples of infinitely many visits; the key is the criterion's."""
    tried = sharpened(structure, numbers, masses(state))
    seen = attempt(structure, numbers, tried)
    cells = numbers.weights * seen.parts
    told = shown(structure, numbers, state, tried)
    if key is None:
        # A rule that draws would draw the same each time: the loop hands out keys.
        key = as_key(0)
    probability, invalid = focus(structure, numbers, cells, told, state.memory, key)
    labels = total(seen.parts * probability)
    if structure.labels_each > 1:
        labels = structure.labels_each * labels
    if structure.advantage is None:
        kept = seen.kept
        # A sharpened row is carried whole: it is the only one.
        owed = state.mass if structure.sharpening is None else tried[None]
        gain = seen.gain
        if structure.choice is not None:
            gain = kept_gain(structure, numbers, tried)
        rows = [gain * (numbers.accept * m) for m in owed]
    else:
        kept = jnp.ones_like(seen.kept)
        advantage = expected_advantage(structure, numbers, seen)
        rows = updated(structure, numbers, list(state.mass), advantage)
    counted = weighed(structure, numbers, kept, labels)(labels)
    if structure.labeled:
        for source, share in label_sources(structure, numbers):
            rows = add_source(structure, numbers, rows, source, share * counted)
    memory = state.memory
    if memory is not None:
        law = label_law(structure, numbers)
        passed = total(law * numbers.accept) / total(law)
        memory = remember(structure, numbers, memory, cells, told, probability, passed)
    # Of those that are kept one a visit S/A is 1 + B + ... + B^(k-1), the attempts until then.
    made = seen.gain if structure.until_accepted else None
    return Gathered(rows, kept, labels, kept + counted, invalid, memory, made)


def step(
    structure: Structure, numbers: Numbers, state: State, key: jax.Array | None = None
) -> tuple[State, Info]:
    """Return the model after one iteration on infinitely many visits."""
    numbers = numbers.at(state.iteration)
    made = gather(structure, numbers, state, key)
    state = learn(structure, numbers, state, made.rows, made.examples, jnp.asarray(1.0))
    # Without the barrier XLA repeats the whole step inside every average over prompts.
    state, labels = lax.optimization_barrier(
        (dataclasses.replace(state, memory=made.memory), made.labels)
    )
    bought = jnp.sum(numbers.weights * labels)
    generations = None
    if made.tried is not None:
        generations = jnp.sum(numbers.weights * lax.optimization_barrier(made.tried))
    spent = bought, jnp.ones(()), made.invalid, labels, judged(structure, bought), generations
    return state, Info(*spent)
