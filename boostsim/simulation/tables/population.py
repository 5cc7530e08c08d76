"""The arithmetic of one iteration on lumped rows (T0), shared by exact and sampled runs.

Responses fall into classes on which the filter's verdict has one probability: correct and wrong
(correct or wrong, liked or disliked, where the filter's verdicts are persistent). For criteria that
see the verdicts alone, a row enters an iteration only through its class masses, so nothing here has
a dimension of responses. Where the rows themselves are asked for, every response is a class of its
own, and the same arithmetic is the dense one. Everything is a sum of terms of at least zero: an
error of 1e-200 or a correct mass of 1e-18 keeps its relative accuracy, because nothing is ever
computed as one minus something else.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from boostsim.curation.allocation import first_invalid, label_probability
from boostsim.curation.division import entrywise
from boostsim.curation.truth import Truth
from boostsim.curation.visits import Visits, pass_rates
from boostsim.simulation.tables.averages import MANY
from boostsim.simulation.tables.structure import Numbers, Structure

# Beyond so many attempts the powers are one loop, not one operation each: programs stay small.
WRITTEN_OUT = 32


class Attempts(NamedTuple):
    """The law of k attempts and their verdicts on each prompt.

    Attributes:
        accepted: A, one response is accepted, ``[prompts]``.
        rejected: B = 1 - A, ``[prompts]``.
        failed: B^k, all k are rejected, ``[prompts]``.
        kept: E[responses kept per visit] = S, ``[prompts]``.
        gain: S / A, finite where A = 0, ``[prompts]``.
        parts: probability of each part of J, ``[parts, prompts]``.
    """

    accepted: Float[Array, "prompts"]
    rejected: Float[Array, "prompts"]
    failed: Float[Array, "prompts"]
    kept: Float[Array, "prompts"]
    gain: Float[Array, "prompts"]
    parts: Float[Array, "parts prompts"]


def total(rows: Sequence[Array] | Array) -> Array:
    """Add up a short leading axis term by term.

    Written out, the sum fuses with what surrounds it into one pass over the prompts; as a reduction
    over an axis of length two or three it is a program of its own, several times slower. Only over
    many rows (every response a class) is a reduction the better program.
    """
    if len(rows) > 8:
        return jnp.sum(jnp.asarray(rows), axis=0)
    return functools.reduce(operator.add, list(rows))


def right_and_wrong(
    structure: Structure, numbers: Numbers, mass: Float[Array, "classes prompts"]
) -> tuple[Float[Array, "prompts"], Float[Array, "prompts"]]:
    """Return the correct and the wrong mass of each prompt."""
    if structure.correct is None:
        assert numbers.correct is not None
        return total(mass * numbers.correct), total(mass * (1.0 - numbers.correct))
    sides = [
        [row for row, right in zip(mass, structure.correct, strict=True) if right is side]
        for side in (True, False)
    ]
    return total(sides[0]), total(sides[1])


def law_of(mass: Float[Array, "classes prompts"]) -> Float[Array, "classes prompts"]:
    """Normalise over classes; where there is nothing, nothing is drawn, and any law serves."""
    whole = total(mass)
    return jnp.where(whole > 0.0, mass, 1.0 / len(mass)) / jnp.where(whole > 0.0, whole, 1.0)


def sharpened(
    structure: Structure, numbers: Numbers, mass: Float[Array, "classes prompts"]
) -> Float[Array, "classes prompts"]:
    """Return the row that attempts are drawn from."""
    if structure.sharpening is None:
        return mass
    return structure.sharpening(mass.T, numbers.temperature).T


def pairs(sources: int) -> list[tuple[int, int]]:
    """Return the unordered pairs of sources, each with itself too, in a fixed order."""
    return list(itertools.combinations_with_replacement(range(sources), 2))


def geometric(
    ratio: Float[Array, "*shape"], terms: int
) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
    """Return ratio^n and 1 + ratio + ... + ratio^(n-1) for n = ``terms`` >= 1.

    By doubling: the sum of 2m terms is (1 + ratio^m) times the sum of m, and one more term is
    1 + ratio times the sum. All terms are >= 0, so both keep their relative accuracy, where
    (1 - ratio^n) / (1 - ratio) loses it near ratio = 1.

    Example:
        >>> power, total = geometric(jnp.array(0.5), 3)
        >>> float(power), float(total)
        (0.125, 1.75)
    """
    power, total = ratio, jnp.ones_like(ratio)
    for bit in bin(terms)[3:]:
        total = total * (1.0 + power)
        power = power * power
        if bit == "1":
            total = 1.0 + ratio * total
            power = power * ratio
    return power, total


def attempt_weights(
    accepted: Float[Array, "prompts"], rejected: Float[Array, "prompts"], attempts: int
) -> Float[Array, "counts prompts"]:
    """Return P(J) = C(k, J) A^J B^(k-J) for J = 0..k, ``[k + 1, prompts]``."""
    ways = [float(math.comb(attempts, count)) for count in range(attempts + 1)]
    if attempts > WRITTEN_OUT:
        shape = (attempts, *accepted.shape)
        rise, fall = (
            jnp.concatenate(
                [jnp.ones_like(base)[None], jnp.cumprod(jnp.broadcast_to(base, shape), axis=0)]
            )
            for base in (accepted, rejected)
        )
        return jnp.asarray(ways)[:, None] * rise * fall[::-1]
    up = [jnp.ones_like(accepted)]
    down = [jnp.ones_like(rejected)]
    for _ in range(attempts):
        up.append(up[-1] * accepted)
        down.append(down[-1] * rejected)
    return jnp.stack([w * a * b for w, a, b in zip(ways, up, reversed(down), strict=True)])


def attempt(
    structure: Structure, numbers: Numbers, mass: Float[Array, "classes prompts"]
) -> Attempts:
    """Return the law of the attempts, given the model's class masses."""
    attempts = structure.attempts
    accepted = total(mass * numbers.accept)
    rejected = total(mass * numbers.reject)
    # A row sums to one only up to rounding; of many visits to a hopeless prompt none may pass.
    whole = accepted + rejected
    accepted, rejected = accepted / whole, rejected / whole
    failed, terms = geometric(rejected, attempts)
    some = accepted * terms
    if structure.parts == ((0,), tuple(range(1, attempts + 1))):
        parts = jnp.stack([failed, some])
    else:
        weights = attempt_weights(accepted, rejected, attempts)
        if structure.parts == tuple((j,) for j in range(attempts + 1)):
            parts = weights
        else:
            parts = jnp.stack([total([weights[j] for j in part]) for part in structure.parts])
    gain = jnp.full_like(accepted, attempts) if structure.keep_all else terms
    return Attempts(accepted, rejected, failed, gain * accepted, gain, parts)


