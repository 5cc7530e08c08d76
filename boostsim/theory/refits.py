"""Shumailov and Gerstgrasser: a normal law and a regression, fitted to their own output.

Where a paper leaves a constant open or bounds it, the law gives it exactly.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax.scipy.special import zeta
from jaxtyping import Array

from boostsim.theory.law import AT_LEAST_ONE, COUNT, law, lost, survival

DETERMINED = ("batch_size >= features", lambda features, batch_size: batch_size >= features)
FINITE_MEAN = ("batch_size > features + 1", lambda features, batch_size: batch_size > features + 1)


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

    Raises:
        ValueError: outside the domain.

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

    Raises:
        ValueError: outside the domain.

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
    product is T12's.
    Reference: the setting is that of Shumailov et al. 2024 with the data of Gerstgrasser et al.
    2024; derived here.

    Args:
        batch_size: n, of each batch.
        iterations: t.

    Returns:
        E sigma_t^2 in units of sigma^2.

    Raises:
        ValueError: outside the domain.

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

    Raises:
        ValueError: outside the domain.

    Example:
        >>> accumulated_refit_variance_limit(batch_size=[1, 4]).round(6).tolist()
        [0.0, 0.63662]
    """
    return jnp.where(batch_size == 1.0, 0.0, jnp.sinc(1.0 / jnp.sqrt(batch_size * 1.0)))


@law(
    "Gerstgrasser",
    DETERMINED,
    features=AT_LEAST_ONE,
    batch_size=AT_LEAST_ONE,
    iterations=COUNT,
)
def regression_error(*, features: Array, batch_size: Array, iterations: Array) -> Array:
    """Gerstgrasser. Test error of least squares on a fixed design that relabels itself t times.

    Statement: E |theta_t - theta*|^2_Sigma = t d/n in units of the noise variance, under replace.
    Domain: n >= d >= 1; t >= 0; the same design X of rank d each round, Sigma = X^T X / n; labels
    of round j are X theta_{j-1} plus fresh noise of mean 0, theta_0 = theta*.
    Proof: theta_t = theta_{t-1} + G^-1 X^T eps_t with G = X^T X. The steps are uncorrelated, each
    of covariance G^-1, and tr(G^-1 Sigma) = d/n.
    Reference: the setting is that of Gerstgrasser et al. 2024, arXiv 2404.01413; derived here.

    Args:
        features: d.
        batch_size: n, of each round.
        iterations: t.

    Returns:
        The expected test error above the noise.

    Raises:
        ValueError: outside the domain, n < d included.

    Example:
        >>> regression_error(features=2, batch_size=8, iterations=[0, 1, 4]).tolist()
        [0.0, 0.25, 1.0]
    """
    return iterations * features / batch_size


def pooled(shift: Array, batch_size: Array, rounds: Array) -> Array:
    """Return sum_{i=1}^t 1/(i (n i - c)) for c < n, to full accuracy.

    The first 64 terms as they stand, the others as sum_k c^k/n^(k+1) sum_i i^-(k+2).
    """
    shift, batch_size, rounds = (
        jnp.asarray(each)[..., None] for each in (shift, batch_size, rounds)
    )
    step = jnp.arange(1.0, 65.0)
    first = jnp.where(step <= rounds, 1.0 / (step * (batch_size * step - shift)), 0.0)
    power = jnp.arange(8.0)
    beyond = zeta(power + 2.0, 65.0) - zeta(power + 2.0, jnp.maximum(rounds, 64.0) + 1.0)
    rest = jnp.where(rounds > 64.0, jnp.power(shift / batch_size, power) * beyond / batch_size, 0.0)
    return jnp.sum(first, axis=-1) + jnp.sum(rest, axis=-1)


@law(
    "Gerstgrasser",
    DETERMINED,
    features=AT_LEAST_ONE,
    batch_size=AT_LEAST_ONE,
    iterations=COUNT,
)
def accumulated_regression_error(*, features: Array, batch_size: Array, iterations: Array) -> Array:
    """Gerstgrasser. The same test error where each fit takes all rounds so far.

    Statement: E |theta_t - theta*|^2_Sigma = (d/n) sum_{i=1}^t 1/i^2 = (d/n) (pi^2/6 - psi_1(t+1)),
    below (pi^2/6) d/n for ever.
    Domain: as for ``regression_error``.
    Proof: with S_t the sum of the Gram matrices, S_t theta_t = S_{t-1} theta_{t-1} + X^T y_t, so
    theta_t = theta_{t-1} + S_t^-1 X^T eps_t. Here S_t = t G: the covariance of the step is
    G^-1 / t^2.
    Reference: the pi^2/6 is that of Gerstgrasser et al. 2024, arXiv 2404.01413; derived here.

    Args:
        features: d.
        batch_size: n, of each round.
        iterations: t.

    Returns:
        The expected test error above the noise.

    Raises:
        ValueError: outside the domain, n < d included.

    Example:
        >>> accumulated_regression_error(features=2, batch_size=8, iterations=[0, 1, 2]).tolist()
        [0.0, 0.25, 0.3125]
    """
    return features * pooled(jnp.zeros_like(batch_size), batch_size, iterations)


