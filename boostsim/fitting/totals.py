"""How often a verdict errs, where a log knows how many attempts are right, but not which.

Of a record's n attempts C are right and A accepted. Given C, A is a sum of Binomial(C, a1) and
Binomial(n - C, a0), independent over records, a1 = 1 - false reject and a0 = false accept. With
t = logit a0, s = logit a1 - logit a0, and R, W, T the right, the wrong and the accepted attempts of
all records, the log-likelihood is

    T t - R log(1 + e^(t+s)) - W log(1 + e^t) + sum K(s),
    K(s) = log sum_x binom(C, x) binom(n - C, A - x) e^(s x),

K of a record the logarithm of the normalising sum of Fisher's noncentral hypergeometric law. So for
each s the most likely rates solve R a1 + W a0 = T: by them as many attempts are right as the log
says. Where C is 0 or n a record is a joint audit by itself; an audit of single responses is two of
these and, where C is known, what it leaves of the record: nothing is counted twice. All of this
holds, too, where attempts stop at the first accepted one: which attempts of a record are right is
exchangeable given how many are.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import xlogy
from scipy.stats import norm
from scipy.stats import t as student

from boostsim.certification.intervals import Interval, between_0_and_1, binomial_interval
from boostsim.fitting.convolution import Kinds, ends_of
from boostsim.fitting.overdispersion import Test
from boostsim.fitting.verdicts import AUDIT, missing
from boostsim.objects import ByValue, as_json

if TYPE_CHECKING:
    from boostsim.logs.log import Log


@dataclass(frozen=True)
class ErrorRate:
    """How often a verdict errs on one side.

    Attributes:
        name: of what.
        trials: attempts that are wrong (for false accept), or right.
        value: the most likely rate, or None without trials.
        interval: for it, or None.
        confidence: of the interval.
    """

    name: str
    trials: int
    value: float | None
    interval: Interval | None
    confidence: float

    def summary(self) -> str:
        """Return it in plain words."""
        if self.value is None or self.interval is None:
            return f"{self.name}: not known, no trials; a fit takes 0."
        low, high = self.interval
        return (
            f"{self.name}: {self.value:.4g} (on {self.trials:,} attempts), {self.confidence:.0%} "
            f"interval {low:.4g} to {high:.4g}, by likelihood ratio and by prompt."
        )


@dataclass(frozen=True, eq=False)
class TotalRates(ByValue):
    """How often a verdict errs, as :func:`total_rates` finds it.

    Attributes:
        false_accept: P(accepted | wrong).
        false_reject: P(rejected | right).
        attempts, right, accepted, prompts: what they are from: attempts whose truth is known one by
            one or in total, how many of these are right and accepted, and on how many prompts.
        audited: how many of the attempts are known one by one, from the joint audit.
        fresh: the test that accepted counts vary about these rates as independent verdicts do; its
            statistic is the variance by prompt as a multiple of theirs.
        scores: what each prompt adds to the errors of (a1, a0), ``[prompts, 2]``.
    """

    false_accept: ErrorRate
    false_reject: ErrorRate
    attempts: int
    right: int
    accepted: int
    prompts: int
    audited: int
    fresh: Test
    scores: np.ndarray

    def summary(self) -> str:
        """Return a few plain sentences."""
        source = "the log's correct"
        if self.audited:
            source += f" and its joint audit (of {self.audited:,} attempts), none counted twice"
        lines = [
            f"The filter's rates are from {source}: of {self.attempts:,} attempts on "
            f"{self.prompts:,} prompt{'s' * (self.prompts > 1)} {self.right:,} are right and "
            f"{self.accepted:,} accepted; how these go together by record tells the rates.",
            self.false_accept.summary(),
            self.false_reject.summary(),
        ]
        if self.fresh.rejects(0.05):
            lines.append(
                f"By prompt accepted counts vary {self.fresh.statistic:.2g} times as much about "
                f"these rates as fresh verdicts would (p = {self.fresh.p_value:.2g}): verdicts "
                "repeat, or err more on some prompts, and then these rates may be off."
            )
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return everything but the scores as JSON; what is not known is null."""
        told = {name: held for name, held in vars(self).items() if name != "scores"}
        rates = ("false_accept", "false_reject", "fresh")
        return as_json(told | {name: asdict(told[name]) for name in rates})


