"""What an audit, looks and labels say of a run: rates, what repeats, and assumptions flagged."""

import dataclasses
import json

import numpy as np
import pytest
from alarms import alpha
from fabricated import log, looks
from scipy.stats import binomtest

from boostsim.fitting.diagnostics import Finding, diagnose
from boostsim.fitting.labels import label_rates
from boostsim.fitting.overdispersion import Test
from boostsim.fitting.repeats import repeated_errors
from boostsim.fitting.verdicts import verdict_rates
from boostsim.logs.log import Log
from boostsim.logs.looks import Looks

AUDIT = ("audited", "audited_correct", "audited_accepted", "audited_accepted_correct")


@pytest.fixture(scope="module")
def clean():
    return log(np.random.default_rng(0))


def assert_rate(test, hits, trials, probability, side):
    p_value = binomtest(hits, trials, probability, side).pvalue
    assert p_value >= alpha(test), (hits, trials, probability)


def test_false_accept_and_false_reject_are_counted(clean):
    found = verdict_rates(clean)
    wrong = clean.audited - clean.audited_correct
    assert found.false_accept.trials == wrong.sum()
    accepted = clean.audited_accepted - clean.audited_accepted_correct
    assert found.false_accept.value == accepted.sum() / wrong.sum()
    missed = clean.audited_correct - clean.audited_accepted_correct
    assert found.false_reject.value == missed.sum() / clean.audited_correct.sum()
    assert found.gamma.hits == accepted.sum() + missed.sum()
    assert found.false_accept.interval[0] < 0.1 < found.false_accept.interval[1]
    assert "One gamma is not contradicted" in found.summary()


def test_without_the_joint_audit_nothing_is_said(clean):
    bare = dataclasses.replace(clean, audited_accepted=None, audited_accepted_correct=None)
    said = "it has no column audited_accepted, audited_accepted_correct"
    with pytest.raises(ValueError, match=said):
        verdict_rates(bare)
    lacking = np.full(clean.records, -1)
    bare = dataclasses.replace(clean, audited_accepted_correct=lacking)
    with pytest.raises(ValueError, match="no record has something audited in all of its columns"):
        verdict_rates(bare)


def test_verifiers_are_told_apart():
    """Two models, of which one accepts what is wrong."""
    right = np.tile([0, 1], 100)
    model = np.repeat([0, 1], 100)
    accepted = np.where(model == 1, 1, right)
    one = np.ones(200, int)
    columns = dict(attempts=one, accepted=accepted, audited=one, audited_correct=right)
    columns |= dict(audited_accepted=accepted, audited_accepted_correct=right)
    made = Log(range(200), [0], range(200), [0] * 200, models=("a", "b"), model=model, **columns)
    found = verdict_rates(made)
    assert [(name, accept.value, reject.value) for name, accept, reject in found.by_model] == [
        ("a", 0.0, 0.0),
        ("b", 1.0, 0.0),
    ]
    assert found.models_alike[0].p_value == 0.001
    assert found.models_alike[1].why_not == "all trials end alike"
    assert "Models differ in false accept" in found.summary()


def test_the_share_of_errors_that_repeat_is_the_most_likely_one():
    """Of two looks: over a grid of (c, gamma), by the multinomial of both, one or none wrong."""
    told = [[1, 1]] * 11 + [[1, 0]] * 9 + [[0, 0]] * 60
    found = repeated_errors(Looks([0], [0] * 80, range(80), range(80), told, [0] * 80))
    c, gamma = np.meshgrid(np.linspace(0, 1, 1001), np.linspace(0.001, 0.999, 999), indexing="ij")
    both, one = c * gamma + (1 - c) * gamma**2, 2 * (1 - c) * gamma * (1 - gamma)
    with np.errstate(divide="ignore"):
        likelihood = 11 * np.log(both) + 9 * np.log(one) + 60 * np.log(1 - both - one)
    best = np.unravel_index(likelihood.argmax(), likelihood.shape)
    assert found.false_accepts.share == pytest.approx(c[best], abs=2e-3)
    assert found.false_rejects.share is None
    assert "no such response was looked at twice" in found.summary()


