"""T17 and pass@k: what several attempts cost, and how often one of them is right."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from boostsim.theory.law import AT_LEAST_ONE, COUNT, PROBABILITY, Domain, law, lost

# The estimate is a product of as many factors as responses are right, or asked for.
MOST_SAMPLES = 1_000_000


@law("T17", acceptance=PROBABILITY, attempts=AT_LEAST_ONE)
def attempts_until_accepted(*, acceptance: Array, attempts: Array) -> Array:
    """T17. Responses generated per visit if a visit stops at the first that is accepted.

    Statement: with A = 1 - B the probability that an attempt is accepted, and at most k attempts,
        E[attempts] = 1 + B + ... + B^(k-1) = (1 - B^k)/A,   k where A = 0.
    Filter calls are as many, times the votes. What is kept has the law of k attempts of which the
    first accepted is kept, and so have labels on failures; only J, how many pass, is not seen.
    Domain: A in [0, 1]; k >= 1.
    Proof: attempt j is made where the j - 1 before it were rejected. Attempts after the first
    accepted one change nothing that is kept.
    Reference: derived here (docs/theory.md, section 6): the mean of a geometric number cut at k.

    Args:
        acceptance: A = gamma + (1 - 2 gamma) p for a gamma-noisy filter.
        attempts: k, the most attempts of a visit.

    Returns:
        Attempts per visit, in [1, k].

    Raises:
        ValueError: outside the domain.

    Example:
        >>> attempts_until_accepted(acceptance=[0.0, 0.5, 1.0], attempts=4).tolist()
        [4.0, 1.875, 1.0]
    """
    tried = acceptance > 0.0
    # At 0 a straight line, for the derivative.
    never = attempts * (1.0 - 0.5 * (attempts - 1.0) * acceptance)
    rate = jnp.where(tried, acceptance, 0.5)
    return jnp.where(tried, jnp.clip(lost(rate, attempts) / rate, 1.0, attempts), never)


@law("Chen", accuracy=PROBABILITY, attempts=AT_LEAST_ONE)
def pass_at(*, accuracy: Array, attempts: Array) -> Array:
    """pass@k. The probability that one of k independent responses is right.

    Statement: 1 - (1 - p)^k, for each prompt: average it over prompts, never apply it to their mean
    accuracy, which it would overrate (it is concave in p).
    Domain: p in [0, 1]; k >= 1.
    Proof: all k are wrong with probability (1 - p)^k.
    Reference: Chen et al. 2021, "Evaluating Large Language Models Trained on Code"
    (arXiv 2107.03374).

    Args:
        accuracy: p, the correct mass on a prompt.
        attempts: k.

    Returns:
        A probability.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> pass_at(accuracy=0.5, attempts=[1, 2, 8]).tolist()
        [0.5, 0.75, 0.99609375]
    """
    return lost(accuracy, attempts)


def _not_more_right(right: Array, samples: Array) -> Array:
    return right <= samples


def _enough(attempts: Array, samples: Array) -> Array:
    return attempts <= samples


@law(
    "Chen",
    ("no more right responses than samples", _not_more_right),
    ("at least as many samples as attempts", _enough),
    right=COUNT,
    samples=Domain(low=1, high=MOST_SAMPLES, whole=True),
    attempts=AT_LEAST_ONE,
)
def pass_at_estimate(*, right: Array, samples: Array, attempts: Array) -> Array:
    """pass@k. The unbiased estimate from n samples of which c are right.

    Statement: 1 - C(n - c, k)/C(n, k); its expectation over c ~ Binomial(n, p) is 1 - (1 - p)^k.
    (1 - (1 - c/n)^k is too low: it is concave in c.)
    Domain: 0 <= c <= n; 1 <= k <= n; n at most a million.
    Proof: C(n - c, k)/C(n, k) is the probability that k of the samples, drawn without replacement,
    are all wrong. Such k are k independent responses.
    Reference: Chen et al. 2021, "Evaluating Large Language Models Trained on Code"
    (arXiv 2107.03374).

    Args:
        right: c, how many are right.
        samples: n, how many responses were drawn.
        attempts: k.

    Returns:
        A probability.

    Raises:
        ValueError: outside the domain.

    Example:
        >>> pass_at_estimate(right=[0, 1, 3], samples=4, attempts=2).tolist()
        [0.0, 0.5, 1.0]
    """
    # Symmetric in c and k: a factor for each of the fewer of them.
    fewer, more = jnp.minimum(right, attempts) * 1.0, jnp.maximum(right, attempts) * 1.0

    def factor(number: Array, total: Array) -> Array:
        drawn = jnp.minimum(more / (samples - number), 1.0)
        return total + jnp.where(number < fewer, jnp.log1p(-drawn), 0.0)

    shape = jnp.broadcast_shapes(jnp.shape(fewer), jnp.shape(samples))
    count = jnp.max(fewer).astype(int) if jnp.size(fewer) else 0
    return 0.0 - jnp.expm1(
        lax.fori_loop(0, count, factor, jnp.zeros(shape, jnp.asarray(fewer).dtype))
    )
