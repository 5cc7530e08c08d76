"""T16, T17 and pass@k against every outcome of a visit, exact fractions, and a map of their own."""

import itertools
import math
from fractions import Fraction

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

import boostsim as bs

laws = bs.laws
EPS = np.finfo(np.float64).eps
# Numbers that are below 2.2e-308 and not 0 are 0 to XLA.
UNIT = st.floats(0.0, 1.0, allow_subnormal=False)
WEIGHTS = st.floats(-6.0, 6.0).map(lambda power: 10.0**power)


def visit(p, beta, gamma, attempts, weight, labels=1):
    """A visit by every outcome: right and wrong weight trained on, responses until accepted."""
    right = wrong = tries = 0 * p
    for answers in itertools.product([(r, a) for r in (1, 0) for a in (1, 0)], repeat=attempts):
        chance = 1
        for correct, accepted in answers:
            chance *= (p if correct else 1 - p) * (1 - gamma if accepted == correct else gamma)
        kept = [correct for correct, accepted in answers if accepted]
        first = [accepted for _, accepted in answers].index(1) + 1 if kept else attempts
        tries += chance * first
        right += chance * (kept[0] if kept else weight * labels * beta)
        wrong += chance * (1 - kept[0] if kept else weight * labels * (1 - beta))
    return right, wrong, tries


def step(error, beta, gamma, attempts, weight):
    """The population map of one prompt, plainly."""
    rejected = gamma * (1 - error) + (1 - gamma) * error
    terms = sum(rejected**power for power in range(attempts))
    labels = weight * rejected**attempts
    kept = terms * ((1 - gamma) * (1 - error) + gamma * error)
    return (terms * gamma * error + labels * (1 - beta)) / (kept + labels)


def iterated(error, iterations, *settings):
    for _ in range(iterations):
        error = step(error, *settings)
    return error


TENTHS = [Fraction(n, 10) for n in (0, 1, 3, 10)]


@pytest.mark.parametrize("attempts", [1, 2, 3])
def test_the_map_and_the_attempts_made_by_every_outcome(attempts):
    heavy, light = Fraction(7, 2), Fraction(1, 10)
    for p, beta, gamma in itertools.product(TENTHS, TENTHS, TENTHS[:3]):
        for weight in (light, Fraction(1), heavy):
            right, wrong, tries = visit(p, beta, gamma, attempts, weight)
            assert wrong / (right + wrong) == step(1 - p, beta, gamma, attempts, weight)
        accepted = gamma + (1 - 2 * gamma) * p
        if accepted:
            assert tries == (1 - (1 - accepted) ** attempts) / accepted
        law = laws.attempts_until_accepted(acceptance=float(accepted), attempts=attempts)
        assert law == pytest.approx(float(tries), rel=4 * EPS)
        # So many labels for one are a label so much heavier.
        assert visit(p, beta, gamma, attempts, light, 3) == visit(
            p, beta, gamma, attempts, 3 * light
        )


# A perfect filter and one attempt


@given(beta=UNIT, weight=WEIGHTS, error=UNIT)
@settings(max_examples=60)
def test_the_error_by_iteration(beta, weight, error):
    exact, found = [Fraction(error)], np.arange(7)
    for _ in range(6):
        last, one = exact[-1], Fraction(1)
        exact.append(step(last, Fraction(beta), Fraction(0), 1, one * Fraction(weight)))
    law = laws.weighted_boosting_error(
        beta=beta, label_weight=weight, initial_error=error, iterations=found
    )
    for iteration, (got, true) in enumerate(zip(law, exact, strict=True)):
        if true < 1e-290:
            assert got <= 1e-290
            continue
        # Roundings of log(1 - beta), log w and their sum count once an iteration, and few others.
        logs = 0.0 if beta == 1 else abs(math.log1p(-beta)) + abs(math.log(weight))
        lost = (16 + 4 * iteration * logs) * EPS
        assert abs(float(Fraction(got) / true) - 1) <= lost