def test_looks_that_say_nothing():
    same = Looks([0], [0] * 4, range(4), range(4), [[1, 1]] * 4, [1] * 4)
    assert repeated_errors(same).false_rejects.why_not == "no look errs"
    # Judges with an eye for one side: looks agree less than fresh ones.
    apart = Looks(range(40), range(40), range(40), range(40), [[1, 0]] * 40, [0] * 40)
    found = repeated_errors(apart).false_accepts
    assert found.share is found.interval is None
    assert "agree less than fresh ones" in found.summary()
    assert found.order.p_value < 1e-6
    with pytest.raises(ValueError, match=r"looks must have the truth \(correct\)"):
        repeated_errors(Looks([0], [0], [0], [0], [[1, 1]], [-1]))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_interval_of_the_share_covers(share):
    generator = np.random.default_rng(7)
    held = trials = 0
    for _ in range(60):
        found = repeated_errors(looks(generator, prompts=40, share=share))
        for side in (found.false_accepts, found.false_rejects):
            held += side.interval[0] <= share <= side.interval[1]
            trials += 1
    assert_rate("repeated_errors", held, trials, 0.95, "less")


def test_labels_are_counted_where_they_were_bought(clean):
    found = label_rates(clean)
    failing = (clean.accepted == 0) & (clean.labelled > 0)
    assert found.failing.hits == clean.label_correct[failing].sum()
    assert found.failing.trials + found.others.trials == found.every.trials
    assert found.every.value == clean.label_correct.sum() / clean.labelled.sum()
    assert [number for number, _ in found.by_iteration] == [0, 1, 2, 3]
    assert sum(beta.trials for _, beta in found.by_iteration) == found.every.trials
    bare = dataclasses.replace(clean, label_correct=None)
    with pytest.raises(ValueError, match="it has no column label_correct"):
        label_rates(bare)
    same = log(np.random.default_rng(1), persistent=True)
    found = label_rates(same)
    assert found.mixed == 0
    assert "as of a labeler that is persistent" in found.summary()


def test_labels_bought_until_one_is_right_are_fresh():
    """Adaptive buying: labels until the first right one; all prompts end with one, none repeats."""
    generator = np.random.default_rng(8)
    false, logs = 0, 200
    for _ in range(logs):
        needed = generator.geometric(0.3, 40)
        of = [(x, t) for x in range(40) for t in range(min(needed[x], 8))]
        prompt, iteration = np.array(of).T
        one = np.ones(len(of), int)
        right = (iteration + 1 == needed[prompt]).astype(int)
        columns = dict(attempts=one, accepted=0 * one, labelled=one, label_correct=right)
        made = Log(range(40), range(iteration.max() + 1), prompt, iteration, **columns)
        false += label_rates(made).fresh.rejects(0.05)
    assert_rate("sequential_labels", false, logs, 0.05, "greater")


# What is broken, in which assumption it shows, and in which share of logs at least: of 60 prompts,
# 4 iterations of 4 visits of 4 attempts, of which 8 are audited; looks at 4 responses a prompt.
BROKEN = {
    "attempts": (dict(together=0.15), {}, "attempts are independent", 0.98),
    "looks": ({}, dict(share=0.4, responses=8), "false accepts are fresh", 0.98),
    "verdicts": (dict(creeping=0.08), {}, "false accept is steady", 0.9),
    "audit": (dict(unfair=0.3), {}, "the audit is fair", 0.98),
    "beta": (dict(drift=-0.1, beta=0.6, iterations=6), {}, "beta is steady", 0.98),
    "labels": (dict(persistent=True), {}, "labels are fresh", 0.98),
}


def reports(generator, number, run=(), looked=(), **sizes):
    for _ in range(number):
        yield diagnose(log(generator, **dict(run), **sizes), looks(generator, **dict(looked)))


def assert_flagged(broken, number, test):
    run, looked, assumption, power = BROKEN[broken]
    generator = np.random.default_rng(9)
    flagged = [each.flagged for each in reports(generator, number, run, looked)]
    caught = sum(assumption in each for each in flagged)
    assert_rate(test, caught, number, power, "less")


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_broken_is_flagged(broken):
    assert_flagged(broken, 8, "flagged")


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_broken_is_flagged_at_the_stated_power(broken):
    assert_flagged(broken, 100, "flagged_often")


def assert_silent(number, test, run, looked):
    generator = np.random.default_rng(10)
    loud = sum(bool(each.flagged) for each in reports(generator, number, run, looked))
    assert_rate(test, loud, number, 0.05, "greater")


def test_where_all_holds_nothing_is_flagged():
    assert_silent(12, "silent", {}, {})


