"""Certificates: true claims hold, false ones are caught, and alarms are as rare as is said."""

import json
import math
from collections import Counter
from dataclasses import replace

import falsehoods
import matplotlib.pyplot as plt
import pytest
from alarms import alpha
from scipy.stats import binomtest

import boostsim as bs
from boostsim.certification.measurements import MEASUREMENTS
from boostsim.certification.readings import judge_interval, judge_limit, judge_value, overall
from boostsim.certification.runs import Sampled
from boostsim.certification.statistical import looks_for

BETA = bs.Box(beta=(0.1, 0.9), initial_error=(0.2, 1.0), iterations=range(1, 5))


def claim(law, kind="equality", **fields):
    about = {"name": "mine", "statement": "s", "formula": "f", "domain": BETA}
    return bs.Claim(kind=kind, law=law, **{**about, **fields})


MEASURED = bs.Measurement(lambda beta: bs.boosting(labeler=bs.WeakLabeler(beta)), binary=True)
QUICK = {"samples": 4096, "points": 2, "exact_points": 4}


@pytest.mark.parametrize("name", bs.claims)
def test_true_claims_are_not_violated(name):
    certificate = bs.certify(
        name,
        samples=8192,
        points=2,
        exact_points=6,
        confidence=1.0 - alpha("claims"),
        key=5,
    )
    assert certificate.verdict in ("holds", "undecided"), certificate.summary()
    exact = certificate.table[certificate.table.level == "exact"]
    assert set(exact.verdict) <= {"holds", "inapplicable"}
    # Each claim is checked one way at least.
    assert (certificate.table.verdict != "inapplicable").any()


@pytest.mark.parametrize("name", falsehoods.FALSEHOODS)
def test_planted_falsehoods_are_caught(name):
    certificate = bs.certify(*falsehoods.FALSEHOODS[name], samples=2**16, exact_points=8, points=4)
    assert certificate.verdict == "violated", certificate.summary()


# Claims, reports, and points of each report.
CALIBRATED = (("T3", 450, 1), ("T4", 100, 2), ("T8", 350, 1), ("T11.accuracy", 100, 1))


def test_false_alarms_are_as_rare_as_is_said():
    """1,000 independent reports on true equalities at confidence 0.95."""
    found = Counter(
        bs.certify(
            name,
            levels="statistical",
            confidence=0.95,
            samples=256,
            points=points,
            key=1000 + report,
        ).verdict
        for name, reports, points in CALIBRATED
        for report in range(reports)
    )
    assert sum(found.values()) == 1000
    alarms = found["violated"]
    assert binomtest(alarms, 1000, 0.05, alternative="greater").pvalue >= alpha("false_alarms")


def test_a_law_off_by_five_per_cent_is_caught():
    """At the default samples, and at one point only."""
    true = bs.claims["T4"]
    large = bs.Box(
        (("a law of at least 0.05", lambda **point: true.predicted(point) >= 0.05),),
        beta=(0.0, 1.0),
        gamma=(0.0, 1.0),
        attempts=[1, 4],
        initial_error=(0.0, 1.0),
    )
    reports, caught = 60, 0
    for report in range(reports):
        factor = 1.05 if report % 2 else 0.95
        shifted = replace(
            true,
            name="T4 shifted",
            domain=large,
            law=lambda factor=factor, **point: factor * true.predicted(point),
        )
        found = bs.certify(shifted, MEASUREMENTS["T4"], levels="statistical", points=1, key=report)
        caught += found.verdict == "violated"
    assert binomtest(caught, reports, 0.95, alternative="less").pvalue >= alpha("power")
    assert caught >= 0.95 * reports


