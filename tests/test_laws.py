"""Laws against the exact simulator, second derivations, and the edges of their domains."""

import contextlib
import inspect
import itertools
import math
from fractions import Fraction

import dense
import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import betainc
from scipy.stats import binom

import boostsim as bs
from boostsim.certification.measurements import MEASUREMENTS
from boostsim.certification.runs import Exact
from boostsim.theory.law import Domain, least_whole

EPS = np.finfo(np.float64).eps
LAWS = {name: getattr(bs.laws, name) for name in bs.laws.__all__ if name[0].islower()}
UNIT = st.floats(0.0, 1.0)


def one_prompt(error, responses=4):
    """A prompt with the stated error, right on its first response."""
    row = np.full(responses, error / (responses - 1))
    row[0] = 1.0 - error
    return bs.table_task(np.eye(1, responses), initial=row[None])


def conditioning(attempts, iterations):
    """16 eps sum_{s <= t} k^s: the conditioning of e' = (1 - beta) e^k."""
    return 16 * EPS * np.cumsum(float(attempts) ** np.arange(iterations + 1))


# Against the exact simulator


@given(beta=UNIT, error=UNIT, attempts=st.integers(1, 4))
@settings(max_examples=40)
def test_t1_error_by_iteration(beta, error, attempts):
    task = one_prompt(error)
    procedure = bs.boosting(attempts=attempts, labeler=bs.WeakLabeler(beta))
    found = bs.simulate(procedure, task, 6).error.values[0]
    law = bs.laws.boosting_error(
        beta=beta, attempts=attempts, initial_error=found[0], iterations=np.arange(7)
    )
    alive = (law > 1e-290) & (found > 1e-290)
    assert (np.abs(found - law) <= conditioning(attempts, 6) * law)[alive].all()
    assert (found[law == 0] <= 1e-290).all()


def test_t1_follows_an_error_to_1e_200():
    found = bs.simulate(bs.boosting(labeler=bs.WeakLabeler(0.9)), one_prompt(1.0), 200)
    law = bs.laws.boosting_error(beta=0.9, attempts=1, initial_error=1.0, iterations=np.arange(201))
    assert found.error.values[0, -1] < 2e-200
    assert (np.abs(found.error.values[0] / law - 1) <= conditioning(1, 200)).all()


@pytest.mark.parametrize("correct_mass", [1e-18, 1e-200])
def test_tiny_correct_masses_grow_by_the_odds(correct_mass):
    """T4: while small, the correct mass grows R-fold; nothing is lost as one minus something."""
    row = np.array([[correct_mass, 1.0 - correct_mass]])
    task = bs.table_task([[1, 0]], initial=row)
    found = bs.simulate(bs.filter_only(filter=bs.NoisyFilter(0.2)), task, 5).accuracy.values[0]
    assert found == pytest.approx(correct_mass * 4.0 ** np.arange(6), rel=1e-12)


POWERS = [(beta, iterations) for beta in range(1, 100) for iterations in (1, 2, 3, 4, 7, 12, 23)]


