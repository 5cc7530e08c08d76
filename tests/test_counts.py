"""Counts drawn on the host: one stream on every NumPy, and the law they are said to have."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from alarms import assert_law
from scipy.stats import binom, norm, poisson

import boostsim as bs
from boostsim.keys import bit_generator, bit_generators
from boostsim.simulation import counts

DRAWS = 20_000
HUGE = 2**53


def stream(seed, block=0):
    return bit_generator(np.array([0, seed], np.uint32), block)


def draw(n, p, seed=0, draws=DRAWS):
    return counts.binomial([stream(seed)], np.full((1, draws), float(n)), np.full((1, draws), p))[0]


# The stream.

EVERY_WAY = [
    # n, p: drawn by RandomState (inversion, BTPE), by rejection, by inversion here.
    (20, 0.3, [2, 5, 4, 6, 6, 5, 9, 11], 23984),
    (100, 0.6, [62, 62, 64, 52, 57, 56, 61, 68], 240502),
    (1000, 0.3, [310, 288, 279, 303, 300, 290, 314, 276], 1199983),
    (10**6, 0.97, [969884, 970135, 970242, 969969, 969999, 970113, 969833, 970287], 3880002257),
    (HUGE, 0.25, [2251799841633207, 2251799781295771, 2251799755300477], 9007199254100152626),
    (HUGE, 1e-16, [0, 0, 0, 1, 1, 0, 3, 3], 3585),
]


@pytest.mark.parametrize(("n", "p", "first", "total"), EVERY_WAY)
def test_recorded_counts(n, p, first, total):
    """Any change of the stream, by NumPy or here, changes these."""
    drawn = draw(n, p, draws=4000)
    assert drawn[: len(first)].tolist() == first
    assert sum(map(int, drawn)) == total


def test_recorded_splits():
    mass = np.tile(np.array([0.1, 0.0, 0.55, 0.05, 0.3])[:, None], (1, 500))[None]
    cells = counts.multinomial([stream(1)], np.full((1, 500), 3000.0), mass)[0]
    assert cells[:, 0].tolist() == [303, 0, 1678, 120, 899]
    sums = [37522138, 0, 205704859, 18731438, 112291565]
    assert (cells @ np.arange(500)).tolist() == sums


@pytest.mark.parametrize(
    ("visits", "errors"),
    [
        (
            10,
            [
                0.6595899470899471,
                0.3590277777777778,
                0.155,
                0.6700330687830689,
                0.34034391534391545,
                0.13666666666666666,
            ],
        ),
        (
            100,
            [
                0.6272784387601746,
                0.29275491966587974,
                0.08066666666666666,
                0.6136640765969278,
                0.27932417187127034,
                0.07849999999999999,
            ],
        ),
        (
            10**6,
            [
                0.6198077469265763,
                0.2768685838983927,
                0.07145404999999999,
                0.619709662671219,
                0.27683728473013175,
                0.07147176666666666,
            ],
        ),
    ],
)
def test_recorded_traces(visits, errors):
    """Runs that draw trial by trial, in C, and by rejection: a draw more or less shows."""
    task = bs.random_table(3, prompts=60, responses=5, solvable=0.5)
    procedure = bs.boosting(
        attempts=3, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.4), budget=0.2
    )
    trace = bs.simulate(procedure, task, 3, visits=visits, seeds=2, key=7)
    assert trace.error.values[:, 1:].ravel() == pytest.approx(errors, rel=1e-12)


def test_a_row_is_what_it_would_be_alone():
    """Every way of drawing in one job, with rows of very different sizes."""
    rng = np.random.default_rng(0)
    n = np.floor(10.0 ** rng.uniform(0, 12, (3, 6000)))
    p = rng.random((3, 6000)) ** rng.choice([1, 4, 30], (3, 6000))
    n[1, 100:] = 0.0
    mass = rng.random((3, 5, 6000)) ** 8
    together = counts.binomial([stream(row) for row in range(3)], n, p)
    split = counts.multinomial([stream(row) for row in range(3)], n, mass)
    assert (together >= 0.0).all()
    assert (together <= n).all()
    assert (split.sum(1) == n).all()
    for row in range(3):
        own = slice(row, row + 1)
        assert (together[own] == counts.binomial([stream(row)], n[own], p[own])).all()
        assert (split[own] == counts.multinomial([stream(row)], n[own], mass[own])).all()


# The law.


def test_the_hat_covers_the_law_and_the_squeeze_lies_within():
    """What rejection rests on: f(k) G'(U) <= A everywhere, and at least A times the squeeze."""
    tail = 10.0 ** np.linspace(-12, -2, 500)
    u = np.concatenate([np.linspace(-0.5, 0.5, 20_001)[1:-1], tail - 0.5, 0.5 - tail])
    s = 0.5 - np.abs(u)
    for mean in [*np.arange(10.0, 14.0, 0.23), 20.0, 37.7, 64.0, 100.0, 250.4, 1e3, 1e4, 1e6]:
        for p in (1e-12, 1e-6, 0.01, 0.1, 0.2, 0.3, 0.4, 0.45, 0.5):
            n = math.ceil(mean / p)
            at = np.array([n * p])
            a, b = (float(each[0]) for each in counts._constants(at, np.array([p])))
            k = np.floor((2 * a / s + b) * u + at + 0.5)
            law = binom.pmf(k, n, p) if p > 1e-6 else poisson.pmf(k, at)
            height = law * (a / s**2 + b)
            bound = counts.LARGER / math.sqrt(2 * math.pi) * (2.83 + 5.1 / b)
            assert height.max() < 0.995 * bound, (mean, p)
            squeeze = (0.92 - 4.2 / b) / counts.LARGER
            assert height[s >= 0.07].min() > 1.002 * squeeze * bound, (mean, p)