def test_what_lies_beyond_the_bounds_may_add_to_a_mean():
    """Of an exponential number cut at its mean s, E max(X - s, 0) = s/e is missing."""
    mean = claim(lambda scale: scale, domain=bs.Box(scale=(0.5, 2.0)))
    how = {"levels": "statistical", "resolution": 0.0, "key": 1, **QUICK}
    for missing, verdict in ((1.0 / math.e, "undecided"), (0.2, "violated")):
        cut = bs.Measurement(
            simulator=lambda rng, number, scale: rng.exponential(scale, number),
            bounds=lambda scale: (0.0, scale),
            beyond=lambda scale, share=missing: share * scale,
        )
        assert bs.certify(mean, cut, **how).verdict == verdict


def test_the_error_is_divided_over_points_and_looks():
    """At one stated probability for the report, intervals widen with points and with looks."""
    few, many = (
        bs.certify("T3", levels="statistical", samples=samples, points=points, resolution=0.0)
        for samples, points in ((64, 1), (64, 2))
    )
    assert (many.table.high - many.table.low)[0] > (few.table.high - few.table.low)[0]
    looks = looks_for(MEASUREMENTS["T4"], {"beta": 0.5, "gamma": 0.1, "attempts": 1}, 2**20)
    assert looks.sizes == tuple(2**power for power in range(12, 21))


def test_a_report_is_the_same_again_bit_for_bit():
    first, second = (bs.certify("T3", **QUICK, key=3) for _ in range(2))
    assert first.table.equals(second.table)
    assert not first.table.equals(bs.certify("T3", **QUICK, key=4).table)


def test_a_report_that_ran_out_of_time_can_be_had_again():
    stopped = bs.certify("T3", **QUICK, time_limit=0.0)
    assert stopped.verdict == "undecided"
    assert set(stopped.table.why) == {"time ran out"}
    assert stopped.stopped_at == {"exact": 0, "statistical": [0, 0]}
    again = bs.certify("T3", **QUICK, stopped_at=stopped.stopped_at)
    assert again.table.equals(stopped.table)
    # Stopped in the middle.
    part = {"exact": 3, "statistical": [1024, 256]}
    half = bs.certify("T3", **QUICK, resolution=0.0, stopped_at=part)
    assert half.stopped_at == part
    whole = bs.certify("T3", **QUICK, resolution=0.0)
    assert half.table.iloc[:3].equals(whole.table.iloc[:3])
    assert list(half.table[half.table.level == "statistical"].samples) == [1024, 256]
    for bad, words in (
        ([64], "of a report with 2 statistical points"),
        (3, "numbers of draws by point"),
        (["a", 64], "a whole number of at least 0; got 'a'"),
        ([64, 0.5], "a whole number of at least 0; got 0.5"),
    ):
        with pytest.raises(ValueError, match=f"^stopped_at must be {words}"):
            bs.certify("T3", **QUICK, stopped_at={"statistical": bad})


def test_a_certificate_tells_what_it_found():
    certificate = bs.certify("T3.worse", **QUICK)
    assert certificate.verdict == "holds"
    text = certificate.summary()
    assert "T3.worse (upper): holds" in text
    assert "confidence 0.999 for the whole report" in text
    record = json.loads(certificate.to_json())
    assert record["verdict"] == "holds"
    assert record["conditions"]["confidence"] == 0.999
    assert record["conditions"]["boostsim_version"] == bs.__version__
    assert len(record["table"]) == len(certificate.table)
    ax = certificate.plot()
    assert ax.get_title() == "T3.worse: holds"
    plt.close(ax.figure)
    false = bs.certify(claim(lambda beta: beta), MEASURED, **QUICK)
    assert "For example at beta = " in false.summary()
    assert repr(false) == "<Certificate of mine: violated>"


def test_inapplicable_is_said_where_nothing_was_claimed():
    certificate = bs.certify("T9.limit", levels="statistical")
    assert certificate.verdict == "inapplicable"
    assert "fix on a wrong answer" in certificate.summary()


def test_several_claims_share_one_error_probability():
    alone = bs.certify("T3", levels="statistical", samples=64, points=1, resolution=0.0)
    one, other = bs.certify_all(
        ["T3", "T10"], levels="statistical", samples=64, points=1, resolution=0.0
    )
    assert one.conditions["confidence"] == pytest.approx(0.9995)
    assert (one.table.high - one.table.low)[0] > (alone.table.high - alone.table.low)[0]
    assert other.claim.name == "T10"