def weighed(
    structure: Structure,
    numbers: Numbers,
    kept: Float[Array, "prompts"],
    labels: Float[Array, "prompts"],
) -> Callable[[Array], Array]:
    """Return the function from amounts of labels to what these weigh in training.

    Args:
        structure: what the program is specialised to.
        numbers: of the iteration.
        kept: accepted responses on each prompt.
        labels: labels on each prompt, in the same unit.
    """
    weight = numbers.label_weight
    if weight is None:
        return lambda amount: amount
    if structure.weighing == "weight":
        return lambda amount: weight * amount
    accepted, bought = (jnp.sum(numbers.weights * each) for each in (kept, labels))
    both = (accepted > 0.0) & (bought > 0.0)
    # First the label's share of all labels: a weight by itself may be beyond what floats hold.
    odds, bought = weight / (1.0 - weight), jnp.where(both, bought, 1.0)
    return lambda amount: jnp.where(both, odds * accepted * (amount / bought), amount)


def label_sources(structure: Structure, numbers: Numbers) -> list[tuple[str, Float[Array, ""]]]:
    """Return the sources that labels come from, each with its share in this iteration."""
    shares = jnp.ones(len(structure.answering))
    if numbers.shares is not None:
        shares = numbers.shares
    return list(zip(structure.answering, shares, strict=True))


def label_law(structure: Structure, numbers: Numbers) -> Float[Array, "classes prompts"]:
    """Return the mass of a label in each class."""
    laws = [
        share * numbers.source_mass[structure.sources.index(source)]
        for source, share in label_sources(structure, numbers)
    ]
    return total(laws)


def known_truth(
    structure: Structure,
    numbers: Numbers,
    mass: Float[Array, "classes prompts"],
) -> Truth | None:
    """Return the truth about each prompt, where the criterion sees it."""
    if structure.criterion is None or not structure.criterion.sees_truth:
        return None
    right, _ = right_and_wrong(structure, numbers, label_law(structure, numbers))
    return Truth(right_and_wrong(structure, numbers, mass)[1], right)


class Shown(NamedTuple):
    """What a criterion is asked with besides the masses of the cells, by prompt.

    Attributes:
        disagreement: where it is read, ``[prompts]``.
        truth: where it is seen, ``[prompts]``.
    """

    disagreement: Float[Array, "prompts"] | None = None
    truth: Truth | None = None