@law(
    "Gerstgrasser",
    FINITE_MEAN,
    features=AT_LEAST_ONE,
    batch_size=AT_LEAST_ONE,
    iterations=COUNT,
)
def gaussian_regression_error(*, features: Array, batch_size: Array, iterations: Array) -> Array:
    """Gerstgrasser. Test error of least squares that relabels fresh normal designs t times.

    Statement: E |theta_t - theta*|^2_Sigma = t d/(n - d - 1) in units of the noise variance, under
    replace.
    Domain: n > d + 1; t >= 0; each round n rows drawn from N(0, Sigma), Sigma of rank d, and labels
    by theta_{j-1} plus fresh noise of mean 0, theta_0 = theta*.
    Proof: theta_t = theta_{t-1} + G_t^-1 X_t^T eps_t. Whitened, G_t is a Wishart matrix of n
    degrees of freedom, and E G_t^-1 = I/(n - d - 1).
    Reference: Gerstgrasser et al. 2024, arXiv 2404.01413.

    Args:
        features: d.
        batch_size: n, of each round.
        iterations: t.

    Returns:
        The expected test error above the noise.

    Raises:
        ValueError: outside the domain, n <= d + 1 included.

    Example:
        >>> gaussian_regression_error(features=2, batch_size=11, iterations=[0, 1, 4]).tolist()
        [0.0, 0.25, 1.0]
    """
    return iterations * features / (batch_size - features - 1.0)


@law(
    "Gerstgrasser",
    FINITE_MEAN,
    features=AT_LEAST_ONE,
    batch_size=AT_LEAST_ONE,
    iterations=COUNT,
)
def accumulated_gaussian_regression_error(
    *, features: Array, batch_size: Array, iterations: Array
) -> Array:
    """Gerstgrasser. The same test error where each fit takes all rounds so far.

    Statement: E |theta_t - theta*|^2_Sigma = sum_{i=1}^t d/(i (n i - d - 1)).
    Domain: as for ``gaussian_regression_error``.
    Proof: theta_t = theta_{t-1} + S_t^-1 X_t^T eps_t with S_t = G_1 + ... + G_t, so the step adds
    E tr(S_t^-1 G_t S_t^-1), whitened. The G_j are exchangeable and sum to S_t: that is
    E tr(S_t^-1) / t, and S_t is a Wishart matrix of n t degrees of freedom.
    Reference: exact where Gerstgrasser et al. 2024, arXiv 2404.01413, bound; derived here.

    Args:
        features: d.
        batch_size: n, of each round.
        iterations: t.

    Returns:
        The expected test error above the noise.

    Raises:
        ValueError: outside the domain, n <= d + 1 included.

    Example:
        >>> law = dict(features=1, batch_size=4)
        >>> accumulated_gaussian_regression_error(iterations=[0, 1, 2], **law).round(12).tolist()
        [0.0, 0.5, 0.583333333333]
    """
    return features * pooled(features + 1.0, batch_size, iterations)


@law("Gerstgrasser", FINITE_MEAN, features=AT_LEAST_ONE, batch_size=AT_LEAST_ONE)
def accumulated_regression_bound(*, features: Array, batch_size: Array) -> Array:
    """Gerstgrasser. What the test error never exceeds where data accumulate.

    Statement: sum_{i>=1} d/(i (n i - d - 1)) <= (pi^2/6) d/(n - d - 1).
    Domain: n > d + 1.
    Proof: n i - d - 1 >= i (n - d - 1); sum 1/i^2.
    Reference: Gerstgrasser et al. 2024, arXiv 2404.01413.

    Args:
        features: d.
        batch_size: n, of each round.

    Returns:
        A bound on the expected test error above the noise, for every t.

    Raises:
        ValueError: outside the domain, n <= d + 1 included.

    Example:
        >>> float(accumulated_regression_bound(features=1, batch_size=3).round(6))
        1.644934
    """
    return jnp.pi**2 / 6.0 * features / (batch_size - features - 1.0)
