"""Allocation: from priorities and a budget to the probability that a visit is labelled.

The budget b is the most labels per visit in an iteration, over all visits together, so with masses
that sum to one the expected number of labels per visit is sum_i mass_i l_i <= b. In sampled runs it
is met in expectation: visits that tie are labelled independently. Priorities below the smallest
normal number (2.2e-308) count as zero.

Both rules are solved without sorting the cells. *Ranked* needs one threshold; floats of at least
zero are ordered like their bit patterns, so the threshold is found exactly by bisecting the bits,
in at most 32 or 64 sums, and in few where priorities take few values. *Proportional* needs one
constant c; a water-filling loop finds it in finitely many rounds, because each round can only add
cells to those that are full.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from boostsim.curation.bounds import guarded


def label_probability(
    priority: Float[Array, "*#cells"],
    mass: Float[Array, "*cells"],
    budget: Float[Array, ""] | None,
    allocation: str,
) -> Float[Array, "*cells"]:
    """Return l, the probability that a visit in each cell is labelled.

    Args:
        priority: at least 0; zero is never labelled. One may stand for many cells: an axis of
            length one.
        mass: each cell's share of all visits.
        budget: most labels per visit, or None for no limit.
        allocation: ``"ranked"`` or ``"proportional"``.
    """
    if budget is None:
        labelled = _unbudgeted(priority)
    elif allocation == "ranked":
        labelled = ranked(priority, mass, budget)
    else:
        labelled = proportional(jnp.broadcast_to(priority, mass.shape), mass, budget)
    return jnp.broadcast_to(labelled, mass.shape)


def _unbudgeted(priority: Float[Array, "*cells"]) -> Float[Array, "*cells"]:
    """Label every visit of positive priority."""
    return (priority > 0.0).astype(priority.dtype)


def ranked(
    priority: Float[Array, "*#cells"], mass: Float[Array, "*cells"], budget: Float[Array, ""]
) -> Float[Array, "*#cells"]:
    """Label in descending priority; the cells tied at the threshold share what is left.

    Each tied visit is labelled independently with the probability that meets the budget in
    expectation. A budget of at least the eligible mass labels everything eligible. Where one
    priority stands for many cells, and all that are eligible tie, as failing visits do, nothing is
    searched: to the same last bits.

    Example:
        >>> ranked(jnp.array([2., 1., 1., 0.]), jnp.array([.1, .2, .2, .5]), jnp.array(.2)).round(3)
        Array([1.  , 0.25, 0.25, 0.  ], dtype=float32)
    """
    integer = jnp.uint64 if priority.dtype == jnp.float64 else jnp.uint32
    known, priority = priority, jnp.broadcast_to(priority, mass.shape)
    eligible = jnp.where(priority > 0.0, mass, 0.0)
    # Zero priority becomes bit pattern 0, below every threshold that is looked for (>= 1).
    given = jnp.where(priority > 0.0, priority, 0.0)
    bits = lax.bitcast_convert_type(given, integer)

    def halve(bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        # Invariant: mass at or above low >= budget > mass at or above high. Both are drawn in to
        # where the mass changes, so that few different priorities are few rounds.
        low, high = bounds
        middle = low + (high - low) // 2
        above = bits >= middle
        enough = jnp.sum(jnp.where(above, eligible, 0.0)) >= budget
        least, most = (
            jnp.min(jnp.where(above, given, jnp.inf)),
            jnp.max(jnp.where(above, 0.0, given)),
        )
        least_above, most_below = (lax.bitcast_convert_type(end, integer) for end in (least, most))
        return jnp.where(enough, least_above, low), jnp.where(enough, high, most_below + 1)

    def searched() -> Array:
        above_all = jnp.asarray(jnp.max(bits) + 1, integer)
        threshold, _ = lax.while_loop(
            lambda bounds: bounds[1] - bounds[0] > 1, halve, (jnp.zeros((), integer), above_all)
        )
        return threshold

    def sums(threshold: Array) -> tuple[Array, Array, Array]:
        tied = (bits == threshold) & (bits > 0)
        spent = jnp.sum(jnp.where(bits > threshold, eligible, 0.0))
        return tied, spent, jnp.sum(jnp.where(tied, eligible, 0.0))

    whole = None
    if known.shape == mass.shape:
        threshold = searched()
        tied, spent, tied_mass = sums(threshold)
    else:
        whole, highest = jnp.sum(eligible), jnp.max(jnp.where(known > 0.0, known, 0.0))
        only, nobody = lax.bitcast_convert_type(highest, integer), jnp.zeros_like(whole)

        def several() -> tuple[Array, Array, Array]:
            threshold = searched()
            return threshold, *sums(threshold)[1:]

        alike = jnp.all(~(known > 0.0) | (known == highest))
        threshold, spent, tied_mass = lax.cond(alike, lambda: (only, nobody, whole), several)
        tied = (bits == threshold) & (bits > 0)
    share = (budget - spent) / jnp.where(tied_mass > 0.0, tied_mass, 1.0)
    share = guarded(share, 0.0, 1.0)
    focused = jnp.where(bits > threshold, 1.0, jnp.where(tied, share, 0.0))
    everything = (jnp.sum(eligible) if whole is None else whole) <= budget
    return jnp.where(everything, _unbudgeted(priority), focused).astype(priority.dtype)


def proportional(
    priority: Float[Array, "*cells"], mass: Float[Array, "*cells"], budget: Float[Array, ""]
) -> Float[Array, "*cells"]:
    """Label with probability min(1, c priority), where c meets the budget.

    Example:
        >>> mass = jnp.array([0.25, 0.25, 0.5])
        >>> proportional(jnp.array([4.0, 1.0, 0.0]), mass, jnp.array(0.375)).round(3)
        Array([1. , 0.5, 0. ], dtype=float32)
    """
    eligible = jnp.where(priority > 0.0, mass, 0.0)

    def shared(full: Array) -> Array:
        """Share what full cells leave, relative to the largest priority that is not full."""
        open_priority = jnp.where(full, 0.0, priority)
        largest = jnp.max(open_priority)
        relative = open_priority / jnp.where(largest > 0.0, largest, 1.0)
        left = budget - jnp.sum(jnp.where(full, eligible, 0.0))
        weight = jnp.sum(mass * relative)
        constant = guarded(left, 0.0, None) / jnp.where(weight > 0.0, weight, 1.0)
        return jnp.where(full, 1.0, constant * relative)

    def fill(state: tuple[Array, Array]) -> tuple[Array, Array]:
        full, _ = state
        fuller = full | (shared(full) >= 1.0)
        return fuller, jnp.any(fuller != full)

    nobody = jnp.zeros(priority.shape, bool)
    full, _ = lax.while_loop(lambda state: state[1], fill, (nobody, jnp.array(True)))
    everything = jnp.sum(eligible) <= budget
    labelled = jnp.where(everything, _unbudgeted(priority), jnp.minimum(shared(full), 1.0))
    return jnp.where(priority > 0.0, labelled, 0.0).astype(priority.dtype)


def first_invalid(priority: Float[Array, "*cells"]) -> jax.Array:
    """Return the flat index of the first priority that is negative or not finite, or -1."""
    bad = ~(jnp.isfinite(priority) & (priority >= 0.0)).ravel()
    return jnp.where(jnp.any(bad), jnp.argmax(bad), -1).astype(jnp.int32)
