"""The exact step: the population map, lumped (T0).

On class c a row stays in the span of its sources, so it is known by the mass m_sc that it owes to
each source s there. One iteration maps

    m_sc' = (S/A a_c m_sc + L [s = labels] W_c) / (S + L),

where W_c is the labeler's mass in class c; a step costs prompts x classes x sources, whatever the
number of responses is. (Masses, not coefficients: a coefficient on a source without mass in a class
can grow without bound.)
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from boostsim.simulation.population import Parameters, Structure, attempt, focus, pairs, total

__all__ = ["ExactState", "Info", "diversity", "init", "masses", "step"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ExactState:
    """The model: the mass that it owes to each source, ``[sources, classes, prompts]``."""

    mass: Float[Array, "*batch sources classes prompts"]


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


def init(parameters: Parameters) -> ExactState:
    """Return the first model: all of it from the first source."""
    return ExactState(jnp.zeros_like(parameters.source_mass).at[0].set(parameters.source_mass[0]))


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
    size = jnp.where(trained, examples, 1.0)

    rows = []  # One a source: [classes, prompts] each.
    for name, source, m in zip(structure.sources, parameters.source_mass, state.mass, strict=True):
        row = seen.gain * (parameters.accept * m) / size
        if name == "labels":
            row = row + (labels / size) * source
        if structure.slack:
            row = (1.0 - parameters.slack) * row
        if name == "noise":
            row = row + parameters.slack * source
        rows.append(jnp.where(trained, row, m))
    return ExactState(jnp.stack(rows)), Info(jnp.sum(parameters.weights * labels), invalid)
