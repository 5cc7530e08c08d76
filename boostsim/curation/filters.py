"""Filters: the noisy verdicts on what the model answered.

A filter accepts a correct response with probability a1 and a wrong one with a0 (docs/theory.md,
section 1). A perfect filter is ``NoisyFilter(0.0)``; no filter at all is :class:`AcceptAll`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from boostsim.arguments import by_prompt, flag, probability, refuse, whole
from boostsim.curation.rates import (
    ROUNDING,
    per_response,
    prompts_of,
    share_that_stays,
    tells_responses_apart,
)
from boostsim.curation.voting import (
    MAJORITY,
    at_least,
    at_least_of,
    checked_rule,
    checked_voters,
    correlated,
    least_accepting,
    together,
)
from boostsim.objects import ByValue, Described, described, held_by_json, is_own

# What is told only where it is used: a run begun without it is its own.
ADDED = {"correlation": 0.0, "rule": MAJORITY, "voters": None}
ATTRIBUTES = ("accept", "reject", "looks", "generates", "persistent")


@runtime_checkable
class Filter(Protocol):
    """What a procedure asks of a filter: both verdicts on both classes of response.

    All four are probabilities, and those of one class sum to one. They are kept side by side, never
    as one minus the other, so that a false-accept rate of 1e-200 survives. A class of your own has
    these attributes; where it derives from this one, all but the first two have a default. In
    provenance it is what its ``describe()`` returns, if it has one, or the fields of a dataclass;
    and these attributes.

    One that reads the response itself has a method ``judge(prompts, responses)`` besides, or, for
    tasks in tokens alone, instead of ``accept`` and ``reject``: see :class:`boostsim.TokenFilter`.

    Attributes:
        accept: probability to accept a (correct, wrong) response; each a number, or an array
            ``[prompts]``. Where ``by_response`` is true, that of each response instead,
            ``[responses]`` or ``[prompts, responses]``.
        reject: probability to reject it, likewise.
        looks: filter calls a response costs: the votes, or 0 where the verdict needs no look.
        generates: whether responses are needed; where they are not, every one is rejected unseen.
        persistent: whether a pair of prompt and response has one verdict for ever, or the share of
            pairs that have.
        by_response: whether single responses have rates of their own; may be left out.

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
        def accept(self) -> tuple[Any, Any]: ...  # noqa: D102
        @property
        def reject(self) -> tuple[Any, Any]: ...  # noqa: D102
        @property
        def looks(self) -> int: ...  # noqa: D102
        @property
        def generates(self) -> bool: ...  # noqa: D102
        @property
        def persistent(self) -> bool | float: ...  # noqa: D102
    else:
        # No properties: a dataclass that derives from this one may have fields of these names.
        accept: tuple[Any, Any]
        reject: tuple[Any, Any]
        looks, generates, persistent = 1, True, False


def checked_filter(got: Any) -> Filter:
    """Return a filter as it is, once it is seen to be one; None accepts everything."""
    if got is None:
        return AcceptAll()
    without = drifts(got) or (judges(got) and not _rated(got))
    needed = ATTRIBUTES[2:] if without else ATTRIBUTES
    lacking = [name for name in needed if not hasattr(got, name)]
    if isinstance(got, type) or lacking:
        hint = f"It lacks {', '.join(lacking)}." if len(lacking) < len(ATTRIBUTES) else ""
        if isinstance(got, type):
            hint = f"This is a class: make one of it, {got.__name__}(...)."
        raise refuse("filter", "a filter such as bs.NoisyFilter(0.1), or None", got, hint)
    if flag("filter.by_response", getattr(got, "by_response", False)) and _rated(got):
        accepts = bool(per_response("filter.", got.accept, got.reject)[0].any())
    else:
        accepts = _checked_pairs(got)
    whole("filter.looks", got.looks, 0)
    share_that_stays("filter.persistent", got.persistent)
    if not flag("filter.generates", got.generates):
        if judges(got):
            raise refuse("filter.generates", "True where it judges responses", False)
        if accepts:
            raise refuse("filter.accept", "(0, 0) where nothing is generated", got.accept)
    if judges(got):
        try:
            hash(got)
        except TypeError:
            hint = "A frozen dataclass of numbers, text and tuples is."
            raise refuse("filter", "hashable where it judges responses", got, hint) from None
    held_by_json("filter", described_filter(got))
    return got


def _checked_pairs(got: Any) -> bool:
    """Return whether anything is accepted, once the probabilities are seen to be such."""
    sides = {}
    for name in ("accept", "reject") if _rated(got) else ():
        try:
            right, wrong = getattr(got, name)
        except (TypeError, ValueError):
            allowed = "two probabilities, of a correct and of a wrong response"
            raise refuse(f"filter.{name}", allowed, getattr(got, name)) from None
        name = f"filter.{name}"
        sides[name] = by_prompt(f"{name}[0]", right), by_prompt(f"{name}[1]", wrong)
    prompts_of(got)
    for place, both in enumerate(zip(*sides.values(), strict=True)):
        if (np.abs(sum(both) - 1.0) > ROUNDING).any():
            name = f"filter.accept[{place}] + filter.reject[{place}]"
            raise refuse(name, "1: a verdict is one or the other", sum(both))
    return any(map(np.any, sides.get("filter.accept", ())))


