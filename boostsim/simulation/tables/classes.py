"""The classes that responses fall into: on each, right or wrong, the verdict has one probability.

Two of a filter that tells right from wrong alone; of one that tells responses apart (T20) as many
on each side as it has different probabilities there on one prompt, numbered prompt by prompt. Where
the verdicts on some pairs stay for ever these are classes of their own, liked and disliked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from boostsim.curation.filters import Filter, drifts
from boostsim.curation.rates import fresh, rates_on, tells_responses_apart

# Which prompts: all of them.
ALL = slice(None)


@dataclass(frozen=True)
class Classes:
    """Responses, class by class, the correct ones first.

    Attributes:
        numbered: returns the class of each response to some of the prompts, ``[prompts,
            responses]``; who knows the masses of the classes never asks.
        correct: of each class, whether it is.
        accept, reject: the filter on each class, ``[classes, 1]`` where all prompts have the same,
            else ``[classes, prompts]``; with ``[iterations]`` before, where it drifts.
    """

    numbered: Callable[[slice], Int[np.ndarray, "prompts responses"]]
    correct: tuple[bool, ...]
    accept: Float[np.ndarray, "classes #prompts"]
    reject: Float[np.ndarray, "classes #prompts"]

    @cached_property
    def of(self) -> Int[np.ndarray, "prompts responses"]:
        """The class of each response."""
        return self.numbered(ALL)

    def __iter__(self) -> Iterator[Float[np.ndarray, "prompts responses"]]:
        """Yield for each class 1.0 where a response is in it, else 0.0."""
        for number in range(len(self.correct)):
            yield (self.of == number) * 1.0

    @property
    def two(self) -> bool:
        """Whether they are correct and wrong, no more."""
        return len(self.correct) == 2

    def masses(self, rows: Float[np.ndarray, "prompts responses"]) -> np.ndarray:
        """Return the mass of every row in each class, ``[classes, prompts]``."""
        return np.stack([(rows * members).sum(1) for members in self])


@dataclass(frozen=True)
class Verdicts:
    """Verdicts that are given once for all.

    Attributes:
        accepts: 1.0 where a response is accepted, else 0.0, ``[prompts, responses]``.
        stays: for which pairs they are.
    """

    accepts: Float[np.ndarray, "prompts responses"]
    stays: Bool[np.ndarray, "prompts responses"]


def _each(filter: Any) -> tuple[Filter, ...]:
    """Return the filters of a filter that drifts."""
    return tuple(filter.filters)


def chances(
    filter: Filter, quality: Float[np.ndarray, "prompts responses"], verdicts: Verdicts | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities to accept and to reject each response, ``[prompts, responses]``.

    Of a filter that drifts, in each iteration: the first axis runs over them.
    """
    if drifts(filter):
        return _stacked([rates_on(each, quality) for each in _each(filter)])
    if verdicts is None:
        return rates_on(filter, quality)
    accept, reject = rates_on(fresh(filter), quality)
    liked = verdicts.accepts
    return np.where(verdicts.stays, liked, accept), np.where(verdicts.stays, 1.0 - liked, reject)


def classes_of(
    filter: Filter, quality: Float[np.ndarray, "prompts responses"], verdicts: Verdicts | None
) -> Classes:
    """Return the classes of responses on a table.

    Args:
        filter: what judges them.
        quality: 1.0 where a response is correct.
        verdicts: those that stay, where any do.
    """
    if drifts(filter):
        # Each knows right from wrong, no more.
        each = [classes_of(one, quality, None) for one in _each(filter)]
        return Classes(
            each[0].numbered, each[0].correct, *_stacked([(c.accept, c.reject) for c in each])
        )
    if verdicts is None and not tells_responses_apart(filter):
        sides = zip(_both(filter, 0), _both(filter, 1), strict=True)
        accepted, rejected = (_columns([*each]) for each in sides)
        return Classes(lambda some: (quality[some] != 1.0) * 1, (True, False), accepted, rejected)
    of = np.zeros(quality.shape, np.int32)
    correct: list[bool] = []
    accept: list[np.ndarray] = []
    reject: list[np.ndarray] = []

    def add(right: bool, passes: np.ndarray, fails: np.ndarray) -> int:
        correct.append(right)
        accept.append(passes)
        reject.append(fails)
        return len(correct) - 1

    one, none = np.ones(1), np.zeros(1)
    for right in (True, False):
        side = (quality == 1.0) == right
        levels, passes, fails = _levels(fresh(filter), quality, right)
        if verdicts is not None:
            stays = side & verdicts.stays
            for liked, both in ((1.0, (one, none)), (0.0, (none, one))):
                of[stays & (verdicts.accepts == liked)] = add(right, *both)
            side = side & ~verdicts.stays
            if filter.persistent is True:
                continue
        start = len(correct)
        for both in zip(passes, fails, strict=True):
            add(right, *both)
        of[side] = start + levels[side]
    return Classes(lambda some: of[some], tuple(correct), _columns(accept), _columns(reject))


def _stacked(sides: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return what is accepted, and what is rejected, in all iterations."""
    accept, reject = (np.stack(np.broadcast_arrays(*side)) for side in zip(*sides, strict=True))
    return accept, reject


def _both(filter: Filter, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what of the right (0) or the wrong (1) responses is accepted, and rejected."""
    accept, reject = (
        np.reshape(np.asarray(pair[place], float), -1) for pair in (filter.accept, filter.reject)
    )
    return accept, reject


def _levels(
    filter: Filter, quality: np.ndarray, right: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number what a filter says of the right, or of the wrong responses to each prompt.

    Returns:
        The number of each response's probabilities among those of its prompt, from 0 on, and these
        probabilities, to accept and to reject, ``[numbers, #prompts]``.
    """
    if not tells_responses_apart(filter):
        accept, reject = _both(filter, 0 if right else 1)
        return np.broadcast_to(0, quality.shape), accept[None], reject[None]
    accept, reject = rates_on(filter, quality)
    side = (quality == 1.0) == right
    order = np.lexsort((reject, accept, ~side), axis=-1)
    among, passes, fails = (
        np.take_along_axis(each, order, axis=1) for each in (side, accept, reject)
    )
    new = among.copy()
    new[:, 1:] &= (np.diff(passes) != 0.0) | (np.diff(fails) != 0.0)
    number = np.maximum(np.cumsum(new, axis=1) - 1, 0)
    levels = np.empty(quality.shape, np.int64)
    np.put_along_axis(levels, order, number, axis=1)
    shape = max(int(new.sum(1).max()), 1), len(quality)
    prompt, column = np.nonzero(new)
    tables = []
    for rates in (passes, fails):
        table = np.zeros(shape)
        table[number[prompt, column], prompt] = rates[prompt, column]
        tables.append(table)
    return levels, tables[0], tables[1]


def _columns(rates: list[np.ndarray]) -> np.ndarray:
    """Return what is said of each class, with one column where all prompts have the same."""
    wide = np.stack(np.broadcast_arrays(*rates))
    return wide[:, :1] if (wide == wide[:, :1]).all() else wide
