"""Exact (lumped), exact (dense), sampled and literal agree pairwise over drawn worlds."""

import math

import dense
import draw
import enumeration
import jax
import literal
import numpy as np
import pytest
from alarms import alpha, assert_share
from hypothesis import given, settings
from scipy.special import xlogy

import boostsim as bs
from boostsim.simulation.tables import exact, persistence
from boostsim.simulation.tables.population import attempt
from boostsim.simulation.tables.prepare import prepare
from boostsim.simulation.tables.state import masses

EPS = np.finfo(np.float64).eps


def run_dense(procedure, task, iterations, key):
    verdicts = None
    if procedure.filter.persistent:
        drawn = procedure, task, jax.random.fold_in(jax.random.key(key), 0)
        anew, _ = literal.rates(getattr(procedure.filter, "fresh", procedure.filter), task.quality)
        verdicts = np.where(persistence.staying(*drawn), persistence.verdicts(*drawn), anew)
    procedure, task, verdicts = dense.realise(procedure, task, verdicts)
    rows, labels, data = task.initial, [0.0], [task.initial.copy()]
    correct, wrong, diversity, entropy = [], [], [], []
    for iteration in range(iterations + 1):
        if iteration:
            rows, bought = dense.iterate(procedure, task, rows, data, verdicts)
            labels.append(labels[-1] + bought)
        correct.append((rows * task.quality).sum(1) @ task.prompt_weights)
        wrong.append((rows * (1 - task.quality)).sum(1) @ task.prompt_weights)
        diversity.append((1 - (rows**2).sum(1)) @ task.prompt_weights)
        entropy.append(-xlogy(rows, rows).sum(1) @ task.prompt_weights)
    return correct, wrong, diversity, entropy, labels


def lumped_like_dense(world):
    """Relative error at most 16 eps m sum_s (2k + 2)^s: each mass is a quotient of sums of products
    in which an earlier mass occurs to a power of at most k above and below, twice that after the
    square of a temperature of 1/2, and twice that where labels have a share of the mixture, for one
    weighs a quotient of two such sums. Where a budget is shared it enters by a difference, so there
    the error is absolute, per weight of a prompt."""
    task, procedure = world
    iterations, key = 4, 17
    trace = bs.simulate(procedure, task, iterations, record="diversity", key=key)
    correct, wrong, diversity, entropy, labels = run_dense(procedure, task, iterations, key)
    power = 2.0 if procedure.sharpening is not None else 1.0
    power *= 2.0 if procedure.label_share is not None else 1.0
    growth = np.cumsum((power * (2.0 * procedure.attempts + 2.0)) ** np.arange(iterations + 1))
    tolerance = 16 * EPS * task.responses * growth
    for name, want in (("accuracy", correct), ("error", wrong), ("labels", labels)):
        scale = np.asarray(want)
        if procedure.budget is not None:
            scale = np.maximum(scale, 1.0 / task.prompt_weights.min())
        assert (np.abs(trace[name].values[0] - want) <= tolerance * scale).all(), name
    scale = 1.0 / task.prompt_weights.min()
    assert (np.abs(trace.diversity.values[0] - diversity) <= tolerance * scale).all()
    # The same arithmetic with every response a class of its own, for entropy.
    whole = bs.simulate(procedure, task, iterations, record=("diversity", "entropy"), key=key)
    assert (np.abs(whole.diversity.values[0] - diversity) <= tolerance * scale).all()
    assert (np.abs(whole.entropy.values[0] - entropy) <= 1e3 * tolerance * scale).all()
    assert (np.abs(whole.accuracy - trace.accuracy).values <= tolerance * scale).all()


@given(draw.worlds(all_slots=True))
@settings(max_examples=2)
def test_the_lumped_step_is_the_dense_one(world):
    lumped_like_dense(world)


@given(draw.worlds(all_slots=True))
@settings(max_examples=30)
def test_in_many_worlds_the_lumped_step_is_the_dense_one(world):
    lumped_like_dense(world)


