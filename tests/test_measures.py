"""Rows and the measures of collapse, against what they are by hand and by T11."""

import alarms
import numpy as np
import pytest

import boostsim as bs
from boostsim.certification.intervals import bernstein_interval
from boostsim.certification.runs import Exact

TASK = bs.table_task(
    [[1, 0, 0, 0], [1, 1, 0, 0]],
    [0.25, 0.75],
    [[0.4, 0.3, 0.2, 0.1], [0.05, 0.05, 0.2, 0.7]],
)
PROCEDURES = {
    "boosting": bs.boosting(
        attempts=2, filter=bs.NoisyFilter(0.2), labeler=bs.WeakLabeler(0.3), regime="accumulate"
    ),
    "persistent": bs.boosting(
        filter=bs.NoisyFilter(0.2, persistent=True), labeler=bs.WeakLabeler(0.3, persistent=True)
    ),
    "filter_only": bs.filter_only(filter=bs.NoisyFilter(0.1)),
}


@pytest.mark.parametrize("visits", [None, 5])
@pytest.mark.parametrize("name", PROCEDURES)
def test_rows_are_the_model(name, visits):
    procedure = PROCEDURES[name]
    settings = {"key": 1} if visits or name == "persistent" else {}
    record = ("rows", "diversity", "entropy")
    trace = bs.simulate(procedure, TASK, 3, visits=visits, record=record, **settings)
    assert trace.rows.dims == ("seed", "iteration", "prompt", "response")
    assert trace.rows.shape == (1, 4, 2, 4)
    np.testing.assert_allclose(trace.rows.sum("response"), 1.0, atol=1e-12)
    np.testing.assert_allclose(trace.rows[0, 0], TASK.initial, atol=1e-15)
    right = (trace.rows.values * TASK.quality).sum(-1) @ TASK.prompt_weights
    np.testing.assert_allclose(right, trace.accuracy, atol=1e-12)
    measured = bs.collapse_measures(trace, TASK)
    np.testing.assert_allclose(measured.accuracy, trace.accuracy, atol=1e-12)
    # Where answers persist, an exact run averages over them: so do its rows, before measuring.
    if name != "persistent" or visits is not None:
        np.testing.assert_allclose(measured.diversity, trace.diversity, atol=1e-12)
        np.testing.assert_allclose(measured.entropy, trace.entropy, atol=1e-12)


def test_measures_by_hand():
    trace = bs.simulate(bs.uncurated(), TASK, 0, record="rows")
    measured = bs.collapse_measures(trace, TASK, values=[0.0, 1.0, 0.0, 1.0], rare=0.15)
    assert float(measured.variance[0, 0]) == pytest.approx(0.25 * 0.24 + 0.75 * 0.75 * 0.25)
    assert float(measured.tail_mass[0, 0]) == pytest.approx(0.25 * 0.1 + 0.75 * 0.1)
    assert float(measured.accuracy[0, 0]) == pytest.approx(0.25 * 0.4 + 0.75 * 0.1)
    everything = bs.collapse_measures(trace, TASK, rare=1.0)
    assert float(everything.tail_mass[0, 0]) == pytest.approx(1.0)
    assert float(bs.collapse_measures(trace, TASK, rare=0.0).tail_mass[0, 0]) == 0.0


def test_variance_drifts_like_diversity_and_the_tail_is_a_fair_game():
    """E Var_t = (1 - 1/M)^t Var_0, E tail_t = tail_0: two claims at M = 4, t = 3."""
    task = bs.table_task([[1, 0, 0, 0]] * 500, initial=[[0.4, 0.3, 0.2, 0.1]] * 500)
    trace = bs.simulate(bs.uncurated(), task, 3, visits=4, seeds=20, key=3, record="rows")
    rows = trace.rows.values[:, -1].reshape(-1, 4)
    value = np.arange(4.0)
    drawn = {
        "variance": ((rows @ value**2) - (rows @ value) ** 2, 1.0 * 0.75**3, 9 / 4),
        "tail": (rows[:, 3], 0.1, 1.0),
    }
    for values, expected, high in drawn.values():
        low, high = bernstein_interval(values, alarms.alpha("collapse_measures"), 0.0, high)
        assert low <= expected <= high
    measured = bs.collapse_measures(trace, task)
    assert measured.variance.values[:, -1].mean() == pytest.approx(drawn["variance"][0].mean())
    assert measured.tail_mass.values[:, -1].mean() == pytest.approx(rows[:, 3].mean())


def test_another_task_is_refused_whatever_its_shape(tmp_path):
    """One prompt's truth turned round, other weights, another first model, other real data."""
    trace = bs.simulate(bs.uncurated(), TASK, 1, record="rows")
    kept = bs.load(bs.save(trace, tmp_path / "run.nc"))
    again = bs.table_task(TASK.quality, TASK.prompt_weights, TASK.initial)
    assert bs.collapse_measures(kept, again).identical(bs.collapse_measures(trace, TASK))
    statistic = Exact(bs.Measurement(bs.uncurated, statistic="error", iterations=1))
    others = (
        bs.table_task(1.0 - TASK.quality, TASK.prompt_weights, TASK.initial),
        bs.table_task(TASK.quality, None, TASK.initial),
        bs.table_task(TASK.quality, TASK.prompt_weights),
        bs.table_task(TASK.quality, TASK.prompt_weights, TASK.initial, TASK.initial),
    )
    for other in others:
        for asked in (
            lambda other=other: bs.collapse_measures(trace, other),
            lambda other=other: statistic.read(trace, other, {}),
        ):
            with pytest.raises(ValueError, match="task must be the one that was run"):
                asked()
    with pytest.raises(ValueError, match="trace must be one that"):
        bs.collapse_measures(trace.drop_attrs(), TASK)
    with pytest.raises(ValueError, match="task must be the table task that was run"):
        bs.collapse_measures(trace, bs.lookup())


def test_bad_input_is_refused():
    trace = bs.simulate(bs.uncurated(), TASK, 1, record="rows")
    with pytest.raises(ValueError, match='record="rows"'):
        bs.collapse_measures(bs.simulate(bs.uncurated(), TASK, 1), TASK)
    with pytest.raises(ValueError, match="values must be a number for each of 4 responses"):
        bs.collapse_measures(trace, TASK, values=[1.0])
    with pytest.raises(ValueError, match="rare must be"):
        bs.collapse_measures(trace, TASK, rare=2.0)
    with pytest.raises(ValueError, match="task must be the one that was run"):
        bs.collapse_measures(trace, bs.random_table(0, prompts=3))
