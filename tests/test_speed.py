"""The speed of a log: intervals that cover, a test with a level and power, and which learner."""

import alarms
import numpy as np
import pytest
from made_logs import made
from scipy.special import expit, logit
from scipy.stats import binomtest
from test_world import drawn, log_of

from boostsim.fitting.histories import histories
from boostsim.fitting.speed import explained, speed
from boostsim.fitting.world import World


def audited(rng, prompts, uneven):
    """A log of verdicts that err, what its audit says of them, and the audit's scores."""
    right = expit(logit(rng.beta(1.0, 1.5, prompts))[:, None] + 0.3 * np.arange(5))
    one, other = 0.9, 0.2
    if uneven:
        one = rng.beta(9.0, 1.0, prompts)[:, None]
        other = rng.beta(1.0, 4.0, prompts)[:, None]
    good = rng.binomial(8, right)
    passed = rng.binomial(good, np.broadcast_to(one, good.shape))
    slipped = rng.binomial(8 - good, np.broadcast_to(other, good.shape))
    seen = rng.hypergeometric(good, 8 - good, 2)
    passed_seen = rng.hypergeometric(passed, good - passed, seen)
    slipped_seen = rng.hypergeometric(slipped, 8 - good - slipped, 2 - seen)
    wrong_seen = 2 * seen.size - seen.sum()
    a1, a0 = passed_seen.sum() / seen.sum(), slipped_seen.sum() / wrong_seen
    scores = np.stack(
        [
            (passed_seen - a1 * seen).sum(1) / seen.sum(),
            (slipped_seen - a0 * (2 - seen)).sum(1) / wrong_seen,
        ],
        axis=1,
    )
    return log_of(passed + slipped), {"accept": (a1, a0), "rates_scores": scores}


def cover(test, logs, make, truth=0.3):
    """Speed and block speeds lie in their intervals as often as stated; a steady speed passes."""
    rng = np.random.default_rng(7)
    whole = blocks = refused = 0
    for _ in range(logs):
        log, more = make(rng)
        found = speed(log, blocks=2, **more)
        whole += found.low <= truth <= found.high
        blocks += found.blocks[0].low <= truth <= found.blocks[0].high
        refused += not found.constant
    alarms.assert_share(test, whole, logs, 0.95)
    alarms.assert_share(test, blocks, logs, 0.95)
    alarms.assert_share(test, refused, logs, 0.05)


MAKERS = {
    "clean": lambda rng: (log_of(drawn(rng, 150, 5, 0.3)), {}),
    "few attempts": lambda rng: (log_of(drawn(rng, 200, 5, 0.3, attempts=2), 2), {}),
    "filter known": lambda rng: (
        log_of(drawn(rng, 150, 5, 0.3, accept=(0.9, 0.2))),
        {"accept": (0.9, 0.2)},
    ),
    "filter audited": lambda rng: audited(rng, 150, False),
    # No theorem: verdicts that err more on some prompts bend the likelihood, by less than is seen.
    "filter audited, uneven": lambda rng: audited(rng, 150, True),
}


@pytest.mark.parametrize("name", MAKERS)
def test_intervals_cover_as_often_as_stated(name):
    cover("speed_intervals", 300, MAKERS[name])


def solved(rng, prompts, iterations, truth, first):
    """A log of prompts that are nearly all solved long before it ends."""
    odds = rng.normal(first, 2.0, prompts)[:, None] + truth * np.arange(iterations)
    return log_of(rng.binomial(8, expit(odds)))


@pytest.mark.parametrize(("prompts", "truth", "first"), [(80, 1.5, -2.5), (150, 2.0, -4.0)])
def test_where_few_prompts_tell_intervals_are_no_shorter_than_stated(prompts, truth, first):
    """Of the last iterations hardly a prompt tells anything: all are solved."""
    rng, logs, test = np.random.default_rng(3), 200, "speed_intervals_of_few"
    whole = blocks = refused = 0
    for _ in range(logs):
        found = speed(solved(rng, prompts, 9, truth, first))
        whole += found.low <= truth <= found.high
        blocks += np.array([each.low <= truth <= each.high for each in found.blocks])
        refused += not found.constant
    for hits in (whole, *blocks, logs - refused):
        assert binomtest(int(hits), logs, 0.95, alternative="less").pvalue >= alarms.alpha(test)


