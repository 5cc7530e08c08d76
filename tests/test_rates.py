"""Pass rates: means that cover, helpless prompts bounded, first successes that mislead J/k."""

import alarms
import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import betabinom
from test_world import log_of

from boostsim.fitting.histories import histories
from boostsim.fitting.rates import beta_rates, helpless_bound, mean_rate
from boostsim.fitting.world import World


def cover(test, logs, prompts=100, iterations=3, attempts=8, accept=(1.0, 0.0), near=False):
    """The mean lies in its interval as often as stated; the helpless share is bounded as often."""
    rng = np.random.default_rng(7)
    mean = bounded = 0
    for _ in range(logs):
        p = rng.beta(1.0, 1.5, prompts) if near else rng.uniform(0.3, 1.0, prompts)
        right = expit(logit(p)[:, None] + 0.3 * np.arange(iterations))
        right[rng.random(prompts) < 0.2] = 0.0
        log = log_of(rng.binomial(attempts, accept[1] + (accept[0] - accept[1]) * right), attempts)
        counts = histories(log)
        found = mean_rate(counts, accept=accept)
        mean += found.low <= 0.8 * (0.4 if near else 0.65) <= found.high
        world = World.estimate(counts, accept=accept)
        bounded += helpless_bound(counts, world) >= 0.2
    alarms.assert_share(test, mean, logs, 0.95)
    # A bound may hold more often than is said, never less.
    alarms.assert_share(test, min(bounded, round(0.95 * logs)), logs, 0.95)


@pytest.mark.parametrize(
    "world",
    [
        {"iterations": 1},
        {},
        {"near": True},
        {"accept": (0.9, 0.2)},
        {"attempts": 2, "prompts": 200},
    ],
    ids=["one iteration", "three", "rates near 0", "noisy", "few attempts"],
)
def test_means_and_helpless_shares_are_covered_as_often_as_stated(world):
    cover("rates_intervals", 300, **world)


def test_means_and_helpless_shares_in_thirty_logs():
    cover("rates_intervals_by_day", 30)


def test_uneven_verdicts_leave_the_mean_alone():
    """Where a0 and a1 are means over responses, the mean correct mass is what it is."""
    rng = np.random.default_rng(8)
    right = rng.beta(1.0, 1.5, 4000)
    one, other = rng.beta(9.0, 1.0, 4000), rng.beta(1.0, 4.0, 4000)
    accepted = rng.binomial(8, other + (one - other) * right)[:, None]
    found = mean_rate(log_of(accepted), accept=(0.9, 0.2))
    assert found.low < 0.4 < found.high
    wider = mean_rate(log_of(accepted), accept=(0.9, 0.2), accept_covariance=np.diag([1e-3, 1e-3]))
    assert wider.high - wider.low > found.high - found.low


def test_stopping_at_the_first_success_misleads_J_over_k_and_not_the_likelihood():
    rng = np.random.default_rng(1)
    p = rng.beta(0.5, 3.0, 3000)
    waited = rng.geometric(np.maximum(p, 1e-12))
    attempts, accepted = np.minimum(waited, 64)[:, None], (waited <= 64)[:, None] * 1
    found = mean_rate(log_of(accepted, attempts))
    truth = 0.5 / 3.5
    assert found.low < truth < found.high
    assert found.high - found.low < 0.05
    # The naive mean is biased by more than four times the interval's half-width.
    assert (accepted / attempts).mean() > truth + 2.0 * (found.high - found.low)


def test_the_beta_law_is_the_beta_binomial():
    rng = np.random.default_rng(2)
    accepted = betabinom.rvs(8, 0.7, 1.6, size=4000, random_state=rng)[:, None]
    counts = histories(log_of(accepted))
    world = World.estimate(counts, kind="none")
    found = beta_rates(counts, world)
    law = betabinom.logpmf(counts.accepted[:, 0], 8, found.a, found.b)
    exact = float(counts.weights() @ law)
    binomial = betabinom.logpmf(counts.accepted[:, 0], 8, 0.7, 1.6)
    # The constant C(8, J) is no part of the likelihood: it is the same for both.
    assert exact > float(counts.weights() @ binomial) - 0.1
    assert (found.a, found.b) == (pytest.approx(0.7, abs=0.1), pytest.approx(1.6, abs=0.2))
    assert 0.0 <= found.nats_behind < 10.0


@pytest.mark.parametrize("all_of", [0, 8])
def test_all_or_none_solved(all_of):
    counts = histories(log_of(np.full((50, 2), all_of)))
    world = World.estimate(counts, kind="none")
    found = mean_rate(counts)
    assert found.value == pytest.approx(all_of / 8.0, abs=1e-6)
    # exp(-z^2/2) of the likelihood is left at a mean m off: (1 - 8 m)^50 there, or (1 - m)^50.
    assert 0.0 < found.high - found.low < 0.08
    assert helpless_bound(counts, world) == (1.0 if all_of == 0 else pytest.approx(0.058, abs=2e-3))
    assert np.isfinite(beta_rates(counts, world).mean)


def test_a_filter_that_tells_nothing_is_refused():
    with pytest.raises(ValueError, match=r"accept right and wrong .* got 0.5 for both"):
        mean_rate(log_of([[1, 2], [2, 3]]), accept=(0.5, 0.5))
