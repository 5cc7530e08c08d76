"""Forecasts: what they say by hand, how often their bands hold, and what beats them said first."""

import json

import numpy as np
import pytest
import real_logs
from alarms import assert_share
from made_logs import log_of, made
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import betabinom, binom

import boostsim as bs
from boostsim.fitting.backtest import backtest
from boostsim.fitting.bands import Stopped, draw
from boostsim.fitting.forecast import forecast
from boostsim.fitting.histories import histories
from boostsim.fitting.outlook import ALL, FITTED, METHODS, outlook, settled
from boostsim.fitting.rivals import centred, literal, no_change, straight_line
from boostsim.fitting.unanimous import most_others, seldom
from boostsim.fitting.world import World

PROCEDURE = bs.filter_only(attempts=4)
AHEAD = 5


@pytest.fixture(scope="module")
def told():
    """A log, its world, a forecast and a backtest."""
    run = made(0)
    counts = histories(run.log)
    world = World.estimate(counts)
    return run, counts, world, forecast(world, counts, AHEAD, PROCEDURE, visits=None, draws=60)


def by_hand(world, accepted, attempts, steps):
    """Each prompt's mean correct probability after so many steps, ``[prompts, steps]``."""
    held = []
    for counts in accepted:
        joint = world.weights.copy()
        for step, count in enumerate(counts):
            right = expit(logit(world.start[1:-1]) + world.dynamics.speed[0] * step)
            joint *= binom.pmf(count, attempts, np.r_[0.0, right, 1.0])
        held.append(joint / joint.sum())
    moved = [expit(logit(world.start[1:-1]) + world.dynamics.speed[0] * each) for each in steps]
    return np.array(held) @ np.array([np.r_[0.0, each, 1.0] for each in moved]).T


def test_each_prompt_moves_on_from_what_its_history_says(told):
    run, counts, world, found = told
    assert settled(world, counts, 0.95) is world
    accepted = run.accepted[:, :9]
    wanted = by_hand(world, accepted, 4, range(9, 14))
    table = found.table[found.table["class"] == ALL]
    assert table.iteration.tolist() == [9, 10, 11, 12, 13]
    np.testing.assert_allclose(table.accuracy, wanted.mean(0), rtol=1e-8)
    np.testing.assert_allclose(table.accepted, table.accuracy, rtol=1e-12)
    assert (table.generations == 4.0).all()
    assert (table.labels == 0.0).all()
    # Classes are those of the posterior at the last iteration; together they are all prompts.
    now = by_hand(world, accepted, 4, [8])[:, 0]
    middle = found.table[found.table["class"] == ".3 to .7"]
    inside = (now >= 0.3) & (now < 0.7)
    assert (middle.prompts == inside.sum()).all()
    np.testing.assert_allclose(middle.accuracy, wanted[inside].mean(0), rtol=1e-8)
    parts = found.table[found.table["class"] != ALL]
    whole = (parts.accuracy * parts.prompts).groupby(parts.iteration).sum() / 80
    np.testing.assert_allclose(whole, table.accuracy, rtol=1e-12)


def test_bands_hold_the_forecast_and_widen_with_what_they_cover(told):
    table = told[3].table
    for name in ("accuracy", "accepted"):
        assert (table[f"{name}_low"] <= table[name] + 1e-12).all()
        assert (table[f"{name}_high"] >= table[name] - 1e-12).all()
    assert (table.observed_low <= table.accepted_low).all()
    assert (table.observed_high >= table.accepted_high).all()
    whole = table[table["class"] == ALL]
    width = (whole.accuracy_high - whole.accuracy_low).to_numpy()
    assert width[-1] > width[0]


def stopping(seed, prompts=40, iterations=4, most=5, speed=0.2, ahead=3):
    """A log whose attempts stop at the first accepted one, and correct masses later on."""
    random = np.random.default_rng(seed)
    moved = speed * np.arange(iterations + ahead)
    right = expit(random.normal(-0.5, 2.0, (prompts, 1)) + moved)
    tries = np.minimum(random.geometric(right[:, :iterations]), most + 1)
    accepted = (tries <= most) * 1
    stops = np.ones(accepted.size, bool)
    return log_of(accepted, np.minimum(tries, most), first_success=stops), right


