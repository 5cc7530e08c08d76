"""Statistics of a row: of one's own and built in, in every run whose rows are there."""

import json

import alarms
import jax.numpy as jnp
import numpy as np
import pytest
from worlds import LOOKUP, SOFTMAX

import boostsim as bs


@bs.statistic(units="probability")
def boldest(row):
    """Largest mass of a response."""
    return jnp.max(row)


@bs.statistic
def doubt(row, quality):
    return jnp.sum((1.0 - quality) * row**2)


@bs.statistic(average=False, units="nats")
def surprise(row):
    return -jnp.sum(jnp.where(row > 0.0, row * jnp.log(jnp.where(row > 0.0, row, 1.0)), 0.0))


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(5)
    quality = np.zeros((6, 4))
    quality[:, 0] = 1.0
    weights = rng.dirichlet(np.ones(6))
    return bs.table_task(quality, weights, rng.dirichlet(np.ones(4), 6))


NOISY = bs.boosting(attempts=2, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3))


@pytest.mark.parametrize("how", [{}, {"visits": 7, "key": 3, "seeds": 2}], ids=["exact", "sampled"])
def test_a_statistic_is_what_the_recorded_rows_say(task, how):
    kept = (
        boldest,
        doubt,
        surprise,
        "rows",
        "surviving",
        "unfixed",
        "accuracy_quantiles",
        "prompt",
    )
    trace = bs.simulate(NOISY, task, 3, record=kept, **how)
    rows, mu = trace.rows.values, task.prompt_weights
    assert trace.boldest.values == pytest.approx(rows.max(-1) @ mu, abs=1e-14)
    assert trace.doubt.values == pytest.approx((rows[..., 1:] ** 2).sum(-1) @ mu, abs=1e-14)
    logs = np.log(np.where(rows > 0, rows, 1.0))
    assert trace.surprise.dims == ("seed", "iteration", "prompt")
    assert trace.surprise.values == pytest.approx(-(rows * logs).sum(-1), abs=1e-13)
    assert trace.surviving.values == pytest.approx((rows > 0).sum(-1) @ mu, abs=1e-14)
    assert trace.unfixed.values == pytest.approx(((rows > 0).sum(-1) > 1) @ mu, abs=1e-14)
    for at, level in enumerate(trace["quantile"].values):
        for seed, iteration in np.ndindex(trace.labels.shape):
            p = trace.accuracy.values[seed, iteration]
            least = min(a for a in p if mu[p <= a].sum() >= level - 1e-12)
            assert trace.accuracy_quantiles.values[seed, iteration, at] == least


def test_a_trace_says_what_its_statistics_are_and_is_saved(task, tmp_path):
    trace = bs.simulate(NOISY, task, 0, record=(boldest, surprise))
    assert trace.boldest.attrs == {
        "units": "probability",
        "long_name": "Largest mass of a response, averaged over prompts with mu",
    }
    assert trace.surprise.attrs["units"] == "nats"
    told = json.loads(trace.attrs["statistics"])
    assert set(told) == {"boldest", "surprise"}
    assert bs.load(bs.save(trace, tmp_path / "run.nc")).identical(trace)
    other = bs.statistic(lambda row: jnp.min(row), name="boldest")
    again = json.loads(bs.simulate(NOISY, task, 0, record=other).attrs["statistics"])
    assert again["boldest"]["fingerprint"] != told["boldest"]["fingerprint"]


def test_runs_that_record_none_are_what_they_were(task):
    plain = bs.simulate(NOISY, task, 2)
    asked = bs.simulate(NOISY, task, 2, record="accuracy_quantiles")
    assert "statistics" not in plain.attrs
    assert asked.drop_vars(("accuracy_quantiles", "quantile")).identical(plain)


