"""Laws of neighbouring papers against enumeration, literal refits and integrals."""

import itertools
import math
from fractions import Fraction

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import binom, chi2

from boostsim.theory import laws as nb

SIZES = [1, 2, 3, 17, 10**6]
SHARE = st.floats(0.0, 1.0, allow_subnormal=False)
ROUNDS = [0, 1, 2, 63, 64, 65, 66, 1000]


# Normal laws refitted to their own samples. The laws need two moments of the noise only, so that
# signs do for normal samples and every path can be followed.


def refits(batch_size, iterations, accumulate):
    """E sigma_t^2 and E mu_t^2 over all signs, by literal refits."""
    variance = mean = 0.0
    paths = list(itertools.product((-1.0, 1.0), repeat=batch_size * iterations))
    for signs in np.reshape(paths, (-1, iterations, batch_size)):
        mu, sigma, data = 0.0, 1.0, np.zeros(0)
        for batch in signs:
            drawn = mu + sigma * batch
            data = np.concatenate([data, drawn]) if accumulate else drawn
            mu, sigma = data.mean(), data.std()
        variance += sigma**2 / len(paths)
        mean += mu**2 / len(paths)
    return variance, mean


@pytest.mark.parametrize(("batch_size", "iterations"), [(1, 2), (2, 1), (2, 4), (3, 3), (5, 2)])
def test_refits_by_every_path(batch_size, iterations):
    point = {"batch_size": batch_size, "iterations": iterations}
    variance, mean = refits(batch_size, iterations, accumulate=False)
    assert nb.refit_variance(**point) == pytest.approx(variance, rel=1e-13)
    assert nb.refit_mean_error(**point) == pytest.approx(mean, rel=1e-13)
    variance, _ = refits(batch_size, iterations, accumulate=True)
    assert nb.accumulated_refit_variance(**point) == pytest.approx(variance, rel=1e-13)


@pytest.mark.parametrize("batch_size", SIZES)
def test_accumulated_refits_term_by_term(batch_size):
    law = nb.accumulated_refit_variance(batch_size=batch_size, iterations=ROUNDS)
    left, product = {0: 1.0}, Fraction(1)
    for batch in range(1, 67):
        product *= 1 - Fraction(1, batch_size * batch**2)
        left[batch] = float(product)
    left[1000] = left[66] * math.exp(
        math.fsum(math.log1p(-1 / (batch_size * batch**2)) for batch in range(67, 1001))
    )
    assert law == pytest.approx([left[rounds] for rounds in ROUNDS], rel=4e-15, abs=0)


@given(batch_size=st.integers(1, 10**15), iterations=st.integers(0, 10**15))
@settings(max_examples=60)
def test_accumulated_refits_stay_above_their_limit(batch_size, iterations):
    law = nb.accumulated_refit_variance(batch_size=batch_size, iterations=iterations)
    limit = nb.accumulated_refit_variance_limit(batch_size=batch_size)
    assert limit * (1 - 4e-15) <= law <= 1.0
    assert limit >= 1.0 - np.pi**2 / (6 * batch_size) - 4e-15
    # What is still to come: sum_{j>t} a^2/j^2, twice that for the logarithm where j >= 2.
    assert law - limit <= 2 / (batch_size * max(iterations, 0.5)) + 4e-15
    never = nb.refit_variance(batch_size=batch_size, iterations=iterations)
    assert law >= never * (1 - 4e-15)


def test_large_samples_are_not_rounded_away():
    assert nb.refit_mean_error(batch_size=1e18, iterations=3) == pytest.approx(3e-18, rel=1e-15)
    assert nb.refit_variance(batch_size=1e17, iterations=1e17) == pytest.approx(np.exp(-1))
    law = nb.collision_probability(examples=1e18, initial_collision=1e-18, iterations=3)
    assert law == pytest.approx(4e-18, rel=1e-15)
    assert nb.refit_mean_error(batch_size=1, iterations=[0, 1, 5]).tolist() == [0.0, 1.0, 1.0]


# Least squares on its own labels


def fits(design, iterations, accumulate):
    """E |theta_t|^2_Sigma over all signs of the noise, by literal least squares from theta* = 0."""
    batch_size, features = design.shape
    paths = list(itertools.product((-1.0, 1.0), repeat=batch_size * iterations))
    total = 0.0
    for signs in np.reshape(paths, (-1, iterations, batch_size)):
        theta, rows, labels = np.zeros(features), design[:0], np.zeros(0)
        for noise in signs:
            new = design @ theta + noise
            rows = np.concatenate([rows, design]) if accumulate else design
            labels = np.concatenate([labels, new]) if accumulate else new
            theta = np.linalg.lstsq(rows, labels)[0]
        total += np.mean((design @ theta) ** 2)
    return total / len(paths)


