"""T16: labels that count more or less than an accepted response, and labels with a fixed share.

Setting: replace, keep one, labels on failures, every visit made, fresh noise and labels, the
population. p is the correct mass on a prompt and e = 1 - p. With S accepted responses kept per
visit, L labels and w the weight of a label,
    f' = (S f a/A + w L W)/(S + w L);
as a share of one accepted response and one label together a label is alpha = w/(1 + w).
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array

from boostsim.theory.law import (
    AT_LEAST_ONE,
    BELOW_HALF,
    COUNT,
    POSITIVE,
    PROBABILITY,
    ROUNDING,
    Domain,
    law,
    reached,
)
from boostsim.theory.noise import smallest_root

WEIGHT = Domain(low=0, high=jnp.inf, low_open=True)
# No more than float64 has room for, when multiplied by a probability.
LARGEST = 1e300


@law(
    "T16",
    beta=PROBABILITY,
    label_weight=WEIGHT,
    initial_error=PROBABILITY,
    iterations=COUNT,
)
def weighted_boosting_error(
    *, beta: Array, label_weight: Array, initial_error: Array, iterations: Array
) -> Array:
    """T16. Error after T iterations with labels of weight w, a perfect filter and one attempt.

    Statement: gamma = 0 and k = 1 give e' = c e/(1 - e + w e) with c = (1 - beta) w. The odds
    o = (1 - e)/e obey o' = o/c + beta/(1 - beta), so
        o_T = c^-T o_0 + (beta/(1 - beta)) (1 + c^-1 + ... + c^-(T-1)),
        e_T = c^T e_0 / (1 - e_0 + e_0 [c^T + beta w (1 + c + ... + c^(T-1))]).
    w = 1 is :func:`boosting_error`. For beta > 0 the error tends to 0 where c <= 1, which is
    alpha <= 1/(2 - beta): like c^T below 1 and like (1 - beta)/(beta T) at 1. Above 1 it stalls:
    :func:`weighted_boosting_limit`.
    Domain: beta, e_0 in [0, 1]; w > 0; T >= 0.
    Proof: a visit keeps a right response with probability 1 - e, or a label, of weight w and right
    with probability beta. So odds' = (1 - e + w beta e)/((1 - beta) w e). Iterate, and sum.
    Reference: derived here (docs/theory.md, section 6). Weak data enter the mixture of
    arXiv 2502.08924 with a weight; that it is a weight of each label is one reading of it.

    Args:
        beta: correct mass of the labeler.
        label_weight: w, what a label counts in units of an accepted response.
        initial_error: e_0.
        iterations: T.

    Returns:
        e_T, a probability, of the arguments' broadcast shape.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> law = dict(beta=0.2, initial_error=1.0, iterations=[1, 2, 3])
        >>> weighted_boosting_error(label_weight=1.0, **law).round(4).tolist()
        [0.8, 0.64, 0.512]
        >>> weighted_boosting_error(label_weight=0.1, **law).round(4).tolist()
        [0.8, 0.2286, 0.023]
    """
    certain = beta == 1.0
    doubt = jnp.where(certain, 0.5, beta)
    growth = jnp.log1p(-doubt) + jnp.log(label_weight)
    # Powers of c where it is at most 1, of 1/c where it is above: none overflows.
    light = growth <= 0.0
    rate = -jnp.abs(growth)
    still = rate == 0.0
    power = jnp.exp(iterations * rate)
    terms = jnp.expm1(iterations * rate) / jnp.expm1(jnp.where(still, -1.0, rate))
    terms = jnp.where(still, iterations * 1.0, terms)
    terms = jnp.where(light, terms, terms * jnp.exp(rate))
    right = jnp.minimum(doubt * label_weight * terms, LARGEST)
    one = jnp.ones_like(power)
    kept, wrong = jnp.where(light, one, power), jnp.where(light, power, one)
    whole = (1.0 - initial_error) * kept + initial_error * (wrong + right)
    # Where a power underflows beside nothing, a first error of 0 or 1 stays.
    none = whole == 0.0
    error = jnp.where(none, initial_error, initial_error * wrong / jnp.where(none, 1.0, whole))
    return jnp.where(certain, jnp.where(iterations > 0, 0.0, initial_error), error)


@law("T16", beta=POSITIVE, label_weight=WEIGHT)
def weighted_boosting_limit(*, beta: Array, label_weight: Array) -> Array:
    """T16. Where the error stalls with heavy labels, a perfect filter and one attempt.

    Statement: with c = (1 - beta) w the error tends to 0 if c <= 1, and to
        (c - 1)/(w - 1) = 1 - beta w/(w - 1)
    if c > 1, from every e_0 > 0. A prompt with e_0 = 0 asks for no label, and stays.
    Domain: beta in (0, 1]; w > 0. (For beta = 0 nothing leaves e_0 = 1.)
    Proof: o' = o/c + beta/(1 - beta) has the fixed point beta c/((1 - beta)(c - 1)) if c > 1, and
    distances to it shrink by c; if c <= 1 the odds grow without bound.
    Reference: derived here (docs/theory.md, section 6).

    Args:
        beta: correct mass of the labeler.
        label_weight: w.

    Returns:
        The limit error.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> weighted_boosting_limit(beta=0.2, label_weight=[1.0, 1.25, 4.0]).round(6).tolist()
        [0.0, 0.0, 0.733333]
    """
    excess = (label_weight - 1.0) - beta * label_weight
    heavy = excess > 0.0
    return jnp.where(heavy, excess / jnp.where(heavy, label_weight - 1.0, 1.0), 0.0)


@law(
    "T16",
    beta=PROBABILITY,
    label_weight=WEIGHT,
    target=POSITIVE,
    initial_error=PROBABILITY,
)
def weighted_iterations_needed(
    *, beta: Array, label_weight: Array, target: Array, initial_error: Array | float = 1.0
) -> Array:
    """T16. Iterations until the error is at most eps, with a perfect filter and one attempt.

    Statement: the smallest T with e_T <= eps (1 + 1e-11), e_T of :func:`weighted_boosting_error`;
    0 where e_0 <= eps, infinity where it never gets there. For c = (1 - beta) w < 1 and beta > 0 it
    is at most, from every e_0,
        1 + max(0, ceil(log((1 - beta)/(beta eps)) / log(1/c))):
    light labels make the population fast however weak they are, for a perfect filter multiplies
    what it keeps.
    Domain: beta, e_0 in [0, 1]; w > 0; eps in (0, 1].
    Proof: solve the closed form for T; the neighbours T - 1 and T + 1 are tried in it, for a
    logarithm is off by one at exact powers. The bound: o_1 >= beta/(1 - beta) and o' >= o/c, so
    o_T >= c^-(T-1) beta/(1 - beta), and odds of 1/eps suffice.
    Reference: derived here (docs/theory.md, section 6).

    Args:
        beta: correct mass of the labeler.
        label_weight: w.
        target: eps.
        initial_error: e_0, 1 by default.

    Returns:
        T in iterations, as float64 (infinity: never).

    Raises:
        ValueError: outside the domain.

    Example:
        >>> law = dict(beta=0.05, target=0.01)
        >>> weighted_iterations_needed(label_weight=[0.1, 0.5, 1.0, 2.0], **law).tolist()
        [5.0, 11.0, 90.0, inf]
    """
    certain = beta == 1.0
    doubt = jnp.where(certain, 0.5, beta)
    growth = jnp.log1p(-doubt) + jnp.log(label_weight)
    known = jnp.where(initial_error > 0.0, initial_error, 1.0)
    start, end = (1.0 - known) / known, 1.0 / (target * (1.0 + ROUNDING)) - 1.0
    distance = jnp.maximum(end - start, 0.0)
    # log1p(x)/log(1/c) with x = distance (1 - c)/(start (1 - c) + beta w); in logarithms below 1.
    lost = jnp.log(-jnp.expm1(jnp.minimum(growth, 0.0)))
    brought = jnp.log(doubt) + jnp.log(label_weight)
    ratio = jnp.log(distance) + lost - jnp.logaddexp(jnp.log(start) + lost, brought)
    light = jnp.logaddexp(0.0, ratio) / -growth
    over = jnp.expm1(growth)
    heavy = -jnp.log1p(-distance * over / (doubt * label_weight - start * over)) / growth
    falls = doubt * label_weight > start * over
    even = distance / (doubt * label_weight)
    estimate = jnp.where(growth < 0.0, light, jnp.where(falls, heavy, jnp.inf))
    estimate = jnp.where(growth == 0.0, even, estimate)
    estimate = jnp.ceil(jnp.where(certain, 1.0, estimate))
    estimate = jnp.where(jnp.isnan(estimate), jnp.inf, estimate)
    # Where rounding hides the crossing from all three, the estimate stands.
    needed = jnp.maximum(estimate, 0.0)
    for candidate in (estimate + 1.0, estimate, estimate - 1.0):
        candidate = jnp.maximum(candidate, 0.0)
        finite = jnp.isfinite(candidate)
        error = weighted_boosting_error.formula(
            beta=beta,
            label_weight=label_weight,
            initial_error=initial_error,
            iterations=jnp.where(finite, candidate, 0.0),
        )
        needed = jnp.where(finite & reached(error, target), candidate, needed)
    return jnp.where(reached(initial_error, target), 0.0, needed)


@law(
    "T16",
    (
        "one attempt or a weight of at most 1 (above it the limit may depend on the first model)",
        lambda attempts, label_weight: (attempts == 1) | (label_weight <= 1.0),
    ),
    beta=POSITIVE,
    gamma=BELOW_HALF,
    attempts=AT_LEAST_ONE,
    label_weight=WEIGHT,
)
def weighted_floor(*, beta: Array, gamma: Array, attempts: Array, label_weight: Array) -> Array:
    """T16. Limit error with a gamma-noisy filter, k attempts and labels of weight w.

    Statement: with u = gamma + (1 - 2 gamma) e and A = 1 - u,
        e' = ((1 - u^k) gamma e/A + w u^k (1 - beta)) / (1 - u^k + w u^k);
    the limit error, from every e_0 (from every e_0 > 0 where gamma = 0), is the root of
        (1 - 2 gamma) e (1 - e) (1 + u + ... + u^(k-1)) = w u^k (1 - beta - e)   in [0, 1 - beta].
    It rises with w. w = 1 is :func:`attempts_floor`; for k = 1 it solves a quadratic; for gamma = 0
    it is :func:`weighted_boosting_limit`, which is 0 for w <= 1.
    Domain: beta in (0, 1]; gamma in [0, 1/2); k >= 1; w > 0, and w <= 1 where k >= 2. (Heavier
    labels may stall a bad first model and not a better one: gamma = 0, k = 2, beta = .2, w = 10
    goes to .738 from e_0 = 1 and to 0 from e_0 = .149.)
    Proof: put e' = e and use gamma e/A = e - (1 - 2 gamma) e (1 - e)/A. In y = 1/u the equation is
    a polynomial with the coefficients -g of y^(k+1), 1 - g of y^k, -g of each power from k - 1 down
    to 2, a negative one of y and -(1 - w), g = gamma (1 - gamma): two changes of sign for w <= 1,
    so two positive roots at most (Descartes), of which one lies below 1/(1 - gamma), where e > 1.
    For k = 1 it is a quadratic with one root in the interval for every w. The map is monotone
    (``bs.prove("T16/monotone")``, ``bs.prove("T16/heavy")``), so e_t goes there. At the fixed point
    e is a mean of gamma e/A <= e and of 1 - beta >= e: a heavier label moves it to the latter.
    Reference: derived here (docs/theory.md, section 6).

    Args:
        beta: correct mass of the labeler.
        gamma: noise of the filter.
        attempts: k.
        label_weight: w.

    Returns:
        The limit error: for k = 1 in closed form; else solved, to a relative 1e-12 except where
        gamma is within 1e-5 of 1/2 and the root cancels.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> law = dict(beta=0.2, gamma=0.1, attempts=1)
        >>> weighted_floor(label_weight=[0.1, 1.0], **law).round(4).tolist()
        [0.0108, 0.3077]
    """
    beta, gamma, attempts, label_weight = jnp.broadcast_arrays(
        beta * 1.0, gamma * 1.0, attempts * 1.0, label_weight * 1.0
    )
    single = attempts == 1
    one = _one_attempt(beta, gamma, label_weight)
    # At the edges the error is 0, and this has its slope.
    geometric = (1.0 - jnp.power(gamma, attempts)) / (1.0 - gamma)
    labels = label_weight * jnp.power(gamma, attempts)
    edge = labels * (1.0 - beta) / ((1.0 - 2.0 * gamma) * geometric + labels)
    trivial = (gamma == 0.0) | (beta == 1.0) | single
    noise = jnp.where(trivial, 0.25, gamma)
    weak = 1.0 - jnp.where(trivial, 0.5, beta)
    weight = jnp.where(trivial, 1.0, label_weight)

    def excess(error: Array) -> Array:
        rejected = noise + (1.0 - 2.0 * noise) * error
        power = jnp.power(rejected, attempts)
        accepted = 1.0 - noise - (1.0 - 2.0 * noise) * error
        kept = (1.0 - 2.0 * noise) * error * (1.0 - error) * (1.0 - power) / accepted
        return kept - weight * power * (weak - error)

    # The root is at least half of w gamma^k (1 - beta): (1 - 2 gamma)(1 - e) is at most A.
    smallest = jnp.log(0.5 * weak) + jnp.log(weight) + attempts * jnp.log(noise)
    error = smallest_root(excess, smallest, weak)
    return jnp.where(single, one, jnp.where(trivial, edge, error))


def _one_attempt(beta: Array, gamma: Array, label_weight: Array) -> Array:
    """Return the root of a e^2 + b e = q, written so that nothing cancels."""
    unit = jnp.maximum(label_weight, 1.0)
    weight, beyond = label_weight / unit, (label_weight - 1.0) / unit
    square = (1.0 - 2.0 * gamma) * beyond
    linear = (1.0 - 2.0 * gamma) * (beta * weight - beyond) + weight * gamma
    right = weight * gamma * (1.0 - beta)
    under = linear**2 + 4.0 * square * right
    root = jnp.where(under > 0.0, jnp.sqrt(jnp.where(under > 0.0, under, 1.0)), 0.0)
    heavy = linear < 0.0
    light = 2.0 * right / jnp.where(heavy, 1.0, jnp.where(linear + root > 0.0, linear + root, 1.0))
    return jnp.where(heavy, (root - linear) / jnp.where(heavy, 2.0 * square, 1.0), light)


@law(
    "T16",
    beta=POSITIVE,
    gamma=Domain(high=0.5, low_open=True, high_open=True),
    attempts=AT_LEAST_ONE,
    label_weight=WEIGHT,
)
def weighted_floor_leading(
    *, beta: Array, gamma: Array, attempts: Array, label_weight: Array
) -> Array:
    """T16. Leading term of the limit error as labels get lighter.

    Statement: limit error = w gamma^k (1-beta)(1-gamma)/((1 - gamma^k)(1 - 2 gamma)) (1 + o(1)) as
    w -> 0 at fixed gamma and k; for k = 1 it is w gamma (1-beta)/(1 - 2 gamma). Neither an upper
    nor a lower bound.
    Domain: beta in (0, 1]; gamma in (0, 1/2); k >= 1; w > 0.
    Proof: in :func:`weighted_floor` e -> 0, so u -> gamma and
    1 + ... + u^(k-1) -> (1 - gamma^k)/(1 - gamma).
    Reference: derived here (docs/theory.md, section 6).

    Args:
        beta: correct mass of the labeler.
        gamma: noise of the filter.
        attempts: k.
        label_weight: w.

    Returns:
        The leading term.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> law = dict(beta=0.2, gamma=0.1, attempts=1, label_weight=0.001)
        >>> round(float(weighted_floor_leading(**law)), 9), round(float(weighted_floor(**law)), 9)
        (0.0001, 0.000100078)
    """
    power = jnp.power(gamma, attempts)
    kept = (1.0 - power) * (1.0 - 2.0 * gamma) / (1.0 - gamma)
    return label_weight * power * (1.0 - beta) / kept


@law(
    "T16",
    beta=POSITIVE,
    label_share=Domain(low_open=True, high_open=True),
    hard_share=POSITIVE,
    attempts=AT_LEAST_ONE,
)
def share_stall(
    *, beta: Array, label_share: Array, hard_share: Array | float = 1.0, attempts: Array | int = 1
) -> Array:
    """T16. Where the error stalls if labels are a fixed share of the whole training mixture.

    Statement: gamma = 0, and one weight for all prompts in each iteration such that labels are the
    share alpha of all that is trained on. A share h of the prompts starts at e_0 in (0, 1), the
    others are solved. Then, with b = alpha (1 - h e^k)/(h (1 - alpha)),
        e' = b (1 - beta)/(1 - e^k + b),
    and e tends to the root of
        h e^(k+1) + alpha (1 - beta) = alpha h (1 - beta) e^k + ((1 - alpha) h + alpha) e
    in (0, 1). For h = 1, whatever k is, it is there after one iteration: alpha (1 - beta).
    It is at least alpha (1 - beta)/((1 - alpha) h + alpha), to which it falls with k: the fewer
    prompts are hard, the heavier are their labels, and the error that stays comes to 1 - beta.
    Domain: beta, h in (0, 1]; alpha in (0, 1); k >= 1.
    Proof: S = 1 - e^k responses are kept on a hard prompt and 1 on a solved one, and L = e^k labels
    bought on a hard one; w h L = (alpha/(1 - alpha)) (1 - h + h S) gives w L = b. The equation
    has two changes of sign, and its sides differ by alpha beta (1 - h) >= 0 at e = 1: so one root
    is in (0, 1), the other not below 1. e' is monotone in e.
    Reference: derived here (docs/theory.md, section 6).

    Args:
        beta: correct mass of the labeler.
        label_share: alpha, of all examples, weighted.
        hard_share: h, the share of prompts that start unsolved; 1 by default.
        attempts: k, 1 by default.

    Returns:
        The limit error of a hard prompt; the mean over all prompts is h times that.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> round(float(share_stall(beta=0.2, label_share=1 / 3)), 6)
        0.266667
        >>> share_stall(beta=0.2, label_share=1 / 3, hard_share=[0.1, 0.5]).round(4).tolist()
        [0.7606, 0.4734]
    """
    beta, share, hard, attempts = jnp.broadcast_arrays(
        beta * 1.0, label_share * 1.0, jnp.asarray(hard_share) * 1.0, jnp.asarray(attempts) * 1.0
    )
    certain = beta == 1.0
    weak = 1.0 - jnp.where(certain, 0.5, beta)
    least = share / ((1.0 - share) * hard + share)

    def excess(error: Array) -> Array:
        power = jnp.power(error, attempts)
        kept = (1.0 - share) * hard * error * (1.0 - power)
        return kept - share * (1.0 - hard * power) * (weak - error)

    error = smallest_root(excess, jnp.log(weak) + jnp.log(least), weak)
    return jnp.where(certain, least * (1.0 - beta), error)
