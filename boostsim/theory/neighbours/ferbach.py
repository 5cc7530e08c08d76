"""Ferbach et al. 2024: the best liked of several draws is kept."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from boostsim.theory.box import Box
from boostsim.theory.law import AT_LEAST_ONE, Domain, law
from boostsim.theory.proofs import claim, limit

# The integral is computed to 1e-13 up to these.
MOST_CONTENDERS = 10**6
LARGEST_REWARD = 50.0
REWARDS = Domain(low=-LARGEST_REWARD, high=LARGEST_REWARD, along_prompts=True)
DISTRIBUTION = Domain(along_prompts=True, sums_to_one=True)
CONTENDERS = Domain(low=1, high=MOST_CONTENDERS, whole=True)
CHECKED: dict[str, Any] = {"reward": (-2.0, 2.0), "best": (0.05, 0.95)}


@law("Ferbach", rewards=REWARDS, probabilities=DISTRIBUTION, contenders=CONTENDERS)
def curated_probabilities(*, rewards: Array, probabilities: Array, contenders: Array) -> Array:
    """Ferbach. The law of the response that is kept of K by the rule of Bradley, Terry and Luce.

    Statement: of K independent draws from p the i-th is kept with probability w_i / sum_j w_j,
    w = e^r. What is kept has the law p'(x) = p(x) H(x) with

        H(x) = E[K w(x)/(w(x) + w(X_2) + ... + w(X_K))]
             = K w(x) int_0^inf e^(-w(x) u) (sum_y p(y) e^(-w(y) u))^(K-1) du.

    Where p' is drawn from next, and so on, T iterations are T times this map.
    Domain: r(x) in [-50, 50]; p a distribution; K in 1..10^6.
    Proof: each of K draws is x and kept with probability p(x) H(x)/K; 1/s = int e^(-s u) du, and
    the draws are independent. With u = e^z the trapezoidal rule of step 1/4 is off by less than
    1e-15 of each H(x), whatever p, r and K are: at z + i a, |a| < pi/2, the integrand is at most
    its value at u cos a over cos a, so the error is below 2/(cos a (e^(8 pi a) - 1)) for each a.
    Reference: the rule is that of Ferbach et al. 2024, arXiv 2407.09499; derived here.

    Args:
        rewards: r, ``[..., responses]``.
        probabilities: p, ``[..., responses]``, sums to one.
        contenders: K, ``[...]``.

    Returns:
        p', ``[..., responses]``.

    Example:
        >>> law = dict(rewards=[0.0, 0.0, 1.0], probabilities=[0.5, 0.25, 0.25])
        >>> curated_probabilities(contenders=[1, 4], **law).round(6).tolist()
        [[0.5, 0.25, 0.25], [0.399724, 0.199862, 0.400414]]
    """
    several = jnp.asarray(contenders)[..., None]
    # Of each integral less than 1e-16 lies below exp(-51.5) or above exp(103.75).
    step = 0.25
    nodes = jnp.exp(jnp.arange(-206.0, 416.0) * step)
    # In single precision the last nodes are infinite.
    nodes = jnp.minimum(nodes, jnp.finfo(nodes.dtype).max)
    top = lax.stop_gradient(jnp.max(rewards, axis=-1, keepdims=True))
    weights = jnp.exp(rewards - top)
    exponents = -weights[..., None] * nodes
    decay = jnp.exp(exponents)
    share = jnp.asarray(probabilities)[..., None]
    mean = jnp.sum(share * decay, axis=-2)
    missing = -jnp.sum(share * jnp.expm1(exponents), axis=-2)
    # Powers multiply what rounding does to a mean near one.
    near = missing < 0.5
    logs = jnp.where(
        near,
        jnp.log1p(-jnp.where(near, missing, 0.0)),
        jnp.log(jnp.where(near, 0.5, jnp.maximum(mean, jnp.finfo(mean.dtype).tiny))),
    )
    others = jnp.exp((several - 1.0) * logs) * nodes * step
    gain = several * weights * jnp.sum(decay * others[..., None, :], axis=-1)
    return probabilities * gain


@law("Ferbach", rewards=REWARDS, probabilities=DISTRIBUTION, contenders=AT_LEAST_ONE)
def curation_gain(*, rewards: Array, probabilities: Array, contenders: Array) -> Array:
    """Ferbach. What keeping one of K adds at least to the mean of e^r.

    Statement: E'[e^r] - E[e^r] >= ((K-1)/K) Var(e^r) / e^(r*), r* the greatest reward of positive
    probability; expectations under ``curated_probabilities`` and under p.
    Domain: r(x) in [-50, 50]; p a distribution; K >= 1.
    Proof: with S = w_1 + ... + w_K, E'[w] - E[w] = E[sum_i w_i^2/S - S/K]
    = E[(sum_i w_i^2 - S^2/K)/S]. The bracket is not negative, S <= K e^(r*), and
    E[sum_i w_i^2 - S^2/K] = (K-1) Var(w).
    Reference: Ferbach et al. 2024, arXiv 2407.09499.

    Args:
        rewards: r, ``[..., responses]``.
        probabilities: p, ``[..., responses]``, sums to one.
        contenders: K, ``[...]``.

    Returns:
        The bound, ``[...]``.

    Example:
        >>> law = dict(rewards=[0.0, 0.0, 1.0], probabilities=[0.5, 0.25, 0.25])
        >>> curation_gain(contenders=[1, 2], **law).round(6).tolist()
        [0.0, 0.101828]
    """
    possible = probabilities > 0.0
    top = jnp.max(jnp.where(possible, rewards, -LARGEST_REWARD), axis=-1, keepdims=True)
    # Weights less the greatest, over the greatest: differences of rewards are not rounded away.
    weights = jnp.expm1(jnp.where(possible, rewards - top, 0.0))
    mean = jnp.sum(probabilities * weights, axis=-1, keepdims=True)
    variance = jnp.sum(probabilities * (weights - mean) ** 2, axis=-1)
    return (1.0 - 1.0 / contenders) * variance * jnp.exp(top[..., 0])


@law("Ferbach", rewards=REWARDS, probabilities=DISTRIBUTION)
def tilted_probabilities(*, rewards: Array, probabilities: Array) -> Array:
    """Ferbach. The law of the response that is kept of very many.

    Statement: ``curated_probabilities`` tends to p e^r / E[e^r] as K -> infinity, at rate 1/K.
    Domain: r(x) in [-50, 50]; p a distribution.
    Proof: the mean of the K weights tends to E[e^r] and is bounded away from 0.
    Reference: Ferbach et al. 2024, arXiv 2407.09499.

    Args:
        rewards: r, ``[..., responses]``.
        probabilities: p, ``[..., responses]``, sums to one.

    Returns:
        The limit of p', ``[..., responses]``.

    Example:
        >>> tilted_probabilities(rewards=[0.0, 1.0], probabilities=[0.5, 0.5]).round(6).tolist()
        [0.268941, 0.731059]
    """
    top = lax.stop_gradient(jnp.max(rewards, axis=-1, keepdims=True))
    weighed = probabilities * jnp.exp(rewards - top)
    return weighed / jnp.sum(weighed, axis=-1, keepdims=True)


def three_responses(reward: float, best: float) -> tuple[list[float], list[float]]:
    """Return rewards 0, r/2, r of three responses and their probabilities, the last one's given."""
    return [0.0, 0.5 * reward, reward], [0.5 * (1.0 - best), 0.5 * (1.0 - best), best]


