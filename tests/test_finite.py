"""Finite visits, exactly: against every outcome written out, sampled runs, and the population."""

from fractions import Fraction as F

import chains
import numpy as np
import pytest
from alarms import assert_law, hoeffding
from hypothesis import given, settings
from hypothesis import strategies as st

import boostsim as bs
from boostsim.simulation.tables import finite, visiting

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
    "real data": (
        bs.filter_only(attempts=1, filter=NOISY, regime="anchor", real_share=0.5),
        world(1, real=F(1, 2)),
        3,
    ),
    "a budget that changes": (
        bs.Procedure(criterion=bs.criteria.uniform, budget=[0.5, 0.0, 1.0], **BOTH),
        [world(1, (share,) * 2) for share in (F(1, 2), F(0), F(1))],
        3,
    ),
    "a budget that is more than enough": (
        bs.boosting(attempts=2, budget=1.0, **BOTH), world(2, FAILED), 2
    ),
}  # fmt: skip
START = F(3, 8)


def prompt(start=0.375):
    return bs.table_task([[1, 0]], initial=[[start, 1.0 - start]])


@pytest.mark.parametrize("name", WORLDS)
def test_the_law_is_that_of_every_outcome_written_out(name):
    procedure, told, visits = WORLDS[name]
    assert_law_written_out(procedure, told, visits)


def test_some_prompts_may_be_visited():
    told = world(2, FAILED, share=F(1, 4))
    assert_law_written_out(bs.boosting(attempts=2, **BOTH), told, 2, visited_share=0.25)


def assert_law_written_out(procedure, told, visits, **how):
    trace = bs.simulate(procedure, prompt(), 3, visits=visits, exact=True, record="law", **how)
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
        np.testing.assert_allclose(now.coverage, 1 - now.lost, rtol=1e-12)
        np.testing.assert_allclose(now.labels, float(labels), rtol=1e-12)
        if iteration < 3:
            here = told if isinstance(told, chains.World) else told[iteration]
            # Where one prompt is all there is, nothing is bought where it is not visited.
            labels += here.share * chains.expected_labels(here, law)