def likeliest(accepted, moves):
    """Return the log-likelihood of the best mixture at moves of log odds, by plain EM."""
    at = np.linspace(-25.0, 25.0, 251)[:, None] + moves
    yes, no = np.log(expit(at)), np.log(expit(-at))
    logs = accepted @ yes.T + (8 - accepted) @ no.T
    most = logs.max(1, keepdims=True)
    likelihoods, mixture = np.exp(logs - most), np.full(len(at), 1.0 / len(at))
    for _ in range(1000):
        inside = likelihoods @ mixture
        mixture = mixture * (likelihoods / inside[:, None]).mean(0)
    return float((np.log(likelihoods @ mixture) + most[:, 0]).sum())


@pytest.mark.parametrize("seed", [1, 4])
def test_an_interval_has_all_speeds_that_are_likely(seed):
    """Those at which a log is less likely by at most 1.7 nats, by EM on a grid of its own.

    A block's speed moves alone: the others could but make it likelier.
    """
    log = solved(np.random.default_rng(seed), 80, 9, 1.5, -2.5)
    accepted, found = log.accepted.reshape(80, 9), speed(log)
    steps, seen = np.arange(9.0), []
    best = likeliest(accepted, found.log_ratio * (steps - 4.0))
    for other in np.arange(0.5, 4.1, 0.25):
        if likeliest(accepted, other * (steps - 4.0)) > best - 1.7:
            assert found.low <= other <= found.high
    speeds = np.array([each.log_ratio for each in found.blocks])
    passed = np.clip(steps[:, None] - [0.0, 2.0, 4.0, 6.0], 0.0, 2.0) - 1.0
    best = likeliest(accepted, passed @ speeds)
    for place, block in enumerate(found.blocks):
        for off in (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0):
            moved = speeds + off * np.eye(4)[place]
            if likeliest(accepted, passed @ moved) > best - 1.7:
                seen.append(place)
                assert block.low <= moved[place] <= block.high
    assert 3 in seen


def test_where_the_curvature_bends_the_wrong_way_errors_are_the_likelihoods():
    """A weight of the mixture is at 0, and free to be negative where it bends: by EM it is not."""
    rng = np.random.default_rng(1002)
    accepted = rng.binomial(8, expit(rng.normal(3.0, 1.5, 60)[:, None] - 2.0 * np.arange(9)))
    found, steps = speed(log_of(accepted), blocks=1), np.arange(9.0) - 4.0
    best = likeliest(accepted, found.log_ratio * steps)
    ends = [likeliest(accepted, (found.log_ratio + off) * steps) for off in (-0.08, 0.08)]
    # A parabola through the three: the error that a standard error stands for.
    error = 0.08 / np.sqrt(2.0 * best - sum(ends))
    assert found.standard_error == pytest.approx(error, rel=0.2)
    assert found.low < found.log_ratio - error
    assert found.high > found.log_ratio + error


def test_where_no_end_is_found_there_is_none():
    accepted = [[1, 1, 1], [1, 1, 1], [0, 1, 0], [0, 2, 1], [1, 0, 0]]
    accepted += [[0, 1, 0], [0, 1, 0], [0, 0, 1], [2, 1, 1]]
    found = speed(log_of(accepted, 2), accept=(0.9, 0.2))
    assert (found.low, found.high) == (-np.inf, np.inf)


@pytest.mark.parametrize("prompts", [2, 3])
def test_of_fewer_prompts_than_blocks_no_change_is_told(prompts):
    found = speed(log_of(np.random.default_rng(0).binomial(8, 0.5, (prompts, 9))))
    assert len(found.blocks) == 4
    assert found.constant_p_value is None
    assert "so few prompts do not tell whether it changes" in found.summary()


@pytest.mark.filterwarnings("error")
def test_a_flat_likelihood_is_no_warning():
    rng = np.random.default_rng(18)
    odds = np.arange(9.0) - 2.0 + np.random.default_rng(18).normal(0.0, 1.5, 6)[:, None]
    found = speed(log_of(rng.binomial(8, expit(odds))))
    assert found.low < found.log_ratio < found.high


def test_intervals_cover_in_thirty_logs():
    cover("speed_intervals_by_day", 30, MAKERS["filter audited"])


def test_a_speed_that_falls_is_seen():
    """Power: .6 then .2 an iteration, over eight iterations of 200 prompts, at .99 or more."""
    rng = np.random.default_rng(11)
    moved = np.concatenate([0.6 * np.arange(4), 1.8 + 0.2 * np.arange(1, 5)])
    seen = 0
    for _ in range(20):
        start = logit(rng.beta(1.0, 1.5, 200))
        log = log_of(rng.binomial(8, expit(start[:, None] + moved)))
        seen += not speed(log, blocks=2).constant
    assert seen >= 18


