"""Logs of real runs, fitted: what is known of them is found again."""

import numpy as np
import pytest
import real_logs
from test_speed import mantel_haenszel
from test_world import log_of

import boostsim as bs
from boostsim.fitting.histories import histories
from boostsim.fitting.rates import beta_rates, helpless_bound, mean_rate
from boostsim.fitting.speed import explained, speed
from boostsim.fitting.world import World


def test_the_log_of_a_real_run():
    """GRPO, 44 epochs: the speed falls from .040 to .022, and odds explain it by 1,000 nats."""
    counts = histories(real_logs.rlvr_epochs()).until(44)
    found = speed(counts)
    told = [each.log_ratio for each in found.blocks]
    assert told == pytest.approx([0.040, 0.0255, 0.0245, 0.022], abs=0.001)
    assert found.constant_p_value < 1e-4
    accepted = counts.accepted[counts.history]
    for block, (first, last) in zip(found.blocks, [(0, 11), (11, 22), (22, 32), (32, 43)]):
        other, error = mantel_haenszel(accepted[:, first : last + 1], 8)
        wide = np.hypot(error, (block.high - block.low) / 4.0)
        assert abs(block.log_ratio - other) < 3.0 * wide
    # The last speed of the first 22 epochs carries the next 22.
    world = World.estimate(counts.until(22), blocks=2)
    off = world.accuracy(43)[22:] - accepted[:, 22:].mean(0) / 8.0
    assert np.sqrt((off**2).mean()) < 0.004
    learner = explained(counts)
    assert learner.best == "odds"
    assert learner.told_apart
    assert learner.behind["arithmetic"] > 400.0


@pytest.mark.parametrize("style", ["short", "med", "long"])
def test_few_attempts_of_many_tell_what_all_would(style):
    """Of 1,000 attempts at a puzzle eight are kept: mean, spread, helpless share are as of all."""
    log = real_logs.p3_codex(style)
    rng = np.random.default_rng(0)
    every = log.accepted / log.attempts
    right = rng.hypergeometric(log.accepted, log.attempts - log.accepted, 8)[:, None]
    counts = histories(log_of(right))
    world = World.estimate(counts, kind="none")
    found = mean_rate(counts)
    assert found.low < every.mean() < found.high
    assert helpless_bound(counts, world) > (every == 0.0).mean()
    smooth = beta_rates(counts, world)
    assert found.low < smooth.mean < found.high
    # Two attempts at one puzzle are both right: J/k has its own noise in it.
    both = (every**2).mean()
    assert abs(world.start**2 @ world.weights - both) < abs(((right / 8.0) ** 2).mean() - both)


@pytest.mark.parametrize("style", ["short", "med", "long"])
def test_attempts_that_stop_at_the_first_success(style):
    """The same puzzles, tried until one attempt is right, 64 times at most."""
    log = real_logs.p3_codex(style)
    every = log.accepted / log.attempts
    waited = np.random.default_rng(1).geometric(np.maximum(every, 1e-12))[:, None]
    accepted, attempts = (waited <= 64) * 1, np.minimum(waited, 64)
    found = mean_rate(log_of(accepted, attempts))
    assert found.low < every.mean() < found.high
    assert (accepted / attempts).mean() > found.high


def test_a_bootstrap_of_solutions_is_fitted_without_J_over_k():
    log = real_logs.p3_bootstrap()
    found = bs.fit(log)
    assert found.first.high < (log.accepted / log.attempts).mean()
    assert found.procedure().attempts == 1000
    assert "nan" not in found.summary().lower()
