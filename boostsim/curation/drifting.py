"""A filter that changes in the course of a run: one for each iteration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from boostsim.arguments import refuse, several
from boostsim.curation.filters import Filter, by_class, checked_filter, described_filter, drifts
from boostsim.curation.rates import prompts_of, tells_responses_apart
from boostsim.objects import ByValue, Described


@dataclass(frozen=True, eq=False)
class DriftingFilter(ByValue, Described):
    """A filter that is another one in each iteration, as budgets and weights may be.

    In iteration t = 1, 2, ... the filter is ``filters[t - 1]``. They are filters of fresh noise
    that know right from wrong, each by its two rates (or by its rates for each prompt), and cost
    the same: what drifts is how they err. A run may have as many iterations as there are filters,
    no more.

    Args:
        filters: one for each iteration, at least one.

    Raises:
        ValueError: for no filters, for what is none, for verdicts that persist, for filters that
            read tokens or tell responses apart, and where looks or prompts differ.

    Example:
        >>> import boostsim as bs
        >>> tiring = DriftingFilter([bs.NoisyFilter(0.0), bs.NoisyFilter(0.25)])
        >>> task = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
        >>> procedure = bs.boosting(filter=tiring, labeler=bs.WeakLabeler(0.5))
        >>> procedure.at(2).filter.gamma
        0.25
        >>> bs.simulate(procedure, task, 2).error.values
        array([[0.5 , 0.25, 0.25]])
    """

    filters: Sequence[Filter]

    def __post_init__(self) -> None:
        """Refuse what cannot follow each other."""
        allowed = "a list of filters, one for each iteration"
        given = several("filters", allowed, self.filters, ())
        if not given or isinstance(self.filters, (str, bytes)):
            raise refuse("filters", allowed, self.filters)
        for number, each in enumerate(given, 1):
            hint = f"See that of iteration {number}."
            if each is None or drifts(each):
                raise refuse("filters", "filters such as bs.NoisyFilter(0.1)", each, hint)
            try:
                checked_filter(each)
            except ValueError as error:
                raise ValueError(f"filters[{number - 1}]: {error}") from None
            other = callable(getattr(each, "judge", None)) or tells_responses_apart(each)
            if by_class(each).persistent or other:
                wanted = "filters of fresh noise that know right from wrong"
                raise refuse("filters", wanted, each, hint)
            if (each.looks, each.generates) != (given[0].looks, given[0].generates):
                raise refuse("filters", "filters that cost the same", each, hint)
        object.__setattr__(self, "filters", tuple(given))
        prompts_of(self)

    @property
    def looks(self) -> int:
        """Filter calls a response costs, in every iteration."""
        return self.filters[0].looks

    @property
    def generates(self) -> bool:
        """Whether responses are needed."""
        return self.filters[0].generates

    @property
    def persistent(self) -> bool:
        """Verdicts are drawn anew each time."""
        return False

    def describe(self) -> dict[str, Any]:
        """Return its name and its filters, for provenance."""
        told = [described_filter(each) for each in self.filters]
        return {"name": type(self).__name__, "filters": told}
