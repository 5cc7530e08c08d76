"""T1 to T8: how fast focused weak labels take a model to an optimal one.

Setting for all of them unless said otherwise: replace, keep one, every visit made, fresh noise and
labels, the population (infinitely many visits). p is the correct mass on a prompt and e = 1 - p.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import betainc
from jaxtyping import Array

from boostsim.theory.law import (
    AT_LEAST_ONE,
    BELOW_HALF,
    COUNT,
    POSITIVE,
    PROBABILITY,
    Domain,
    law,
)

__all__ = [
    "NoisyBoosting",
    "attempts_floor",
    "attempts_floor_leading",
    "boosting_error",
    "budget_error",
    "iterations_needed",
    "label_cost",
    "majority_noise",
    "noisy_boosting",
    "slack_bound",
    "uneven_error",
    "votes_needed",
]

# Exponents are cut here: large enough to be infinite for every base, and 1e300 * 0 is still 0.
HUGE = 1e300


@law(
    "T1",
    beta=PROBABILITY,
    attempts=AT_LEAST_ONE,
    initial_error=PROBABILITY,
    iterations=COUNT,
)
def boosting_error(
    *, beta: Array, attempts: Array, initial_error: Array, iterations: Array
) -> Array:
    """T1. Error after T iterations of boosting with a perfect filter.

    Statement: gamma = 0 gives e' = (1 - beta) e^k, so
        e_T = (1 - beta)^((k^T - 1)/(k - 1)) e_0^(k^T),  for k = 1: (1 - beta)^T e_0.
    Domain: beta, e_0 in [0, 1]; k >= 1; T >= 0.
    Proof: all k attempts fail with probability e^k; else the kept response is correct. A failing
    visit adds a label, wrong with probability 1 - beta. Every visit adds one example. Iterate.
    Reference: derived here for the setting of arXiv 2502.08924.

    Args:
        beta: correct mass of the labeler.
        attempts: k.
        initial_error: e_0.
        iterations: T.

    Returns:
        e_T, a probability, of the arguments' broadcast shape.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> boosting_error(beta=0.5, attempts=1, initial_error=1.0, iterations=[0, 1, 2]).tolist()
        [1.0, 0.5, 0.25]
        >>> float(boosting_error(beta=0.5, attempts=2, initial_error=1.0, iterations=3))
        0.0078125
    """
    power = jnp.power(attempts * 1.0, iterations)
    terms = jnp.where(attempts == 1, iterations, (power - 1.0) / jnp.maximum(attempts - 1, 1))
    kept_wrong = jnp.power(1.0 - beta, jnp.minimum(terms, HUGE))
    return kept_wrong * jnp.power(initial_error, jnp.minimum(power, HUGE))


@law(
    "T1",
    beta=PROBABILITY,
    initial_error=PROBABILITY,
    target=POSITIVE,
    attempts=AT_LEAST_ONE,
)
def iterations_needed(
    *, beta: Array, initial_error: Array, target: Array, attempts: Array | int = 1
) -> Array:
    """T1. Iterations of boosting with a perfect filter until the error is at most eps.

    Statement: the smallest T with e_T <= eps. 0 where e_0 <= eps; infinity where e_T never gets
    there (k = 1 and beta = 0; k >= 2, beta = 0 and e_0 = 1); else for k = 1
        T = ceil(log(e_0/eps) / -log(1 - beta)) <= ceil(log(1/eps)/beta),
    the paper's rate, and for k >= 2 and d = -log(1 - beta)
        T = ceil(log_k[(log(1/eps) + d/(k-1)) / (log(1/e_0) + d/(k-1))]).
    Domain: beta, e_0 in [0, 1]; eps in (0, 1]; k >= 1.
    Proof: solve T1's closed form for T. The neighbours T - 1 and T + 1 are tried in the closed
    form, because a logarithm is off by one at exact powers.
    Reference: the rate O(log(1/eps)/beta) is that of arXiv 2502.08924; the constants are ours.

    Args:
        beta: correct mass of the labeler.
        initial_error: e_0.
        target: eps.
        attempts: k, 1 by default.

    Returns:
        T in iterations, as float64 (infinity: never).

    Raises:
        ValueError: outside the domain.

    Example:
        >>> float(iterations_needed(beta=0.5, initial_error=1.0, target=0.25))
        2.0
        >>> iterations_needed(beta=0.1, initial_error=1.0, target=1e-6, attempts=[1, 4]).tolist()
        [132.0, 5.0]
    """
    attempts = jnp.asarray(attempts)
    decay = -jnp.log1p(-beta)
    share = decay / jnp.maximum(attempts - 1, 1)
    wanted, given = -jnp.log(target), -jnp.log(initial_error)
    ratio = (wanted + share) / (given + share)
    several = jnp.log(ratio) / jnp.log(jnp.maximum(attempts, 2) * 1.0)
    estimate = jnp.where(attempts == 1, (wanted - given) / decay, several)
    estimate = jnp.ceil(jnp.where(beta == 1.0, 1.0, estimate))
    needed = jnp.full(estimate.shape, jnp.inf)
    for candidate in (estimate + 1.0, estimate, estimate - 1.0):
        candidate = jnp.maximum(candidate, 0.0)
        known = jnp.where(jnp.isfinite(candidate), candidate, 0.0)
        error = boosting_error.formula(
            beta=beta, attempts=attempts, initial_error=initial_error, iterations=known
        )
        needed = jnp.where(jnp.isfinite(candidate) & (error <= target), candidate, needed)
    return jnp.where(initial_error <= target, 0.0, needed)


@law("T2", beta=POSITIVE, initial_error=PROBABILITY, iterations=COUNT)
def label_cost(*, beta: Array, initial_error: Array, iterations: Array) -> Array:
    """T2. Expected labels per prompt that boosting buys over T iterations.

    Statement: with gamma = 0, k = 1, v = 1, p_0(x) in {0, 1} and a labeler right with probability
    exactly beta > 0, boosting buys e_0 (1 - (1 - beta)^T)/beta <= e_0/beta labels in expectation,
    whatever error it reaches; and no policy that is right at most beta of the time given the past
    can take the error from e_0 to e_T with fewer than (e_0 - e_T)/beta: boosting meets it.
    Domain: beta in (0, 1]; e_0 in [0, 1]; T >= 0.
    Proof: a failing prompt is labelled until it is solved, so it buys min(G, T) labels with
    G ~ Geometric(beta), and E min(G, T) = (1 - (1-beta)^T)/beta. For the bound: each label solves
    a prompt with probability at most beta, so labels x beta is at least the prompts solved.
    Reference: derived here.

    Args:
        beta: correct mass of the labeler.
        initial_error: e_0, the share of prompts that f_0 fails.
        iterations: T.

    Returns:
        Labels per prompt.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> float(label_cost(beta=0.5, initial_error=1.0, iterations=2))
        1.5
    """
    # As a difference of powers where that is exact enough, else by expm1; beta = 1 has no log.
    large = beta > 0.5
    solved = -jnp.expm1(iterations * jnp.log1p(-jnp.where(large, 0.25, beta)))
    solved = jnp.where(large, 1.0 - jnp.power(1.0 - beta, iterations), solved)
    return initial_error * solved / beta


class NoisyBoosting(NamedTuple):
    """T3's quantities: where the correct mass goes, how fast, and the error that is left."""

    fixed_point: Array
    rate: Array
    floor: Array