def test_where_attempts_stop_the_accepted_share_is_of_what_is_made():
    """By hand: E hits over E attempts of all prompts, and the band of accuracy is by prompt."""
    most = 5
    log, _ = stopping(0)
    counts = histories(log)
    assert counts.stopping == (1, most)
    assert counts.at(1).usual_attempts == counts.until(2).usual_attempts == most
    world = World.estimate(counts)
    found = forecast(world, counts, 3, PROCEDURE, visits=None, draws=60)
    table = found.table[found.table["class"] == ALL]
    right = world.correct(6)
    tries = log.dense("attempts")
    held = np.tile(world.weights, (40, 1))
    for step, (made_, passed) in enumerate(zip(tries.T, log.dense("accepted").T, strict=True)):
        p = right[step]
        held *= p ** passed[:, None] * (1 - p) ** (made_ - passed)[:, None]
    held /= held.sum(1, keepdims=True)
    p = right[4:].T
    stopped = np.array([(1 - p) ** each for each in range(most + 1)])
    shown = {"accuracy": p, "failing": stopped[most], "generations": stopped[:most].sum(0)}
    for name, values in shown.items():
        np.testing.assert_allclose(table[name], (held @ values).mean(0), rtol=1e-8)
    share = (held @ (1 - stopped[most])).sum(0) / (held @ stopped[:most].sum(0)).sum(0)
    np.testing.assert_allclose(table.accepted, share, rtol=1e-8)
    for name in ("accuracy", "accepted"):
        assert (table[f"{name}_low"] <= table[name]).all()
        assert (table[f"{name}_high"] >= table[name]).all()
    assert not found.table.isna().any().any()
    fit = bs.fit(log)
    assert fit.attempts == most
    stopped = np.array([(1 - fit.world.correct(3)) ** each for each in range(most + 1)])
    passed, tried = (1 - stopped[most]) @ world.weights, stopped[:most].sum(0) @ world.weights
    np.testing.assert_allclose(fit.plot().axes[0].lines[1].get_ydata(), passed / tried, rtol=1e-6)


def test_what_visits_show_that_stop_is_enumerated():
    """Mean and variance of hits and attempts of two visits of up to three attempts."""
    right, visits, most = np.array([0.0, 0.3, 1.0]), 2, 3
    given = Stopped(visits, most, (0.9, 0.2))
    rate = 0.2 + 0.7 * right
    ways = [(1, j + 1, rate * (1 - rate) ** j) for j in range(most)] + [
        (0, most, (1 - rate) ** most)
    ]
    h, n, hn, nn = (
        sum(worth * chance for worth, chance in ((pick(a, b), c) for a, b, c in ways))
        for pick in (
            lambda a, b: a,
            lambda a, b: b,
            lambda a, b: a * b,
            lambda a, b: b * b,
        )
    )
    hits_, made_, *squares, first, both, second = (each(right) for each in given.moments())
    np.testing.assert_allclose(hits_, visits * h, atol=1e-12)
    np.testing.assert_allclose(made_, visits * n, atol=1e-12)
    np.testing.assert_allclose(squares, [hits_**2, hits_ * made_, made_**2])
    wanted = h - h**2, hn - h * n, nn - n**2
    np.testing.assert_allclose([first, both, second], visits * np.array(wanted), atol=1e-12)


