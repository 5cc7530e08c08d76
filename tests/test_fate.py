"""How prompts end at finitely many visits: against laws, long exact runs and sampled ones."""

import json

import numpy as np
import pytest
from alarms import assert_share, hoeffding

import boostsim as bs

NOISY = bs.NoisyFilter(0.2)
WEAK = bs.WeakLabeler(0.3)


def test_drift_is_the_law_of_fixation():
    p = np.array([0.0, 1 / 20, 0.5, 0.3])
    found = bs.fate(bs.uncurated(attempts=2), visits=10, initial_accuracy=p)
    assert found.case == "decided"
    neutral = {"false_accept": 1.0, "false_reject": 0.0}
    law = bs.laws.fixation(examples=20, initial_accuracy=p, **neutral)
    for name in ("solved", "lost", "time", "deviation", "time_solved", "deviation_lost"):
        got, want = getattr(found, name), getattr(law, name)
        assert got.shape == p.shape
        assert got == pytest.approx(want, rel=1e-11, nan_ok=True), name
    assert found.time == pytest.approx(
        bs.laws.fixation_time(examples=20, initial_accuracy=p), rel=1e-11
    )
    assert found.mean == pytest.approx(p, rel=1e-12)


def test_a_filter_that_nearly_always_finds_one_fixes_as_the_law_says():
    """Of 60 attempts none is accepted with a probability below 1e-20."""
    rates = {"false_accept": 0.5, "false_reject": 0.1}
    procedure = bs.filter_only(attempts=60, filter=bs.NoisyFilter(**rates), keep="one")
    found = bs.fate(procedure, visits=6, initial_accuracy=0.3)
    law = bs.laws.fixation(examples=6, initial_accuracy=0.3, **rates)
    for name in law._fields:
        assert getattr(found, name) == pytest.approx(getattr(law, name), rel=1e-10), name


@pytest.mark.parametrize("attempts", [1, 3])
def test_where_both_err_it_rests_as_the_law_says(attempts):
    procedure = bs.boosting(attempts=attempts, filter=NOISY, labeler=WEAK)
    found = bs.fate(procedure, visits=8, initial_accuracy=0.3)
    law = bs.laws.stationary_accuracy(beta=0.3, gamma=0.2, attempts=attempts, visits=8)
    assert found.case == "stationary"
    assert (found.solved, found.lost) == (0.0, 0.0)
    assert np.isnan([found.time, found.time_solved, found.time_lost]).all()
    assert found.mean == pytest.approx(law.mean, rel=1e-12)
    assert found.variance == pytest.approx(law.variance, rel=1e-11)
    below = np.cumsum(found.law)
    for level in (0.0, 0.1, 0.5, 0.9, 1.0):
        number = np.searchsorted(below, level * (1 - 1e-12))
        assert found.quantile(level) == found.accuracies[min(number, len(below) - 1)]


def test_one_visit_is_solved_at_a_geometric_time():
    """T2: 1/beta iterations, with a standard deviation of sqrt(1 - beta)/beta."""
    found = bs.fate(bs.boosting(labeler=WEAK), visits=1, initial_accuracy=[0.0, 1.0])
    assert found.solved.tolist() == [1.0, 1.0]
    assert found.time == pytest.approx([1 / 0.3, 0.0])
    assert found.deviation == pytest.approx([np.sqrt(0.7) / 0.3, 0.0])
    assert np.isnan(found.time_lost).all()


WORLDS = {
    "filter_only": (bs.filter_only(attempts=2, filter=NOISY), 4),
    "random_labels": (bs.random_labels(rate=0.2, attempts=2, labeler=WEAK), 3),
    "a light label": (bs.boosting(attempts=2, labeler=WEAK, label_weight=0.25), 3),
    "an imperfect learner": (
        bs.boosting(labeler=WEAK, filter=NOISY, learner=bs.StrongLearner(0.1)),
        3,
    ),
    "the first model": (bs.boosting(labeler=bs.FirstModel(), filter=NOISY), 3),
}


@pytest.mark.parametrize("name", WORLDS)
def test_a_long_exact_run_ends_so(name):
    procedure, visits = WORLDS[name]
    starts = np.array([0.1, 0.6])
    found = bs.fate(procedure, visits=visits, initial_accuracy=starts)
    task = bs.table_task([[1, 0]] * 2, initial=np.stack([starts, 1 - starts], 1))
    trace = bs.simulate(procedure, task, 1500, visits=visits, exact=True, record=("prompt", "law"))
    last = trace.isel(seed=0, iteration=-1)
    assert last.accuracy.values == pytest.approx(found.mean, rel=1e-9)
    # The trace has the law of a prompt that is drawn.
    law = np.zeros(len(trace.value))
    for value, share in zip(found.accuracies, found.law.mean(0), strict=True):
        law[np.abs(trace.value.values - value).argmin()] += share
    assert last.law.values == pytest.approx(law, abs=1e-10)


def test_sampled_prompts_end_so():
    """Visits at which nothing is accepted among them: the model then stays as it is."""
    prompts, p = 6000, 0.3
    procedure = bs.filter_only(attempts=1, filter=bs.NoisyFilter(0.35))
    task = bs.table_task([[1, 0]] * prompts, initial=[[p, 1 - p]] * prompts)
    trace = bs.simulate(procedure, task, 128, visits=3, key=4, record="prompt")
    accuracy = trace.accuracy.values[0]
    over = (accuracy == 0) | (accuracy == 1)
    assert over[-1].all()
    found = bs.fate(procedure, visits=3, initial_accuracy=p)
    assert_share("fates", int(accuracy[-1].sum()), prompts, found.solved)
    times = np.minimum(over.argmax(0), 48)
    assert abs(times.mean() - found.time) <= hoeffding("fates", prompts, 48)
    lost = times[accuracy[-1] == 0]
    assert abs(lost.mean() - found.time_lost) <= hoeffding("fates", len(lost), 48)


