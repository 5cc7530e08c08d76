"""Regimes: what an iteration trains on, with the numbers that this takes.

With D_t the examples of iteration t >= 1 (their number and their law), R one example a visit of the
task's reference, real data, and B_t = D_t + ``real_share`` R, training in iteration t is on

    B_t                             replace, anchor
    B_t + B_(t-1) + ... + B_0       accumulate
    B_t + ... + B_max(0, t-n+1)     a window of n iterations

where B_0 is f_0 with the weight of one example a visit, a batch like another: so it leaves a window
with iteration n. Or on so many draws from that: subsample.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np

from boostsim.arguments import choice, flag, refuse, schedule, text, whole

# How f_0 enters, where examples are kept.
FIRST = ("exact", "sampled")


@dataclass(frozen=True)
class Regime:
    """What runs ask of a regime; one of your own derives from it and says what is other there.

    Attributes:
        name: the word that stands for it in provenance.
        accumulates: whether an iteration's training set is the next one's beginning; the first
            one's is f_0 with the weight of one example a visit.
        real_share: real examples per visit and iteration, or one number for each iteration.
        window: the iterations whose examples are kept, the present one's among them, where they
            are; None for all.
        draws: the examples per visit that are drawn, with replacement, from what is kept, and
            trained on; None for all of it.
        first: ``"exact"`` where what is kept begins with f_0 itself, ``"sampled"`` where it begins
            with draws from it, one a visit.

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
    window: ClassVar[int | None] = None
    draws: ClassVar[int | None] = None
    first: ClassVar[str] = "exact"

    @property
    def share(self) -> float | tuple[float, ...]:
        """The real share as a float, or as a tuple of them, one for each iteration."""
        return schedule("regime.real_share", self.real_share)

    @property
    def remembers(self) -> bool:
        """Whether an iteration is trained on examples of others: a window of one keeps none."""
        return self.accumulates and self.window != 1

    def sharing(self, share: Any) -> Regime:
        """Return it with so many real examples per visit; without any an anchor is replace."""
        if any(entry.name == "real_share" for entry in fields(self)):
            return replace(self, real_share=share)  # type: ignore[call-arg]
        return Sharing(own=self, real_share=share)

    def describe(self) -> dict[str, Any]:
        """Return its name and what it does, for provenance."""
        told = {"regime": self.name, "real_share": self.share or None}
        for name in ("window", "draws", "first"):
            if (got := getattr(self, name)) != getattr(Regime, name):
                told[name] = got
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

    @property
    def window(self) -> int | None:  # type: ignore[override]
        """What that one keeps."""
        return self.own.window

    @property
    def draws(self) -> int | None:  # type: ignore[override]
        """What that one draws."""
        return self.own.draws

    @property
    def first(self) -> str:  # type: ignore[override]
        """How f_0 enters that one."""
        return self.own.first


@dataclass(frozen=True)
class Replace(Regime):
    """Train on this iteration's examples alone.

    Example:
        >>> import boostsim as bs
        >>> bs.uncurated(regime=Replace()) == bs.uncurated()
        True
    """

    name = "replace"

    def sharing(self, share: Any) -> Regime:
        """Return an anchor of this share, or this where there is none."""
        return Anchor(share) if np.any(share) else self


@dataclass(frozen=True, kw_only=True)
class Keeping(Regime):
    """Train on more than this iteration's examples: what the regimes that do have in common."""

    real_share: float | Sequence[float] = 0.0  # type: ignore[misc]
    first: str = "exact"  # type: ignore[misc]

    accumulates = True

    def __post_init__(self) -> None:
        """Refuse what is no share, and another first batch."""
        object.__setattr__(self, "real_share", schedule("real_share", self.real_share))
        choice("first", self.first, FIRST)


@dataclass(frozen=True)
class Accumulate(Keeping):
    """Train on all examples so far, f_0 among them with the weight of one example a visit (T12).

    Args:
        real_share: real examples per visit that each iteration adds; or one number for each.
        first: how f_0 enters: ``"exact"``, its law; or ``"sampled"``, one draw of it a visit, as
            data that the first model was made to write. At infinitely many visits they are the
            same. (In tokens a first batch is always drawn, at finitely many visits.)

    Raises:
        ValueError: for a number below 0 and another word.

    Source: docs/theory.md, section 4.

    Example:
        >>> import boostsim as bs
        >>> bs.uncurated(regime=Accumulate()) == bs.uncurated(regime="accumulate")
        True
    """

    name = "accumulate"