def hits(seed, draws, **how):
    """Which bands hold after 1 and after 5 iterations: mean of all, of the classes, observed."""
    run = made(seed, **how)
    accept = how.get("accept", (1.0, 0.0))
    counts = histories(run.log)
    world = settled(World.estimate(counts, accept=accept), counts, 0.95)
    attempts, ahead = how.get("attempts", 4), np.array([1, AHEAD])
    looked = outlook(world, counts, ahead, None, PROCEDURE, None, 0)
    drawn = draw(world, counts, looked.cells, (0.0, 0.0), draws, np.random.default_rng([seed, 1]))
    member = looked.cells.member[:, counts.history]
    member = (member / member.sum(1, keepdims=True)).T
    later = run.correct[:, len(run.log.iterations) + ahead - 1].T
    truth = {"correct": later, "rate": accept[1] + (accept[0] - accept[1]) * later}
    truth["observed"] = run.accepted[:, len(run.log.iterations) + ahead - 1].T / attempts
    found = {}
    for name, values in truth.items():
        low, high = drawn.band(name, 0.95)
        good = (values @ member >= low - 1e-12) & (values @ member <= high + 1e-12)
        for step, place in ((0, 1), (1, AHEAD)):
            found[name, place, ALL] = [good[step, 0]]
            found[name, place, "classes"] = good[step, 1:].tolist()
    return found


WORLDS = [
    {},
    {"accept": (0.9, 0.15), "attempts": 8, "speed": 0.2},
    {"uneven": 1.0, "prompts": 100, "iterations": 12, "speed": 0.1},
]


def check_bands(alarm, logs, draws, how):
    held = {}
    for seed in range(logs):
        for name, good in hits(seed, draws, **how).items():
            if "uneven" in how and name[-1] != ALL:
                # Of prompts with speeds of their own a backtest says that classes' bands fail.
                continue
            # Classes of one log move together: one of them, drawn, stands for all.
            held.setdefault(name, []).append(good[seed % len(good)])
    for good in held.values():
        assert_share(alarm, int(np.sum(good)), len(good), 0.95)


def test_bands_hold_as_often_as_stated():
    check_bands("some_bands", 10, 50, WORLDS[0])


@pytest.mark.parametrize("how", WORLDS, ids=["clean", "noisy filter", "uneven speeds"])
def test_bands_hold_as_often_as_stated_in_300_logs(how):
    check_bands("bands", 300, 200, how)


def test_a_line_and_no_change_are_what_they_say():
    random = np.random.default_rng(3)
    curve, weight = random.random((2, 7)) / 2.0, random.integers(1, 9, (2, 7)) * 1.0
    times, ahead = np.arange(7), np.array([7, 30])
    found = straight_line(curve, weight, times, ahead)
    for row in range(2):
        slope, height = np.polyfit(times, curve[row], 1, w=np.sqrt(weight[row]))
        np.testing.assert_allclose(found[row], np.clip(height + slope * ahead, 0, 1), atol=1e-12)
    np.testing.assert_allclose(no_change(curve, weight, ahead)[:, 0], curve[:, -1])
    long = np.tile(curve, 5)
    latest = long[:, -4:].mean(1)
    np.testing.assert_allclose(no_change(long, np.ones(long.shape), ahead)[:, 1], latest)


def test_classes_do_not_make_rivals_worse_by_regression_to_the_mean():
    """Of prompts that never change, no change and a line are right, though counts chose classes."""
    off, raw = [], []
    for seed in range(8):
        run = made(seed, prompts=400, iterations=3, attempts=2, speed=0.0, ahead=1)
        counts = histories(run.log)
        world = World.estimate(counts, kind="none")
        looked = outlook(world, counts, np.array([1]), None, PROCEDURE, None, 0)
        member = looked.cells.member[:, counts.history]
        truth = member @ run.correct[:, -1] / member.sum(1)
        easiest = len(looked.classes) - 1
        off.append(looked.rates["no_change"][0, easiest] - truth[easiest])
        seen = member @ run.accepted[:, :3].mean(1) / 2.0 / member.sum(1)
        raw.append(seen[easiest] - truth[easiest])
    # What was seen in the class is too good by far more than the corrected level is.
    assert np.mean(raw) > 0.03
    assert abs(np.mean(off)) < 0.35 * np.mean(raw)