def test_labels_that_count_like_responses_are_the_first_theorem_s():
    beta, error = np.linspace(0, 1, 21)[:, None, None], np.linspace(0, 1, 21)[:, None]
    run = {"beta": beta, "initial_error": error, "iterations": np.array([0, 1, 2, 17, 300])}
    found = laws.weighted_boosting_error(label_weight=1.0, **run)
    assert found == pytest.approx(laws.boosting_error(attempts=1, **run), rel=1e-11, abs=1e-290)


def test_the_fate_of_the_error_is_that_of_the_weight():
    for beta, weight in itertools.product((0.01, 0.2, 0.5, 0.9), (0.1, 0.9, 1.0, 1.5, 4.0, 40.0)):
        settings = {"beta": beta, "label_weight": weight, "initial_error": 0.6}
        ratio, far = (1 - beta) * weight, np.array([3000, 3001])
        found = laws.weighted_boosting_error(iterations=far, **settings)
        limit = laws.weighted_boosting_limit(beta=beta, label_weight=weight)
        # alpha = w/(1 + w) at most 1/(2 - beta)
        assert (ratio <= 1) == (weight / (1 + weight) <= 1 / (2 - beta))
        if ratio <= 1:
            assert limit == 0
            assert found[1] < 0.1
        else:
            assert found == pytest.approx((ratio - 1) / (weight - 1), rel=1e-9)
            assert found == pytest.approx(iterated(0.6, 3000, beta, 0.0, 1, weight), rel=1e-9)
            assert limit == pytest.approx(found[1], rel=1e-9)
        if found[1] > 1e-290 and ratio < 1:
            assert found[1] / found[0] == pytest.approx(ratio, rel=1e-2)
    even = {"beta": 0.2, "label_weight": 1.25, "initial_error": 1.0, "iterations": 10**9}
    assert laws.weighted_boosting_error(**even) == pytest.approx(0.8 / 0.2 / 1e9, rel=1e-6)
    # Without a label that is ever right, what is failed for certain stays so, however light.
    lost = {"beta": 0.0, "label_weight": 0.1, "iterations": 500}
    assert laws.weighted_boosting_error(initial_error=1.0, **lost) == 1.0
    assert laws.weighted_boosting_error(initial_error=0.99, **lost) < 1e-290
    with pytest.raises(ValueError, match="beta must be"):
        laws.weighted_boosting_limit(beta=0.0, label_weight=1.0)


@given(
    beta=st.floats(0.001, 0.999),
    weight=st.floats(0.01, 30.0),
    error=st.floats(0.01, 1.0),
    target=st.floats(1e-9, 1.0),
)
@settings(max_examples=150)
def test_the_iterations_needed_are_the_first_that_suffice(beta, weight, error, target):
    needed = float(
        laws.weighted_iterations_needed(
            beta=beta, label_weight=weight, target=target, initial_error=error
        )
    )
    limit = float(laws.weighted_boosting_limit(beta=beta, label_weight=weight))
    if needed > 3000:
        if np.isinf(needed) and error > target:
            assert target < limit * (1 + 1e-9)
        return
    errors, reached = [error], target * (1 + 1e-11)
    for _ in range(int(needed)):
        errors.append(step(errors[-1], beta, 0.0, 1, weight))
    assert errors[-1] <= reached * (1 + 1e-9)
    assert all(each > reached * (1 - 1e-9) for each in errors[:-1])
    ratio = (1 - beta) * weight
    if ratio < 1:
        share = math.log((1 - beta) / (beta * target)) / math.log(1 / ratio)
        assert needed <= 1 + max(0, math.ceil(share * (1 + 1e-9)))


def test_the_bound_on_iterations_needs_its_zero():
    """beta .9, w 5, eps .5: one iteration is needed where the logarithm alone says -1."""
    assert laws.weighted_iterations_needed(beta=0.9, label_weight=5.0, target=0.5) == 1
    assert 1 + math.ceil(math.log(0.1 / (0.9 * 0.5)) / math.log(1 / 0.5)) == -1


