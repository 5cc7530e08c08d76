"""T3 to T5: what a noisy filter leaves, and what more attempts and more votes do about it.

Setting: replace, keep one, labels on failures, every visit made, fresh noise and labels, the
population. p is the correct mass on a prompt and e = 1 - p.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import scipy.special
from jax import lax
from jax.scipy.special import betainc
from jaxtyping import Array

from boostsim.theory.law import (
    AT_LEAST_ONE,
    BELOW_HALF,
    POSITIVE,
    PROBABILITY,
    ROUNDING,
    Domain,
    law,
)

# Beyond this the incomplete beta function loses digits.
MOST_VOTES = 999_999
# Below this float64 has no room for what is to be compared.
SMALLEST = 1e-290


def _allowed_noise(beta: Any, target: Any) -> Any:
    """Return the noise at which the odds of T3's floor are the target's, with room for rounding."""
    right = (1.0 + ROUNDING) * target * beta
    return right / ((1.0 - beta) * (1.0 - target) + right)


def _votes_suffice(beta: Any, gamma: Any, target: Any) -> Any:
    half = (MOST_VOTES + 1) / 2
    return scipy.special.betainc(half, half, gamma) <= _allowed_noise(beta, target)


def _noise_is_a_number(beta: Any, gamma: Any, target: Any) -> Any:
    return (gamma == 0.0) | (target * beta > SMALLEST)


class NoisyBoosting(NamedTuple):
    """T3's quantities: where the correct mass goes, how fast, and the error that is left.

    Source: docs/theory.md, section 3.
    """

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
    Reference: derived here (docs/theory.md, section 3) for the setting of arXiv 2502.08924.

    Args:
        beta: correct mass of the labeler.
        gamma: noise of the filter.

    Returns:
        A named tuple (fixed_point, rate, floor), all dimensionless.

    Example:
        >>> law = noisy_boosting(beta=0.5, gamma=0.1)
        >>> round(float(law.fixed_point), 6), round(float(law.rate), 6), round(float(law.floor), 6)
        (0.9, 0.5, 0.1)
    """
    right, wrong = beta * (1.0 - gamma), gamma * (1.0 - beta)
    rate = (1.0 - gamma) * (1.0 - beta) + gamma * beta
    return NoisyBoosting(right / (right + wrong), rate, wrong / (right + wrong))


