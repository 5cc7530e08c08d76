"""A log that knows how many attempts are right: its verdicts' rates, and what is fitted by them."""

import dataclasses
import json

import alarms
import numpy as np
import pytest
from made_logs import log_of, made
from scipy.special import expit, logit
from scipy.stats import binom, chi2

import boostsim as bs
from boostsim.fitting.found import TRUTH
from boostsim.fitting.rates import mean_rate
from boostsim.fitting.totals import total_rates
from boostsim.fitting.verdicts import AUDIT


def drawn(seed, prompts=40, iterations=3, attempts=8, accept=(0.9, 0.1), lacking=0.0):
    """Correct and accepted counts of a run whose rates move, and the log."""
    rng = np.random.default_rng(seed)
    start = logit(rng.beta(1.0, 1.5, prompts))[:, None]
    right = rng.binomial(attempts, expit(start + 0.25 * np.arange(iterations)))
    passed = rng.binomial(right, accept[0])
    accepted = passed + rng.binomial(attempts - right, accept[1])
    correct = np.where(rng.random(right.shape) < lacking, -1, right)
    return right, passed, log_of(accepted, attempts, correct=correct.ravel())


def likelihood(log, ones, others):
    """Of (a1, a0) on a grid, by summing over how many right ones are accepted."""
    found = np.zeros((len(ones), len(others)))
    for n, right, accepted in zip(log.attempts, log.correct, log.accepted, strict=True):
        if right < 0:
            continue
        x = np.arange(accepted + 1)
        passed = binom.pmf(x, right, ones[:, None])
        slipped = binom.pmf(accepted - x, n - right, others[:, None])
        found += np.log(np.maximum(passed @ slipped.T, 1e-300))
    return found


@pytest.mark.parametrize(
    ("accept", "lacking"),
    [((0.9, 0.1), 0.0), ((0.95, 0.25), 0.0), ((0.7, 0.02), 0.4)],
    ids=["alike", "two sides", "some lack it"],
)
def test_rates_are_the_most_likely_ones_on_a_grid(accept, lacking):
    """So are the intervals at least as wide as where the profile likelihood has lost its nats."""
    _, _, log = drawn([1, int(100 * accept[1])], accept=accept, lacking=lacking)
    found = total_rates(log)
    ones, others = np.linspace(0.4, 0.999, 300), np.linspace(0.001, 0.5, 250)
    values = likelihood(log, ones, others)
    one, other = np.unravel_index(values.argmax(), values.shape)
    steps = ones[1] - ones[0], others[1] - others[0]
    assert abs(1.0 - found.false_reject.value - ones[one]) <= steps[0]
    assert abs(found.false_accept.value - others[other]) <= steps[1]
    inside = values >= values.max() - chi2.ppf(0.95, 1) / 2.0
    for rate, reached, step in (
        (found.false_reject, 1.0 - ones[inside.any(1)], steps[0]),
        (found.false_accept, others[inside.any(0)], steps[1]),
    ):
        low, high = rate.interval
        assert low <= reached.min() + step
        assert high >= reached.max() - step
        # By prompt it may be wider, but not by much where verdicts are fresh.
        assert high - low < 1.5 * (np.ptp(reached) + 2.0 * step)


def test_as_many_are_right_as_the_log_says():
    """The rates are such that from what is accepted follows how many are right."""
    for seed in range(5):
        right, _, log = drawn([2, seed])
        found = total_rates(log)
        slipped = found.false_accept.value
        width = 1.0 - found.false_reject.value - slipped
        assert (log.accepted.sum() / log.attempts.sum() - slipped) / width == pytest.approx(
            right.mean() / 8.0, abs=1e-9
        )
        assert (found.right, found.attempts) == (right.sum(), log.attempts.sum())


def split(log, right, passed, checked):
    """The log with a joint audit of each record's first so many right and wrong attempts."""
    right, passed = right.ravel(), passed.ravel()
    rng = np.random.default_rng(3)
    of_right = rng.hypergeometric(right, log.attempts - right, checked)
    both = rng.hypergeometric(passed, right - passed, of_right)
    slipped = log.accepted - passed
    of_slipped = rng.hypergeometric(slipped, log.attempts - right - slipped, checked - of_right)
    counts = (np.full(log.records, checked), of_right, both + of_slipped, both)
    return dataclasses.replace(log, **dict(zip(AUDIT, counts, strict=True)))


