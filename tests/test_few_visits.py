"""T21's laws: against every outcome written out, printed values and the population's laws."""

from fractions import Fraction as F

import chains
import numpy as np
import pytest

import boostsim as bs

EPS = np.finfo(float).eps
VISITS = 3


def test_the_value_that_theory_prints():
    world = dict(beta=0.3, gamma=0.1, attempts=2, initial_accuracy=2 / 6, iterations=5)
    assert 1 - bs.laws.few_visits_error(visits=6, **world) == pytest.approx(0.97556, abs=5e-6)


@pytest.mark.parametrize(("visits", "error"), [(1, 0.446), (4, 0.179), (10, 0.044)])
def test_a_plan_for_infinitely_many_visits_is_none_for_few(visits, error):
    """Eight attempts, five iterations: .0015 in the limit, of seven helpless prompts in ten."""
    world = dict(beta=0.2, gamma=0.1, attempts=8, iterations=5)
    errors = bs.laws.few_visits_error(visits=visits, initial_accuracy=[0.0, 1.0], **world)
    assert [0.7, 0.3] @ errors == pytest.approx(error, abs=5e-4)


@pytest.mark.parametrize("attempts", [1, 2])
def test_laws_are_those_of_every_outcome_written_out(attempts):
    labelled = (F(1), *[F(0)] * attempts)
    told = chains.World(attempts, (F(7, 8), F(1, 8)), F(1, 4), labelled)
    world = dict(attempts=attempts, visits=VISITS, initial_accuracy=0.375)
    law = bs.laws.few_visits_law(beta=0.25, gamma=0.125, iterations=[1, 2, 3], **world)
    error = bs.laws.few_visits_error(beta=0.25, gamma=0.125, iterations=[0, 1, 2, 3], **world)
    for iteration, want in enumerate(chains.law_of(told, F(3, 8), VISITS, 3)):
        mean = sum((1 - right) * chance for right, chance in want.items())
        assert error[iteration] == pytest.approx(float(mean), rel=64 * EPS)
        if iteration:
            exact = [float(want[F(z, VISITS)]) for z in range(VISITS + 1)]
            np.testing.assert_allclose(law[iteration - 1], exact, rtol=64 * EPS)


def test_filtering_is_that_of_every_outcome_written_out():
    told = chains.World(2, (F(3, 4), F(1, 8)), F(0), (F(0),) * 3)
    rates = dict(false_accept=0.125, false_reject=0.25, attempts=2)
    found = bs.laws.few_visits_filtering(
        visits=VISITS, initial_accuracy=0.375, iterations=[0, 1, 2, 3], **rates
    )
    for iteration, want in enumerate(chains.law_of(told, F(3, 8), VISITS, 3)):
        mean = sum(right * chance for right, chance in want.items())
        square = sum(right**2 * chance for right, chance in want.items())
        exact = [mean, 1 - mean, square - mean**2, want.get(F(1), 0), want.get(F(0), 0)]
        got = [each[iteration] for each in found]
        np.testing.assert_allclose(got, [float(each) for each in exact], rtol=64 * EPS, atol=EPS)


def test_a_filter_that_accepts_nothing_changes_nothing():
    found = bs.laws.few_visits_filtering(
        false_accept=0.0,
        false_reject=1.0,
        attempts=2,
        visits=3,
        initial_accuracy=0.25,
        iterations=4,
    )
    assert [float(each) for each in found] == [0.25, 0.75, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(("beta", "gamma"), [(0.2, 0.0), (0.3, 0.1), (1.0, 0.5)])
def test_with_one_attempt_the_mean_is_the_populations_at_every_number_of_visits(beta, gamma):
    start, iterations = 0.125, np.arange(8)
    law = bs.laws.noisy_boosting(beta=beta, gamma=gamma)
    want = 1 - law.fixed_point + law.rate**iterations * (law.fixed_point - start)
    for visits in (1, 2, 9):
        found = bs.laws.few_visits_error(
            beta=beta, gamma=gamma, attempts=1, visits=visits,
            initial_accuracy=start, iterations=iterations,
        )  # fmt: skip
        np.testing.assert_allclose(found, want, rtol=1e-13)


def test_errors_of_1e_30_keep_their_digits():
    """A perfect filter and two attempts: at one visit the error is E e_0 prod of (1 - beta)."""
    world = dict(beta=0.999, gamma=0.0, attempts=1, visits=5, initial_accuracy=0.0)
    found = bs.laws.few_visits_error(iterations=10, **world)
    assert found == pytest.approx((1 - 0.999) ** 10, rel=1e-12, abs=0.0)
    assert found == pytest.approx(1e-30, rel=1e-11, abs=0.0)


def test_the_mean_tends_to_the_population_at_rate_one_over_v():
    world = dict(beta=0.3, gamma=0.1, attempts=3, initial_accuracy=0.4, iterations=3)
    task = bs.table_task([[1, 0]], initial=[[0.4, 0.6]])
    procedure = bs.boosting(attempts=3, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3))
    limit = float(bs.simulate(procedure, task, 3).error[0, -1])
    visits = np.array([125, 250, 500, 1000])
    left = [v * (bs.laws.few_visits_error(visits=int(v), **world) - limit) for v in visits]
    # v (E e - e) tends to a constant, with a remainder of the order 1/v: halved each time.
    steps = np.abs(np.diff(left))
    assert abs(left[-1]) > 0.01
    np.testing.assert_allclose(steps[1:] / steps[:-1], 0.5, atol=0.1)


def test_a_small_variance_of_a_prompt_that_is_nearly_solved_keeps_its_digits():
    """One visit, all accepted: right with probability p, so the variance is p (1 - p)."""
    missing = 1.0 - (1.0 - 3e-10)
    found = bs.laws.few_visits_filtering(
        false_accept=1.0,
        false_reject=0.0,
        attempts=1,
        visits=1,
        initial_accuracy=1.0 - missing,
        iterations=1,
    )
    assert found.variance == pytest.approx((1.0 - missing) * missing, rel=1e-13, abs=0.0)
