"""Laws of where a prompt ends: outside values, fractions, limits, sampled runs."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from alarms import assert_share, hoeffding
from scipy.stats import binom
from test_chains import solved

import boostsim as bs

EPS = np.finfo(np.float64).eps
laws = bs.laws


def steps(examples, share):
    """Wright and Fisher's chain in fractions: ``share`` of a state is the next example's law."""
    return [
        [
            comb(examples, j) * share(i) ** j * (1 - share(i)) ** (examples - j)
            for j in range(examples + 1)
        ]
        for i in range(examples + 1)
    ]


def fundamental(chain, ends):
    """(I - Q)^-1 of the states between the ends, applied to columns."""
    inside = range(1, len(chain) - 1)
    matrix = [[Fraction(i == j) - chain[i][j] for j in inside] for i in inside]
    return solved(matrix, ends)


# Numbers that others print


def test_neutral_absorption_as_population_genetics_prints_it():
    assert laws.fixation_time(examples=2000, initial_accuracy=1 / 2000) == pytest.approx(
        16.55496, abs=5e-6
    )


@pytest.mark.parametrize(("advantage", "printed"), [(0.01, 0.0201), (0.05, 0.0936), (0.1, 0.1760)])
def test_fixation_of_one_copy_that_is_selected(advantage, printed):
    filter = {"false_accept": 1.0 / (1.0 + advantage), "false_reject": 0.0}
    found = laws.fixation(examples=200, initial_accuracy=1 / 200, **filter)
    assert found.solved == pytest.approx(printed, abs=5e-5)


def test_wrights_mean_and_variance_under_mutation_both_ways():
    """M = 100; .005 from right to wrong, .01 back: gamma (1 - beta), (1 - gamma) beta (T3)."""
    # gamma - gamma beta = .005 and beta - gamma beta = .01.
    gamma = (0.995 - np.sqrt(0.995**2 - 0.02)) / 2
    rest = laws.stationary_accuracy(beta=gamma + 0.005, gamma=gamma, attempts=1, visits=100)
    assert rest.mean == pytest.approx(0.6667, abs=5e-5)
    assert rest.variance == pytest.approx(0.0563, abs=5e-5)


# A second way


@pytest.mark.parametrize("examples", [1, 2, 3, 8, 9])
def test_neutral_times_in_fractions(examples):
    chain = steps(examples, lambda i: Fraction(i, examples))
    inner = fundamental(chain, [[Fraction(1)]] * (examples - 1))
    for p in (Fraction(1, 2), Fraction(1, 8), Fraction(1, 2**30)):
        first = [comb(examples, j) * p**j * (1 - p) ** (examples - j) for j in range(1, examples)]
        want = 1 + sum(chance * time for chance, (time,) in zip(first, inner, strict=True))
        found = laws.fixation_time(examples=examples, initial_accuracy=float(p))
        assert found == pytest.approx(float(want), rel=32 * examples * EPS)
    assert laws.fixation_time(examples=examples, initial_accuracy=[0.0, 1.0]).tolist() == [0, 0]


@pytest.mark.skipif(np.finfo(np.longdouble).eps >= EPS, reason="no longer float here")
def test_neutral_times_of_two_thousand_are_right_to_twelve_digits():
    """By what is left of tau = 1 + Q tau in longer floats: solved for, it is what is missing."""
    examples = 2000
    half = examples // 2
    # From p_0 = i/M the time is 1 + Q tau: tau itself, but for what it lost.
    inner = np.arange(1, examples)
    found = laws.fixation_time(examples=examples, initial_accuracy=inner / examples)
    right, j = np.arange(1, half + 1, dtype=np.longdouble)[:, None], np.arange(examples)
    rising = j >= right
    more, fewer = (examples - j) * right, (j + 1) * (examples - right)
    ratio = np.where(rising, more, fewer) / np.where(rising, fewer, more)
    law = np.ones((half, examples + 1), np.longdouble)
    law[:, 1:] = np.cumprod(np.where(rising, ratio, 1), axis=1)
    law[:, :-1] *= np.cumprod(np.where(rising, 1, ratio)[:, ::-1], axis=1)[:, ::-1]
    law /= law.sum(1, keepdims=True)
    folded = law[:, 1 : half + 1].copy()
    folded[:, :-1] += law[:, :half:-1][:, 1:]
    times = found[:half]
    left = times - folded @ times.astype(np.longdouble) - 1
    missing = np.linalg.solve(np.eye(half) - folded.astype(float), left.astype(float))
    assert np.abs(missing / times).max() <= 1e-12


@pytest.mark.parametrize("rates", [(0.5, 0.25), (0.25, 0.5), (1.0, 0.0), (0.0, 0.5), (0.5, 1.0)])
def test_fixation_in_fractions(rates):
    examples, (slips, loses) = 6, map(Fraction, rates)

    def share(right, wrong):
        kept, slipped = right * (1 - loses), wrong * slips
        return kept / (kept + slipped)

    chain = steps(
        examples, lambda i: share(i, examples - i) if 0 < i < examples else Fraction(i > 0)
    )
    inner = range(1, examples)
    ends = [[chain[i][0], chain[i][examples], Fraction(1)] for i in inner]
    told = fundamental(chain, ends)
    lost, solved_, time = (np.array(column, object) for column in zip(*told, strict=True))
    moments = []
    for reach in (lost, solved_, np.array([Fraction(1)] * (examples - 1), object)):
        once = [row[0] for row in fundamental(chain, [[each] for each in reach])]
        twice = [row[0] for row in fundamental(chain, [[each] for each in once])]
        moments.append((np.array(once, object), np.array(twice, object)))
    p = Fraction(1, 4)
    q = share(p, 1 - p)
    first = [comb(examples, j) * q**j * (1 - q) ** (examples - j) for j in range(examples + 1)]
    found = laws.fixation(
        examples=examples, initial_accuracy=float(p), false_accept=rates[0], false_reject=rates[1]
    )
    chance = {
        "lost": first[0] + sum(first[1:-1] * lost),
        "solved": first[-1] + sum(first[1:-1] * solved_),
    }
    whole = {"lost": (first[0], lost), "solved": (first[-1], solved_)}
    for name, (once, twice) in zip(("lost", "solved"), moments, strict=False):
        assert getattr(found, name) == pytest.approx(float(chance[name]), rel=64 * EPS)
        at_once, reach = whole[name]
        if not chance[name]:
            assert np.isnan(getattr(found, f"time_{name}"))
            continue
        # E[T; end] = P(end) + sum_j first_j E[T_j; end], and so for E[T^2; end].
        mean = (chance[name] + sum(first[1:-1] * once)) / chance[name]
        square = at_once + sum(first[1:-1] * (reach + 2 * once + 2 * twice - once))
        spread = float(square / chance[name] - mean**2)
        assert getattr(found, f"time_{name}") == pytest.approx(float(mean), rel=64 * EPS)
        got = getattr(found, f"deviation_{name}") ** 2
        assert got == pytest.approx(spread, rel=256 * EPS, abs=1e-30)
    once, twice = moments[2]
    assert found.time == pytest.approx(float(1 + sum(first[1:-1] * time)), rel=64 * EPS)
    square = 1 + sum(first[1:-1] * (2 * once + 2 * twice - once))
    spread = float(square - (1 + sum(first[1:-1] * once)) ** 2)
    assert found.deviation**2 == pytest.approx(spread, rel=256 * EPS, abs=1e-30)


def test_fixation_without_selection_is_drift_and_ends_take_no_time():
    alike = {"false_accept": 0.3, "false_reject": 0.7}
    p = np.array([0.0, 0.02, 0.5, 0.9, 1.0])
    found = laws.fixation(examples=40, initial_accuracy=p, **alike)
    assert found.solved == pytest.approx(p, rel=1e-13)
    assert found.time == pytest.approx(
        laws.fixation_time(examples=40, initial_accuracy=p), rel=1e-13
    )
    assert (found.time[[0, -1]] == 0).all()
    assert np.isnan([found.time_solved[0], found.time_lost[-1]]).all()
    # Whatever is solved has its mirror image that is lost.
    assert found.time_solved[1:-1] == pytest.approx(
        laws.fixation(examples=40, initial_accuracy=1 - p, **alike).time_lost[1:-1], rel=1e-12
    )
    rates = np.array([0.2, 0.5])
    table = laws.fixation(
        examples=9, initial_accuracy=p, false_accept=rates[:, None], false_reject=0.1
    )
    one = laws.fixation(examples=9, initial_accuracy=0.9, false_accept=0.5, false_reject=0.1)
    assert table.solved.shape == (2, 5)
    assert table.time_lost[1, 3] == pytest.approx(one.time_lost, rel=1e-14)


def test_kimuras_diffusion_is_the_limit():
    """(1 - e^(-2 M s p))/(1 - e^(-2 M s)) at fixed M s, off by O(1/M)."""
    strength, p, off = 3.0, 0.2, []
    for examples in (50, 100, 200, 400):
        s = strength / examples
        found = laws.fixation(
            examples=examples, initial_accuracy=p, false_accept=1 / (1 + s), false_reject=0.0
        )
        limit = np.expm1(-2 * strength * p) / np.expm1(-2 * strength)
        off.append(found.solved - limit)
    ratios = np.array(off[1:]) / off[:-1]
    assert ratios == pytest.approx([0.5] * 3, abs=0.02)
    # Kimura and Ohta's time, given that a copy is the last: 2 M as p_0 -> 0, in iterations.
    times = laws.fixation(
        examples=1000, initial_accuracy=0.001, false_accept=1.0, false_reject=0.0
    ).time_solved
    assert times == pytest.approx(2 * 1000, rel=0.005)


def test_sampled_filtering_is_fixed_as_the_law_says():
    """Of 40 attempts one is accepted at a visit, but for a probability below 1e-12."""
    examples, prompts, p = 8, 8_000, 0.25
    rates = {"false_accept": 0.6, "false_reject": 0.2}
    task = bs.table_task([[1, 0]] * prompts, initial=[[p, 1 - p]] * prompts)
    procedure = bs.filter_only(attempts=40, filter=bs.NoisyFilter(**rates), keep="one")
    trace = bs.simulate(procedure, task, 96, visits=examples, key=5, record="prompt")
    accuracy = trace.accuracy.values[0]
    over = (accuracy == 0) | (accuracy == 1)
    assert over[-1].all()
    law = laws.fixation(examples=examples, initial_accuracy=p, **rates)
    assert_share("fixation_laws", int(accuracy[-1].sum()), prompts, law.solved)
    # Times above 64 are too rare to move the mean by as much as its interval.
    times = np.minimum(over.argmax(0), 64)
    assert abs(times.mean() - law.time) <= hoeffding("fixation_laws", prompts, 64)
    won = times[accuracy[-1] == 1]
    assert abs(won.mean() - law.time_solved) <= hoeffding("fixation_laws", len(won), 64)


def test_a_response_survives_as_the_chain_says():
    examples, p = 100, 0.01
    iterations = np.array([0, 1, 2, 5, 10, 50])
    found = laws.response_survival(examples=examples, initial_probability=p, iterations=iterations)
    states = np.arange(examples + 1)
    chain = binom.pmf(states[None], examples, states[:, None] / examples)
    law = binom.pmf(states, examples, p)
    for iteration, survival in zip(iterations[1:], found[1:], strict=True):
        power = np.linalg.matrix_power(chain, iteration - 1)
        assert survival == pytest.approx(1.0 - law @ power[:, 0], rel=1e-11)
    # Four digits: .6340, .4709, .2710, .1614, .0411.
    assert found.round(4).tolist() == [1.0, 0.634, 0.4709, 0.271, 0.1614, 0.0411]
    ends = {"examples": 7, "iterations": [0, 1, 100_000]}
    assert laws.response_survival(initial_probability=0.0, **ends).tolist() == [0, 0, 0]
    assert laws.response_survival(initial_probability=1.0, **ends).tolist() == [1, 1, 1]
    late = laws.response_survival(initial_probability=0.3, **ends)
    assert late[-1] == pytest.approx(0.3, rel=1e-12)
    tiny = laws.response_survival(examples=7, initial_probability=1e-200, iterations=1)
    assert tiny == pytest.approx(7e-200, rel=1e-14)


def test_a_sampled_response_survives_so():
    prompts = 4000
    task = bs.table_task([[1, 0]] * prompts, initial=[[0.01, 0.99]] * prompts)
    trace = bs.simulate(bs.uncurated(), task, 10, visits=100, key=2, record="prompt")
    for iteration in (2, 5, 10):
        alive = int((trace.accuracy.values[0, iteration] > 0).sum())
        law = laws.response_survival(examples=100, initial_probability=0.01, iterations=iteration)
        assert_share("fixation_laws", alive, prompts, law)


@pytest.mark.parametrize(
    ("beta", "gamma", "attempts"),
    [(0.3, 0.1, 1), (0.3, 0.1, 4), (0.05, 0.45, 2), (0.5, 0.6, 3)],
)
def test_the_stationary_law_is_what_long_runs_tend_to(beta, gamma, attempts):
    visits = 12
    states = np.arange(visits + 1.0) / visits
    error = bs.simulate(
        bs.boosting(attempts=attempts, filter=bs.NoisyFilter(gamma), labeler=bs.WeakLabeler(beta)),
        bs.table_task([[1, 0]] * (visits + 1), initial=np.stack([states, 1 - states], 1)),
        1,
        record="prompt",
    ).error.values[0, 1]
    chain = binom.pmf(np.arange(visits + 1)[None], visits, 1.0 - error[:, None])
    law = np.linalg.matrix_power(chain, 2**14)[0]
    law /= law.sum()
    rest = laws.stationary_accuracy(beta=beta, gamma=gamma, attempts=attempts, visits=visits)
    assert rest.mean == pytest.approx(law @ states, rel=1e-11)
    assert rest.variance == pytest.approx(law @ (states - rest.mean) ** 2, rel=1e-9)


def test_one_attempt_rests_around_the_populations_fixed_point():
    """p* and p* (1 - p*)/(v - rho^2 (v - 1)), by hand."""
    beta, gamma = np.array([0.3, 0.02, 0.9])[:, None], np.array([0.1, 0.4, 0.8])
    for visits in (1, 2, 30, 150):
        rest = laws.stationary_accuracy(beta=beta, gamma=gamma, attempts=1, visits=visits)
        law = laws.noisy_boosting(beta=beta, gamma=gamma)
        p, rate = law.fixed_point, law.rate
        assert rest.mean == pytest.approx(p, rel=1e-12)
        spread = p * (1 - p) / (visits - rate**2 * (visits - 1))
        assert rest.variance == pytest.approx(spread, rel=1e-11)


def test_many_visits_come_to_rest_at_the_populations_limit():
    """The mean error tends to T4's, like 1/v."""
    world = {"beta": 0.3, "gamma": 0.1, "attempts": 2}
    floor = laws.attempts_floor(**world)
    off = [
        1 - laws.stationary_accuracy(visits=visits, **world).mean - floor
        for visits in (50, 100, 200, 400)
    ]
    assert np.array(off[1:]) / off[:-1] == pytest.approx([0.5] * 3, abs=0.05)


def test_filters_that_accept_nothing_are_refused():
    with pytest.raises(ValueError, match="accepts something"):
        laws.fixation(examples=3, initial_accuracy=0.5, false_accept=0.0, false_reject=1.0)


def test_where_a_nearly_perfect_filter_rests_nothing_warns():
    """T3: below the rounding of 1 - gamma an error of gamma (1 - beta)/beta is left."""
    gamma, beta, visits = 1e-30, 0.25, 3
    rest = laws.stationary_accuracy(beta=beta, gamma=gamma, attempts=1, visits=visits)
    left, rate = gamma * (1 - beta) / beta, 1 - beta
    assert rest.variance == pytest.approx(
        left / (visits - rate**2 * (visits - 1)), rel=1e-12, abs=0.0
    )
