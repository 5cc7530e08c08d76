"""A labeler that changes while the run goes on: by hand, on two ways, sampled, with tokens."""

import dataclasses

import jax
import numpy as np
import pytest
from alarms import assert_share

import boostsim as bs
from boostsim.simulation.tokens import listed, verdicts

TIRING = bs.DriftingLabeler(0.6, later=bs.WeakLabeler(0.1), between=(1, 5))
TASK = bs.random_table(0, prompts=40, responses=4, solvable=0.3)


def test_labels_are_those_of_their_iteration():
    """Step by step, each with the fixed labeler of that iteration."""
    assert [TIRING.change(t) for t in range(1, 7)] == [0, 0.25, 0.5, 0.75, 1, 1]
    task, filt = TASK, bs.NoisyFilter(0.1)
    whole = bs.simulate(bs.boosting(attempts=2, filter=filt, labeler=TIRING), task, 7)
    rows, labels = task.initial, 0.0
    for t in range(1, 8):
        s = TIRING.change(t)
        beta = (1 - s) * 0.6 + s * 0.1
        fixed = bs.boosting(attempts=2, filter=filt, labeler=bs.WeakLabeler(beta))
        step = bs.simulate(
            fixed, bs.table_task(task.quality, initial=rows), 1, record=("rows", "diversity")
        )
        rows, labels = step.rows.values[0, -1], labels + step.labels.values[0, -1]
        assert whole.error.values[0, t] == pytest.approx(step.error.values[0, -1], rel=1e-12)
        assert whole.labels.values[0, t] == pytest.approx(labels, rel=1e-12)


@pytest.mark.parametrize("regime", ["replace", "accumulate"])
def test_lumped_diversity_is_that_of_the_rows(regime):
    later = bs.WeakLabeler(0.2, wrong="concentrated")
    drifting = bs.DriftingLabeler(0.6, later=later, between=(0, 3))
    procedure = bs.boosting(labeler=drifting, filter=bs.NoisyFilter(0.2), regime=regime)
    lumped = bs.simulate(procedure, TASK, 5, record="diversity")
    rows = bs.simulate(procedure, TASK, 5, record=("diversity", "entropy"))
    assert lumped.diversity.values == pytest.approx(rows.diversity.values, rel=1e-10)


def test_sampled_runs_are_near_the_exact_one():
    procedure = bs.boosting(attempts=2, filter=bs.NoisyFilter(0.1), labeler=TIRING, budget=0.1)
    exact = bs.simulate(procedure, TASK, 6).error.values
    sampled = bs.simulate(procedure, TASK, 6, visits=20_000, seeds=2, key=1).error.values
    assert np.abs(sampled - exact).max() < 0.02
    assert np.abs(sampled - exact).max() > 0.0


def test_a_labeler_that_never_changes_is_the_one_that_it_is_at_first():
    never = bs.DriftingLabeler(0.6, later=bs.WeakLabeler(0.1), between=(50, 60))
    runs = [
        bs.simulate(bs.boosting(labeler=each), TASK, 6, visits=3, key=2).error.values
        for each in (never, bs.WeakLabeler(0.6))
    ]
    assert (runs[0] == runs[1]).all()


def test_with_tokens_too():
    task = bs.lookup(24, 4)
    listing = listed.Listing(task)
    prompts = np.repeat(listing.prompts, 100, axis=0)
    words = np.array([5, 6], np.uint32)
    for t, beta in ((1, 0.6), (3, 0.35), (9, 0.1)):
        labels = verdicts.label(task, TIRING, prompts, words, words, t)
        assert_share("drifting_labels", int(labels.right.sum()), len(prompts), beta)
        assert labels.chance == pytest.approx(beta)
        assert (
            np.asarray(verdicts.verifier(task)(prompts, labels.responses)) == labels.right
        ).all()
    # The law of an exact run with a transformer is the table's.
    rows = np.random.default_rng(0).dirichlet(np.ones(len(task.symbols)), 24)
    procedure = bs.boosting(labeler=TIRING)
    rule, table = listed.tabular(procedure, listing, rows)
    trace = bs.simulate(rule, table, 4, record="prompt")
    law = listed.TrainingLaw(procedure, listing, rows, jax.random.key(0))
    target = law(rows)
    for t in range(2, 5):
        target = law(target.rows, iteration=t)
    assert (target.rows * listing.quality).sum(1) == pytest.approx(trace.accuracy.values[0, 4])
    assert target.label_accuracy == pytest.approx(0.6 - 0.5 * 0.75)


def test_what_cannot_drift_is_refused():
    for arguments, words in (
        ({"later": 0.1}, "later must be a bs.WeakLabeler"),
        ({"later": bs.WeakLabeler(0.1, persistent=True)}, "answers do not persist"),
        ({"later": TIRING}, "later must be a bs.WeakLabeler"),
        ({"later": bs.WeakLabeler(0.1), "between": (3, 3)}, r"between\[1\] must be"),
        ({"later": bs.WeakLabeler(0.1), "between": 3}, "between must be two numbers"),
        ({"later": bs.WeakLabeler(0.1), "persistent": True}, "persistent must be False"),
    ):
        with pytest.raises(ValueError, match=words):
            bs.DriftingLabeler(0.5, **arguments)


