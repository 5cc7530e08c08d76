"""T9 to T13: what goes wrong without focus, labels or filter.

Setting unless said otherwise: replace, a strong learner without slack, fresh noise and labels,
attempts drawn from the model as it is (no sharpening), the population. p is the correct mass on a
prompt.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln, polygamma, xlog1py, xlogy
from jaxtyping import Array

from boostsim.theory.law import AT_LEAST_ONE, COUNT, POSITIVE, PROBABILITY, Domain, law, survival

# What grows geometrically at least doubles, and after so many doublings is beyond what floats tell.
GROWING, MOST_DOUBLINGS = Domain(low=2, high=np.inf, whole=True), 1080
# Of a product so many factors as they stand, the others by Stirling's series.
AS_THEY_STAND = 64


@law("T9", gamma=PROBABILITY, initial_accuracy=PROBABILITY, iterations=COUNT)
def filter_only_accuracy(*, gamma: Array, initial_accuracy: Array, iterations: Array) -> Array:
    """T9. Correct mass after T iterations of filtering alone.

    Statement: odds(p_t) = R^t odds(p_0) with R = (1-gamma)/gamma for 0 < p_0 < 1; 0 and 1 are
    fixed. Per prompt: average over prompts afterwards. The limit accuracy is mu{p_0 > 0} for
    gamma < 1/2, E p_0 for gamma = 1/2, mu{p_0 = 1} above.
    Domain: gamma, p_0 in [0, 1]; T >= 0; the population, so any k, and one kept or all.
    Proof: a kept response is correct with odds (1-gamma) p : gamma (1-p), whatever J is. Where
    nothing is accepted nothing is learned and p stays.
    Reference: derived here (docs/theory.md, section 4); at finite v and gamma > 0 a prompt can fix
    on a wrong answer.

    Args:
        gamma: noise of the filter.
        initial_accuracy: p_0 of a prompt.
        iterations: t.

    Returns:
        p_t.

    Example:
        >>> law = dict(gamma=0.25, initial_accuracy=0.5)
        >>> filter_only_accuracy(iterations=[0, 1, 2], **law).round(12).tolist()
        [0.5, 0.75, 0.9]
    """
    p = initial_accuracy
    # The factor of the class that loses, a power of a number in [0, 1]: it cannot overflow.
    losing = jnp.power(
        jnp.minimum(gamma, 1.0 - gamma) / jnp.maximum(gamma, 1.0 - gamma), iterations
    )
    right = p * jnp.where(gamma <= 0.5, 1.0, losing)
    wrong = (1.0 - p) * jnp.where(gamma <= 0.5, losing, 1.0)
    inside = (p > 0.0) & (p < 1.0)
    return jnp.where(inside, right / jnp.where(inside, right + wrong, 1.0), p)


@law("T10", beta=PROBABILITY, rate=POSITIVE)
def even_labels_fixed_point(*, beta: Array, rate: Array) -> Array:
    """T10. Where the correct mass goes when labels are spread evenly and kept.

    Statement: gamma = 0, k = 1, each visit labelled with probability b whatever it showed:
    p' = (p + b beta)/(p + b), and p_t -> p* = [(1-b) + sqrt((1-b)^2 + 4 b beta)]/2 from every p_0
    if beta > 0, from p_0 > 0 if beta = 0. For beta < 1 p* < 1: wrong labels keep polluting prompts
    that are solved.
    Domain: beta in [0, 1]; b in (0, 1].
    Proof: a visit keeps p correct attempts and adds b labels, b beta of them right. p* solves
    p^2 - (1-b) p - b beta = 0; the map is increasing and concave, so it climbs or falls to p*.
    Reference: derived here (docs/theory.md, section 4).

    Args:
        beta: correct mass of the labeler.
        rate: b, labels per visit.

    Returns:
        p*, the limit accuracy.

    Example:
        >>> float(even_labels_fixed_point(beta=0.25, rate=1.0))
        0.5
    """
    half = 0.5 * (1.0 - rate)
    return half + jnp.sqrt(half * half + rate * beta)


@law("T11", examples=AT_LEAST_ONE, iterations=COUNT)
def drift_diversity(*, examples: Array, iterations: Array) -> Array:
    """T11. Share of the initial diversity that uncurated training keeps in expectation.

    Statement: M examples a prompt and iteration, everything kept: E H_t = (1 - 1/M)^t H_0 for
    H = 1 - sum_y f(y|x)^2.
    Domain: M >= 1 whole; t >= 0.
    Proof: f' is the empirical law of M draws from f; two of its M draws, taken with replacement,
    are the same draw with probability 1/M and else differ with probability H.
    Reference: the neutral Wright-Fisher model (Fisher 1930, Wright 1931); derived here
    (docs/theory.md, section 4).

    Args:
        examples: M = v k.
        iterations: t.

    Returns:
        E H_t / H_0.

    Example:
        >>> drift_diversity(examples=4, iterations=[0, 1, 2]).tolist()
        [1.0, 0.75, 0.5625]
    """
    return survival(1.0 / examples, iterations)


@law("T11", examples=AT_LEAST_ONE)
def scheduled_diversity(*, examples: Array) -> Array:
    """T11. Share of the diversity that uncurated training keeps where examples change.

    Statement: M_1, M_2, ... examples a prompt: E H_t = H_0 prod_{s<=t} (1 - 1/M_s). With all
    M_s >= 2 diversity survives, the product stays above 0, exactly where sum 1/M_s is finite.
    Domain: every M_s >= 1 whole.
    Proof: given the row, E H' = (1 - 1/M) H for each iteration's own M; iterations multiply. And
    -x - x^2 <= log(1 - x) <= -x for x in [0, 1/2].
    Reference: the neutral Wright-Fisher model with a changing population (Wright 1931); derived
    here (docs/theory.md, section 4).

    Args:
        examples: M_1, ..., M_T along the last axis.

    Returns:
        E H_t / H_0 for t = 1..T, of the same shape.

    Example:
        >>> scheduled_diversity(examples=[2, 4, 8]).round(4).tolist()
        [0.5, 0.375, 0.3281]
    """
    kept = 1.0 - 1.0 / examples
    return jnp.cumprod(kept, axis=-1) if kept.ndim else kept


@law("T11", examples=AT_LEAST_ONE, growth=GROWING, iterations=COUNT)
def growing_diversity(*, examples: Array, growth: Array, iterations: Array) -> Array:
    """T11. Share of the diversity that is kept where examples grow geometrically.

    Statement: M_t = M g^(t-1): E H_T = H_0 prod_{t=1}^T (1 - g^(1-t)/M), which tends to
    (1/M; 1/g)_infinity, above 0 for M > 1: diversity survives.
    Domain: M >= 1 whole; g >= 2 whole, so that each M_t is; T >= 0. For other growths give
    ``scheduled_diversity`` the numbers.
    Proof: ``scheduled_diversity``; sum 1/M_t = g/(M (g - 1)) is finite.
    Reference: derived here (docs/theory.md, section 4).

    Args:
        examples: M, of the first iteration.
        growth: g.
        iterations: T.

    Returns:
        E H_T / H_0; from T = 1080 on it is the limit, for no float tells the factors from 1.

    Example:
        >>> growing_diversity(examples=2, growth=2, iterations=[0, 1, 3, 1000]).round(4).tolist()
        [1.0, 0.5, 0.3281, 0.2888]
    """
    step = jnp.arange(float(MOST_DOUBLINGS))
    first, factor, rounds = (
        jnp.asarray(each)[..., None] for each in (examples, growth, iterations)
    )
    share = jnp.power(factor, -step) / first
    return jnp.prod(jnp.where(step < rounds, 1.0 - share, 1.0), axis=-1)


@law("T11", examples=AT_LEAST_ONE, increase=AT_LEAST_ONE, iterations=COUNT)
def linear_diversity(*, examples: Array, increase: Array, iterations: Array) -> Array:
    """T11. Share of the diversity that is kept where examples grow linearly.

    Statement: M_t = M + c (t - 1): E H_T = H_0 Gamma(M/c) Gamma((M-1)/c + T) / [Gamma((M-1)/c)
    Gamma(M/c + T)], which falls like T^(-1/c) Gamma(M/c)/Gamma((M-1)/c): diversity dies, as a power
    law. At c = 1 it is (M - 1)/(M - 1 + T).
    Domain: M >= 1 whole, c >= 1 whole; T >= 0.
    Proof: ``scheduled_diversity``, and 1 - 1/M_t = ((M-1)/c + t - 1)/(M/c + t - 1). Stirling.
    Reference: derived here (docs/theory.md, section 4).

    Args:
        examples: M, of the first iteration.
        increase: c.
        iterations: T.

    Returns:
        E H_T / H_0.

    Example:
        >>> linear_diversity(examples=2, increase=1, iterations=[0, 1, 9]).round(12).tolist()
        [1.0, 0.5, 0.1]
    """
    step = jnp.arange(float(AS_THEY_STAND))
    size, more, rounds = (jnp.asarray(each)[..., None] for each in (examples, increase, iterations))
    share = 1.0 / (size + more * step)
    first = jnp.prod(jnp.where(step < rounds, 1.0 - share, 1.0), axis=-1)
    end = jnp.maximum(iterations, AS_THEY_STAND)
    begin, power = (examples - 1.0) / increase, 1.0 / increase
    rest = _log_gamma_step(begin + AS_THEY_STAND, power) - _log_gamma_step(begin + end, power)
    return first * jnp.exp(rest)


def _log_gamma_step(x: Array, step: Array) -> Array:
    """Return log Gamma(x + step) - log Gamma(x) for x >= 64 and steps of at most 1, by Stirling."""
    above = x + step

    def beyond(y: Array) -> Array:
        return (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * y * y)) / (y * y)) / y

    main = (x - 0.5) * jnp.log1p(step / x) - step
    return step * jnp.log(above) + main + beyond(above) - beyond(x)


@law("T11", examples=AT_LEAST_ONE, initial_accuracy=PROBABILITY)
def fixation_time_diffusion(*, examples: Array, initial_accuracy: Array) -> Array:
    """T11. The same time in the diffusion limit.

    Statement: tau ~ -2 M [p_0 ln p_0 + (1-p_0) ln(1-p_0)] as M -> infinity at fixed p_0. For
    p_0 in [0.1, 0.9] it lies 10 to 13% above the truth at M = 10, 2.6 to 4.3% at M = 50.
    Domain: M >= 1 whole; p_0 in [0, 1].
    Proof: the generator of the limit is p (1-p)/(2M) d^2/dp^2; solve generator tau = -1 with
    tau(0) = tau(1) = 0.
    Reference: Kimura and Ohta 1969; docs/theory.md, section 4.

    Args:
        examples: M.
        initial_accuracy: p_0.

    Returns:
        Iterations.

    Example:
        >>> float(fixation_time_diffusion(examples=10, initial_accuracy=0.5).round(6))
        13.862944
    """
    p = initial_accuracy
    # Not the logarithm of 1 - p, which is rounded to 1 where p is small.
    times = -2.0 * examples * (xlogy(p, p) + xlog1py(1.0 - p, -p))
    return jnp.where((p > 0.0) & (p < 1.0), times, 0.0)


@law("T12", examples=AT_LEAST_ONE, iterations=COUNT)
def accumulate_diversity(*, examples: Array, iterations: Array) -> Array:
    """T12. Share of the initial diversity that uncurated training keeps where data accumulate.

    Statement: M examples a prompt in each batch, f_0 carried exactly as the first of them, nothing
    discarded: E H_t = H_0 prod_{s=2}^{t+1} (1 - 1/(M s^2)).
    Domain: M >= 1 whole; t >= 0. The first batch must weigh as much as every other: one example
    kept a visit.
    Proof: after batch s the model is the mean of s batches, the last M draws from the model before.
    Two draws from it are the same draw of the last batch with probability 1/(M s^2); otherwise they
    differ as two draws of the model before do. With a = 1/sqrt(M) and n = t + 1 the product is
    Gamma(n+1-a) Gamma(n+1+a) / (Gamma(n+1)^2 Gamma(2-a) Gamma(2+a)).
    Reference: derived here (docs/theory.md, section 4); relatives are Gerstgrasser et al. 2024 and
    Dey and Donoho 2024.

    Args:
        examples: M.
        iterations: t.

    Returns:
        E H_t / H_0.

    Example:
        >>> accumulate_diversity(examples=4, iterations=[0, 1]).round(12).tolist()
        [1.0, 0.9375]
    """
    return kept(1.0 / jnp.sqrt(examples * 1.0), iterations)


def kept(a: Array, iterations: Array) -> Array:
    """Return the product of 1 - (a/s)^2 over s = 2, ..., t + 1."""
    last = iterations + 1.0
    small = jnp.minimum(last, 64.0)
    direct = gammaln(small + 1.0 - a) + gammaln(small + 1.0 + a) - 2.0 * gammaln(small + 1.0)
    # For many batches the second difference of log Gamma by its Taylor series, for it cancels.
    n = jnp.maximum(last, 64.0) + 1.0
    series = a**2 * polygamma(1, n) + a**4 * polygamma(3, n) / 12.0 + a**6 * polygamma(5, n) / 360.0
    difference = jnp.where(last <= 64.0, direct, series)
    # A share: rounding must not lift it above one.
    return jnp.minimum(jnp.exp(difference - gammaln(2.0 - a) - gammaln(2.0 + a)), 1.0)


@law("T12", examples=AT_LEAST_ONE)
def accumulate_diversity_limit(*, examples: Array) -> Array:
    """T12. Share of the initial diversity that accumulating keeps for ever.

    Statement: E H_t / H_0 -> sin(pi/sqrt M) / ((pi/sqrt M)(1 - 1/M)) >= 1 - (pi^2/6 - 1)/M, and
    1/2 for M = 1: it never vanishes.
    Domain: M >= 1 whole.
    Proof: sin(pi a) = pi a prod_{s>=1} (1 - a^2/s^2) with a = 1/sqrt(M); leave out s = 1.
    Reference: Euler's product; the pi^2/6 is that of Gerstgrasser et al. 2024; docs/theory.md,
    section 4.

    Args:
        examples: M, of each batch and of the first.

    Returns:
        The limit of E H_t / H_0.

    Example:
        >>> accumulate_diversity_limit(examples=[1, 4]).round(6).tolist()
        [0.5, 0.848826]
    """
    single = examples == 1
    many = jnp.where(single, 2.0, examples)
    return jnp.where(single, 0.5, jnp.sinc(1.0 / jnp.sqrt(many)) / (1.0 - 1.0 / many))


@law(
    "T13",
    initial_accuracy=PROBABILITY,
    label_probability=PROBABILITY,
    beta=PROBABILITY,
    filtered=Domain(whole=True),
    sharpened=Domain(whole=True),
)
def necessary_signal(
    *,
    initial_accuracy: Array,
    label_probability: Array,
    beta: Array,
    filtered: Array,
    sharpened: Array | int = 0,
) -> Array:
    """T13. Whether a prompt can improve in expectation at all: what is necessary, not sufficient.

    Statement: without labels p_0(x) = 0 stays 0; without filter, labels and sharpening
    E p_t = p_0. So a prompt with p_0 < 1 improves only with labels of positive probability and
    beta(x) > p_0, or, where p_0 > 0 already, with a filter or with sharpening, which moves E p_t by
    itself: at temperature 1/2 a right mass of 0.6 against one wrong answer becomes 0.692.
    Domain: probabilities in [0, 1]; ``filtered``, ``sharpened`` 0 or 1; replace or accumulate, no
    slack; the population, or labels given whatever the model's row is (a rule that sees J alone).
    Proof: without labels f' is absolutely continuous with respect to f. Without a filter and
    sharpening every example is a draw from f or a label, independently of which it is: E p' is a
    mixture of p and beta, so E p_t rises only where beta is above p_0, and without labels p is a
    martingale.
    Reference: derived here (docs/theory.md, section 4).

    Args:
        initial_accuracy: p_0 of a prompt.
        label_probability: probability that a visit to it is labelled.
        beta: correct mass of its labels.
        filtered: whether a filter that tells right from wrong stands in the loop.
        sharpened: whether attempts come from a sharpened model, not from the model as it is.

    Returns:
        A bool array: False where improvement is impossible.

    Example:
        >>> law = dict(label_probability=0.0, beta=0.2, filtered=True)
        >>> necessary_signal(initial_accuracy=[0.0, 0.5], **law).tolist()
        [False, True]
    """
    labels = (label_probability > 0.0) & (beta > initial_accuracy)
    selects = (filtered > 0.0) | (jnp.asarray(sharpened) > 0.0)
    return labels | (selects & (initial_accuracy > 0.0) & (initial_accuracy < 1.0))
