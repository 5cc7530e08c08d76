"""Mutation and migration: each example by itself from (1 - m) f + m R."""

import alarms
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binom

import boostsim as bs
from boostsim.simulation.tables.finite import chains


@bs.statistic
def apart(row):
    return 1.0 - jnp.sum(row**2)


def test_each_step_is_binomial_in_the_mixture():
    rate, right, visits = 0.3, 0.25, 5
    task = bs.table_task([[1, 0]], initial=[[0.7, 0.3]])
    (chain,) = chains(bs.migration(rate, bs.WeakLabeler(right)), task, visits)
    steps = [binom.pmf(range(6), visits, 0.7 * i / visits + rate * right) for i in range(6)]
    assert chain.accuracy == pytest.approx(np.arange(6) / 5)
    assert chain.transition == pytest.approx(np.array(steps), abs=1e-14)
    first = binom.pmf(range(6), visits, 0.7 * 0.7 + rate * right)
    assert chain.start[0] == pytest.approx(first, abs=1e-14)
    assert chain.stay[0] == 0.0


def test_wrights_mean_and_variance():
    """.005 from right to wrong, .01 back, at M = 100: m (1 - q) and m q."""
    rest = bs.fate(bs.migration(0.015, bs.WeakLabeler(2 / 3)), visits=100, initial_accuracy=0.1)
    assert (rest.case, float(rest.mean)) == ("stationary", pytest.approx(0.6667, abs=5e-5))
    assert float(rest.variance) == pytest.approx(0.0563, abs=5e-5)
    # Boosting whose labels and filter err so is the same chain.
    gamma = (0.995 - np.sqrt(0.995**2 - 0.02)) / 2
    law = bs.laws.stationary_accuracy(beta=gamma + 0.005, gamma=gamma, attempts=1, visits=100)
    assert float(rest.mean) == pytest.approx(float(law.mean), rel=1e-10)
    assert float(rest.variance) == pytest.approx(float(law.variance), rel=1e-10)
    assert float(rest.variance) == pytest.approx(2 / 9 / (100 - 0.985**2 * 99), rel=1e-10)


def test_without_it_there_is_drift():
    """T11: the diversity's decay, and who is fixed, and when."""
    task = bs.table_task([[1, 0, 0]], initial=[[0.5, 0.25, 0.25]])
    still = bs.migration(0.0, bs.WeakLabeler(0.9))
    trace = bs.simulate(still, task, 6, visits=4, exact=True, record=apart)
    kept = bs.laws.drift_diversity(examples=4, iterations=np.arange(7))
    assert trace.apart.values[0] == pytest.approx(kept * 0.625, rel=1e-13)
    rest = bs.fate(still, visits=9, initial_accuracy=0.25)
    assert (rest.case, float(rest.solved)) == ("decided", pytest.approx(0.25))
    time = bs.laws.fixation_time(examples=9, initial_accuracy=0.25)
    assert float(rest.time) == pytest.approx(float(time), rel=1e-12)


def test_diversity_of_several_responses_by_its_recursion():
    """Of two draws from the new row: one example, or two, each at home or from elsewhere."""
    rate, visits = 0.2, 3
    initial, other = np.array([0.6, 0.4, 0.0]), np.array([0.1, 0.2, 0.7])
    task = bs.table_task([[1, 0, 0]], initial=[initial])
    trace = bs.simulate(
        bs.migration(rate, [other]), task, 5, visits=visits, exact=True, record=apart
    )
    home, between, away = 1 - initial @ initial, 1 - initial @ other, 1 - other @ other
    expected = [home]
    for _ in range(5):
        mixed = (1 - rate) ** 2 * home + 2 * rate * (1 - rate) * between + rate**2 * away
        home = (1 - 1 / visits) * mixed
        between = (1 - rate) * between + rate * away
        expected.append(home)
    assert trace.apart.values[0] == pytest.approx(expected, rel=1e-13)


def test_sampled_examples_and_what_they_cost():
    prompts, rate = 3000, 0.25
    task = bs.table_task([[1, 0]] * prompts, initial=[[0.9, 0.1]] * prompts)
    trace = bs.simulate(
        bs.migration(rate, [[0.2, 0.8]] * prompts), task, 1, visits=2, key=0, record="prompt"
    )
    counts = np.bincount(np.rint(2 * trace.accuracy.values[0, 1]).astype(int), minlength=3)
    alarms.assert_law("migration", counts, binom.pmf(range(3), 2, 0.75 * 0.9 + 0.25 * 0.2))
    labels = round(2 * prompts * float(trace.labels[0, 1]))
    alarms.assert_share("migration", labels, 2 * prompts, rate)
    assert float(trace.generations[0, 1]) == pytest.approx(1.0)
    assert float(trace.filter_calls[0, 1]) == 0.0
