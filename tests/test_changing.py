"""Attempts and visits that change from one iteration to the next: a number for each."""

from fractions import Fraction

import alarms
import jax
import numpy as np
import pytest
from scipy.stats import binom
from worlds import LOOKUP, SOFTMAX

import boostsim as bs

NOISY = {"filter": bs.NoisyFilter(0.1), "labeler": bs.WeakLabeler(0.3)}


# Schedules that are longer than some of their runs, on many prompts that look alike.
ATTEMPTS, VISITS, START = [1, 2, 1, 2], [2, 3, 1, 3], 0.3
MANY = bs.table_task([[1, 0]] * 4000, initial=[[START, 1 - START]] * 4000)


@pytest.fixture(scope="module")
def task():
    rng = np.random.default_rng(3)
    quality = np.zeros((5, 3))
    quality[:, 0] = 1.0
    return bs.table_task(quality, rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(3), 5))


def variables(trace):
    return {name: each.values for name, each in trace.data_vars.items()}


def same(one, other):
    assert one.keys() == other.keys()
    for name, values in one.items():
        assert np.array_equal(values, other[name], equal_nan=True), name


def test_exact_iterations_are_those_of_the_procedures_that_make_so_many_attempts(task):
    attempts = [1, 2, 2]
    trace = bs.simulate(bs.boosting(attempts=attempts, **NOISY), task, 3, record="rows")
    row, errors, labels = task.initial, [], []
    for k in attempts:
        step = bs.simulate(
            bs.boosting(attempts=k, **NOISY),
            bs.table_task(task.quality, task.prompt_weights, row),
            1,
            record="rows",
        )
        row = step.rows.values[0, 1]
        errors.append(float(step.error[0, 1]))
        labels.append(float(step.labels[0, 1]))
    assert trace.error.values[0, 1:] == pytest.approx(errors, rel=1e-12)
    assert np.diff(trace.labels.values[0]) == pytest.approx(labels, rel=1e-12)
    assert trace.generations.values[0].tolist() == [0.0, 1.0, 3.0, 5.0]
    assert trace.filter_calls.values[0].tolist() == [0.0, 1.0, 3.0, 5.0]


@pytest.mark.parametrize(
    "how",
    [{}, {"visits": 4, "key": 1}, {"visits": 4, "exact": True}],
    ids=["exact", "drawn", "law"],
)
def test_a_schedule_that_never_changes_is_a_number(task, how):
    plain = bs.simulate(bs.boosting(attempts=2, **NOISY), task, 3, **how)
    given = {**how, "visits": [4] * 5} if "visits" in how else how
    listed = bs.simulate(bs.boosting(attempts=[2] * 3, **NOISY), task, 3, **given)
    same(variables(plain), variables(listed))


def test_a_run_is_the_beginning_of_a_longer_one():
    procedure = bs.boosting(attempts=ATTEMPTS, **NOISY)
    long = bs.simulate(procedure, MANY, 4, visits=VISITS, key=0)
    short = bs.simulate(procedure, MANY, 2, visits=VISITS, key=0)
    same(variables(long.isel(iteration=slice(0, 3))), variables(short))
    assert long.attrs["visits"] == "[2, 3, 1, 3]"
    until = bs.simulate(procedure, MANY, 4, visits=VISITS, key=0, until=bs.Until(accuracy=0.0))
    assert until.ended.values.tolist() == [0.0]


