"""Seddik, Ferbach and Feng: frequencies refitted, the best liked of several draws, a majority.

The majority is that of verified examples.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from boostsim.theory.law import AT_LEAST_ONE, COUNT, PROBABILITY, Domain, law, lost, survival

# Ferbach's integral is computed to 1e-13 up to these.
MOST_CONTENDERS = 10**6
LARGEST_REWARD = 50.0
REWARDS = Domain(low=-LARGEST_REWARD, high=LARGEST_REWARD, along_prompts=True)
DISTRIBUTION = Domain(along_prompts=True, sums_to_one=True)
CONTENDERS = Domain(low=1, high=MOST_CONTENDERS, whole=True)


@law("Seddik", examples=AT_LEAST_ONE, initial_collision=PROBABILITY, iterations=COUNT)
def collision_probability(*, examples: Array, initial_collision: Array, iterations: Array) -> Array:
    """Seddik. Chance that two draws from a model refitted to its own samples agree.

    Statement: E S_m = 1 - (1 - 1/n)^m (1 - S_0) with S = sum_y f(y)^2: it tends to 1, one response.
    That response is y with probability f_0(y).
    Domain: discrete responses; n >= 1 fresh samples a refit, frequencies taken; m >= 0.
    Proof: two draws from f_m are the same sample with probability 1/n, else two draws from f_{m-1}.
    f_m(y) is a martingale: its expectation is that of its limit, 0 or 1.
    Reference: the setting is that of Seddik et al. 2024, arXiv 2404.05090; T11 in other words.

    Args:
        examples: n.
        initial_collision: S_0.
        iterations: m.

    Returns:
        E S_m.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> law = dict(examples=4, initial_collision=0.5)
        >>> collision_probability(iterations=[0, 1, 2], **law).tolist()
        [0.5, 0.625, 0.71875]
    """
    gone = lost(1.0 / examples, iterations)
    return gone + (1.0 - gone) * initial_collision


@law("Ferbach", rewards=REWARDS, probabilities=DISTRIBUTION, contenders=CONTENDERS)
def curated_probabilities(*, rewards: Array, probabilities: Array, contenders: Array) -> Array:
    """Ferbach. The law of the response that is kept of K by the rule of Bradley, Terry and Luce.

    Statement: of K independent draws from p the i-th is kept with probability w_i / sum_j w_j,
    w = e^r. What is kept has the law p'(x) = p(x) H(x) with

        H(x) = E[K w(x)/(w(x) + w(X_2) + ... + w(X_K))]
             = K w(x) int_0^inf e^(-w(x) u) (sum_y p(y) e^(-w(y) u))^(K-1) du.

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

    Raises:
        ValueError: outside the domain.

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

    Raises:
        ValueError: outside the domain.

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

    Raises:
        ValueError: outside the domain.

    Example:
        >>> tilted_probabilities(rewards=[0.0, 1.0], probabilities=[0.5, 0.5]).round(6).tolist()
        [0.268941, 0.731059]
    """
    top = lax.stop_gradient(jnp.max(rewards, axis=-1, keepdims=True))
    weighed = probabilities * jnp.exp(rewards - top)
    return weighed / jnp.sum(weighed, axis=-1, keepdims=True)


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

    Raises:
        ValueError: outside the domain.

    Example:
        >>> float(breakdown_error(keep_correct=0.75, keep_wrong=0.25))
        0.75
    """
    return keep_correct / (keep_correct + keep_wrong)


@law(
    "Feng",
    (
        "keep_correct accuracy >= keep_wrong (1 - accuracy)",
        lambda keep_correct, keep_wrong, accuracy: (
            keep_correct * accuracy >= keep_wrong * (1.0 - accuracy)
        ),
    ),
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

    Raises:
        ValueError: outside the domain.

    Example:
        >>> law = dict(keep_correct=1.0, keep_wrong=0.25, accuracy=0.5)
        >>> majority_error_bound(examples=[1, 100], **law).round(6).tolist()
        [0.875, 2e-06]
    """
    lead = jnp.sqrt(keep_correct * accuracy) - jnp.sqrt(keep_wrong * (1.0 - accuracy))
    return survival(lead * lead, examples)