def test_a_bound_of_ones_own_under_a_budget():
    """A run is one draw where a budget ties its prompts together."""
    never_rises = claim(
        lambda initial_error: initial_error, "upper", domain=bs.Box(initial_error=[0.5, 1.0])
    )
    tied = bs.Measurement(
        lambda: bs.boosting(labeler=bs.WeakLabeler(0.5), budget=0.1),
        task=lambda initial_error: bs.table_task(
            [[1, 0]] * 8, initial=[[1 - initial_error, initial_error]] * 8
        ),
        iterations=3,
    )
    certificate = bs.certify(never_rises, tied, levels="statistical", samples=1024, points=2)
    assert certificate.verdict == "holds"
    assert certificate.table.samples.max() <= 1024 // 8


def test_mistakes_in_a_claim_or_a_measurement_are_named():
    true = claim(lambda beta, initial_error, iterations: (1 - beta) ** iterations * initial_error)
    assert bs.certify(true, MEASURED, **QUICK).verdict in ("holds", "undecided")
    with pytest.raises(ValueError, match="measurement must be given for the claim 'mine'"):
        bs.certify(true)
    with pytest.raises(ValueError, match=r"claim must be one of .* Did you mean 'T3'"):
        bs.certify("T33")
    nan = claim(lambda beta: float("nan"))
    with pytest.raises(ValueError, match=r"claim 'mine' at beta=.*Narrow the domain"):
        bs.certify(nan, MEASURED, **QUICK)
    outside = replace(MEASURED, statistic=lambda trace: 3.0 * trace.error.isel(iteration=-1))
    with pytest.raises(ValueError, match=r"claim 'mine' at .*must lie in its bounds \[0, 1\]"):
        bs.certify(true, outside, **QUICK, levels="statistical")
    graded = replace(MEASURED, visits=5)
    with pytest.raises(ValueError, match="where it is called binary"):
        bs.certify(true, graded, **QUICK, levels="statistical")
    for statistic, message in (
        ("eror", "statistic must be one of"),
        (lambda trace: trace.error, "Take an iteration"),
    ):
        with pytest.raises(ValueError, match=message):
            bs.certify(true, replace(MEASURED, statistic=statistic), **QUICK)
    with pytest.raises(ValueError, match=r"procedure must be a function that returns"):
        bs.certify(true, bs.Measurement(lambda: 3), **QUICK)
    with pytest.raises(ValueError, match="confidence must be strictly between"):
        bs.certify("T1", confidence=1.0)
    with pytest.raises(ValueError, match="levels must be one of exact, statistical"):
        bs.certify("T1", levels=("neural",))


def test_verdicts_by_hand():
    assert judge_value("equality", 0.5, 0.5 + 1e-16, 1e-15).verdict == "holds"
    assert judge_value("equality", 0.5, 0.6, 1e-15).verdict == "violated"
    assert judge_value("upper", 0.5, 0.6, 0.0).verdict == "holds"
    assert judge_value("upper", 0.7, 0.6, 0.0).verdict == "violated"
    assert judge_value("lower", 0.5, 0.6, 0.0).verdict == "violated"
    with pytest.raises(ValueError, match="must be a number"):
        judge_value("upper", float("nan"), 0.5, 0.0)
    for kind, predicted, verdict in (
        ("equality", 0.45, "undecided"),
        ("equality", 0.7, "violated"),
        ("upper", 0.7, "holds"),
        ("upper", 0.45, "undecided"),
        ("upper", 0.58, "holds"),
        ("lower", 0.42, "holds"),
        ("upper", 0.3, "violated"),
        ("lower", 0.3, "holds"),
        ("lower", 0.7, "violated"),
    ):
        assert judge_interval(kind, 0.5, (0.4, 0.6), predicted, 0.03).verdict == verdict
    assert judge_interval("equality", 0.5, (0.48, 0.52), 0.49, 0.031).verdict == "holds"
    assert judge_interval("equality", 0.5, (0.46, 0.50), 0.49, 0.02).verdict == "undecided"
    # Rounding that large decides nothing.
    assert judge_value("equality", 0.5, 0.5, 0.1).verdict == "undecided"
    assert overall(["holds", "undecided", "violated"]) == "violated"
    assert overall(["holds", "inapplicable"]) == "holds"
    assert overall(["inapplicable"]) == "inapplicable"


