"""Which of a visit's accepted attempts is kept: the best of them by a score, or a preferred one.

Of k attempts let C_s be the mass that is accepted with a score of at most s, C_s- that with a score
below, B what is rejected. The best scores s with probability

    (B + C_s)^k - (B + C_s-)^k = (C_s - C_s-) sum_{i<k} (B + C_s)^i (B + C_s-)^(k-1-i),

so a response y that is accepted with probability a is kept as often as a f(y) times the sum, a sum
of terms of at least zero: nothing cancels, however rare the level is. Ties are broken evenly, for
the attempts of one level are alike. Of J accepted ones the same holds with B = 0.

By the rule of Bradley, Terry and Luce an accepted attempt is kept with probability w/(sum of w over
the accepted ones), w = e^score. A rejected one weighs nothing, so with 1/s = int_0^inf e^(-s u) du
a response is kept as often as a f(y) times

    k w int_0^inf e^(-w u) (B + sum_z a(z) f(z) e^(-w(z) u))^(k-1) du.

With u = e^z the trapezoidal rule of step 1/4 is off by less than 1e-14 of the integral, whatever
the masses are: see ``curated_probabilities`` for the proof, which the constant B leaves as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from boostsim.simulation.tables.population import attempt_weights, total
from boostsim.simulation.tables.structure import Numbers, Structure

STEP = 0.25
# Below e^-44 lies less than 1e-16 of each integral, at up to 1000 attempts and with w of at most 1;
# above e^3.75/w as little. Few numbers of nodes, and so few programs.
LOWEST, ABOVE, ROUND = -44.0, 4.0, 4.0


def nodes(spread: float) -> Float[np.ndarray, "nodes"]:
    """Return the nodes of the integral for scores that are so far apart at most."""
    last = ABOVE + ROUND * math.ceil(spread / ROUND)
    return np.exp(np.arange(LOWEST, last + STEP, STEP))


def between(
    high: Float[Array, "*shape"], low: Float[Array, "*shape"], terms: int
) -> Float[Array, "*shape"]:
    """Return sum_{i<n} high^i low^(n-1-i) for n = ``terms`` >= 1, which is (high^n - low^n)/(high
    - low) without a difference.

    By doubling: the sum of 2m terms is high^m + low^m times that of m, and one more term is high
    times the sum, and low^n.

    Example:
        >>> float(between(jnp.array(2.0), jnp.array(1.0), 5))
        31.0
    """
    whole = jnp.ones_like(high)
    up, down = high, low
    for bit in bin(terms)[3:]:
        whole = whole * (up + down)
        up, down = up * up, down * down
        if bit == "1":
            whole = high * whole + down
            up, down = up * high, down * low
    return whole


def kept_gain(
    structure: Structure, numbers: Numbers, mass: Float[Array, "classes prompts"]
) -> Float[Array, "classes prompts"]:
    """Return how many are kept of a visit's attempts in each class, per accepted mass there."""
    accepted, rejected = _verdicts(numbers, mass)
    if structure.choice == "best":
        below, at_most = _ordered(numbers, accepted)
        return between(rejected + at_most, rejected + below, structure.attempts)

    def others(passed: Float[Array, "prompts"]) -> Float[Array, "1 prompts"]:
        power = lax.integer_pow(rejected + passed, structure.attempts - 1)
        return structure.attempts * power[None]

    return _integral(numbers, accepted, others, 1)[0]


def kept_gain_by_part(
    structure: Structure, numbers: Numbers, mass: Float[Array, "classes prompts"]
) -> Float[Array, "parts classes prompts"]:
    """Return the same for each part of J alone: nothing is kept where J = 0."""
    if len(structure.parts) == 2:
        gain = kept_gain(structure, numbers, mass)
        return jnp.stack([jnp.zeros_like(gain), gain])
    accepted, rejected = _verdicts(numbers, mass)
    attempts = structure.attempts
    if structure.choice == "best":
        below, at_most = _ordered(numbers, accepted)
        # C(k, J) B^(k - J), without the part of what is accepted.
        ways = attempt_weights(jnp.ones_like(rejected), rejected, attempts)

        def longer(state: tuple[Array, Array], way: Array) -> tuple[tuple[Array, Array], Array]:
            whole, down = state
            return (at_most * whole + down * below, down * below), way * whole

        first = jnp.ones_like(accepted), jnp.ones_like(accepted)
        _, gains = lax.scan(longer, first, ways[1:])
        return _by_part(structure, gains)

    def others(passed: Float[Array, "prompts"]) -> Float[Array, "parts prompts"]:
        # k C(k-1, J-1) B^(k-J) T^(J-1), T what the other accepted ones weigh.
        return _by_part(structure, attempts * attempt_weights(passed, rejected, attempts - 1))

    return _integral(numbers, accepted, others, len(structure.parts))


def _by_part(structure: Structure, gains: Float[Array, "counts ..."]) -> Float[Array, "parts ..."]:
    """Add up what is kept at J = 1..k over each part."""
    nothing = jnp.zeros_like(gains[:1])
    counted = jnp.concatenate([nothing, gains])
    return jnp.stack([jnp.sum(counted[np.array(part)], axis=0) for part in structure.parts])


def _verdicts(
    numbers: Numbers, mass: Float[Array, "classes prompts"]
) -> tuple[Float[Array, "classes prompts"], Float[Array, "prompts"]]:
    """Return what is accepted in each class, and what is rejected; both together are 1."""
    accepted, rejected = mass * numbers.accept, total(mass * numbers.reject)
    whole = total(accepted) + rejected
    return accepted / whole, rejected / whole


def _ordered(
    numbers: Numbers, accepted: Float[Array, "classes prompts"]
) -> tuple[Float[Array, "classes prompts"], Float[Array, "classes prompts"]]:
    """Return the accepted mass of the scores below that of each class, and of those up to it."""
    assert numbers.choice is not None
    order, below, at_most = (
        numbers.choice[name].astype(int) for name in ("order", "below", "at_most")
    )
    ordered = jnp.take_along_axis(accepted, order, axis=0)
    until = jnp.concatenate([jnp.zeros_like(ordered[:1]), jnp.cumsum(ordered, axis=0)])
    return jnp.take_along_axis(until, below, axis=0), jnp.take_along_axis(until, at_most, axis=0)


def _integral(
    numbers: Numbers,
    accepted: Float[Array, "classes prompts"],
    others: Callable[[Array], Array],
    parts: int,
) -> Float[Array, "parts classes prompts"]:
    """Return w int e^(-w u) others(sum a f e^(-w u)) du."""
    assert numbers.choice is not None
    weight = numbers.choice["weight"]

    def add(so_far: Array, node: Array) -> tuple[Array, None]:
        decay = jnp.exp(-weight * node)
        share = weight * (STEP * node) * decay
        return so_far + others(jnp.sum(accepted * decay, axis=0))[:, None] * share, None

    start = jnp.zeros((parts, *accepted.shape), accepted.dtype)
    return lax.scan(add, start, numbers.choice["nodes"][:, 0])[0]
