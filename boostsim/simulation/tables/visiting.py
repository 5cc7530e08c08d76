"""What a visit can give, and with what probability: examples by class, as a function of the row.

A kind of visit is what it gives; one kind comes about in several ways, each a product of
probabilities that :mod:`boostsim.simulation.tables.population` computes.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from boostsim.simulation.tables.choosing import kept_gain_by_part
from boostsim.simulation.tables.compositions import composed
from boostsim.simulation.tables.population import (
    Shown,
    attempt,
    focus,
    label_law,
    law_of,
    right_and_wrong,
    total,
)
from boostsim.simulation.tables.structure import Numbers, Structure

# Models that a program has room for, at least: to compute so many takes less than to compile it.
LEAST = 1024


class Way(NamedTuple):
    """One way in which a visit goes.

    Attributes:
        kind: the number of what it gives.
        part: of J; of a single attempt 1 where it is accepted, else 0.
        kept: accepted responses in each class.
        labels: labels in each class; None where it is not labelled.
    """

    kind: int
    part: int
    kept: tuple[int, ...]
    labels: tuple[int, ...] | None


@dataclass(frozen=True)
class Visit:
    """All that a visit can give.

    Attributes:
        kinds: what it can give: kept responses by class, then labels by class, ``[kinds, 2
            classes]``; where both weigh the same they are added up, ``[kinds, classes]``.
        ways: to these.
        single: whether a visit is k attempts that have nothing to do with each other, and this is
            one of them.
    """

    kinds: Int[np.ndarray, "kinds parts"]
    ways: tuple[Way, ...]
    single: bool

    @property
    def apart(self) -> bool:
        """Whether a visit gives one example or none: then the counts of kinds are multinomial."""
        return bool(self.kinds.sum(axis=1).max() <= 1)

    def chances(self, structure: Structure, seen: Seen) -> Float[np.ndarray, "kinds models"]:
        """Return the probability of each kind."""
        chances = np.zeros((len(self.kinds), seen.labels.shape[0]))
        for way in self.ways:
            if self.single:
                chance = seen.accepted if way.part else seen.rejected
            else:
                chance = seen.parts[way.part]
                if structure.labeled:
                    labelled = seen.labelled[way.part]
                    chance = chance * (1.0 - labelled if way.labels is None else labelled)
            law = seen.kept if seen.chosen is None else seen.chosen[way.part]
            chance = chance * _ordered(way.kept, law)
            if way.labels is not None:
                chance = chance * _ordered(way.labels, seen.label)
            chances[way.kind] += chance
        return chances


@dataclass(frozen=True)
class Seen:
    """The probabilities that a visit is made of, for each model.

    Attributes:
        accepted, rejected: of one attempt, ``[models]``.
        parts: of J, ``[parts, models]``.
        labelled: that a visit is, ``[parts, models]``.
        kept, label: of the class of an accepted response, of a label, ``[classes, models]``.
        labels: expected labels a visit, ``[models]``.
        generations: expected attempts a visit, ``[models]``.
        chosen: of the class of the response that is chosen from the accepted ones, ``[parts,
            classes, models]``; None where they are alike.
    """

    accepted: Float[np.ndarray, "models"]
    rejected: Float[np.ndarray, "models"]
    parts: Float[np.ndarray, "parts models"]
    labelled: Float[np.ndarray, "parts models"]
    kept: Float[np.ndarray, "classes models"]
    label: Float[np.ndarray, "classes models"]
    labels: Float[np.ndarray, "models"]
    generations: Float[np.ndarray, "models"]
    chosen: Float[np.ndarray, "parts classes models"] | None = None


def padded(columns: Float[np.ndarray, "classes models"]) -> Float[Array, "classes more"]:
    """Return columns with copies of the last one behind: few shapes, and so few programs.

    Example:
        >>> [padded(np.ones((2, models))).shape for models in (0, 3, 1025)]
        [(2, 1024), (2, 1024), (2, 2048)]
    """
    models = columns.shape[1]
    more = max(LEAST, 1 << (models - 1).bit_length()) - models
    # There is no state at all where nothing is accepted and nothing labelled.
    return jnp.asarray(np.pad(columns, ((0, 0), (0, more)), "edge" if models else "constant"))


def sides_of(
    structure: Structure, numbers: Numbers, mass: Float[np.ndarray, "classes models"]
) -> tuple[Float[np.ndarray, "models"], Float[np.ndarray, "models"]]:
    """Return the correct and the wrong mass of each model."""
    right, wrong = right_and_wrong(structure, numbers, padded(mass))
    return np.asarray(right)[: mass.shape[1]], np.asarray(wrong)[: mass.shape[1]]


def seen_by(
    structure: Structure,
    numbers: Numbers,
    mass: Float[np.ndarray, "classes models"],
    iteration: int,
) -> Seen:
    """Return the probabilities of a visit to each of so many models; numbers are of one prompt."""
    models = mass.shape[1]
    seen = _seen(structure, numbers, padded(mass), jnp.asarray(float(iteration)))
    return Seen(**{name: np.asarray(each)[..., :models] for name, each in seen.items()})


@partial(jax.jit, static_argnums=0)
def _seen(
    structure: Structure, numbers: Numbers, mass: Float[Array, "classes models"], iteration: Array
) -> dict[str, Array]:
    numbers = numbers.at(iteration if numbers.changes else None)
    seen = attempt(structure, numbers, mass)
    # Of all models together: what a criterion that needs no other prompt is not told of.
    cells = seen.parts / seen.parts.shape[1]
    labelled, _ = focus(structure, numbers, cells, Shown())
    label = jnp.zeros_like(mass)
    if structure.labeled:
        label = jnp.broadcast_to(law_of(label_law(structure, numbers)), mass.shape)
    more = {}
    if structure.choice is not None:
        gains = kept_gain_by_part(structure, numbers, mass)
        more["chosen"] = jnp.stack([law_of(mass * numbers.accept * gain) for gain in gains])
    return {
        "accepted": seen.accepted,
        "rejected": seen.rejected,
        "parts": seen.parts,
        "labelled": labelled,
        "kept": law_of(mass * numbers.accept),
        "label": label,
        "labels": structure.labels_each * total(seen.parts * labelled),
        "generations": seen.gain,
        **more,
    }


def visit_of(structure: Structure, numbers: Numbers) -> Visit:
    """Return what a visit can give to a prompt with these numbers, whatever its row is."""
    # In some iteration, where they change.
    accept, reject = (
        np.any((np.asarray(each)[..., 0] > 0.0).reshape(-1, each.shape[-2]), axis=0)
        for each in (numbers.accept, numbers.reject)
    )
    classes = len(accept)
    answered = np.zeros(classes, bool)
    for source in structure.answering:
        answered |= np.asarray(numbers.source_mass)[structure.sources.index(source), :, 0] > 0.0
    merged = structure.weighing is None
    known: dict[tuple[int, ...], int] = {}
    ways = []

    def add(part: int, kept: tuple[int, ...], labels: tuple[int, ...] | None) -> None:
        given = (0,) * classes if labels is None else labels
        kind = tuple(a + b for a, b in zip(kept, given)) if merged else (*kept, *given)
        ways.append(Way(known.setdefault(kind, len(known)), part, kept, labels))

    single = structure.keep_all and not structure.labeled
    if single:
        if reject.any():
            add(0, (0,) * classes, None)
        for kept in _counts(1, accept):
            add(1, kept, None)
    else:
        for part, counts in enumerate(structure.parts):
            possible = any(
                (count == 0 or accept.any()) and (count == structure.attempts or reject.any())
                for count in counts
            )
            if not possible:
                continue
            number = counts[0] if structure.keep_all else int(counts != (0,))
            labelled, unlabelled = _whether_labelled(structure, numbers, part)
            for kept in _counts(number, accept):
                if unlabelled:
                    add(part, kept, None)
                if labelled:
                    for labels in _counts(structure.labels_each, answered):
                        add(part, kept, labels)
    return Visit(np.array(list(known), np.int64), tuple(ways), single)


def _whether_labelled(structure: Structure, numbers: Numbers, part: int) -> tuple[bool, bool]:
    """Return whether visits of a part may be labelled, and whether they may not be."""
    if not structure.labeled:
        return False, True
    assert numbers.priority is not None
    if not numbers.priority[part, 0] > 0.0:
        return False, True
    if not structure.budgeted:
        return True, False
    budget = np.asarray(numbers.budget)
    return bool((budget > 0.0).any()), bool((budget < structure.labels_each).any())


def _counts(number: int, allowed: np.ndarray) -> list[tuple[int, ...]]:
    """Return all ways in which so many fall into the classes that are allowed."""
    places = np.flatnonzero(allowed)
    if number == 0:
        return [(0,) * len(allowed)]
    if not len(places):
        return []
    counts = np.zeros((math.comb(number + len(places) - 1, number), len(allowed)), int)
    counts[:, places] = composed(number, len(places))
    return [tuple(row) for row in counts.tolist()]


def _ordered(
    counts: tuple[int, ...], law: Float[np.ndarray, "classes models"]
) -> Float[np.ndarray, "models"]:
    """Return the probability of so many draws in each class."""
    chance, left = np.ones(law.shape[1]), sum(counts)
    for count, share in zip(counts, law, strict=True):
        if count:
            chance = chance * (math.comb(left, count) * share**count)
            left -= count
    return chance


def alone(numbers: Numbers, prompt: int) -> Numbers:
    """Return the numbers of one prompt."""

    def column(values: Array) -> Array:
        return values if values.shape[-1] == 1 else values[..., prompt : prompt + 1]

    return dataclasses.replace(
        numbers,
        weights=jnp.ones(1),
        share=None,
        accept=column(numbers.accept),
        reject=column(numbers.reject),
        correct=None if numbers.correct is None else column(numbers.correct),
        source_mass=column(numbers.source_mass),
        collision=None,
        choice=jax.tree.map(column, numbers.choice),
    )