def test_exactly_at_finite_visits_it_is_the_mean_of_sampled_runs():
    """By enumeration at one iteration, and by many seeds after three."""
    initial = np.array([[0.5, 0.3, 0.2]])
    task = bs.table_task([[1, 0, 0]], initial=initial)
    drift, record = bs.uncurated(), (boldest, doubt, "surviving", "unfixed")
    exact = bs.simulate(drift, task, 3, visits=3, exact=True, record=record)
    laws = {"boldest": 0.0, "doubt": 0.0, "surviving": 0.0, "unfixed": 0.0}
    for said in np.ndindex(3, 3, 3):
        row = np.bincount(said, minlength=3) / 3
        chance = initial[0][list(said)].prod()
        laws["boldest"] += chance * row.max()
        laws["doubt"] += chance * (row[1:] ** 2).sum()
        laws["surviving"] += chance * (row > 0).sum()
        laws["unfixed"] += chance * ((row > 0).sum() > 1)
    for name, value in laws.items():
        assert float(exact[name][0, 1]) == pytest.approx(value, abs=1e-14)
    # T11, for every response: what is still said after three iterations.
    law = bs.laws.response_survival(examples=3, initial_probability=initial[0], iterations=3)
    assert float(exact.surviving[0, 3]) == pytest.approx(law.sum(), abs=1e-13)
    many = bs.table_task([[1, 0, 0]] * 4000, initial=np.repeat(initial, 4000, axis=0))
    sampled = bs.simulate(drift, many, 3, visits=3, key=1, record="unfixed").unfixed[0, 3]
    hits = round(4000 * float(sampled))
    alarms.assert_share("statistics", hits, 4000, float(exact.unfixed[0, 3]))


def test_of_prompts_that_differ_in_what_is_right_alone():
    """Where everything is accepted prompts share all numbers but which responses are right."""
    task = bs.table_task([[1, 0, 0], [0, 1, 0]], initial=[[0.6, 0.3, 0.1]] * 2)
    trace = bs.simulate(
        bs.uncurated(), task, 2, visits=2, exact=True, record=(doubt, "prompt", "surviving")
    )
    assert trace.accuracy.values[0, 2] == pytest.approx([0.6, 0.3], abs=1e-15)


def test_a_persistent_labeler_is_averaged_over_its_answers():
    task = bs.table_task([[1, 0, 0]], initial=[[0.0, 0.0, 1.0]])
    stubborn = bs.boosting(labeler=bs.WeakLabeler(0.4, persistent=True))
    trace = bs.simulate(stubborn, task, 1, record=(boldest, "accuracy_quantiles"))
    # One answer for ever: each is all there is.
    assert trace.boldest.values[0].tolist() == [1.0, 1.0]
    assert trace.accuracy_quantiles.values[0, 1].tolist() == [0.0, 0.0, 0.0, 1.0, 1.0]


def test_read_off_a_network_where_rows_can_be(tmp_path):
    how = {"learner": SOFTMAX, "key": 0, "exact": True, "folder": tmp_path}
    trace = bs.simulate(NOISY, LOOKUP, 1, record=(boldest, surprise), **how)
    assert trace.surprise.dims == ("seed", "iteration", "prompt")
    assert trace.surprise.values.mean(-1) == pytest.approx(trace.entropy.values, rel=1e-5)
    assert (trace.boldest.values > 1.0 / len(LOOKUP.symbols)).all()
    assert bs.load_run(tmp_path).trace.boldest.identical(trace.boldest)
    changed = bs.statistic(lambda row: jnp.min(row), name="boldest")
    with pytest.raises(ValueError, match="statistics"):
        bs.simulate(NOISY, LOOKUP, 1, record=(changed, surprise), **how)


@pytest.mark.parametrize("how", [{}, {"visits": 3, "key": 0}, {"visits": 2, "exact": True}])
@pytest.mark.parametrize("shift", [5.0, -5.0])
def test_what_is_no_probability_is_refused_and_not_clipped(how, shift):
    """On one prompt is enough, however the average is."""
    world = bs.table_task([[1, 0], [1, 0]], initial=[[1.0, 0.0], [0.0, 1.0]])
    wrong = bs.statistic(lambda row: row[0] * shift, units="probability", name="far")
    with pytest.raises(ValueError, match=r"^statistic 'far' must be in \[0, 1\] where its units"):
        bs.simulate(bs.uncurated(), world, 1, record=wrong, **how)