def test_the_law_at_changing_visits_by_hand():
    """Boosting, keep one: Z_t of Binomial(v_t, g_t(Z_{t-1}/v_{t-1}))."""

    def right(p, k):
        accepted, rejected = 0.9 * p + 0.1 * (1 - p), 0.1 * p + 0.9 * (1 - p)
        return 0.9 * p * sum(rejected**j for j in range(k)) + rejected**k * 0.3, accepted

    law, points = np.ones(1), np.array([START])
    expected = []
    for v, k in zip(VISITS[:3], ATTEMPTS[:3], strict=True):
        law = sum(
            chance * binom.pmf(range(v + 1), v, right(p, k)[0])
            for chance, p in zip(law, points, strict=True)
        )
        points = np.arange(v + 1) / v
        expected.append(law @ points)
    task = bs.table_task([[1, 0]], initial=[[START, 1 - START]])
    rule = bs.boosting(attempts=ATTEMPTS, **NOISY)
    exact = bs.simulate(rule, task, 3, visits=VISITS, exact=True, record="law")
    assert exact.accuracy.values[0, 1:] == pytest.approx(expected, rel=1e-13)
    ends = exact.law.values[0, 3][np.searchsorted(exact.value.values, [0.0, 1.0])]
    assert ends == pytest.approx(law, rel=1e-13)
    drawn = bs.simulate(rule, MANY, 3, visits=VISITS, key=2).accuracy[0, 3]
    alarms.assert_share("changing_visits", round(4000 * float(drawn)), 4000, float(law[1]))


def test_a_prompt_without_examples_stays_on_its_fraction():
    """Filtering alone at two visits and then at three: a half and a third are both states."""
    task = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
    rule = bs.filter_only(filter=bs.NoisyFilter(0.2), keep="one")
    exact = bs.simulate(rule, task, 2, visits=[2, 3], exact=True, record="law")
    # After three visits p stays where none of them has an accepted response.
    assert set(exact.value.values.round(12)) == {0.0, 0.333333333333, 0.5, 0.666666666667, 1.0}
    # From one half (one of two right) one attempt is accepted with probability 1/2.
    half = exact.law.values[0, 1, 2]
    first = 2 * 0.4 * 0.1 + 0.5**2
    assert half == pytest.approx(first, rel=1e-13)
    # Again on a half: no example of three; or two examples, one right (0.8) and one wrong.
    assert exact.law.values[0, 2, 2] == pytest.approx(
        half * (0.5**3 + 3 * 0.5**3 * 2 * 0.8 * 0.2), rel=1e-12
    )


def test_a_criterion_that_reads_more_where_there_are_several_attempts(task):
    """It tells responses apart at every number of attempts, or at none: one state for all."""
    rule = bs.boosting(attempts=[1, 3, 1], criterion=bs.criteria.disagreement, budget=0.2, **NOISY)
    exact = bs.simulate(rule, task, 3)
    plain = bs.simulate(
        bs.boosting(attempts=1, criterion=bs.criteria.disagreement, budget=0.2, **NOISY), task, 1
    )
    assert exact.error.values[0, 1] == pytest.approx(float(plain.error[0, 1]), rel=1e-12)
    assert exact.generations.values[0].tolist() == [0.0, 1.0, 4.0, 5.0]


def test_sampled_such_a_criterion_makes_so_many_attempts(task):
    rule = bs.boosting(attempts=[1, 3, 1], criterion=bs.criteria.disagreement, budget=0.2, **NOISY)
    drawn = bs.simulate(rule, task, 3, visits=[3, 2, 4], key=0)
    assert drawn.generations.values[0].tolist() == [0.0, 1.0, 4.0, 5.0]


def test_diversity_is_a_product_whatever_the_visits():
    """T11 with examples that change, M_t = v_t k_t."""
    task = bs.table_task([[1, 0]], initial=[[0.4, 0.6]])
    visits, attempts = [2, 3, 1, 4], [1, 2, 5, 1]
    trace = bs.simulate(bs.uncurated(attempts=attempts), task, 4, visits=visits, exact=True)
    p, spread = trace.accuracy.values[0], trace.accuracy_variance.values[0]
    kept = 2.0 * (p - p**2 - spread) / 0.48
    law = bs.laws.scheduled_diversity(examples=np.multiply(visits, attempts))
    assert kept == pytest.approx([1.0, *law], rel=1e-12)


