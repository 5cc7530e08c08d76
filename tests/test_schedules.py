"""Budgets and real shares that change from one iteration to the next, in all cells."""

import jax
import numpy as np
import pytest
from dense import iterate

import boostsim as bs
from boostsim.certification.runs import Exact

TASK = bs.random_table(3, prompts=40, responses=5, solvable=0.5)
WEAK = bs.WeakLabeler(0.4)
BUDGETS = (0.3, 0.0, 0.05, 0.2)
SHARES = (0.5, 0.0, 2.0, 0.1)


def scheduled(budget, real_share, **slots):
    regime = "replace" if real_share is None else "anchor"
    return bs.boosting(
        attempts=2,
        filter=bs.NoisyFilter(0.1),
        labeler=WEAK,
        budget=budget,
        regime=regime,
        real_share=real_share,
        **slots,
    )


@pytest.mark.parametrize("criterion", [bs.criteria.failed, bs.criteria.difficulty(0.3)])
@pytest.mark.parametrize("shares", [None, SHARES])
def test_an_exact_run_is_the_dense_steps_of_each_iteration(criterion, shares):
    trace = bs.simulate(scheduled(BUDGETS, shares, criterion=criterion), TASK, 4, record="rows")
    rows, bought = TASK.initial, 0.0
    for number, budget in enumerate(BUDGETS):
        # Without real data an iteration is one of replace.
        share = shares[number] if shares and shares[number] else None
        once = scheduled(budget, share, criterion=criterion)
        rows, labels = iterate(once, TASK, rows)
        bought += labels
        np.testing.assert_allclose(trace.rows.values[0, number + 1], rows, atol=1e-12)
        np.testing.assert_allclose(trace.labels.values[0, number + 1], bought, atol=1e-12)
    assert trace.labels.values[0, 2] == trace.labels.values[0, 1]


def test_a_schedule_that_is_the_same_everywhere_is_a_number():
    one, many = (
        bs.simulate(scheduled(budget, share), TASK, 5, visits=12, seeds=2, key=4)
        for budget, share in ((0.1, 0.5), ((0.1,) * 5, (0.5,) * 5))
    )
    np.testing.assert_array_equal(one.error.values, many.error.values)
    np.testing.assert_array_equal(one.labels.values, many.labels.values)


def test_a_sampled_run_buys_by_the_schedule():
    always = bs.boosting(
        criterion=bs.criteria.uniform, labeler=WEAK, budget=BUDGETS, filter=bs.NoisyFilter(0.0)
    )
    trace = bs.simulate(always, TASK, 4, visits=200, seeds=4, key=0)
    bought = np.diff(trace.labels.values, axis=1)
    spread = np.sqrt(np.array(BUDGETS) / (4 * 200 * TASK.prompts))
    assert (np.abs(bought.mean(0) - BUDGETS) <= 6.0 * spread).all()


def test_a_kernel_follows_the_schedule_and_then_holds_its_last_entry():
    with jax.enable_x64(True):
        even = bs.boosting(labeler=WEAK, budget=[0.2, 0.01], criterion=bs.criteria.uniform)
        loop = bs.kernel(even, TASK)
        step, state, bought = jax.jit(loop.step), loop.init(), []
        for _ in range(4):
            state, info = step(None, state)
            bought.append(float(info.labels))
    np.testing.assert_allclose(bought, [0.2, 0.01, 0.01, 0.01], atol=1e-12)


def test_a_transformer_buys_by_the_schedule():
    small = bs.Transformer(width=16, heads=2, steps=4, first_steps=4)
    procedure = bs.boosting(labeler=WEAK, budget=[0.5, 0.0], criterion=bs.criteria.uniform)
    trace = bs.simulate(
        procedure, bs.arithmetic(2), 2, learner=small, prompts_per_iteration=64, evaluate=8, key=0
    )
    first, then = np.diff(trace.labels.values[0])
    assert first > 0.0
    assert then == 0.0
    law = bs.simulate(procedure, bs.lookup(8, 4), 2, learner=small, exact=True, key=0)
    np.testing.assert_allclose(np.diff(law.labels.values[0]), [0.5, 0.0], atol=1e-9)


def test_bad_schedules_are_refused():
    with pytest.raises(ValueError, match=r"budget must be at least 0 .* iteration 2"):
        bs.boosting(labeler=WEAK, budget=[0.1, -0.1])
    with pytest.raises(ValueError, match="budget must be an array that is not empty"):
        bs.boosting(labeler=WEAK, budget=[])
    with pytest.raises(ValueError, match="budget must be finite everywhere"):
        bs.boosting(labeler=WEAK, budget=[0.1, np.nan])
    with pytest.raises(ValueError, match="one for each of 3 iterations; got 2"):
        bs.simulate(bs.boosting(labeler=WEAK, budget=[0.1, 0.2]), TASK, 3)
    with pytest.raises(ValueError, match="real_share must be above 0"):
        bs.boosting(labeler=WEAK, regime="anchor", real_share=[0.0, 0.0])
    short = bs.boosting(labeler=WEAK, budget=[0.1])
    with pytest.raises(ValueError, match="one for each of 3 iterations; got 1"):
        bs.simulate(short, bs.arithmetic(2), 3, learner=bs.Transformer(), key=0)


def test_a_measurement_takes_a_schedule_of_its_own_length():
    """Runs are rounded up to a few lengths; what is read of them is not."""
    five = (0.3, 0.2, 0.1, 0.1, 0.1)

    def measured(budget):
        return bs.Measurement(
            task=lambda copies=1: bs.random_table(3, prompts=4 * copies, solvable=0.0),
            procedure=lambda: bs.boosting(labeler=WEAK, filter=bs.NoisyFilter(0.2), budget=budget),
            statistic="error",
            iterations=5,
        )

    runs = [Exact(measured(budget)) for budget in (five, (*five, *[0.9] * 30))]
    traces = [
        bs.simulate(each._procedure({}), bs.random_table(3, prompts=4, solvable=0.0), 5)
        for each in runs
    ]
    assert len(runs[0]._procedure({}).budget) == runs[0].run_length({}) > 5
    np.testing.assert_array_equal(traces[0].error.values, traces[1].error.values)
    with pytest.raises(ValueError, match="one for each of 5 iterations; got 4"):
        Exact(measured(five[:4]))._procedure({})
