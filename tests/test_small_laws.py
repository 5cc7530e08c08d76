"""What a verdict of sampled runs is worth at each size of the law, from .2 down to 1e-4.

Draws are made here, not simulated: it is the looks, the intervals and the verdicts that count.
"""

from collections import Counter

import jax
import numpy as np
import pytest
from alarms import alpha
from scipy.stats import binomtest

import boostsim as bs
from boostsim.certification.runs import Sampled

MEASURED = bs.Measurement(simulator=lambda: None, exact=False, binary=True)


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    """Draw zeros and ones all at once, a one with the point's probability."""

    def draw(self, point, units, runs, key):
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        return (rng.random(units * runs, np.float32) < point["probability"]) * 1.0

    monkeypatch.setattr(Sampled, "draw", draw)


def claim(law, *probabilities, kind="equality"):
    return bs.Claim(
        name="p",
        statement="s",
        formula="f",
        kind=kind,
        domain=bs.Box(probability=list(probabilities)),
        law=law,
    )


def verdicts(claimed, reports, **settings):
    return Counter(
        bs.certify(claimed, MEASURED, levels="statistical", key=key, **settings).verdict
        for key in range(reports)
    )


# Probability, and how far a law has to be off to be caught: what the README says.
CAUGHT = ((0.2, 0.05), (0.05, 0.05), (0.01, 0.05), (0.001, 0.2), (0.0001, 0.6))


@pytest.mark.parametrize(("probability", "off"), CAUGHT)
def test_how_far_a_law_may_be_off_before_it_is_caught(probability, off):
    """At the default samples; each point of a report has an eighth of its error probability."""
    reports, caught = 60, 0
    for sign in (1.0, -1.0):
        shifted = claim(lambda probability, by=1.0 + sign * off: by * probability, probability)
        found = verdicts(shifted, reports // 2, points=1, confidence=1.0 - 0.001 / 8)
        # What is off by more than the resolution never holds.
        assert not found["holds"]
        caught += found["violated"]
    level = alpha("power_by_law")
    assert binomtest(caught, reports, 0.95, alternative="less").pvalue >= level


@pytest.mark.parametrize("samples", [2**12, 2**16, 2**21])
def test_a_law_is_not_true_for_being_small(samples):
    """Three times too large; an upper bound a thousand times too small."""
    large = verdicts(claim(lambda: 3e-4, 1e-4), 10, points=1, samples=samples)
    bound = verdicts(claim(lambda: 1e-7, 1e-4, kind="upper"), 10, points=1, samples=samples)
    assert not large["holds"]
    assert not bound["holds"]
    if samples == 2**21:
        assert large["violated"] == bound["violated"] == 10


@pytest.mark.parametrize(
    ("probability", "verdict"),
    [(0.2, "holds"), (0.05, "holds"), (0.02, "holds"), (1e-3, "undecided"), (1e-4, "undecided")],
)
def test_a_true_law_holds_where_the_draws_tell_it(probability, verdict):
    true = claim(lambda probability: probability, probability)
    found = verdicts(true, 5, points=1)
    assert found[verdict] == 5, found


def test_bounds_far_from_what_is_measured_need_few_draws():
    for kind, law in (("upper", 0.01), ("lower", 1e-5)):
        far = claim(lambda law=law: law, 1e-3, kind=kind)
        assert verdicts(far, 3, points=1, samples=2**16)["holds"] == 3


def test_small_laws_beside_larger_ones():
    """The claim holds where it can be told, and the report says where it cannot."""
    found = bs.certify(claim(lambda probability: probability, 0.3, 1e-5), MEASURED)
    assert found.verdict == "holds"
    rows = found.table.groupby("probability").verdict.unique()
    assert [list(each) for each in rows] == [["undecided"], ["holds"]]
    assert "of laws of 1e-05 and below sampled runs say only" in found.summary()
    assert "too small to be told within 0.04 of itself by 2,097,152 draws" in found.summary()
    # Wrong there it is caught there, if the draws can tell.
    wrong = bs.certify(claim(lambda probability: max(probability, 1e-3), 0.3, 1e-5), MEASURED)
    assert wrong.verdict == "violated"
    # A law of .03 is not small: it has to be told.
    few = bs.certify(claim(lambda probability: probability, 0.95, 0.03), MEASURED, samples=2**14)
    assert few.verdict == "undecided"


def test_nothing_is_ever_seen_to_be_nothing():
    never = claim(lambda: 0.0, 0.0)
    # Of a lower bound of 0 there is nothing to be seen.
    assert bs.certify(claim(lambda: 0.0, 0.0, kind="lower"), MEASURED, points=1).verdict == "holds"
    assert bs.certify(never, MEASURED, points=1).verdict == "undecided"
    assert bs.certify(claim(lambda: 0.0, 1e-4), MEASURED, points=1).verdict == "violated"
    with pytest.raises(ValueError, match=r"resolution must be a number in \[0, 1\]"):
        bs.certify(never, MEASURED, resolution=2.0)