def test_in_tokens_each_iteration_makes_its_own(tmp_path):
    # As many attempts in all in either: one program.
    rule = bs.boosting(attempts=[1, 3], **NOISY)
    how = {"learner": SOFTMAX, "key": 0}
    trace = bs.simulate(rule, LOOKUP, 2, visits=[3, 1], **how)
    for iterations in (1, 2):
        parts = bs.simulate(rule, LOOKUP, iterations, visits=[3, 1], folder=tmp_path, **how)
    same(*(variables(each.drop_vars("seconds")) for each in (trace, parts)))
    assert trace.generations.values[0].tolist() == [0.0, 1.0, 4.0]
    assert np.diff(trace.labels.values[0]).max() <= 1.0
    entries = len(LOOKUP.every_prompt())
    assert trace.examples.values[0, 2] <= entries


def test_in_tokens_the_law_is_that_of_the_attempts_of_each_iteration():
    rule, how = bs.boosting(attempts=[1, 3], **NOISY), {"learner": SOFTMAX, "key": 0}
    exact = bs.simulate(rule, LOOKUP, 2, exact=True, **how)
    assert exact.generations.values[0].tolist() == [0.0, 1.0, 4.0]
    plain = bs.simulate(bs.boosting(attempts=1, **NOISY), LOOKUP, 1, exact=True, **how)
    assert exact.accuracy.values[0, :2].tolist() == plain.accuracy.values[0].tolist()


def test_steps_of_a_kernel_have_one_number(task):
    with jax.enable_x64(True), pytest.raises(ValueError, match="attempts must be one number here"):
        bs.kernel(bs.boosting(attempts=[1, 2], **NOISY), task)


def test_diversity_survives_exactly_where_the_sum_of_drifts_is_finite():
    """M_t = M g^(t-1) against fractions, and M_t = M + c (t-1), which dies like T^(-1/c)."""
    laws, rounds = bs.laws, np.array([0, 1, 2, 17, 300])
    for first, growth in ((1, 2), (2, 2), (3, 5)):
        law = laws.growing_diversity(examples=first, growth=growth, iterations=rounds)
        product, wanted = Fraction(1), []
        for t in range(301):
            wanted += [float(product)] if t in rounds else []
            product *= 1 - Fraction(1, first * growth**t)
        # A rounding for each factor that is no 1: some 54 of them.
        assert law == pytest.approx(wanted, rel=3 * 54 * 2.3e-16)
    # 2, 5, 12.5: no number of examples.
    with pytest.raises(ValueError, match="growth must be a whole number"):
        laws.growing_diversity(examples=2, growth=2.5, iterations=3)
    rest = laws.growing_diversity(examples=2, growth=2, iterations=[10**6, 10**15])
    assert rest[0] == rest[1] > 0.28
    for first, increase in ((1, 1), (2, 1), (5, 3), (40, 2)):
        given = {"examples": first, "increase": increase}
        law = laws.linear_diversity(iterations=rounds, **given)
        product, wanted = Fraction(1), []
        for t in range(301):
            wanted += [float(product)] if t in rounds else []
            product *= 1 - Fraction(1, first + increase * t)
        # 64 factors, and logarithms below 10.
        assert law == pytest.approx(wanted, rel=100 * 2.3e-16, abs=0)
        far = laws.linear_diversity(iterations=[10**8, 16 * 10**8], **given)
        if first > 1:
            assert far[0] / far[1] == pytest.approx(16 ** (1 / increase), rel=1e-6)
    examples = [2, 3, 7]
    kept = laws.scheduled_diversity(examples=examples)
    assert kept == pytest.approx([1 / 2, 1 / 3, 2 / 7], rel=1e-15)
    assert laws.scheduled_diversity(examples=[4] * 3)[-1] == pytest.approx(
        float(laws.drift_diversity(examples=4, iterations=3)), rel=1e-15
    )
    assert laws.scheduled_diversity(examples=[[2, 2], [4, 4]]).shape == (2, 2)
