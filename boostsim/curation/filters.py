"""Filters: the noisy verdicts on what the model answered.

A filter accepts a correct response with probability a1 and a wrong one with a0 (docs/theory.md,
section 1). A perfect filter is ``NoisyFilter(0.0)``; no filter at all is :class:`AcceptAll`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from scipy.special import betainc

from boostsim.arguments import flag, probability, refuse, whole
from boostsim.objects import Described, described, held_by_json

# What accept and reject may together differ from one: a thousand roundings and more of a vote's
# incomplete beta functions, and no error that a trace would show.
ROUNDING = 1e-12
ATTRIBUTES = ("accept", "reject", "looks", "generates", "persistent")


@runtime_checkable
class Filter(Protocol):
    """What a procedure asks of a filter: both verdicts on both classes of response.

    All four are probabilities, and those of one class sum to one. They are kept side by side, never
    as one minus the other, so that a false-accept rate of 1e-200 survives. A class of your own has
    these attributes; where it derives from this one, all but the first two have a default. In
    provenance it is what its ``describe()`` returns, if it has one; else the fields of a dataclass;
    else these attributes.

    Attributes:
        accept: probability to accept a (correct, wrong) response.
        reject: probability to reject a (correct, wrong) response.
        looks: filter calls a response costs: the votes, or 0 where the verdict needs no look.
        generates: whether responses are needed; where they are not, every one is rejected unseen.
        persistent: whether a pair of prompt and response has one verdict for ever.

    Example:
        >>> import boostsim as bs
        >>> class Lenient(bs.Filter):
        ...     accept, reject = (1.0, 0.25), (0.0, 0.75)
        >>> task = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
        >>> bs.simulate(bs.filter_only(filter=Lenient()), task, 1).accuracy.values
        array([[0.5, 0.8]])
    """

    if TYPE_CHECKING:

        @property
        def accept(self) -> tuple[float, float]: ...  # noqa: D102
        @property
        def reject(self) -> tuple[float, float]: ...  # noqa: D102
        @property
        def looks(self) -> int: ...  # noqa: D102
        @property
        def generates(self) -> bool: ...  # noqa: D102
        @property
        def persistent(self) -> bool: ...  # noqa: D102
    else:
        # No properties: a dataclass that derives from this one may have fields of these names.
        accept: tuple[float, float]
        reject: tuple[float, float]
        looks, generates, persistent = 1, True, False


def checked_filter(got: Any) -> Filter:
    """Return a filter as it is, once it is seen to be one; None accepts everything."""
    if got is None:
        return AcceptAll()
    lacking = [name for name in ATTRIBUTES if not hasattr(got, name)]
    if isinstance(got, type) or lacking:
        hint = f"It lacks {', '.join(lacking)}." if len(lacking) < len(ATTRIBUTES) else ""
        if isinstance(got, type):
            hint = f"This is a class: make one of it, {got.__name__}(...)."
        raise refuse("filter", "a filter such as bs.NoisyFilter(0.1), or None", got, hint)
    sides = {}
    for name in ("accept", "reject"):
        try:
            right, wrong = getattr(got, name)
        except (TypeError, ValueError):
            allowed = "two probabilities, of a correct and of a wrong response"
            raise refuse(f"filter.{name}", allowed, getattr(got, name)) from None
        name = f"filter.{name}"
        sides[name] = probability(f"{name}[0]", right), probability(f"{name}[1]", wrong)
    for place, both in enumerate(zip(*sides.values(), strict=True)):
        if abs(sum(both) - 1.0) > ROUNDING:
            name = f"filter.accept[{place}] + filter.reject[{place}]"
            raise refuse(name, "1: a verdict is one or the other", sum(both))
    whole("filter.looks", got.looks, 0)
    flag("filter.persistent", got.persistent)
    if not flag("filter.generates", got.generates) and any(sides["filter.accept"]):
        raise refuse("filter.accept", "(0, 0) where nothing is generated", got.accept)
    held_by_json("filter", described_filter(got))
    return got


def described_filter(filter: Filter) -> Any:
    """Return what a filter is, as JSON can hold it."""
    told = described(filter)
    if told is not filter:
        return told
    sides = {name: [float(rate) for rate in getattr(filter, name)] for name in ATTRIBUTES[:2]}
    return {
        "name": type(filter).__name__,
        **sides,
        "looks": int(filter.looks),
        "generates": bool(filter.generates),
        "persistent": bool(filter.persistent),
    }


@dataclass(frozen=True)
class NoisyFilter(Described):
    """A filter that errs with the stated probabilities, independently each time or once for all.

    Fresh noise with votes m (odd): the verdict is the majority of m independent looks, so a rate r
    becomes P(Binomial(m, r) > m/2) = I_r((m+1)/2, (m+1)/2), the regularised incomplete beta
    function. Persistent noise: every pair of prompt and response has one verdict for ever, drawn
    independently for each pair; looking again shows the same, so votes only cost.

    Args:
        gamma: one rate for both mistakes, in [0, 1]; or give the two rates below instead.
        false_accept: probability that one look accepts a wrong response.
        false_reject: probability that one look rejects a correct response.
        votes: looks a response, odd, at least 1; each is one filter call.
        persistent: one verdict a pair, drawn once per seed, instead of fresh noise.

    Raises:
        ValueError: for a rate outside [0, 1], even votes, or both ways of giving the rates.

    Example:
        >>> NoisyFilter(0.1).accept
        (0.9, 0.1)
        >>> round(NoisyFilter(0.1, votes=3).accept[1], 12)
        0.028

    Source: the gamma-noisy filter of arXiv 2502.08924; voting is T5 (docs/theory.md, section 3),
    persistence T15 (docs/theory.md, section 4).
    """

    gamma: float | None = None
    votes: int = 1
    false_accept: float | None = None
    false_reject: float | None = None
    persistent: bool = False

    def __post_init__(self) -> None:
        """Refuse what no filter can be."""
        rates = {"false_accept": self.false_accept, "false_reject": self.false_reject}
        if self.gamma is not None:
            if any(rate is not None for rate in rates.values()):
                raise refuse("gamma", "given alone, or false_accept and false_reject", self)
            object.__setattr__(self, "gamma", probability("gamma", self.gamma))
        else:
            for name, rate in rates.items():
                if rate is None:
                    raise refuse(name, "given where gamma is not", None)
                object.__setattr__(self, name, probability(name, rate))
        object.__setattr__(self, "votes", whole("votes", self.votes, 1))
        if self.votes % 2 == 0:
            raise refuse("votes", "odd, so that a majority exists", self.votes)
        object.__setattr__(self, "persistent", flag("persistent", self.persistent))

    def _rates(self) -> tuple[float, float]:
        if self.gamma is not None:
            return self.gamma, self.gamma
        assert self.false_accept is not None
        assert self.false_reject is not None
        return self.false_accept, self.false_reject

    def _majority(self, rate: float) -> float:
        half = (self.votes + 1) / 2
        alone = self.votes == 1 or self.persistent
        return rate if alone else float(betainc(half, half, rate))

    @property
    def accept(self) -> tuple[float, float]:
        """Probability that a (correct, wrong) response is accepted, after the vote."""
        false_accept, false_reject = self._rates()
        return self._majority(1.0 - false_reject), self._majority(false_accept)

    @property
    def reject(self) -> tuple[float, float]:
        """Probability that a (correct, wrong) response is rejected, after the vote."""
        false_accept, false_reject = self._rates()
        return self._majority(false_reject), self._majority(1.0 - false_accept)

    @property
    def looks(self) -> int:
        """Filter calls a response costs: the votes."""
        return self.votes

    @property
    def generates(self) -> bool:
        """A filter looks at responses, so they are generated."""
        return True


@dataclass(frozen=True)
class AcceptAll(Described):
    """No filter: every response is kept, and no filter call is made.

    Example:
        >>> AcceptAll().accept, AcceptAll().looks
        ((1.0, 1.0), 0)
    """

    accept = (1.0, 1.0)
    reject = (0.0, 0.0)
    looks = 0
    generates = True
    persistent = False


@dataclass(frozen=True)
class RejectAll(Described):
    """Nothing the model says is used, so nothing is generated and no filter call is made.

    Example:
        >>> RejectAll().reject, RejectAll().generates
        ((1.0, 1.0), False)
    """

    accept = (0.0, 0.0)
    reject = (1.0, 1.0)
    looks = 0
    generates = False
    persistent = False
