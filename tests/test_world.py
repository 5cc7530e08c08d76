"""Fitted worlds: mixtures that no other beats, speeds that are found again, bad logs refused."""

import numpy as np
import pytest
from made_logs import log_of
from scipy.optimize import minimize
from scipy.special import expit, logit

import boostsim as bs
from boostsim.fitting.dynamics import Dynamics
from boostsim.fitting.histories import Histories, histories
from boostsim.fitting.likelihood import Problem, grid
from boostsim.fitting.mixture import fitted, scaled
from boostsim.fitting.speed import explained
from boostsim.fitting.world import World


def drawn(rng, prompts, iterations, speed, attempts=8, accept=(1.0, 0.0), helpless=0.2):
    """Counts of a run whose log odds grow by speed an iteration."""
    start = logit(rng.beta(1.0, 1.5, prompts))
    right = expit(start[:, None] + speed * np.arange(iterations))
    right[rng.random(prompts) < helpless] = 0.0
    return rng.binomial(attempts, accept[1] + (accept[0] - accept[1]) * right)


def test_no_mixture_is_better_than_the_gap_says():
    rng = np.random.default_rng(0)
    logs = rng.normal(size=(40, 12)) * 3.0
    weights = rng.integers(1, 5, 40) * 1.0
    found = fitted(scaled(logs.copy()), weights)
    value = lambda at: weights @ np.log(np.exp(logs) @ at)  # noqa: E731

    def loss(free):
        shares = np.exp(free - free.max())
        return -value(shares / shares.sum())

    other = minimize(loss, np.zeros(12), method="BFGS", options={"gtol": 1e-7})
    assert found.gap <= 1e-3
    assert found.log_likelihood == pytest.approx(value(found.weights), abs=1e-9)
    assert -other.fun <= found.log_likelihood + found.gap + 1e-9
    assert found.weights.min() >= 0.0
    assert found.weights.sum() == pytest.approx(1.0)


def test_a_history_that_the_mixture_does_not_know_says_what_it_says_by_itself():
    likelihoods = scaled(np.log([[1.0, 1e-300, 0.5], [0.2, 1.0, 1e-300]]))
    posterior = likelihoods.posterior(np.array([0.0, 1.0, 0.0]))
    assert posterior.sum(1) == pytest.approx(1.0)
    likelihoods = scaled(np.where([[True, False, True]], 0.0, -np.inf))
    assert likelihoods.posterior(np.array([0.0, 1.0, 0.0])) == pytest.approx(
        np.array([[0.5, 0.0, 0.5]])
    )


def test_sharp_likelihoods_are_climbed_too():
    """A thousand attempts a prompt: most grid points are all but impossible for most prompts."""
    rng = np.random.default_rng(5)
    accepted = rng.binomial(1000, rng.beta(0.1, 4.0, 300))[:, None]
    counts = histories(log_of(accepted, 1000))
    right, wrong = grid(counts)
    problem = Problem(counts, counts.weights(), right, wrong, Dynamics("none"))
    found = fitted(problem.likelihoods(np.zeros(0)), problem.weights)
    assert found.gap <= 1e-3
    assert found.weights @ right == pytest.approx(accepted.mean() / 1000.0, abs=1e-3)


def test_equal_histories_count_as_often_as_they_come():
    accepted = drawn(np.random.default_rng(1), 60, 2, 0.5, attempts=2)
    counts = histories(log_of(accepted, 2))
    assert len(counts.attempts) == len(np.unique(accepted, axis=0)) < 60
    assert (counts.accepted[counts.history] == accepted).all()
    every = Histories(counts.times, 1, 0, accepted * 0.0 + 2.0, accepted * 1.0, None, np.arange(60))
    one, other = World.estimate(counts), World.estimate(every)
    assert one.dynamics.speed == pytest.approx(other.dynamics.speed, abs=1e-6)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, abs=2e-3)


@pytest.mark.parametrize("accept", [(1.0, 0.0), (0.9, 0.2)])
def test_a_speed_is_found_again_where_nothing_is_drawn(accept):
    """Every count is its mean: the likelihood's top is the truth, up to the grid."""
    rng = np.random.default_rng(2)
    right = expit(logit(rng.beta(2.0, 2.0, 50))[:, None] + 0.3 * np.arange(5))
    mean = accept[1] + (accept[0] - accept[1]) * right
    counts = Histories(
        np.arange(5), 1, 0, np.full(mean.shape, 4000.0), 4000.0 * mean, None, np.arange(50)
    )
    world = World.estimate(counts, accept=accept)
    assert world.dynamics.speed == pytest.approx((0.3,), rel=0.03)
    assert world.accuracy(4) == pytest.approx(right.mean(0), abs=0.01)