ACCUMULATED = {
    "boosting": ({"attempts": 2, **BOTH}, world(2, FAILED), {}),
    "no labels": ({"attempts": 1, "filter": NOISY}, world(1), {}),
    "keep all": ({"attempts": 2, "filter": NOISY, "keep": "all"}, world(2, keep="all"), {}),
    "slack": (
        {"attempts": 1, "learner": bs.StrongLearner(0.25), **BOTH},
        world(1, FAILED, slack=F(1, 4)),
        {},
    ),
    "some are visited": (
        {"attempts": 1, **BOTH}, world(1, FAILED, share=F(1, 4)), {"visited_share": 0.25}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCUMULATED)
def test_data_accumulate_where_a_visit_gives_one_example_at_most(name):
    slots, told, how = ACCUMULATED[name]
    procedure = bs.Procedure(regime="accumulate", **slots)
    trace = bs.simulate(procedure, prompt(), 2, visits=2, exact=True, **how).isel(seed=0)
    labels = F(0)
    for iteration, law in enumerate(chains.accumulated_law_of(told, START, 2, 2)):
        now = trace.isel(iteration=iteration)
        mean = sum(right * chance for right, chance in law.items())
        square = sum(right**2 * chance for right, chance in law.items())
        np.testing.assert_allclose(now.accuracy, float(mean), rtol=1e-13)
        np.testing.assert_allclose(now.error, float(1 - mean), rtol=1e-13)
        np.testing.assert_allclose(now.accuracy_variance, float(square - mean**2), atol=1e-15)
        np.testing.assert_allclose(now.labels, float(labels), rtol=1e-13)
        labels += told.share * chains.expected_labels(told, law)


# Sampled runs are draws of that law.

ALIKE = 4000
DRAWN = {
    "keep all, labels on every visit": bs.boosting(
        attempts=3, keep="all", criterion=bs.criteria.uniform, labels_per_visit=2, **BOTH
    ),
    "labels of a weight, where few pass": bs.boosting(
        attempts=3, criterion=bs.criteria.below(0.5), label_weight=0.5, **BOTH
    ),
    "answers that persist": bs.boosting(
        attempts=2, filter=NOISY, labeler=bs.WeakLabeler(0.25, persistent=True)
    ),
    "a labeler that drifts": bs.boosting(
        attempts=2, filter=NOISY, labeler=bs.DriftingLabeler(0.75, later=WEAK, between=(1, 3))
    ),
    "verdicts that persist": bs.boosting(
        attempts=2, filter=bs.NoisyFilter(0.125, persistent=True), labeler=WEAK
    ),
    "until accepted, slack": bs.boosting(
        attempts=3, until_accepted=True, learner=bs.StrongLearner(0.25), **BOTH
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_sampled_prompts_are_draws_of_the_law(name):
    """As many prompts as one likes that are alike: their accuracies are so many draws."""
    procedure, visits, iterations = DRAWN[name], 3, 3
    rows = np.tile([0.375, 0.375, 0.25], (ALIKE, 1))
    alike = bs.table_task(np.tile([1, 0, 0], (ALIKE, 1)), initial=rows)
    how = {"key": 11, "visits": visits, "record": "prompt"}
    found = bs.simulate(procedure, alike, iterations, **how).isel(seed=0, iteration=-1)
    # Of verdicts that persist: those of this key.
    key = {"key": 11} if procedure.filter.persistent else {}
    exact = bs.simulate(
        procedure, alike, iterations, visits=visits, exact=True, record=("law", "prompt"), **key
    ).isel(seed=0, iteration=-1)
    value = exact.value.values
    cell = np.abs(found.accuracy.values[:, None] - value).argmin(1)
    assert np.abs(found.accuracy.values - value[cell]).max() < 1e-12
    counts, law = np.bincount(cell, minlength=len(value)), exact.law.values
    if key:
        # Prompts are no longer alike: their mean is near its expectation.
        near = hoeffding("finite_visits_mean", ALIKE)
        assert abs(found.accuracy.values.mean() - exact.accuracy.values.mean()) <= near
        assert (counts[law == 0.0] == 0).all()
        return
    common = law * ALIKE >= 20.0
    counts = [*counts[common], counts[~common].sum()]
    assert_law("finite_visits", counts, [*law[common], law[~common].sum()])
    labels = found.labels_by_prompt.values
    near = hoeffding("finite_visits_mean", ALIKE, 2.0 * iterations)
    assert abs(labels.mean() - exact.labels_by_prompt.values.mean()) <= near
    assert labels.mean() == pytest.approx(float(found.labels))


def test_averages_are_those_of_the_prompts():
    task = bs.table_task([[1, 0]] * 3, [0.5, 0.25, 0.25], [[0.5, 0.5], [0.0, 1.0], [0.9, 0.1]])
    procedure, how = (
        bs.boosting(attempts=2, **BOTH),
        {"visits": 4, "exact": True, "pass_at": (1, 4)},
    )
    whole = bs.simulate(procedure, task, 3, **how)
    each = bs.simulate(procedure, task, 3, record="prompt", **how)
    for name in ("accuracy", "error", "solved", "lost", "pass_at_k"):
        want = (each[name] * each.prompt_weight).sum("prompt")
        np.testing.assert_allclose(whole[name], want.transpose(*whole[name].dims), rtol=1e-14)
    spread = (each.accuracy_variance * each.prompt_weight**2).sum("prompt")
    np.testing.assert_allclose(whole.accuracy_variance, spread, rtol=1e-13)
    np.testing.assert_allclose(each.pass_at_k.sel(k=1), each.accuracy, rtol=1e-14)
    # One of four is right where each is with probability p: an average over the law of p.
    law = bs.simulate(procedure, task, 3, record="law", **how)
    missed = (law.law * (1 - law.value) ** 4).sum("value")
    np.testing.assert_allclose(1 - law.pass_at_k.sel(k=4), missed, rtol=1e-12)


def test_quantiles_are_those_of_the_law():
    procedure, how = bs.boosting(attempts=2, **BOTH), {"visits": 5, "exact": True}
    trace = bs.simulate(procedure, prompt(), 2, record=("law", "quantiles"), **how)
    below = trace.law.cumsum("value")
    for level in trace["quantile"].values:
        at = trace.value[(below >= level - 1e-12).argmax("value")]
        np.testing.assert_array_equal(trace.accuracy_quantiles.sel(quantile=level), at)


def test_verdicts_that_persist_have_a_law_for_each_seed():
    procedure = bs.filter_only(filter=bs.NoisyFilter(0.25, persistent=True), attempts=2)
    task = bs.random_table(1, prompts=4, responses=3, solvable=1.0)
    how = {"visits": 2, "exact": True, "record": "law"}
    several = bs.simulate(procedure, task, 2, seeds=3, key=5, **how)
    assert several.level == "exact at finite visits, given the verdicts"
    np.testing.assert_allclose(several.law.sum("value"), 1.0, rtol=1e-14)
    alone = bs.simulate(procedure, task, 2, seeds=range(1, 2), key=5, **how)
    np.testing.assert_array_equal(alone.accuracy[0], several.accuracy[1])
    assert len(set(several.accuracy[:, -1].values.tolist())) == 3


# What the chain must be, whatever it is of.


@given(
    beta=st.floats(0.0, 1.0),
    gamma=st.floats(0.0, 1.0),
    attempts=st.integers(1, 4),
    visits=st.integers(1, 24),
)
@settings(max_examples=25)
def test_more_right_examples_are_better_in_every_way(beta, gamma, attempts, visits):
    """Boosting, gamma <= 1/2: P(Z' >= j) does not fall as Z rises, for g rises; rows sum to one."""
    procedure = bs.boosting(
        attempts=attempts, filter=bs.NoisyFilter(gamma), labeler=bs.WeakLabeler(beta)
    )
    (chain,) = finite.chains(procedure, prompt(), visits)
    moves = chain.transition
    assert (moves >= 0.0).all()
    np.testing.assert_allclose(moves.sum(1), 1.0, rtol=8 * EPS)
    if gamma <= 0.5:
        below = np.cumsum(moves, axis=1)
        assert (np.diff(below, axis=0) <= 64 * EPS * (visits + 1)).all()


def test_errors_of_1e_30_keep_their_digits():
    helpless = bs.simulate(
        bs.boosting(labeler=bs.WeakLabeler(0.999)), prompt(0.0), 10, visits=5, exact=True
    )
    want = float((1 - F(0.999)) ** 10)
    np.testing.assert_allclose(helpless.error[0, -1], want, rtol=64 * EPS)
    assert want < 1.1e-30


def test_many_visits_tend_to_the_population_at_rate_one_over_v():
    procedure = bs.boosting(attempts=3, **BOTH)
    limit = bs.simulate(procedure, prompt(), 3).error[0, -1].item()
    left = []
    for visits in (64, 128, 256, 512):
        found = bs.simulate(procedure, prompt(), 3, visits=visits, exact=True)
        left.append(visits * (found.error[0, -1].item() - limit))
    # v (E e - e) tends to a constant, with a remainder of the order 1/v: halved each time.
    steps = np.abs(np.diff(left))
    assert abs(left[-1]) > 0.01
    np.testing.assert_allclose(steps[1:] / steps[:-1], 0.5, atol=0.1)


def test_states_are_fractions_and_no_more():
    """Farey: the sum of phi(n) up to 20, and one more."""
    (chain,) = finite.chains(bs.filter_only(filter=NOISY, keep="one"), prompt(), 20)
    fractions = sorted({F(z, n) for n in range(1, 21) for z in range(n + 1)})
    right, wrong = np.array([(each, 1 - each) for each in fractions], float).T
    np.testing.assert_allclose(chain.accuracy, right, rtol=2 * EPS)
    np.testing.assert_allclose(chain.error, wrong, rtol=2 * EPS)


@pytest.mark.parametrize("name", WORLDS)
def test_the_rows_of_a_chain_sum_to_one(name):
    procedure, _, visits = WORLDS[name]
    for chain in finite.chains(procedure, prompt(), visits):
        for whole in (chain.transition.sum(1), chain.start.sum(1) + chain.stay):
            np.testing.assert_allclose(whole, 1.0, rtol=8 * EPS)


# What has no law that could be computed like this.

EVERY = bs.criteria.uniform
UNEVEN = bs.table_task([[1, 0]] * 2, [0.25, 0.75])
REFUSED = {
    "a budget ties prompts together": {"procedure": bs.boosting(budget=0.5, **BOTH)},
    "a share of labels ties prompts": {"procedure": bs.boosting(label_share=0.5, **BOTH)},
    "criterion 'hedge.*' reads more than": {
        "procedure": bs.boosting(criterion=bs.criteria.hedge(), budget=0.5, **BOTH)
    },
    "data that accumulate have ever more states, few enough": {
        "procedure": bs.boosting(regime="accumulate", criterion=EVERY, **BOTH)
    },
    "visits must be so few that what 2 iterations add up to": {
        "procedure": bs.uncurated(regime="accumulate"), "visits": 10**5
    },
    "for data that accumulate have ever more states": {
        "procedure": bs.uncurated(regime="accumulate"), "record": "law"
    },
    "the sharpened row": {"procedure": bs.uncurated(sharpening=bs.Sharpening(temperature=0.5))},
    "StrongLearner goes on from the row before": {
        "procedure": bs.boosting(learner=bs.StrongLearner(step=0.5), **BOTH)
    },
    "PolicyGradient goes on from": {
        "procedure": bs.filter_only(filter=NOISY, learner=bs.PolicyGradient(0.5))
    },
    "what examples weigh changes": {
        "procedure": bs.boosting(label_weight=[0.5, 0.25], **BOTH),
    },
    "record must be left out": {"record": "diversity"},
    "visited_share must be 1 .* where prompt_weights differ": {
        "visited_share": 0.5, "task": UNEVEN
    },
    "visited_share must be above 0": {"visited_share": 0.0},
    "seeds must be 1 in an exact run": {"seeds": 2},
    "visits must be a whole number": {"visits": 0},
    "visits must be so few .* at most 8,192 states.*at most 8191 visits": {"visits": 8192},
    "key must be given where verdicts persist": {
        "procedure": bs.filter_only(filter=bs.NoisyFilter(0.1, persistent=True))
    },
    "visits must be None in an exact run where the task is in tokens": {
        "task": bs.lookup(8, 4), "learner": bs.Transformer()
    },
    "record must be left out where a run is not exact": {"exact": False, "key": 0, "record": "law"},
}  # fmt: skip


@pytest.mark.parametrize("told", REFUSED)
def test_what_has_no_such_law_is_refused_with_what_to_do_instead(told):
    given = {
        "procedure": bs.boosting(**BOTH),
        "task": prompt(),
        "iterations": 2,
        "visits": 3,
        "exact": True,
        **REFUSED[told],
    }
    with pytest.raises(ValueError, match=told) as caught:
        bs.simulate(given.pop("procedure"), given.pop("task"), given.pop("iterations"), **given)
    assert "\n" not in str(caught.value)
    if "exact must be False" in str(caught.value):
        assert "Leave visits out" in str(caught.value)


def test_what_would_fit_is_said():
    procedure = bs.filter_only(attempts=4, filter=NOISY)
    with pytest.raises(ValueError, match="here: at most 40 visits"):
        bs.simulate(procedure, prompt(), 1, visits=100, exact=True)
    assert finite.chains(procedure, prompt(), 10)


def test_chains_of_many_kinds_of_prompts_that_would_not_fit_are_refused(monkeypatch):
    task = bs.random_table(0, prompts=8, responses=4, solvable=0.0)
    rule = bs.boosting(labeler=bs.WeakLabeler(np.linspace(0.1, 0.5, 8)))
    assert bs.simulate(rule, task, 1, visits=9, exact=True).sizes["iteration"] == 2
    # Eight chains of ten states each, entered from one row.
    monkeypatch.setattr("boostsim.arguments.LARGEST", 8 * 10 * 11 - 1)
    with pytest.raises(ValueError, match=r"visits must ask for at most .* each kind of prompt"):
        bs.simulate(rule, task, 1, visits=9, exact=True)


def test_other_numbers_of_visits_are_no_other_programs():
    """Up to 1,024 models share a program; what is added to reach that many changes no number."""
    task = bs.random_table(3, prompts=7, responses=3)
    procedure = bs.boosting(filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3), attempts=2)
    bs.simulate(procedure, task, 3, visits=2, exact=True)
    before = visiting._seen._cache_size(), finite._after._cache_size()
    for visits in (1, 3, 5):
        bs.simulate(procedure, task, 3, visits=visits, exact=True)
    assert (visiting._seen._cache_size(), finite._after._cache_size()) == before


def test_models_are_padded_by_copies(monkeypatch):
    procedure = bs.boosting(filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3), attempts=2)

    def run():
        before = visiting._seen._cache_size()
        task = bs.random_table(3, prompts=7, responses=3)
        trace = bs.simulate(procedure, task, 4, visits=4, exact=True)
        return trace, visiting._seen._cache_size() - before

    once, _ = run()
    monkeypatch.setattr(visiting, "LEAST", 1)
    again, programs = run()
    assert programs > 0
    assert again.identical(once)
