"""T14 and T15: what a labeler or a filter that repeats itself is worth.

Setting: boosting under replace, keep one, a strong learner without slack, the population of visits.
A persistent labeler has one answer a prompt for ever, a persistent filter one verdict a pair of
prompt and response: liked or disliked.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax
from jax.scipy.special import gammaln, xlog1py, xlogy
from jaxtyping import Array

from boostsim.theory.law import AT_LEAST_ONE, POSITIVE, PROBABILITY, Domain, law

# Beyond this many correct answers the finite sum of T15 is not evaluated.
MOST_ANSWERS = 1000


@law("T14", beta=PROBABILITY, initial_error=PROBABILITY)
def persistent_labels_error(*, beta: Array, initial_error: Array) -> Array:
    """T14. Error of boosting with one answer a prompt for ever, from the first iteration on.

    Statement: e_t = (1-beta) e_0 for every t >= 1: asking again brings the same answer.
    Domain: beta, e_0 in [0, 1]; a perfect filter; p_0 = 0 on prompts of mass e_0, of which the
    answers are right on a fraction beta, and p_0 = 1 elsewhere.
    Proof: on a failing prompt every visit fails and is labelled, so f_1 is the answer. If it is
    right, it is accepted ever after; if not, f_2 is that answer again.
    Reference: derived here (docs/theory.md, section 4).

    Args:
        beta: share of the failing prompts on which the labeler's answer is right.
        initial_error: e_0.

    Returns:
        e_t for t >= 1.

    Example:
        >>> float(persistent_labels_error(beta=0.25, initial_error=0.5))
        0.375
    """
    return (1.0 - beta) * initial_error


@law(
    "T15",
    beta=PROBABILITY,
    gamma=PROBABILITY,
    correct_answers=Domain(low=1, high=MOST_ANSWERS, whole=True, many=True),
    persistent=POSITIVE,
)
def persistent_filter_floor(
    *, beta: Array, gamma: Array, correct_answers: Array, persistent: Array | float = 1.0
) -> Array:
    """T15. Expected limit error of boosting under a persistent gamma-noisy filter.

    Statement: the model tends to W restricted to what the filter likes, whatever the attempts and
    votes are. With the wrong mass of W spread over very many responses and the correct mass over
    c, of which U are liked, U ~ Binomial(c, 1-gamma): the limit error is the expectation of

        gamma (1-beta) / (gamma (1-beta) + beta U/c).

    Where only a share s > 0 of pairs has one verdict for ever, and all others are judged anew each
    time, gamma becomes s gamma here and U ~ Binomial(c, s (1-gamma)): what is liked for ever wins
    against what is accepted now and then, so with many correct answers s does not matter.

    For s = 1 and c = 1 that is gamma + (1-gamma) gamma (1-beta)/(beta + gamma (1-beta)); for "many"
    it is gamma (1-beta)/(gamma (1-beta) + (1-gamma) beta), T3's floor (docs/theory.md, section 3).
    Domain: beta, gamma in [0, 1]; c a whole number up to 1000, or "many" (infinity); f_0 has no
    liked mass. Where the labeler has none either (gamma = 0 with beta = 0, or all correct answers
    disliked at beta = 1) every visit is labelled and the model is W, of error 1 - beta.
    Proof: an attempt is kept only if it is liked, in the proportions in which the model holds the
    liked responses; labels bring in W, of which only the liked part lasts, for the disliked mass
    d falls as d' = d^k (1 - w), w the liked mass of W. All liked mass descends from W. A class
    judged anew, of acceptance a < 1, keeps of its mass a share a/A, A -> 1, and gains what labels
    bring, (1-A)^k of a visit: it vanishes, too.
    Reference: derived here (docs/theory.md, section 4).

    Args:
        beta: correct mass of the labeler.
        gamma: probability that the verdict on a pair is wrong.
        correct_answers: c, or "many".
        persistent: s, the share of pairs that have one verdict for ever.

    Returns:
        The expectation over verdicts of the limit error.

    Example:
        >>> law = dict(beta=0.2, gamma=0.1)
        >>> round(float(persistent_filter_floor(**law, correct_answers=1)), 12)
        0.357142857143
        >>> round(float(persistent_filter_floor(**law, correct_answers="many")), 12)
        0.307692307692
    """
    wrong = persistent * gamma * (1.0 - beta)
    # The chance that a correct answer is not liked for ever.
    missed = gamma + (1.0 - persistent) * (1.0 - gamma)

    def error(wrong: Array, beta: Array, liked_share: Array) -> Array:
        weight = wrong + beta * liked_share
        return wrong / jnp.where(weight > 0.0, weight, 1.0)

    unending = jnp.isinf(correct_answers)
    answers = jnp.where(unending, 1.0, correct_answers)[..., None]
    liked = jnp.arange(MOST_ANSWERS + 1.0)
    possible = liked <= answers
    disliked = jnp.where(possible, answers - liked, 0.0)
    ways = gammaln(answers + 1.0) - gammaln(liked + 1.0) - gammaln(disliked + 1.0)
    noise = jnp.asarray(missed)[..., None]
    chance = jnp.exp(ways + xlog1py(liked, -noise) + xlogy(disliked, noise))
    each = error(jnp.asarray(wrong)[..., None], jnp.asarray(beta)[..., None], liked / answers)
    chance = jnp.where(possible, chance, 0.0)
    # Logarithms of factorials leave a relative error that all chances share.
    expectation = jnp.sum(chance * each, axis=-1) / jnp.sum(chance, axis=-1)
    limit = jnp.where(unending, error(wrong, beta, persistent * (1.0 - gamma)), expectation)
    return jnp.where(beta == 0.0, 1.0, jnp.where(beta == 1.0, 0.0, limit))


@law("T15", initial_liked=PROBABILITY, labeler_liked=POSITIVE, attempts=AT_LEAST_ONE)
def persistent_filter_ancestry(
    *, initial_liked: Array, labeler_liked: Array, attempts: Array
) -> Array:
    """T15. Share of the limit that descends from f_0 under a persistent filter; the rest is W's.

    Statement: the model tends to r f_0 + (1 - r) W, each restricted to what the filter likes, with

        r = prod_{t>=0} (1 - D_t)/(1 - (1-w) D_t),  D_0 = (1-l)^k,  D_{t+1} = ((1-w) D_t)^k

    where l and w are the liked masses of f_0 and W. For k = 1, r = l. r rises with k: so the error
    rises with the attempts where wrong responses are a larger share of the liked mass of f_0 than
    of W's, and falls where they are a smaller one.
    Domain: l in [0, 1]; 0 < w <= 1; k >= 1 whole.
    Proof: D_t is the probability that a visit fails. Of the liked mass after iteration t+1, 1 - D_t
    was kept, in the proportions of the model before, and D_t w came from W: so the share of f_0
    is multiplied by (1-D_t)/(1-D_t+D_t w), and the disliked mass becomes (1-w) D_t. For k = 1 the
    product telescopes. D_t falls as k rises, by induction, and each factor falls as D_t rises.
    Reference: derived here (docs/theory.md, section 4).

    Args:
        initial_liked: l.
        labeler_liked: w.
        attempts: k.

    Returns:
        r.

    Example:
        >>> persistent_filter_ancestry(
        ...     initial_liked=0.5, labeler_liked=0.5, attempts=[1, 2, 8]
        ... ).round(4).tolist()
        [0.5, 0.8504, 0.998]
    """
    # D falls to (D)^2 at least in every iteration: from 1 - 1e-308 that takes a thousand.
    rounds = 1100
    from_label = jnp.log1p(-jnp.minimum(labeler_liked, 1.0))
    failing = attempts * jnp.log1p(-initial_liked)

    def iteration(_: int, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        share, log_failing = carry
        disliked = log_failing + from_label
        # Both tend to one from below as the failures vanish.
        share = share * jnp.expm1(log_failing) / jnp.expm1(disliked)
        # Below exp(-800) nothing fails; without the bound the next power would be infinite.
        return share, jnp.maximum(attempts * disliked, -800.0)

    shape = jnp.broadcast_shapes(jnp.shape(failing), jnp.shape(from_label))
    start = jnp.ones(shape), jnp.broadcast_to(jnp.maximum(failing, -800.0), shape)
    share, _ = lax.fori_loop(0, rounds, iteration, start)
    return jnp.where(attempts == 1.0, initial_liked, share)