def test_a_bootstrap_by_weights_is_a_log_with_prompts_repeated():
    rng = np.random.default_rng(3)
    accepted = drawn(rng, 50, 4, 0.4)
    often = np.bincount(rng.integers(0, 50, 50), minlength=50)
    counts = histories(log_of(accepted))
    one = World.estimate(counts, prompt_weights=often)
    other = World.estimate(log_of(np.repeat(accepted, often, axis=0)))
    assert one.dynamics.speed == pytest.approx(other.dynamics.speed, abs=1e-5)
    again = World.estimate(counts, prompt_weights=often, like=World.estimate(counts))
    assert again.dynamics.speed == pytest.approx(one.dynamics.speed, abs=2e-3)


def test_posteriors_are_bayes():
    accepted = drawn(np.random.default_rng(4), 30, 3, 0.2)
    log = log_of(accepted)
    world = World.estimate(log)
    path = world.correct(2)
    with np.errstate(divide="ignore"):
        likelihood = np.prod(
            path[None] ** accepted[..., None] * (1.0 - path[None]) ** (8 - accepted[..., None]), 1
        )
    joint = likelihood * world.weights
    expected = joint / joint.sum(1, keepdims=True)
    assert world.posterior(log) == pytest.approx(expected, abs=1e-9)
    late = world.posterior(log, forgetting=1e-9)
    last = path[-1] ** accepted[:, -1:] * (1.0 - path[-1]) ** (8 - accepted[:, -1:])
    joint = last * world.weights
    assert late == pytest.approx(joint / joint.sum(1, keepdims=True), abs=1e-6)


def test_labels_move_prompts_as_T0_says():
    """A labelled prompt's path is the map's, label by label."""
    log = log_of([[0, 2, 4], [1, 3, 3]], labelled=np.array([2, 0, 0, 0, 1, 0]))
    counts = histories(log)
    right, wrong = grid(counts)
    for kind, speed in (("odds", (0.4,)), ("arithmetic", (0.3,))):
        moving = Dynamics(kind, speed, accept=(0.9, 0.2), attempts=8, label_weight=0.5, beta=0.6)
        problem = Problem(counts, counts.weights(), right, wrong, moving)
        found = problem.logs(problem.numbers)[counts.history]
        for prompt, labels in enumerate([(2, 0), (0, 1)]):
            p = right
            total = np.zeros(len(right))
            for time in range(3):
                a = 0.2 + 0.7 * p
                k = int(log.accepted[3 * prompt + time])
                total += k * np.log(a) + (8 - k) * np.log(1.0 - a)
                if time == 2:
                    break
                share = 0.5 * labels[time]
                sigma, lost = 0.9 * p / a, (1.0 - a) ** 8
                if kind == "odds":
                    up = p * np.exp(0.4) / (p * np.exp(0.4) + 1.0 - p)
                    p = (up + share * 0.6) / (1.0 + share)
                elif share:
                    p = 0.7 * p + 0.3 * ((1 - lost) * sigma + share * 0.6) / (1 - lost + share)
                else:
                    p = 0.7 * p + 0.3 * ((1 - lost) * sigma + lost * p)
            assert found[prompt] == pytest.approx(total, rel=1e-9)


def test_the_map_is_the_simulators():
    """Strong and arithmetic steps are exact runs, and odds are filter only with R = e^D."""
    start = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
    task = bs.table_task([[1, 0]] * 5, initial=np.stack([start, 1.0 - start], 1))
    noisy = bs.NoisyFilter(0.2)
    exact = bs.simulate(bs.filter_only(filter=noisy), task, 3, record=["prompt"])
    speed = (float(np.log(4.0)),)
    moving = Dynamics("odds", speed).path(start, 1.0 - start, np.arange(4))[0]
    assert moving == pytest.approx(exact.accuracy.values[0], abs=1e-12)


def test_bad_arguments_are_refused():
    log = log_of([[1, 2], [3, 4]])
    for arguments, told in (
        ({"kind": "odd"}, "kind must be one of"),
        ({"blocks": 2}, "blocks must be at most the 1 steps"),
        ({"prompt_weights": [1.0]}, "prompt_weights must be one for each of 2 prompts"),
        ({"prompt_weights": [-1.0, 1.0]}, "prompt_weights must be at least 0"),
    ):
        with pytest.raises(ValueError, match=told):
            World.estimate(log, **arguments)
    with pytest.raises(ValueError, match="forgetting must be above 0"):
        World.estimate(log).posterior(log, forgetting=0.0)