def judges(filter: Any) -> bool:
    """Whether it judges responses by their tokens, rather than by their class."""
    return callable(getattr(filter, "judge", None))


def drifts(filter: Any) -> bool:
    """Whether it is another one in each iteration: see :class:`boostsim.DriftingFilter`."""
    return isinstance(getattr(filter, "filters", None), tuple)


def _rated(filter: Any) -> bool:
    """Whether it has a rate for each class of response, as one that only judges tokens has not."""
    return hasattr(filter, "accept") or hasattr(filter, "reject")


def by_class(filter: Filter) -> Filter:
    """Return a filter of which it is known how often it accepts a correct and a wrong response.

    Raises:
        ValueError: for one that judges tokens alone.
    """
    if not _rated(filter) and not drifts(filter):
        raise refuse("filter", "one with accept and reject where there are no tokens", filter)
    return filter


def described_filter(filter: Filter) -> Any:
    """Return what a filter is, as JSON can hold it."""
    told = described(filter)
    if told is not filter and not is_own(filter):
        return told
    given = ATTRIBUTES[:2] if _rated(filter) else ()
    sides: dict[str, Any] = {
        name: [described(np.asarray(rate, float)) for rate in getattr(filter, name)]
        for name in given
    }
    if tells_responses_apart(filter):
        sides = {name: described(np.asarray(getattr(filter, name), float)) for name in given}
        sides["by_response"] = True
    # What one of one's own says of itself need not tell its rates.
    own = {"name": type(filter).__name__}
    if told is not filter:
        own = dict(told) if isinstance(told, Mapping) else {**own, "told": told}
    return {
        **own,
        **sides,
        "looks": int(filter.looks),
        "generates": bool(filter.generates),
        "persistent": share_that_stays("filter.persistent", filter.persistent),
    }


