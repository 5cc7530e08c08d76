"""Votes: rules, voters that differ, looks that are correlated; every law from every outcome."""

import itertools
import json
import math
from fractions import Fraction

import numpy as np
import pytest
from alarms import assert_share
from scipy.stats import binom

import boostsim as bs
from boostsim.curation.voting import least_accepting

TASK = bs.table_task([[1, 0, 0]], initial=[[0.5, 0.25, 0.25]])
WEAK = bs.WeakLabeler(0.4)
RULES = ["majority", "unanimity", 1, 2, 3]


def every_outcome(accepts, least, correlation=0):
    """P(accepted) from all outcomes of the looks, and of one level that they have in common."""
    accepts = [Fraction(rate) for rate in accepts]
    alone = Fraction(0)
    for outcome in itertools.product((0, 1), repeat=len(accepts)):
        if sum(outcome) >= least:
            alone += math.prod(
                r if said else 1 - r for r, said in zip(accepts, outcome, strict=True)
            )
    # A common level is below so many rates: between two of them nothing changes.
    ends = sorted({Fraction(0), *accepts, Fraction(1)})
    shared = sum(
        high - low
        for low, high in itertools.pairwise(ends)
        if sum((low + high) / 2 < rate for rate in accepts) >= least
    )
    correlation = Fraction(correlation)
    return float(correlation * shared + (1 - correlation) * alone)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("correlation", [0.0, 0.25, 1.0])
def test_verdicts_of_votes_are_those_of_every_outcome(rule, correlation):
    least = least_accepting(rule, 3)
    wrong, right = [0.25, 0.125, 0.4375], [0.5, 0.0625, 0.1875]
    same = dict(correlation=correlation, rule=rule)
    filters = [
        (bs.NoisyFilter(0.1875, votes=3, **same), [0.1875] * 3, [0.1875] * 3),
        (bs.NoisyFilter(voters=wrong, **same), wrong, wrong),
        (bs.NoisyFilter(voters=list(zip(wrong, right, strict=True)), **same), wrong, right),
    ]
    for filt, false_accept, false_reject in filters:
        accepted = [
            every_outcome([1 - Fraction(each) for each in false_reject], least, correlation),
            every_outcome(false_accept, least, correlation),
        ]
        rejected = [
            every_outcome(false_reject, 4 - least, correlation),
            every_outcome([1 - Fraction(each) for each in false_accept], 4 - least, correlation),
        ]
        assert filt.accept == pytest.approx(accepted, rel=1e-14)
        assert filt.reject == pytest.approx(rejected, rel=1e-14)
        assert (filt.votes, filt.looks) == (3, 3)
        # It is the filter with these two rates, but for what it costs.
        rates = bs.NoisyFilter(false_accept=filt.accept[1], false_reject=filt.reject[0])
        for procedure in (bs.boosting, bs.filter_only):
            slots = {"labeler": WEAK} if procedure is bs.boosting else {}
            ours, plain = (
                bs.simulate(procedure(filter=each, attempts=2, **slots), TASK, 2)
                for each in (filt, rates)
            )
            np.testing.assert_allclose(ours.error, plain.error, rtol=1e-13)
            assert (ours.filter_calls == 3 * plain.filter_calls).all()


def test_tiny_rates_of_votes_survive():
    both = bs.NoisyFilter(1e-100, votes=2, rule="unanimity")
    assert both.accept[1] == pytest.approx(1e-200, rel=1e-13, abs=0.0)
    assert both.reject[0] == pytest.approx(2e-100, rel=1e-13, abs=0.0)
    unequal = bs.NoisyFilter(voters=[1e-100, 3e-100, 0.5])
    assert unequal.accept[1] == pytest.approx(2e-100, rel=1e-13, abs=0.0)
    assert bs.NoisyFilter(1e-200, votes=3, correlation=1.0).reject[0] == 1e-200
    # As many as may be, and both sides are still one verdict.
    many = bs.NoisyFilter(voters=np.full(999, 0.3))
    assert many.reject[0] == pytest.approx(binom.sf(499, 999, 0.3), rel=1e-11)
    bs.boosting(filter=bs.NoisyFilter(voters=np.linspace(0, 1, 1000), rule=500), labeler=WEAK)


def test_voters_that_are_alike_are_votes():
    for rule in RULES:
        for correlation in (0.0, 0.5):
            alike = bs.NoisyFilter(voters=[0.2] * 3, rule=rule, correlation=correlation)
            votes = bs.NoisyFilter(0.2, votes=3, rule=rule, correlation=correlation)
            assert alike.accept == pytest.approx(votes.accept, rel=1e-14)
            assert alike.reject == pytest.approx(votes.reject, rel=1e-14)


