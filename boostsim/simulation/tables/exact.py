"""The exact step: the population map, lumped (T0).

On class c a row stays in the span of its sources, so it is known by the mass m_sc that it owes to
each source s there. One iteration under replace maps

    m_sc' = (S/A a_c m_sc + L [s = labels] W_c) / (S + L),

where W_c is the labeler's mass in class c; a step costs prompts x classes x sources, whatever the
number of responses is. (Masses, not coefficients: a coefficient on a source without mass in a class
can grow without bound.) Only diversity needs to tell the sources apart; without it they are one.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from boostsim.keys import as_key
from boostsim.simulation.tables.learning import State, add_source, first, learn
from boostsim.simulation.tables.population import (
    Shown,
    answer_law,
    answers,
    attempt,
    focus,
    known_truth,
    pairs,
    remember,
    sharpened,
    total,
)
from boostsim.simulation.tables.structure import Parameters, Structure


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Info:
    """What an iteration cost and whether the criterion behaved.

    Attributes:
        labels: labels bought per visit, weighted by mu, this iteration.
        visited: 1 where any visit was made, else 0.
        invalid: the first cell with a priority that is negative or not finite, or -1.
        labels_by_prompt: labels bought per visit on each prompt, this iteration.
        judged: labels that the filter judged for the criterion, per visit, this iteration.
    """

    labels: Float[Array, "*batch"]
    visited: Float[Array, "*batch"]
    invalid: Array
    labels_by_prompt: Float[Array, "*batch prompts"]
    judged: Float[Array, "*batch"]


class Gathered(NamedTuple):
    """One iteration's examples, before anything is learned from them; per visit.

    Attributes:
        rows: accepted responses and labels by class, one array for each row of the state.
        kept: accepted responses on each prompt.
        labels: labels on each prompt.
        invalid: see :class:`Info`.
        memory: of the criterion, after the iteration.
    """

    rows: list[Float[Array, "classes prompts"]]
    kept: Float[Array, "prompts"]
    labels: Float[Array, "prompts"]
    invalid: Array
    memory: Any = None


def init(structure: Structure, parameters: Parameters) -> State:
    """Return the first model: all of it from the first source."""
    return first(structure, parameters, jnp.asarray(1.0))


def masses(state: State) -> Float[Array, "classes prompts"]:
    """Return the model's mass in each class."""
    return total(state.mass)


def diversity(
    structure: Structure, parameters: Parameters, state: State
) -> Float[Array, "prompts"]:
    """Return 1 - sum_y f(y|x)^2, the probability that two draws of the model differ."""
    if structure.collides:
        assert parameters.collision is not None
        m = state.mass
        collisions = [
            (1.0 if left == right else 2.0) * total(m[left] * m[right] * collision)
            for (left, right), collision in zip(pairs(len(m)), parameters.collision, strict=True)
        ]
        squares = total(collisions)
    else:
        # Every response is a class of its own.
        squares = total(masses(state) ** 2)
    return jnp.maximum(1.0 - squares, 0.0)


def disagreement(
    structure: Structure, parameters: Parameters, state: State
) -> Float[Array, "prompts"] | None:
    """Return the probability that two attempts differ, where the criterion reads it."""
    if not structure.disagrees:
        return None
    if structure.sharpening is None:
        return diversity(structure, parameters, state)
    return jnp.maximum(1.0 - total(sharpened(structure, masses(state)) ** 2), 0.0)


def shown(
    structure: Structure,
    parameters: Parameters,
    state: State,
    tried: Float[Array, "classes prompts"],
) -> Shown:
    """Return what the criterion is told of each prompt; ``tried`` is what attempts come from."""
    truth = known_truth(structure, parameters, tried)
    return Shown(disagreement(structure, parameters, state), truth)


def gather(
    structure: Structure, parameters: Parameters, state: State, key: jax.Array | None = None
) -> Gathered:
    """Return the examples of infinitely many visits; the key is the criterion's."""
    tried = sharpened(structure, masses(state))
    seen = attempt(structure, parameters, tried)
    cells = parameters.weights * seen.parts
    told = shown(structure, parameters, state, tried)
    if key is None:
        # A rule that draws would draw the same each time: the loop hands out keys.
        key = as_key(0)
    probability, invalid = focus(structure, parameters, cells, told, state.memory, key)
    labels = total(seen.parts * probability)
    # A sharpened row is carried whole: it is the only one.
    owed = state.mass if structure.sharpening is None else tried[None]
    rows = [seen.gain * (parameters.accept * m) for m in owed]
    if structure.labeled:
        for source, share in answers(structure, parameters):
            rows = add_source(structure, parameters, rows, source, share * labels)
    memory = state.memory
    if memory is not None:
        law = answer_law(structure, parameters)
        passed = total(law * parameters.accept) / total(law)
        memory = remember(structure, parameters, memory, cells, told, probability, passed)
    return Gathered(rows, seen.kept, labels, invalid, memory)


def judged(structure: Structure, labels: Array) -> Array:
    """Return how many labels the filter judged: all, where the criterion asks for it."""
    asks = structure.criterion is not None and structure.criterion.asks_filter
    return labels if asks else jnp.zeros_like(labels)


def step(
    structure: Structure, parameters: Parameters, state: State, key: jax.Array | None = None
) -> tuple[State, Info]:
    """Return the model after one iteration on infinitely many visits."""
    parameters = parameters.at(state.iteration)
    rows, kept, labels, invalid, memory = gather(structure, parameters, state, key)
    state = learn(structure, parameters, state, rows, kept + labels, jnp.asarray(1.0))
    # Without the barrier XLA repeats the whole step inside every average over prompts.
    state, labels = lax.optimization_barrier((dataclasses.replace(state, memory=memory), labels))
    bought = jnp.sum(parameters.weights * labels)
    return state, Info(bought, jnp.ones(()), invalid, labels, judged(structure, bought))