def test_centred_curves_keep_their_shape_and_take_the_models_level():
    attempts = np.array([[4.0, 0.0, 8.0]])
    curve = centred(np.array([[1.0, 0.0, 4.0]]), attempts, np.array([[0.5, 0.9, 0.5]]))
    np.testing.assert_allclose(curve, [[0.25 + 1 / 12, np.nan, 0.5 + 1 / 12]])


def test_the_literal_theory_is_the_strong_learners():
    """T9 with a perfect filter: whatever is right at all is always right after one iteration."""
    correct = np.array([0.0, 0.3, 1.0])
    run = literal(PROCEDURE, correct, 2, None, 0)
    np.testing.assert_allclose(run, [[0.0, 1.0, 1.0]] * 2)
    # At one visit of four attempts: where any is accepted.
    some = literal(PROCEDURE, correct, 1, 1, 0)
    assert abs(some[0, 1] - (1.0 - 0.7**4)) < 0.3
    assert some[0, 0] == 0.0


def test_a_backtest_scores_what_it_says(told):
    run, counts, world, found = told
    test = found.test
    assert (test.trained, test.held_out) == (6, 3)
    again = World.estimate(counts.until(6))
    rate = by_hand(again, run.accepted[:, :6], 4, [6, 7, 8])
    later = run.accepted[:, 6:9]
    own = test.score(FITTED)
    missed = rate.mean(0) - later.mean(0) / 4.0
    assert own.rms == pytest.approx(np.sqrt(np.mean(missed**2)), rel=1e-8)
    assert own.bias == pytest.approx(missed.mean(), rel=1e-8, abs=1e-12)
    sure = np.clip(rate, 1 / 26, 25 / 26)
    density = later * np.log(sure) + (4 - later) * np.log(1 - sure)
    assert own.log_density == pytest.approx(density.sum() / (80 * 12), rel=1e-8)
    assert own.difference == 0.0
    for method in METHODS[1:]:
        row = test.score(method)
        assert row.difference == pytest.approx(own.log_density - row.log_density, abs=1e-12)
    curves = test.curves[test.curves["class"] == ALL]
    np.testing.assert_allclose(curves.observed, later.mean(0) / 4.0)
    assert test.speed["held_out_error"] > 0.0
    with pytest.raises(ValueError, match="at least 3 iterations"):
        backtest(world, counts.until(2), PROCEDURE)


def test_what_does_better_is_said_first():
    """Of prompts that all rise evenly a straight line is right, and the log odds' is not."""
    random = np.random.default_rng(4)
    right = np.tile(np.linspace(0.05, 0.95, 12), (60, 1))
    counts = histories(log_of(random.binomial(8, right), 8))
    test = backtest(World.estimate(counts), counts, PROCEDURE, visits=None, draws=20)
    assert test.nearest == "straight_line"
    assert test.summary().startswith("On the held-out iterations a straight line is better")
    assert json.loads(test.to_json())["warnings"][0] == test.warnings()[0]


def test_a_speed_that_changes_is_said_to():
    run = made(5, prompts=200, iterations=12, speed=[0.4] * 7 + [0.0] * 9, attempts=8)
    counts = histories(run.log)
    test = backtest(World.estimate(counts), counts, PROCEDURE, visits=None, draws=40)
    assert test.drifts
    assert min(test.inside.values()) < 0.95
    assert abs(test.speed["trained"] - 0.4) < 0.06
    assert any("the speed falls from" in line for line in test.warnings())
    # And once it has been seen to change, the forecast goes on at the last speed.
    assert abs(settled(World.estimate(counts), counts, 0.95).dynamics.speed[-1]) < 0.1


def test_a_forecast_is_told_in_words_and_numbers(told):
    found = told[3]
    lines = found.summary().splitlines()
    assert "backtest" in lines[0] or "better" in lines[0] or "bands hold" in lines[0]
    assert "1,600 generations and 0 labels on 80 prompts" in found.summary()
    read = json.loads(found.to_json())
    assert len(read["table"]) == len(found.table)
    assert next(iter(read)) == "backtest"
    assert len(found.plot().axes) >= found.table["class"].nunique()
    assert found == found
    with pytest.raises(AttributeError):
        found.confidence = 0.5


