"""Whether anything can still happen: prompts that are at accuracy 0 or 1 for good."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from boostsim.simulation.tables.population import attempt, right_and_wrong, sharpened
from boostsim.simulation.tables.state import State, masses
from boostsim.simulation.tables.structure import Numbers, Structure


def at_rest(structure: Structure, numbers: Numbers, state: State) -> Bool[Array, "prompts"]:
    """Return which prompts have accuracy 0 or 1, and nothing an iteration could do leads away.

    What a model keeps of its own is as right, or as wrong, as it is; so what can lead away are
    labels, where a visit may be labelled, real data, and the learner's own noise. Where it is
    trained on some of the examples that are kept, the others must be as it is.
    """
    mass = masses(state)
    right, wrong = right_and_wrong(structure, numbers, mass)
    tried = sharpened(structure, numbers, mass)

    def told(accept: Array, reject: Array) -> Bool[Array, "parts prompts"]:
        return attempt(structure, replace(numbers, accept=accept, reject=reject), tried).parts > 0.0

    # Of a filter that drifts in one iteration or another.
    sides = (numbers.accept, numbers.reject)
    drifts = numbers.accept.ndim > 2
    possible = jnp.any(jax.vmap(told)(*sides), axis=0) if drifts else told(*sides)
    bought = jnp.zeros(right.shape, bool)
    if structure.labeled:
        # A criterion that is asked may want whatever visit there is.
        some = len(structure.parts)
        wanted = jnp.ones((some, 1)) if numbers.priority is None else numbers.priority
        bought = jnp.any(possible & (wanted > 0.0), axis=0)
        if structure.budgeted:
            bought &= jnp.any(numbers.budget > 0.0)
    to_right, to_wrong = jnp.zeros(right.shape, bool), jnp.zeros(right.shape, bool)
    for source, other in zip(structure.sources[1:], numbers.source_mass[1:], strict=True):
        said_right, said_wrong = right_and_wrong(structure, numbers, other)
        may = bought if source in structure.answering else True
        to_right |= may & (said_right > 0.0)
        to_wrong |= may & (said_wrong > 0.0)
    if structure.draws is not None and state.data is not None:
        kept = state.data.reshape(-1, *mass.shape).sum(axis=0)
        kept_right, kept_wrong = right_and_wrong(structure, numbers, kept)
        right, wrong = right + kept_right, wrong + kept_wrong
    return ((wrong == 0.0) & ~to_wrong) | ((right == 0.0) & ~to_right)