def _curated(reward: float, best: float, contenders: int) -> float:
    rewards, probabilities = three_responses(reward, best)
    law = curated_probabilities(rewards=rewards, probabilities=probabilities, contenders=contenders)
    return float(law[2])


def _tilted(reward: float, best: float) -> float:
    rewards, probabilities = three_responses(reward, best)
    return float(tilted_probabilities(rewards=rewards, probabilities=probabilities)[2])


def _gain(reward: float, best: float, contenders: int) -> float:
    rewards, probabilities = three_responses(reward, best)
    gain = curation_gain(rewards=rewards, probabilities=probabilities, contenders=contenders)
    # In units of the greatest e^r.
    return float(gain) * math.exp(-max(reward, 0.0))


def _curated_again(reward: float, best: float, contenders: int, iterations: int) -> float:
    rewards, law = three_responses(reward, best)
    for _ in range(iterations):
        law = curated_probabilities(rewards=rewards, probabilities=law, contenders=contenders)
    return float(law[2])


CLAIMS = [
    claim(
        "Ferbach.update",
        curated_probabilities,
        law=_curated,
        title="the best liked of K",
        kind="equality",
        statement="Keeping one of K draws by their rewards multiplies a response's probability "
        "by H_K.",
        formula="p'(x) = p(x) E[K e^r(x) / (e^r(x) + sum_{i<K} e^r(X_i))]",
        domain=Box(**CHECKED, contenders=[1, 2, 3, 4, 8, 12]),
    ),
    claim(
        "Ferbach.rise",
        curation_gain,
        law=_gain,
        title="the reward rises",
        kind="lower",
        statement="The mean of w = e^(r - r*), r* the greatest reward, rises with its variance "
        "at least.",
        formula="E'[w] - E[w] >= ((K-1)/K) Var(w)",
        domain=Box(**CHECKED, contenders=[1, 2, 3, 4, 8, 12]),
    ),
    limit(
        "Ferbach.limit",
        tilted_probabilities,
        law=_tilted,
        along="contenders",
        title="the best liked of very many",
        statement="With very many draws curation tilts the law by e^r.",
        formula="p' -> p e^r / E[e^r]",
        domain=Box(**CHECKED),
    ),
    claim(
        "Ferbach.loop",
        curated_probabilities,
        law=_curated_again,
        title="in the loop",
        kind="equality",
        statement="Training on the preferred of K attempts of the model T times multiplies a "
        "response's probability by its H_K at each.",
        formula="p_(t+1)(x) = p_t(x) E_t[K e^r(x) / (e^r(x) + sum_{i<K} e^r(X_i))]",
        domain=Box(**CHECKED, contenders=[1, 2, 4], iterations=[1, 3]),
    ),
    limit(
        "Ferbach.fate",
        law=lambda: 1.0,
        title="the greatest reward is all that stays",
        direction="below",
        statement="Trained on the preferred of K >= 2 attempts for ever, the model says what has "
        "the greatest reward of all that it said at first, and nothing else.",
        formula="p_t(argmax of r where p_0 > 0) -> 1",
        proof="Of the responses with mass none weighs more than one of the greatest reward, so its "
        "H_K >= 1: its probability rises, and has a limit. There H_K = 1, and K >= 2: all mass has "
        "that weight.",
        reference="Ferbach et al. 2024, arXiv 2407.09499, Theorem 2.1; derived here.",
        domain=Box(reward=(0.5, 2.0), best=(0.05, 0.95), contenders=[2, 4]),
    ),
]
