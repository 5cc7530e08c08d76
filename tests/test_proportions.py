"""Probabilities from counts by prompt: intervals, the test of which to quote, their error rates."""

import json

import numpy as np
import pytest
from alarms import alpha
from fabricated import counts
from scipy.stats import binomtest

from boostsim.fitting.overdispersion import overdispersion
from boostsim.fitting.proportions import proportion, ratio_interval
from boostsim.fitting.trends import trend

SIZES = [(hits, trials) for trials in (1, 7, 200) for hits in {0, 1, trials // 2, trials}]


@pytest.mark.parametrize(("hits", "trials"), SIZES)
def test_the_exact_interval_is_clopper_and_pearsons(hits, trials):
    found = proportion("rate", np.array([hits]), np.array([trials]), np.array([0]), 0.9)
    wanted = binomtest(hits, trials).proportion_ci(0.9, "exact")
    np.testing.assert_allclose(found.exact, (wanted.low, wanted.high), rtol=1e-9, atol=1e-12)
    assert found.by_prompt is None
    assert found.quoted == "exact"


def test_the_interval_by_prompt_has_the_jackknifes_variance():
    """Of many prompts it is p +- 1.96 s, with s by leaving out each prompt in turn."""
    generator = np.random.default_rng(0)
    hits, trials = counts(generator, 4000, "geometric", 0.3, 0.2)
    p = hits.sum() / trials.sum()
    without = (hits.sum() - hits) / (trials.sum() - trials)
    s = np.sqrt((len(hits) - 1) / len(hits) * ((without - p) ** 2).sum())
    low, high = ratio_interval(hits, trials, 0.05)
    assert 0.5 * (high - low) == pytest.approx(1.96 * s, rel=0.01)
    assert p - low == pytest.approx(1.96 * s, rel=0.03)


def test_the_interval_is_never_a_point():
    for hits in ([0, 0, 0, 0], [4, 4, 4, 4], [2, 2, 2, 2], [0, 0, 0, 1]):
        low, high = ratio_interval(np.array(hits), np.full(4, 4), 0.05)
        assert high - low > 0.2
    # Where nothing is seen to vary a prompt is worth no more than one trial.
    wanted = binomtest(0, 4).proportion_ci(0.95, "exact")
    assert ratio_interval(np.zeros(4), np.full(4, 100), 0.05)[1] == pytest.approx(wanted.high)


def test_a_prompt_counts_once_however_many_records_it_has():
    one = proportion("rate", np.array([1, 3, 0]), np.array([4, 4, 8]), np.array([5, 7, 9]))
    split = [np.array([1, 1, 2, 0, 0]), np.array([2, 2, 4, 4, 4]), np.array([7, 7, 5, 9, 9])]
    split[0][0], split[0][2] = 2, 1
    assert proportion("rate", *split) == one


def test_what_to_quote():
    every = np.arange(40)
    apart = proportion("rate", 8 * (every % 2), np.full(40, 8), every)
    assert apart.homogeneity.statistic == pytest.approx(1.0)
    assert apart.quoted == "by_prompt"
    assert apart.interval == apart.by_prompt
    assert apart.exact[0] > apart.by_prompt[0]
    assert "prompts may differ, p = 0.001" in apart.summary()
    alike = proportion("rate", np.full(40, 4), np.full(40, 8), every)
    assert alike.quoted == "exact"
    assert "no sign that prompts differ" in alike.summary()
    once = proportion("rate", every % 2, np.ones(40), every)
    assert (once.quoted, once.homogeneity.p_value) == ("exact", None)
    assert "no two trials are of one group" in once.summary()
    never = proportion("rate", np.zeros(40), np.full(40, 8), every)
    assert never.quoted == "by_prompt"
    assert "cannot be tested" in never.summary()
    nothing = proportion("rate", np.zeros(2), np.zeros(2), np.arange(2))
    assert nothing.value is nothing.interval is None
    assert nothing.summary() == "rate: not known, no trials."
    assert "NaN" not in nothing.to_json()
    assert json.loads(apart.to_json())["value"] == 0.5
    with pytest.raises(ValueError, match="confidence must be strictly between 0 and 1; got 1"):
        proportion("rate", np.ones(1), np.ones(1), np.zeros(1), 1.0)


INTERVALS = ("exact", "by_prompt", "interval")


def covered(generator, logs, correlation, trials="even", prompts=30, mean=0.2):
    """How many intervals of a nominal .95 hold the mean: exact, by prompt, the one to quote."""
    held = dict.fromkeys(INTERVALS, 0)
    for _ in range(logs):
        hits, made = counts(generator, prompts, trials, mean, correlation)
        found = proportion("rate", hits, made, np.arange(prompts))
        for name in INTERVALS:
            low, high = getattr(found, name)
            held[name] += low <= mean <= high
    return held


def assert_covers(test, held, logs, nominal=0.95):
    assert binomtest(held, logs, nominal, "less").pvalue >= alpha(test), (held, logs)


def test_intervals_cover():
    generator = np.random.default_rng(1)
    alike = covered(generator, 100, 0.0)
    assert_covers("proportions", alike["exact"], 100)
    assert_covers("proportions", alike["by_prompt"], 100)
    apart = covered(generator, 100, 0.4, "geometric", mean=0.3)
    assert_covers("proportions", apart["by_prompt"], 100)
    # And the one that is not to be quoted does not.
    assert binomtest(apart["exact"], 100, 0.95, "less").pvalue < alpha("proportions")


@pytest.mark.parametrize("trials", ["few", "even", "geometric"])
@pytest.mark.parametrize("prompts", [5, 30, 200])
@pytest.mark.parametrize("mean", [0.05, 0.3])
@pytest.mark.parametrize("correlation", [0.0, 0.1, 0.4])
def test_intervals_cover_in_many_worlds(correlation, mean, prompts, trials):
    """By prompt at least .92 in each, as is said; exact where prompts are alike, at least .95."""
    generator = np.random.default_rng(2)
    world = {"trials": trials, "prompts": prompts, "mean": mean}
    held = covered(generator, 300, correlation, **world)
    assert_covers("proportions_in_many_worlds", held["by_prompt"], 300, 0.92)
    # What is quoted, after the test of which; its power is low where prompts are few.
    assert_covers("proportions_in_many_worlds", held["interval"], 300, 0.9)
    if correlation == 0.0:
        assert_covers("proportions_in_many_worlds", held["exact"], 300)


def enumerated(sizes, hits):
    """The exact p-value of each table of hits: all arrangements of hits over trials."""
    from itertools import combinations

    group = np.repeat(np.arange(len(sizes)), sizes)
    p = hits.sum() / len(group)
    seen = [
        ((np.bincount(group[list(chosen)], minlength=len(sizes)) - p * sizes) ** 2).sum()
        for chosen in combinations(range(len(group)), int(hits.sum()))
    ]
    return float(np.mean(np.array(seen) >= ((hits - p * sizes) ** 2).sum() - 1e-9))


@pytest.mark.parametrize("hits", [[3, 0, 1, 0], [2, 1, 1, 0], [3, 3, 0, 0]])
def test_the_test_of_homogeneity_is_the_exact_one(hits):
    """999 drawn arrangements against all of them."""
    sizes, hits = np.array([3, 3, 4, 2]), np.array(hits)
    exact = enumerated(sizes, hits)
    found = overdispersion(hits, sizes).p_value
    drawn = round(found * 1000) - 1
    assert binomtest(drawn, 999, exact).pvalue >= alpha("homogeneity")


def test_its_moments_are_those_of_draws_without_replacement():
    """Mean and variance of the score, with strata, against 4,000 permutations."""
    from boostsim.fitting.overdispersion import _moments

    generator = np.random.default_rng(3)
    trials, within = np.array([3, 3, 4, 2, 2, 2, 5.0]), np.array([0, 0, 0, 0, 1, 1, 1])
    group, stratum = (
        np.repeat(np.arange(7), trials.astype(int)),
        np.repeat(within, trials.astype(int)),
    )
    outcome = np.concatenate([np.arange(12) < 5, np.arange(9) < 3]).astype(float)
    p = np.array([5 / 12, 1 / 3])
    scores = []
    for _ in range(4000):
        mixed = np.concatenate(
            [generator.permutation(outcome[:12]), generator.permutation(outcome[12:])]
        )
        z = (mixed - p[stratum]) / np.sqrt(p * (1 - p))[stratum]
        scores.append(((np.bincount(group, z) ** 2).sum() - (z**2).sum()) / 2)
    mean, spread, _, pairs = _moments(trials, within, np.array([12.0, 9.0]), p)
    assert pairs == 3 + 3 + 6 + 1 + 1 + 1 + 10
    # Six standard errors: of the mean 6/sqrt(4000), of the deviation with a kurtosis below 20.
    assert np.mean(scores) == pytest.approx(mean, abs=0.1 * spread)
    assert np.std(scores) == pytest.approx(spread, rel=6 * np.sqrt(20 / 4000) / 2)


def rejected(generator, logs, prompts, trials, mean, correlation, level):
    """How many logs the test of homogeneity rejects, by its p-value."""
    found = [
        overdispersion(*counts(generator, prompts, trials, mean, correlation)) for _ in range(logs)
    ]
    return sum(test.rejects(level) for test in found)


def assert_level(test, false, logs, level):
    assert binomtest(false, logs, level, "greater").pvalue >= alpha(test), (false, logs)


def assert_power(test, caught, logs, power):
    assert binomtest(caught, logs, power, "less").pvalue >= alpha(test), (caught, logs)


@pytest.mark.parametrize("prompts", [10, 300])
def test_homogeneity_by_its_level_and_its_power(prompts):
    """A correlation of .2 is found in 300 prompts of 8 trials, in 10 prompts half the time."""
    generator = np.random.default_rng(4)
    false = rejected(generator, 100, prompts, "even", 0.2, 0.0, 0.05)
    assert_level("homogeneity_rates", false, 100, 0.05)
    caught = rejected(generator, 100, prompts, "even", 0.2, 0.2, 0.05)
    assert_power("homogeneity_rates", caught, 100, 0.98 if prompts == 300 else 0.45)


@pytest.mark.parametrize("trials", ["few", "even", "geometric"])
@pytest.mark.parametrize("prompts", [5, 30, 300, 3000])
@pytest.mark.parametrize("mean", [0.01, 0.2])
def test_homogeneity_by_its_level_in_many_worlds(prompts, trials, mean):
    """At .05 and .01, with 1 more in a thousand for what the gamma law leaves out."""
    generator = np.random.default_rng(5)
    found = [overdispersion(*counts(generator, prompts, trials, mean, 0.0)) for _ in range(500)]
    for level in (0.05, 0.01):
        false = sum(test.rejects(level) for test in found)
        assert_level("homogeneity_in_many_worlds", false, 500, 1.1 * level + 0.001)


def test_a_trend_is_found_and_not_else():
    """Two-sided, with verdicts that are correlated within prompts."""
    generator = np.random.default_rng(6)
    false = caught = 0
    x, of = np.tile(np.arange(6), 40), np.repeat(np.arange(40), 6)
    for _ in range(300):
        p = np.repeat(generator.beta(0.6, 1.4, 40), 6)
        made = generator.integers(0, 4, 240)
        false += trend(generator.binomial(made, p), made, x, of).rejects(0.05)
        moving = np.clip(p + 0.06 * (x - 2.5), 0.0, 1.0)
        caught += trend(generator.binomial(made, moving), made, x, of).rejects(0.05)
    assert_level("trend", false, 300, 0.05)
    assert_power("trend", caught, 300, 0.9)