def one_step_tolerance(test, procedure, task, visits, labels):
    """How far the correct share of a prompt's examples can lie from the population's.

    With g the population's share, sum over visits of (correct - g examples) is a sum of independent
    terms of mean zero within +-(k + 1); the deviation is that sum over the number of examples, and
    the examples are at least half their expectation unless a second Hoeffding bound fails.
    """
    level = alpha(test, task.prompts)
    radius = (procedure.attempts + 1) * math.sqrt(2.0 * math.log(4.0 / level) / visits)
    mass = np.stack(
        [(task.initial * task.quality).sum(1), (task.initial * (1 - task.quality)).sum(1)]
    )
    accepted = np.array(procedure.filter.accept) @ mass
    rejected = np.array(procedure.filter.reject) @ mass
    k = procedure.attempts
    kept = 1 - rejected**k if procedure.keep == "one" else k * accepted
    # Other data add examples that are not drawn: they only dilute the deviation.
    others = {"replace": 0.0, "accumulate": 1.0, "anchor": procedure.trained_on.real_share}
    examples = kept + labels + others[procedure.trained_on.name]
    known = examples >= 2 * radius
    return np.where(known, radius / np.where(known, examples / 2, 1.0), 1.0)


def expected_labels(procedure, task):
    """L of each prompt where no budget couples them, by enumeration."""
    if procedure.labeler is None:
        return np.zeros(task.prompts)
    k = procedure.attempts
    mass = np.stack(
        [(task.initial * task.quality).sum(1), (task.initial * (1 - task.quality)).sum(1)]
    )
    accepted = np.array(procedure.filter.accept) @ mass
    rejected = np.array(procedure.filter.reject) @ mass
    labelled = literal.priorities(procedure, np.arange(k + 1), k) > 0
    return sum(
        math.comb(k, j) * accepted**j * rejected ** (k - j) for j in range(k + 1) if labelled[j]
    ) + np.zeros(task.prompts)


def sampled_like_exact(world):
    task, procedure = world
    visits = 10**12
    population = bs.simulate(procedure, task, 1, record="prompt")
    sampled = bs.simulate(procedure, task, 1, visits=visits, key=7, record="prompt")
    labels = expected_labels(procedure, task)
    tolerance = one_step_tolerance("sampled_against_exact", procedure, task, visits, labels)
    gap = np.abs(sampled.accuracy - population.accuracy).values[0, 1]
    assert (gap <= tolerance + 1e-12).all(), (gap, tolerance)
    assert abs(float(sampled.labels[0, 1] - population.labels[0, 1])) <= 1e-4


@given(draw.worlds(budgets=False))
@settings(max_examples=2)
def test_many_visits_are_the_population(world):
    sampled_like_exact(world)


@given(draw.worlds(budgets=False))
@settings(max_examples=15)
def test_in_many_worlds_many_visits_are_the_population(world):
    sampled_like_exact(world)


def literal_like_exact(world):
    """Its counts are exactly binomial with the exact step's own numbers, and these make its p'.

    On a prompt: how many responses were kept, how many visits labelled, and given these how many of
    either were right.
    """
    task, procedure = world
    visits, test = 1500, "literal_against_exact"
    tally, data = {}, [visits * task.initial]
    literal.iterate(np.random.default_rng(3), procedure, task, task.initial, visits, data, tally)
    with jax.enable_x64(True):
        structure, parameters = prepare(procedure, task, sampled=False)
        mass = masses(exact.init(structure, parameters))
        seen = attempt(structure, parameters, mass)
        accepted, kept, gain = (
            np.asarray(value) for value in (seen.accepted, seen.kept, seen.gain)
        )
        right = np.asarray(mass * parameters.accept)[0]
    labels = expected_labels(procedure, task)
    beta = np.zeros(task.prompts)
    if procedure.labeler is not None:
        beta = procedure.labeler.masses_for(task.quality)[0]
    quality = task.quality
    drawn = visits * procedure.attempts if procedure.keep == "all" else visits
    chance = accepted if procedure.keep == "all" else kept
    for x in range(task.prompts):
        found, labelled = tally["kept"][x], tally["labelled"][x]
        assert_share(test, found.sum(), drawn, chance[x])
        assert_share(test, labelled.sum(), visits, labels[x])
        if accepted[x] > 0:
            assert_share(test, found @ quality[x], found.sum(), right[x] / accepted[x])
        assert_share(test, labelled @ quality[x], labelled.sum(), beta[x])
    # The exact step's next model is the quotient of these expectations.
    after = bs.simulate(procedure, task, 1, record="prompt").accuracy.values[0, 1]
    others = {
        "replace": np.zeros(task.prompts),
        "accumulate": np.ones(task.prompts),
        "anchor": np.full(task.prompts, procedure.trained_on.real_share),
    }[procedure.trained_on.name]
    before = (task.initial * quality).sum(1)
    real = np.ones(task.prompts) if procedure.trained_on.name == "anchor" else before
    size = kept + labels + others
    share = (gain * right + labels * beta + others * real) / np.where(size > 0, size, 1.0)
    slack = procedure.learner.slack
    noise = (procedure.learner.noise_rows_for(quality) * quality).sum(1)
    want = np.where(size > 0, (1 - slack) * share + slack * noise, before)
    assert after == pytest.approx(want, abs=1e-13)


