"""A probability from counts by prompt: an exact interval, one by prompt, and which to quote.

Counts of different prompts are independent, those of one prompt need not be: prompts differ in
difficulty, and what is decided once a prompt comes again. The exact interval holds where all trials
share one probability; the interval by prompt takes each prompt's count as one observation.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import t

from boostsim.certification.intervals import Interval, between_0_and_1, binomial_interval
from boostsim.fitting.overdispersion import Test, overdispersion
from boostsim.objects import as_json

# At which the test that prompts are alike gives up the exact interval: high, for where the test has
# little power the exact interval is too narrow already.
LEVEL = 0.5


@dataclass(frozen=True)
class Proportion:
    """A probability as a log shows it.

    Attributes:
        name: of what.
        hits, trials, prompts: how often it happened, out of how many, on how many prompts.
        value: hits/trials, or None without trials.
        exact: Clopper and Pearson's interval: right where all trials share one probability.
        by_prompt: the ratio estimator's: right also where prompts differ, or where trials of one
            prompt depend on each other. None with fewer than two prompts.
        homogeneity: the test that prompts share one probability; its statistic is the correlation
            of two trials of a prompt.
        quoted: ``"exact"``, ``"by_prompt"`` or None: which to quote. The exact one where no prompt
            has two trials, where there is one prompt, or where the test has a p-value above 0.5.
        confidence: of each interval.
        why_not: why there is no value, or None.
    """

    name: str
    hits: int
    trials: int
    prompts: int
    value: float | None
    exact: Interval | None
    by_prompt: Interval | None
    homogeneity: Test
    quoted: str | None
    confidence: float
    why_not: str | None = None

    @property
    def interval(self) -> Interval | None:
        """The interval to quote, or None without trials."""
        return getattr(self, self.quoted) if self.quoted else None

    def summary(self) -> str:
        """Return it in plain words."""
        if self.value is None:
            return f"{self.name}: not known, {self.why_not}."
        assert self.interval is not None
        told = f"{self.name}: {self.value:.4g} ({self.hits:,} of {self.trials:,}"
        told += f" on {self.prompts:,} prompt{'s' * (self.prompts > 1)}), "
        told += f"{self.confidence:.0%} interval {_shown(self.interval)}"
        test = self.homogeneity
        if self.by_prompt is None:
            return told + "; of one prompt, so of that prompt alone."
        if self.quoted == "by_prompt":
            assert self.exact is not None
            told += f", by prompt (the exact one, {_shown(self.exact)}, may be too narrow: "
            if test.p_value is None:
                return told + f"that prompts are alike cannot be tested, {test.why_not})."
            return told + f"prompts may differ, p = {test.p_value:.2g})."
        if test.p_value is None:
            return told + f", exact ({test.why_not})."
        return told + f", exact (no sign that prompts differ, p = {test.p_value:.2g})."

    def to_json(self) -> str:
        """Return everything as JSON; what is not known is null."""
        return as_json(asdict(self))


def _shown(interval: Interval) -> str:
    return f"{interval[0]:.4g} to {interval[1]:.4g}"


def ratio_interval(hits: np.ndarray, trials: np.ndarray, alpha: float) -> Interval | None:
    """Return an interval for E[hits]/E[trials] of independent prompts, alike or not.

    The ratio p = sum hits / sum trials without prompt i is off by d_i = -(hits_i - p trials_i)/(N -
    trials_i), N = sum trials; the jackknife's variance is V = (n - 1)/n sum d_i^2. It is worth as
    many independent trials as m = p (1 - p)/V, less by the square of t's quantiles at N - 1 over nu
    degrees of freedom, never more than N; the interval is Clopper and Pearson's of m trials. nu is
    the smaller of the effective number of prompts less one, N^2/sum trials^2 - 1, and 2 (sum
    d^2)^2/sum d^4: a variance that a few prompts make is not known well. Where p is 0 or 1 no
    variance can be seen, so prompts count as if each were one trial.

    Of a nominal .95 it covers at least .92 where 5 to 200 prompts have even or geometric numbers of
    trials, p is .05 to .3 and trials of a prompt are correlated by 0 to .4; less where errors are
    rare and a few prompts have most trials.

    Args:
        hits, trials: ``[prompts]``; prompts without trials say nothing.
        alpha: the error probability.

    Returns:
        The interval; None with fewer than two prompts.

    Example:
        >>> low, high = ratio_interval(np.array([0, 4, 1, 0]), np.array([4, 4, 4, 4]), 0.05)
        >>> round(low, 3), round(high, 3)
        (0.0, 0.97)

    Source: Cochran 1977, chapter 6 (the ratio); Korn and Graubard 1998 (the effective number).
    """
    some = np.asarray(trials) > 0
    hits, trials = np.asarray(hits)[some].astype(float), np.asarray(trials)[some].astype(float)
    prompts, total = len(trials), float(trials.sum())
    if prompts < 2:
        return None
    p = float(hits.sum()) / total
    alike = total**2 / float((trials**2).sum())
    if p in (0.0, 1.0):
        return binomial_interval(p * alike, alike, alpha)
    off = (hits - p * trials) / (total - trials)
    squares = float((off**2).sum())
    effective = total
    if squares > 0.0:
        known = min(alike - 1.0, 2.0 * squares**2 / float((off**4).sum()))
        narrower = t.isf(alpha / 2.0, total - 1.0) / t.isf(alpha / 2.0, max(known, 1.0))
        worth = p * (1.0 - p) / (squares * (prompts - 1.0) / prompts)
        effective = min(worth * float(narrower) ** 2, total)
    return binomial_interval(p * effective, effective, alpha)


def proportion(
    name: str,
    hits: np.ndarray,
    trials: np.ndarray,
    prompt: np.ndarray,
    confidence: float = 0.95,
    homogeneity: Test | None = None,
) -> Proportion:
    """Return a probability from counts, with both intervals and which of them to quote.

    Args:
        name: of what happens.
        hits, trials: ``[records]``.
        prompt: ``[records]``, which prompt each is of.
        confidence: of each interval.
        homogeneity: a test that prompts are alike; None: :func:`overdispersion`, which is right
            where numbers of trials do not depend on hits.

    Raises:
        ValueError: for a confidence that is not strictly between 0 and 1.

    Example:
        >>> found = proportion("false accept", np.array([0, 1]), np.array([5, 5]), np.array([0, 1]))
        >>> found.value, found.quoted
        (0.1, 'exact')
        >>> [round(end, 3) for end in found.interval]
        [0.003, 0.445]
    """
    alpha = 1.0 - between_0_and_1("confidence", confidence)
    some = np.asarray(trials) > 0
    if not some.any():
        none = Test(None, None, "no trials")
        return Proportion(name, 0, 0, 0, None, None, None, none, None, confidence, "no trials")
    of = np.unique(np.asarray(prompt)[some], return_inverse=True)[1]
    of_hits = np.bincount(of, np.asarray(hits)[some])
    of_trials = np.bincount(of, np.asarray(trials)[some])
    test = homogeneity or overdispersion(of_hits, of_trials)
    hit, total = int(of_hits.sum()), int(of_trials.sum())
    by_prompt = ratio_interval(of_hits, of_trials, alpha)
    alone = by_prompt is None or total == len(of_trials)
    believed = test.p_value is not None and not test.rejects(LEVEL)
    return Proportion(
        name,
        hit,
        total,
        len(of_trials),
        hit / total,
        binomial_interval(hit, total, alpha),
        by_prompt,
        test,
        "exact" if alone or believed else "by_prompt",
        confidence,
    )
