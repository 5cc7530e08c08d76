"""Feng et al. 2024: a majority of verified examples."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from boostsim.theory.box import Box
from boostsim.theory.law import AT_LEAST_ONE, PROBABILITY, law, survival
from boostsim.theory.proofs import claim, limit

# (sqrt(phi p) - sqrt(psi (1-p)))^2, by which the odds of the wrong side fall with each example.
CLEAR = (
    "away from the breakdown point",
    lambda keep_correct, keep_wrong, accuracy: (
        (math.sqrt(keep_correct * accuracy) - math.sqrt(keep_wrong * (1.0 - accuracy))) ** 2 >= 0.02
    ),
)
ABOVE = (
    "keep_correct accuracy >= keep_wrong (1 - accuracy)",
    lambda keep_correct, keep_wrong, accuracy: (
        keep_correct * accuracy >= keep_wrong * (1.0 - accuracy)
    ),
)
CHECKED: dict[str, Any] = dict.fromkeys(("keep_correct", "keep_wrong", "accuracy"), (0.0, 1.0))


@law(
    "Feng",
    (
        "keep_correct or keep_wrong above 0",
        lambda keep_correct, keep_wrong: (keep_correct > 0.0) | (keep_wrong > 0.0),
    ),
    keep_correct=PROBABILITY,
    keep_wrong=PROBABILITY,
)
def breakdown_error(*, keep_correct: Array, keep_wrong: Array) -> Array:
    """Feng. The share of wrong examples up to which a verifier makes a majority right.

    Statement: a verifier keeps correct examples with probability phi, wrong ones with psi, and the
    learner answers with the majority of what is kept of n. As n -> infinity its accuracy tends to 1
    where the share of wrong examples is below phi/(phi+psi), to 0 where it is above, and is 1/2 at
    it, ties broken evenly.
    Domain: phi, psi in [0, 1], not both 0; independent examples; two answers.
    Proof: kept correct examples outnumber kept wrong ones in expectation where
    phi p > psi (1-p), p the accuracy of the examples: p > psi/(phi+psi). Law of large numbers; at
    equality the difference is symmetric.
    Reference: Feng et al. 2024, arXiv 2406.07515, whose p* is this 1/(1 + psi/phi): their p is the
    share of wrong labels.

    Args:
        keep_correct: phi.
        keep_wrong: psi.

    Returns:
        The breakdown point as an error, 1 - p.

    Example:
        >>> float(breakdown_error(keep_correct=0.75, keep_wrong=0.25))
        0.75
    """
    return keep_correct / (keep_correct + keep_wrong)


@law(
    "Feng",
    ABOVE,
    keep_correct=PROBABILITY,
    keep_wrong=PROBABILITY,
    accuracy=PROBABILITY,
    examples=AT_LEAST_ONE,
)
def majority_error_bound(
    *, keep_correct: Array, keep_wrong: Array, accuracy: Array, examples: Array
) -> Array:
    """Feng. How fast the majority of verified examples becomes right.

    Statement: P(the majority of what is kept of n is wrong or a tie)
    <= (1 - (sqrt(phi p) - sqrt(psi (1-p)))^2)^n.
    Domain: probabilities in [0, 1] with phi p >= psi (1-p): at or above breakdown; n >= 1;
    independent examples; two answers.
    Proof: an example adds 1 to the lead with probability a = phi p, takes 1 off with
    b = psi (1-p). Chernoff: for 0 < s <= 1, P(lead <= 0) <= E s^lead = (a s + b/s + 1 - a - b)^n,
    smallest at s = sqrt(b/a), or as s -> 0 where b = 0.
    Reference: the setting is that of Feng et al. 2024, arXiv 2406.07515; derived here.

    Args:
        keep_correct: phi.
        keep_wrong: psi.
        accuracy: p, of the examples.
        examples: n, before verification.

    Returns:
        The bound.

    Example:
        >>> law = dict(keep_correct=1.0, keep_wrong=0.25, accuracy=0.5)
        >>> majority_error_bound(examples=[1, 100], **law).round(6).tolist()
        [0.875, 2e-06]
    """
    lead = jnp.sqrt(keep_correct * accuracy) - jnp.sqrt(keep_wrong * (1.0 - accuracy))
    return survival(lead * lead, examples)


CLAIMS = [
    limit(
        "Feng.breakdown",
        breakdown_error,
        law=lambda: 1.0,
        along="examples",
        title="a majority of verified examples",
        direction="below",
        statement="The majority of very many verified examples is right below the breakdown "
        "point of their error and wrong above it.",
        formula="P(majority right) -> 1 where 1 - p < 1/(1 + psi/phi), -> 0 where above",
        domain=Box((CLEAR,), **CHECKED),
    ),
    claim(
        "Feng.bound",
        majority_error_bound,
        title="how fast it becomes right",
        kind="upper",
        statement="Below the breakdown point the majority's error falls geometrically.",
        formula="P(majority wrong or tied) <= (1 - (sqrt(phi p) - sqrt(psi (1-p)))^2)^n",
        domain=Box(
            (ABOVE,),
            **CHECKED,
            examples=[1, 2, 5, 10, 100, 1000],
        ),
    ),
]
