"""Whether a verdict that errs once on a response errs on it again: several looks, truth known."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom, t

from boostsim.certification.intervals import Interval, between_0_and_1
from boostsim.fitting.overdispersion import Test, overdispersion
from boostsim.fitting.trends import trend
from boostsim.objects import as_json

if TYPE_CHECKING:
    from boostsim.logs.looks import Looks

# Shares that an interval looks at.
SHARES = np.linspace(0.0, 1.0, 1001)


@dataclass(frozen=True)
class Repeats:
    """How far the errors of one kind repeat.

    Attributes:
        name: of the errors.
        responses, prompts: with two looks or more each.
        looks, errors: how many looks, how many of them err.
        share: c, the share of errors that repeat, or None.
        interval: for c.
        fresh: the test of c = 0; its statistic is the correlation of two looks.
        order: the test that earlier and later looks err alike; its statistic is the slope by look.
        within: whether ``fresh`` compares looks at a response with looks at other responses of its
            prompt, else of all prompts.
        confidence: of the interval.
        why_not: why there is no share, or None.
    """

    name: str
    responses: int
    prompts: int
    looks: int
    errors: int
    share: float | None
    interval: Interval | None
    fresh: Test
    order: Test
    within: bool
    confidence: float
    why_not: str | None = None

    def summary(self) -> str:
        """Return it in plain words."""
        if self.share is None:
            return f"{self.name}: whether they repeat is not known, {self.why_not}."
        assert self.interval is not None
        told = (
            f"{self.name}: {self.share:.3f} of the errors repeat at a second look "
            f"({self.confidence:.0%} interval {self.interval[0]:.3f} to {self.interval[1]:.3f}; "
            f"{self.errors:,} errors in {self.looks:,} looks at {self.responses:,} responses)"
        )
        if self.fresh.p_value is not None:
            beside = "other responses of the prompt" if self.within else "other responses"
            told += f"; looks at {beside} agree as much with p = {self.fresh.p_value:.2g}"
        if self.order.rejects(0.05):
            told += (
                f"; earlier and later looks err differently ({self.order.statistic:+.3f} a "
                f"look, p = {self.order.p_value:.2g}), so a look is not one draw of one rate"
            )
        return told + "."


@dataclass(frozen=True)
class RepeatedErrors:
    """How far verdict errors repeat, as :func:`repeated_errors` finds it.

    Attributes:
        false_accepts: of wrong responses that were accepted.
        false_rejects: of right responses that were rejected.
        unknown: how many responses lack the truth or a second look.
    """

    false_accepts: Repeats
    false_rejects: Repeats
    unknown: int

    def summary(self) -> str:
        """Return a few plain sentences."""
        lines = [self.false_accepts.summary(), self.false_rejects.summary()]
        if self.unknown:
            lines.append(f"{self.unknown:,} responses lack the truth or a second look.")
        if any(
            (each.interval or (0.0,))[0] > 0.0 for each in (self.false_accepts, self.false_rejects)
        ):
            lines.append(
                "What repeats no vote of further looks removes. Two looks do not tell whether the "
                "verdict remembers, or whether some responses deceive it more than others."
            )
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return everything as JSON; what is not known is null."""
        return as_json(asdict(self))


def repeated_errors(looks: Looks, confidence: float = 0.95) -> RepeatedErrors:
    """Return the share of verdict errors that repeat, for false accepts and false rejects apart.

    The model: with probability c all looks at a response share one draw, else each has its own; an
    error has probability gamma each time. So of two looks both err with probability c gamma + (1 -
    c) gamma^2, and c = (P(both err) - gamma^2)/(gamma (1 - gamma)), the correlation of two looks,
    estimated by pairs of looks at one response (with two looks each: maximum likelihood), at least
    0. The interval holds every c whose score is within t's quantile of 0, its variance the larger
    of the model's and that of sums by prompt. A verdict that is fresh, but errs more on some
    responses than on others, cannot be told from this: to a vote it is the same.

    Args:
        looks: with the truth and two verdicts or more of a response.
        confidence: of each interval.

    Raises:
        ValueError: for looks of which none has the truth and two verdicts, and for a confidence
            that is not strictly between 0 and 1.

    Example:
        >>> from boostsim.logs.looks import Looks
        >>> twice = [[1, 1]] * 3 + [[0, 0]] * 9 + [[1, 0]]
        >>> looks = Looks(["a"], [0] * 13, list(range(13)), list(range(13)), twice, [0] * 13)
        >>> round(repeated_errors(looks).false_accepts.share, 3)
        0.805

    Source: the intraclass correlation of two binary ratings (Bloch and Kraemer 1989), its interval
    in the manner of Donner and Eliasziw 1992.
    """
    alpha = 1.0 - between_0_and_1("confidence", confidence)
    given = looks.verdicts >= 0
    known = looks.correct >= 0
    usable = known & (given.sum(axis=1) >= 2)
    if not usable.any():
        lacking = "the truth (correct)" if not known.any() else "two verdicts and the truth"
        raise ValueError(f"looks must have {lacking} of a response at least; got none")
    sides = [
        _side(name, looks, usable & (looks.correct == truth), alpha)
        for name, truth in (("False accepts", 0), ("False rejects", 1))
    ]
    return RepeatedErrors(sides[0], sides[1], int((~usable).sum()))


