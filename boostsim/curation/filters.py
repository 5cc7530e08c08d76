"""Filters: the noisy verdicts on what the model answered.

A filter accepts a correct response with probability a1 and a wrong one with a0 (theory, section 1).
A perfect filter is ``NoisyFilter(0.0)``; no filter at all is :class:`AcceptAll`.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import betainc

from boostsim.types import flag, probability, refuse, whole

__all__ = ["AcceptAll", "NoisyFilter", "RejectAll"]


@dataclass(frozen=True)
class NoisyFilter:
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

    Source: the gamma-noisy filter of arXiv 2502.08924; voting is T5, persistence T15.
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
class AcceptAll:
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
class RejectAll:
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
