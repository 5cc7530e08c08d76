"""What neighbouring papers say of models trained on their own output, in the units used here.

Shumailov: a normal law refitted by maximum likelihood. Gerstgrasser: least squares. Seddik:
frequencies of responses. Ferbach: the best liked of several draws. Feng: a majority of verified
examples. Where a paper leaves a constant open or bounds it, the law gives it exactly.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax
from jax.scipy.special import zeta
from jaxtyping import Array

from boostsim.theory.law import AT_LEAST_ONE, COUNT, PROBABILITY, Domain, law, survival

__all__ = [
    "accumulated_gaussian_regression_error",
    "accumulated_refit_variance",
    "accumulated_refit_variance_limit",
    "accumulated_regression_bound",
    "accumulated_regression_error",
    "breakdown_error",
    "collision_probability",
    "curated_probabilities",
    "curation_gain",
    "gaussian_regression_error",
    "majority_error_bound",
    "refit_mean_error",
    "refit_variance",
    "regression_error",
    "tilted_probabilities",
]

# Ferbach's integral is computed to 1e-13 up to these.
MOST_CONTENDERS = 10**6
LARGEST_REWARD = 50.0
REWARDS = Domain(low=-LARGEST_REWARD, high=LARGEST_REWARD, along_prompts=True)
DISTRIBUTION = Domain(along_prompts=True, sums_to_one=True)
CONTENDERS = Domain(low=1, high=MOST_CONTENDERS, whole=True)

DETERMINED = ("batch_size >= features", lambda features, batch_size: batch_size >= features)
FINITE_MEAN = ("batch_size > features + 1", lambda features, batch_size: batch_size > features + 1)


def lost(rate: Array, rounds: Array) -> Array:
    """Return 1 - (1 - rate)^rounds to full accuracy where it is small."""
    certain = rate == 1.0
    gradual = -jnp.expm1(rounds * jnp.log1p(-jnp.where(certain, 0.5, rate)))
    return jnp.where(certain, jnp.where(rounds > 0.0, 1.0, 0.0), gradual)


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