def test_prompts_with_speeds_of_their_own_are_not_said_to_change_theirs():
    """Each goes on at its own: what is rejected is one speed for all, and the words say that."""
    run = made(0, prompts=400, iterations=12, speed=0.25, uneven=1.5, attempts=8)
    found = speed(run.log)
    assert found.constant_p_value < 1e-6
    blocks = [each.log_ratio for each in found.blocks]
    assert blocks == sorted(blocks, reverse=True)
    assert "but one constant speed of all prompts does not explain the log" in found.summary()


@pytest.mark.parametrize("accept", [(0.3, 0.3), (0.2, 0.9), (float("nan"), 0.0)])
def test_a_filter_that_tells_nothing_is_refused(accept):
    log = log_of([[3, 4], [2, 6]])
    with pytest.raises(ValueError, match=r"^accept must be a larger probability for right"):
        speed(log_of([[8, 8]] * 4), accept=accept)
    for fit in (speed, World.estimate):
        with pytest.raises(ValueError, match=r"^accept must be a larger probability for right"):
            fit(log, accept=accept)


@pytest.mark.parametrize(
    ("accepted", "told"),
    [
        ([[3, 4, 5]], "one prompt alone"),
        ([[3], [4]], "no prompt was met in two iterations"),
        ([[0, 0], [0, 0]], "no attempt was accepted"),
        ([[8, 8], [8, 8]], "every attempt was accepted"),
        ([[8, 8], [0, 0]], "all accepted or all rejected"),
        ([[0, 8], [0, 8]], "more than counts can tell"),
    ],
)
def test_a_log_without_speed_says_why(accepted, told):
    found = speed(log_of(accepted))
    assert found.log_ratio is None
    assert told in found.summary()
    assert "nan" not in found.summary()


def test_numbers_of_iterations_are_steps_of_their_own_size():
    accepted = drawn(np.random.default_rng(5), 80, 5, 0.3)
    log = log_of(accepted)
    tens = type(log)(
        prompts=log.prompts,
        iterations=[100, 110, 130, 140, 150],
        prompt=log.prompt,
        iteration=log.iteration,
        attempts=log.attempts,
        accepted=log.accepted,
    )
    counts = histories(tens)
    assert (counts.step, counts.first) == (10, 100)
    assert counts.times.tolist() == [0, 1, 3, 4, 5]
    found = speed(tens, blocks=2)
    assert (found.blocks[0].first, found.blocks[0].last) == (100, 130)


def test_the_learner_that_made_a_log_is_named():
    """Error of the choice: among odds, an arithmetic step, and none, of 300 prompts."""
    rng = np.random.default_rng(9)
    wrong = 0
    for _ in range(5):
        p = rng.beta(1.0, 2.0, 300)
        odds = expit(logit(p)[:, None] + 0.3 * np.arange(6))
        step = 1.0 - (1.0 - p)[:, None] * 0.9 ** np.arange(6)
        still = np.repeat(p[:, None], 6, axis=1)
        for name, right in (("odds", odds), ("none", still)):
            wrong += explained(log_of(rng.binomial(8, right))).best != name
        found = explained(log_of(rng.binomial(64, step), 64))
        wrong += found.best != "arithmetic"
    assert wrong <= 1
    assert "nats behind" in found.summary()


def mantel_haenszel(counts, attempts):
    """Log of the common odds ratio between neighbouring iterations, and its error by prompt."""
    up = (counts[:, 1:] * (attempts - counts[:, :-1])).sum(1) / (2.0 * attempts)
    down = (counts[:, :-1] * (attempts - counts[:, 1:])).sum(1) / (2.0 * attempts)
    ratio = up.sum() / down.sum()
    return np.log(ratio), np.sqrt(((up - ratio * down) ** 2).sum()) / up.sum()


def test_mantel_and_haenszel_need_no_mixture_and_agree():
    accepted = drawn(np.random.default_rng(6), 2000, 6, 0.2)
    found = speed(log_of(accepted))
    other, error = mantel_haenszel(accepted, 8)
    assert abs(found.log_ratio - other) < 4.0 * np.hypot(error, found.standard_error)
    assert abs(other - 0.2) < 4.0 * error
