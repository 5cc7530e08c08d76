"""A policy gradient's part of an iteration (T18): what a visit makes of the row, exact or sampled.

Exact, the advantage of a response depends on its class alone, so rows move by class: whatever K of
the k - 1 other attempts are accepted, an accepted attempt counts more than a rejected one by some
d_K, and responses accepted with probability a by E[d_K] a more than those that never are. Sampled,
each response moves by its own draws; given how many visits had which J, the accepted attempts and
the rejected ones are multinomial over the responses.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from boostsim.learners.gradient import advantages
from boostsim.learners.tabular import Rows
from boostsim.learners.tilting import log_ratio, tilted
from boostsim.simulation.tables.population import Attempts, attempt_weights, law_of, total
from boostsim.simulation.tables.samplers import multinomial
from boostsim.simulation.tables.structure import Numbers, Structure


def expected_advantage(
    structure: Structure, numbers: Numbers, seen: Attempts
) -> Float[Array, "classes prompts"]:
    """Return the advantage of each class over infinitely many visits, up to what all have."""
    assert structure.advantage is not None
    accepted, rejected = advantages(structure.advantage, structure.attempts)
    more = accepted[1:] - rejected[:-1]
    if np.ptp(more) <= 1e-12:
        return numbers.accept * jnp.full_like(seen.accepted, more[0])
    weights = attempt_weights(seen.accepted, seen.rejected, structure.attempts - 1)
    return numbers.accept * jnp.sum(more[:, None] * weights, axis=0)


def drawn_advantage(
    structure: Structure,
    numbers: Numbers,
    key: jax.Array,
    counts: Float[Array, "counts prompts"],
    mass: Float[Array, "classes prompts"],
    most: int | None,
) -> Float[Array, "classes prompts"]:
    """Draw the average advantage of the attempts that said each response; 0 where none did.

    Args:
        structure: what the program is specialised to; every response is a class of its own.
        numbers: of the iteration.
        key: of these draws alone.
        counts: visits with each J.
        mass: the row.
        most: attempts on a prompt at most, where these are few.
    """
    assert structure.advantage is not None
    table = advantages(structure.advantage, structure.attempts)
    passed = np.arange(structure.attempts + 1.0)
    amounts, laws, worth = [], [], []
    for said, law, values in (
        (passed, law_of(mass * numbers.accept), table[0]),
        (passed[::-1], law_of(mass * numbers.reject), table[1]),
    ):
        # Those that count the same need not be told apart.
        there = said > 0.0
        for value in np.unique(values[there]):
            alike = there & (values == value)
            amounts.append(jnp.sum((said * alike)[:, None] * counts, axis=0))
            laws.append(law)
            worth.append(value)
    drawn = multinomial(key, jnp.stack(amounts), jnp.stack(laws, axis=1), most)
    times = jnp.sum(drawn, axis=1)
    earned = jnp.sum(np.array(worth)[:, None] * drawn, axis=1)
    return earned / jnp.where(times > 0.0, times, 1.0)


def updated(
    structure: Structure, numbers: Numbers, rows: Rows, advantage: Float[Array, "classes prompts"]
) -> Rows:
    """Return the model's rows after a step along the gradient, and towards the first model."""
    exponent, left = numbers.learner["rate"] * advantage, None
    if "reference" in numbers.learner:
        reference = numbers.learner["reference"]
        pull, known = log_ratio(numbers.source_mass[0], total(rows))
        # Of a reference that is traced and 0 the power is 1, also of what the first model lacks.
        left = known | (reference == 0.0)
        exponent += reference * pull
    return tilted(rows, exponent, left)