def test_exact_errors_are_reached_by_so_many_iterations():
    """The target is the float next to the exact rational."""
    for beta, weight in itertools.product(range(1, 10), (1, 3, 10, 12, 25)):
        beta, weight, error = Fraction(beta, 10), Fraction(weight, 10), Fraction(1)
        for iteration in range(1, 9):
            last, error = error, step(error, beta, Fraction(0), 1, weight)
            if error > last * (1 - Fraction(1, 10**6)) or error < 1e-280:
                break
            needed = laws.weighted_iterations_needed(
                beta=float(beta), label_weight=float(weight), target=float(error)
            )
            assert needed == iteration, (beta, weight, iteration)
    needed = {"label_weight": 1e-300, "target": 1e-300}
    assert laws.weighted_iterations_needed(beta=1e-300, **needed) == 3
    ones = laws.weighted_iterations_needed(beta=0.3, label_weight=1.0, target=1e-5)
    assert ones == laws.iterations_needed(beta=0.3, initial_error=1.0, target=1e-5)
    stalls = laws.weighted_iterations_needed(beta=0.2, label_weight=4.0, target=[0.73, 0.74])
    assert np.isinf(stalls[0])
    assert stalls[1] < 10
    assert laws.weighted_iterations_needed(
        beta=[0.0, 1.0], label_weight=0.5, target=0.1
    ).tolist() == [np.inf, 1.0]


# A noisy filter, several attempts

PLACES = [
    (beta, gamma, attempts, weight)
    for beta in (0.02, 0.3, 0.9)
    for gamma in (0.001, 0.1, 0.3, 0.45)
    for attempts in (1, 2, 5)
    for weight in (1e-3, 0.2, 1.0, 7.0)
    if attempts == 1 or weight <= 1
]


def floor(beta, gamma, attempts, weight):
    return laws.weighted_floor(beta=beta, gamma=gamma, attempts=attempts, label_weight=weight)


def test_the_floor_is_where_the_map_goes_from_everywhere():
    found = floor(*np.array(PLACES).T)
    for place, law in zip(PLACES, found, strict=True):
        for first in (1.0, 0.5, 1e-4):
            assert iterated(first, 4000, *place) == pytest.approx(law, rel=1e-7), place
        if place[3] == 1:
            old = dict(zip(("beta", "gamma", "attempts"), place[:3], strict=True))
            assert law == pytest.approx(laws.attempts_floor(**old), rel=1e-10)


def _grown(log_error, *place):
    return step(math.exp(log_error), *place) / math.exp(log_error) - 1


def test_the_floor_solved_a_second_way_and_by_its_polynomial():
    for beta, gamma, attempts, weight in PLACES:
        place = beta, gamma, attempts, weight
        least = weight * gamma**attempts / (1 + weight * gamma**attempts)
        ends = math.log(0.9 * least * (1 - beta)), math.log(1 - beta)
        root = math.exp(brentq(_grown, *ends, args=place, xtol=1e-13))
        assert floor(*place) == pytest.approx(root, rel=1e-8)
        g, ends = gamma * (1 - gamma), (1 - beta) * (1 - 2 * gamma) + gamma
        powers = np.full(attempts + 2, -g)
        powers[1] = 1.0 if attempts == 1 else 1 - g
        powers[-2] = powers[-2] * (attempts == 1) - weight * ends
        powers[-1] = -(1 - weight)
        inside = np.roots(powers)
        inside = inside[(abs(inside.imag) < 1e-9) & (inside.real > 0)].real
        errors = (1 / inside - gamma) / (1 - 2 * gamma)
        (one,) = errors[(errors > 0) & (errors < 1)]
        assert one == pytest.approx(root, rel=1e-4)