def test_labels_are_bought_and_move_prompts_as_in_the_log():
    """Of a log that labels what fails: its label rate by failing or not, and its weight of one."""
    random = np.random.default_rng(1)
    right, accepted, labelled = np.full(300, 0.05), [], []
    for _ in range(8):
        accepted.append(random.binomial(4, right))
        labelled.append((accepted[-1] == 0) * 1)
        right = (right + labelled[-1] * 0.5 * 0.6) / (1.0 + 0.5 * labelled[-1])
    log = log_of(np.array(accepted).T, 4, labelled=np.array(labelled).T.ravel())
    counts = histories(log)
    world = World.estimate(counts, beta=0.6)
    found = forecast(world, counts, 3, PROCEDURE, draws=20, visits=None, test=False)
    table = found.table[found.table["class"] == ALL]
    np.testing.assert_allclose(table.labels, table.failing, atol=1e-12)
    assert abs(world.dynamics.label_weight - 0.5) < 0.15
    for row in table.itertuples():
        assert abs(row.accuracy - right.mean()) < 0.06
        fails = (1.0 - right) ** 4
        share = 0.5 * fails
        right = (right + share * 0.6) / (1.0 + share)


def test_a_real_run_is_within_the_bands_or_the_summary_says_why_not():
    """GRPO on 1,209 prompts: 29 epochs fitted, 15 held out."""
    log = real_logs.rlvr_epochs()
    test = bs.fit(log.where(log.iteration < 44)).backtest(visits=None)
    own = test.score(FITTED)
    assert (test.trained, test.held_out) == (29, 15)
    assert test.best == test.nearest == FITTED
    # Not much more is missed than the attempts' own noise.
    assert own.rms < 1.5 * own.noise
    assert test.inside[ALL] >= 0.95
    for method in METHODS[1:]:
        row = test.score(method)
        assert row.difference > 3.0 * row.error
    told = " ".join(test.warnings())
    assert ("hold less often than stated" in told) == (test.inside["classes"] < 0.95)
    assert not told or "speeds of their own" in told or "the speed" in told


def test_a_fit_forecasts_tests_and_advises(told):
    run, *_, found = told
    fit = bs.fit(run.log)
    again = fit.forecast(AHEAD, draws=60)
    np.testing.assert_allclose(again.table.accuracy, found.table.accuracy, rtol=1e-9)
    # At the log's own finite visits the strong learner meets no success on some prompts.
    whole = again.table["class"] == ALL
    assert (again.table.literal_theory < found.table.literal_theory)[whole].all()
    assert again.test == fit.backtest(draws=60)
    assert len(fit.advise(9, key=0, beta=0.5).table) == 80


def test_few_prompts_are_said_to_be(told):
    log = log_of([[1, 2, 3]] * 4, 4)
    found = bs.fit(log).forecast(2, draws=4)
    assert "resampling 4 prompts" in found.summary()
    assert not found.table.isna().any().any()


def test_prompts_that_all_show_the_same_are_said_to():
    same, solved, two = (
        bs.fit(log_of(shown, 4)).forecast(1, draws=4).summary()
        for shown in ([[1, 2, 3]] * 40, [[4, 4, 4]] * 40, [[1, 2, 3]] * 39 + [[1, 2, 2]])
    )
    labelled = log_of([[1, 2, 3]] * 40, 4, labelled=np.repeat(np.arange(40) % 2, 3))
    for told_ in (same, bs.fit(labelled).forecast(1, draws=4).summary()):
        assert "All prompts show the same, some attempts accepted and some not" in told_
    assert "All prompts show the same" not in solved + two


