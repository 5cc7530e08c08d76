"""The sampled step: v visits to each prompt, collapsed and lumped (theory, section 5).

The counts of J over the visits are multinomial, the labelled ones binomial, and given these the
wrong responses among the kept and among the labels are binomial: a handful of draws a prompt,
whatever the number of visits, attempts and responses. The class masses are a Markov chain by
themselves, so they are the whole state.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from boostsim.simulation.exact import Info
from boostsim.simulation.population import (
    CORRECT,
    WRONG,
    Attempts,
    Parameters,
    Structure,
    attempt,
    focus,
    total,
)
from boostsim.simulation.samplers import binomial, multinomial

__all__ = ["SampledState", "Sampling", "init", "step"]

# One constant a draw site: a key is used once.
VISITED, ATTEMPTS, FOCUS, EXAMPLES = range(4)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Sampling:
    """How much is seen: visits to a prompt that is visited, and the chance that it is (None: 1)."""

    visits: Float[Array, "*batch"]
    visited_share: Float[Array, "*batch"] | None


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class SampledState:
    """The model's mass in each class, ``[classes, prompts]``."""

    mass: Float[Array, "*batch classes prompts"]


def init(parameters: Parameters) -> SampledState:
    """Return the first model."""
    return SampledState(parameters.source_mass[0])


def _wrong_share(mass: Float[Array, "classes prompts"]) -> Float[Array, "prompts"]:
    both = mass[CORRECT] + mass[WRONG]
    return mass[WRONG] / jnp.where(both > 0.0, both, 1.0)


def step(
    structure: Structure,
    parameters: Parameters,
    sampling: Sampling,
    key: jax.Array,
    state: SampledState,
) -> tuple[SampledState, Info]:
    """Return the model after one iteration on finitely many visits."""
    sites = [jax.random.fold_in(key, site) for site in range(4)]
    seen = attempt(structure, parameters, state.mass)
    visited = jnp.ones_like(seen.kept)
    if sampling.visited_share is not None:
        visited = binomial(sites[VISITED], visited, visited * sampling.visited_share)
    visits = visited * sampling.visits

    counts, kept = _attempts(structure, sites[ATTEMPTS], visits, seen)
    # Masses are shares of the visits that were made: weights of the visited prompts, renormalised.
    made = jnp.sum(parameters.weights * visited)
    weight = parameters.weights / (sampling.visits * jnp.where(made > 0.0, made, 1.0))
    probability, invalid = focus(structure, parameters, weight * counts, jnp.zeros_like(visits))
    labelled = counts * probability
    if structure.labeled and structure.budgeted:
        labelled = binomial(sites[FOCUS], counts, probability)
    labels = total(labelled)

    drawn = [kept]
    wrong_share = [_wrong_share(state.mass * parameters.accept)]
    if structure.labeled:
        drawn.append(labels)
        wrong_share.append(_wrong_share(parameters.source_mass[structure.sources.index("labels")]))
    wrong = total(binomial(sites[EXAMPLES], jnp.stack(drawn), jnp.stack(wrong_share)))
    examples = kept + labels
    trained = examples > 0.0
    mass = jnp.stack([examples - wrong, wrong]) / jnp.where(trained, examples, 1.0)
    if structure.slack:
        noise = parameters.source_mass[structure.sources.index("noise")]
        mass = (1.0 - parameters.slack) * mass + parameters.slack * noise
    mass = jnp.where(trained, mass, state.mass)
    return SampledState(mass), Info(jnp.sum(weight * labels), invalid)


def _attempts(
    structure: Structure, key: jax.Array, visits: Float[Array, "prompts"], seen: Attempts
) -> tuple[Float[Array, "parts prompts"], Float[Array, "prompts"]]:
    """Draw how many visits had each part of J, and how many responses were kept."""
    if structure.keep_all and not structure.labeled:
        kept = binomial(key, visits * structure.attempts, seen.accepted)
        return jnp.zeros_like(seen.parts), kept
    counts = multinomial(key, visits, seen.parts)
    if structure.keep_all:
        # Each part is then one number of accepted responses.
        return counts, total([part[0] * row for part, row in zip(structure.parts, counts)])
    # The part that holds J = 0 holds nothing else.
    failing = next(i for i, part in enumerate(structure.parts) if part == (0,))
    return counts, visits - counts[failing]