@given(draw.worlds(budgets=False))
@settings(max_examples=3)
def test_the_literal_simulator_has_the_law_of_the_exact_step(world):
    literal_like_exact(world)


@given(draw.worlds(budgets=False))
@settings(max_examples=10)
def test_in_many_worlds_the_literal_simulator_has_the_law_of_the_exact_step(world):
    literal_like_exact(world)


def sampled_like_enumerated(world):
    """The new correct mass of a prompt, over 100,000 independent copies of it."""
    task, procedure = world
    labeler = procedure.labeler
    procedure = bs.Procedure(
        attempts=min(procedure.attempts, 2),
        filter=procedure.filter,
        keep=procedure.keep,
        criterion=procedure.criterion,
        labeler=labeler and bs.WeakLabeler(labeler.masses_for(task.quality)[0, 0]),
    )
    one = bs.table_task(task.quality[:1], initial=task.initial[:1])
    copies = 100_000
    many = bs.table_task(
        np.repeat(one.quality, copies, 0), initial=np.repeat(one.initial, copies, 0)
    )
    law = enumeration.accuracy_law(procedure, one, visits=3)
    trace = bs.simulate(procedure, many, 1, visits=3, key=11, record="prompt")
    enumeration.assert_accuracies("sampled_against_enumeration", trace.accuracy[0, 1], law)


@given(draw.worlds(budgets=False))
@settings(max_examples=2)
def test_sampled_steps_have_the_law_of_every_outcome_enumerated(world):
    sampled_like_enumerated(world)


@given(draw.worlds(budgets=False))
@settings(max_examples=8)
def test_in_many_worlds_sampled_steps_have_the_law_of_every_outcome_enumerated(world):
    sampled_like_enumerated(world)


def test_a_seed_is_the_same_alone_and_in_any_batch():
    task = bs.random_table(1, prompts=37)
    procedure = bs.boosting(
        attempts=3, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3), budget=0.2
    )
    run = lambda seeds: bs.simulate(procedure, task, 5, visits=7, seeds=seeds, key=5)  # noqa: E731
    many, few = run(6), run(2)
    assert many.isel(seed=slice(0, 2)).identical(few)
    # Seed 4 by hand, from the public step alone.
    with jax.enable_x64(True):
        loop = bs.kernel(procedure, task, visits=7)
        state, key = loop.init(), jax.random.fold_in(jax.random.key(5), 4)
        for iteration in range(5):
            state, _ = jax.jit(loop.step)(jax.random.fold_in(key, iteration), state)
        accuracy = np.asarray(state.mass)[0, 0]
    again = bs.simulate(procedure, task, 5, visits=7, seeds=5, key=5, record="prompt")
    assert (again.accuracy.values[4, 5] == accuracy).all()


def test_steps_batch_under_vmap_like_one_by_one():
    task = bs.random_table(1, prompts=11)
    procedure = bs.random_labels(rate=0.5, attempts=2, labeler=bs.WeakLabeler(0.3))
    with jax.enable_x64(True):
        loop = bs.kernel(procedure, task, visits=5)
        keys = jax.random.split(jax.random.key(0), 4)
        batch, _ = jax.vmap(loop.step, (0, None))(keys, loop.init())
        for index, key in enumerate(keys):
            alone, _ = loop.step(key, loop.init())
            assert (np.asarray(alone.mass) == np.asarray(batch.mass[index])).all()


def test_the_global_precision_switch_stays_as_it_was():
    bs.simulate(bs.uncurated(), bs.random_table(0, prompts=3), 1)
    assert not jax.config.read("jax_enable_x64")