def test_looks_that_are_one_draw_literally():
    """Each look drawn by itself, or one level for all; against the law, at 99,999 responses."""
    rng = np.random.default_rng(5)
    count, rates = 99_999, np.array([0.3, 0.1, 0.45])
    level = rng.random((count, 3))
    one = rng.random(count) < 0.4
    level[one] = level[one, :1]
    accepted = (level < rates).sum(1) >= 2
    law = bs.NoisyFilter(voters=rates, correlation=0.4).accept[1]
    assert_share("correlated_votes", accepted.sum(), count, law)


def test_what_persists_is_one_look_but_of_voters_that_differ_their_vote():
    assert bs.NoisyFilter(0.2, votes=3, persistent=True, correlation=0.5).accept[1] == 0.2
    lasting = bs.NoisyFilter(voters=[0.1, 0.2, 0.3], persistent=True)
    assert lasting.accept == bs.NoisyFilter(voters=[0.1, 0.2, 0.3]).accept


def test_the_vote_is_told_only_where_it_is_used():
    told = bs.NoisyFilter(0.1, votes=3).describe()
    assert told.keys() == {
        "name", "gamma", "votes", "false_accept", "false_reject", "persistent",
    }  # fmt: skip
    voted = bs.NoisyFilter(voters=[0.1, 0.2], rule=1, correlation=0.5)
    assert json.dumps(voted.describe())
    assert voted.describe() | {"rule": 1, "correlation": 0.5, "voters": [0.1, 0.2]} == (
        voted.describe()
    )
    assert voted == bs.NoisyFilter(voters=(0.1, 0.2), rule=1, correlation=0.5)
    assert hash(voted) == hash(bs.NoisyFilter(voters=np.array([0.1, 0.2]), rule=1, correlation=0.5))
    assert voted != bs.NoisyFilter(voters=(0.1, 0.3), rule=1, correlation=0.5)


def test_laws_of_votes_are_the_filter_and_binomial_tails():
    votes, least = np.meshgrid(np.arange(1, 13), np.arange(1, 13))
    inside = least <= votes
    votes, least = votes[inside], least[inside]
    for rate in (0.0, 1e-30, 0.2, 0.7, 1.0):
        law = bs.laws.threshold_noise(rate=rate, votes=votes, least=least)
        np.testing.assert_allclose(law, binom.sf(least - 1, votes, rate), rtol=1e-11)
        for m, n, chance in zip(votes, least, law, strict=True):
            filt = bs.NoisyFilter(
                false_accept=rate, false_reject=rate, votes=int(m), rule=int(m - n + 1)
            )
            assert filt.reject[0] == pytest.approx(chance, rel=1e-11, abs=0.0)
            # Where n must accept, n that err accept what is wrong.
            filt = bs.NoisyFilter(false_accept=rate, false_reject=0.0, votes=int(m), rule=int(n))
            assert filt.accept[1] == pytest.approx(chance, rel=1e-11, abs=0.0)
    with pytest.raises(ValueError, match="at most as many looks"):
        bs.laws.threshold_noise(rate=0.1, votes=2, least=3)
    for correlation in (0.0, 0.3, 1.0):
        law = bs.laws.correlated_noise(gamma=0.2, votes=[1, 3, 9], correlation=correlation)
        filters = [bs.NoisyFilter(0.2, votes=votes, correlation=correlation) for votes in (1, 3, 9)]
        np.testing.assert_allclose(law, [each.accept[1] for each in filters], rtol=1e-12)


def test_the_floor_of_correlated_votes_is_reached_and_not_passed():
    given = dict(beta=0.3, gamma=0.2, correlation=0.4)
    floor = bs.laws.correlated_floor(**given)
    noise = bs.laws.correlated_noise(gamma=0.2, correlation=0.4, votes=[1, 5, 25, 301])
    limits = bs.laws.noisy_boosting(beta=0.3, gamma=noise).floor
    assert (np.diff(limits) < 0).all()
    assert (limits[:-1] > floor).all()
    assert limits[-1] == pytest.approx(floor, rel=1e-9)
    # The noise that all looks have in common, and nothing else.
    assert floor == pytest.approx(bs.laws.noisy_boosting(beta=0.3, gamma=0.4 * 0.2).floor)
    # More attempts do get below it.
    assert bs.laws.attempts_floor(beta=0.3, gamma=0.08, attempts=2) < floor
