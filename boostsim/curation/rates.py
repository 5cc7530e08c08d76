"""Filters that err more on some prompts than on others: rates that are arrays over prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from boostsim.arguments import refuse


def prompts_of(filter: Any) -> int | None:
    """Return of how many prompts a filter has rates; None where all prompts have the same.

    Raises:
        ValueError: for rates of different numbers of prompts.
    """
    each = getattr(filter, "filters", (filter,))
    sides = [getattr(one, side, ()) for one in each for side in ("accept", "reject")]
    counts = sorted({len(rate) for pair in sides for rate in pair if np.ndim(rate)})
    if len(counts) > 1:
        raise refuse("filter", "with rates for one number of prompts", counts)
    return counts[0] if counts else None


def checked_for(filter: Any, prompts: int) -> None:
    """Refuse a filter that has rates for other prompts than there are."""
    if prompts_of(filter) not in (None, prompts):
        allowed = f"with one rate, or one for each of {prompts} prompts"
        raise refuse("filter", allowed, f"rates for {prompts_of(filter)}")


def alike(filter: Any, where: str) -> Any:
    """Return a filter that judges all prompts alike; ``where`` says in the refusal who needs it.

    In every iteration, too.
    """
    if hasattr(filter, "filters"):
        raise refuse("filter", f"the same in every iteration {where}", filter)
    if prompts_of(filter) is not None:
        allowed = f"one with the same rates on every prompt {where}"
        raise refuse("filter", allowed, f"rates for {prompts_of(filter)} prompts")
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

    def __getattr__(self, name: str) -> Any:
        """Return what the filter has besides."""
        return getattr(self.of, name)
