"""Costs: what a trace says was bought, at the user's prices."""

import json

import numpy as np
import pytest

import boostsim as bs

TASK = bs.random_table(0, prompts=50, responses=4, solvable=0.5)
PROCEDURE = bs.boosting(
    attempts=3, filter=bs.NoisyFilter(0.1, votes=3), labeler=bs.WeakLabeler(0.3), budget=0.2
)


@pytest.mark.parametrize("settings", [{}, {"visits": 5, "seeds": 2, "key": 0}])
def test_the_total_is_the_sum_of_its_parts(settings):
    prices = bs.Prices(label=2.0, generation=0.1, filter_call=0.01, iteration=5.0)
    trace = bs.simulate(PROCEDURE, TASK, 4, prices=prices, **settings)
    # By hand: 3 responses of 3 looks each in every iteration.
    passed = np.arange(5)
    by_hand = 2.0 * trace.labels.values + 0.1 * 3 * passed + 0.01 * 9 * passed + 5.0 * passed
    np.testing.assert_allclose(trace.cost.values, by_hand, rtol=1e-12)
    assert json.loads(trace.attrs["prices"])["label"] == 2.0
    assert float(trace.cost[0, 0]) == 0.0
    again = bs.priced(bs.simulate(PROCEDURE, TASK, 4, **settings), prices)
    assert again.identical(trace)


def test_attempts_that_stop_early_are_paid_as_made():
    """By T17's law on the accuracies of the same run in which all are made."""
    prices = bs.Prices(label=2.0, generation=0.1, filter_call=0.01)
    slots = {"attempts": 3, "filter": bs.NoisyFilter(0.1), "labeler": bs.WeakLabeler(0.3)}
    run = {"iterations": 4, "record": ("prompt",), "prices": prices}
    whole = bs.simulate(bs.boosting(**slots), TASK, **run)
    stopping = bs.simulate(bs.boosting(**slots, until_accepted=True), TASK, **run)
    np.testing.assert_allclose(stopping.labels, whole.labels, rtol=1e-12)
    acceptance = 0.1 + 0.8 * whole.accuracy.values[0, :-1]
    made = bs.laws.attempts_until_accepted(acceptance=acceptance, attempts=3)
    made = np.cumsum(made @ TASK.prompt_weights)
    np.testing.assert_allclose(
        stopping.cost.values[0, 1:], 2.0 * whole.labels.values[0, 1:] + 0.11 * made, rtol=1e-12
    )
    assert (stopping.cost[0, 1:] < whole.cost[0, 1:]).all()


def test_a_plan_costs_what_its_run_costs():
    prices = {"label": 1.0, "generation": 0.02, "filter_call": 0.003, "iteration": 0.1}
    plan = bs.plan(
        beta=0.3,
        gamma=0.1,
        error=0.6,
        target=0.05,
        **{f"price_{name}": price for name, price in prices.items()},
    )
    row = [[0.0, 1.0]] * 6 + [[1.0, 0.0]] * 4
    task = bs.table_task([[1, 0]] * 10, initial=row)
    procedure = bs.boosting(
        attempts=plan.attempts,
        filter=bs.NoisyFilter(0.1, votes=plan.votes),
        labeler=bs.WeakLabeler(0.3),
    )
    trace = bs.simulate(procedure, task, plan.iterations, prices=bs.Prices(**prices))
    assert float(trace.cost[0, -1]) == pytest.approx(plan.cost, rel=1e-9)


def test_a_price_is_kept_with_the_trace(tmp_path):
    trace = bs.simulate(PROCEDURE, TASK, 4, prices=bs.Prices())
    bs.save(trace, tmp_path / "trace.nc")
    assert bs.load(tmp_path / "trace.nc").identical(trace)


def test_what_is_no_price_is_refused():
    with pytest.raises(ValueError, match="label must be a finite number of at least 0"):
        bs.Prices(label=-1.0)
    with pytest.raises(ValueError, match=r"prices must be a bs\.Prices"):
        bs.simulate(PROCEDURE, TASK, 1, prices={"label": 1.0})
    with pytest.raises(ValueError, match=r"prices must be a bs\.Prices"):
        bs.priced(bs.simulate(PROCEDURE, TASK, 4), 2.0)
