"""T12 and T22: laws of what is kept and of real data, each by another way than its own."""

import numpy as np
import pytest
from alarms import hoeffding
from scipy.stats import binom

import boostsim as bs

laws = bs.laws
ERROR, REFERENCE = 0.7, 0.8


def neutral(examples, start, iterations, after):
    """E 2 p (1 - p) by iteration, by every count of every batch; ``after`` makes p of a history.

    A history is of shares: that of f_0, and then of each batch.
    """
    states = {(start,): (1.0, start)}
    found = [2 * start * (1 - start)]
    for _ in range(iterations):
        grown = {}
        for history, (mass, p) in states.items():
            for right in range(examples + 1):
                now = (*history, right / examples)
                chance = mass * binom.pmf(right, examples, p)
                grown[now] = grown.get(now, (0.0,))[0] + chance, after(now)
        states = grown
        found.append(sum(mass * 2 * p * (1 - p) for mass, p in states.values()))
    return found


@pytest.mark.parametrize("window", [1, 2, 3, 4])
@pytest.mark.parametrize("examples", [1, 2, 3])
def test_a_window_keeps_what_every_way_it_can_go_keeps(examples, window):
    want = neutral(examples, 0.3, 4, lambda history: np.mean(history[-window:]))
    law = laws.window_diversity(examples=examples, window=window, iterations=np.arange(5))
    assert law * 0.42 == pytest.approx(want, abs=1e-14)


def test_a_window_is_drift_or_accumulates_at_its_ends():
    times = np.arange(9)
    for examples in (1, 5):
        one, all_of_them = (
            laws.window_diversity(examples=examples, window=window, iterations=times)
            for window in (1, 9)
        )
        assert one == pytest.approx(laws.drift_diversity(examples=examples, iterations=times))
        kept = laws.accumulate_diversity(examples=examples, iterations=times)
        assert all_of_them == pytest.approx(kept, rel=1e-13)


def test_the_size_that_a_window_is_as_good_as_is_a_leading_term():
    """By the loss of the law in the long run; off by a few parts in M."""
    for window in (2, 3, 6):
        for examples in (20, 200):
            now, then = laws.window_diversity(
                examples=examples, window=window, iterations=[300, 301]
            )
            size = 1 / (1 - then / now)
            leading = laws.window_equivalent_size(examples=examples, window=window)
            assert 1 - 1 / examples < size / leading < 1
    assert laws.window_equivalent_size(examples=7, window=1) == 7


@pytest.mark.parametrize(("examples", "each"), [(1, 1), (2, 1), (3, 2), (4, 3)])
def test_a_subsample_keeps_what_the_moments_say(examples, each):
    """The pair of what is kept and of what is drawn, second moments only."""
    draws = each * examples
    pool, model, want = 1.0, 1.0, [1.0]
    for iteration in range(1, 8):
        share = 1 / (iteration + 1)
        # Of two draws of the pool: both old, one old and one new, both new.
        new = (1 - 1 / examples) * model
        pool = (1 - share) ** 2 * pool + 2 * share * (1 - share) * pool + share**2 * new
        model = (1 - 1 / draws) * pool
        want.append(model)
    law = laws.subsample_diversity(examples=examples, draws=draws, iterations=np.arange(8))
    assert law == pytest.approx(want, rel=1e-13)


def test_a_first_batch_that_is_drawn_is_one_more_batch():
    """M = 1 and t = 1: the mean of two draws."""
    law = laws.accumulate_diversity_drawn(examples=[1, 3], iterations=1)
    assert law == pytest.approx([1 / 2, 1 - 1 / 6])
    ratio = laws.accumulate_diversity_drawn(
        examples=3, iterations=np.arange(1, 9)
    ) / laws.accumulate_diversity(examples=3, iterations=np.arange(1, 9))
    assert ratio == pytest.approx((1 - 1 / 6) / (1 - 1 / 12))


@pytest.mark.parametrize("real", [0.1, 1.0, 3.0])
def test_an_anchor_s_diversity_is_that_of_every_way_it_can_go(real):
    start, examples = 0.3, 3

    def after(history):
        return (history[-1] + real * REFERENCE) / (1 + real)

    want = neutral(examples, start, 4, after)
    about = dict(
        initial_diversity=2 * start * (1 - start),
        reference_diversity=2 * REFERENCE * (1 - REFERENCE),
        overlap=start * REFERENCE + (1 - start) * (1 - REFERENCE),
    )
    how = dict(examples=examples, real_share=real)
    law = laws.anchor_diversity(**how, **about, iterations=np.arange(5))
    assert law == pytest.approx(want, abs=1e-14)
    rest = float(laws.anchor_diversity_limit(**how)) * about["reference_diversity"]
    assert laws.anchor_diversity(**how, **about, iterations=10**6) == pytest.approx(rest)


