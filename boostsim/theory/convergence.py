"""T1, T2, T6 to T8: how fast focused weak labels take a model to an optimal one.

Setting for all of them unless said otherwise: a perfect filter, replace, keep one, every visit
made, fresh labels, the population (infinitely many visits). p is the correct mass on a prompt and
e = 1 - p.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array

from boostsim.theory.law import (
    AT_LEAST_ONE,
    COUNT,
    POSITIVE,
    PROBABILITY,
    ROUNDING,
    Domain,
    law,
    reached,
    survival,
)


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
    Reference: derived here (docs/theory.md, section 3) for the setting of arXiv 2502.08924.

    Args:
        beta: correct mass of the labeler.
        attempts: k.
        initial_error: e_0.
        iterations: T.

    Returns:
        e_T, a probability, of the arguments' broadcast shape.

    Example:
        >>> boosting_error(beta=0.5, attempts=1, initial_error=1.0, iterations=[0, 1, 2]).tolist()
        [1.0, 0.5, 0.25]
        >>> float(boosting_error(beta=0.5, attempts=2, initial_error=1.0, iterations=3))
        0.0078125
    """
    power = jnp.power(attempts * 1.0, iterations)
    terms = jnp.where(attempts == 1, iterations, (power - 1.0) / jnp.maximum(attempts - 1, 1))
    return survival(beta, terms) * jnp.power(initial_error, power)


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

    Statement: the smallest T with e_T <= eps, up to rounding: e_T <= eps (1 + 1e-11), for at exact
    powers e_T is eps. 0 where e_0 <= eps; infinity where e_T never gets there (k = 1 and beta = 0;
    k >= 2, beta = 0 and e_0 = 1) or T exceeds 1.8e308; else for k = 1
        T = ceil(log(e_0/eps) / -log(1 - beta)) <= ceil(log(1/eps)/beta),
    the paper's rate, and for k >= 2 and d = -log(1 - beta)
        T = ceil(log_k[(log(1/eps) + d/(k-1)) / (log(1/e_0) + d/(k-1))]).
    Domain: beta, e_0 in [0, 1]; eps in (0, 1]; k >= 1.
    Proof: solve T1's closed form for T. The neighbours T - 1 and T + 1 are tried in the closed
    form, because a logarithm is off by one at exact powers.
    Reference: the rate O(log(1/eps)/beta) is that of arXiv 2502.08924; the constants are ours;
    docs/theory.md, section 3.

    Args:
        beta: correct mass of the labeler.
        initial_error: e_0.
        target: eps.
        attempts: k, 1 by default.

    Returns:
        T in iterations, as float64 (infinity: never).

    Example:
        >>> float(iterations_needed(beta=0.5, initial_error=1.0, target=0.25))
        2.0
        >>> float(iterations_needed(beta=0.1, initial_error=1.0, target=0.729))
        3.0
        >>> iterations_needed(beta=0.1, initial_error=1.0, target=1e-6, attempts=[1, 4]).tolist()
        [132.0, 5.0]
    """
    attempts = jnp.asarray(attempts)
    decay = -jnp.log1p(-beta)
    wanted, given = -jnp.log(target) - jnp.log1p(ROUNDING), -jnp.log(initial_error)
    # In logarithms: the share may underflow, and the ratio overflow.
    share = jnp.log(decay) - jnp.log(jnp.maximum(attempts - 1, 1) * 1.0)
    ratio = jnp.logaddexp(jnp.log(wanted), share) - jnp.logaddexp(jnp.log(given), share)
    several = ratio / jnp.log(jnp.maximum(attempts, 2) * 1.0)
    estimate = jnp.where(attempts == 1, (wanted - given) / decay, several)
    estimate = jnp.ceil(jnp.where(beta == 1.0, 1.0, estimate))
    estimate = jnp.where(jnp.isnan(estimate), jnp.inf, estimate)
    # Where rounding hides the crossing from all three, the estimate stands.
    needed = jnp.maximum(estimate, 0.0)
    for candidate in (estimate + 1.0, estimate, estimate - 1.0):
        candidate = jnp.maximum(candidate, 0.0)
        known = jnp.where(jnp.isfinite(candidate), candidate, 0.0)
        error = boosting_error.formula(
            beta=beta, attempts=attempts, initial_error=initial_error, iterations=known
        )
        good = jnp.isfinite(candidate) & reached(error, target)
        needed = jnp.where(good, candidate, needed)
    return jnp.where(reached(initial_error, target), 0.0, needed)


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
    Reference: derived here (docs/theory.md, section 3).

    Args:
        beta: correct mass of the labeler.
        initial_error: e_0, the share of prompts that f_0 fails.
        iterations: T.

    Returns:
        Labels per prompt.

    Example:
        >>> float(label_cost(beta=0.5, initial_error=1.0, iterations=2))
        1.5
    """
    # As a difference of powers where that is exact enough, else by expm1; beta = 1 has no log.
    large = beta > 0.5
    solved = -jnp.expm1(iterations * jnp.log1p(-jnp.where(large, 0.25, beta)))
    solved = jnp.where(large, 1.0 - jnp.power(1.0 - beta, iterations), solved)
    return initial_error * solved / beta


@law("T6", beta=PROBABILITY, slack=PROBABILITY, initial_error=PROBABILITY, iterations=COUNT)
def slack_bound(*, beta: Array, slack: Array, initial_error: Array, iterations: Array) -> Array:
    """T6. Upper bound on the error of boosting with an imperfect learner.

    Statement: gamma = 0, k = 1, and a learner within total variation eta of its training
    distribution: e_T <= min(1, (1-beta)^T e_0 + (eta/beta)(1 - (1-beta)^T)), and for beta = 0
    e_T <= min(1, e_0 + eta T).
    Domain: beta, eta, e_0 in [0, 1]; T >= 0.
    Proof: e' <= (1-beta) e + eta; sum the geometric series. Attained by a learner that moves eta
    from correct to wrong each time while it can.
    Reference: derived here (docs/theory.md, section 3).

    Args:
        beta: correct mass of the labeler.
        slack: eta.
        initial_error: e_0.
        iterations: T.

    Returns:
        The bound.

    Example:
        >>> float(slack_bound(beta=0.5, slack=0.1, initial_error=1.0, iterations=1))
        0.6
    """
    left = survival(beta, iterations)
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
    Reference: derived here (docs/theory.md, section 3).

    Args:
        beta: correct mass of the labeler.
        labelled_share: alpha, of the failing visits.
        visited_share: pi, of the prompts.
        initial_error: e_0.
        iterations: T.

    Returns:
        The expected error.

    Example:
        >>> law = dict(beta=0.5, labelled_share=0.5, initial_error=1.0, iterations=2)
        >>> float(budget_error(visited_share=1.0, **law))
        0.5625
    """
    return survival(labelled_share * visited_share * beta, iterations) * initial_error


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
    Reference: derived here (docs/theory.md, section 3).

    Args:
        beta_per_prompt: beta(x), ``[prompts]``.
        prompt_weights: mu, ``[prompts]``, sums to one.
        initial_error: e_0(x), ``[prompts]`` or one number.
        iterations: T, any shape.

    Returns:
        The error, of the shape of ``iterations``.

    Example:
        >>> law = dict(beta_per_prompt=[0.0, 1.0], prompt_weights=[0.5, 0.5], initial_error=1.0)
        >>> uneven_error(iterations=[0, 1, 9], **law).tolist()
        [1.0, 0.5, 0.5]
    """
    left = survival(beta_per_prompt, jnp.asarray(iterations)[..., None])
    return jnp.sum(prompt_weights * left * initial_error, axis=-1)