def focus(
    structure: Structure,
    numbers: Numbers,
    part_mass: Float[Array, "parts prompts"],
    shown: Shown,
    memory: Any = None,
    key: jax.Array | None = None,
) -> tuple[Float[Array, "parts prompts"], Array]:
    """Return the probability that a visit is labelled, and the first invalid cell (or -1).

    ``part_mass`` is each cell's share of all visits. Where the priority is known beforehand the
    criterion is not asked again; else it sees one cell for each prompt and J, prompts fastest.
    Where prompts are split into copies it is asked about each set of copies by itself, as if there
    were no other answer, and has a memory of each: what a visit shows says nothing about how likely
    its answer was. (So a rule that compares prompts with each other compares those of one set.)
    A criterion with a memory is asked with a key of its own.
    """
    if not structure.labeled:
        return jnp.zeros_like(part_mass), jnp.array(-1, jnp.int32)
    if structure.criterion is None:
        assert numbers.priority is not None
        priority = numbers.priority
        if len(structure.parts) > 2 or part_mass.shape[-1] < MANY:
            # Of two it is likely that one alone is labelled. Few prompts are one program: its last
            # bits are those of a search.
            priority = jnp.broadcast_to(priority, part_mass.shape)
        invalid = jnp.array(-1, jnp.int32)
    else:
        criterion, trials = structure.criterion, structure.trials

        def ask(mass: Array, shown: Shown, memory: Any) -> Array:
            visits = _visits(trials, mass, shown.disagreement)
            truth = jax.tree.map(lambda known: jnp.tile(known, len(mass)), shown.truth)
            return criterion.ask(memory, visits, key, truth).reshape(mass.shape)

        if numbers.share is None:
            priority = ask(part_mass, shown, memory)
        else:
            each = _by_copy(numbers.share, part_mass, shown)
            priority = jnp.moveaxis(jax.vmap(ask)(*each, memory), 0, 1)
            priority = priority.reshape(part_mass.shape)
        invalid = first_invalid(priority)
    budget = numbers.budget if structure.budgeted else None
    if budget is not None and structure.labels_each > 1:
        # Of visits: each takes so many labels.
        budget = budget / structure.labels_each
    if structure.criterion is not None and budget is not None:
        # Who is tied is seen in last bits. Computed again in each loop that reads it, a priority
        # would be rounded otherwise there, and more be labelled than the budget pays for.
        priority, part_mass = lax.optimization_barrier((priority, part_mass))
    return label_probability(priority, part_mass, budget, structure.allocation), invalid


def remember(
    structure: Structure,
    numbers: Numbers,
    memory: Any,
    part_mass: Float[Array, "parts prompts"],
    shown: Shown,
    labelled: Float[Array, "parts prompts"],
    accepted_share: Float[Array, "prompts"],
) -> Any:
    """Return the memory of the criterion after an iteration; None where it has none.

    Args:
        structure: what the program is specialised to.
        numbers: of the run.
        memory: that before.
        part_mass: each cell's share of all visits.
        shown: as the criterion saw it.
        labelled: the part of each cell that was labelled.
        accepted_share: of each prompt's labels, what the filter accepted.
    """
    rule = structure.criterion
    if rule is None or memory is None:
        return memory

    def learned(mass: Array, shown: Shown, memory: Any, part: Array, passed: Array) -> Any:
        visits = _visits(structure.trials, mass, shown.disagreement)
        bought = mass * part
        accepted = bought * passed if rule.asks_filter else jnp.zeros_like(bought)
        return rule.learned(memory, visits, bought.ravel(), accepted.ravel())

    share = numbers.share
    if share is None:
        return learned(part_mass, shown, memory, labelled, accepted_share)
    each = _by_copy(share, part_mass, shown)
    part = jnp.moveaxis(labelled.reshape(len(labelled), *share.shape), 1, 0)
    return jax.vmap(learned)(*each, memory, part, accepted_share.reshape(share.shape))


def _by_copy(
    share: Float[Array, "copies each"], part_mass: Float[Array, "parts prompts"], shown: Shown
) -> tuple[Float[Array, "copies parts each"], Shown]:
    """Return the cells of each set of copies, as if each prompt had only this copy."""
    given = part_mass.reshape(len(part_mass), *share.shape) / jnp.where(share > 0.0, share, 1.0)
    return jnp.moveaxis(given, 1, 0), jax.tree.map(lambda each: each.reshape(share.shape), shown)


def _visits(
    trials: int,
    part_mass: Float[Array, "parts prompts"],
    disagreement: Float[Array, "prompts"] | None,
) -> Visits:
    counts, prompts = part_mass.shape
    prompt = jnp.tile(jnp.arange(prompts, dtype=jnp.int32), counts)
    accepted = jnp.repeat(jnp.arange(counts, dtype=jnp.int32), prompts)
    return Visits(
        prompt=prompt,
        group=prompt,
        accepted=accepted,
        attempts=entrywise(jnp.full_like(accepted, trials)),
        pass_rate=jnp.repeat(jnp.asarray(pass_rates(trials), part_mass.dtype), prompts),
        mass=part_mass.ravel(),
        # A criterion that is not known to read it is handed zeros, which it then does not read.
        disagreement=jnp.tile(jnp.zeros(prompts) if disagreement is None else disagreement, counts),
    )