@pytest.mark.parametrize(("batch_size", "features", "rounds"), [(2, 2, 2), (3, 1, 3), (3, 2, 2)])
def test_regression_by_every_path(batch_size, features, rounds):
    design = np.random.default_rng(batch_size).standard_normal((batch_size, features))
    point = {"features": features, "batch_size": batch_size, "iterations": rounds}
    for law, accumulate in ((nb.regression_error, False), (nb.accumulated_regression_error, True)):
        assert law(**point) == pytest.approx(fits(design, rounds, accumulate), rel=1e-12)


@pytest.mark.parametrize("batch_size", [4, 9])
def test_gaussian_regression_by_the_chi_square_law(batch_size):
    """One feature: round t adds E G_t/S_t^2 = int u E[G_t e^(-u G_t)] E e^(-u S_{t-1}) du."""
    first = quad(lambda g: chi2.pdf(g, batch_size) / g, 0, np.inf)[0]
    point = {"features": 1, "batch_size": batch_size}
    assert nb.gaussian_regression_error(iterations=3, **point) == pytest.approx(3 * first)
    law = nb.accumulated_gaussian_regression_error(iterations=[1, 2, 3], **point)
    assert law[0] == pytest.approx(first)
    for before in (1, 2):

        def added(u, before=before):
            newest = batch_size * (1 + 2 * u) ** (-batch_size / 2 - 1)
            return u * newest * (1 + 2 * u) ** (-batch_size * before / 2)

        step = quad(added, 0, np.inf)[0]
        assert law[before] - law[before - 1] == pytest.approx(step)


def test_gaussian_regression_by_sampled_wishart_matrices():
    """Three features: E tr(S^-1 G_2 S^-1), to six standard errors of the mean."""
    draw = np.random.default_rng(0).standard_normal
    first, second = (np.einsum("bni,bnj->bij", x, x) for x in (draw((20_000, 9, 3)) for _ in "ab"))
    inverse = np.linalg.inv(first + second)
    steps = np.einsum("bij,bjk,bki->b", inverse, second, inverse)
    law = nb.accumulated_gaussian_regression_error(features=3, batch_size=9, iterations=[1, 2])
    assert abs(law[1] - law[0] - steps.mean()) < 6 * steps.std() / np.sqrt(steps.size)


def test_the_authors_experiment():
    """One normal design for ever, tested on fresh rows, all rounds kept: d = 10, n = 32, T = 50."""
    theirs = {"features": 10, "batch_size": 32, "iterations": 50}
    law = nb.accumulated_reused_regression_error(**theirs)
    # Their logged runs: .7753 +- .010.
    assert law == pytest.approx(0.7739, abs=5e-5)
    assert abs(law - 0.7753) < 0.010
    # By the covariance of literal fits to all rounds, given a design; then an average over designs.
    designs = np.random.default_rng(4).standard_normal((4000, 32, 10))
    design, all_rounds = designs[0], []
    for rounds in range(1, 4):
        # theta_t as a linear function of the noise of all rounds so far.
        before = [np.zeros((10, 0)), *all_rounds]
        rows = np.concatenate([design] * rounds)
        width = 32 * rounds
        noisy = np.zeros((width, width))
        for number, theta in enumerate(before):
            place = slice(32 * number, 32 * (number + 1))
            noisy[place, : theta.shape[1]] = design @ theta
            noisy[place, place] += np.eye(32)
        all_rounds.append(np.linalg.pinv(rows) @ noisy)
        inverse = np.linalg.inv(design.T @ design)
        wanted = np.trace(inverse) * sum(1 / i**2 for i in range(1, rounds + 1))
        assert np.sum(all_rounds[-1] ** 2) == pytest.approx(wanted, rel=1e-12)
    traces = np.trace(np.linalg.inv(np.swapaxes(designs, 1, 2) @ designs), axis1=1, axis2=2)
    first = nb.reused_regression_error(features=10, batch_size=32, iterations=1)
    assert abs(traces.mean() - first) < 6 * traces.std() / np.sqrt(traces.size)


