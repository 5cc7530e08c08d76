"""T12 and T22: what is kept of earlier iterations, and what real data anchor.

Setting unless said otherwise: no curation, one attempt a visit, a strong learner without slack,
attempts drawn from the model as it is (no sharpening). Diversity is H = 1 - sum_y f(y|x)^2 on a
prompt, M the examples that an iteration gathers on it, rho the real examples beside each of those:
of law R, the task's reference.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jaxtyping import Array

from boostsim.theory.failure import kept
from boostsim.theory.law import (
    AT_LEAST_ONE,
    BELOW_HALF,
    COUNT,
    POSITIVE,
    PROBABILITY,
    Domain,
    law,
    lost,
    solved_law,
    survival,
)

REAL = Domain(high=np.inf, low_open=True)
# Pairs of batches are gone through in every iteration.
WINDOW = Domain(low=1, high=256, whole=True, single=True)
FOLLOWED = Domain(high=10_000, whole=True)
# Room for the rounding of numbers that meet a bound.
ROOM = 1e-12


class Anchored(NamedTuple):
    """T22's quantities: where the correct mass goes with real data, and how fast.

    Source: docs/theory.md, section 4.
    """

    fixed_point: Array
    rate: Array


@law(
    "T22",
    real_share=REAL,
    reference_accuracy=PROBABILITY,
    initial_accuracy=PROBABILITY,
    iterations=COUNT,
)
def anchor_accuracy(
    *, real_share: Array, reference_accuracy: Array, initial_accuracy: Array, iterations: Array
) -> Array:
    """T22. Expected correct mass of uncurated training that real data anchor.

    Statement: f' = (f + rho R)/(1 + rho), so E p_t - r = (1 + rho)^-t (p_0 - r), with r the correct
    mass of the real data: the rate is 1/(1 + rho), whatever the number of visits.
    Domain: rho > 0; r, p_0 in [0, 1]; t >= 0.
    Proof: of 1 + rho examples one is a draw from f, and rho are of R. The map is affine.
    Reference: derived here (docs/theory.md, section 4); real data are what population genetics
    calls migration.

    Args:
        real_share: rho, real examples to each example of the model.
        reference_accuracy: r.
        initial_accuracy: p_0.
        iterations: t.

    Returns:
        E p_t.

    Example:
        >>> law = dict(real_share=1.0, reference_accuracy=1.0, initial_accuracy=0.5)
        >>> anchor_accuracy(iterations=[0, 1, 2], **law).tolist()
        [0.5, 0.75, 0.875]
    """
    rate = real_share / (1.0 + real_share)
    own = survival(rate, iterations) * initial_accuracy
    return jnp.minimum(own + lost(rate, iterations) * reference_accuracy, 1.0)


@law("T22", gamma=BELOW_HALF, real_share=REAL, reference_accuracy=POSITIVE)
def anchor_filter(*, gamma: Array, real_share: Array, reference_accuracy: Array) -> Anchored:
    """T22. The filter alone, one attempt, with real data: fixed point and rate.

    Statement: p' = ((1-gamma) p + rho r)/(A + rho) with A = gamma + d p, d = 1 - 2 gamma, and
        p_t -> p* = [d - rho + sqrt((d - rho)^2 + 4 d rho r)]/(2 d),
        rate = [gamma (1-gamma) + rho ((1-gamma)(1-r) + gamma r)]/(A* + rho)^2
    from every p_0, 0 too, with |p_t - p*| ~ c rate^t. With right real data (r = 1) p* = 1 and
    e_t <= (gamma/(gamma + rho))^t e_0; the rate is gamma/(1 - gamma + rho). Real data that err keep
    the filter from solving a prompt.
    Domain: gamma in [0, 1/2); rho > 0; r in (0, 1]; the population.
    Proof: a visit keeps its attempt with probability A. The map is a quotient of affine functions,
    rising, and d p^2 - (d - rho) p = rho r has one root that is not negative, in (0, 1]: so p_t
    rises or falls to it. Of e' = gamma e/(A + rho), which is r = 1, A is gamma at least.
    Reference: derived here (docs/theory.md, section 4).

    Args:
        gamma: noise of the filter.
        real_share: rho, real examples per visit.
        reference_accuracy: r, their correct mass.

    Returns:
        A named tuple (fixed_point, rate), both dimensionless.

    Example:
        >>> law = anchor_filter(gamma=0.25, real_share=0.5, reference_accuracy=1.0)
        >>> float(law.fixed_point), float(law.rate)
        (1.0, 0.2)
    """
    d, r = 1.0 - 2.0 * gamma, reference_accuracy
    # Divided by the larger of d and rho: nothing overflows, and nothing cancels.
    many = real_share > d
    own = jnp.where(many, d / jnp.where(many, real_share, 1.0), 1.0)
    real = jnp.where(many, 1.0, real_share / d)
    middle = own - real
    root = jnp.sqrt(middle**2 + 4.0 * own * real * r)
    fixed = jnp.where(many, 2.0 * r / (root - middle), 0.5 * (middle + root))
    fixed = jnp.minimum(fixed, 1.0)
    wrong = (1.0 - gamma) * (1.0 - r) + gamma * r
    slope = gamma * (1.0 - gamma) + real_share * wrong
    return Anchored(fixed, slope / (gamma + d * fixed + real_share) ** 2)


@law(
    "T22",
    beta=PROBABILITY,
    gamma=PROBABILITY,
    real_share=REAL,
    reference_accuracy=PROBABILITY,
)
def anchor_boosting(
    *, beta: Array, gamma: Array, real_share: Array, reference_accuracy: Array
) -> Anchored:
    """T22. Boosting with one attempt and real data: fixed point and rate.

    Statement: p_T - p* = rate^T (p_0 - p*) with
        p*   = (beta (1-gamma) + rho r) / (gamma (1-beta) + beta (1-gamma) + rho),
        rate = [(1-gamma)(1-beta) + gamma beta] / (1 + rho):
    T3's rate, over 1 + rho, and T3's fixed point drawn towards r.
    Domain: beta, gamma, r in [0, 1]; rho > 0; the population, and the mean at finitely many visits.
    Proof: a visit gives one example, right with T3's affine map of p; then rho real ones.
    Reference: derived here (docs/theory.md, section 4), from T3 (docs/theory.md, section 3).

    Args:
        beta: correct mass of the labeler.
        gamma: noise of the filter.
        real_share: rho, real examples per visit.
        reference_accuracy: r, their correct mass.

    Returns:
        A named tuple (fixed_point, rate), both dimensionless.

    Example:
        >>> law = dict(beta=0.5, gamma=0.25, real_share=0.5, reference_accuracy=1.0)
        >>> found = anchor_boosting(**law)
        >>> round(float(found.fixed_point), 12), round(float(found.rate), 12)
        (0.875, 0.333333333333)
    """
    right, wrong = beta * (1.0 - gamma), gamma * (1.0 - beta)
    fixed = (right + real_share * reference_accuracy) / (right + wrong + real_share)
    rate = ((1.0 - gamma) * (1.0 - beta) + gamma * beta) / (1.0 + real_share)
    return Anchored(fixed, rate)


@law(
    "T22",
    (
        "an overlap that two such rows can have: overlap^2 <= (1 - H_0)(1 - H_R)",
        lambda initial_diversity, reference_diversity, overlap: (
            overlap**2 <= (1.0 - initial_diversity) * (1.0 - reference_diversity) + ROOM
        ),
    ),
    examples=AT_LEAST_ONE,
    real_share=REAL,
    initial_diversity=PROBABILITY,
    reference_diversity=PROBABILITY,
    overlap=PROBABILITY,
    iterations=COUNT,
)
def anchor_diversity(
    *,
    examples: Array,
    real_share: Array,
    initial_diversity: Array,
    reference_diversity: Array,
    overlap: Array,
    iterations: Array,
) -> Array:
    """T22. Expected diversity of uncurated training that real data anchor, at M examples a prompt.

    Statement: with u = 1/(1 + rho), a = u^2 (1 - 1/M), g = sum_y f_0 R - (1 - H_R) and
    b = 2 (1-u) g / (1 - u (1 - 1/M)),
        E H_t = H* - b u^t + (H_0 - H* + b) a^t,   H* = H_R rho (2 + rho)/(rho (2 + rho) + 1/M).
    Domain: M >= 1 whole; rho > 0; H_0, H_R, sum_y f_0 R in [0, 1] as rows have them; t >= 0. Exact
    at every M.
    Proof: with C = 1 - H, E[C' | f] = u^2 (C + (1 - C)/M) + 2 u (1-u) sum_y f R + (1-u)^2 (1-H_R),
    and E sum_y f R goes to 1 - H_R like u^t: a linear system with the modes 1, u and a.
    Reference: derived here (docs/theory.md, section 4); with rho small it is Wright's
    theta/(1 + theta) with theta = 2 M rho (Wright 1931).

    Args:
        examples: M = v.
        real_share: rho, real examples to each example of the model.
        initial_diversity: H_0.
        reference_diversity: H_R, of the real data.
        overlap: sum_y f_0(y) R(y), the chance that a draw of each agree.
        iterations: t.

    Returns:
        E H_t.

    Example:
        >>> law = dict(examples=4, real_share=0.5, overlap=0.5)
        >>> law |= dict(initial_diversity=0.5, reference_diversity=0.5)
        >>> anchor_diversity(iterations=[0, 1, 10**6], **law).round(6).tolist()
        [0.5, 0.444444, 0.416667]
    """
    u, q = 1.0 / (1.0 + real_share), real_share / (1.0 + real_share)
    rest = reference_diversity * _left(examples, real_share)
    apart = overlap - (1.0 - reference_diversity)
    b = 2.0 * q * apart / (q + u / examples)
    both = jnp.power(u, iterations), jnp.power(u * u * (1.0 - 1.0 / examples), iterations)
    found = rest - b * both[0] + (initial_diversity - rest + b) * both[1]
    return jnp.clip(found, 0.0, 1.0)


@law("T22", examples=AT_LEAST_ONE, real_share=REAL)
def anchor_diversity_limit(*, examples: Array, real_share: Array) -> Array:
    """T22. Share of the real data's diversity that uncurated training has in the end.

    Statement: E H_t / H_R -> rho (2 + rho)/(rho (2 + rho) + 1/M): half of it where
    M rho (2 + rho) = 1, which is about half a real example a prompt and iteration, whatever M is.
    Domain: M >= 1 whole; rho > 0.
    Proof: the fixed point of the linear system of ``anchor_diversity``.
    Reference: derived here (docs/theory.md, section 4); Wright 1931.

    Args:
        examples: M.
        real_share: rho, real examples to each example of the model.

    Returns:
        The limit of E H_t / H_R.

    Example:
        >>> float(anchor_diversity_limit(examples=4, real_share=0.5).round(6))
        0.833333
    """
    return _left(examples, real_share)


def _left(examples: Array, real_share: Array) -> Array:
    return 1.0 / (1.0 + 1.0 / (examples * real_share * (2.0 + real_share)))


@law(
    "T12",
    real_share=REAL,
    reference_accuracy=PROBABILITY,
    initial_accuracy=PROBABILITY,
    iterations=COUNT,
)
def accumulate_real_accuracy(
    *, real_share: Array, reference_accuracy: Array, initial_accuracy: Array, iterations: Array
) -> Array:
    """T12. Expected correct mass where all is kept, real data that come with each batch too.

    Statement: E p_t - r = (p_0 - r) prod_{s=1}^{t} (1 - rho/(1 + s (1 + rho))), which falls like
    t^(-rho/(1 + rho)): a power, where an anchor without the past falls like (1 + rho)^-t.
    Domain: rho > 0; r, p_0 in [0, 1]; t >= 0; f_0 weighs one example a visit. At every number of
    visits.
    Proof: what is kept weighs W_s = 1 + s (1 + rho) after s iterations, of which the last brought
    one example from f and rho from R: W_s (E p_s - r) = (W_{s-1} + 1)(E p_{s-1} - r). The product
    is Gamma(t+1+b) Gamma(1+c) / (Gamma(1+b) Gamma(t+1+c)), b = (1-rho)/(1+rho), c = 1/(1+rho).
    Reference: derived here (docs/theory.md, section 4).

    Args:
        real_share: rho, real examples to each example of the model.
        reference_accuracy: r, their correct mass.
        initial_accuracy: p_0.
        iterations: t.

    Returns:
        E p_t, to some 1e-12 of it up to a thousand iterations.

    Example:
        >>> law = dict(real_share=1.0, reference_accuracy=1.0, initial_accuracy=0.5)
        >>> accumulate_real_accuracy(iterations=[0, 1, 2], **law).round(9).tolist()
        [0.5, 0.666666667, 0.733333333]
    """
    # 1 + b: not by way of b, which is -1 where real data are nearly all.
    above, below = 2.0 / (1.0 + real_share), 1.0 + 1.0 / (1.0 + real_share)
    logarithm = gammaln(iterations + above) - gammaln(iterations + below)
    logarithm = logarithm + gammaln(below) - gammaln(above)
    left = jnp.minimum(jnp.exp(logarithm), 1.0)
    return left * initial_accuracy + (1.0 - left) * reference_accuracy


@law("T12", examples=AT_LEAST_ONE, iterations=COUNT)
def accumulate_diversity_drawn(*, examples: Array, iterations: Array) -> Array:
    """T12. Share of the diversity that is kept where all is, and f_0 enters as M draws from it.

    Statement: E H_t = H_0 (1 - 1/(2 M)) prod_{s=3}^{t+1} (1 - 1/(M s^2)) for t >= 1.
    Domain: M >= 1 whole; t >= 0.
    Proof: the first model trained is the mean of 2 M draws from f_0; then as T12.
    Reference: derived here (docs/theory.md, section 4).

    Args:
        examples: M, of each batch and of the first.
        iterations: t.

    Returns:
        E H_t / H_0.

    Example:
        >>> accumulate_diversity_drawn(examples=4, iterations=[0, 1, 2]).round(12).tolist()
        [1.0, 0.875, 0.850694444444]
    """
    first = (1.0 - 0.5 / examples) / (1.0 - 0.25 / examples)
    after = first * kept(1.0 / jnp.sqrt(examples * 1.0), iterations)
    return jnp.where(iterations > 0.0, after, 1.0)


@law("T12", examples=AT_LEAST_ONE, draws=AT_LEAST_ONE, iterations=COUNT)
def subsample_diversity(*, examples: Array, draws: Array, iterations: Array) -> Array:
    """T12. Share of the diversity that is kept where all is, but m draws from it are trained on.

    Statement: with c = 1 - (1 - 1/M)(1 - 1/m), for t >= 1
        E H_t = H_0 (1 - 1/m) (1 - 1/(4 M)) prod_{s=3}^{t+1} (1 - c/s^2),
    which never vanishes for m > 1: as for M/(1 + M/m) examples, about, and the share 1/m is missing
    in every single model.
    Domain: M, m >= 1 whole; t >= 0; draws with replacement, f_0 itself among what is kept.
    Proof: T12 for what is kept, whose next batch is M draws from m draws from it; two of those are
    one with probability c. The first batch is of f_0 itself.
    Reference: derived here (docs/theory.md, section 4).

    Args:
        examples: M, gathered on a prompt in each iteration.
        draws: m, trained on.
        iterations: t.

    Returns:
        E H_t / H_0.

    Example:
        >>> law = dict(examples=4, draws=4)
        >>> subsample_diversity(iterations=[0, 1, 2], **law).round(8).tolist()
        [1.0, 0.703125, 0.66894531]
    """
    c = 1.0 / examples + (1.0 - 1.0 / examples) / draws
    first = (1.0 - 1.0 / draws) * (1.0 - 0.25 / examples) / (1.0 - 0.25 * c)
    return jnp.where(iterations > 0.0, first * kept(jnp.sqrt(c), iterations), 1.0)


@solved_law("T12", examples=AT_LEAST_ONE, window=WINDOW, iterations=FOLLOWED)
def window_diversity(*, examples: Array, window: int, iterations: Array) -> Array:
    """T12. Share of the initial diversity that is kept where the last n iterations are.

    Statement: of J(s, u), the expected chance that a draw from batch s and one from batch u differ,
        J(u, u) = (1 - 1/M) H_(u-1),   J(s, u) = mean of J(s, j) over the window before u,  s < u,
    and E H_t is the mean of J over the pairs of the window of iteration t; J(0, 0) = H_0.
    Domain: M >= 1 whole; n from 1 to 256; t from 0 to 10,000. f_0 is the batch before the first.
    Proof: batch u is M draws from the model before, which is the mean of its window.
    Reference: derived here (docs/theory.md, section 4). n = 1 is T11; t < n is T12.

    Args:
        examples: M, of each batch and of the first.
        window: n, one number.
        iterations: t.

    Returns:
        E H_t / H_0.

    Example:
        >>> window_diversity(examples=4, window=2, iterations=[0, 1, 2]).round(12).tolist()
        [1.0, 0.9375, 0.80078125]
    """
    many, times = np.broadcast_arrays(examples * 1.0, iterations)
    differ = np.ones((1, 1, *many.shape))
    found = np.where(times == 0, 1.0, 0.0)
    for iteration in range(1, int(times.max(initial=0)) + 1):
        with_new = differ.mean(axis=1)
        whole = with_new.mean(axis=0)[None] * (1.0 - 1.0 / many)
        differ = np.concatenate([differ, with_new[:, None]], axis=1)
        new = np.concatenate([with_new, whole])[None]
        differ = np.concatenate([differ, new])[-window:, -window:]
        found = np.where(times == iteration, differ.mean(axis=(0, 1)), found)
    return np.minimum(found, 1.0)  # type: ignore[return-value]


@law("T12", examples=AT_LEAST_ONE, window=AT_LEAST_ONE)
def window_equivalent_size(*, examples: Array, window: Array) -> Array:
    """T12. As how many examples, all replaced, a window of n iterations loses diversity.

    Statement: E H_(t+1)/E H_t -> 1 - 1/M_e as t grows, and M_e / (M ((n + 1)/2)^2) -> 1 as M does:
    a leading term. It is exact for n = 1.
    Domain: M, n >= 1 whole.
    Proof: backwards a draw comes from a batch 1 to n iterations ago, each as likely, so it is in a
    given batch with probability 2/(n + 1), and two of them are, as if by themselves where they
    rarely meet, with that squared; then they are the same draw with probability 1/M.
    Reference: derived here (docs/theory.md, section 4); generations that overlap are Felsenstein's
    (1971).

    Args:
        examples: M, of each batch.
        window: n.

    Returns:
        The leading term of M_e, examples.

    Example:
        >>> window_equivalent_size(examples=10, window=[1, 3]).tolist()
        [10.0, 40.0]
    """
    return examples * (0.5 * (window + 1.0)) ** 2
