"""What a run on a table carries from one iteration to the next, what is read off it, what it told.

Exact and sampled runs have this in common.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from boostsim.curation.bounds import guarded
from boostsim.simulation.tables.averages import rounded
from boostsim.simulation.tables.population import Shown, known_truth, pairs, sharpened, total
from boostsim.simulation.tables.structure import Numbers, Structure


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class State:
    """The model, and what training has to remember.

    Attributes:
        mass: the model's mass in each class, ``[rows, classes, prompts]``; one row for each source
            where diversity needs to tell them apart, else one in all.
        data: the accumulated training distribution, of the same shape, where it is not the model;
            where a window of n iterations is kept, the n - 1 batches that stay in it, not
            normalised, ``[n - 1, rows, classes, prompts]``, the oldest first.
        examples: its weight ``[prompts]``, where data accumulate; of a window's batches each.
        memory: of a criterion that has one.
        iteration: the number of the next one, where anything changes from one to the next.
    """

    mass: Float[Array, "*batch rows classes prompts"]
    data: Float[Array, "*kept rows classes prompts"] | None = None
    examples: Float[Array, "*kept prompts"] | None = None
    memory: Any = None
    iteration: Float[Array, "*batch"] | None = None


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
        generations: attempts made per visit, this iteration, where they stop at the first accepted
            one; None where every visit makes k.
    """

    labels: Float[Array, "*batch"]
    visited: Float[Array, "*batch"]
    invalid: Array
    labels_by_prompt: Float[Array, "*batch prompts"]
    judged: Float[Array, "*batch"]
    generations: Float[Array, "*batch"] | None = None


def masses(state: State) -> Float[Array, "classes prompts"]:
    """Return the model's mass in each class."""
    return total(state.mass)


def diversity(structure: Structure, numbers: Numbers, state: State) -> Float[Array, "prompts"]:
    """Return 1 - sum_y f(y|x)^2, the probability that two draws of the model differ."""
    if structure.collides:
        assert numbers.collision is not None
        m = state.mass
        collisions = [
            (1.0 if left == right else 2.0) * total(rounded(m[left] * m[right] * collision))
            for (left, right), collision in zip(pairs(len(m)), numbers.collision, strict=True)
        ]
        squares = total(collisions)
    else:
        # Every response is a class of its own.
        squares = total(masses(state) ** 2)
    return guarded(1.0 - squares, 0.0, None)


def disagreement(
    structure: Structure, numbers: Numbers, state: State
) -> Float[Array, "prompts"] | None:
    """Return the probability that two attempts differ, where the criterion reads it."""
    if not structure.disagrees:
        return None
    if structure.sharpening is None:
        return diversity(structure, numbers, state)
    return guarded(1.0 - total(sharpened(structure, numbers, masses(state)) ** 2), 0.0, None)


def shown(
    structure: Structure,
    numbers: Numbers,
    state: State,
    tried: Float[Array, "classes prompts"],
) -> Shown:
    """Return what the criterion is told of each prompt; ``tried`` is what attempts come from."""
    truth = known_truth(structure, numbers, tried)
    return Shown(disagreement(structure, numbers, state), truth)


def judged(structure: Structure, labels: Array) -> Array:
    """Return how many labels the filter judged: all, where the criterion asks for it."""
    asks = structure.criterion is not None and structure.criterion.asks_filter
    return labels if asks else jnp.zeros_like(labels)
