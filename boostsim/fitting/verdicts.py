"""How often a verdict errs, from a joint audit: of single responses both truth and verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from boostsim.fitting.overdispersion import DRAWS, Test, overdispersion
from boostsim.fitting.proportions import Proportion, proportion
from boostsim.fitting.trends import trend
from boostsim.objects import as_json

if TYPE_CHECKING:
    from boostsim.logs.log import Log

TRUTH = "Verdicts are taken for truth: the log has no joint audit, and no filter was given."
AUDIT = ("audited", "audited_correct", "audited_accepted", "audited_accepted_correct")
# Up to so many records their law is drawn, above it is normal.
MOST_DRAWN = 1000


@dataclass(frozen=True)
class VerdictRates:
    """How often a verdict errs, as :func:`verdict_rates` finds it.

    Attributes:
        false_accept: P(accepted | wrong), of the audited responses that are wrong.
        false_reject: P(rejected | right), of those that are right.
        gamma: P(the verdict errs), of all: the filter's gamma where both rates are one.
        symmetric: the test that both are one; its statistic is false accept minus false reject.
        steady: tests that (false accept, false reject) do not move with the iteration; their
            statistics are slopes an iteration.
        fair: the test that what was audited does not depend on the verdict; its statistic is by how
            much the accepted share of what was audited exceeds that of all attempts.
        by_model: of each model of the log its name, false accept and false reject; empty where
            there are fewer than two.
        models_alike: tests that all models share (false accept, false reject).
    """

    false_accept: Proportion
    false_reject: Proportion
    gamma: Proportion
    symmetric: Test
    steady: tuple[Test, Test]
    fair: Test
    by_model: tuple[tuple[str, Proportion, Proportion], ...]
    models_alike: tuple[Test, Test]

    def summary(self) -> str:
        """Return a few plain sentences."""
        lines = [self.false_accept.summary(), self.false_reject.summary()]
        test = self.symmetric
        if test.p_value is not None:
            if test.rejects(0.05):
                lines.append(f"They differ (p = {test.p_value:.2g}): one gamma is not enough.")
            else:
                lines.append(f"One gamma is not contradicted (p = {test.p_value:.2g}).")
                lines.append(self.gamma.summary())
        if self.fair.rejects(0.05):
            assert self.fair.p_value is not None
            lines.append(
                "What was audited may depend on the verdict: the audited were accepted "
                f"{self.fair.statistic:+.3f} more often than all (p = {self.fair.p_value:.2g}); "
                "if so, these rates are not those of all attempts."
            )
        for rate, name in zip(self.steady, ("False accept", "False reject"), strict=True):
            if rate.rejects(0.05):
                lines.append(
                    f"{name} moves by {rate.statistic:+.2g} an iteration (p = {rate.p_value:.2g})."
                )
        for model, accept, reject in self.by_model:
            lines += [f"{model}: {accept.summary()}", f"{model}: {reject.summary()}"]
        for rate, name in zip(self.models_alike, ("false accept", "false reject"), strict=True):
            if rate.p_value is not None:
                word = "differ" if rate.rejects(0.05) else "are not seen to differ"
                lines.append(f"Models {word} in {name} (p = {rate.p_value:.2g}).")
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return everything as JSON; what is not known is null."""
        return as_json(asdict(self))


def missing(log: Log, columns: tuple[str, ...]) -> list[str]:
    """Return which of some columns no record of a log has."""
    return [name for name in columns if getattr(log, name) is None]


def _audited(log: Log) -> tuple[np.ndarray, ...]:
    """Return where a log's records have the joint audit, and its four counts there.

    Raises:
        ValueError: for a log without it, with the columns that are missing.
    """
    lacking = missing(log, AUDIT)
    if lacking:
        raise ValueError(
            "log must have the joint audit, to count false accepts and false rejects; "
            f"it has no column {', '.join(lacking)}"
        )
    columns = np.array([getattr(log, name) for name in AUDIT])
    there = (columns >= 0).all(axis=0) & (columns[0] > 0)
    if not there.any():
        raise ValueError(
            "log must have the joint audit, to count false accepts and false rejects; "
            "no record has something audited in all of its columns"
        )
    return np.flatnonzero(there), *columns[:, there]