def test_with_a_joint_audit_of_all_nothing_is_counted_twice():
    right, passed, log = drawn(4)
    audited = split(log, right, passed, 8)
    found, alone = total_rates(audited), bs.fit(audited).verdicts
    assert found.attempts == found.audited == log.attempts.sum()
    assert found.false_accept.value == pytest.approx(alone.false_accept.value, abs=1e-9)
    assert found.false_reject.value == pytest.approx(alone.false_reject.value, abs=1e-9)
    assert found.false_accept.trials == alone.false_accept.trials
    # Without loss by prompt the interval is the exact one.
    low, high = alone.false_accept.exact
    assert found.false_accept.interval[0] <= low + 1e-6
    assert found.false_accept.interval[1] >= high - 1e-6


def test_with_a_joint_audit_of_some_they_are_the_most_likely_ones_of_both():
    right, passed, log = drawn(5, prompts=15)
    audited = split(log, right, passed, 3)
    found = total_rates(audited)
    checked, good, accepted, both = (getattr(audited, name) for name in AUDIT)
    ones, others = np.linspace(0.6, 0.999, 250), np.linspace(0.001, 0.4, 250)
    rest = log_of((log.accepted - accepted).reshape(right.shape), 5, correct=log.correct - good)
    values = likelihood(rest, ones, others)
    values += binom.logpmf(both.sum(), good.sum(), ones)[:, None]
    values += binom.logpmf((accepted - both).sum(), (checked - good).sum(), others)
    one, other = np.unravel_index(values.argmax(), values.shape)
    assert abs(1.0 - found.false_reject.value - ones[one]) <= ones[1] - ones[0]
    assert abs(found.false_accept.value - others[other]) <= others[1] - others[0]
    assert (found.attempts, found.audited) == (log.attempts.sum(), 3 * log.records)


def test_intervals_hold_as_often_as_stated():
    """At least: they are exact ones, and by prompt. So is that of the mean by these rates."""
    accept, logs = (0.85, 0.1), 40
    held = {"false_accept": 0, "false_reject": 0, "first": 0}
    for seed in range(logs):
        _, _, log = drawn([6, seed], prompts=25, iterations=2, accept=accept, lacking=0.2)
        found = total_rates(log)
        for name, truth in (("false_accept", accept[1]), ("false_reject", 1.0 - accept[0])):
            low, high = getattr(found, name).interval
            held[name] += low <= truth <= high
        first = mean_rate(
            log,
            accept=(1.0 - found.false_reject.value, found.false_accept.value),
            accept_covariance=found.scores.T @ found.scores,
        )
        held["first"] += first.low <= 0.4 <= first.high
    for hits in held.values():
        alarms.assert_share("totals_intervals", min(hits, round(0.95 * logs)), logs, 0.95)


def test_a_fit_says_where_its_rates_come_from_and_goes_on_with_them():
    right, _, log = drawn(7, prompts=300, iterations=12)
    found = bs.fit(log)
    first, *_ = found.summary().splitlines()
    assert first.startswith("The filter's rates are from the log's correct: of 28,800 attempts")
    assert TRUTH not in found.summary()
    told = json.loads(found.to_json())
    assert told["verdicts_taken_for_truth"] is False
    assert told["totals"]["false_accept"]["value"] == found.totals.false_accept.value
    one, other = found.filter.accept
    assert (1.0 - one, other) == (
        pytest.approx(found.totals.false_reject.value),
        found.totals.false_accept.value,
    )
    assert found.speed.low < 0.25 < found.speed.high
    # What is called correct is what the log's own correct says.
    for rate, place in ((found.first, 0), (found.last, 11)):
        assert rate.value == pytest.approx(right[:, place].mean() / 8.0, abs=2e-4)
        assert rate.low < rate.value < rate.high
    assert found.summary().count("300 prompts, of correct itself).") == 2
    trusted = bs.fit(dataclasses.replace(log, correct=None))
    assert trusted.summary().startswith(TRUTH)
    assert not trusted.last.low < right[:, 11].mean() / 8.0 < trusted.last.high


def test_the_rates_error_widens_the_intervals():
    _, _, log = drawn(8, prompts=40, iterations=4, lacking=0.5)
    found = bs.fit(log)
    same = bs.fit(log, filter=found.filter)
    assert found.speed.log_ratio == pytest.approx(same.speed.log_ratio, abs=1e-6)
    for wide, narrow in ((found.first, same.first), (found.last, same.last)):
        assert wide.low < narrow.low < narrow.high < wide.high
    assert found.speed.low < same.speed.low < same.speed.high < found.speed.high


def test_a_mean_is_by_the_rates_where_some_records_lack_the_truth():
    right, _, log = drawn(9, prompts=100, iterations=2, lacking=0.5)
    found = bs.fit(log)
    for rate, place in ((found.first, 0), (found.last, 1)):
        assert rate.low < right[:, place].mean() / 8.0 < rate.high
    assert "of correct itself" not in found.summary()