@pytest.mark.parametrize("passed", [0, 4])
def test_a_log_without_speed_stays_as_it_is(passed):
    """All failed, or all solved: no learner, no change, and no NaN."""
    found = bs.fit(log_of(np.full((6, 4), passed), 4)).forecast(2, draws=4)
    assert not found.table.isna().any().any()
    np.testing.assert_allclose(found.table.accepted, passed / 4, atol=1e-6)
    one = bs.fit(log_of(np.full((6, 1), passed), 4)).forecast(2, draws=4)
    assert one.test is None
    # After that verdicts are taken for truth.
    assert "too short" in one.summary().splitlines()[1]
    assert "better than the fitted speed" not in found.summary()
    assert "no worse than" in found.summary().splitlines()[1]


def test_one_prompt_is_one():
    told = bs.fit(log_of([[1, 2, 3, 2]], 4)).forecast(1, draws=4).summary()
    assert "Bands by resampling 1 prompt are too narrow" in told
    assert "labels on 1 prompt." in told


@pytest.mark.parametrize(
    ("how", "name"),
    [
        ({"iterations": 0}, "iterations"),
        ({"draws": 1}, "draws"),
        ({"confidence": 1.5}, "confidence"),
        ({"visits": 0}, "visits"),
        ({"key": -1}, "key"),
    ],
)
def test_bad_input_is_refused(told, how, name):
    _, counts, world, _ = told
    how = {"iterations": 2, "draws": 2, "test": False} | how
    with pytest.raises(ValueError, match=name):
        forecast(world, counts, how.pop("iterations"), PROCEDURE, **how)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("passed", "gamma"), [(8, 0.0), (0, 0.0), (0, 5e-4)])
def test_where_all_verdicts_are_alike_bands_reach_as_far_as_so_many_attempts_let_them(
    passed, gamma
):
    """By Clopper and Pearson's limit of the other verdict, here from its definition."""
    found = bs.fit(log_of(np.full((30, 5), passed)), filter=bs.NoisyFilter(gamma))
    table = found.forecast(2, draws=20).table
    ends = table[["accepted_low", "accepted_high"]].to_numpy()
    seldom = (1.0 - ends[:, 0]) if passed else ends[:, 1]
    # Given the filter: of what it errs in none need be of the other verdict.
    seldom = 1.0 - (1.0 - seldom) / (1.0 - gamma)
    assert binom.cdf(0, 30 * 5 * 8, seldom) == pytest.approx(0.025)
    right = table[["accuracy_low", "accuracy_high"]].to_numpy()
    assert right == pytest.approx(np.clip((ends - gamma) / (1.0 - 2.0 * gamma), 0.0, 1.0))
    # Attempts to come: so many of the other verdict are too many with the stated probability.
    if gamma:
        assert (table.observed_high >= table.accepted_high).all()
        return
    shown = table[["observed_low", "observed_high"]].to_numpy()
    most = np.rint(240 * ((1.0 - shown[:, 0]) if passed else shown[:, 1])).astype(int)
    rates = np.random.default_rng(0).beta(1.0, 30 * 5 * 8, 200_000)
    others = np.random.default_rng(1).binomial(240, rates)
    for each in most:
        assert (others > each).mean() < 0.026
        assert (others >= each).mean() > 0.024


def test_prompts_of_few_attempts_may_hide_more():
    """The largest mean of rates at which a log of none has the stated probability: by search."""
    attempts, prompts = np.array([3.0, 3000.0, 40.0]), np.array([50.0, 1.0, 9.0])
    shares = np.array([1.0, 4.0, 2.0])

    def mean(rates):
        return (prompts * shares) @ rates / (prompts @ shares)

    room = {"type": "ineq", "fun": lambda p: (prompts * attempts) @ np.log1p(-p) - np.log(0.025)}
    best = minimize(
        lambda p: -mean(p), np.full(3, 1e-4), constraints=[room], bounds=[(0.0, 0.9)] * 3
    )
    assert seldom(attempts, prompts, shares, 0.025) == pytest.approx(-best.fun, rel=1e-4)
    made = np.ones((51, 3), int)
    made[0] = 1000
    table = bs.fit(log_of(0 * made, made)).forecast(1, draws=10).table
    assert table.accuracy_high[0] == pytest.approx(50 / 51 * (1.0 - 0.025 ** (1 / 150)), rel=1e-6)