def test_it_is_told_by_labelers_that_do_not_change():
    """What runs ask of any labeler: no run knows one that changes by its class."""
    at_first, later = TIRING.plain.values()
    assert (at_first, later) == (bs.WeakLabeler(0.6), TIRING.later)
    assert TIRING.weights(4) == {"labels": 0.25, "later": 0.75}
    fixed = bs.WeakLabeler(0.6)
    assert (fixed.plain, fixed.weights(4), fixed.drift) == (
        {"labels": fixed},
        {"labels": 1.0},
        None,
    )
    halved = TIRING.each(lambda labeler: bs.WeakLabeler(labeler.beta / 2))
    assert list(halved.plain.values()) == [bs.WeakLabeler(0.3), bs.WeakLabeler(0.05)]
    assert (halved.drift, halved.weights(4)) == ((1, 5), TIRING.weights(4))
    assert fixed.each(lambda labeler: TIRING.later) == TIRING.later


def test_tokens_of_a_mixture_are_those_of_its_parts():
    """At each weight, the answers of both are mixed by one draw a prompt; ends are one labeler."""
    task, words = bs.programs(2), np.array([5, 6], np.uint32)
    prompts = task.prompts(np.random.default_rng(0), np.zeros(50, int))
    said = {t: verdicts.label(task, TIRING, prompts, words, words, t) for t in (1, 3, 9)}
    for t, beta in ((1, 0.6), (9, 0.1)):
        alone = verdicts.label(task, bs.WeakLabeler(beta), prompts, words, words, t)
        for part, same in zip(said[t], alone, strict=True):
            np.testing.assert_array_equal(part, same)
    from_first = (said[3].responses == said[1].responses).all(1)
    assert (from_first | (said[3].responses == said[9].responses).all(1)).all()
    assert 0 < from_first.sum() < 50


@dataclasses.dataclass(frozen=True, eq=False)
class Resting(bs.WeakLabeler):
    """A labeler of one's own: fresh in odd iterations, tired in even ones, up to the fourth."""

    tired: float = 0.1
    drift = (0, 4)

    @property
    def plain(self):
        return {"labels": bs.WeakLabeler(self.beta), "tired": bs.WeakLabeler(self.tired)}

    def weights(self, iteration):
        tired = 1.0 if iteration % 2 == 0 else 0.0
        return {"labels": 1.0 - tired, "tired": tired}


BETAS = (0.6, 0.1, 0.6, 0.1, 0.1, 0.1)


def test_a_labeler_of_ones_own_answers_as_it_says_on_tables():
    """A perfect filter leaves the share 1 - beta of each error; after the fourth it is tired."""
    rule = bs.boosting(labeler=Resting(0.6))
    exact = bs.simulate(rule, TASK, 6, record="diversity").error.values[0]
    left = np.cumprod([1.0, *(1.0 - beta for beta in BETAS)])
    assert exact == pytest.approx(exact[0] * left, rel=1e-12)
    sampled = bs.simulate(rule, TASK, 6, visits=20_000, seeds=2, key=1).error.values
    assert np.abs(sampled - exact).max() < 0.02


def test_a_labeler_of_ones_own_answers_as_it_says_in_tokens():
    task, words = bs.lookup(24, 4), np.array([5, 6], np.uint32)
    listing = listed.Listing(task)
    prompts = np.repeat(listing.prompts, 100, axis=0)
    rows = np.full(listing.quality.shape, 1 / listing.quality.shape[1])
    law = listed.TrainingLaw(bs.boosting(labeler=Resting(0.6)), listing, rows, jax.random.key(0))
    for t, beta in enumerate(BETAS, 1):
        labels = verdicts.label(task, Resting(0.6), prompts, words, words, t)
        assert labels.chance == pytest.approx(beta)
        target = law(rows, iteration=t)
        assert target.label_accuracy == pytest.approx(beta)


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        (dict(drift=None), "labeler.drift must be two numbers of iterations; got None"),
        (dict(plain={"tired": bs.WeakLabeler(0.1)}), "labeler.plain must be labelers that do not"),
        (dict(plain={"labels": TIRING}), "labeler.plain must be labelers that do not"),
        (dict(weights=lambda self, t: {"labels": 0.5, "tired": 0.6}), "labeler.weights must sum"),
        (dict(weights=lambda self, t: {"labels": 1.0}), "labeler.weights must be numbers by name"),
    ],
)
def test_a_labeler_that_says_no_such_thing_is_refused(attributes, told):
    labeler = type("Mine", (Resting,), attributes)(0.6)
    with pytest.raises(ValueError, match=told):
        bs.simulate(bs.boosting(labeler=labeler), TASK, 2)