def test_verdicts_that_never_err_are_found_to():
    right, _, _ = drawn(10)
    found = bs.fit(log_of(right, 8, correct=right.ravel()))
    assert found.filter.accept == (1.0, 0.0)
    # Of nothing that varies prompts count as one trial each, those with many a little more.
    wrong = (8 - right).sum(axis=1)
    trials = wrong.sum() ** 2 / (wrong**2).sum()
    assert found.totals.false_accept.interval == (0.0, pytest.approx(1.0 - 0.025 ** (1 / trials)))


@pytest.mark.parametrize("all_of", [0, 8], ids=["none right", "all right"])
def test_a_rate_without_trials_is_not_known(all_of):
    accepted = np.random.default_rng(11).binomial(8, 0.1 if all_of == 0 else 0.9, (20, 2))
    log = log_of(accepted, 8, correct=np.full(40, all_of))
    found = total_rates(log)
    known, unknown = found.false_accept, found.false_reject
    if all_of:
        known, unknown = unknown, known
    assert unknown.value is None
    assert unknown.summary().endswith("not known, no trials; a fit takes 0.")
    share = accepted.mean() / 8.0
    assert known.value == pytest.approx(share if all_of == 0 else 1.0 - share, abs=1e-9)
    assert known.interval[0] < known.value < known.interval[1]
    one, other = bs.fit(log).filter.accept
    assert (one if all_of == 0 else 1.0 - other) == 1.0


@pytest.mark.parametrize("accepted", [0, 100])
def test_where_all_are_accepted_or_none_prompts_count_as_one_trial_each(accepted):
    found = total_rates(log_of(np.full((3, 1), accepted), 100, correct=np.full(3, 50)))
    rates = (found.false_accept, found.false_reject)
    never, always = rates if accepted == 0 else rates[::-1]
    # Clopper and Pearson's, of three trials.
    end = 1.0 - 0.025 ** (1.0 / 3.0)
    assert (never.value, always.value) == (0.0, 1.0)
    assert never.interval == (0.0, pytest.approx(end, rel=1e-12))
    assert always.interval == (pytest.approx(1.0 - end, rel=1e-12), 1.0)


def test_verdicts_that_repeat_are_told():
    rng = np.random.default_rng(12)
    right = rng.binomial(8, rng.beta(1.0, 1.0, (80, 1)), (80, 4))
    own = rng.beta(0.5, 4.0, (2, 80, 1))
    accepted = rng.binomial(right, 1.0 - own[0]) + rng.binomial(8 - right, own[1])
    assert (
        "verdicts repeat, or err more on some"
        in total_rates(log_of(accepted, 8, correct=right.ravel())).summary()
    )
    fresh = total_rates(drawn(13, prompts=80, iterations=4)[2])
    assert fresh.fresh.statistic == pytest.approx(1.0, abs=0.4)


def test_verdicts_that_contradict_the_truth_are_refused():
    right, _, _ = drawn(14)
    with pytest.raises(ValueError, match="accept right responses more often than wrong ones"):
        bs.fit(log_of(8 - right, 8, correct=right.ravel()))


def test_large_counts_are_summed_where_they_weigh():
    """Windows of a convolution, against all of its terms."""
    _, _, log = drawn(15, prompts=6, iterations=2, attempts=3000, accept=(0.9, 0.2))
    found = total_rates(log)
    ones = np.linspace(-0.004, 0.004, 9) + 1.0 - found.false_reject.value
    others = np.linspace(-0.004, 0.004, 9) + found.false_accept.value
    values = likelihood(log, ones, others)
    assert np.unravel_index(values.argmax(), values.shape) == (4, 4)


def test_a_log_without_the_truth_is_refused():
    with pytest.raises(ValueError, match="log must have the column correct in some record"):
        total_rates(made(0).log)


@pytest.mark.parametrize("persistent", [True, 0.5])
def test_a_filter_whose_verdicts_stay_is_refused(persistent):
    with pytest.raises(ValueError, match="filter must be one whose verdicts are fresh"):
        bs.fit(made(0).log, filter=bs.NoisyFilter(0.1, persistent=persistent))


def test_forecast_and_advice_repeat_that_verdicts_are_taken_for_truth():
    log = made(0, prompts=30, iterations=4).log
    for found, said in (
        (bs.fit(log), True),
        (bs.fit(log, filter=bs.NoisyFilter(0.01)), False),
        (bs.fit(dataclasses.replace(log, correct=log.accepted)), False),
    ):
        for ahead in (found.forecast(1, draws=4), found.advise(3, key=0, beta=0.5)):
            assert ahead.summary().startswith(TRUTH) == said
            told = json.loads(ahead.to_json())["conditions"]
            assert told["verdicts_taken_for_truth"] is said