@law(
    "T3",
    (
        "(beta, gamma) other than (0, 0) and (1, 1), where nothing moves",
        lambda beta, gamma: ~(((beta == 0) & (gamma == 0)) | ((beta == 1) & (gamma == 1))),
    ),
    beta=PROBABILITY,
    gamma=PROBABILITY,
)
def noisy_boosting(*, beta: Array, gamma: Array) -> NoisyBoosting:
    """T3. Boosting with a gamma-noisy filter and one attempt: fixed point, rate and floor.

    Statement: p_T - p* = rho^T (p_0 - p*) with
        p*    = beta (1-gamma) / (gamma + beta (1 - 2 gamma)),
        rho   = 1 - gamma - beta (1 - 2 gamma) = (1-gamma)(1-beta) + gamma beta,
        floor = 1 - p* = gamma (1-beta) / (gamma + beta (1 - 2 gamma)).
    The floor is a limit, not a lower bound: from below it the error rises. For gamma > 1/2 and
    0 < beta < 1 the limit is below beta: worse than the labels alone.
    Domain: beta, gamma in [0, 1] except (0, 0) and (1, 1).
    Proof: p' = (1-gamma) p + [gamma p + (1-gamma)(1-p)] beta: accepted and correct, or rejected
    and labelled right. This is affine in p with slope rho and fixed point p*.
    Reference: derived here for the setting of arXiv 2502.08924.

    Args:
        beta: correct mass of the labeler.
        gamma: noise of the filter.

    Returns:
        A named tuple (fixed_point, rate, floor), all dimensionless.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> law = noisy_boosting(beta=0.5, gamma=0.1)
        >>> round(float(law.fixed_point), 6), round(float(law.rate), 6), round(float(law.floor), 6)
        (0.9, 0.5, 0.1)
    """
    right, wrong = beta * (1.0 - gamma), gamma * (1.0 - beta)
    rate = (1.0 - gamma) * (1.0 - beta) + gamma * beta
    return NoisyBoosting(right / (right + wrong), rate, wrong / (right + wrong))


