"""Seddik et al. 2024: frequencies of responses, refitted."""

from __future__ import annotations

from jaxtyping import Array

from boostsim.theory.box import Box
from boostsim.theory.law import AT_LEAST_ONE, COUNT, PROBABILITY, law, lost
from boostsim.theory.proofs import claim


@law("Seddik", examples=AT_LEAST_ONE, initial_collision=PROBABILITY, iterations=COUNT)
def collision_probability(*, examples: Array, initial_collision: Array, iterations: Array) -> Array:
    """Seddik. Chance that two draws from a model refitted to its own samples agree.

    Statement: E S_m = 1 - (1 - 1/n)^m (1 - S_0) with S = sum_y f(y)^2: it tends to 1, one response.
    That response is y with probability f_0(y).
    Domain: discrete responses; n >= 1 fresh samples a refit, frequencies taken; m >= 0.
    Proof: two draws from f_m are the same sample with probability 1/n, else two draws from f_{m-1}.
    f_m(y) is a martingale: its expectation is that of its limit, 0 or 1.
    Reference: the setting is that of Seddik et al. 2024, arXiv 2404.05090; T11 in other
    words (docs/theory.md, section 4).

    Args:
        examples: n.
        initial_collision: S_0.
        iterations: m.

    Returns:
        E S_m.

    Example:
        >>> law = dict(examples=4, initial_collision=0.5)
        >>> collision_probability(iterations=[0, 1, 2], **law).tolist()
        [0.5, 0.625, 0.71875]
    """
    gone = lost(1.0 / examples, iterations)
    return gone + (1.0 - gone) * initial_collision


CLAIMS = [
    claim(
        "Seddik.collision",
        collision_probability,
        title="frequencies, refitted",
        kind="equality",
        statement="Two draws agree more and more often: responses are lost and none comes back.",
        formula="E S_m = 1 - (1 - 1/n)^m (1 - S_0),  S = sum_y f(y)^2",
        domain=Box(examples=range(1, 33), initial_collision=(0.5, 1.0), iterations=range(1, 17)),
    ),
    claim(
        "Seddik.survivor",
        collision_probability,
        law=lambda initial_accuracy: initial_accuracy,
        title="which response survives",
        kind="equality",
        statement="In the end one response is left, each with its first probability.",
        formula="P(f_m -> delta_y) = f_0(y)",
        domain=Box(examples=range(1, 17), initial_accuracy=(0.05, 0.95)),
    ),
]