@pytest.mark.parametrize("uneven", [0.0, 0.3])
@pytest.mark.parametrize("focus", [True, False])
def test_where_all_holds_the_whole_report_is_silent_at_its_level(uneven, focus):
    """Also with verdict noise that is uneven over prompts."""
    world = dict(uneven=uneven, focus=focus)
    assert_silent(300, "silent_often", world, dict(uneven=uneven))


@pytest.mark.parametrize("uneven", [0.0, 0.3])
def test_the_rates_of_whole_logs_are_covered(uneven):
    """False accept, false reject and beta, 300 logs, by prompt and as quoted."""
    generator = np.random.default_rng(11)
    held = np.zeros((3, 2), int)
    for _ in range(300):
        made = log(generator, prompts=40, uneven=uneven, gamma=(0.2, 0.1), visits=2)
        rates = verdict_rates(made)
        for row, (found, truth) in enumerate(
            [(rates.false_accept, 0.2), (rates.false_reject, 0.1), (label_rates(made).every, 0.4)]
        ):
            for column, (low, high) in enumerate((found.by_prompt, found.interval)):
                held[row, column] += low <= truth <= high
    for each in held.ravel().tolist():
        assert_rate("rates_of_logs", each, 300, 0.93, "less")


def test_a_log_that_tells_little_says_what_is_missing():
    bare = Log(["a", "b"], [0], [0, 1], [0, 0], attempts=[4, 4], accepted=[0, 2])
    found = diagnose(bare)
    assert found.flagged == ()
    assert {each.verdict for each in found.found} == {"not checkable"}
    assert all(each.p_value is each.adjusted is None for each in found.found)
    for name in ("column visits missing", f"columns {', '.join(AUDIT)} missing", "no looks"):
        assert name in found.summary()
    assert "columns labelled, label_correct missing" in found.summary()
    assert "NaN" not in found.to_json()


def test_nothing_is_concluded_where_nothing_varies():
    """All accepted, all right, all labels right: no test, rather than one of variance zero."""
    made = log(np.random.default_rng(0), gamma=(0.0, 0.0), beta=1.0)
    twice = looks(np.random.default_rng(0), gamma=0.0)
    checked = [each for each in diagnose(made, twice).found if each.verdict != "not checkable"]
    assert {each.assumption for each in checked} <= {
        "attempts are independent",
        "the audit is fair",
    }


def test_counts_alone_can_only_reassure():
    """Without visits: rates that move smoothly pass, rates that jump are not called correlated."""
    generator = np.random.default_rng(12)
    prompt, step = np.repeat(np.arange(200), 12), np.tile(np.arange(12), 200)
    smooth = np.repeat(generator.random(200), 12)
    jumping = generator.random(2400)
    verdicts = {}
    for name, p in (("smooth", smooth), ("jumping", jumping)):
        accepted = generator.binomial(8, p)
        made = Log(range(200), range(12), prompt, step, np.full(2400, 8), accepted)
        verdicts[name] = diagnose(made).found[0]
    assert verdicts["smooth"].verdict == "not flagged"
    assert verdicts["smooth"].statistic == pytest.approx(1.0, abs=0.15)
    assert verdicts["jumping"].verdict == "not checkable"
    assert "attempts may be correlated, or pass rates may jump" in verdicts["jumping"].sentence


def test_the_error_of_the_report_is_holms():
    """Four tests, at .05 together: by hand."""
    bare = Log(["a"], [0], [0], [0], attempts=[4], accepted=[2])
    others = [
        Finding(f"assumption {p}", "number", Test(1.0, p), "so it is") for p in (0.03, 0.001, 0.02)
    ]
    found = {each.p_value: each for each in diagnose(bare, others=others).found if each.p_value}
    adjusted = {p: each.adjusted for p, each in found.items()}
    assert adjusted == pytest.approx({0.001: 0.003, 0.02: 0.04, 0.03: 0.04})
    assert len(diagnose(bare, others=others).flagged) == 3
    assert len(diagnose(bare, others=others, confidence=0.99).flagged) == 1
    with pytest.raises(ValueError, match="confidence must be strictly between 0 and 1; got 2"):
        diagnose(bare, confidence=2)


def test_what_is_found_is_json(clean):
    seen = looks(np.random.default_rng(13), share=1.0)
    every = [verdict_rates(clean), label_rates(clean), repeated_errors(seen), diagnose(clean, seen)]
    for each in every:
        assert "NaN" not in each.to_json()
        assert json.loads(each.to_json())
        assert each == type(each)(
            **{f.name: getattr(each, f.name) for f in dataclasses.fields(each)}
        )
        assert each.summary().endswith(".")
