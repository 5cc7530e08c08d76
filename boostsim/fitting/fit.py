"""``bs.fit``: from a log to what it says, and a world of boostsim's own to go on with."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import norm

from boostsim.arguments import refuse
from boostsim.certification.intervals import between_0_and_1
from boostsim.curation.filters import Filter, NoisyFilter, by_class, checked_filter
from boostsim.curation.rates import alike, in_two_classes
from boostsim.fitting.diagnostics import Finding, diagnose
from boostsim.fitting.found import Fit
from boostsim.fitting.histories import Histories, histories
from boostsim.fitting.labels import label_rates
from boostsim.fitting.overdispersion import Test
from boostsim.fitting.rates import MeanRate, beta_rates, helpless_bound, mean_rate
from boostsim.fitting.repeats import repeated_errors
from boostsim.fitting.speed import Explained, Speed, explained, speed
from boostsim.fitting.threads import one_thread
from boostsim.fitting.totals import all_known, total_rates
from boostsim.fitting.verdicts import AUDIT, missing, verdict_rates
from boostsim.fitting.world import World
from boostsim.logs.log import Log
from boostsim.logs.looks import Looks
from boostsim.progress import announced


def fit(
    log: Log,
    *,
    looks: Looks | None = None,
    filter: Filter | None = None,
    confidence: float = 0.95,
) -> Fit:
    """Fit the theory to the log of a run.

    Correct masses of prompts at the first iteration have any law on a grid that has 0 and 1; they
    move as a learner says; attempts are accepted with A = a0 + (a1 - a0) p. With the likelihood
    A^accepted (1 - A)^(attempts - accepted) the law, the speed, and the learner are the most likely
    ones (T9, docs/theory.md, section 4; T18 and T19, docs/theory.md, section 7). The filter's rates
    a1 and a0 are given, or those of ``correct`` and the joint audit (:mod:`boostsim.fitting.totals`
    and :mod:`boostsim.fitting.verdicts`); else verdicts are taken for truth, which the summary says
    first.

    Args:
        log: as ``bs.read_log`` returns it.
        looks: several verdicts on a response each, by the log's verifier: do errors repeat?
        filter: instead of what the log tells, such as ``bs.NoisyFilter(0.1)``; its verdicts fresh.
        confidence: of every interval, each by itself.

    Raises:
        ValueError: for what is no log, a log without attempts, a filter that accepts right
            responses no more often than wrong ones or whose verdicts are persistent, or a
            confidence outside (0, 1).

    Example:
        >>> from boostsim.logs.log import Log
        >>> log = Log(["a", "b"], [0], [0, 1], [0, 0], attempts=[4, 4], accepted=[1, 3])
        >>> print(fit(log).summary().splitlines()[0])
        Verdicts are taken for truth: the log has no joint audit, and no filter was given.
    """
    if not isinstance(log, Log):
        raise refuse("log", "a log, as bs.read_log returns it", log)
    if looks is not None and not isinstance(looks, Looks):
        raise refuse("looks", "looks, as bs.read_log returns them, or None", looks)
    confidence = between_0_and_1("confidence", confidence)
    with announced("fitting the log"), one_thread():
        return _fitted(log, looks, filter, confidence)


def _fitted(log: Log, looks: Looks | None, filter: Filter | None, confidence: float) -> Fit:
    counts = histories(log)
    verdicts = None if missing(log, AUDIT) else verdict_rates(log, confidence)
    known = log.correct is not None and bool((log.correct >= 0).any())
    totals = total_rates(log, confidence) if known else None
    given = filter is not None
    scores = None
    if filter is not None:
        used = _checked(filter)
    elif totals is not None:
        used = NoisyFilter(
            false_accept=totals.false_accept.value or 0.0,
            false_reject=totals.false_reject.value or 0.0,
        )
        scores = totals.scores
    elif verdicts is not None:
        used = NoisyFilter(
            false_accept=verdicts.false_accept.value or 0.0,
            false_reject=verdicts.false_reject.value or 0.0,
        )
        scores = _audit_scores(log, used.accept)
    else:
        used = NoisyFilter(0.0)
    one, other = used.accept
    if one <= other:
        raise ValueError(
            "filter must accept right responses more often than wrong ones, or its verdicts do not "
            f"tell how the model does; got {one:.4g} against {other:.4g}"
        )
    labels = None
    if log.labelled is not None and log.label_correct is not None:
        labels = label_rates(log, confidence)
    beta = 0.0 if labels is None else labels.every.value or 0.0
    options: dict[str, Any] = {"accept": used.accept, "beta": beta}
    world = World.estimate(counts, **options)
    found = speed(counts, rates_scores=scores, confidence=confidence, world=world, **options)
    why = None
    if found.log_ratio is None:
        world = World.estimate(counts, kind="none", **options)
    else:
        why = explained(counts, odds=world, **options)
        if why.best != "odds" and (why.told_apart or why.best == "none"):
            world = why.worlds[why.best]
        elif not found.constant:
            world = World.estimate(counts, blocks=len(found.blocks), alone=world, **options)
    spread = None if scores is None else scores.T @ scores
    several = len(counts.times) > 1

    def mean(place: int) -> MeanRate:
        if all_known(log, int(log.iterations[place])):
            return mean_rate(_of_truth(log), place, confidence=confidence)
        return mean_rate(
            counts, place, accept=used.accept, accept_covariance=spread, confidence=confidence
        )

    return Fit(
        log=log,
        counts=counts,
        world=world,
        filter=used,
        verdicts=verdicts,
        totals=totals,
        given=given,
        first=mean(0),
        last=mean(_latest(counts)) if several else None,
        beta_law=beta_rates(counts, world),
        helpless=helpless_bound(counts, world, confidence=confidence),
        speed=found,
        explained=why,
        labels=labels,
        repeats=None if looks is None else repeated_errors(looks, confidence),
        diagnostics=diagnose(log, looks, others=_findings(found, why), confidence=confidence),
        confidence=confidence,
    )


def _checked(filter: Filter) -> Filter:
    """Return a filter with one rate for each class of response, whose verdicts are fresh."""
    used = alike(by_class(checked_filter(filter)), "of a log, whose prompts are pooled")
    in_two_classes(used, "of a log, whose counts tell no more")
    if used.persistent:
        allowed = "one whose verdicts are fresh: a log's counts are fitted as if they were"
        raise refuse("filter", allowed, filter, "Leave persistent out.")
    return used


def _of_truth(log: Log) -> Log:
    """Return the log as a verdict that never errs would have left it; 0 where that is not known."""
    assert log.correct is not None
    return Log(
        prompts=log.prompts,
        iterations=log.iterations,
        prompt=log.prompt,
        iteration=log.iteration,
        attempts=log.attempts,
        accepted=np.maximum(log.correct, 0),
    )


def _latest(counts: Histories) -> int:
    """Return the place of the last iteration that met half as many prompts as the fullest one.

    A run that is cut off in the middle of an iteration leaves a few prompts ahead of the others.
    """
    met = counts.weights() @ (counts.attempts > 0)
    return int(np.flatnonzero(2.0 * met >= met.max())[-1])


def _audit_scores(log: Log, accept: tuple[float, float]) -> np.ndarray:
    """Return what each prompt adds to the errors of (a1, a0), ``[prompts, 2]``."""
    columns = np.array([getattr(log, name) for name in AUDIT])
    there = (columns >= 0).all(axis=0)
    audited, right, accepted, both = columns[:, there]
    sides = (both, right, accept[0]), (accepted - both, audited - right, accept[1])
    scores = np.zeros((len(log.prompts), 2))
    for place, (hits, trials, rate) in enumerate(sides):
        total = max(float(trials.sum()), 1.0)
        off = (hits - rate * trials) / total
        scores[:, place] = np.bincount(log.prompt[there], off, len(log.prompts))
    return scores


def _findings(found: Speed, why: Explained | None) -> list[Finding]:
    """Return what speed and learner say of the theory's assumptions."""
    spread = None
    if len(found.blocks) > 1:
        values = [each.log_ratio for each in found.blocks]
        spread = max(values) - min(values)
    told = found.why_not or "the log has too few iterations for two blocks"
    constant = Test(
        spread, found.constant_p_value, None if found.constant_p_value is not None else told
    )
    behind = Test(None, None, found.why_not)
    if why is not None:
        errors = why.standard_errors["strong"]
        p_value = None if errors is None else float(norm.sf(errors))
        behind = Test(why.behind["strong"], 1.0 if why.best == "strong" else p_value)
        if behind.p_value is None:
            behind = Test(why.behind["strong"], None, "all learners explain it alike")
    return [
        Finding(
            "the speed is constant",
            "block speeds differ by up to",
            constant,
            "what lies ahead is better told by the last block's",
        ),
        Finding(
            "the learner is strong",
            "nats by which the strong learner is behind",
            behind,
            "the model goes only a part of the way in an iteration",
        ),
    ]