@pytest.mark.parametrize(
    ("features", "batch_size"), [(1, 3), (50, 52), (999, 1001), (3, 10**9), (10**6, 10**9)]
)
def test_accumulated_regression_term_by_term(features, batch_size):
    point = {"features": features, "batch_size": batch_size, "iterations": ROUNDS}
    fixed, normal = [], []
    for rounds in ROUNDS:
        steps = range(1, rounds + 1)
        fixed.append(math.fsum(features / (batch_size * i * i) for i in steps))
        normal.append(math.fsum(features / (i * (batch_size * i - features - 1)) for i in steps))
    assert nb.accumulated_regression_error(**point) == pytest.approx(fixed, rel=4e-15, abs=0)
    law = nb.accumulated_gaussian_regression_error(**point)
    assert law == pytest.approx(normal, rel=4e-15, abs=0)
    law = nb.accumulated_reused_regression_error(**point)
    wider = [batch_size / (batch_size - features - 1) * each for each in fixed]
    assert law == pytest.approx(wider, rel=6e-15, abs=0)
    law = nb.reused_regression_error(**point)
    assert law.tolist() == nb.gaussian_regression_error(**point).tolist()


@given(
    features=st.integers(1, 10**6), more=st.integers(2, 10**9), iterations=st.integers(0, 10**15)
)
@settings(max_examples=60)
def test_accumulated_regression_stays_below_its_bound(features, more, iterations):
    point = {"features": features, "batch_size": features + more}
    rounded = 1 + 4e-15
    bound = nb.accumulated_regression_bound(**point)
    law = nb.accumulated_gaussian_regression_error(iterations=iterations, **point)
    fixed = nb.accumulated_regression_error(iterations=iterations, **point)
    assert fixed <= law * rounded
    assert law <= bound * rounded
    assert fixed <= np.pi**2 / 6 * features / (features + more) * rounded
    again = nb.gaussian_regression_error(iterations=iterations, **point)
    assert law <= again * rounded


# Frequencies refitted to their own samples


@pytest.mark.parametrize("examples", [1, 2, 5, 30])
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_collisions_by_the_chain_of_two_responses(examples, share):
    counts = np.arange(examples + 1)
    moves = binom.pmf(counts, examples, counts[:, None] / examples)
    law = nb.collision_probability(
        examples=examples, initial_collision=share**2 + (1 - share) ** 2, iterations=np.arange(1, 9)
    )
    now = binom.pmf(counts, examples, share)
    for collision in law:
        each = (counts / examples) ** 2 + (1 - counts / examples) ** 2
        assert collision == pytest.approx(now @ each, rel=1e-12)
        now = now @ moves
    # The survivor: the second response with its first probability.
    far = binom.pmf(counts, examples, share) @ np.linalg.matrix_power(moves, 10**4)
    assert far[-1] == pytest.approx(share, abs=1e-9)
    assert far[0] + far[-1] == pytest.approx(1.0, abs=1e-9)


# Curation


def curated_by_enumeration(rewards, probabilities, contenders):
    """p' over every multiset of draws."""
    weights, kept = np.exp(rewards), np.zeros(len(rewards))
    for drawn in itertools.combinations_with_replacement(range(len(rewards)), contenders):
        counts = np.bincount(drawn, minlength=len(rewards))
        ways = math.factorial(contenders) / math.prod(math.factorial(count) for count in counts)
        share = counts * weights
        kept += ways * np.prod(probabilities**counts) * share / share.sum()
    return kept


@st.composite
def curations(draw, largest=50.0):
    responses = draw(st.integers(1, 4))
    rewards = draw(st.lists(st.floats(-largest, largest), min_size=responses, max_size=responses))
    parts = draw(st.lists(st.integers(0, 1000), min_size=responses, max_size=responses))
    parts[0] += 1
    return {"rewards": np.array(rewards), "probabilities": np.array(parts) / sum(parts)}


@given(point=curations(), contenders=st.integers(1, 6))
def test_curation_by_every_multiset(point, contenders):
    law = nb.curated_probabilities(contenders=contenders, **point)
    want = curated_by_enumeration(contenders=contenders, **point)
    assert law == pytest.approx(want, rel=1e-13, abs=1e-300)


@pytest.mark.parametrize("largest", [0.1, 10.0, 50.0])
@pytest.mark.parametrize("share", [0.5, 1e-3, 1 - 1e-6])
def test_curation_of_many_by_the_binomial_law(largest, share):
    contenders, counts = 1024, np.arange(1025)
    weights = np.exp([-largest, largest])
    first = (contenders - counts) * weights[0]
    chance = binom.pmf(counts, contenders, share) / (first + counts * weights[1])
    want = [chance @ first, chance @ (counts * weights[1])]
    law = nb.curated_probabilities(
        rewards=[-largest, largest], probabilities=[1 - share, share], contenders=contenders
    )
    # The witness: logarithms of factorials of a thousand.
    assert law == pytest.approx(want, rel=1e-10)