@law("T4", beta=POSITIVE, gamma=BELOW_HALF, attempts=AT_LEAST_ONE)
def attempts_floor(*, beta: Array, gamma: Array, attempts: Array) -> Array:
    """T4. Limit error of boosting with a gamma-noisy filter and k attempts.

    Statement: with u = gamma + (1 - 2 gamma) e and A = 1 - u,
        e' = (1 - u^k) gamma e / A + u^k (1 - beta);
    for beta > 0 the limit error is the root of
        e (1 - gamma (1 + u + ... + u^(k-1))) = (1 - beta) u^k   in [0, 1 - beta].
    It falls with k. For gamma = 0 it is 0; for k = 1 it is T3's floor.
    Domain: beta in (0, 1]; gamma in [0, 1/2); k >= 1.
    Proof: put e' = e and use (1 - u^k)/A = 1 + ... + u^(k-1). The map is monotone, so e_t converges
    to a fixed point. Below, the left side minus the right changes sign once: divided by u^k it is
    unimodal in e, from 0 through its top down to 1 at e = 1, so it meets 1 - beta < 1 once.
    Reference: derived here.

    Args:
        beta: correct mass of the labeler.
        gamma: noise of the filter.
        attempts: k.

    Returns:
        The limit error, solved to float64 accuracy.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> round(float(attempts_floor(beta=0.5, gamma=0.1, attempts=1)), 12)
        0.1
        >>> bool(attempts_floor(beta=0.5, gamma=0.1, attempts=4) < 1e-4)
        True
    """
    beta, gamma, attempts = jnp.broadcast_arrays(beta * 1.0, gamma * 1.0, attempts * 1.0)
    trivial = (gamma == 0.0) | (beta == 1.0)
    noise = jnp.where(trivial, 0.25, gamma)
    weak = 1.0 - jnp.where(trivial, 0.5, beta)

    def excess(error: Array) -> Array:
        rejected = noise + (1.0 - 2.0 * noise) * error
        power = jnp.power(rejected, attempts)
        terms = (1.0 - power) / (1.0 - noise - (1.0 - 2.0 * noise) * error)
        return error * (1.0 - noise * terms) - weak * power

    def halve(_: int, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = 0.5 * (low + high)
        below = excess(jnp.exp(middle)) < 0.0
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    # The root is at least (1 - beta) gamma^k; bisection in the logarithm keeps relative accuracy.
    smallest = jnp.maximum(jnp.log(weak) + attempts * jnp.log(noise), -700.0)
    low, high = lax.fori_loop(0, 64, halve, (smallest, jnp.log(weak)))
    error = lax.stop_gradient(jnp.exp(0.5 * (low + high)))
    # One step of Newton: it polishes the last digits, and its derivative is the implicit one.
    value, slope = jax.jvp(excess, (error,), (jnp.ones_like(error),))
    error = jnp.clip(error - value / lax.stop_gradient(slope), 0.0, weak)
    return jnp.where(trivial, 0.0, error)


@law(
    "T4",
    beta=POSITIVE,
    gamma=Domain(high=0.5, low_open=True, high_open=True),
    attempts=AT_LEAST_ONE,
)
def attempts_floor_leading(*, beta: Array, gamma: Array, attempts: Array) -> Array:
    """T4. Leading term of the limit error as the number of attempts grows.

    Statement: limit error = gamma^k (1-beta)(1-gamma)/(1 - 2 gamma) (1 + o(1)) as k -> infinity at
    fixed gamma. It is neither an upper nor a lower bound at small k.
    Domain: beta in (0, 1]; gamma in (0, 1/2); k >= 1.
    Proof: in :func:`attempts_floor` e -> 0, so u -> gamma and 1 + ... + u^(k-1) -> 1/(1 - gamma);
    k (u - gamma) -> 0 because e is of order gamma^k, so u^k = gamma^k (1 + o(1)).
    Reference: derived here.

    Args:
        beta: correct mass of the labeler.
        gamma: noise of the filter.
        attempts: k.

    Returns:
        The leading term.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> law = dict(beta=0.5, gamma=0.1, attempts=12)
        >>> bool(abs(attempts_floor(**law) / attempts_floor_leading(**law) - 1) < 1e-9)
        True
    """
    return jnp.power(gamma, attempts) * (1.0 - beta) * (1.0 - gamma) / (1.0 - 2.0 * gamma)


@law("T5", gamma=BELOW_HALF, votes=Domain(low=1, high=jnp.inf, odd=True))
def majority_noise(*, gamma: Array, votes: Array) -> Array:
    """T5. Noise of the majority of m independent looks.

    Statement: gamma_m = P(Binomial(m, gamma) > m/2) = I_gamma((m+1)/2, (m+1)/2), and
    gamma_m <= exp(-2 m (1/2 - gamma)^2).
    Domain: gamma in [0, 1/2); m odd, at least 1.
    Proof: the majority errs when more than half of the looks do; a binomial tail is an incomplete
    beta function. The bound is Hoeffding's inequality.
    Reference: Hoeffding 1963; the use in the loop is derived here.

    Args:
        gamma: noise of one look.
        votes: m.

    Returns:
        gamma_m, a probability.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> majority_noise(gamma=0.1, votes=[1, 3]).round(12).tolist()
        [0.1, 0.028]
    """
    half = 0.5 * (votes + 1.0)
    return jnp.where(votes == 1, gamma, betainc(half, half, gamma * jnp.ones_like(half)))


@law("T5", beta=POSITIVE, gamma=BELOW_HALF, target=POSITIVE)
def votes_needed(*, beta: Array, gamma: Array, target: Array) -> Array:
    """T5. Smallest odd number of votes that brings the limit error (k = 1) to the target.

    Statement: T3's floor with gamma_m for gamma is at most eps exactly when
        gamma_m <= eps beta / ((1-beta)(1-eps) + eps beta);
    gamma_m falls with m, so the smallest odd such m is well defined. (T5's m >= log(2/(eps beta)) /
    (2 (1/2 - gamma)^2) is sufficient for half the target, by Hoeffding's bound.)
    Domain: beta, eps in (0, 1]; gamma in [0, 1/2).
    Proof: floor <= eps is linear in gamma_m; solve. That gamma_m falls: two more looks change the
    verdict only where it stood at one vote, and then repair it more often than they spoil it.
    Reference: derived here.

    Args:
        beta: correct mass of the labeler.
        gamma: noise of one look.
        target: eps, the limit error to reach.

    Returns:
        m, odd, as float64.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> float(votes_needed(beta=0.5, gamma=0.1, target=0.03))
        3.0
    """
    allowed = target * beta / ((1.0 - beta) * (1.0 - target) + target * beta)
    gap = 0.5 - gamma
    # Hoeffding's bound is sufficient, so the answer 2 j + 1 has j in (-1, enough].
    enough = jnp.ceil(jnp.maximum(-jnp.log(allowed), 0.0) / (4.0 * gap * gap)) + 1.0

    def halve(_: int, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = jnp.floor(0.5 * (low + high))
        noise = majority_noise.formula(gamma=gamma, votes=2.0 * jnp.maximum(middle, 0.0) + 1.0)
        good = noise <= allowed
        return jnp.where(good, low, middle), jnp.where(good, middle, high)

    start = (jnp.full(enough.shape, -1.0), enough)
    _, high = lax.fori_loop(0, 60, halve, start)
    return 2.0 * jnp.maximum(high, 0.0) + 1.0


@law("T6", beta=PROBABILITY, slack=PROBABILITY, initial_error=PROBABILITY, iterations=COUNT)
def slack_bound(*, beta: Array, slack: Array, initial_error: Array, iterations: Array) -> Array:
    """T6. Upper bound on the error of boosting with an imperfect learner.

    Statement: gamma = 0, k = 1, and a learner within total variation eta of its training
    distribution: e_T <= min(1, (1-beta)^T e_0 + (eta/beta)(1 - (1-beta)^T)), and for beta = 0
    e_T <= min(1, e_0 + eta T).
    Domain: beta, eta, e_0 in [0, 1]; T >= 0.
    Proof: e' <= (1-beta) e + eta; sum the geometric series. Attained by a learner that moves eta
    from correct to wrong each time while it can.
    Reference: derived here.

    Args:
        beta: correct mass of the labeler.
        slack: eta.
        initial_error: e_0.
        iterations: T.

    Returns:
        The bound.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> float(slack_bound(beta=0.5, slack=0.1, initial_error=1.0, iterations=1))
        0.6
    """
    left = jnp.power(1.0 - beta, iterations)
    rounds = label_cost.formula(
        beta=jnp.where(beta == 0.0, 1.0, beta), initial_error=1.0, iterations=iterations
    )
    rounds = jnp.where(beta == 0.0, iterations, rounds)
    return jnp.minimum(1.0, left * initial_error + slack * rounds)


@law(
    "T7",
    beta=PROBABILITY,
    labelled_share=PROBABILITY,
    visited_share=PROBABILITY,
    initial_error=PROBABILITY,
    iterations=COUNT,
)
def budget_error(
    *,
    beta: Array,
    labelled_share: Array,
    visited_share: Array,
    initial_error: Array,
    iterations: Array,
) -> Array:
    """T7. Expected error when only some failing visits are labelled and some prompts visited.

    Statement: gamma = 0, v = 1, any k, p_0(x) in {0, 1}: if each failing visit is labelled with
    probability alpha and a prompt visited with probability pi, independently, then
    E e_T = (1 - alpha pi beta)^T e_0.
    Domain: all probabilities in [0, 1]; T >= 0.
    Proof: with v = 1 a prompt's model is one response for ever; a wrong one is replaced by a right
    one with probability alpha pi beta in each iteration, and a right one is never lost.
    Reference: derived here.

    Args:
        beta: correct mass of the labeler.
        labelled_share: alpha, of the failing visits.
        visited_share: pi, of the prompts.
        initial_error: e_0.
        iterations: T.

    Returns:
        The expected error.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> law = dict(beta=0.5, labelled_share=0.5, initial_error=1.0, iterations=2)
        >>> float(budget_error(visited_share=1.0, **law))
        0.5625
    """
    return jnp.power(1.0 - labelled_share * visited_share * beta, iterations) * initial_error


@law(
    "T8",
    beta_per_prompt=Domain(along_prompts=True),
    prompt_weights=Domain(along_prompts=True, sums_to_one=True),
    initial_error=Domain(along_prompts=True),
    iterations=COUNT,
)
def uneven_error(
    *, beta_per_prompt: Array, prompt_weights: Array, initial_error: Array, iterations: Array
) -> Array:
    """T8. Error under a labeler that is better on some prompts than on others.

    Statement: gamma = 0, k = 1: e_T(x) = (1 - beta(x))^T e_0(x), so the error is a mixture of
    geometrics, ruled in the end by the smallest beta where e_0 > 0.
    Domain: beta(x), e_0(x) in [0, 1]; mu a distribution over prompts; T >= 0.
    Proof: T1 on each prompt; average with mu.
    Reference: derived here.

    Args:
        beta_per_prompt: beta(x), ``[prompts]``.
        prompt_weights: mu, ``[prompts]``, sums to one.
        initial_error: e_0(x), ``[prompts]`` or one number.
        iterations: T, any shape.

    Returns:
        The error, of the shape of ``iterations``.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> law = dict(beta_per_prompt=[0.0, 1.0], prompt_weights=[0.5, 0.5], initial_error=1.0)
        >>> uneven_error(iterations=[0, 1, 9], **law).tolist()
        [1.0, 0.5, 0.5]
    """
    left = jnp.power(1.0 - beta_per_prompt, jnp.asarray(iterations)[..., None])
    return jnp.sum(prompt_weights * left * initial_error, axis=-1)