def test_half_a_real_example_keeps_half_of_the_diversity():
    """Whatever M is: M rho (2 + rho) = 1."""
    examples = np.array([1, 10, 10**6])
    real = np.sqrt(1 + 1 / examples) - 1
    kept = laws.anchor_diversity_limit(examples=examples, real_share=real)
    assert kept == pytest.approx(0.5, rel=1e-9)
    assert examples[1:] * real[1:] == pytest.approx(0.5, rel=0.03)


def test_sampled_prompts_keep_the_diversity_of_the_law():
    """Several responses, real data elsewhere than f_0: each prompt's diversity lies in [0, 1]."""
    prompts, visits, real = 20_000, 2, 0.25
    row, other = np.array([0.5, 0.3, 0.2, 0.0]), np.array([0.4, 0.0, 0.2, 0.4])
    task = bs.table_task(
        [[1, 0, 0, 0]] * prompts, initial=[row] * prompts, reference=[other] * prompts
    )
    procedure = bs.uncurated(regime=bs.Anchor(real))
    trace = bs.simulate(procedure, task, 6, visits=visits, key=2, record="diversity")
    for iteration in (1, 6):
        law = laws.anchor_diversity(
            examples=visits,
            real_share=real,
            initial_diversity=1 - row @ row,
            reference_diversity=1 - other @ other,
            overlap=row @ other,
            iterations=iteration,
        )
        margin = hoeffding("anchored_diversity", prompts)
        assert abs(float(trace.diversity[0, iteration]) - law) <= margin


def grounded(p, r):
    return bs.table_task([[1, 0]], initial=[[p, 1 - p]], reference=[[r, 1 - r]])


def test_real_data_draw_accuracy_to_theirs_in_long_runs_too():
    """Kept or not: geometrically, and like a power."""
    real, start, times = 0.5, 0.1, np.arange(401)
    for regime, law in (
        (bs.Anchor(real), laws.anchor_accuracy),
        (bs.Accumulate(real_share=real), laws.accumulate_real_accuracy),
    ):
        found = bs.simulate(bs.uncurated(regime=regime), grounded(start, REFERENCE), 400)
        about = dict(real_share=real, reference_accuracy=REFERENCE, initial_accuracy=start)
        assert law(**about, iterations=times) == pytest.approx(found.accuracy.values[0], rel=1e-11)
    left = REFERENCE - laws.accumulate_real_accuracy(**about, iterations=[10**5, 10**6])
    assert np.log10(left[0] / left[1]) == pytest.approx(real / (1 + real), abs=1e-4)


@pytest.mark.parametrize("gamma", [0.0, 0.2, 0.45])
@pytest.mark.parametrize("real", [0.05, 0.5, 4.0])
@pytest.mark.parametrize("r", [0.1, 0.8, 1.0])
def test_the_anchored_filter_s_limit_is_a_fixed_point_with_its_slope(gamma, real, r):
    def step(p):
        accepted = gamma + (1 - 2 * gamma) * p
        return ((1 - gamma) * p + real * r) / (accepted + real)

    found = laws.anchor_filter(gamma=gamma, real_share=real, reference_accuracy=r)
    assert step(found.fixed_point) == pytest.approx(found.fixed_point, rel=1e-13)
    near = 1e-6
    slope = (step(found.fixed_point + near) - step(found.fixed_point - near)) / (2 * near)
    assert found.rate == pytest.approx(slope, abs=1e-8)
    assert 0 <= found.rate < 1
    if r == 1.0:
        assert found.fixed_point == pytest.approx(1.0, rel=1e-13)
        assert found.rate == pytest.approx(gamma / (1 - gamma + real))


def test_without_noise_of_real_data_boosting_is_t3_over_one_plus_their_share():
    plain = laws.noisy_boosting(beta=0.3, gamma=0.1)
    found = laws.anchor_boosting(
        beta=0.3, gamma=0.1, real_share=[1e-9, 0.5], reference_accuracy=plain.fixed_point
    )
    assert found.fixed_point == pytest.approx(plain.fixed_point)
    assert found.rate == pytest.approx(plain.rate / np.array([1, 1.5]))


def test_rows_that_cannot_agree_so_often_are_refused():
    about = dict(examples=2, real_share=0.5, initial_diversity=0.5, reference_diversity=0.5)
    with pytest.raises(ValueError, match="needs an overlap that two such rows can have"):
        laws.anchor_diversity(**about, overlap=0.6, iterations=1)
    with pytest.raises(ValueError, match=r"window must be a whole number in \[1, 256\]"):
        laws.window_diversity(examples=2, window=257, iterations=1)
    with pytest.raises(ValueError, match=r"real_share must be a number in \(0, infinity\)"):
        laws.anchor_diversity_limit(examples=2, real_share=0.0)