@dataclass(frozen=True, eq=False)
class NoisyFilter(ByValue, Described):
    """A filter that errs with the stated probabilities, independently each time or once for all.

    Fresh noise with votes m: the verdict is made of m independent looks, and accepts where at least
    h of them do: more than half (the majority, m odd), all (unanimity), or so many. A rate r of a
    look becomes P(Binomial(m, r) >= h) = I_r(h, m - h + 1), the regularised incomplete beta
    function; of the mistake to reject it is that of at least m - h + 1. Voters that differ have the
    Poisson-binomial law instead. With a correlation c all looks at a response are one draw with
    probability c: a rate r becomes c r + (1 - c) r_m, so that no number of votes gets below c r.
    (Voters that differ then have one level in common, and each errs where that is below its own
    rate; at least h err where it is below the h-th largest.)

    Persistent noise: every pair of prompt and response has one verdict for ever, drawn
    independently for each pair; looking again shows the same, so votes only cost. Voters that
    differ each have a verdict of their own on it, and their vote is what lasts. A share s between:
    a pair has with probability s one verdict for ever, independently of all others, and else it is
    judged anew each time; which pairs and which verdicts is drawn once per seed. So of two looks at
    a pair both err with probability s r + (1 - s) r^2, and s is their correlation, the share of
    errors that :func:`boostsim.fitting.repeats.repeated_errors` finds in a log. ``accept`` and
    ``reject`` are then s times the rate of a verdict for ever and 1 - s times that of a fresh one:
    of what repeats no number of votes rids.

    Args:
        gamma: one rate for both mistakes, in [0, 1]; or give the two rates below instead. Each may
            be an array ``[prompts]``: then it is one for each prompt.
        false_accept: probability that one look accepts a wrong response.
        false_reject: probability that one look rejects a correct response.
        votes: m, looks a response, at least 1, odd for a majority; each is one filter call.
        persistent: one verdict a pair, drawn once per seed, instead of fresh noise; or the share
            s in [0, 1] of pairs that have one: 0 is False, 1 is True.
        correlation: c in [0, 1], the probability that all looks at a response are one draw; of a
            single look it changes nothing, so that the votes may be gone through from 1 on.
        rule: ``"majority"``, ``"unanimity"``, or h, how many looks must accept.
        voters: instead of the rates: one rate for each voter, or a (false_accept, false_reject) for
            each; at most 1,000. Votes are as many.

    Raises:
        ValueError: for a rate, share or correlation outside [0, 1], a majority of an even number
            of votes, another rule, or several ways of giving the rates; and, once the task is
            known, for rates of another number of prompts.

    Example:
        >>> NoisyFilter(0.1).accept
        (0.9, 0.1)
        >>> round(NoisyFilter(0.1, votes=3).accept[1], 12)
        0.028
        >>> round(NoisyFilter(0.1, votes=3, correlation=0.5).accept[1], 12)
        0.064
        >>> both = NoisyFilter(0.1, votes=2, rule="unanimity")
        >>> round(both.accept[1], 12), round(both.reject[0], 12)
        (0.01, 0.19)
        >>> NoisyFilter([0.1, 0.25]).accept[0]
        array([0.9 , 0.75])
        >>> round(NoisyFilter(voters=[0.1, 0.2, 0.3]).accept[1], 12)
        0.098

    Source: the gamma-noisy filter of arXiv 2502.08924; voting is T5 (docs/theory.md, section 3),
    persistence T15 (docs/theory.md, section 4).
    """

    gamma: Any = None
    votes: int = 1
    false_accept: Any = None
    false_reject: Any = None
    persistent: bool | float = False
    correlation: float = 0.0
    rule: str | int = MAJORITY
    voters: Any = None

    def __post_init__(self) -> None:
        """Refuse what no filter can be."""
        rates = {"false_accept": self.false_accept, "false_reject": self.false_reject}
        votes = whole("votes", self.votes, 1)
        if self.voters is not None:
            given = {"gamma": self.gamma, **rates}
            for name, rate in given.items():
                if rate is not None:
                    raise refuse(name, "None where voters are given", rate)
            object.__setattr__(self, "voters", checked_voters(self.voters))
            if votes not in (1, len(self.voters)):
                raise refuse(
                    "votes", f"left out, or the number of voters {len(self.voters)}", votes
                )
            votes = len(self.voters)
        elif self.gamma is not None:
            if any(rate is not None for rate in rates.values()):
                raise refuse("gamma", "given alone, or false_accept and false_reject", self)
            object.__setattr__(self, "gamma", by_prompt("gamma", self.gamma))
        else:
            for name, rate in rates.items():
                if rate is None:
                    raise refuse(name, "given where neither gamma nor voters are", None)
                object.__setattr__(self, name, by_prompt(name, rate))
        object.__setattr__(self, "votes", votes)
        object.__setattr__(self, "rule", checked_rule(self.rule, votes))
        object.__setattr__(self, "persistent", share_that_stays("persistent", self.persistent))
        object.__setattr__(self, "correlation", probability("correlation", self.correlation))

    @property
    def lasting(self) -> NoisyFilter:
        """How it judges a pair whose verdict stays for ever."""
        return replace(self, persistent=True)

    @property
    def fresh(self) -> NoisyFilter:
        """How it judges a pair that it judges anew each time."""
        return replace(self, persistent=False)

    def _rates(self) -> tuple[Any, Any]:
        """Return the rates of the two mistakes; of voters ``[voters]`` each."""
        if self.voters is not None:
            return (self.voters,) * 2 if self.voters.ndim == 1 else tuple(self.voters.T)
        if self.gamma is not None:
            return self.gamma, self.gamma
        return self.false_accept, self.false_reject

    def _said(self, least: int, rate: Any, other: Any) -> Any:
        """Return the chance that so many looks say something, given that of one look."""
        if self.voters is not None:
            alone, shared = at_least_of(least, rate, other), together(least, rate)
            return correlated(self.correlation, alone, shared)
        if self.votes == 1 or self.persistent is True:
            return rate
        anew = correlated(self.correlation, at_least(least, self.votes, rate), rate)
        # Of a pair whose verdict stays all looks are one.
        return correlated(float(self.persistent), anew, rate)

    def judged(self, wrongly: Any, side: bool) -> tuple[Any, Any]:
        """Return how often responses of a side are accepted, and rejected, after the vote.

        Args:
            wrongly: how often one look is mistaken about them; it may be traced.
            side: True for correct responses, False for wrong ones.
        """
        accepting = least_accepting(self.rule, self.votes)
        rejecting = self.votes - accepting + 1
        accepted, rejected = (1.0 - wrongly, wrongly) if side else (wrongly, 1.0 - wrongly)
        return (
            self._said(accepting, accepted, rejected),
            self._said(rejecting, rejected, accepted),
        )

    @property
    def _verdicts(self) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
        """Both verdicts, on a correct response and on a wrong one."""
        false_accept, false_reject = self._rates()
        return self.judged(false_reject, True), self.judged(false_accept, False)

    @property
    def accept(self) -> tuple[Any, Any]:
        """Probability that a (correct, wrong) response is accepted, after the vote."""
        right, wrong = self._verdicts
        return right[0], wrong[0]

    @property
    def reject(self) -> tuple[Any, Any]:
        """Probability that a (correct, wrong) response is rejected, after the vote."""
        right, wrong = self._verdicts
        return right[1], wrong[1]

    @property
    def looks(self) -> int:
        """Filter calls a response costs: the votes."""
        return self.votes

    @property
    def generates(self) -> bool:
        """A filter looks at responses, so they are generated."""
        return True

    def describe(self) -> dict[str, Any]:
        """Return its name and its fields; those of the vote only where they are used."""
        told = super().describe()
        for name, usual in ADDED.items():
            if told[name] == usual:
                del told[name]
        return told


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