def smallest_root(excess: Callable[[Array], Array], smallest: Array, largest: Array) -> Array:
    """Return where a function changes from below 0 to above, between e^smallest and largest.

    Bisection in the logarithm keeps relative accuracy. One step of Newton follows: it polishes the
    last digits, and its derivative is the implicit one.
    """

    def halve(_: int, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = 0.5 * (low + high)
        below = excess(jnp.exp(middle)) < 0.0
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    smallest = jnp.maximum(smallest, -700.0)
    low, high = lax.fori_loop(0, 64, halve, (smallest, jnp.log(largest)))
    error = lax.stop_gradient(jnp.exp(0.5 * (low + high)))
    value, slope = jax.jvp(excess, (error,), (jnp.ones_like(error),))
    return jnp.clip(error - value / lax.stop_gradient(slope), 0.0, largest)


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
    to a fixed point. In w = 1/u the equation is a polynomial with two changes of sign, so it has
    two positive roots at most (Descartes); one lies below 1/(1-gamma), where e > 1, so one is left
    for e in (0, 1). That it falls with k: docs/theory.md.
    Reference: derived here (docs/theory.md, section 3).

    Args:
        beta: correct mass of the labeler.
        gamma: noise of the filter.
        attempts: k.

    Returns:
        The limit error: for k = 1 in closed form; else solved, to a relative 1e-12 except where
        beta and gamma are both below 1e-5, or gamma within 1e-5 of 1/2, and the root cancels.

    Example:
        >>> round(float(attempts_floor(beta=0.5, gamma=0.1, attempts=1)), 12)
        0.1
        >>> bool(attempts_floor(beta=0.5, gamma=0.1, attempts=4) < 1e-4)
        True
    """
    beta, gamma, attempts = jnp.broadcast_arrays(beta * 1.0, gamma * 1.0, attempts * 1.0)
    single = attempts == 1
    one = gamma * (1.0 - beta) / (gamma * (1.0 - beta) + beta * (1.0 - gamma))
    # At the edges the error is 0, and this has its slope.
    geometric = (1.0 - jnp.power(gamma, attempts)) / (1.0 - gamma)
    edge = (1.0 - beta) * jnp.power(gamma, attempts) / (1.0 - gamma * geometric)
    trivial = (gamma == 0.0) | (beta == 1.0) | single
    noise = jnp.where(trivial, 0.25, gamma)
    weak = 1.0 - jnp.where(trivial, 0.5, beta)

    def excess(error: Array) -> Array:
        rejected = noise + (1.0 - 2.0 * noise) * error
        power = jnp.power(rejected, attempts)
        terms = (1.0 - power) / (1.0 - noise - (1.0 - 2.0 * noise) * error)
        return error * (1.0 - noise * terms) - weak * power

    # The root is at least (1 - beta) gamma^k.
    error = smallest_root(excess, jnp.log(weak) + attempts * jnp.log(noise), weak)
    return jnp.where(single, one, jnp.where(trivial, edge, error))


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
    Reference: derived here (docs/theory.md, section 3).

    Args:
        beta: correct mass of the labeler.
        gamma: noise of the filter.
        attempts: k.

    Returns:
        The leading term.

    Example:
        >>> law = dict(beta=0.5, gamma=0.1, attempts=12)
        >>> bool(abs(attempts_floor(**law) / attempts_floor_leading(**law) - 1) < 1e-9)
        True
    """
    return jnp.power(gamma, attempts) * (1.0 - beta) * (1.0 - gamma) / (1.0 - 2.0 * gamma)


@law("T5", gamma=BELOW_HALF, votes=Domain(low=1, high=MOST_VOTES, odd=True))
def majority_noise(*, gamma: Array, votes: Array) -> Array:
    """T5. Noise of the majority of m independent looks.

    Statement: gamma_m = P(Binomial(m, gamma) > m/2) = I_gamma((m+1)/2, (m+1)/2), and
    gamma_m <= exp(-2 m (1/2 - gamma)^2).
    Domain: gamma in [0, 1/2); m odd, 1 to 999,999: beyond, the incomplete beta function loses
    digits.
    Proof: the majority errs when more than half of the looks do; a binomial tail is an incomplete
    beta function. The bound is Hoeffding's inequality.
    Reference: Hoeffding 1963; the use in the loop is derived here (docs/theory.md, section 3).

    Args:
        gamma: noise of one look.
        votes: m.

    Returns:
        gamma_m, a probability.

    Example:
        >>> majority_noise(gamma=0.1, votes=[1, 3]).round(12).tolist()
        [0.1, 0.028]
    """
    single = votes == 1
    half = 0.5 * (jnp.where(single, 3, votes) + 1.0)
    noise = jnp.where(single, 0.25, gamma)
    return jnp.where(single, gamma, betainc(half, half, noise * jnp.ones_like(half)))


@law(
    "T5",
    ("at most as many looks as there are", lambda votes, least: least <= votes),
    rate=PROBABILITY,
    votes=Domain(low=1, high=MOST_VOTES, whole=True),
    least=Domain(low=1, high=MOST_VOTES, whole=True),
)
def threshold_noise(*, rate: Array, votes: Array, least: Array) -> Array:
    """T5. Chance that at least so many of m independent looks err.

    Statement: P(Binomial(m, r) >= n) = I_r(n, m - n + 1). A filter that accepts where at least h of
    m looks do accepts a wrong response with n = h and r the false-accept rate, and rejects a right
    one with n = m - h + 1 and r the false-reject rate. Unanimity is h = m: it errs with r^m on
    wrong responses, with 1 - (1 - r)^m on right ones.
    Domain: r in [0, 1]; m and n whole, 1 <= n <= m <= 999,999.
    Proof: a binomial tail is an incomplete beta function; not h looks accept where m - h + 1 or
    more reject.
    Reference: derived here (docs/theory.md, section 3).

    Args:
        rate: r, that one look errs.
        votes: m.
        least: n, the looks that must err.

    Returns:
        A probability.

    Example:
        >>> threshold_noise(rate=0.1, votes=2, least=[1, 2]).round(12).tolist()
        [0.19, 0.01]
    """
    single = votes == 1
    # Where there is one look that is all; elsewhere a pair of numbers that the function knows.
    several, enough = jnp.where(single, 2.0, votes), jnp.where(single, 1.0, least)
    ends = (rate == 0.0) | (rate == 1.0)
    inside = jnp.where(single | ends, 0.5, rate)
    tail = betainc(enough, several - enough + 1.0, inside * jnp.ones_like(several))
    return jnp.where(single | ends, rate, tail)


@law(
    "T5",
    gamma=BELOW_HALF,
    votes=Domain(low=1, high=MOST_VOTES, odd=True),
    correlation=PROBABILITY,
)
def correlated_noise(*, gamma: Array, votes: Array, correlation: Array) -> Array:
    """T5. Noise of the majority of m looks that are one draw with probability c.

    Statement: c gamma + (1 - c) gamma_m, which falls with m to c gamma and never gets below it.
    Domain: gamma in [0, 1/2); m odd, 1 to 999,999; c in [0, 1].
    Proof: where all looks are one draw the majority is that draw, and errs with gamma; else they
    are independent, and gamma_m >= 0 falls to 0 (Hoeffding).
    Reference: derived here (docs/theory.md, section 3).

    Args:
        gamma: noise of one look.
        votes: m.
        correlation: c.

    Returns:
        A probability.

    Example:
        >>> correlated_noise(gamma=0.1, votes=[1, 3, 99], correlation=0.5).round(12).tolist()
        [0.1, 0.064, 0.05]
    """
    alone = majority_noise.formula(gamma=gamma, votes=votes)
    return correlation * gamma + (1.0 - correlation) * alone


@law("T5", beta=POSITIVE, gamma=BELOW_HALF, correlation=PROBABILITY)
def correlated_floor(*, beta: Array, gamma: Array, correlation: Array) -> Array:
    """T5. Limit error (k = 1) below which no number of correlated votes gets.

    Statement: T3's floor at the noise c gamma,
        c gamma (1-beta) / (c gamma + beta (1 - 2 c gamma)).
    The limit error with m votes is above it by beta (1-beta)(1-c) gamma_m over a product of two
    numbers in (0, 1], and tends to it as m grows; from above it the error stays above it.
    Domain: beta in (0, 1]; gamma in [0, 1/2); c in [0, 1].
    Proof: with E(g) = beta (1-g) + g (1-beta), floor(g) - floor(h) = beta (1-beta)(g - h) /
    (E(g) E(h)): the floor rises with the noise, and that is c gamma + (1-c) gamma_m. Between the
    two floors the error rises, above the upper one it stays above that (T3's rate is not negative).
    Reference: derived here (docs/theory.md, section 3).

    Args:
        beta: correct mass of the labeler.
        gamma: noise of one look.
        correlation: c.

    Returns:
        The floor.

    Example:
        >>> correlated_floor(beta=0.5, gamma=0.1, correlation=[0.0, 0.5, 1.0]).round(12).tolist()
        [0.0, 0.05, 0.1]
    """
    noise = correlation * gamma
    return noise * (1.0 - beta) / (noise * (1.0 - beta) + beta * (1.0 - noise))


@law(
    "T5",
    (f"a target times beta above {SMALLEST:g} where gamma is above 0", _noise_is_a_number),
    (f"a target that at most {MOST_VOTES:,} votes reach", _votes_suffice),
    beta=POSITIVE,
    gamma=BELOW_HALF,
    target=POSITIVE,
)
def votes_needed(*, beta: Array, gamma: Array, target: Array) -> Array:
    """T5. Smallest odd number of votes that brings the limit error (k = 1) to the target.

    Statement: T3's floor with gamma_m for gamma is at most eps exactly when
        gamma_m <= eps beta / ((1-beta)(1-eps) + eps beta);
    gamma_m falls with m, so the smallest odd such m is well defined. Up to rounding: a floor of
    eps (1 + 1e-11) counts, for eps may be the floor of a number of votes. (T5's
    m >= log(2/(eps beta)) / (2 (1/2 - gamma)^2) is sufficient for half the target, by Hoeffding's
    bound.)
    Domain: beta, eps in (0, 1]; gamma in [0, 1/2); the answer at most 999,999; eps beta above
    1e-290 unless gamma = 0.
    Proof: floor <= eps is linear in gamma_m; solve. That gamma_m falls: two more looks change the
    verdict only where it stood at one vote, and then repair it more often than they spoil it.
    Reference: derived here (docs/theory.md, section 3).

    Args:
        beta: correct mass of the labeler.
        gamma: noise of one look.
        target: eps, the limit error to reach.

    Returns:
        m, odd, as float64.

    Example:
        >>> float(votes_needed(beta=0.5, gamma=0.1, target=0.03))
        3.0
    """
    allowed = _allowed_noise(beta, target)

    def halve(_: int, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bounds
        middle = jnp.floor(0.5 * (low + high))
        noise = majority_noise.formula(gamma=gamma, votes=2.0 * jnp.maximum(middle, 0.0) + 1.0)
        good = noise <= allowed
        return jnp.where(good, low, middle), jnp.where(good, middle, high)

    shape = jnp.broadcast_shapes(jnp.shape(allowed), jnp.shape(gamma))
    # The answer is 2 j + 1 with j in (-1, most].
    start = (jnp.full(shape, -1.0), jnp.full(shape, (MOST_VOTES - 1) / 2))
    _, high = lax.fori_loop(0, 20, halve, start)
    return 2.0 * jnp.maximum(high, 0.0) + 1.0