@pytest.mark.parametrize("start", [1.0, 0.5])
def test_different_examples_that_teach_the_same_are_one_state(start):
    """Beside right real data any number of right examples makes a prompt that is solved."""
    anchored = bs.filter_only(attempts=2, keep="one", regime=bs.Anchor(0.5))
    found = bs.fate(anchored, visits=3, initial_accuracy=start)
    assert found.case == "decided"
    assert (float(found.solved), float(found.lost)) == (1.0, 0.0)
    assert len(found.accuracies) == len(np.unique(found.accuracies.round(9)))
    # What is kept is right, and so is the real data: at once.
    assert float(found.time) == pytest.approx(float(start < 1.0), abs=1e-12)
    assert float(found.deviation) == pytest.approx(0.0, abs=1e-12)


def test_where_nothing_ever_happens_or_it_depends():
    still = bs.fate(bs.filter_only(filter=bs.RejectAll()), visits=2, initial_accuracy=[0.3, 0.6])
    assert still.case == "unchanged"
    assert still.mean.tolist() == [0.3, 0.6]
    # f_0 as the labeler: certain where it is, and else never.
    first = bs.boosting(labeler=bs.FirstModel(), filter=NOISY)
    found = bs.fate(first, visits=2, initial_accuracy=[0.0, 0.5, 1.0])
    assert found.case == "mixed"
    assert found.solved.tolist() == [0, 0, 1]
    assert found.lost.tolist() == [1, 0, 0]
    assert 0.5 < found.mean[1] < 1.0


def test_what_hardly_ever_moves_is_not_unchanged():
    rare = bs.NoisyFilter(false_accept=0.5, false_reject=1e-30)
    found = bs.fate(bs.boosting(filter=rare, labeler=WEAK), visits=2, initial_accuracy=1.0)
    assert found.case == "stationary"
    assert 0.0 < found.variance < 1e-29


def test_it_shows_itself():
    found = bs.fate(WORLDS["filter_only"][0], visits=4, initial_accuracy=0.3)
    assert repr(found) == f"<Fate: decided, solved {found.solved:.4g}, lost {found.lost:.4g}>"
    told = found.summary()
    assert f"solved with probability {found.solved:.4g}, after {found.time_solved:.4g}" in told
    assert f"a chain of {found.states} states" in told
    assert "time_lost" in found._repr_html_()
    read = json.loads(found.to_json())
    assert read["table"][0]["solved"] == float(found.solved)
    assert read["question"]["visits"] == 4
    many = bs.fate(bs.uncurated(), visits=2, initial_accuracy=np.linspace(0, 1, 9))
    assert "(4 of 9 first accuracies.)" in many.summary()
    assert repr(many) == "<Fate: decided, 9 first accuracies>"
    resting = bs.fate(WORLDS["an imperfect learner"][0], visits=2, initial_accuracy=0.3)
    assert "in the end" in resting.summary()
    assert json.loads(resting.to_json())["table"][0].get("time") is None
    with pytest.raises(ValueError, match="level must be"):
        many.quantile(2.0)


@pytest.mark.parametrize(
    ("procedure", "why"),
    [
        (bs.boosting(labeler=WEAK, budget=0.2), "a budget ties prompts together"),
        (bs.boosting(labeler=WEAK, label_weight=[1.0, 0.5]), "the same in every iteration"),
        (bs.boosting(labeler=WEAK, filter=bs.NoisyFilter(0.1, persistent=True)), "fresh verdicts"),
        (bs.boosting(labeler=bs.WeakLabeler(0.3, persistent=True)), "fresh verdicts and labels"),
        (bs.uncurated(regime="accumulate"), "data that accumulate"),
        ("boosting", "procedure must be a bs.Procedure"),
    ],
)
def test_what_has_no_one_chain_is_refused(procedure, why):
    with pytest.raises(ValueError, match=why) as error:
        bs.fate(procedure, visits=3, initial_accuracy=0.5)
    # What fate has no place for is not advised.
    assert "leave exact out" not in str(error.value)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"visits": 0}, "visits must be"),
        ({"visits": 20}, r"at most 9 states \(it has 21\)"),
        ({"initial_accuracy": 1.5}, "initial_accuracy must be"),
        ({"initial_accuracy": []}, "initial_accuracy must be an array that is not empty"),
        ({"initial_accuracy": [[0.5], [0.5, 0.2]]}, "initial_accuracy must be"),
        ({"initial_accuracy": "half"}, "initial_accuracy must be a number in"),
        ({"initial_accuracy": [0.5, np.nan]}, "initial_accuracy must be"),
    ],
)
def test_bad_arguments_are_refused(changed, why, monkeypatch):
    monkeypatch.setattr("boostsim.certification.fate.MOST_SOLVED", 9)
    given = {"visits": 3, "initial_accuracy": 0.5, **changed}
    with pytest.raises(ValueError, match=why):
        bs.fate(bs.uncurated(), **given)
