"""Beirami et al. 2024: the best of n draws, how far it is from the model, and how often it wins."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from boostsim.theory.box import Box
from boostsim.theory.law import AT_LEAST_ONE, Domain, law, lost, survival
from boostsim.theory.neighbours.ferbach import CONTENDERS, DISTRIBUTION
from boostsim.theory.proofs import claim, limit

LARGEST_SCORE = 1e15
SCORES = Domain(low=-LARGEST_SCORE, high=LARGEST_SCORE, along_prompts=True)
MANY = [1, 2, 4]
CHECKED: dict[str, Any] = {"best": (0.001, 0.999), "contenders": MANY}


@law("Beirami", scores=SCORES, probabilities=DISTRIBUTION, contenders=CONTENDERS)
def best_of_n_probabilities(*, scores: Array, probabilities: Array, contenders: Array) -> Array:
    """Beirami. The law of the best of n draws by a score.

    Statement: of n independent draws from p the one of the highest score is kept, ties broken
    evenly. What is kept has the law

        p'(x) = p(x) (F(x)^n - F(x-)^n) / (F(x) - F(x-)),

    F(x) the mass of scores up to that of x, F(x-) of scores below. Where p' is drawn from next, and
    so on, T iterations keep the best of n^T.
    Domain: s(x) in [-1e15, 1e15]; p a distribution; n in 1..10^6.
    Proof: the highest of n scores is at most s with probability F(s)^n, and given which score it is
    the responses that have it are in proportion to p. Then F' = F^n, and so on.
    Reference: Beirami et al. 2024, arXiv 2401.01879, for scores without ties; derived here.

    Args:
        scores: s, ``[..., responses]``.
        probabilities: p, ``[..., responses]``, sums to one.
        contenders: n, ``[...]``.

    Returns:
        p', ``[..., responses]``.

    Example:
        >>> law = dict(scores=[0.0, 1.0, 1.0], probabilities=[0.5, 0.25, 0.25])
        >>> best_of_n_probabilities(contenders=[1, 2], **law).tolist()
        [[0.5, 0.25, 0.25], [0.25, 0.375, 0.375]]
    """
    many = jnp.asarray(contenders)[..., None]
    own, others = jnp.asarray(scores)[..., :, None], jnp.asarray(scores)[..., None, :]
    share = jnp.asarray(probabilities)[..., None, :]
    above = jnp.sum(share * (others > own), axis=-1)
    level = jnp.sum(share * (others == own), axis=-1)
    until = level + jnp.sum(share * (others < own), axis=-1)
    # F^(n-1) (1 - (F(x-)/F)^n)/(1 - F(x-)/F): no difference of F's, and F from the side where it
    # is not rounded.
    possible = level > 0.0
    part = jnp.where(possible, level / jnp.where(possible, until, 1.0), 1.0)
    low = possible & (until < 0.5)
    rare = jnp.power(jnp.where(low, until, 0.5), many - 1.0)
    common = survival(jnp.where(low | ~possible, 0.0, jnp.minimum(above, 0.5)), many - 1.0)
    return probabilities * jnp.where(low, rare, common) * lost(part, many) / part


@law("Beirami", contenders=AT_LEAST_ONE)
def best_of_n_divergence(*, contenders: Array) -> Array:
    """Beirami. How far the best of n is from the model at most: log n - (n - 1)/n.

    Statement: with p' of ``best_of_n_probabilities``, KL(p' || p) <= log n - (n-1)/n, whatever p
    and the scores are. It is the value where scores have no ties and no atoms.
    Domain: n >= 1.
    Proof: rank the draws, ties at random: a rank U of a draw is uniform on [0, 1], that of the best
    has the density n u^(n-1), and the divergence of these is
    int n u^(n-1) (log n + (n-1) log u) du = log n - (n-1)/n. A response is a function of the rank
    and of a draw within its level that is the same for both, and by that no divergence grows.
    Reference: Beirami et al. 2024, arXiv 2401.01879, Theorem 1.

    Args:
        contenders: n.

    Returns:
        The bound, in nats.

    Example:
        >>> best_of_n_divergence(contenders=[1, 4]).round(6).tolist()
        [0.0, 0.636294]
    """
    return jnp.log(contenders) - (1.0 - 1.0 / contenders)


@law("Beirami", contenders=AT_LEAST_ONE)
def best_of_n_win_rate(*, contenders: Array) -> Array:
    """Beirami. How often the best of n beats one more draw at most: n/(n + 1).

    Statement: with X' of law p' and X of law p, independent, P(s(X') > s(X)) + P(s(X') = s(X))/2
    <= n/(n+1). It is the value where scores have no ties and no atoms.
    Domain: n >= 1.
    Proof: of n + 1 draws ranked as in ``best_of_n_divergence`` the best is one of the first n with
    probability n/(n+1). Where X' and X are of one level, X' has the higher rank in at least half of
    the cases, for its density n u^(n-1) rises.
    Reference: Gui et al. 2024, arXiv 2406.00832, for scores without ties; derived here.

    Args:
        contenders: n.

    Returns:
        The bound, a probability.

    Example:
        >>> best_of_n_win_rate(contenders=[1, 4]).tolist()
        [0.5, 0.8]
    """
    return contenders / (contenders + 1.0)


def scored(tied: int) -> list[float]:
    """Return the scores of three responses: the second as good as the third where ``tied``."""
    return [0.0, 1.0 if tied else 0.5, 1.0]


def _best(best: float, tied: int, contenders: int, iterations: int) -> float:
    law = best_of_n_probabilities(
        scores=scored(tied),
        probabilities=[0.5 * (1.0 - best), 0.5 * (1.0 - best), best],
        contenders=contenders**iterations,
    )
    return float(law[2])


CLAIMS = [
    claim(
        "Beirami.update",
        best_of_n_probabilities,
        law=_best,
        title="the best of n, again and again",
        kind="equality",
        statement="Training on the best of n draws T times makes the model the best of n^T of the "
        "first.",
        formula="p_T(x) = p_0(x) (F(x)^(n^T) - F(x-)^(n^T)) / (F(x) - F(x-))",
        domain=Box(**CHECKED, tied=[0, 1], iterations=[1, 2]),
    ),
    claim(
        "Beirami.divergence",
        best_of_n_divergence,
        title="how far the best of n is",
        kind="upper",
        statement="The best of n diverges from the model by no more than where no two scores are "
        "equal.",
        formula="KL(p' || p) <= log n - (n-1)/n",
        domain=Box(**CHECKED, tied=[0, 1]),
    ),
    claim(
        "Beirami.win",
        best_of_n_win_rate,
        title="how often it wins",
        kind="upper",
        statement="The best of n beats one more draw, ties counted half, no more often than where "
        "scores have no ties.",
        formula="P(s(X') > s(X)) + P(s(X') = s(X))/2 <= n/(n+1)",
        domain=Box(**CHECKED, tied=[0, 1]),
    ),
    limit(
        "Beirami.limit",
        best_of_n_divergence,
        along="responses",
        title="many responses, no two alike",
        direction="below",
        statement="With ever more responses, none of much mass and no two of one score, the "
        "divergence is that.",
        formula="KL(p' || p) -> log n - (n-1)/n",
        domain=Box(contenders=[2, 4]),
    ),
]
