"""How often labels are right: where they were bought, by iteration, and whether they are fresh."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from boostsim.fitting.overdispersion import Test
from boostsim.fitting.proportions import Proportion, proportion
from boostsim.fitting.trends import trend
from boostsim.fitting.verdicts import missing
from boostsim.objects import as_json

if TYPE_CHECKING:
    from boostsim.logs.log import Log

LABELS = ("labelled", "label_correct")


@dataclass(frozen=True)
class LabelRates:
    """How often labels are right, as :func:`label_rates` finds it.

    Attributes:
        every: beta, of all labels whose truth is known.
        failing: beta on prompts of which nothing was accepted when the label was bought.
        others: beta on the others.
        by_iteration: of each iteration with labels its number and beta.
        alike: the test that beta is the same on failing prompts and others; its statistic is beta
            on failing ones minus beta on others.
        steady: the test that beta does not move with the iteration; its statistic is the slope an
            iteration. It falls too where prompts that are easy to label leave first.
        fresh: the test that labels of a prompt do not depend on its other ones, valid whatever
            decided which prompts are labelled, and whether or not beta moves; its statistic is 0
            where labels are fresh, about 1 where each repeats the prompt's earlier ones.
        repeated, mixed: how many prompts have two labels or more, and how many of them both right
            and wrong ones: with one of those the labeler does not always repeat itself.
    """

    every: Proportion
    failing: Proportion
    others: Proportion
    by_iteration: tuple[tuple[int, Proportion], ...]
    alike: Test
    steady: Test
    fresh: Test
    repeated: int
    mixed: int

    def summary(self) -> str:
        """Return a few plain sentences."""
        lines = [self.every.summary()]
        if self.failing.trials and self.others.trials:
            lines += [self.failing.summary(), self.others.summary()]
            if self.alike.p_value is not None:
                word = "differ" if self.alike.rejects(0.05) else "are not seen to differ"
                lines.append(f"The two {word} (p = {self.alike.p_value:.2g}).")
        elif self.failing.trials:
            lines.append("All labels were bought for prompts of which nothing was accepted.")
        if self.steady.p_value is not None:
            first, last = self.by_iteration[0], self.by_iteration[-1]
            word = "moves" if self.steady.rejects(0.05) else "is not seen to move"
            lines.append(
                f"Beta {word} with the iteration ({first[1].value:.3g} in iteration {first[0]}, "
                f"{last[1].value:.3g} in iteration {last[0]}; p = {self.steady.p_value:.2g})."
            )
        return "\n".join([*lines, f"{self.freshness}."])

    @property
    def freshness(self) -> str:
        """What is known of labels that repeat, in words."""
        if self.fresh.p_value is None:
            return f"Whether labels repeat cannot be told: {self.fresh.why_not}"
        told = f"(dependence {self.fresh.statistic:.2f}, p = {self.fresh.p_value:.2g})"
        if not self.fresh.rejects(0.05):
            return f"No sign that labels of a prompt repeat {told}"
        if not self.mixed:
            return (
                f"Labels of a prompt repeat {told}: none of the {self.repeated:,} prompts with "
                "several has both right and wrong ones, as of a labeler that is persistent"
            )
        return (
            f"Labels of a prompt agree more than chance {told}, but {self.mixed:,} of "
            f"{self.repeated:,} prompts with several have both right and wrong ones: some labels "
            "repeat, or prompts differ in how hard they are to label, which counts cannot tell"
        )

    def to_json(self) -> str:
        """Return everything as JSON; what is not known is null."""
        return as_json(asdict(self))


def label_rates(log: Log, confidence: float = 0.95) -> LabelRates:
    """Return how often labels are right on the prompts for which they were bought.

    Not the labeler's average over all prompts: what focuses on failures asks it where it, too, may
    fail more often.

    Args:
        log: with the columns ``labelled`` and ``label_correct``.
        confidence: of each interval.

    Raises:
        ValueError: for a log without labels whose truth is known (it names the columns that are
            missing), and for a confidence that is not strictly between 0 and 1.

    Example:
        >>> from boostsim.logs.log import Log
        >>> log = Log(["a", "b"], [0], [0, 1], [0, 0], attempts=[4, 4], accepted=[0, 2],
        ...           labelled=[2, 2], label_correct=[0, 2])
        >>> found = label_rates(log)
        >>> found.every.value, found.failing.value, found.others.value
        (0.5, 0.0, 1.0)
    """
    lacking = missing(log, LABELS)
    needed = "log must have labels whose truth is known to tell how often they are right"
    if lacking:
        raise ValueError(f"{needed}; it has no column {', '.join(lacking)}")
    assert log.labelled is not None
    assert log.label_correct is not None
    there = np.flatnonzero((log.label_correct >= 0) & (log.labelled > 0))
    if not len(there):
        raise ValueError(f"{needed}; no record has both a label and its truth")
    hits, trials, prompt = log.label_correct[there], log.labelled[there], log.prompt[there]
    step, failing = log.iteration[there], log.accepted[there] == 0
    number = log.iterations[step]

    def beta(name: str, of: np.ndarray, once: bool = False) -> Proportion:
        # In one iteration nothing that is bought depends on what came of it.
        alike = None if once else _dependence(hits[of], trials[of], prompt[of], step[of])
        return proportion(name, hits[of], trials[of], prompt[of], confidence, alike)

    every = beta("Beta", np.ones(len(there), bool))
    by_iteration = tuple(
        (
            int(log.iterations[each]),
            beta(f"Beta in iteration {log.iterations[each]}", step == each, True),
        )
        for each in np.unique(step)
    )
    of = np.unique(prompt, return_inverse=True)[1]
    right, bought = np.bincount(of, hits), np.bincount(of, trials)
    several = bought > 1
    return LabelRates(
        every,
        beta("Beta on failing prompts", failing),
        beta("Beta on other prompts", ~failing),
        by_iteration,
        trend(hits, trials, failing.astype(float), prompt),
        trend(hits, trials, number, prompt),
        every.homogeneity,
        int(several.sum()),
        int((several & (right > 0) & (right < bought)).sum()),
    )


def _dependence(hits: np.ndarray, trials: np.ndarray, prompt: np.ndarray, step: np.ndarray) -> Test:
    """Test that a label does not depend on earlier labels of its prompt, one-sided.

    Given all that came before, labels of one iteration are exchangeable where they are fresh and
    beta is the same for all prompts: so the sum of (hits - trials p_t)(m - m'_t), with p_t the
    iteration's share of right ones, m the mean of (right - p) over the prompt's earlier labels and
    m'_t its mean over the iteration's labels, and of the products of pairs bought at once, has a
    known mean and variance, whatever decided which prompts are labelled: a prompt that is solved
    asks no more. That beta moves with the iteration does not disturb it.

    Returns:
        The dependence (about 0 where labels are fresh, 1 where each repeats the prompt's earlier
        ones), and its p-value, by a normal law.
    """
    if not len(hits):
        return Test(None, None, "no labels")
    hits, trials = hits.astype(float), trials.astype(float)
    of = np.unique(prompt, return_inverse=True)[1]
    if (np.bincount(of, trials) < 2).all():
        return Test(None, None, "no prompt was labelled twice")
    before, known = np.zeros(of.max() + 1), np.zeros(of.max() + 1)
    score = mean = variance = most = 0.0
    for each in np.unique(step):
        at = step == each
        n, who = trials[at], of[at]
        total = n.sum()
        p = hits[at].sum() / total
        off = hits[at] - n * p
        spread = p * (1.0 - p)
        earlier = before[who] / np.maximum(known[who], 1.0)
        earlier = earlier - (n * earlier).sum() / total
        if spread > 0.0 and total > 1.0:
            score += (off * earlier).sum()
            variance += spread * total / (total - 1.0) * (n * earlier**2).sum()
            most += (n * earlier**2).sum()
            # Pairs bought at once, each label's weighed as one.
            weight = 1.0 / np.maximum(n - 1.0, 1.0)
            own = hits[at] * (1.0 - p) ** 2 + (n - hits[at]) * p**2
            pairs = n * (n - 1.0) / 2.0
            score += (weight * (off**2 - own) / 2.0).sum()
            mean -= (weight * pairs).sum() * spread / (total - 1.0)
            variance += spread**2 * (weight**2 * pairs).sum()
            most += (weight * pairs).sum() * spread
        before[who] += off
        known[who] += n
    if most <= 0.0 or variance <= 0.0:
        return Test(None, None, "in each iteration labelled prompts have the same history")
    excess = float(score - mean)
    return Test(excess / float(most), float(ndtr(-excess / variance**0.5)))
