"""Gerstgrasser et al. 2024: a regression, fitted to its own labels.

Where the paper leaves a constant open or bounds it, the law gives it exactly. In three settings:

- *One design, whatever it is*, each round, and tested on its own rows: ``regression_error`` and
  ``accumulated_regression_error``.
- *One normal design*, drawn once for all rounds, and tested on fresh rows: the experiment as its
  authors ran it. ``reused_regression_error`` and ``accumulated_reused_regression_error``.
- *A fresh normal design* each round, tested on fresh rows: ``gaussian_regression_error`` and
  ``accumulated_gaussian_regression_error``.

Under replace the last two are alike, for one round's design is as good as another's. Where all
rounds are kept fresh designs are better: their noise is pooled over different rows.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax.scipy.special import zeta
from jaxtyping import Array

from boostsim.theory.box import Box
from boostsim.theory.law import AT_LEAST_ONE, COUNT, law
from boostsim.theory.proofs import claim

DETERMINED = ("batch_size >= features", lambda features, batch_size: batch_size >= features)
FINITE_MEAN = ("batch_size > features + 1", lambda features, batch_size: batch_size > features + 1)
SIZES = {"features": AT_LEAST_ONE, "batch_size": AT_LEAST_ONE}
on_one_design = law("Gerstgrasser", DETERMINED, **SIZES, iterations=COUNT)
on_fresh_designs = law("Gerstgrasser", FINITE_MEAN, **SIZES, iterations=COUNT)
CHECKED: dict[str, Any] = {"features": range(1, 9), "batch_size": [2, 8, 16, 32, 64]}
DESIGN = Box((DETERMINED,), **CHECKED, iterations=range(17))
FRESH = Box((FINITE_MEAN,), **CHECKED, iterations=range(17))


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


@on_one_design
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

    Example:
        >>> regression_error(features=2, batch_size=8, iterations=[0, 1, 4]).tolist()
        [0.0, 0.25, 1.0]
    """
    return iterations * features / batch_size


@on_one_design
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

    Example:
        >>> accumulated_regression_error(features=2, batch_size=8, iterations=[0, 1, 2]).tolist()
        [0.0, 0.25, 0.3125]
    """
    return features * pooled(jnp.zeros_like(batch_size), batch_size, iterations)


@on_fresh_designs
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

    Example:
        >>> gaussian_regression_error(features=2, batch_size=11, iterations=[0, 1, 4]).tolist()
        [0.0, 0.25, 1.0]
    """
    return iterations * features / (batch_size - features - 1.0)


@on_fresh_designs
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

    Example:
        >>> law = dict(features=1, batch_size=4)
        >>> accumulated_gaussian_regression_error(iterations=[0, 1, 2], **law).round(12).tolist()
        [0.0, 0.5, 0.583333333333]
    """
    return features * pooled(features + 1.0, batch_size, iterations)


@on_fresh_designs
def reused_regression_error(*, features: Array, batch_size: Array, iterations: Array) -> Array:
    """Gerstgrasser. Test error on fresh rows where one normal design serves all t rounds.

    Statement: E |theta_t - theta*|^2_Sigma = t d/(n - d - 1) in units of the noise variance, under
    replace: the same as with a fresh design each round.
    Domain: n > d + 1; t >= 0; n rows drawn once from N(0, Sigma), Sigma of rank d; labels of round
    j are X theta_{j-1} plus fresh noise of mean 0, theta_0 = theta*; tested on new rows.
    Proof: theta_t = theta_{t-1} + G^-1 X^T eps_t. Given X the steps are uncorrelated, each of
    covariance G^-1; whitened, G is a Wishart matrix of n degrees of freedom, E tr G^-1 =
    d/(n - d - 1).
    Reference: the experiment of Gerstgrasser et al. 2024, arXiv 2404.01413, as its authors ran it.

    Args:
        features: d.
        batch_size: n, of each round.
        iterations: t.

    Returns:
        The expected test error above the noise.

    Example:
        >>> reused_regression_error(features=2, batch_size=11, iterations=[0, 1, 4]).tolist()
        [0.0, 0.25, 1.0]
    """
    return iterations * features / (batch_size - features - 1.0)


@on_fresh_designs
def accumulated_reused_regression_error(
    *, features: Array, batch_size: Array, iterations: Array
) -> Array:
    """Gerstgrasser. The same test error where each fit takes all rounds so far.

    Statement: E |theta_t - theta*|^2_Sigma = d/(n - d - 1) sum_{i=1}^t 1/i^2. As t grows it tends
    to (pi^2/6) d/(n - d - 1): here the paper's bound is reached, with fresh designs it is not.
    Domain: as for ``reused_regression_error``.
    Proof: the sum of the Gram matrices is S_t = t G, so theta_t = theta_{t-1} + G^-1 X^T eps_t / t:
    given X the covariance of the step is G^-1 / t^2, and E tr G^-1 = d/(n - d - 1).
    Reference: the experiment of Gerstgrasser et al. 2024, arXiv 2404.01413, as its authors ran it:
    d = 10, n = 32 and 50 rounds give 0.7739, where their runs average 0.7753 +- 0.010.

    Args:
        features: d.
        batch_size: n, of each round.
        iterations: t.

    Returns:
        The expected test error above the noise.

    Example:
        >>> theirs = dict(features=10, batch_size=32, iterations=50)
        >>> float(accumulated_reused_regression_error(**theirs).round(4))
        0.7739
    """
    return features * pooled(jnp.zeros_like(batch_size), batch_size - features - 1.0, iterations)


@law("Gerstgrasser", FINITE_MEAN, **SIZES)
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

    Example:
        >>> float(accumulated_regression_bound(features=1, batch_size=3).round(6))
        1.644934
    """
    return jnp.pi**2 / 6.0 * features / (batch_size - features - 1.0)