@pytest.mark.parametrize("n", [25, 1000, 10**6, 10**12, HUGE])
@pytest.mark.parametrize("p", [1e-15, 1e-6, 0.01, 0.3, 0.5])
def test_the_mass_function(n, p):
    """Against fifty digits, from the middle to eight deviations away, small counts and none."""
    if n * p < 10.0:
        return
    mean = np.array(n * p)
    deviation = float(np.sqrt(mean * (1.0 - p)))
    k = np.unique(np.clip(np.floor(mean + deviation * np.linspace(-8, 8, 33)), 0, n))
    with mpmath.workdps(60):
        # Of the p whose mean is the rounded one.
        share = mpmath.mpf(float(mean)) / n
        exact = [
            mpmath.loggamma(n + 1)
            - mpmath.loggamma(int(j) + 1)
            - mpmath.loggamma(n - int(j) + 1)
            + int(j) * mpmath.log(share)
            + (n - int(j)) * mpmath.log1p(-share)
            for j in k
        ]
        law = np.array([float(mpmath.exp(value)) for value in exact])
    off = 1e-13
    ask = [np.full(len(k), float(n)), np.full(len(k), float(mean))]
    assert counts._at_most_the_mass(law * (1.0 - off), k, *ask).all()
    assert not counts._at_most_the_mass(law * (1.0 + off), k, *ask).any()


@pytest.mark.parametrize("p", [0.5, 0.3, 0.999, 1e-3])
def test_the_largest_counts(p):
    """2^53 trials: normal to 1e-6, about the mean of this very float."""
    mean = Fraction(p) * HUGE
    deviation = math.sqrt(float(mean * (1 - Fraction(p))))
    drawn = [(int(k) - mean) / deviation for k in draw(HUGE, p, seed=2)]
    edges = norm.ppf(np.linspace(0.0, 1.0, 11))
    held = np.histogram(np.array(drawn, float), edges)[0]
    assert_law("host_counts", held, np.full(10, 0.1))


@pytest.mark.parametrize("mean", [1e-3, 0.7, 9.0, 27.0, 60.0])
@pytest.mark.parametrize("n", [10**9, HUGE])
def test_rare_events_of_many_trials(n, mean):
    """1 - p rounds to 1 or nearly: Poisson, within p."""
    drawn = draw(n, mean / n, seed=3).astype(int)
    edges = np.unique(poisson.ppf(np.linspace(0.05, 0.95, 10), mean)).astype(int)
    law = np.diff(np.r_[0.0, poisson.cdf(edges, mean), 1.0])
    held = np.diff(np.r_[0, np.searchsorted(np.sort(drawn), edges, "right"), DRAWS])
    assert_law("host_counts", held, law)


@pytest.mark.parametrize(("n", "p"), [(150, 0.5), (60, 0.6), (1000, 0.04), (1000, 0.3)])
def test_tails_and_every_value_of_many_draws(n, p):
    """A million draws, on both sides of the variance from which rejection draws."""
    drawn = draw(n, p, seed=4, draws=10**6).astype(int)
    law = binom.pmf(np.arange(n + 1), n, p)
    held = np.bincount(drawn, minlength=n + 1)
    common = law * 10**6 >= 20
    low = np.arange(n + 1) < n * p
    groups = [held[~common & low].sum(), held[~common & ~low].sum()]
    shares = [law[~common & low].sum(), law[~common & ~low].sum()]
    assert_law("host_counts", [*held[common], *groups], [*law[common], *shares])


def test_a_stream_is_philox_at_the_words_of_a_key_and_of_a_block():
    for words, block in (([1, 2], 0), ([2**32 - 1, 7], 3)):
        filled = np.array([*words, 0, block], np.uint32).view(np.uint64)
        expected = np.random.Philox(key=filled)
        got = bit_generator(np.array(words, np.uint32), block)
        assert str(got.state) == str(expected.state)
        np.testing.assert_array_equal(got.random_raw(9), expected.random_raw(9))


def test_streams_that_are_set_anew_are_those_that_are_made():
    rng = np.random.default_rng(0)
    for width, block, keys in ((2, 0, 3), (4, 2, 5), (2, 7, 1)):
        words = rng.integers(0, 2**32, (keys, width), np.uint32)
        got = bit_generators(words, block)
        for stream, key in zip(got, words, strict=True):
            alone = bit_generator(key, block)
            assert str(stream.state) == str(alone.state)
            # What is left in a buffer, of 32 bits too, is of no later stream.
            assert np.array_equal(
                np.random.Generator(stream).integers(0, 9, 3, np.uint32),
                np.random.Generator(alone).integers(0, 9, 3, np.uint32),
            )
            assert np.array_equal(stream.random_raw(6), alone.random_raw(6))
        assert len({id(stream) for stream in got}) == keys