@given(point=curations(), contenders=st.integers(1, 10**6))
def test_curation_keeps_one_of_them(point, contenders):
    law = nb.curated_probabilities(contenders=contenders, **point)
    assert law.sum() == pytest.approx(1.0, abs=1e-13)
    assert (law[point["probabilities"] == 0.0] == 0.0).all()
    alone = nb.curated_probabilities(contenders=1, **point)
    assert alone == pytest.approx(point["probabilities"], rel=1e-13)


@given(point=curations(largest=3.0), contenders=st.sampled_from([1, 10, 1000, 10**6]))
def test_curation_of_very_many_tilts(point, contenders):
    """With s = w + (K-1) E w, expand 1/(w + W_2 + ... + W_K) about 1/s to second order."""
    weights, p = np.exp(point["rewards"]), point["probabilities"]
    mean, variance = p @ weights, p @ (weights - p @ weights) ** 2
    tilted = nb.tilted_probabilities(**point)
    assert tilted == pytest.approx(p * weights / mean, rel=1e-14)
    centre = weights + (contenders - 1) * mean
    radius = weights * np.abs(mean - weights) / (mean * centre)
    radius += weights * (contenders - 1) * variance / (centre**2 * weights.min())
    law = nb.curated_probabilities(contenders=contenders, **point)
    assert (np.abs(law - tilted) <= p * radius + 1e-13).all()


@given(point=curations(largest=5.0), contenders=st.integers(1, 1000))
def test_curation_gains_what_it_promises(point, contenders):
    weights = np.exp(point["rewards"])
    kept = nb.curated_probabilities(contenders=contenders, **point)
    gain = (kept - point["probabilities"]) @ weights
    bound = nb.curation_gain(contenders=contenders, **point)
    assert -1e-13 * weights.max() <= bound <= gain + 1e-13 * weights.max()


def test_curation_gain_is_ruled_by_the_support():
    """The greatest reward counts where it can be drawn: what cannot be is no matter."""
    law = {"contenders": 3, "probabilities": [0.5, 0.5, 0.0]}
    low, high = (nb.curation_gain(rewards=[0.0, 1.0, top], **law) for top in (0.0, 50.0))
    assert low == high > 0.0
    # Two draws: the bracket over K w* by hand.
    weights = np.exp([0.0, 1.0])
    assert low == pytest.approx(2 / 3 * weights.var() / weights[1], rel=1e-14)


def test_curation_ends_at_the_greatest_reward_of_the_support():
    """What the first model never says is never said: the second reward of three wins."""
    law = [0.7, 0.3, 0.0]
    for _ in range(60):
        law = nb.curated_probabilities(
            rewards=[0.0, 1.0, 5.0], probabilities=law, contenders=2
        ).tolist()
    assert law[1:] == [pytest.approx(1.0, abs=1e-9), 0.0]


def test_curation_broadcasts_and_has_slopes():
    rewards = np.array([[0.0, 1.0, 2.0], [50.0, -50.0, 0.0]])
    p = np.array([0.2, 0.3, 0.5])
    law = nb.curated_probabilities(rewards=rewards, probabilities=p, contenders=[2, 10**6])
    for row, got, contenders in zip(rewards, law, [2, 10**6]):
        one = nb.curated_probabilities(rewards=row, probabilities=p, contenders=contenders)
        assert got == pytest.approx(one, rel=1e-14)
    bound = nb.curation_gain(rewards=rewards, probabilities=p, contenders=[[2], [3], [4]])
    assert bound.shape == (3, 2)

    def first(r, p, contenders):
        formula = nb.curated_probabilities.formula
        return formula(rewards=r, probabilities=p, contenders=contenders)[0]

    single = jax.jit(first)
    with jax.enable_x64(True):
        slope = jax.jit(jax.grad(first))
        for row, contenders in itertools.product([*rewards, np.zeros(3)], [1.0, 2.0, 1e6]):
            slopes = slope(row, p, contenders)
            assert np.isfinite(slopes).all()
            # A reward added to all changes nothing.
            assert float(slopes.sum()) == pytest.approx(0.0, abs=1e-12)
    for row, contenders in itertools.product([*rewards, np.zeros(3)], [1.0, 2.0, 1e6]):
        want = nb.curated_probabilities(rewards=row, probabilities=p, contenders=contenders)[0]
        assert float(single(row, p, contenders)) == pytest.approx(want, rel=1e-4, abs=1e-30)


