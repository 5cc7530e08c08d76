"""Regimes: what an iteration trains on, with the numbers that this takes.

With D_t the examples of iteration t (their number and their law), the training set is
``real_share`` R + D_t + (the training set before, if data accumulate), where R is one example a
visit of the task's reference, real data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np

from boostsim.arguments import choice, flag, refuse, schedule, text


@dataclass(frozen=True)
class Regime:
    """What runs ask of a regime; one of your own derives from it and says what is other there.

    Attributes:
        name: the word that stands for it in provenance.
        accumulates: whether an iteration's training set is the next one's beginning; the first
            one's is f_0 with the weight of one example a visit.
        real_share: real examples per visit and iteration, or one number for each iteration.

    Example:
        >>> import boostsim as bs
        >>> class Grounded(bs.Regime):
        ...     name, accumulates, real_share = "grounded", True, 0.25
        >>> trace = bs.simulate(bs.uncurated(regime=Grounded()), bs.random_table(0), 2)
        >>> bool(trace.accuracy[0, 2] > trace.accuracy[0, 0])
        True
    """

    name: ClassVar[str]
    accumulates: ClassVar[bool] = False
    real_share: ClassVar[Any] = 0.0

    @property
    def share(self) -> float | tuple[float, ...]:
        """The real share as a float, or as a tuple of them, one for each iteration."""
        return schedule("regime.real_share", self.real_share)

    def sharing(self, share: Any) -> Regime:
        """Return it with so many real examples per visit; without any an anchor is replace."""
        if any(entry.name == "real_share" for entry in fields(self)):
            return replace(self, real_share=share)  # type: ignore[call-arg]
        return Sharing(own=self, real_share=share)

    def describe(self) -> dict[str, Any]:
        """Return its name and what it does, for provenance."""
        told = {"regime": self.name, "real_share": self.share or None}
        # What a word stands for is known.
        return told if self.name in REGIMES else {**told, "accumulates": self.accumulates}


@dataclass(frozen=True, kw_only=True)
class Sharing(Regime):
    """A regime of one's own that says its real share at its class, with another one."""

    own: Regime
    real_share: Any  # type: ignore[misc]

    @property
    def name(self) -> str:  # type: ignore[override]
        """The word of the one that it is."""
        return self.own.name

    @property
    def accumulates(self) -> bool:  # type: ignore[override]
        """Whether that one accumulates."""
        return self.own.accumulates


@dataclass(frozen=True)
class Replace(Regime):
    """Train on this iteration's examples alone.

    Example:
        >>> import boostsim as bs
        >>> bs.uncurated(regime=Replace()) == bs.uncurated()
        True
    """

    name = "replace"


@dataclass(frozen=True)
class Accumulate(Regime):
    """Train on all examples so far, f_0 among them with the weight of one example a visit (T12).

    Source: docs/theory.md, section 4.

    Example:
        >>> import boostsim as bs
        >>> bs.uncurated(regime=Accumulate()) == bs.uncurated(regime="accumulate")
        True
    """

    name = "accumulate"
    accumulates = True


@dataclass(frozen=True)
class Anchor(Regime):
    """Train on this iteration's examples and real data, the task's reference.

    Args:
        real_share: real examples per visit, above 0; or one number for each iteration, not all of
            them 0.

    Raises:
        ValueError: for a number below 0, or without any above.

    Example:
        >>> import boostsim as bs
        >>> bs.uncurated(regime=Anchor(0.1)) == bs.uncurated(regime="anchor", real_share=0.1)
        True
    """

    real_share: float | Sequence[float]  # type: ignore[misc]

    name = "anchor"

    def __post_init__(self) -> None:
        """Refuse an anchor without real data."""
        share = None if self.real_share is None else schedule("real_share", self.real_share)
        if not np.any(share or 0.0):
            raise refuse("real_share", "above 0 where the regime is 'anchor'", self.real_share)
        object.__setattr__(self, "real_share", share)

    def sharing(self, share: Any) -> Regime:
        """Return an anchor of another share, or replace where there is none."""
        return Anchor(share) if np.any(share) else Replace()


REGIMES: dict[str, Any] = {kind.name: kind for kind in (Replace, Accumulate, Anchor)}


def checked_regime(got: Any, real_share: Any = None) -> Regime:
    """Return the regime that an object is, or a word stands for."""
    if isinstance(got, Regime):
        if real_share is not None:
            allowed = f"None where the regime is an object, {got}"
            raise refuse("real_share", allowed, real_share, "Give bs.Anchor another share.")
        if type(got) is Regime:
            raise refuse("regime", "one of its kinds, such as bs.Replace()", got)
        word = text("regime.name", getattr(got, "name", None))
        if REGIMES.get(word) not in (None, type(got)):
            raise refuse("regime.name", f"its own: {word!r} is {REGIMES[word].__name__}", got)
        flag("regime.accumulates", got.accumulates)
        schedule("regime.real_share", got.real_share)
        return got
    choice("regime", got, REGIMES)
    if got == Anchor.name:
        return Anchor(real_share)
    if real_share is not None:
        schedule("real_share", real_share)
        raise refuse("real_share", f"None where the regime is {got!r}", real_share)
    return REGIMES[got]()
