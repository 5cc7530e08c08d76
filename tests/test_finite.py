"""Finite visits, exactly: against every outcome written out, sampled runs, and the population."""

from fractions import Fraction as F

import chains
import numpy as np
import pytest

import boostsim as bs
from boostsim.simulation.tables import finite

EPS = np.finfo(float).eps
NOISY, WEAK = bs.NoisyFilter(0.125), bs.WeakLabeler(0.25)
BOTH = {"filter": NOISY, "labeler": WEAK}
ACCEPT, BETA = (F(7, 8), F(1, 8)), F(1, 4)
FAILED = (F(1), F(0), F(0))


def world(attempts, labelled=(F(0),) * 4, **more):
    given = {"accept": ACCEPT, "beta": BETA, "labelled": labelled, **more}
    return chains.World(attempts=attempts, **given)


# Procedure, the same in fractions, visits.
WORLDS = {
    "boosting": (bs.boosting(attempts=2, **BOTH), world(2, FAILED), 3),
    "filter only, keep one": (
        bs.filter_only(attempts=2, filter=NOISY, keep="one"), world(2), 3
    ),
    "filter only, keep all": (bs.filter_only(attempts=2, filter=NOISY), world(2, keep="all"), 2),
    "perfect filter": (
        bs.boosting(attempts=1, labeler=WEAK), world(1, (F(1), F(0)), accept=(F(1), F(0))), 3
    ),
    "no filter": (bs.uncurated(attempts=1), world(1, accept=(F(1), F(1))), 4),
    "labels only": (
        bs.labels_only(labeler=WEAK), world(1, (F(1), F(1)), accept=(F(0), F(0))), 3
    ),
    "all are labelled": (
        bs.boosting(attempts=2, criterion=bs.criteria.uniform, keep="all", **BOTH),
        world(2, (F(1),) * 3, keep="all"),
        2,
    ),
    "some are labelled at random": (
        bs.random_labels(rate=0.25, attempts=2, **BOTH), world(2, (F(1, 4),) * 3), 2
    ),
    "two labels a visit": (
        bs.boosting(attempts=1, labels_per_visit=2, **BOTH), world(1, (F(1), F(0)), each=2), 3
    ),
    "labels weigh half": (
        bs.boosting(attempts=2, label_weight=0.5, **BOTH), world(2, FAILED, weight=F(1, 2)), 3
    ),
    "labels weigh a third": (
        bs.boosting(attempts=2, label_weight=0.3, **BOTH), world(2, FAILED, weight=F(3, 10)), 2
    ),
    "until accepted": (
        bs.boosting(attempts=2, until_accepted=True, **BOTH), world(2, FAILED), 3
    ),
    "slack": (
        bs.boosting(attempts=2, learner=bs.StrongLearner(0.25), **BOTH),
        world(2, FAILED, slack=F(1, 4)),
        3,
    ),
}  # fmt: skip
START = F(3, 8)


def prompt(start=0.375):
    return bs.table_task([[1, 0]], initial=[[start, 1.0 - start]])


@pytest.mark.parametrize("name", WORLDS)
def test_the_law_is_that_of_every_outcome_written_out(name):
    procedure, told, visits = WORLDS[name]
    trace = bs.simulate(procedure, prompt(), 3, visits=visits, exact=True, record="law")
    laws = chains.law_of(told, START, visits, 3)
    labels = F(0)
    for iteration, law in enumerate(laws):
        want = {float(right): float(chance) for right, chance in law.items()}
        got = trace.law[0, iteration].values
        for value, chance in zip(trace.value.values, got, strict=True):
            near = [p for right, p in want.items() if abs(right - value) < 1e-9]
            np.testing.assert_allclose(chance, sum(near), rtol=1e-12, atol=1e-300)
        mean = sum(right * chance for right, chance in law.items())
        square = sum(right**2 * chance for right, chance in law.items())
        now = trace.isel(seed=0, iteration=iteration)
        np.testing.assert_allclose(now.accuracy, float(mean), rtol=1e-12)
        np.testing.assert_allclose(now.error, float(1 - mean), rtol=1e-12)
        np.testing.assert_allclose(now.accuracy_variance, float(square - mean**2), atol=1e-15)
        np.testing.assert_allclose(now.solved, float(law.get(F(1), 0)), rtol=1e-12)
        np.testing.assert_allclose(now.lost, float(law.get(F(0), 0)), rtol=1e-12)
        np.testing.assert_allclose(now.labels, float(labels), rtol=1e-12)
        labels += chains.expected_labels(told, law)


def test_the_rows_of_a_chain_sum_to_one():
    for procedure, _, visits in WORLDS.values():
        for chain in finite.chains(procedure, prompt(), visits):
            for whole in (chain.transition.sum(1), chain.start.sum(1) + chain.stay):
                np.testing.assert_allclose(whole, 1.0, rtol=8 * EPS)