CLAIMS = [
    claim(
        "Gerstgrasser.replace",
        regression_error,
        title="least squares, relabelled",
        kind="equality",
        statement="Fitted to its own labels on one design, a regression's test error grows "
        "with the number of rounds.",
        formula="E |theta_t - theta*|^2 = t d/n",
        domain=DESIGN,
    ),
    claim(
        "Gerstgrasser.accumulate",
        accumulated_regression_error,
        title="relabelled, all rounds kept",
        kind="equality",
        statement="With all rounds kept the errors of the rounds add up with weights 1/i^2: "
        "equally where the Gram matrix of each round is the same.",
        formula="E |theta_t - theta*|^2 = (d/n) sum_{i<=t} 1/i^2",
        domain=DESIGN,
    ),
    claim(
        "Gerstgrasser.fresh",
        gaussian_regression_error,
        title="relabelled, fresh designs",
        kind="equality",
        statement="On fresh normal designs the error grows in the same way, and faster.",
        formula="E |theta_t - theta*|^2 = t d/(n - d - 1)",
        domain=FRESH,
    ),
    claim(
        "Gerstgrasser.exact",
        accumulated_gaussian_regression_error,
        title="fresh designs, all rounds kept",
        kind="equality",
        statement="On fresh normal designs, all kept, the law is this and not the bound.",
        formula="E |theta_t - theta*|^2 = sum_{i<=t} d/(i (n i - d - 1))",
        domain=FRESH,
    ),
    claim(
        "Gerstgrasser.reused",
        reused_regression_error,
        title="one normal design, tested on fresh rows",
        kind="equality",
        statement="With one normal design for all rounds, tested on fresh rows, as in the authors' "
        "experiment, the error grows as with fresh designs.",
        formula="E |theta_t - theta*|^2 = t d/(n - d - 1)",
        domain=FRESH,
    ),
    claim(
        "Gerstgrasser.theirs",
        accumulated_reused_regression_error,
        title="the same, all rounds kept",
        kind="equality",
        statement="With all rounds kept, in the authors' experiment the errors of the rounds add "
        "up with weights 1/i^2, up to the paper's bound.",
        formula="E |theta_t - theta*|^2 = d/(n - d - 1) sum_{i<=t} 1/i^2",
        domain=FRESH,
    ),
    claim(
        "Gerstgrasser.bound",
        accumulated_regression_bound,
        title="what it never exceeds",
        kind="upper",
        statement="So the error is bounded, however many rounds there are.",
        formula="E |theta_t - theta*|^2 <= (pi^2/6) d/(n - d - 1)",
        domain=FRESH,
    ),
]
