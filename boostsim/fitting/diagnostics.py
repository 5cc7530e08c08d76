"""What the theory assumes of a run, tested on its log: a number each, and plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t

from boostsim.certification.intervals import between_0_and_1
from boostsim.fitting.labels import LABELS, label_rates
from boostsim.fitting.overdispersion import Test, overdispersion
from boostsim.fitting.repeats import repeated_errors
from boostsim.fitting.verdicts import AUDIT, missing, verdict_rates
from boostsim.objects import as_json

if TYPE_CHECKING:
    from boostsim.logs.log import Log
    from boostsim.logs.looks import Looks

FLAGGED, KEPT, UNKNOWN = "flagged", "not flagged", "not checkable"
UNCHECKED = "Not checkable from this log: "


@dataclass(frozen=True)
class Finding:
    """A test of one assumption, before it is weighed with others.

    Attributes:
        assumption: in words: "attempts are independent".
        measures: what the test's statistic is.
        test: of the assumption.
        otherwise: what to say where it is flagged.
    """

    assumption: str
    measures: str
    test: Test
    otherwise: str


@dataclass(frozen=True)
class Diagnostic:
    """An assumption, and what the log says of it.

    Attributes:
        assumption: in words.
        verdict: ``"flagged"``, ``"not flagged"`` or ``"not checkable"``.
        measures: what the statistic is.
        statistic: a number, or None where the log has none.
        p_value: how rarely a log of a run that keeps to it has as large a one, or None.
        adjusted: the p-value for the whole report: below the report's error where it is flagged.
        sentence: all of it in plain words.
    """

    assumption: str
    verdict: str
    measures: str
    statistic: float | None
    p_value: float | None
    adjusted: float | None
    sentence: str


@dataclass(frozen=True)
class Diagnostics:
    """What a log says of the theory's assumptions, as :func:`diagnose` finds it.

    Attributes:
        found: a :class:`Diagnostic` each.
        error: the probability of any flag where all assumptions hold, of the report as a whole.
    """

    found: tuple[Diagnostic, ...]
    error: float

    @property
    def flagged(self) -> tuple[str, ...]:
        """The assumptions that are flagged."""
        return tuple(each.assumption for each in self.found if each.verdict == FLAGGED)

    def summary(self) -> str:
        """Return a few plain sentences."""
        checked = sum(each.verdict != UNKNOWN for each in self.found)
        head = (
            f"{len(self.flagged)} of {checked} assumptions that this log can check are flagged; "
            f"where all hold, any is with probability at most {self.error:.2g}."
        )
        if not checked:
            head = "None of the theory's assumptions can be checked from this log."
        flagged = [each.sentence for each in self.found if each.verdict == FLAGGED]
        kept = [each.sentence for each in self.found if each.verdict == KEPT]
        unknown = [
            each.sentence.removeprefix(UNCHECKED).removesuffix(".")
            for each in self.found
            if each.verdict == UNKNOWN
        ]
        last = [f"{UNCHECKED}{'; '.join(unknown)}."] if unknown else []
        return "\n".join([head, *flagged, *kept, *last])

    def to_json(self) -> str:
        """Return everything as JSON; what is not known is null."""
        return as_json(asdict(self))


def diagnose(
    log: Log,
    looks: Looks | None = None,
    *,
    others: Sequence[Finding] = (),
    confidence: float = 0.95,
) -> Diagnostics:
    """Test what the theory assumes of a run, as far as its log can tell.

    Each test has a p-value of its own; by Holm's step-down procedure the probability that the
    report flags anything where all assumptions hold is at most 1 - confidence, however the tests
    depend on each other. Nothing is concluded where nothing varies.

    Args:
        log: of the run.
        looks: several verdicts on a response, with the truth, by the same verifier.
        others: tests of other assumptions, which share the report's error.
        confidence: of the report.

    Raises:
        ValueError: for a confidence that is not strictly between 0 and 1.

    Example:
        >>> from boostsim.logs.log import Log
        >>> log = Log(["a", "b"], [0], [0, 1], [0, 0], attempts=[4, 4], accepted=[0, 2])
        >>> report = diagnose(log)
        >>> report.flagged, report.found[0].sentence
        ((), 'Not checkable from this log: attempts are independent (column visits missing).')

    Source: Holm 1979.
    """
    error = 1.0 - between_0_and_1("confidence", confidence)
    findings = [*_attempts(log), *_verdicts(log), *_looks(looks), *_labels(log), *others]
    ranked = sorted(
        (index for index, each in enumerate(findings) if each.test.p_value is not None),
        key=lambda index: findings[index].test.p_value or 0.0,
    )
    adjusted: dict[int, float] = {}
    largest = 0.0
    for rank, index in enumerate(ranked):
        p_value = findings[index].test.p_value
        assert p_value is not None
        largest = max(largest, min((len(ranked) - rank) * p_value, 1.0))
        adjusted[index] = largest
    return Diagnostics(
        tuple(_weighed(each, adjusted.get(index), error) for index, each in enumerate(findings)),
        error,
    )


def _weighed(found: Finding, adjusted: float | None, error: float) -> Diagnostic:
    test = found.test
    number = "" if test.statistic is None else f"{found.measures} {test.statistic:.3g}"
    if adjusted is None:
        verdict = UNKNOWN
        told = "; ".join(each for each in (test.why_not, number) if each)
        sentence = f"{UNCHECKED}{found.assumption} ({told})."
    else:
        told = f"{number}, p = {test.p_value:.2g}, {adjusted:.2g} for the report"
        if adjusted <= error:
            verdict = FLAGGED
            sentence = f"Does not hold: {found.assumption} ({told}): {found.otherwise}."
        else:
            verdict, sentence = KEPT, f"Not flagged: {found.assumption} ({told})."
    return Diagnostic(
        found.assumption, verdict, found.measures, test.statistic, test.p_value, adjusted, sentence
    )


def _lacking(columns: Sequence[str]) -> Test:
    plural = "s" if len(columns) > 1 else ""
    return Test(None, None, f"column{plural} {', '.join(columns)} missing")


def _attempts(log: Log) -> list[Finding]:
    if log.visits is not None:
        record, attempts, accepted = log.visits
        # Where attempts stop at the first accepted one, their number tells what came of them.
        assert log.first_success is not None
        kept = ~log.first_success[record]
        test = overdispersion(accepted[kept], attempts[kept], record[kept])
    else:
        test = _lacking(["visits"])
        roughness = _roughness(log)
        if roughness.p_value is not None:
            # It only reassures: where it is high the model may have jumped.
            rough = roughness.rejects(0.05)
            why = "column visits missing: attempts may be correlated, or pass rates may jump"
            test = Test(roughness.statistic, None, why) if rough else roughness
    measures = "correlation of two attempts of a visit"
    if log.visits is None and test.statistic is not None:
        measures = "variance between neighbouring iterations, as a multiple of independent ones':"
    otherwise = (
        "attempts of a visit agree more than attempts of different visits to the same prompt, so "
        "counts tell less than they seem to"
    )
    return [Finding("attempts are independent", measures, test, otherwise)]


def _roughness(log: Log) -> Test:
    """Test that rates of three neighbouring records of a prompt differ as independent attempts do.

    J/n - 2 J'/n' + J''/n'' squared has expectation p(1-p)/n + 4 p'(1-p')/n' + p''(1-p'')/n'' where
    the rate moves along a line, each term estimated without bias by J (n - J)/(n^2 (n - 1)).
    """
    assert log.first_success is not None
    usable = (log.attempts > 1) & ~log.first_success
    prompt, step = log.prompt[usable], log.iteration[usable]
    n, hits = log.attempts[usable].astype(float), log.accepted[usable].astype(float)
    if len(prompt) < 3:
        return Test(None, None, "no three iterations")
    rows = np.flatnonzero(
        (prompt[:-2] == prompt[2:])
        & (
            log.iterations[step[2:]] - 2 * log.iterations[step[1:-1]] + log.iterations[step[:-2]]
            == 0
        )
    )
    rate, noise = hits / n, hits * (n - hits) / (n**2 * (n - 1.0))
    bends = (rate[rows] - 2.0 * rate[rows + 1] + rate[rows + 2]) ** 2
    expected = noise[rows] + 4.0 * noise[rows + 1] + noise[rows + 2]
    of = np.unique(prompt[rows], return_inverse=True)[1]
    if not expected.sum() or of.max() < 1:
        return Test(None, None, "nothing varies")
    excess = np.bincount(of, bends - expected)
    prompts = len(excess)
    spread = float(excess.std(ddof=1)) * prompts**0.5
    if not spread:
        return Test(None, None, "nothing varies")
    p_value = float(t.sf(excess.sum() / spread, prompts - 1))
    return Test(float(bends.sum() / expected.sum()), p_value)


def _verdicts(log: Log) -> list[Finding]:
    names = ("false accept is steady", "false reject is steady", "the audit is fair")
    measures = ("slope an iteration", "slope an iteration", "excess of accepted ones")
    otherwise = (
        "the verdict accepts wrong responses at a rate that moves with training",
        "the verdict rejects right responses at a rate that moves with training",
        "what was audited depends on the verdict, so the audit's rates are not the run's",
    )
    lacking = missing(log, AUDIT)
    if lacking:
        tests = [_lacking(lacking)] * 3
    else:
        try:
            rates = verdict_rates(log)
            tests = [*rates.steady, rates.fair]
        except ValueError:
            tests = [Test(None, None, "no record has all columns of the audit")] * 3
    return [Finding(*each) for each in zip(names, measures, tests, otherwise, strict=True)]


def _looks(looks: Looks | None) -> list[Finding]:
    measures = "correlation of two looks at a response"
    found = []
    for name, side in (("accepts", "false_accepts"), ("rejects", "false_rejects")):
        if looks is None:
            test = Test(None, None, "no looks: prompt, response, verdicts, correct")
        else:
            try:
                test = getattr(repeated_errors(looks), side).fresh
            except ValueError:
                test = Test(None, None, "looks lack the truth, or a second verdict")
        otherwise = f"false {name} repeat at a second look, so votes help less than the theory says"
        found.append(Finding(f"false {name} are fresh", measures, test, otherwise))
    return found


def _labels(log: Log) -> list[Finding]:
    lacking = missing(log, LABELS)
    steady = alike = fresh = _lacking(lacking or LABELS)
    otherwise = ""
    if not lacking:
        try:
            rates = label_rates(log)
            steady, alike, fresh = rates.steady, rates.alike, rates.fresh
            otherwise = rates.freshness[:1].lower() + rates.freshness[1:]
        except ValueError:
            steady = alike = fresh = Test(None, None, "no label's truth is known")
    return [
        Finding(
            "beta is steady",
            "slope an iteration",
            steady,
            "labels get better or worse with the iteration, or easy prompts leave first",
        ),
        Finding(
            "beta is one on failing prompts and others",
            "difference",
            alike,
            "labels are not equally good where they are needed: use beta on failing prompts",
        ),
        Finding("labels are fresh", "dependence", fresh, otherwise),
    ]