# Verified examples


def lead_law(up, down, examples):
    """The law of kept correct less kept wrong examples, by convolution."""
    one, law = np.array([down, 1.0 - up - down, up]), np.ones(1)
    for _ in range(examples):
        law = np.convolve(law, one)
    return law


@given(phi=SHARE, psi=SHARE, accuracy=SHARE, n=st.integers(1, 40))
def test_the_majority_bound_against_the_exact_law(phi, psi, accuracy, n):
    up, down = phi * accuracy, psi * (1 - accuracy)
    point = {"keep_correct": phi, "keep_wrong": psi, "accuracy": accuracy, "examples": n}
    if up < down:
        with pytest.raises(ValueError, match="majority_error_bound needs"):
            nb.majority_error_bound(**point)
        return
    bound = nb.majority_error_bound(**point)
    exact = lead_law(up, down, n)[: n + 1].sum()
    assert exact <= bound + 1e-13
    assert bound <= 1.0


def test_the_majority_bound_has_the_right_rate():
    point = {"keep_correct": 0.9, "keep_wrong": 0.3, "accuracy": 0.5}
    rates = []
    for n in (400, 1600):
        exact = lead_law(0.45, 0.15, n)[: n + 1].sum()
        rates.append(np.log(nb.majority_error_bound(examples=n, **point)) / np.log(exact))
    assert 0.9 < rates[0] < rates[1] < 1.0
    assert rates[1] > 0.96


@pytest.mark.parametrize(("phi", "psi"), [(0.9, 0.3), (0.4, 0.8), (1.0, 0.0), (0.0, 0.5)])
def test_breakdown_by_the_exact_law(phi, psi):
    """On both sides and at it, ties broken evenly, as the examples multiply."""
    point = float(nb.breakdown_error(keep_correct=phi, keep_wrong=psi))

    def accuracies(error):
        for n in (50, 200, 800):
            law = lead_law(phi * (1 - error), psi * error, n)
            yield law[n + 1 :].sum() + law[n] / 2

    if point > 0.1:
        below = list(accuracies(point - 0.1))
        assert below[0] < below[1] <= below[2] + 1e-12
        assert below[2] > 0.99
    if point < 0.9:
        above = list(accuracies(point + 0.1))
        assert above[0] > above[1] >= above[2] - 1e-12
        assert above[2] < 0.01
    assert list(accuracies(point)) == pytest.approx([0.5] * 3, abs=1e-10)


def test_breakdown_in_the_paper_s_form():
    phi, psi = np.random.default_rng(0).uniform(0.01, 1.0, (2, 50))
    law = nb.breakdown_error(keep_correct=phi, keep_wrong=psi)
    assert law == pytest.approx(1 / (1 + psi / phi), rel=1e-14)


# Refusals


def test_what_has_no_law_is_refused():
    with pytest.raises(ValueError, match="breakdown_error needs"):
        nb.breakdown_error(keep_correct=0.0, keep_wrong=0.0)
    for law in (nb.regression_error, nb.accumulated_regression_error):
        law(features=3, batch_size=3, iterations=1)
        with pytest.raises(ValueError, match="batch_size >= features"):
            law(features=4, batch_size=3, iterations=1)
    for law in (
        nb.gaussian_regression_error,
        nb.accumulated_gaussian_regression_error,
        nb.reused_regression_error,
        nb.accumulated_reused_regression_error,
    ):
        law(features=2, batch_size=4, iterations=1)
        with pytest.raises(ValueError, match=r"batch_size > features \+ 1"):
            law(features=3, batch_size=4, iterations=1)
    with pytest.raises(ValueError, match=r"batch_size > features \+ 1"):
        nb.accumulated_regression_bound(features=3, batch_size=4)
    inside = {"rewards": [0.0, 1.0], "probabilities": [0.5, 0.5], "contenders": 2}
    for bad in (
        {"rewards": [0.0, 50.1]},
        {"probabilities": [0.5, 0.6]},
        {"contenders": 0},
        {"contenders": 10**6 + 1},
    ):
        with pytest.raises(ValueError, match=next(iter(bad))):
            nb.curated_probabilities(**{**inside, **bad})
    with pytest.raises(ValueError, match="broadcast"):
        nb.curated_probabilities(**{**inside, "rewards": [0.0, 1.0, 2.0]})