def test_exact_powers_are_reached_by_laws_plans_and_runs_alike():
    """The target is the float next to the exact rational: T, whatever rounding does on the way."""
    beta = np.array([hundredths / 100 for hundredths, _ in POWERS])
    exact = [(1 - Fraction(hundredths, 100)) ** iterations for hundredths, iterations in POWERS]
    target, iterations = np.array([float(each) for each in exact]), np.array(POWERS)[:, 1]
    needed = bs.laws.iterations_needed(beta=beta, initial_error=1.0, target=target)
    assert needed.tolist() == iterations.tolist()
    # What is truly below is not reached.
    less = {"beta": beta, "initial_error": 1.0, "target": target * (1 - 1e-10)}
    assert (bs.laws.iterations_needed(**less) == iterations + 1).all()
    several = [
        (beta, k, iterations, float((1 - Fraction(beta, 10)) ** ((k**iterations - 1) // (k - 1))))
        for beta in range(1, 10)
        for k in (2, 3, 5)
        for iterations in (1, 2, 3)
    ]
    beta, attempts, iterations, target = np.array(several).T
    law = {"beta": beta / 10, "initial_error": 1.0, "attempts": attempts}
    assert (bs.laws.iterations_needed(target=target, **law) == iterations).all()
    only = {"gamma": 0.0, "error": 1.0, "most_votes": 1}
    # Each number of iterations is a program of its own: of two of them, some rates.
    for hundredths, iterations in POWERS[::70] + POWERS[5::70]:
        target = float((1 - Fraction(hundredths, 100)) ** iterations)
        found = bs.plan(beta=hundredths / 100, target=target, most_attempts=1, **only)
        assert found.iterations == iterations
        row = {"beta": hundredths / 100, "target": target, "initial_error": 1.0, "attempts": 1}
        assert Exact(MEASUREMENTS["T1.rate"]).population(row) == iterations


def test_floors_of_votes_are_reached_by_so_many_votes():
    places = [
        (beta, gamma, votes)
        for beta in (0.01, 0.1, 0.3, 0.7, 0.99)
        for gamma in (0.001, 0.05, 0.1, 0.3, 0.45)
        for votes in (1, 3, 5, 9, 21, 63, 201, 501)
    ]
    beta, gamma, votes = np.array(places).T
    noise = bs.laws.majority_noise(gamma=gamma, votes=votes)
    floor = bs.laws.noisy_boosting(beta=beta, gamma=noise).floor
    there = floor > 1e-250
    law = {"beta": beta[there], "gamma": gamma[there]}
    assert (bs.laws.votes_needed(target=floor[there], **law) == votes[there]).all()
    below = bs.laws.votes_needed(target=floor[there] * (1 - 1e-10), **law)
    assert (below == votes[there] + 2).all()
    # Three votes by the rational: what the incomplete beta function rounds does not matter.
    for tenths, hundredths in itertools.product(range(1, 10), range(1, 50, 3)):
        gamma, beta = Fraction(hundredths, 100), Fraction(tenths, 10)
        noise = gamma**2 * (3 - 2 * gamma)
        floor = noise * (1 - beta) / (noise * (1 - beta) + (1 - noise) * beta)
        law = {"beta": float(beta), "gamma": float(gamma), "target": float(floor)}
        assert bs.laws.votes_needed(**law) == 3
    with pytest.raises(ValueError, match="a target times beta above 1e-290"):
        bs.laws.votes_needed(beta=1e-200, gamma=0.1, target=1e-200)


def test_whole_numbers_above_are_the_least_up_to_rounding():
    assert least_whole(math.log(125, 5)) == 3 < math.ceil(math.log(125, 5))
    assert least_whole(np.array([0.0, 1.0, 2.0000001])).tolist() == [0.0, 1.0, 3.0]


def test_t1_iterations_needed_is_the_first_that_suffices():
    for beta in (0.1, 0.3, 0.5, 0.75, 0.9):
        for attempts in (1, 2, 4):
            errors = bs.laws.boosting_error(
                beta=beta, attempts=attempts, initial_error=1.0, iterations=np.arange(200)
            )
            for exact in (1, 2, 3, 5):
                target = float(errors[exact])
                if target == 0.0:
                    continue
                law = bs.laws.iterations_needed(
                    beta=beta, initial_error=1.0, target=target, attempts=attempts
                )
                assert law == np.argmax(errors <= target) == exact
                if attempts == 1:
                    assert law <= math.ceil(math.log(1 / target) / beta)
                else:
                    rounds = math.log(max(1.0, math.log(1 / target) / beta), attempts)
                    assert law <= 1 + math.ceil(rounds)
    never = bs.laws.iterations_needed(beta=0.0, initial_error=1.0, target=0.5, attempts=[1, 3])
    assert np.isinf(never).all()
    assert bs.laws.iterations_needed(beta=0.0, initial_error=0.5, target=0.01, attempts=2) == 3
    assert bs.laws.iterations_needed(beta=1.0, initial_error=0.5, target=1e-9) == 1
    assert bs.laws.iterations_needed(beta=0.2, initial_error=0.3, target=0.3) == 0


@given(beta=UNIT, gamma=UNIT, error=UNIT)
@settings(max_examples=40)
def test_t3_is_the_affine_recursion(beta, gamma, error):
    if (beta, gamma) in ((0.0, 0.0), (1.0, 1.0)):
        return
    task = one_prompt(error)
    procedure = bs.boosting(filter=bs.NoisyFilter(gamma), labeler=bs.WeakLabeler(beta))
    found = bs.simulate(procedure, task, 8).accuracy.values[0]
    law = bs.laws.noisy_boosting(beta=beta, gamma=gamma)
    predicted = law.fixed_point + law.rate ** np.arange(9) * (found[0] - law.fixed_point)
    assert found == pytest.approx(predicted, abs=64 * EPS * 9)
    assert law.fixed_point + law.floor == pytest.approx(1.0)


def limit_error(beta, gamma, attempts, start):
    """Iterate T4's map with plain floats until it stands still."""
    error = start
    for _ in range(200_000):
        u = gamma + (1 - 2 * gamma) * error
        new = (1 - u**attempts) * gamma * error / (1 - u) + u**attempts * (1 - beta)
        if abs(new - error) <= 1e-16 * new:
            return new
        error = new
    return error


@pytest.mark.parametrize("attempts", [1, 2, 4, 8])
@pytest.mark.parametrize("gamma", [0.01, 0.2, 0.45])
@pytest.mark.parametrize("beta", [0.01, 0.3, 0.9])
def test_t4_the_floor_is_where_the_map_goes(beta, gamma, attempts):
    law = float(bs.laws.attempts_floor(beta=beta, gamma=gamma, attempts=attempts))
    for start in (1.0, 0.5, 0.0):
        assert limit_error(beta, gamma, attempts, start) == pytest.approx(law, rel=1e-7)
    procedure = bs.boosting(
        attempts=attempts, filter=bs.NoisyFilter(gamma), labeler=bs.WeakLabeler(beta)
    )
    # One exact step from the fixed point stays there.
    stay = bs.simulate(procedure, one_prompt(law), 1).error.values[0, 1]
    assert stay == pytest.approx(law, rel=1e-9)


def test_t4_has_one_root_and_falls_with_attempts():
    beta, gamma = np.meshgrid(np.linspace(0.005, 0.995, 34), np.linspace(0.005, 0.495, 50))
    floors = [bs.laws.attempts_floor(beta=beta, gamma=gamma, attempts=k) for k in range(1, 13)]
    assert (np.diff(floors, axis=0) < 0).all()
    error = np.linspace(0, 1, 1001)[:, None, None]
    for k in (2, 5, 12):
        u = gamma + (1 - 2 * gamma) * error
        terms = sum(u**j for j in range(k))
        excess = error * (1 - gamma * terms) - (1 - beta) * u**k
        above = np.where(error <= 1 - beta, excess >= 0, True)
        # False up to the root, True from there on.
        assert not above[0].any()
        assert (np.diff(above.astype(int), axis=0) >= 0).all()


def test_t4_leading_term_and_tiny_floors():
    ratios = [
        float(
            bs.laws.attempts_floor(beta=0.3, gamma=0.2, attempts=k)
            / bs.laws.attempts_floor_leading(beta=0.3, gamma=0.2, attempts=k)
        )
        for k in (4, 16, 64, 256)
    ]
    gaps = np.abs(np.array(ratios) - 1)
    assert (gaps[1:] <= np.maximum(gaps[:-1], 64 * EPS)).all()
    assert gaps[-1] < 1e-12


def test_t5_majority_against_scipy_and_a_sum():
    votes = np.arange(1, 60, 2)
    for gamma in (0.001, 0.1, 0.3, 0.49):
        law = bs.laws.majority_noise(gamma=gamma, votes=votes)
        assert law == pytest.approx(binom.sf(votes // 2, votes, gamma), rel=1e-11)
        assert (law <= np.exp(-2 * votes * (0.5 - gamma) ** 2)).all()
        accept = [bs.NoisyFilter(gamma, votes=int(m)).accept[1] for m in votes]
        reject = [bs.NoisyFilter(gamma, votes=int(m)).reject[0] for m in votes]
        assert law == pytest.approx(accept, rel=1e-11)
        assert law == pytest.approx(reject, rel=1e-11)
    share = Fraction(1, 10)
    exact = sum(math.comb(9, j) * share**j * (1 - share) ** (9 - j) for j in range(5, 10))
    assert bs.laws.majority_noise(gamma=0.1, votes=9) == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.3, 0.45])
@pytest.mark.parametrize("target", [0.2, 1e-2, 1e-4])
def test_t5_votes_needed_is_the_smallest_that_suffices(gamma, target):
    beta = 0.2
    needed = int(bs.laws.votes_needed(beta=beta, gamma=gamma, target=target))

    def floor(votes):
        noise = bs.laws.majority_noise(gamma=gamma, votes=votes)
        return bs.laws.noisy_boosting(beta=beta, gamma=float(noise)).floor

    assert floor(needed) <= target
    if needed > 1:
        assert floor(needed - 2) > target
    sufficient = math.log(2 / (target * beta)) / (2 * (0.5 - gamma) ** 2)
    assert needed <= sufficient + 2


@given(beta=UNIT, slack=st.floats(0, 0.5), error=UNIT, noise=st.sampled_from(["wrong", "uniform"]))
@settings(max_examples=30)
def test_t6_bounds_the_error_with_slack_and_is_attained(beta, slack, error, noise):
    task = one_prompt(error)
    procedure = bs.boosting(labeler=bs.WeakLabeler(beta), learner=bs.StrongLearner(slack, noise))
    found = bs.simulate(procedure, task, 8).error.values[0]
    bound = bs.laws.slack_bound(
        beta=beta, slack=slack, initial_error=found[0], iterations=np.arange(9)
    )
    assert (found <= bound + 64 * EPS).all()
    worst = [found[0]]
    for _ in range(8):
        worst.append(min(1.0, (1 - beta) * worst[-1] + slack))
    if max(worst) < 1.0:
        assert bound == pytest.approx(worst, abs=1e-12)


def test_t8_uneven_labelers_give_mixtures():
    beta, weights = np.array([0.0, 0.1, 0.5, 1.0]), np.array([0.1, 0.2, 0.3, 0.4])
    error = np.array([0.5, 1.0, 0.25, 1.0])
    task = bs.table_task(np.tile([1, 0], (4, 1)), weights, np.stack([1 - error, error], 1))
    found = bs.simulate(bs.boosting(labeler=bs.WeakLabeler(beta)), task, 20).error.values[0]
    law = bs.laws.uneven_error(
        beta_per_prompt=beta,
        prompt_weights=weights,
        initial_error=error,
        iterations=np.arange(21),
    )
    assert found == pytest.approx(law, rel=1e-13)
    assert law[-1] == pytest.approx(0.1 * 0.5 + 0.2 * 0.9**20 + 0.3 * 0.25 * 0.5**20, rel=1e-13)


@given(
    gamma=UNIT,
    accuracy=UNIT,
    attempts=st.sampled_from([1, 3]),
    keep=st.sampled_from(["one", "all"]),
)
@settings(max_examples=40)
def test_t9_filtering_multiplies_the_odds(gamma, accuracy, attempts, keep):
    task = one_prompt(1.0 - accuracy)
    procedure = bs.filter_only(attempts=attempts, filter=bs.NoisyFilter(gamma), keep=keep)
    found = bs.simulate(procedure, task, 6).accuracy.values[0]
    law = bs.laws.filter_only_accuracy(
        gamma=gamma, initial_accuracy=found[0], iterations=np.arange(7)
    )
    assert found == pytest.approx(law, abs=1e-12)


@pytest.mark.parametrize("rate", [0.05, 0.5, 1.0])
@pytest.mark.parametrize("beta", [0.0, 0.2, 1.0])
def test_t10_even_labels_end_at_the_fixed_point(beta, rate):
    procedure = bs.random_labels(rate=rate, labeler=bs.WeakLabeler(beta))
    law = float(bs.laws.even_labels_fixed_point(beta=beta, rate=rate))
    assert law**2 - (1 - rate) * law - rate * beta == pytest.approx(0.0, abs=1e-12)
    # Near (beta, b) = (0, 1) the approach is only 1/t; elsewhere geometric.
    tolerance = 1e-3 if (beta, rate) == (0.0, 1.0) else 1e-9
    for error in (0.1, 0.9):
        found = bs.simulate(procedure, one_prompt(error), 2000).accuracy.values[0, -1]
        assert found == pytest.approx(law, abs=tolerance)


def test_t11_diversity_drifts_and_the_diffusion_overshoots_as_stated():
    for examples, low, high in ((10, 0.10, 0.13), (50, 0.026, 0.043)):
        p = np.linspace(0.1, 0.9, 9)
        over = (
            bs.laws.fixation_time_diffusion(examples=examples, initial_accuracy=p)
            / bs.laws.fixation_time(examples=examples, initial_accuracy=p)
            - 1
        )
        assert over.round(3).min() >= low
        assert over.round(3).max() <= high
    # The drift law against the whole Wright-Fisher chain of a two-response row.
    examples = 6
    states = np.arange(examples + 1)
    chain = binom.pmf(states[None], examples, states[:, None] / examples)
    diversity = 2 * states / examples * (1 - states / examples)
    kept = [(np.linalg.matrix_power(chain, t) @ diversity)[2] / diversity[2] for t in range(9)]
    law = bs.laws.drift_diversity(examples=examples, iterations=np.arange(9))
    assert law == pytest.approx(kept, rel=1e-12)


@pytest.mark.parametrize("examples", [1, 2, 5, 100, 10**6])
def test_t12_product_limit_and_bound(examples):
    """The Gamma form against the product itself; the limit against it and against its bound."""
    steps = np.array([0, 1, 2, 10, 62, 63, 64, 65, 200, 5000])
    law = bs.laws.accumulate_diversity(examples=examples, iterations=steps)
    s = np.arange(2, 5002, dtype=float)
    product = np.r_[1.0, np.cumprod(1 - 1 / (examples * s**2))]
    assert law == pytest.approx(product[steps], rel=1e-12)
    limit = bs.laws.accumulate_diversity_limit(examples=examples)
    far = bs.laws.accumulate_diversity(examples=examples, iterations=10**12)
    assert far == pytest.approx(limit, rel=1e-11)
    assert limit >= 1 - (np.pi**2 / 6 - 1) / examples - 1e-15


SMALL = bs.Sharpening(temperature=0.5)


@pytest.mark.parametrize("sharpening", [None, SMALL], ids=["as it is", "sharpened"])
def test_t13_says_when_nothing_can_improve(sharpening):
    """Both sides: where it says no, nothing rises; where it says yes, something does.

    At equality, too: labels as right as the model, and labels that are better but never given.
    """
    # Few labels, or wrong ones would outweigh what the filter gains.
    labels = (None, 0.0), *((beta, 0.02) for beta in (0.0, 0.3, 0.4, 0.6)), (0.6, 0.0)
    for accuracy, filtered, (beta, often) in itertools.product(
        (0.0, 0.4, 1.0), (False, True), labels
    ):
        procedure = bs.Procedure(
            filter=bs.NoisyFilter(0.1) if filtered else None,
            criterion=bs.criteria.uniform,
            labeler=None if beta is None else bs.WeakLabeler(beta),
            budget=None if beta is None else often,
            sharpening=sharpening,
        )
        # Of four answers the right one is the likeliest, if it is any.
        trace = bs.simulate(procedure, one_prompt(1 - accuracy), 12).accuracy.values[0]
        possible = bs.laws.necessary_signal(
            initial_accuracy=accuracy,
            label_probability=often,
            beta=beta or 0.0,
            filtered=filtered,
            sharpened=sharpening is not None,
        )
        rise = (trace - trace[0]).max()
        assert rise > 1e-3 if possible else rise <= 1e-12, (accuracy, filtered, beta)


def test_t13_is_said_without_sharpening():
    """By default, and what sharpening alone does."""
    quiet = {"label_probability": 0.0, "beta": 0.0, "filtered": 0}
    assert not bs.laws.necessary_signal(initial_accuracy=0.6, **quiet)
    trace = bs.simulate(bs.uncurated(sharpening=SMALL), one_prompt(0.4, 2), 3).accuracy.values[0]
    assert trace == pytest.approx([0.6, 0.692, 0.835, 0.962], abs=5e-4)


def test_small_rates_are_not_rounded_away():
    """1 - 1e-17 is 1 in float64; the laws take the logarithm of one plus."""
    laws = bs.laws
    error = {"attempts": 1, "initial_error": 1.0}
    assert laws.boosting_error(beta=1e-17, iterations=1e18, **error) == pytest.approx(np.exp(-10))
    assert laws.drift_diversity(examples=1e17, iterations=1e17) == pytest.approx(np.exp(-1))
    for beta in (1e-3, 1e-8, 1e-9, 1e-12, 1e-17):
        needed = laws.iterations_needed(beta=beta, initial_error=1.0, target=1e-6)
        assert needed == pytest.approx(np.log(1e-6) / np.log1p(-beta), rel=1e-12, abs=1.0)
    assert laws.iterations_needed(beta=0.1, initial_error=1.0, target=0.9**7) == 7
    bound = laws.slack_bound(beta=1e-17, slack=0.0, initial_error=1.0, iterations=1e18)
    assert bound == pytest.approx(np.exp(-10))


def test_extreme_arguments_are_no_special_case():
    """Where powers overflow and rates are lost beside one: by hand."""
    laws = bs.laws
    error = {"initial_error": 1.0, "iterations": 10**6}
    # (1 - 1e-300)^(2^1,000,000 - 1), and the same without any label, or with half of the error.
    assert laws.boosting_error(beta=1e-300, attempts=2, **error) == 0.0
    assert laws.boosting_error(beta=0.0, attempts=2, **error) == 1.0
    assert laws.boosting_error(beta=0.0, attempts=2, initial_error=0.5, iterations=10**6) == 0.0
    # k^T = 2^1000 = 1.07e301: in between.
    between = laws.boosting_error(beta=1e-301, attempts=2, initial_error=1.0, iterations=1000)
    assert between == pytest.approx(math.exp(-(2**1000) / 1e301))
    # log_k of a ratio that overflows, of a share that underflows.
    tiny = {"initial_error": 1.0, "target": 0.5}
    needed = math.ceil(math.log2(math.log(2.0)) + 300 * math.log2(10.0))
    assert laws.iterations_needed(beta=1e-300, attempts=2, **tiny) == needed
    assert laws.iterations_needed(beta=1e-308, attempts=2, initial_error=1.0, target=1e-9) > 1000
    assert laws.iterations_needed(beta=1e-300, attempts=1e100, **tiny) == 4
    # (1 - p) ln (1 - p) is -p, not 0, where p is lost beside one.
    for p in (1e-17, 1e-300):
        times = laws.fixation_time_diffusion(examples=3, initial_accuracy=p)
        assert times == pytest.approx(-6.0 * p * (math.log(p) - 1.0), rel=1e-12)
    assert laws.fixation_time_diffusion(examples=1.7e308, initial_accuracy=[0.0, 1.0]).tolist() == [
        0.0,
        0.0,
    ]
    shares = laws.accumulate_diversity(examples=[1e6, 1e17], iterations=[0, 1])
    assert (shares <= 1.0).all()


PLAIN = [
    name
    for name, law in LAWS.items()
    if not any(each.along_prompts or each.single for each in law.domain.values())
]


@pytest.mark.parametrize("name", PLAIN)
def test_at_the_ends_of_its_domain_a_law_is_a_number(name):
    """Rewards, probabilities and counts: never no number."""
    ends = [0.0, 1e-300, 1e-17, 0.3, 0.5, 1 - 2**-53, 1.0, 2.0, 999.0, 1e17, 1e300]
    law, domain = LAWS[name], LAWS[name].domain
    axes = [[end for end in ends if inside(each, end)] for each in domain.values()]
    points = [dict(zip(domain, point, strict=True)) for point in itertools.product(*axes)]
    for point in points[:: max(len(points) // 25, 1)]:
        with contextlib.suppress(ValueError):
            values = jax.tree.leaves(law(**point))
            assert not np.isnan(values).any(), point


def inside(domain, value):
    try:
        domain.check("", value)
    except ValueError:
        return False
    return True


def test_subnormal_arguments_are_zero():
    with pytest.raises(ValueError, match="noisy_boosting needs"):
        bs.laws.noisy_boosting(beta=1e-310, gamma=0.0)
    with pytest.raises(ValueError, match="beta"):
        bs.laws.label_cost(beta=1e-310, initial_error=1.0, iterations=1)


def test_votes_beyond_what_can_be_computed_are_refused():
    with pytest.raises(ValueError, match="999,999 votes"):
        bs.laws.votes_needed(beta=0.2, gamma=0.4999, target=0.01)
    with pytest.raises(ValueError, match="votes"):
        bs.laws.majority_noise(gamma=0.1, votes=10**6 + 1)
    assert bs.laws.votes_needed(beta=1e-200, gamma=0.0, target=1e-200) == 1
    gamma, votes = 0.4995, 99_999
    assert bs.laws.majority_noise(gamma=gamma, votes=votes) == pytest.approx(
        betainc((votes + 1) / 2, (votes + 1) / 2, gamma), rel=1e-9
    )


def test_attempts_floor_at_its_edges():
    """k = 1 in closed form however small the rates; the slopes at gamma = 0 and beta = 1."""
    floor = bs.laws.attempts_floor
    assert floor(beta=1e-15, gamma=1e-15, attempts=1) == pytest.approx(0.5, rel=1e-12)
    with jax.enable_x64(True):
        slopes = jax.jit(
            jax.grad(lambda b, g, k: floor.formula(beta=b, gamma=g, attempts=k), (0, 1))
        )
        assert slopes(0.3, 0.0, 1)[1] == pytest.approx((1 - 0.3) / 0.3)
        for k in (1, 2):
            slope = slopes(1.0, 0.2, k)[0]
            step = 1e-7
            value = floor(beta=1 - step, gamma=0.2, attempts=k)
            assert slope == pytest.approx(-float(value) / step, rel=1e-5)
        slope = jax.grad(lambda g: bs.laws.majority_noise.formula(gamma=g, votes=1.0))(0.0)
        assert slope == 1.0


# What every law owes its reader


@pytest.mark.parametrize("name", LAWS)
def test_every_law_states_itself(name):
    law = LAWS[name]
    neighbours = {"Shumailov", "Gerstgrasser", "Seddik", "Ferbach", "Feng", "Beirami", "Chen"}
    assert law.claim in {f"T{number}" for number in range(1, 23)} | neighbours
    for heading in ("Statement:", "Domain:", "Proof:", "Reference:", "Returns:", "Raises:"):
        assert heading in law.__doc__, heading
    assert ">>>" in law.__doc__
    assert all(isinstance(domain, Domain) for domain in law.domain.values())


INSIDE = {
    "acceptance": 0.5,
    "accuracy": 0.5,
    "contenders": 2,
    "features": 2,
    "initial_collision": 0.5,
    "keep_correct": 0.5,
    "keep_wrong": 0.25,
    "probabilities": [0.5, 0.5],
    "rewards": [0.0, 1.0],
    "batch_size": 5,
    "accept": [0.75, 0.5],
    "attempts": 2,
    "initial_masses": [0.5, 0.5],
    "labeler_masses": [0.5, 0.5],
    "beta": 0.5,
    "beta_per_prompt": [0.5, 0.5],
    "examples": 3,
    "growth": 2,
    "increase": 2,
    "correct_answers": 2,
    "persistent": 0.5,
    "false_accept": 0.25,
    "false_reject": 0.125,
    "filtered": 1,
    "gamma": 0.25,
    "hard_share": 0.5,
    "initial_accuracy": 0.5,
    "initial_error": 0.5,
    "initial_liked": 0.5,
    "initial_probability": 0.5,
    "iterations": 2,
    "correlation": 0.5,
    "label_probability": 0.5,
    "label_share": 0.5,
    "label_weight": 0.5,
    "labelled_share": 0.5,
    "labeler_liked": 0.5,
    "least": 2,
    "prompt_weights": [0.5, 0.5],
    "rate": 0.5,
    "reference": 0.25,
    "right": 1,
    "real_share": 0.5,
    "reference_accuracy": 0.25,
    "initial_diversity": 0.5,
    "reference_diversity": 0.25,
    "overlap": 0.5,
    "window": 2,
    "draws": 2,
    "samples": 3,
    "scores": [0.0, 1.0],
    "sharpened": 0,
    "slack": 0.1,
    "step": 0.5,
    "target": 0.25,
    "visits": 3,
    "visited_share": 0.5,
    "votes": 3,
}


@pytest.mark.parametrize("name", LAWS)
def test_a_law_raises_outside_its_domain(name):
    law = LAWS[name]
    inside = {argument: INSIDE[argument] for argument in law.domain}
    leaves = jax.tree.leaves(law(**inside))
    assert all(isinstance(leaf, (np.generic, np.ndarray)) for leaf in leaves)
    assert all(np.isfinite(leaf).all() for leaf in leaves)
    for argument, domain in law.domain.items():
        outside = [domain.low - 1, np.nan, "much", [[0.5], [0.5, 0.5]]]
        outside += [domain.low] if domain.low_open else []
        outside += [domain.high] if domain.high_open else []
        outside += [domain.high + 1, domain.high] if np.isinf(domain.high) else [domain.high + 1]
        outside += [0.5 + domain.low] if domain.whole or domain.odd else []
        outside += [domain.low + 1] if domain.odd else []
        for value in outside:
            with pytest.raises(ValueError, match=argument):
                law(**{**inside, argument: value})
    with pytest.raises(TypeError):
        law(*inside.values())


def test_conditions_on_several_arguments_and_shapes_that_do_not_fit():
    for corner in (0.0, 1.0):
        with pytest.raises(ValueError, match="noisy_boosting needs"):
            bs.laws.noisy_boosting(beta=corner, gamma=corner)
    with pytest.raises(ValueError, match="broadcast"):
        bs.laws.label_cost(beta=[0.1, 0.2], initial_error=[0.1, 0.2, 0.3], iterations=1)
    with pytest.raises(ValueError, match="broadcast"):
        bs.laws.uneven_error(
            beta_per_prompt=[0.1, 0.2, 0.3],
            prompt_weights=[0.5, 0.5],
            initial_error=1.0,
            iterations=1,
        )


@pytest.mark.parametrize("name", [n for n in LAWS if n not in ("necessary_signal",)])
def test_formulas_have_gradients(name):
    """In every argument that is a real number: reverse mode against a central difference."""
    law = LAWS[name]
    inside = {argument: INSIDE[argument] for argument in law.domain}
    smooth = [a for a, d in law.domain.items() if not (d.whole or d.odd or d.along_prompts)]
    if name in ("iterations_needed", "votes_needed", "weighted_iterations_needed"):
        smooth = []
    if law.solved:
        return
    for argument in smooth:

        def scalar(value, argument=argument):
            return sum(jax.tree.leaves(law.formula(**{**inside, argument: value})))

        with jax.enable_x64(True):
            slope = float(jax.grad(scalar)(float(inside[argument])))
            step = 1e-5
            middle = inside[argument]
            difference = float(scalar(middle + step) - scalar(middle - step)) / (2 * step)
        assert slope == pytest.approx(difference, rel=1e-6, abs=1e-8), argument


def test_laws_take_only_keywords_and_keep_their_names():
    for name, law in LAWS.items():
        assert law.__name__ == name
        kinds = {p.kind for p in inspect.signature(law.formula).parameters.values()}
        assert kinds == {inspect.Parameter.KEYWORD_ONLY}


def test_the_population_map_is_monotone():
    """Keep one, labels on failures: p -> p' never falls; by the dense witness."""
    grid = np.linspace(0, 1, 201)
    for beta, gamma, attempts in ((0.05, 0.2, 3), (0.9, 0.05, 5), (0.5, 0.45, 8), (1.0, 0.3, 2)):
        task = bs.table_task(np.tile([1, 0], (201, 1)), initial=np.stack([grid, 1 - grid], 1))
        procedure = bs.boosting(
            attempts=attempts, filter=bs.NoisyFilter(gamma), labeler=bs.WeakLabeler(beta)
        )
        rows, _ = dense.iterate(procedure, task, task.initial)
        assert (np.diff(rows[:, 0]) >= -1e-15).all()


def test_attempts_floor_solved_a_second_way():
    def gap(error, beta, gamma, k):
        u = gamma + (1 - 2 * gamma) * error
        return (1 - u**k) * gamma * error / (1 - u) + u**k * (1 - beta) - error

    for beta, gamma, k in ((0.3, 0.2, 3), (0.05, 0.4, 6), (0.7, 0.1, 2)):
        root = brentq(gap, 1e-12, 1 - beta, args=(beta, gamma, k), xtol=1e-15)
        assert bs.laws.attempts_floor(beta=beta, gamma=gamma, attempts=k) == pytest.approx(
            root, rel=1e-9
        )
