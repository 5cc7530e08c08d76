"""A filter that tells more than right from wrong: a probability for each response (T20)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from boostsim.arguments import whole
from boostsim.curation.rates import per_response, share_that_stays
from boostsim.objects import ByValue, Described


@dataclass(frozen=True, eq=False)
class ClassFilter(ByValue, Described):
    """A filter with an acceptance probability for each response: a verifier with blind spots.

    Responses that are equally right and equally often accepted are one class, so a run costs
    prompts x classes, whatever the number of responses; with two classes it is that of
    :class:`NoisyFilter`, bit for bit. Filter only, class c of mass m_c and acceptance a_c has after
    T iterations a mass proportional to m_c a_c^T: the best accepted class wins, right or wrong
    (T20, ``bs.laws.blind_spot``), and labels for failures do not save what is accepted.

    Args:
        accept: probability that each response is accepted, ``[responses]``, the same for all
            prompts, or ``[prompts, responses]``.
        reject: probability that it is rejected, of the same shape. Left out it is 1 - accept; give
            it where it is far below 1e-16: an accept of 1e-200 needs no reject, a reject of 1e-200
            does.
        looks: filter calls a response costs.
        persistent: the share of pairs of prompt and response whose verdict stays for ever; see
            :class:`NoisyFilter`.

    Raises:
        ValueError: for what is no probability, for accept and reject of different shapes or that do
            not sum to one, and, once the task is known, for a shape that is not the task's.

    Example:
        >>> import boostsim as bs
        >>> task = bs.table_task([[1, 0, 0]], initial=[[0.3, 0.69, 0.01]])
        >>> fooled = bs.ClassFilter([0.9, 0.1, 0.99])
        >>> bs.simulate(bs.filter_only(filter=fooled), task, 60).accuracy.values[0, [1, 5, 60]]
        array([0.77386071, 0.94901636, 0.08969102])

    Source: T20 (docs/theory.md, section 4).
    """

    accept: Any
    reject: Any = None
    looks: int = 1
    persistent: bool | float = False

    generates = True
    by_response = True

    def __post_init__(self) -> None:
        """Refuse what no filter can be."""
        sides = per_response("", self.accept, self.reject)
        for name, rates in zip(("accept", "reject"), sides, strict=True):
            rates.setflags(write=False)
            object.__setattr__(self, name, rates)
        object.__setattr__(self, "looks", whole("looks", self.looks, 0))
        object.__setattr__(self, "persistent", share_that_stays("persistent", self.persistent))
