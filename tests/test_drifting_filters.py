"""A filter that is another one in each iteration: a run is one iteration after another of each."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from alarms import assert_law
from worlds import LOOKUP, SOFTMAX

import boostsim as bs
from boostsim.gap import why_no_bound, why_no_fit

INITIAL = [[0.5, 0.25, 0.25], [0.125, 0.5, 0.375]]
TASK = bs.table_task([[1, 0, 0], [1, 0, 0]], [0.25, 0.75], INITIAL)
WEAK = bs.WeakLabeler(0.4)
FILTERS = [
    bs.NoisyFilter(0.0),
    bs.NoisyFilter([0.3, 0.1]),
    bs.NoisyFilter(false_accept=0.5, false_reject=0.25),
]
TIRING = bs.DriftingFilter(FILTERS)

RUNS = {
    "boosting": lambda f: bs.boosting(filter=f, labeler=WEAK, attempts=2),
    "under a budget": lambda f: bs.boosting(filter=f, labeler=WEAK, budget=0.2),
    "sharpened": lambda f: bs.filter_only(filter=f, sharpening=bs.Sharpening(0.7)),
    "the best is kept": lambda f: bs.filter_only(
        filter=f, attempts=2, keep="best", scores=[[1.0, 2.0, 0.0]] * 2
    ),
    "policy gradient": lambda f: bs.filter_only(
        filter=f, attempts=2, learner=bs.PolicyGradient(0.3)
    ),
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("told", [("prompt",), ("prompt", "rows")], ids=["lumped", "dense"])
def test_each_iteration_is_that_of_its_filter(name, told):
    make = RUNS[name]
    run = bs.simulate(make(TIRING), TASK, 3, record=told)
    rows = np.array(INITIAL)
    for number, filt in enumerate(FILTERS):
        task = bs.table_task(TASK.quality, TASK.prompt_weights, rows)
        one = bs.simulate(make(filt), task, 1, record=("prompt", "rows"))
        ours, its = run.error.values[0, number + 1], one.error.values[0, 1]
        np.testing.assert_allclose(ours, its, rtol=1e-12)
        rows = one.rows.values[0, 1]
        rows = rows / rows.sum(axis=1, keepdims=True)


def test_the_same_in_every_iteration_is_one_filter():
    one, same = bs.NoisyFilter(0.2), bs.DriftingFilter([bs.NoisyFilter(0.2)] * 2)
    for make, task, how in (
        (RUNS["boosting"], TASK, {}),
        (lambda f: bs.filter_only(filter=f, learner=SOFTMAX), LOOKUP, dict(visits=4, key=1)),
        (lambda f: bs.filter_only(filter=f, learner=SOFTMAX), LOOKUP, dict(exact=True, key=1)),
    ):
        runs = [bs.simulate(make(filt), task, 2, **how) for filt in (one, same)]
        for name in runs[0].data_vars:
            if name != "seconds":
                np.testing.assert_allclose(runs[1][name], runs[0][name], rtol=1e-13, atol=1e-15)


def test_at_finite_visits_the_law_goes_through_both_filters():
    """One attempt at one visit, by hand: an end is for ever, where the filter rejects nothing."""
    first, then = bs.NoisyFilter(false_accept=0.5, false_reject=0.25), bs.NoisyFilter(0.125)
    procedure = bs.filter_only(filter=bs.DriftingFilter([first, then]))
    task = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
    run = bs.simulate(procedure, task, 2, visits=1, exact=True)
    stays = 1.0 - 0.5 * 0.75 - 0.5 * 0.5
    right = [0.5 * 0.75, 0.5 * 0.75 + stays * 0.5 * 0.875]
    wrong = [0.5 * 0.5, 0.5 * 0.5 + stays * 0.5 * 0.125]
    np.testing.assert_allclose(run.solved.values[0, 1:], right, rtol=1e-14)
    np.testing.assert_allclose(run.lost.values[0, 1:], wrong, rtol=1e-14)
    drawn = bs.simulate(procedure, task, 2, visits=1, seeds=1000, key=4)
    ends = [int((drawn.accuracy.values[:, 2] == end).sum()) for end in (1.0, 0.0)]
    law = [right[1], wrong[1], 1.0 - right[1] - wrong[1]]
    assert_law("drifting_filter", [*ends, 1000 - sum(ends)], law)


def test_accumulated_data_keep_what_each_filter_let_in():
    """One visit, one attempt: of the sum of f_0 and two examples."""
    first, then = bs.NoisyFilter(false_accept=0.0, false_reject=0.0), bs.NoisyFilter(1.0)
    procedure = bs.filter_only(filter=bs.DriftingFilter([first, then]), regime="accumulate")
    task = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
    run = bs.simulate(procedure, task, 2, visits=1, exact=True)
    # After the first: 3/4 or 1/2, each with probability 1/2; then wrong ones are let in.
    after = 0.5 * (0.75 * 0.75 + 0.25 * 0.5) + 0.5 * (0.5 * 0.5 + 0.5 * 0.25)
    np.testing.assert_allclose(run.accuracy.values[0], [0.5, 0.625, after], rtol=1e-14)


def test_a_run_waits_for_what_a_later_filter_can_still_do():
    """All prompts solved, but a filter that rejects what is right comes: then labels come too."""
    task = bs.table_task([[1, 0]], initial=[[1.0, 0.0]])
    late = bs.DriftingFilter([bs.NoisyFilter(0.0), bs.NoisyFilter(0.0), bs.NoisyFilter(0.5)])
    for filt, ends in ((late, 3), (bs.DriftingFilter([bs.NoisyFilter(0.0)] * 3), 0)):
        procedure = bs.boosting(filter=filt, labeler=WEAK)
        run = bs.simulate(procedure, task, 3, visits=1, key=1, until=bs.Until(absorbed=True))
        assert int(run.iteration[-1]) == ends


def test_every_other_iteration_is_turned_in_tokens():
    turning = bs.DriftingFilter([bs.NoisyFilter(0.0), bs.NoisyFilter(1.0)])
    procedure = bs.boosting(attempts=2, filter=turning, labeler=WEAK, learner=SOFTMAX)
    how = dict(visits=8, key=1, record=("responses",))
    run = bs.simulate(procedure, LOOKUP, 2, **how).isel(seed=0)
    accepted, correct = run.accepted.values, run.correct.values
    assert (accepted[1] == correct[1]).all()
    assert (accepted[2] != correct[2]).all()


def test_a_log_is_written_by_the_filter_and_the_labeler_of_each_iteration(tmp_path):
    """Labels that are all wrong, and then all right; verdicts that are true, and then turned."""
    labeler = bs.DriftingLabeler(0.0, later=bs.WeakLabeler(1.0), between=(1, 2))
    turning = bs.DriftingFilter([bs.NoisyFilter(0.0), bs.NoisyFilter(1.0)])
    procedure = bs.boosting(filter=turning, labeler=labeler, criterion=bs.criteria.uniform)
    trace = bs.simulate(procedure, TASK, 2, record="prompt")
    told = dict(procedure=procedure, task=TASK, key=1, visits=20, audited=20)
    bs.write_log(trace, tmp_path / "log.jsonl", **told)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    for row in rows:
        if row.get("iteration") == 0:
            assert row["label_correct"] == 0 < row["labelled"]
            assert row["audited_accepted"] == row["audited_correct"]
        if row.get("iteration") == 1:
            assert row["label_correct"] == row["labelled"] > 0
            assert row["audited_accepted"] == row["audited"] - row["audited_correct"]
            assert row["label_accepted"] == 0
    assert {row.get("iteration") for row in rows} >= {0, 1}


def test_a_run_as_a_function_of_its_numbers_follows_each_filter():
    """Of the numbers that a procedure has: a rate of mistakes is none where filters follow."""
    procedure = RUNS["under a budget"](TIRING)
    with jax.enable_x64(True):
        run = bs.population(procedure, TASK, 3)
        assert "beta" in run.values
        assert not {"gamma", "false_accept", "false_reject"} & set(run.values)
        errors = run({})["error"], run({"beta": 0.4})["error"]
    for error in errors:
        np.testing.assert_allclose(error, bs.simulate(procedure, TASK, 3).error.values[0], 1e-12)


def test_a_procedure_knows_the_filter_of_each_iteration():
    procedure = bs.boosting(filter=TIRING, labeler=WEAK)
    assert [procedure.at(number).filter for number in (1, 2, 3, 9)] == [*FILTERS, FILTERS[-1]]
    assert procedure.lengthened(5).filter.filters == (*FILTERS, FILTERS[-1], FILTERS[-1])
    told = json.loads(procedure.describe())["filter"]
    assert [each["name"] for each in told["filters"]] == ["NoisyFilter"] * 3
    again = bs.DriftingFilter(tuple(map(dataclasses.replace, FILTERS)))
    assert (TIRING, hash(TIRING)) == (again, hash(again))
    with pytest.raises(ValueError, match=r"filter must be one, or one for each of 4 iterations"):
        bs.simulate(procedure, TASK, 4)


def test_who_needs_one_filter_says_so():
    plain = bs.filter_only(filter=TIRING)
    with pytest.raises(ValueError, match="filter must be the same in every iteration"):
        bs.fate(plain, visits=2, initial_accuracy=0.5)
    log = bs.Log(["a"], [0], [0], [0], attempts=[4], accepted=[1])
    with pytest.raises(ValueError, match="filter must be the same in every iteration"):
        bs.fit(log, filter=TIRING)
    with pytest.raises(ValueError, match="is no bs"):
        bs.design(bs.Objective(plain, TASK, 2), {"votes": (1, 3)})
    assert why_no_fit(bs.boosting(filter=TIRING, labeler=WEAK)) == "the filter drifts"
    assert why_no_bound(bs.boosting(filter=TIRING, labeler=WEAK)) == "it is for a perfect filter"


REFUSED = {
    "none": ([], "a list of filters"),
    "no list": (bs.NoisyFilter(0.1), "a list of filters"),
    "text": ("ab", "a list of filters"),
    "a rate": ([0.1, 0.2], "filter must be a filter"),
    "nothing": ([bs.NoisyFilter(0.1), None], "iteration 2"),
    "one of these": ([TIRING], "iteration 1"),
    "verdicts that persist": ([bs.NoisyFilter(0.1, persistent=True)], "fresh noise"),
    "one that reads tokens": ([bs.TokenFilter(lambda prompts, responses: 1.0)], "filter"),
    "other votes": ([bs.NoisyFilter(0.1), bs.NoisyFilter(0.1, votes=3)], "cost the same"),
    "other prompts": ([bs.NoisyFilter([0.1] * 2), bs.NoisyFilter([0.1] * 3)], "number of prompts"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_filters_that_cannot_follow_each_other_are_refused(name):
    filters, told = REFUSED[name]
    with pytest.raises(ValueError, match=told) as caught:
        bs.DriftingFilter(filters)
    assert "\n" not in str(caught.value)