def total_rates(log: Log, confidence: float = 0.95) -> TotalRates:
    """Return false accept and false reject from how many attempts of each record are right.

    The rates are the most likely ones of those with a1 >= a0. An interval is Clopper and Pearson's,
    of as many trials m as a binomial needs to have its likelihood ratio's interval end where the
    profile likelihood does, at most the attempts there are. That goes down by z^2/2 nats, or by
    t^2/2 times the sandwich variance by prompt over the likelihood's own, where that is more; t has
    2 (sum a^2)^2/sum a^4 degrees of freedom, a what each prompt adds to the rate's error, at most
    prompts - 1. Where a rate is 0 or 1 no variance can be seen: prompts count as one trial each.

    Args:
        log: with the column ``correct`` in some record; records without it are left out, except for
            what the joint audit says of them.
        confidence: of each interval.

    Raises:
        ValueError: for a log without ``correct``, and for a confidence that is not strictly between
            0 and 1.

    Example:
        >>> from boostsim.logs.log import Log
        >>> log = Log(["a", "b"], [0], [0, 1], [0, 0], attempts=[4, 4], accepted=[3, 1],
        ...           correct=[4, 0])
        >>> found = total_rates(log)
        >>> round(found.false_accept.value, 9), round(found.false_reject.value, 9)
        (0.25, 0.25)
    """
    between_0_and_1("confidence", confidence)
    parts, audited = _parts(log)
    counts = Kinds.of(*parts[:, 1:].T)
    shift = counts.most_likely()
    one, other = counts.rates(shift)
    scores = _scores(parts, *_accepted_right(parts, counts, shift), (one, other))
    met = np.unique(parts[:, 0])
    sides = ((other, counts.wrong, 1), (one, counts.right, 0))
    found = []
    for rate, trials, side in sides:
        of = parts[:, 1] - parts[:, 2] if side else parts[:, 2]
        by_prompt = np.bincount(parts[:, 0], of)[met]
        own = _Side(side, rate, trials, by_prompt, scores[0][met, side], scores[1][side])
        found.append(_interval(counts, shift, own, confidence))
    (low, high), ends = found[1] or (0.0, 1.0), found[0]
    return TotalRates(
        ErrorRate("False accept", counts.wrong, other if counts.wrong else None, ends, confidence),
        ErrorRate(
            "False reject",
            counts.right,
            1.0 - one if counts.right else None,
            (1.0 - high, 1.0 - low) if counts.right else None,
            confidence,
        ),
        counts.right + counts.wrong,
        counts.right,
        counts.accepted,
        len(met),
        audited,
        _fresh(parts, (one, other)),
        np.vstack([scores[0], np.zeros((len(log.prompts) - len(scores[0]), 2))]),
    )


def all_known(log: Log, iteration: int) -> bool:
    """Return whether all records of the iteration of a number have ``correct``."""
    of = log.iterations[log.iteration] == iteration
    return log.correct is not None and bool((log.correct[of] >= 0).all())


def _parts(log: Log) -> tuple[np.ndarray, int]:
    """Return what convolutions are of, ``[parts, 4]``, and how many attempts are audited.

    A part is the prompt, n, C and A: a record, or what an audit splits it into.
    """
    if log.correct is None or not (log.correct >= 0).any():
        raise ValueError(
            "log must have the column correct in some record to tell false accept from false "
            "reject without a joint audit; got none"
        )
    known = log.correct >= 0
    audit = np.zeros((4, log.records), np.int64)
    if not missing(log, AUDIT):
        columns = np.array([getattr(log, name) for name in AUDIT])
        audit = np.where((columns >= 0).all(axis=0), columns, 0)
    checked, right, accepted, both = audit
    wrong = checked - right
    parts = np.concatenate(
        [
            np.stack(each, axis=1)
            for each in (
                (log.prompt, right, right, both),
                (log.prompt, wrong, 0 * wrong, accepted - both),
                (
                    log.prompt,
                    np.where(known, log.attempts - checked, 0),
                    log.correct - right,
                    log.accepted - accepted,
                ),
            )
        ]
    ).astype(np.int64)
    return parts[parts[:, 1] > 0], int(checked.sum())