def verdict_rates(log: Log, confidence: float = 0.95) -> VerdictRates:
    """Return false accept and false reject from the joint audit.

    Of the audited responses on a prompt, ``audited - audited_correct`` are wrong, of which
    ``audited_accepted - audited_accepted_correct`` were accepted; ``audited_correct`` are right, of
    which ``audited_accepted_correct`` were accepted. An accuracy curve alone identifies
    neither rate: it is the same for gamma and 1 - gamma (docs/theory.md, section 6). What counts of
    right and of accepted attempts tell together is in :mod:`boostsim.fitting.totals`.

    Args:
        log: with the four columns of the audit.
        confidence: of each interval.

    Raises:
        ValueError: for a log without the joint audit (it names the columns that are missing), and
            for a confidence that is not strictly between 0 and 1.

    Example:
        >>> from boostsim.logs.log import Log
        >>> log = Log(["a", "b"], [0], [0, 1], [0, 0], attempts=[4, 4], accepted=[2, 2],
        ...           audited=[4, 4], audited_correct=[2, 1], audited_accepted=[2, 2],
        ...           audited_accepted_correct=[2, 1])
        >>> found = verdict_rates(log)
        >>> found.false_accept.value, found.false_reject.value
        (0.2, 0.0)
    """
    there, audited, right, accepted, both = _audited(log)
    prompt, iteration = log.prompt[there], log.iterations[log.iteration[there]]
    wrong = audited - right
    sides = ((accepted - both, wrong), (right - both, right))
    names = "False accept", "False reject"
    rates = [
        proportion(name, hits, trials, prompt, confidence)
        for name, (hits, trials) in zip(names, sides, strict=True)
    ]
    every = proportion("Gamma", sides[0][0] + sides[1][0], audited, prompt, confidence)
    symmetric = trend(
        np.concatenate([sides[0][0], sides[1][0]]),
        np.concatenate([wrong, right]),
        np.repeat([1, 0], len(prompt)),
        np.concatenate([prompt, prompt]),
    )
    by_model: list[tuple[str, Proportion, Proportion]] = []
    alike = (Test(None, None, "one model"),) * 2
    model = log.model[there] if log.model is not None else np.zeros(0, int)
    if len(np.unique(model[model >= 0])) > 1:
        for each in np.unique(model[model >= 0]):
            of = model == each
            accept, reject = (
                proportion(name, hits[of], trials[of], prompt[of], confidence)
                for name, (hits, trials) in zip(names, sides, strict=True)
            )
            by_model.append((log.models[each], accept, reject))
        told = model >= 0
        counts = [[np.bincount(model[told], each[told]) for each in side] for side in sides]
        alike = (overdispersion(*counts[0]), overdispersion(*counts[1]))
    return VerdictRates(
        rates[0],
        rates[1],
        every,
        symmetric,
        (trend(*sides[0], iteration, prompt), trend(*sides[1], iteration, prompt)),
        _fair(log.attempts[there], log.accepted[there], audited, accepted),
        tuple(by_model),
        alike,
    )


def _fair(
    attempts: np.ndarray, accepted: np.ndarray, audited: np.ndarray, audited_accepted: np.ndarray
) -> Test:
    """Test that of each record's attempts those audited are drawn whatever the verdict was."""
    chosen = (audited < attempts) & (accepted > 0) & (accepted < attempts)
    if not chosen.any():
        return Test(None, None, "wherever verdicts differed, all attempts were audited")
    n, good, drawn = attempts[chosen], accepted[chosen], audited[chosen]
    share = good / n
    excess = float((audited_accepted[chosen] - drawn * share).sum())
    if chosen.sum() <= MOST_DRAWN:
        generator = np.random.default_rng(0)
        sums = generator.hypergeometric(good, n - good, drawn, (DRAWS, len(n))).sum(axis=1)
        as_far = np.abs(sums - (drawn * share).sum()) >= abs(excess) - 1e-9
        p_value = (1 + int(as_far.sum())) / (DRAWS + 1)
    else:
        variance = float((drawn * share * (1.0 - share) * (n - drawn) / (n - 1.0)).sum())
        p_value = float(2.0 * ndtr(-abs(excess) / variance**0.5))
    return Test(excess / float(drawn.sum()), p_value)
