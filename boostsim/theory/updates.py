"""T18 and T19: learners other than the strong one, policy gradients and steps part of the way.

Setting: replace, fresh noise and labels, attempts drawn from the model as it is, the population. p
is the correct mass on a prompt and e = 1 - p. A filter accepts right responses with probability a1,
wrong ones with a0, and A = a0 + (a1 - a0) p of all. No visit is labelled unless said so.
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from boostsim.theory.law import (
    COUNT,
    POSITIVE,
    PROBABILITY,
    Domain,
    law,
    lost,
    survival,
)
from boostsim.theory.noise import NoisyBoosting, noisy_boosting

RATE = Domain(high=math.inf)
GROUP = Domain(low=2, high=1000, whole=True, single=True)
MOVES = (
    "(beta, gamma) other than (0, 0) and (1, 1), where nothing moves",
    lambda beta, gamma: ~(((beta == 0) & (gamma == 0)) | ((beta == 1) & (gamma == 1))),
)


def tilted_accuracy(gain: Any, accuracy: Any) -> Array:
    """Return the correct mass whose log-odds are so much larger; 0 and 1 stay."""
    losing = jnp.exp(-jnp.abs(gain))
    right = accuracy * jnp.where(gain >= 0.0, 1.0, losing)
    wrong = (1.0 - accuracy) * jnp.where(gain >= 0.0, losing, 1.0)
    inside = (accuracy > 0.0) & (accuracy < 1.0)
    return jnp.where(inside, right / jnp.where(inside, right + wrong, 1.0), accuracy)


def _pulled(reference: Array, iterations: Array) -> Array:
    """Return 1 + (1 - lambda) + ... + (1 - lambda)^(T - 1), of T numbers."""
    few = reference * iterations < 1e-4
    first = iterations * 1.0
    series = first - reference * first * (first - 1.0) / 2.0 * (
        1.0 - reference * (first - 2.0) / 3.0 * (1.0 - reference * (first - 3.0) / 4.0)
    )
    known = jnp.where(few, 0.5, reference)
    return jnp.where(few, series, lost(known, iterations) / known)


@law(
    "T18",
    rate=RATE,
    false_accept=PROBABILITY,
    false_reject=PROBABILITY,
    initial_accuracy=PROBABILITY,
    iterations=COUNT,
    reference=PROBABILITY,
)
def policy_gradient_accuracy(
    *,
    rate: Array,
    false_accept: Array,
    false_reject: Array,
    initial_accuracy: Array,
    iterations: Array,
    reference: Array = 0.0,  # type: ignore[assignment]
) -> Array:
    """T18. Correct mass after T iterations of a policy gradient on verdicts.

    Statement: with the advantage ``"verdict"`` or ``"leave_one_out"`` an iteration adds
    eta (a1 - a0) to the log-odds of a right response, with ``"group_mean"`` of k attempts
    eta (a1 - a0)(1 - 1/k): give that rate. A pull lambda to the first model makes it
        logit p_T = logit p_0 + eta (a1 - a0) (1 - (1 - lambda)^T)/lambda,
    T in place of the last factor for lambda = 0; 0 and 1 stay. For lambda = 0 this is filtering
    alone with the odds ratio R = e^(eta (a1 - a0)).
    Domain: eta >= 0; all others in [0, 1]; T >= 0. Per prompt.
    Proof: f' is proportional to f^(1-lambda) f_0^lambda e^(eta adv), and the advantage of a
    response is a_c less something that all responses share: of its own verdict the mean is a_c, of
    the others' A. So logit p' = (1-lambda) logit p + lambda logit p_0 + eta (a1 - a0); sum.
    Reference: derived here (docs/theory.md, section 7).

    Args:
        rate: eta, the learning rate.
        false_accept: a0.
        false_reject: 1 - a1.
        initial_accuracy: p_0.
        iterations: T.
        reference: lambda, the pull of an iteration towards the first model.

    Returns:
        p_T.

    Example:
        >>> grpo = dict(rate=1.0, false_accept=0.1, false_reject=0.1, initial_accuracy=0.5)
        >>> policy_gradient_accuracy(iterations=[0, 1, 2], **grpo).round(4).tolist()
        [0.5, 0.69, 0.832]
    """
    gain = rate * (1.0 - false_reject - false_accept) * _pulled(reference, iterations)
    return tilted_accuracy(gain, initial_accuracy)


@law(
    "T18",
    rate=RATE,
    false_accept=PROBABILITY,
    false_reject=PROBABILITY,
    initial_accuracy=PROBABILITY,
    reference=PROBABILITY,
)
def policy_gradient_limit(
    *,
    rate: Array,
    false_accept: Array,
    false_reject: Array,
    initial_accuracy: Array,
    reference: Array = 0.0,  # type: ignore[assignment]
) -> Array:
    """T18. Where a policy gradient on verdicts leads.

    Statement: for lambda > 0 to the fixed point logit p* = logit p_0 + eta (a1 - a0)/lambda. For
    lambda = 0 its fate is the sign of a1 - a0, of true accept less false accept: above 0 the
    correct mass tends to 1 from every p_0 > 0, below 0 to 0 from every p_0 < 1, at 0 (and for
    eta = 0) it stays.
    Domain: eta >= 0; all others in [0, 1]. With ``"group_mean"`` give the rate times 1 - 1/k.
    Proof: let T grow in policy_gradient_accuracy.
    Reference: derived here (docs/theory.md, section 7).

    Args:
        rate: eta, the learning rate.
        false_accept: a0.
        false_reject: 1 - a1.
        initial_accuracy: p_0.
        reference: lambda, the pull of an iteration towards the first model.

    Returns:
        The limit of p_T.

    Example:
        >>> told = dict(rate=1.0, false_accept=[0.1, 0.5, 0.8], false_reject=0.5)
        >>> policy_gradient_limit(initial_accuracy=0.3, **told).tolist()
        [1.0, 0.3, 0.0]
        >>> round(float(policy_gradient_limit(
        ...     rate=0.1, false_accept=0.1, false_reject=0.1, initial_accuracy=0.5, reference=0.04
        ... )), 4)
        0.8808
    """
    gain = rate * (1.0 - false_reject - false_accept)
    alone = reference == 0.0
    p = initial_accuracy
    end = jnp.where(gain > 0.0, p > 0.0, p == 1.0)
    return jnp.where(
        alone & (gain != 0.0),
        end * 1.0,
        tilted_accuracy(jnp.where(alone, 0.0, gain / jnp.where(alone, 1.0, reference)), p),
    )


def _accepted(
    false_accept: Array, false_reject: Array, accuracy: Array
) -> tuple[Array, Array, Array]:
    """Return A, B = 1 - A and a1 - a0."""
    accepted = (1.0 - false_reject) * accuracy + false_accept * (1.0 - accuracy)
    rejected = false_reject * accuracy + (1.0 - false_accept) * (1.0 - accuracy)
    return accepted, rejected, 1.0 - false_reject - false_accept


@law(
    "T18",
    false_accept=PROBABILITY,
    false_reject=PROBABILITY,
    accuracy=PROBABILITY,
    attempts=GROUP,
)
def group_advantage(
    *, false_accept: Array, false_reject: Array, accuracy: Array, attempts: int
) -> Array:
    """T18. By how much right responses have the larger group-normalised advantage (GRPO).

    Statement: with the verdict less the group's mean, over its standard deviation (divisor k), and
    0 where all k verdicts agree, the advantages of a right and of a wrong response differ by
        (a1 - a0) sum_K P(Bin(k-1, A) = K) [(1 - (K+1)/k)/s(K+1) + (K/k)/s(K)],
    s(j) = sqrt((j/k)(1 - j/k)), terms with s = 0 left out. An iteration adds eta times this to the
    log-odds. It is (a1 - a0) sqrt(k-1) at A = 0 and 1, and tends to (a1 - a0)/sqrt(A (1-A)) as k
    grows at a fixed A between.
    Domain: all probabilities in [0, 1]; 2 <= k <= 1000.
    Proof: given K accepted among the k - 1 others an accepted attempt counts (1 - (K+1)/k)/s(K+1)
    and a rejected one -(K/k)/s(K). A response of acceptance a counts a times the first and 1 - a
    times the second on average, so two differ by the difference of a times that of the means.
    Reference: derived here (docs/theory.md, section 7), of the advantage of GRPO.

    Args:
        false_accept: a0.
        false_reject: 1 - a1.
        accuracy: p, the correct mass now.
        attempts: k, the size of a group.

    Returns:
        The advantage of a right response less that of a wrong one.

    Example:
        >>> told = dict(false_accept=0.0, false_reject=0.0, attempts=8)
        >>> group_advantage(accuracy=[0.01, 0.5, 0.99], **told).round(3).tolist()
        [2.609, 1.856, 2.609]
    """
    accepted, rejected, gap = _accepted(false_accept, false_reject, accuracy)
    passed = np.arange(1.0, attempts)
    # (1 - J/k)/s(J) of an accepted one for J = 1..k, (J/k)/s(J) of a rejected one for J = 0..k - 1.
    above = np.append(np.sqrt((attempts - passed) / passed), 0.0)
    below = np.append(0.0, np.sqrt(passed / (attempts - passed)))
    others = np.arange(float(attempts))
    ways = np.array([float(math.comb(attempts - 1, int(count))) for count in others])
    rise = jnp.asarray(accepted)[..., None] ** others
    fall = jnp.asarray(rejected)[..., None] ** others[::-1]
    return gap * jnp.sum((above + below) * ways * rise * fall, axis=-1)


@law(
    "T18",
    (
        "0 < A < 1",
        lambda false_accept, false_reject, accuracy: (
            (_accepted(false_accept, false_reject, accuracy)[0] > 0.0)
            & (_accepted(false_accept, false_reject, accuracy)[1] > 0.0)
        ),
    ),
    false_accept=PROBABILITY,
    false_reject=PROBABILITY,
    accuracy=PROBABILITY,
)
def group_advantage_limit(*, false_accept: Array, false_reject: Array, accuracy: Array) -> Array:
    """T18. What :func:`group_advantage` tends to as the group grows.

    Statement: (a1 - a0)/sqrt(A (1 - A)), A = a0 + (a1 - a0) p: the rarer an accepted response or a
    rejected one, the faster, and fastest at both ends of p where the filter is perfect.
    Domain: all in [0, 1], with 0 < A < 1.
    Proof: K/k tends to A, and s(K) to sqrt(A (1 - A)).
    Reference: derived here (docs/theory.md, section 7).

    Args:
        false_accept: a0.
        false_reject: 1 - a1.
        accuracy: p, the correct mass now.

    Returns:
        The limit of the difference.

    Example:
        >>> round(float(group_advantage_limit(false_accept=0.1, false_reject=0.1, accuracy=0.5)), 6)
        1.6
    """
    accepted, rejected, gap = _accepted(false_accept, false_reject, accuracy)
    return gap / jnp.sqrt(accepted * rejected)


@law("T19", beta=PROBABILITY, step=POSITIVE, initial_error=PROBABILITY, iterations=COUNT)
def partial_boosting_error(
    *, beta: Array, step: Array, initial_error: Array, iterations: Array
) -> Array:
    """T19. Error of boosting when the learner goes a part of the way, with a perfect filter.

    Statement: gamma = 0, k = 1 and f' = (1 - s) f + s D give e_T = (1 - s beta)^T e_0. (k >= 2:
    at most that.)
    Domain: beta, e_0 in [0, 1]; 0 < s <= 1; T >= 0.
    Proof: D has the error (1 - beta) e, so e' = (1-s) e + s (1-beta) e.
    Reference: derived here (docs/theory.md, section 7).

    Args:
        beta: correct mass of the labeler.
        step: s, the part of the way.
        initial_error: e_0.
        iterations: T.

    Returns:
        e_T.

    Example:
        >>> told = dict(beta=0.2, initial_error=1.0, iterations=[1, 2, 3])
        >>> partial_boosting_error(step=0.5, **told).round(6).tolist()
        [0.9, 0.81, 0.729]
    """
    return survival(step * beta, iterations) * initial_error


@law("T19", MOVES, beta=PROBABILITY, gamma=PROBABILITY, step=POSITIVE)
def partial_noisy_boosting(*, beta: Array, gamma: Array, step: Array) -> NoisyBoosting:
    """T19. Boosting with a noisy filter, one attempt and a learner that goes a part of the way.

    Statement: p_T - p* = (1 - s (1 - rho))^T (p_0 - p*) with rho and p* those of the whole step,
    which is s = 1 (T3): the same fixed point and floor, later. So it is for every map: f' =
    (1 - s) f + s D(f) stays where f = D(f), and a slope rho there becomes 1 - s (1 - rho).
    Domain: beta, gamma in [0, 1] except (0, 0) and (1, 1); 0 < s <= 1.
    Proof: the correct mass of D is affine in p with slope rho and fixed point p*, and so is
    (1 - s) p + s times it.
    Reference: derived here (docs/theory.md, section 7, from T3 in docs/theory.md, section 3).

    Args:
        beta: correct mass of the labeler.
        gamma: noise of the filter.
        step: s, the part of the way.

    Returns:
        A named tuple (fixed_point, rate, floor), all dimensionless.

    Example:
        >>> told = partial_noisy_boosting(beta=0.5, gamma=0.1, step=0.5)
        >>> round(float(told.rate), 6), round(float(told.floor), 6)
        (0.75, 0.1)
    """
    whole = noisy_boosting.formula(beta=beta, gamma=gamma)
    return NoisyBoosting(whole.fixed_point, 1.0 - step * (1.0 - whole.rate), whole.floor)


@law("T19", gamma=PROBABILITY, step=POSITIVE, initial_accuracy=PROBABILITY, iterations=COUNT)
def partial_filter_accuracy(
    *, gamma: Array, step: Array, initial_accuracy: Array, iterations: Array
) -> Array:
    """T19. Correct mass under filtering alone when the learner goes a part of the geometric way.

    Statement: f' proportional to f^(1-s) D^s gives odds(p_T) = R^(s T) odds(p_0) with
    R = (1-gamma)/gamma, for 0 < p_0 < 1; 0 and 1 stay. This is a policy gradient on verdicts of the
    rate s log(R)/(1 - 2 gamma). With labels there is no such law: their responses are multiplied
    one by one, and what the model never says stays unsaid.
    Domain: gamma, p_0 in [0, 1]; 0 < s <= 1; T >= 0.
    Proof: D is f a/A, so f' is proportional to f a^s, and odds' = (a1/a0)^s odds.
    Reference: derived here (docs/theory.md, section 7).

    Args:
        gamma: noise of the filter.
        step: s, the part of the way.
        initial_accuracy: p_0.
        iterations: T.

    Returns:
        p_T.

    Example:
        >>> told = dict(gamma=0.1, initial_accuracy=0.5, iterations=[1, 2, 4])
        >>> partial_filter_accuracy(step=0.5, **told).round(4).tolist()
        [0.75, 0.9, 0.9878]
    """
    odds = jnp.minimum(gamma, 1.0 - gamma) / jnp.maximum(gamma, 1.0 - gamma)
    losing = jnp.power(odds, step * iterations)
    p = initial_accuracy
    right = p * jnp.where(gamma <= 0.5, 1.0, losing)
    wrong = (1.0 - p) * jnp.where(gamma <= 0.5, losing, 1.0)
    inside = (p > 0.0) & (p < 1.0)
    return jnp.where(inside, right / jnp.where(inside, right + wrong, 1.0), p)
