"""The exact step: the population map, lumped (T0).

On class c a row stays in the span of its sources, so it is known by the mass m_sc that it owes to
each source s there. One iteration maps

    m_sc' = (S/A a_c m_sc + L [s = labels] W_c) / (S + L),

where W_c is the labeler's mass in class c; a step costs prompts x classes x sources, whatever the
number of responses is. (Masses, not coefficients: a coefficient on a source without mass in a class
can grow without bound.) Only diversity needs to tell the sources apart; without it they are one.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from boostsim.simulation.population import Parameters, Structure, attempt, focus, pairs, total

__all__ = ["ExactState", "Info", "diversity", "init", "masses", "step"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ExactState:
    """The model: the mass it owes to each source, or to all: ``[rows, classes, prompts]``."""

    mass: Float[Array, "*batch rows classes prompts"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Info:
    """What an iteration cost and whether the criterion behaved.

    Attributes:
        labels: labels bought per visit, weighted by mu, this iteration.
        invalid: the first cell with a priority that is negative or not finite, or -1.
    """

    labels: Float[Array, "*batch"]
    invalid: Array


def init(structure: Structure, parameters: Parameters) -> ExactState:
    """Return the first model: all of it from the first source."""
    first = parameters.source_mass[0]
    others = len(structure.sources) - 1 if structure.collides else 0
    return ExactState(jnp.stack([first, *[jnp.zeros_like(first)] * others]))


def masses(state: ExactState) -> Float[Array, "classes prompts"]:
    """Return the model's mass in each class."""
    return total(state.mass)


def diversity(parameters: Parameters, state: ExactState) -> Float[Array, "prompts"]:
    """Return 1 - sum_y f(y|x)^2, the probability that two draws differ."""
    assert parameters.collision is not None
    m = state.mass
    collisions = [
        (1.0 if left == right else 2.0) * total(m[left] * m[right] * collision)
        for (left, right), collision in zip(pairs(len(m)), parameters.collision, strict=True)
    ]
    return jnp.maximum(1.0 - total(collisions), 0.0)


def step(
    structure: Structure, parameters: Parameters, state: ExactState
) -> tuple[ExactState, Info]:
    """Return the model after one iteration on infinitely many visits."""
    mass = masses(state)
    seen = attempt(structure, parameters, mass)
    disagreement = diversity(parameters, state) if structure.collides else jnp.zeros_like(seen.kept)
    probability, invalid = focus(
        structure, parameters, parameters.weights * seen.parts, disagreement
    )
    labels = total(seen.parts * probability)
    examples = seen.kept + labels
    trained = examples > 0.0
    # One division: the reciprocal of the smallest normal number is still finite.
    share = 1.0 / jnp.where(trained, examples, 1.0)

    rows = [seen.gain * (parameters.accept * m) * share for m in state.mass]

    def add(source: str, amount: Array) -> None:
        index = structure.sources.index(source)
        row = index if structure.collides else 0
        rows[row] = rows[row] + amount * parameters.source_mass[index]

    if structure.labeled:
        add("labels", labels * share)
    if structure.slack:
        rows = [(1.0 - parameters.slack) * row for row in rows]
        add("noise", parameters.slack)
    mass = jnp.stack([jnp.where(trained, row, m) for row, m in zip(rows, state.mass, strict=True)])
    # Without the barrier XLA repeats the whole step inside every average over prompts.
    mass, labels = lax.optimization_barrier((mass, labels))
    return ExactState(mass), Info(jnp.sum(parameters.weights * labels), invalid)