def _accepted_right(parts: np.ndarray, counts: Kinds, shift: float) -> tuple[np.ndarray, float]:
    """Return each part's accepted right attempts in the mean, and the sum of their variances."""
    if np.isinf(shift):
        _, _, right, accepted = parts.T
        return np.minimum(right, accepted).astype(float), 0.0
    _, mean, variance = counts.law(shift)
    return mean[counts.kind], float(counts.weights @ variance)


def _scores(
    parts: np.ndarray,
    both: np.ndarray,
    variance: float,
    rates: tuple[float, float],
) -> tuple[np.ndarray, np.ndarray]:
    """Return what each prompt adds to the errors of (a1, a0), and the likelihood's variances."""
    owner, attempts, right, accepted = parts.T
    one, other = rates
    wrong = attempts - right
    off = np.stack([both - right * one, accepted - both - wrong * other])
    slope = np.stack([np.bincount(owner, each) for each in off], axis=1)
    bend = np.array([one * (1.0 - one), other * (1.0 - other)])
    information = np.diag(bend * [right.sum(), wrong.sum()])
    information += variance * np.array([[-1.0, 1.0], [1.0, -1.0]])
    inverse = np.linalg.pinv(information, rcond=1e-12, hermitian=True)
    return slope @ inverse * bend, np.diag(inverse) * bend**2


@dataclass(frozen=True)
class _Side:
    """One of the two rates.

    Attributes:
        place: 0 for a1, 1 for a0.
        rate: the most likely one.
        trials: R or W.
        by_prompt: these by prompt, ``[prompts]``.
        scores: what each prompt adds to its error, ``[prompts]``.
        variance: by the likelihood.
    """

    place: int
    rate: float
    trials: int
    by_prompt: np.ndarray
    scores: np.ndarray
    variance: float


def _interval(counts: Kinds, shift: float, side: _Side, confidence: float) -> Interval | None:
    """Return the interval for a1 or a0, see :func:`total_rates`."""
    if not side.trials:
        return None
    binomial = float(norm.isf(0.5 - confidence / 2.0)) ** 2 / 2.0
    squares = side.scores**2
    total, prompts = float(squares.sum()), len(squares)
    critical, most = binomial, float(side.trials)
    if side.rate in (0.0, 1.0):
        most = side.trials**2 / float((side.by_prompt.astype(float) ** 2).sum())
    elif total > 0.0 and prompts > 1:
        freedom = min(max(2.0 * total**2 / float((squares**2).sum()), 1.0), prompts - 1.0)
        wide = float(student.isf(0.5 - confidence / 2.0, freedom))
        sandwich = total * prompts / (prompts - 1.0)
        critical = max(binomial, wide**2 / 2.0 * sandwich / side.variance)
    ends = []
    for place, end in enumerate(ends_of(counts, shift, side.place == 0, critical)):
        distance = xlogy(side.rate, side.rate / end) if end > 0.0 else np.inf
        if end < 1.0:
            distance += xlogy(1.0 - side.rate, (1.0 - side.rate) / (1.0 - end))
        trials = min(binomial / max(float(distance), 1e-300), most)
        exact = binomial_interval(side.rate * trials, trials, 1.0 - confidence)
        ends.append(exact[place] if 0.0 < end < 1.0 else end)
    return float(ends[0]), float(ends[1])


def _fresh(parts: np.ndarray, rates: tuple[float, float]) -> Test:
    """Test that accepted counts of a prompt vary about the rates as independent verdicts do."""
    owner, attempts, right, accepted = parts.T
    one, other = rates
    wrong = attempts - right
    off = np.bincount(owner, accepted - right * one - wrong * other)
    own = np.bincount(owner, right * one * (1.0 - one) + wrong * other * (1.0 - other))
    excess = (off**2 - own)[own > 0.0]
    if len(excess) < 2 or not np.ptp(excess):
        return Test(None, None, "nothing varies")
    spread = float(excess.std(ddof=1)) * len(excess) ** 0.5
    p_value = float(student.sf(excess.sum() / spread, len(excess) - 1))
    return Test(float((off**2).sum() / own.sum()), p_value)
