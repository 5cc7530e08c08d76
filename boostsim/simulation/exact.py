"""The exact step: the population map, lumped (T0).

On class c a row stays in the span of its sources: f_t = sum_s u_cs source_s. One iteration maps

    u_cs' = (S/A a_c u_cs + L [s = labels]) / (S + L),

so a step costs prompts x classes x sources, whatever the number of responses is.
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
    """The model: its coefficient on each source, ``[sources, classes, prompts]``."""

    coefficients: Float[Array, "*batch sources classes prompts"]


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
    """Return the first model."""
    return ExactState(jnp.zeros_like(parameters.source_mass).at[0].set(1.0))


def masses(parameters: Parameters, state: ExactState) -> Float[Array, "classes prompts"]:
    """Return the model's mass in each class."""
    return total(state.coefficients * parameters.source_mass)


def diversity(parameters: Parameters, state: ExactState) -> Float[Array, "prompts"]:
    """Return 1 - sum_y f(y|x)^2, the probability that two draws differ."""
    assert parameters.source_gram is not None
    u = state.coefficients
    squares = [
        (1.0 if left == right else 2.0) * total(u[left] * u[right] * products)
        for (left, right), products in zip(pairs(len(u)), parameters.source_gram, strict=True)
    ]
    return jnp.maximum(1.0 - total(squares), 0.0)


def step(
    structure: Structure, parameters: Parameters, state: ExactState
) -> tuple[ExactState, Info]:
    """Return the model after one iteration on infinitely many visits."""
    mass = masses(parameters, state)
    seen = attempt(structure, parameters, mass)
    disagreement = diversity(parameters, state) if structure.gram else jnp.zeros_like(seen.kept)
    probability, invalid = focus(
        structure, parameters, parameters.weights * seen.parts, disagreement
    )
    labels = total(seen.parts * probability)
    examples = seen.kept + labels
    trained = examples > 0.0
    size = jnp.where(trained, examples, 1.0)

    kept = parameters.accept * (seen.gain / size)
    rows = []
    for source, u in zip(structure.sources, state.coefficients, strict=True):
        row = kept * u
        if source == "labels":
            row = row + labels / size
        row = (1.0 - parameters.slack) * row if structure.slack else row
        if source == "noise":
            row = row + parameters.slack
        rows.append(jnp.where(trained, row, u))
    return ExactState(jnp.stack(rows)), Info(jnp.sum(parameters.weights * labels), invalid)