def test_limits_by_hand():
    """Remainders that fall like a power of the index are extrapolated exactly."""
    reached = [1.0 + 0.5 / n for n in (64, 256, 1024)]
    assert judge_limit(reached, 1.0, "either").verdict == "holds"
    assert judge_limit(reached, 1.0, "above").verdict == "holds"
    assert judge_limit(reached, 1.0, "below").verdict == "violated"
    assert judge_limit(reached, 1.01, "either").verdict == "violated"
    assert judge_limit([0.5, 0.5, 0.5], 0.5, "either").verdict == "holds"
    assert judge_limit([0.5, 0.5, 0.5], 0.5001, "either").verdict == "violated"
    # A fast part does not hide a slow one.
    mixed = [1.0 + math.exp(-n / 40) + 0.3 / n for n in (64, 256, 1024)]
    assert judge_limit(mixed, 1.0, "either").verdict == "holds"
    slow = [1.0 + 1.0 / n**0.1 for n in (64, 256, 1024)]
    assert judge_limit(slow, 1.0, "either").verdict == "undecided"
    assert judge_limit([0.0, 1.0, 3.0], 5.0, "either").verdict == "undecided"


def test_a_measurement_that_would_measure_nothing_is_refused():
    true = claim(lambda beta, initial_error, iterations: (1 - beta) ** iterations * initial_error)
    nan = replace(MEASURED, statistic=lambda trace: trace.error.isel(iteration=-1) * float("nan"))
    for levels in ("exact", "statistical"):
        with pytest.raises(ValueError, match="statistic must be"):
            bs.certify(true, nan, **QUICK, levels=levels)
    for fields, message in (
        ({"sampled_ladder": (8, 9)}, "sampled_ladder must be two values"),
        ({"ladder": (64,)}, "ladder must be at least three"),
        ({"ladder": (100, 200, 201)}, "each the same multiple of the one before; got"),
        ({"ladder": (1, 2, 10)}, "each the same multiple of the one before; got"),
        ({"ladder": (64, 128, 192, 256)}, "each the same multiple of the one before; got"),
        ({"task": bs.random_table(0, prompts=2)}, "task must be a function"),
        ({"statistic": 3}, "statistic must be a variable's name"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(MEASURED, **fields)
    # Up to rounding to whole numbers.
    for ladder in ((100, 316, 1000), (10, 15, 22, 33), (1, 2, 3), (64.0, 128.0, 256.0)):
        assert replace(MEASURED, ladder=ladder).ladder == ladder
    for fields, message in (
        ({"bounds": (1, 0)}, "bounds must be"),
        ({"bounds": "x"}, "bounds must be"),
        ({"statistic": "coverage", "binary": False}, "no independent draws"),
    ):
        with pytest.raises(ValueError, match=message):
            bs.certify(true, replace(MEASURED, **fields), **QUICK, levels="statistical")
    for fields, message in (
        ({"procedure": lambda bta: None}, "needs 'bta', which is none of"),
        ({"statistic": lambda trace: 0.5}, "statistic must be a function that returns an array"),
        ({"task": lambda: 3}, "task must be a function that returns a table task"),
        ({"value": lambda: None}, "value must be a function that returns a number"),
    ):
        with pytest.raises(ValueError, match=message):
            bs.certify(true, replace(MEASURED, **fields), **QUICK)
    nowhere = claim(
        lambda beta: beta, domain=bs.Box([("impossible", lambda beta: beta > 2)], beta=(0, 1))
    )
    with pytest.raises(ValueError, match="points that meet its constraints; none was found"):
        bs.certify(nowhere, replace(MEASURED, iterations=1), **QUICK)
    with pytest.raises(ValueError, match="task must be given by the measurement"):
        bs.certify(
            claim(lambda beta: beta, domain=bs.Box(beta=(0, 1))), replace(MEASURED, iterations=1)
        )
    limit = claim(lambda: 0.0, "limit", along="iterations", domain=bs.Box(beta=(0.1, 1.0)))
    with pytest.raises(ValueError, match="along must be something that the measurement depends on"):
        bs.certify(limit, replace(MEASURED, iterations=1), **QUICK)
    broken = replace(MEASURED, statistic=lambda trace: 1 / 0)
    with pytest.raises(ZeroDivisionError) as raised:
        bs.certify(true, broken, **QUICK)
    assert "claim 'mine' at beta=" in raised.value.__notes__[0]


@pytest.mark.parametrize("level", ["exact", "statistical"])
def test_a_law_that_raises_names_the_claim_and_the_point(level):
    broken = claim(lambda beta: 1 / 0)
    with pytest.raises(ValueError, match=r"^claim 'mine' at beta=.*, iterations=") as raised:
        bs.certify(broken, MEASURED, **QUICK, levels=level)
    assert "law of claim 'mine' must be" in str(raised.value)
    assert str(raised.value).endswith("got ZeroDivisionError: division by zero")
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    # What a law says of its own domain stands as it is.
    outside = claim(lambda beta: bs.laws.majority_noise(gamma=0.5 + beta / 2, votes=3))
    with pytest.raises(ValueError, match=r"^claim 'mine' at beta=.*: gamma must be a number in"):
        bs.certify(outside, MEASURED, **QUICK, levels=level)


def test_a_criterion_that_compares_cells_ties_the_prompts():
    @bs.criterion
    def if_most_fail(visits):
        share = (visits.mass * visits.pass_rate).sum() / visits.mass.sum()
        return (share < 0.5) * (1.0 + 0.0 * visits.mass)

    tied = replace(
        MEASURED,
        procedure=lambda beta: bs.boosting(labeler=bs.WeakLabeler(beta), criterion=if_most_fail),
    )
    point = {"beta": 0.5, "initial_error": 0.6, "iterations": 1}
    assert Sampled(tied).tied(point)
    assert not Sampled(MEASURED).tied(point)
    assert looks_for(tied, point, 4096).units == 1


def test_t15_holds_where_no_right_answer_is_liked():
    """There what is not liked dies slowly: too short a run would be called a violation."""
    corner = bs.Box(beta=[0.6], gamma=[0.1], correct_answers=[1], attempts=[1])
    certificate = bs.certify(
        replace(bs.claims["T15"], domain=corner),
        MEASUREMENTS["T15"],
        points=1,
        samples=2**17,
        confidence=1.0 - alpha("corner_of_freshness"),
    )
    assert certificate.verdict in ("holds", "undecided"), certificate.summary()


def test_claims_of_ones_own_are_certified_together():
    true = claim(lambda beta, initial_error, iterations: (1 - beta) ** iterations * initial_error)
    reports = bs.certify_all([(true, MEASURED), "T10"], levels="exact", exact_points=2)
    assert [report.verdict for report in reports] == ["holds", "holds"]


def test_a_share_of_labels_ties_prompts_together():
    """One weight for all of a run's prompts: a run is one draw, however many prompts it has."""

    def measured(**slots):
        return Sampled(bs.Measurement(lambda: bs.boosting(labeler=bs.WeakLabeler(0.3), **slots)))

    assert measured(label_share=0.4).tied({})
    assert measured(budget=0.4).tied({})
    assert not measured(label_weight=0.4).tied({})
    assert not measured(until_accepted=True, attempts=3).tied({})
