"""T20: verifiers with blind spots, that accept some wrong answers more often than others.

Setting: any number of classes of responses, each of one acceptance probability, right or wrong; the
population of visits, replace, a strong learner without slack.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import xlogy
from jaxtyping import Array

from boostsim.theory.law import AT_LEAST_ONE, COUNT, Domain, law, lost

EACH = Domain(along_prompts=True)
SHARES = Domain(along_prompts=True, sums_to_one=True)
# Every class has some, so that none is forgotten.
SOME = Domain(along_prompts=True, sums_to_one=True, low_open=True)
ONE_CERTAIN = (
    "accept to be 1 for one class at most: of several, labels stop as soon as all mass is theirs, "
    "and the first model decides between them",
    lambda accept: np.sum(accept == 1.0, axis=-1) <= 1,
)


@law("T20", initial_masses=SHARES, accept=EACH, iterations=COUNT)
def blind_spot(*, initial_masses: Array, accept: Array, iterations: Array) -> Array:
    """T20. The masses of classes of responses under filtering alone.

    Statement: m_c(T) = m_c a_c^T / sum_d m_d a_d^T. So of the classes with mass the best accepted
    one wins, right or wrong: the accuracy tends to 1 where only right classes are accepted most, to
    0 where only wrong ones are, and to their share of the first masses where both are.
    Domain: m a distribution over classes, a_c in [0, 1], T >= 0; keep one or all, any number of
    attempts. Where nothing that has mass is accepted the masses stay as they are.
    Proof: an accepted response has the law f a/A, which is what is learned; the constants A cancel.
    Reference: derived here (docs/theory.md, section 4).

    Args:
        initial_masses: m_c of the first model, ``[classes]``.
        accept: a_c, ``[classes]``.
        iterations: T, any shape.

    Returns:
        The masses, ``[*iterations, classes]``, computed by logarithms: nothing overflows.

    Example:
        >>> key = dict(initial_masses=[0.3, 0.69, 0.01], accept=[0.9, 0.1, 0.99])
        >>> blind_spot(iterations=[0, 5, 60], **key)[:, 0].round(6).tolist()
        [0.3, 0.949016, 0.089691]
    """
    power = xlogy(jnp.asarray(iterations)[..., None], accept)
    level = jnp.where(initial_masses > 0.0, jnp.log(initial_masses), -jnp.inf) + power
    most = jnp.max(level, axis=-1, keepdims=True)
    some = jnp.isfinite(most)
    masses = jnp.exp(jnp.where(some, level - jnp.where(some, most, 0.0), -jnp.inf))
    whole = jnp.where(some, jnp.sum(masses, axis=-1, keepdims=True), 1.0)
    return jnp.where(some, masses / whole, initial_masses)


@law("T20", ONE_CERTAIN, labeler_masses=SOME, accept=EACH, attempts=AT_LEAST_ONE)
def blind_spot_boosting(*, labeler_masses: Array, accept: Array, attempts: Array) -> Array:
    """T20. The masses of classes that boosting comes to rest at: labels do not save it.

    Statement: with B the probability to be rejected, A = 1 - B and g = (1 - B^k)/A, the masses
        m_c = B^k W_c / (1 - g a_c)
    of the one B at which they sum to one are the only fixed point where max a < 1. Where a = 1 for
    one class it is that all mass is there. Of two classes that are accepted alike the labels'
    shares decide; where a wrong class is accepted more than the right ones the right mass is of the
    order of its rejection to the k.
    Domain: W a distribution with mass in every class; a_c in [0, 1], 1 for one class at most (where
    several are always accepted each split among them is at rest, and the first model decides); k >=
    1; keep one, labels where all k attempts are rejected, fresh noise.
    Proof: put m' = m into m' = (1 - B^k) m a/A + B^k W; B >= 1 - max a. Where that is above 0 each
    class is labelled, so has mass. Each summand rises with B, for B^-k and 1 - g a fall, so there
    is one root; B lies between the least and the largest rejection. With a = 1 for class d alone
    m_d' = m_d (1 - B^k)/A + B^k W_d > m_d unless B = 0, for (1 - B^k)/A >= 1.
    Reference: derived here (docs/theory.md, section 4).

    Args:
        labeler_masses: W_c, ``[classes]``.
        accept: a_c, ``[classes]``.
        attempts: k, any shape.

    Returns:
        The masses, ``[*attempts, classes]``, solved by bisection: small ones too to a relative 1e-9
        where W_c >= 1e-12 and no a_c but 1 itself is within 1e-6 of 1.

    Example:
        >>> told = dict(labeler_masses=[0.2, 0.79, 0.01], attempts=4)
        >>> float(blind_spot_boosting(accept=[0.9, 0.1, 0.5], **told)[0].round(5))
        0.99991
        >>> float(blind_spot_boosting(accept=[0.9, 0.1, 0.99], **told)[0].round(9))
        2.2e-08
    """
    power = jnp.asarray(attempts)[..., None] * 1.0
    best = jnp.max(accept, axis=-1, keepdims=True)
    behind = best - accept

    def parts(above: Array) -> tuple[Array, Array, Array]:
        """Return B^k, g and 1 - g max a, with B so much above the best accepted one's rejection."""
        rejected, passed = 1.0 - best + above, best - above
        failed = jnp.power(rejected, power)
        some = passed > 0.0
        safe = jnp.where(some, passed, 1.0)
        gain = jnp.where(some, lost(passed, power) / safe, power)
        # Whichever does not cancel.
        left = jnp.where(rejected < 0.5, (failed * best - above) / safe, 1.0 - gain * best)
        return failed, gain, left

    def too_much(above: Array) -> Array:
        """Whether the masses sum to more than one there."""
        failed, gain, left = parts(above)
        possible = left > 0.0
        masses = failed * labeler_masses / jnp.where(possible, left + gain * behind, 1.0)
        return ~possible | (jnp.sum(masses, axis=-1, keepdims=True) > 1.0)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = 0.5 * (low + high)
        over = too_much(middle)
        return jnp.where(over, low, middle), jnp.where(over, middle, high)

    wide = jnp.max(behind, axis=-1, keepdims=True) + 0.0 * power
    above, _ = lax.fori_loop(0, 200, halve, (jnp.zeros_like(wide), wide))

    # With that B, m_c = W_c/(v + q_c), and q is 0 of the best accepted. As a difference v is lost
    # where they are nearly all; it is what makes the masses sum to one.
    failed, gain, _ = parts(above)
    some = failed > 0.0
    apart = jnp.where(some, gain * behind / jnp.where(some, failed, 1.0), jnp.inf)
    apart = jnp.where(behind > 0.0, apart, 0.0)

    def narrow(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = jnp.sqrt(low) * jnp.sqrt(high)
        over = jnp.sum(labeler_masses / (middle + apart), axis=-1, keepdims=True) > 1.0
        return jnp.where(over, middle, low), jnp.where(over, high, middle)

    first = jnp.sum(jnp.where(behind == 0.0, labeler_masses, 0.0), axis=-1, keepdims=True)
    ends = first + 0.0 * wide, jnp.ones_like(first + wide)
    _, level = lax.fori_loop(0, 70, narrow, ends)
    return labeler_masses / (level + apart)