def test_lighter_labels_leave_less():
    weights = np.geomspace(1e-4, 1.0, 30)
    for beta, gamma, attempts in itertools.product((0.05, 0.5, 0.95), (0.01, 0.4), (1, 2, 8)):
        assert (np.diff(floor(beta, gamma, attempts, weights)) > 0).all()
    assert floor(0.2, 0.1, 1, [0.1, 1.0]) == pytest.approx([0.0108372, 0.3076923], rel=1e-5)


def test_heavy_labels_with_several_attempts_end_where_they_began():
    """So there is no one limit, and the law refuses."""
    high = iterated(1.0, 3000, 0.2, 0.0, 2, 10.0)
    assert high == pytest.approx((8 + math.sqrt(64 - 36)) / 18)
    assert iterated(0.149, 3000, 0.2, 0.0, 2, 10.0) < 1e-290
    noisy = [iterated(first, 3000, 0.2, 0.02, 2, 10.0) for first in (1.0, 0.05)]
    assert noisy == pytest.approx([0.740124, 0.004992], rel=1e-4)
    with pytest.raises(ValueError, match="weighted_floor needs one attempt or a weight of at mo"):
        floor(0.2, 0.02, 2, 10.0)
    assert floor(0.2, 0.0, 1, 10.0) == pytest.approx(
        laws.weighted_boosting_limit(beta=0.2, label_weight=10.0)
    )


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_the_leading_term_of_light_labels(attempts):
    """And not w gamma^k (1-beta)(1-gamma)/(1 - 2 gamma), which forgets the visits that fail."""
    law = {"beta": 0.3, "gamma": 0.2, "attempts": attempts}
    weights = np.array([1e-3, 1e-6, 1e-9])
    leading = laws.weighted_floor_leading(label_weight=weights, **law)
    ratio = laws.weighted_floor(label_weight=weights, **law) / leading
    assert (abs(ratio - 1) <= weights).all()
    forgetful = weights * 0.2**attempts * 0.7 * 0.8 / 0.6
    assert ratio * leading / forgetful == pytest.approx(1 / (1 - 0.2**attempts), rel=1e-2)


def test_the_floor_at_its_edges():
    assert floor(0.5, 0.0, [1, 2, 3], [1.0, 0.5, 1e-300]).tolist() == [0.0, 0.0, 0.0]
    assert floor(1.0, 0.2, [1, 2, 3], 0.5).tolist() == [0.0, 0.0, 0.0]
    with jax.enable_x64(True):
        for k in (1, 2):
            point = {"gamma": 0.2, "attempts": k, "label_weight": 0.5}
            slope = jax.grad(lambda b, at=point: laws.weighted_floor.formula(beta=b, **at))(1.0)
            near = 1e-7
            value = float(laws.weighted_floor(beta=1 - near, **point))
            assert slope == pytest.approx(-value / near, rel=1e-5)


# A share of the whole mixture


@pytest.mark.parametrize("attempts", [1, 2, 6])
@pytest.mark.parametrize("hard", [1.0, 0.6, 0.05])
def test_a_share_of_all_examples_stalls(hard, attempts):
    beta, share = 0.2, 1 / 3
    errors = np.array([0.9, 0.0])
    prompts = np.array([hard, 1 - hard])
    for iteration in range(400):
        failed = errors**attempts
        kept, labels = 1 - failed, prompts @ failed
        weight = share / (1 - share) * (prompts @ kept) / labels
        # The share is what was asked for, of all.
        brought = weight * failed
        assert prompts @ brought == pytest.approx(share * (prompts @ (kept + brought)))
        errors = (1 - beta) * brought / (kept + brought)
        if hard == 1 and iteration == 0:
            assert errors[0] == pytest.approx(share * (1 - beta))
    law = laws.share_stall(beta=beta, label_share=share, hard_share=hard, attempts=attempts)
    assert law == pytest.approx(errors[0], rel=1e-9)
    least = share * (1 - beta) / ((1 - share) * hard + share)
    assert least * (1 - 1e-12) <= law < 1 - beta
    if hard == 1:
        assert law == pytest.approx(share * (1 - beta), rel=1e-12)