@dataclass(frozen=True)
class Window(Keeping):
    """Train on the examples of the last n iterations (T12).

    f_0 is the batch before the first, with the weight of one example a visit: it is trained on
    until the examples of n iterations are there. A window of 1 is replace, one that no run outlasts
    is accumulate.

    Args:
        window: n, iterations, at least 1.
        real_share: real examples per visit that each iteration adds; or one number for each.
        first: how f_0 enters; see :class:`boostsim.Accumulate`.

    Raises:
        ValueError: for an argument out of range.

    Source: docs/theory.md, section 4.

    Example:
        >>> import boostsim as bs
        >>> task = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
        >>> how = dict(filter=bs.NoisyFilter(0.25), regime=bs.Window(2))
        >>> trace = bs.simulate(bs.filter_only(attempts=1, keep="one", **how), task, 2)
        >>> trace.accuracy.values.round(6).tolist()  # at last (.375 + .4375)/(.5 + .541667)
        [[0.5, 0.583333, 0.78]]
    """

    window: int  # type: ignore[misc]

    name = "window"

    def __post_init__(self) -> None:
        """Refuse a window of no iteration."""
        super().__post_init__()
        object.__setattr__(self, "window", whole("window", self.window, 1))


@dataclass(frozen=True)
class Subsample(Keeping):
    """Keep all examples, but train on as many in every iteration: draws from them (T12).

    The draws are with replacement, in proportion to what each example weighs; so f_0 need not be
    examples to be drawn from. In expectation, and at infinitely many visits, it is accumulate.

    Args:
        draws: n, examples drawn per visit to be made (n v on a prompt), at least 1.
        real_share: real examples per visit that each iteration adds; or one number for each.
        first: how f_0 enters; see :class:`boostsim.Accumulate`.

    Raises:
        ValueError: for an argument out of range.

    Source: docs/theory.md, section 4.

    Example:
        >>> import boostsim as bs
        >>> drawn = bs.simulate(bs.uncurated(regime=bs.Subsample()), bs.random_table(0), 3)
        >>> kept = bs.simulate(bs.uncurated(regime="accumulate"), bs.random_table(0), 3)
        >>> bool((drawn.accuracy == kept.accuracy).all())
        True
    """

    draws: int = 1  # type: ignore[misc]

    name = "subsample"

    def __post_init__(self) -> None:
        """Refuse to train on nothing."""
        super().__post_init__()
        object.__setattr__(self, "draws", whole("draws", self.draws, 1))


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


# Those that a word stands for, and all whose name is their own.
WORDS: dict[str, Any] = {kind.name: kind for kind in (Replace, Accumulate, Anchor)}
REGIMES: dict[str, Any] = WORDS | {kind.name: kind for kind in (Window, Subsample)}


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
        keeps = flag("regime.accumulates", got.accumulates)
        schedule("regime.real_share", got.real_share)
        choice("regime.first", got.first, FIRST)
        for name in ("window", "draws"):
            if (size := getattr(got, name)) is not None:
                whole(f"regime.{name}", size, 1)
        for name in ("window", "first"):
            if not keeps and (said := getattr(got, name)) != (usual := getattr(Regime, name)):
                raise refuse(f"regime.{name}", f"{usual!r} where accumulates is False", said)
        return got
    if not isinstance(got, str) or got not in WORDS:
        raise _no_regime(got)
    if got == Anchor.name:
        return Anchor(real_share)
    if real_share is not None:
        schedule("real_share", real_share)
        raise refuse("real_share", f"None where the regime is {got!r}", real_share)
    return WORDS[got]()


def _no_regime(got: Any) -> ValueError:
    """Build the error for what is no regime and no word for one, with the nearest that is."""
    words = f"one of {', '.join(sorted(WORDS))}, or an object such as bs.Window(3)"
    if isinstance(got, type) and issubclass(got, Regime):
        made = {Replace: "", Accumulate: "", Anchor: "0.1", Window: "3", Subsample: "3"}
        shown = f"bs.{got.__name__}({made[got]})" if got in made else f"{got.__name__}(...)"
        return refuse("regime", words, got, f"This is a class: make one of it, {shown}.")
    near = difflib.get_close_matches(got.lower(), REGIMES, 1, 0.5) if isinstance(got, str) else []
    if near and near[0] not in WORDS:
        such = f"bs.{REGIMES[near[0]].__name__}(3)"
        return refuse("regime", f"an object where it is a {near[0]}, such as {such}", got)
    return refuse("regime", words, got, f"Did you mean {near[0]!r}?" if near else "")