@pytest.mark.parametrize("passed", [8, 0])
def test_what_a_log_shows_each_time_is_within_its_bands(passed):
    """Also where a filter is given whose rates it contradicts."""
    found = bs.fit(log_of(np.full((40, 4), passed)), filter=bs.NoisyFilter(0.1))
    forecast_ = found.forecast(2, draws=20)
    for name in ("accepted", "observed"):
        ends = forecast_.table[[f"{name}_low", f"{name}_high"]].to_numpy()
        assert (ends[:, 0] <= passed / 8).all()
        assert (ends[:, 1] >= passed / 8).all()
    assert (forecast_.table.observed_low <= forecast_.table.accepted_low).all()
    assert (forecast_.table.observed_high >= forecast_.table.accepted_high).all()
    # A likelihood ratio's: at this correct probability such a log is as likely as the tail, as
    # against the most likely one's.
    low, high = forecast_.table[["accuracy_low", "accuracy_high"]].to_numpy()[0]
    end, best = (low, 1.0) if passed else (high, 0.0)
    logs = [40 * 4 * 8 * np.log(0.1 + 0.8 * (p if passed else 1.0 - p)) for p in (end, best)]
    assert logs[0] - logs[1] == pytest.approx(np.log(0.025))
    assert (high if passed else low) == best


def test_how_many_others_may_come_is_a_quantile_of_the_beta_binomial_law():
    attempts, seen = (
        each.ravel() for each in np.meshgrid([1.0, 7.0, 240.0, 5e4], [0.3, 4.0, 1200.0])
    )
    for tail in (1e-6, 0.025, 0.3):
        wanted = betabinom.isf(tail, attempts, 1.0, seen)
        np.testing.assert_array_equal(most_others(attempts, seen, tail), wanted)
    assert np.isnan(most_others(np.array([3.0]), np.array([np.nan]), 0.1)).all()


def test_a_class_whose_verdicts_are_all_alike_has_bands_of_its_attempts():
    """In a log where others are not: hard prompts that are right once in 200 attempts, and never
    were here. Their classes' bands hold the truth, which no resample of the log shows.
    """
    held = []
    for seed in range(24):
        random = np.random.default_rng(seed)
        right = np.repeat([0.005, 0.6], [12, 28])
        passed = random.binomial(4, np.tile(right[:, None], (1, 5)))
        if passed[:12].any():
            continue
        table = bs.fit(log_of(passed, 4)).forecast(1, draws=20).table
        hard = table[table["class"] == "0 to .05"].iloc[0]
        assert hard.prompts == 12
        limit = 1.0 - 0.025 ** (1 / 240)
        assert hard.accuracy_high == pytest.approx(limit)
        assert hard.accepted_high == pytest.approx(limit)
        held.append(hard.accuracy_low <= 0.005 <= hard.accuracy_high)
    assert len(held) >= 4
    assert all(held)


def test_prompts_that_are_not_met_again_leave_no_nan():
    once = bs.Log(range(9), range(9), range(9), range(9), [4] * 9, [0, 1, 2, 3, 4, 0, 1, 2, 3])
    fitted = bs.fit(once)
    found = fitted.forecast(2, draws=5)
    assert found.test is None
    assert not found.table.isna().any().any()
    with pytest.raises(ValueError, match=r"^log must be one that meets some prompt .*; got none"):
        fitted.backtest(draws=5)
    # Half of the prompts are not met in the held-out iterations.
    records = [(i, t) for i in range(20) for t in ((0, 1) if i < 10 else (2, 3))]
    prompt, place = zip(*records, strict=True)
    accepted = [i % 5 for i in prompt]
    halves = bs.Log(range(20), [0, 1, 4, 5], prompt, place, [4] * 40, accepted)
    assert not bs.fit(halves).forecast(2, draws=5).table.isna().any().any()