def test_fewer_hard_prompts_stay_worse():
    law = laws.share_stall(beta=0.2, label_share=1 / 3, hard_share=np.geomspace(1e-6, 1, 40))
    assert (np.diff(law) < 0).all()
    assert law[0] == pytest.approx(0.8, rel=1e-4)
    attempts = laws.share_stall(beta=0.2, label_share=0.5, hard_share=0.3, attempts=range(1, 9))
    assert (np.diff(attempts) < 0).all()


# Until one is accepted; pass@k


def test_attempts_made_lie_between_one_and_all():
    rates = np.concatenate([[0.0, 1e-300, 1e-17], np.linspace(1e-6, 1.0, 200)])
    for attempts in (1, 2, 8, 1000):
        law = laws.attempts_until_accepted(acceptance=rates, attempts=attempts)
        assert (law >= 1).all()
        assert (law <= attempts).all()
        assert (np.diff(law) <= 1e-12 * attempts).all()
        assert law[0] == attempts
        assert law[-1] == 1
    with jax.enable_x64(True):
        slope = jax.grad(
            lambda a: laws.attempts_until_accepted.formula(acceptance=a, attempts=4.0)
        )(0.0)
    assert float(slope) == -6.0


@pytest.mark.parametrize(("samples", "attempts"), [(1, 1), (4, 1), (4, 3), (7, 7), (12, 5)])
def test_the_estimate_of_pass_at_k_is_unbiased(samples, attempts):
    """By every count of right samples; putting c/n for p is not."""
    for p in (Fraction(0), Fraction(1, 7), Fraction(1, 2), Fraction(9, 10), Fraction(1)):
        counts = range(samples + 1)
        chances = [math.comb(samples, c) * p**c * (1 - p) ** (samples - c) for c in counts]
        exact = 1 - (1 - p) ** attempts
        estimates = [
            1 - Fraction(math.comb(samples - c, attempts), math.comb(samples, attempts))
            for c in counts
        ]
        assert sum(map(Fraction.__mul__, chances, estimates)) == exact
        law = laws.pass_at_estimate(right=list(counts), samples=samples, attempts=attempts)
        assert law == pytest.approx([float(each) for each in estimates], rel=1e-14)
        assert laws.pass_at(accuracy=float(p), attempts=attempts) == pytest.approx(
            float(exact), rel=4 * EPS
        )
        naive = [1 - (1 - Fraction(c, samples)) ** attempts for c in counts]
        biased = sum(map(Fraction.__mul__, chances, naive))
        assert biased == exact if attempts == 1 or p in (0, 1) else biased < exact


def test_the_estimate_keeps_its_digits_where_samples_are_many():
    for right, samples, attempts in ((1, 10**6, 1), (3, 9999, 64), (500, 1000, 400), (7, 10, 4)):
        wrong = Fraction(math.comb(samples - right, attempts), math.comb(samples, attempts))
        law = laws.pass_at_estimate(right=right, samples=samples, attempts=attempts)
        assert law == pytest.approx(float(1 - wrong), rel=1e-12)
    for bad, message in (
        ({"right": 5}, "no more right responses than samples"),
        ({"attempts": 5}, "at least as many samples as attempts"),
    ):
        with pytest.raises(ValueError, match=message):
            laws.pass_at_estimate(**{"right": 2, "samples": 4, "attempts": 2, **bad})


@pytest.mark.parametrize("beyond", [1e-12, 1e-9, 1e-6, 0.1])
def test_just_beyond_the_weight_that_stalls_the_floor_is_the_limit(beyond):
    for beta in (1e-9, 0.2, 0.9):
        weight = (1.0 + beyond) / (1.0 - beta)
        floor = bs.laws.weighted_floor(beta=beta, gamma=0.0, attempts=1, label_weight=weight)
        limit = bs.laws.weighted_boosting_limit(beta=beta, label_weight=weight)
        # Both lose what rounding of the weight takes from (1 - beta) w - 1.
        assert float(floor) == pytest.approx(float(limit), rel=1e-14 / beyond)