def _side(name: str, looks: Looks, chosen: np.ndarray, alpha: float) -> Repeats:
    verdicts, prompt = looks.verdicts[chosen], looks.prompt[chosen]
    given = verdicts >= 0
    wrong = given & (verdicts != looks.correct[chosen][:, None])
    errors, many = wrong.sum(axis=1), given.sum(axis=1)
    row, look = np.nonzero(given)
    order = trend(wrong[row, look], np.ones(len(row)), look, prompt[row])
    several = np.bincount(prompt)[prompt] > 1 if len(prompt) else np.zeros(0, bool)
    within = bool(len(prompt)) and bool(several.mean() > 0.5)
    fresh = overdispersion(errors, many, prompt if within else None)
    total, erring = int(many.sum()), int(errors.sum())
    why = None
    if not total:
        why = "no such response was looked at twice"
    elif erring in (0, total):
        why = "no look errs" if not erring else "every look errs"
    share = interval = None
    if why is None:
        share, interval = _shared(errors, many, prompt, alpha)
        if interval is None:
            share, why = (
                None,
                (
                    "looks at a response agree less than fresh ones do, as where earlier and later "
                    "looks err at different rates"
                ),
            )
    counts = len(prompt), len(np.unique(prompt)), total, erring
    return Repeats(name, *counts, share, interval, fresh, order, within, 1.0 - alpha, why)


def _shared(
    errors: np.ndarray, many: np.ndarray, prompt: np.ndarray, alpha: float
) -> tuple[float, Interval | None]:
    """Return c, and its interval, or None where no c fits."""
    errors, many = errors.astype(float), many.astype(float)
    gamma = errors.sum() / many.sum()
    hit, pairs = errors * (errors - 1.0) / 2.0, many * (many - 1.0) / 2.0
    spread = gamma * (1.0 - gamma)
    share = float(np.clip((hit.sum() / pairs.sum() - gamma**2) / spread, 0.0, 1.0))

    together = gamma**2 + SHARES * spread
    slope = (2.0 * gamma + SHARES * (1.0 - 2.0 * gamma)) * pairs.sum() / many.sum()
    # Sums by prompt of hit - P(c) pairs - slope (errors - gamma looks), linear in c twice over.
    of = np.unique(prompt, return_inverse=True)[1]
    sums = [np.bincount(of, each) for each in (hit, pairs, errors - gamma * many)]
    parts = np.array([[float((one * other).sum()) for other in sums] for one in sums])
    weights = np.array([np.ones_like(together), -together, -slope])
    by_prompt = np.einsum("ic,ij,jc->c", weights, parts, weights)
    prompts = len(sums[0])
    model = np.zeros_like(together)
    for size, times in zip(*np.unique(many, return_counts=True), strict=True):
        h = np.arange(int(size) + 1)
        own = binom.pmf(h, int(size), gamma)
        one = np.where(h == size, gamma, 0.0) + np.where(h == 0, 1.0 - gamma, 0.0)
        law = SHARES[:, None] * one + (1.0 - SHARES[:, None]) * own
        score = h * (h - 1.0) / 2.0 - together[:, None] * size * (size - 1.0) / 2.0
        score = score - slope[:, None] * (h - gamma * size)
        model += times * (law * score**2).sum(axis=1)
    variance = model
    if prompts > 1:
        variance = np.maximum(model, by_prompt * prompts / (prompts - 1.0))
    off = hit.sum() - together * pairs.sum()
    quantile = t.isf(alpha / 2.0, max(prompts - 1.0, 1.0))
    if prompts < 2:
        return share, (0.0, 1.0)
    near = SHARES[off**2 <= quantile**2 * variance + 1e-12]
    if not len(near):
        return share, None
    return share, (min(float(near.min()), share), max(float(near.max()), share))