def as_likely_as(counts, world, accept, speeds):
    """Return by how many nats the best mixture at other speeds is likelier than a fit."""
    right, wrong = grid(counts, 20.0)
    made = counts.weights() @ counts.attempts
    found = []
    for speed in speeds:
        moving = Dynamics("odds", speed=(speed,), accept=accept, attempts=counts.usual_attempts)
        center = np.array([made @ counts.times / made.sum()])
        problem = Problem(counts, counts.weights(), right, wrong, moving, center)
        best = fitted(problem.likelihoods(problem.numbers), problem.weights)
        found.append(best.log_likelihood - world.log_likelihood)
    return np.array(found)


@pytest.mark.parametrize("speed", [-2.0, 1.0, 2.0])
@pytest.mark.parametrize("number", range(2))
def test_of_prompts_that_move_fast_the_likeliest_speed_is_found(speed, number):
    """Over ten iterations by up to eighteen nats: far off the grid of those that hardly move."""
    rng, accept = np.random.default_rng(number), (0.9, 0.1)
    odds = rng.normal(-3.0 * np.sign(speed), 2.0, 80)[:, None] + speed * np.arange(10)
    counts = histories(log_of(rng.binomial(16, 0.1 + 0.8 * expit(odds)), 16))
    world = World.estimate(counts, accept=accept)
    assert as_likely_as(counts, world, accept, np.arange(-3.0, 3.1, 0.25)).max() < 0.5
    assert world.dynamics.speed[0] == pytest.approx(speed, abs=0.25)
    blocks = World.estimate(counts, accept=accept, blocks=4)
    # What has more numbers is no less likely: one speed for all is one of its cases.
    assert blocks.log_likelihood > world.log_likelihood - 0.1


@pytest.mark.parametrize("seed", [1, 3])
def test_a_run_that_learns_all_within_some_iterations_is_not_told_to_stand_still(seed):
    """Filtered by a noisy filter odds grow nine times an iteration, and are then all there."""
    task = bs.random_table(seed, prompts=60, solvable=0.8)
    procedure = bs.filter_only(attempts=4, filter=bs.NoisyFilter(0.1))
    trace = bs.simulate(procedure, task, 9, visits=4, key=1, record="prompt")
    accuracy = trace.accuracy.values[0]
    rng = np.random.default_rng(seed)
    accepted = rng.binomial(16, 0.1 + 0.8 * accuracy)
    counts = histories(log_of(accepted.T, 16))
    world = World.estimate(counts, accept=(0.9, 0.1))
    assert as_likely_as(counts, world, (0.9, 0.1), np.arange(0.0, 3.1, 0.25)).max() < 0.5
    assert world.dynamics.speed[0] > 1.0


def test_slopes_at_no_speed_are_taken_without_a_warning():
    """With a speed just below 0 masses leave [0, 1], which labels pull at."""
    moving = Dynamics("arithmetic", speed=(-1e-4,), attempts=100, beta=0.3, label_weight=0.01)
    right = np.array([0.0, 1e-300, 0.5, 1.0])
    wrong = 1.0 - right
    for step in range(50):
        right, wrong = moving.advance(right, wrong, step, np.array([0.0, 2.0, 70.0, 1.0]))
    assert np.isfinite([right, wrong]).all()
    assert np.abs(right + wrong - 1.0).max() < 0.01


@pytest.mark.parametrize(("kind", "speed"), [("strong", ()), ("arithmetic", (0.3,))])
@pytest.mark.parametrize("attempts", [1, 4, 16, 64])
def test_masses_add_up_to_one_however_long_a_filter_errs(kind, speed, attempts):
    """Where nothing is right nothing ever is: a rounding error that grew would say otherwise."""
    moving = Dynamics(kind, speed=speed, attempts=attempts, accept=(0.95, 0.02))
    start = np.array([0.0, 1e-300, 1e-12, 0.5, 1.0])
    right, wrong = moving.path(start, 1.0 - start, np.arange(0, 201, 10))
    np.testing.assert_allclose(right + wrong, 1.0, rtol=1e-15)
    assert (right[:, 0] == 0.0).all()
    assert (wrong[:, 0] == 1.0).all()
    assert (np.diff(right[:, 1:4], axis=0) >= 0.0).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_strong_learner_is_told_in_a_long_log_of_a_filter_that_errs(seed):
    random = np.random.default_rng(seed)
    moving = Dynamics("strong", attempts=8, accept=(0.95, 0.02))
    start = np.where(random.random(80) < 0.5, 0.0, random.uniform(0.0, 0.02, 80))
    right, _ = moving.path(start, 1.0 - start, np.arange(30))
    log = log_of(random.binomial(8, 0.02 + 0.93 * right.T), 8)
    told = explained(histories(log), accept=(0.95, 0.02))
    # A step of nearly all is nearly it.
    assert told.worlds["arithmetic"].dynamics.speed[0] > 0.9
    assert told.behind["strong"] < 1.0
    assert told.behind["odds"] > 20.0
