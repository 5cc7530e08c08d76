"""Rates of filters: by prompt, by response, of verdicts that stay for ever and of fresh ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from boostsim.arguments import Words, finite, numbers, real, refuse, shape_of

# What accept and reject may together differ from one: a thousand roundings and more of a vote's
# incomplete beta functions, and no error that a trace would show.
ROUNDING = 1e-12


def tells_responses_apart(filter: Any) -> bool:
    """Return whether a filter's probabilities are those of single responses, not of two classes."""
    return bool(getattr(filter, "by_response", False))


def in_two_classes(filter: Any, where: str) -> None:
    """Refuse a filter that tells responses apart; ``where`` says who needs two rates."""
    if tells_responses_apart(filter):
        allowed = f"one that judges all wrong responses alike {where}, such as bs.NoisyFilter"
        raise refuse("filter", allowed, filter)


def rates_on(filter: Any, quality: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities to accept and to reject each response, ``[prompts, responses]``.

    Raises:
        ValueError: where a filter has them for other responses.
    """
    if not tells_responses_apart(filter):
        pairs = [[np.reshape(rate, (-1, 1)) for rate in pair] for pair in _sides(filter)]
        accept, reject = (np.where(quality == 1.0, *pair) for pair in pairs)
        return accept, reject
    shape = np.shape(filter.accept)
    if shape not in (quality.shape, quality.shape[1:]):
        prompts, responses = quality.shape
        allowed = f"of shape ({responses},) or ({prompts}, {responses}), like the task's quality"
        raise refuse("filter.accept", allowed, Words(f"shape {shape}"))
    accept, reject = (
        np.broadcast_to(np.asarray(side, np.float64), quality.shape) for side in _sides(filter)
    )
    return accept, reject


def _sides(filter: Any) -> tuple[Any, Any]:
    """Return accept and reject."""
    return filter.accept, filter.reject


def lasting(filter: Any) -> Any:
    """Return how a filter judges a pair whose verdict stays for ever."""
    return getattr(filter, "lasting", filter)


def fresh(filter: Any) -> Any:
    """Return how a filter judges a pair that is judged anew each time."""
    return getattr(filter, "fresh", filter)


def share_that_stays(name: str, got: Any) -> bool | float:
    """Return the share of pairs whose verdict stays: False for 0, True for 1."""
    if isinstance(got, (bool, np.bool_)):
        return bool(got)
    try:
        share = finite(name, got, 0.0, 1.0)
    except ValueError:
        raise refuse(name, "True or False, or a share in [0, 1]", got) from None
    return bool(share) if share in (0.0, 1.0) else share


def per_response(name: str, accept: Any, reject: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities of single responses; ``reject`` of None is what accept leaves.

    Args:
        name: what stands before "accept" and "reject" in errors.
        accept: ``[responses]`` or ``[prompts, responses]``.
        reject: of the same shape, or None.

    Raises:
        ValueError: for what is no probability, and for sides that do not fit each other.
    """
    accept = _probabilities(f"{name}accept", accept)
    if reject is None:
        return accept, 1.0 - accept
    reject = _probabilities(f"{name}reject", reject)
    if reject.shape != accept.shape:
        raise refuse(f"{name}reject", f"of accept's shape, {accept.shape}", shape_of(reject))
    bad = np.argwhere(np.abs(accept + reject - 1.0) > ROUNDING)
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        told = f"{name}accept + {name}reject"
        got = float(accept[place] + reject[place])
        raise refuse(told, "1: a verdict is one or the other", got, f"See entry {place}.")
    return accept, reject


def _probabilities(name: str, got: Any) -> np.ndarray:
    try:
        dimensions = real(got).ndim
    except (TypeError, ValueError, OverflowError):
        dimensions = 1
    array = numbers(name, got, 2 if dimensions == 2 else 1)
    bad = np.argwhere((array < 0.0) | (array > 1.0))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        raise refuse(name, "probabilities in [0, 1]", float(array[place]), f"See entry {place}.")
    return array


def prompts_of(filter: Any) -> int | None:
    """Return of how many prompts a filter has rates; None where all prompts have the same.

    Of one that tells responses apart None: what it must fit are these.

    Raises:
        ValueError: for rates of different numbers of prompts.
    """
    if tells_responses_apart(filter):
        return None
    each = getattr(filter, "filters", (filter,))
    sides = [getattr(one, side, ()) for one in each for side in ("accept", "reject")]
    counts = sorted({len(rate) for pair in sides for rate in pair if np.ndim(rate)})
    if len(counts) > 1:
        raise refuse("filter", "with rates for one number of prompts", counts)
    return counts[0] if counts else None


def checked_for(filter: Any, prompts: int) -> None:
    """Refuse a filter that has rates for other prompts than there are."""
    have = prompts_of(filter)
    if have not in (None, prompts):
        each = getattr(filter, "filters", (filter,))
        sides = ("accept", "reject")
        side = next(s for s in sides for one in each if any(map(np.ndim, getattr(one, s, ()))))
        allowed = f"one rate, or one for each of {prompts} prompt{'s' * (prompts != 1)}"
        raise refuse(f"filter.{side}", allowed, Words(f"rates for {have} prompts"))


def alike(filter: Any, where: str) -> Any:
    """Return a filter that judges all prompts alike; ``where`` says in the refusal who needs it.

    In every iteration, too.
    """
    if hasattr(filter, "filters"):
        raise refuse("filter", f"the same in every iteration {where}", filter)
    if prompts_of(filter) is not None:
        allowed = f"one with the same rates on every prompt {where}"
        raise refuse("filter", allowed, Words(f"rates for {prompts_of(filter)} prompts"))
    return filter


def on_visits(filter: Any, number: np.ndarray) -> Any:
    """Return how a filter judges the responses of visits, ``[visits, k]``.

    Args:
        filter: what judges.
        number: of each visit's prompt, ``[visits]``.
    """
    by_tokens = callable(getattr(filter, "judge", None))
    return filter if by_tokens or prompts_of(filter) is None else OnVisits(filter, number)


@dataclass(frozen=True, eq=False)
class OnVisits:
    """A filter with the rates of each visit's prompt, ``[visits, 1]``.

    Attributes:
        of: the filter.
        number: of each visit's prompt.
    """

    of: Any
    number: np.ndarray

    def _theirs(self, side: tuple[Any, Any]) -> tuple[Any, Any]:
        right, wrong = (
            np.asarray(rate)[self.number, None] if np.ndim(rate) else rate for rate in side
        )
        return right, wrong

    @property
    def accept(self) -> tuple[Any, Any]:
        """Of each visit."""
        return self._theirs(self.of.accept)

    @property
    def reject(self) -> tuple[Any, Any]:
        """Of each visit."""
        return self._theirs(self.of.reject)

    @property
    def lasting(self) -> OnVisits:
        """Of verdicts that stay."""
        return OnVisits(lasting(self.of), self.number)

    @property
    def fresh(self) -> OnVisits:
        """Of verdicts that are given anew."""
        return OnVisits(fresh(self.of), self.number)

    def __getattr__(self, name: str) -> Any:
        """Return what the filter has besides."""
        return getattr(self.of, name)
