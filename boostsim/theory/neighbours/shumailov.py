"""Shumailov et al. 2024: a normal law, fitted to its own output.

Where the paper leaves a constant open or bounds it, the law gives it exactly.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax.scipy.special import zeta
from jaxtyping import Array

from boostsim.theory.box import Box
from boostsim.theory.law import AT_LEAST_ONE, COUNT, law, lost, survival
from boostsim.theory.proofs import claim, limit

SAMPLES = [1, 2, 3, 5, 10, 30, 100]
DOMAIN = Box(batch_size=SAMPLES, iterations=range(17))


@law("Shumailov", batch_size=AT_LEAST_ONE, iterations=COUNT)
def refit_variance(*, batch_size: Array, iterations: Array) -> Array:
    """Shumailov. Expected variance of a normal law refitted to its own samples t times.

    Statement: E sigma_t^2 / sigma^2 = (1 - 1/n)^t under replace.
    Domain: one dimension; n >= 1 fresh samples a refit; t >= 0; maximum likelihood, which divides
    by n. Divided by n - 1 the expectation stays 1, though sigma_t^2 still tends to 0.
    Proof: the variance of n samples about their mean has expectation (1 - 1/n) sigma_{t-1}^2.
    Reference: the setting is that of Shumailov et al. 2024, Nature 631; derived here.

    Args:
        batch_size: n.
        iterations: t.

    Returns:
        E sigma_t^2 in units of sigma^2.

    Example:
        >>> refit_variance(batch_size=4, iterations=[0, 1, 2]).tolist()
        [1.0, 0.75, 0.5625]
    """
    return survival(1.0 / batch_size, iterations)


@law("Shumailov", batch_size=AT_LEAST_ONE, iterations=COUNT)
def refit_mean_error(*, batch_size: Array, iterations: Array) -> Array:
    """Shumailov. How far the mean of a normal law wanders as it is refitted to its own samples.

    Statement: E (mu_t - mu)^2 / sigma^2 = 1 - (1 - 1/n)^t under replace: what the variance loses.
    Domain: one dimension; n >= 1 fresh samples a refit; t >= 0; maximum likelihood.
    Proof: mu_t - mu_{t-1} has mean 0 and variance sigma_{t-1}^2 / n given the past, so the sum is
    (1/n) sum_{s<t} (1 - 1/n)^s.
    Reference: the setting is that of Shumailov et al. 2024, Nature 631; derived here.

    Args:
        batch_size: n.
        iterations: t.

    Returns:
        E (mu_t - mu)^2 in units of sigma^2.

    Example:
        >>> refit_mean_error(batch_size=4, iterations=[0, 1, 2]).round(12).tolist()
        [0.0, 0.25, 0.4375]
    """
    return lost(1.0 / batch_size, iterations)


@law("Shumailov", batch_size=AT_LEAST_ONE, iterations=COUNT)
def accumulated_refit_variance(*, batch_size: Array, iterations: Array) -> Array:
    """Shumailov. The same variance where each refit takes all samples so far.

    Statement: batch 1 is real, batch j drawn from fit j-1, fit j the maximum likelihood fit to all
    j batches of n: E sigma_t^2 / sigma^2 = prod_{j=1}^t (1 - 1/(n j^2)).
    Domain: one dimension; n >= 1; t >= 0, where fit 0 is the truth.
    Proof: about mu_{t-1} the samples of the first t - 1 batches have second moment sigma_{t-1}^2,
    those of batch t have it in expectation. The pooled mean moves by 1/t of the mean of batch t
    less mu_{t-1}, of variance sigma_{t-1}^2 / (n t^2); its square is taken off. From j = 2 on the
    product is T12's (docs/theory.md, section 4).
    Reference: the setting is that of Shumailov et al. 2024 with the data of Gerstgrasser et al.
    2024; derived here.

    Args:
        batch_size: n, of each batch.
        iterations: t.

    Returns:
        E sigma_t^2 in units of sigma^2.

    Example:
        >>> accumulated_refit_variance(batch_size=4, iterations=[0, 1, 2]).round(12).tolist()
        [1.0, 0.75, 0.703125]
    """
    share, rounds = 1.0 / jnp.asarray(batch_size)[..., None], jnp.asarray(iterations)[..., None]
    # The first 64 factors as they stand, the logarithm of the others by its series.
    batch, power = jnp.arange(1.0, 65.0), jnp.arange(1.0, 5.0)
    first = jnp.where(batch <= rounds, 1.0 - share / batch**2, 1.0)
    beyond = zeta(2.0 * power, 65.0) - zeta(2.0 * power, jnp.maximum(rounds, 64.0) + 1.0)
    rest = jnp.where(rounds > 64.0, jnp.power(share, power) / power * beyond, 0.0)
    return jnp.prod(first, axis=-1) * jnp.exp(-jnp.sum(rest, axis=-1))


@law("Shumailov", batch_size=AT_LEAST_ONE)
def accumulated_refit_variance_limit(*, batch_size: Array) -> Array:
    """Shumailov. The variance that accumulating keeps for ever.

    Statement: E sigma_t^2 / sigma^2 falls to sin(pi/sqrt n) / (pi/sqrt n), which is above
    1 - pi^2/(6 n) and 0 only for n = 1.
    Domain: n >= 1 whole.
    Proof: sin(pi a) = pi a prod_{j>=1} (1 - a^2/j^2) with a = 1/sqrt(n).
    Reference: Euler's product; derived here.

    Args:
        batch_size: n, of each batch.

    Returns:
        The limit of E sigma_t^2 in units of sigma^2.

    Example:
        >>> accumulated_refit_variance_limit(batch_size=[1, 4]).round(6).tolist()
        [0.0, 0.63662]
    """
    return jnp.where(batch_size == 1.0, 0.0, jnp.sinc(1.0 / jnp.sqrt(batch_size * 1.0)))


CLAIMS = [
    claim(
        "Shumailov.variance",
        refit_variance,
        title="a normal law, refitted",
        kind="equality",
        statement="Each refit by maximum likelihood to n samples of the last fit takes 1/n of "
        "the variance away.",
        formula="E sigma_t^2 = sigma^2 (1 - 1/n)^t",
        domain=DOMAIN,
    ),
    claim(
        "Shumailov.mean",
        refit_mean_error,
        title="its mean wanders",
        kind="equality",
        statement="What the variance loses the mean wanders.",
        formula="E (mu_t - mu)^2 = sigma^2 (1 - (1 - 1/n)^t)",
        domain=DOMAIN,
    ),
    claim(
        "Shumailov.accumulate",
        accumulated_refit_variance,
        title="refitted to all samples so far",
        kind="equality",
        statement="With all batches kept the t-th refit takes 1/(n t^2) of the variance away.",
        formula="E sigma_t^2 = sigma^2 prod_{j<=t} (1 - 1/(n j^2))",
        domain=DOMAIN,
    ),
    limit(
        "Shumailov.limit",
        accumulated_refit_variance_limit,
        title="variance that is kept for ever",
        direction="above",
        statement="With all batches kept the variance does not vanish, but for n = 1.",
        formula="E sigma_t^2 -> sigma^2 sin(pi/sqrt n) / (pi/sqrt n)",
        domain=Box(batch_size=SAMPLES[1:]),
    ),
]
