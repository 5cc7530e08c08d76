"""Allocation, criteria, filters, labelers and presets."""

import dataclasses
import functools
import subprocess
import sys
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import literal
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

import boostsim as bs
from boostsim.curation.allocation import label_probability
from boostsim.curation.criterion import example, is_own_rule
from boostsim.curation.presets import PRESETS
from boostsim.curation.truth import Truth
from boostsim.keys import as_key
from boostsim.objects import _arrays
from boostsim.simulation.tables.population import attempt_weights
from boostsim.tasks.table import TableTask

allocate = jax.jit(label_probability, static_argnums=3)
# Always as many cells: a new shape is a new program.
cells = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=6, max_size=6).filter(
    lambda rows: sum(mass for _, mass in rows) > 0
)


@given(rows=cells, budget=st.integers(0, 12).map(lambda n: n / 10))
def test_allocation_against_the_words(rows, budget):
    priority, mass = np.array(rows, float).T
    mass /= mass.sum()
    for rule in ("ranked", "proportional"):
        want = literal.label_probabilities(priority, mass, budget, rule)
        with jax.enable_x64(True):
            found = np.asarray(
                allocate(jnp.asarray(priority), jnp.asarray(mass), jnp.asarray(budget), rule)
            )
        eligible = mass[priority > 0].sum()
        assert mass @ found == pytest.approx(min(budget, eligible), abs=1e-12)
        assert (found[priority == 0] == 0).all()
        # Where a cell has no mass its probability does not matter.
        assert found[mass > 0] == pytest.approx(want[mass > 0], abs=1e-9)
        if rule == "ranked":
            order = np.argsort(-priority)
            assert (np.diff(found[order]) <= 1e-12).all()


@given(rows=cells, budget=st.integers(0, 10).map(lambda n: n / 10))
def test_splitting_a_cell_padding_and_scale_change_nothing(rows, budget):
    priority, mass = np.array(rows, float).T
    mass /= mass.sum()
    with jax.enable_x64(True):
        for rule in ("ranked", "proportional"):
            run = lambda p, m: np.asarray(  # noqa: E731
                allocate(jnp.asarray(p), jnp.asarray(m), jnp.asarray(budget), rule)  # noqa: B023
            )
            once = run(priority, mass)
            split = run(np.r_[priority, priority[0]], np.r_[mass[0] / 2, mass[1:], mass[0] / 2])
            padded = run(np.r_[priority, 9.0], np.r_[mass, 0.0])
            scaled = run(priority * 2.0**500, mass)
            here = mass > 0
            assert split[:-1][here] == pytest.approx(once[here], abs=1e-12)
            assert split[-1] == split[0]
            assert padded[:-1][here] == pytest.approx(once[here], abs=1e-12)
            assert scaled[here] == pytest.approx(once[here], abs=1e-12)


LEVELS = [[0.0, 0.7, 0.0], [1.0, 1.0, 1.0], [0.2, 0.0, 0.9], [0.0, 0.0, 0.0]]


@jax.enable_x64(True)
def test_one_priority_for_many_cells_is_that_of_each():
    """To the last bit, also where all that are eligible tie and nothing is searched."""
    mass = jnp.asarray(np.random.default_rng(0).dirichlet(np.ones(15_000)).reshape(3, 5000))

    @jax.jit
    def both(levels, budget):
        once = levels[:, None]
        each = jax.lax.optimization_barrier(jnp.broadcast_to(once, mass.shape))
        return [label_probability(given, mass, budget, "ranked") for given in (once, each)]

    for levels in LEVELS:
        eligible = float(np.asarray(mass)[np.array(levels) > 0.0].sum())
        for budget in (0.0, 0.1 * eligible, 0.9 * eligible, 1.0):
            once, each = both(jnp.asarray(levels), jnp.asarray(budget))
            assert np.array_equal(once, each)
            assert float(jnp.sum(mass * once)) == pytest.approx(min(budget, eligible), abs=1e-12)


def test_allocation_in_single_precision():
    found = label_probability(
        jnp.array([3.0, 1e-30, 0.0]), jnp.array([0.25, 0.5, 0.25]), jnp.array(0.5), "ranked"
    )
    assert found.dtype == jnp.float32
    assert found.tolist() == [1.0, 0.5, 0.0]


def test_what_a_criterion_reads_is_found_out():
    @bs.criterion
    def mixed(visits):
        return jnp.where(visits.accepted == 0, visits.mass, 0.0) + 0 * visits.group

    assert bs.criteria.failed.reads(4) == {"accepted"}
    assert bs.criteria.uniform.reads(4) == frozenset()
    assert mixed.reads(4) == {"accepted", "mass", "group"}
    assert mixed.priority_by_accepted(4) is None
    assert bs.criteria.failed.priority_by_accepted(3).tolist() == [1, 0, 0, 0]


def test_a_criterion_that_looks_across_cells_is_asked_each_time():
    """What reads J alone need not be a function of J alone: it may sum, or count, the cells."""

    @bs.criterion
    def relative(visits):
        return jnp.maximum(0.2 - visits.accepted / jnp.sum(visits.accepted), 0.0)

    @bs.criterion
    def first_two(visits):
        return jnp.where(jnp.arange(visits.mass.shape[0]) < 2, 1.0, 0.0)

    for rule in (relative, first_two):
        assert rule.reads(2) <= {"accepted"}
        assert rule.priority_by_accepted(2) is None
    task = bs.random_table(0, prompts=4)
    also = bs.criterion(lambda visits: relative.function(visits) + 0.0 * visits.mass)
    runs = [
        bs.simulate(bs.boosting(attempts=2, labeler=bs.WeakLabeler(0.3), criterion=each), task, 2)
        for each in (relative, also)
    ]
    assert (runs[0].labels.values == runs[1].labels.values).all()


def test_priorities_are_double_before_the_run_and_in_it():
    @bs.criterion
    def tiny(visits):
        return 1e-50 * (1.0 - visits.pass_rate)

    assert tiny.priority_by_accepted(2).tolist() == [1e-50, 5e-51, 0.0]


@pytest.mark.parametrize(
    ("priority", "mass", "budget", "want"),
    [
        ([1.0, 1e-300], [0.5, 0.5], 0.75, [1.0, 0.5]),
        ([1e300, 1e-300], [0.5, 0.5], 0.75, [1.0, 0.5]),
        ([1e300, 1.0, 1e-300], [0.25, 0.25, 0.5], 0.75, [1.0, 1.0, 0.5]),
    ],
)
def test_proportional_over_hundreds_of_orders(priority, mass, budget, want):
    with jax.enable_x64(True):
        arrays = (jnp.asarray(array) for array in (priority, mass, budget))
        assert np.asarray(allocate(*arrays, "proportional")) == pytest.approx(want)


def test_nothing_comes_from_nothing_however_many_visits():
    """T13 where a row sums to one only up to rounding: no phantom example."""
    row = np.full((1, 500), 1 / 499)
    row[0, 0] = 0.0
    tasks = [
        bs.random_table(0, prompts=500, solvable=0.0),
        # As many, so that one program serves both.
        bs.table_task(np.tile(np.eye(1, 500), (500, 1)), initial=np.tile(row, (500, 1))),
    ]
    for task in tasks:
        for procedure in (bs.filter_only(attempts=3), bs.boosting(labeler=bs.WeakLabeler(0.0))):
            found = bs.simulate(procedure, task, 4, visits=10**15, key=0)
            assert (found.coverage == 0).all()


@pytest.mark.parametrize("attempts", [3, 32, 33, 1000])
def test_the_law_of_the_count_is_binomial_however_it_is_computed(attempts):
    """Each weight is a coefficient and up to k products of its own: k eps, relatively."""
    chance = np.array([1e-3, 0.25, 0.5, 0.9])
    with jax.enable_x64(True):
        got = np.asarray(attempt_weights(jnp.asarray(chance), jnp.asarray(1.0 - chance), attempts))
    want = binom.pmf(np.arange(attempts + 1)[:, None], attempts, chance)
    # SciPy's own logarithms lose some digits of the rarest counts.
    seen = want > 1e-250
    assert got[seen] == pytest.approx(want[seen], rel=1e-9)
    assert got.sum(0) == pytest.approx(1.0, abs=2 * attempts * np.finfo(float).eps)


def test_a_fingerprint_is_that_of_the_program_wherever_it_is_taken():
    """The same in another process, and where IPython would colour what is printed."""
    script = "import boostsim as bs; print(bs.criteria.failed.fingerprint(4))"
    coloured = "import IPython; IPython.get_ipython = lambda: type('Shell', (), {})();" + script
    found = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        for code in (script, coloured)
    ]
    assert found == [bs.criteria.failed.fingerprint(4)] * 2
    other = bs.criterion(lambda visits: 2.0 * (visits.accepted == 0))
    assert other.fingerprint(4) != found[0]


def test_arrays_count_in_a_fingerprint_however_deep_they_stand():
    """The text of a program does not show the arrays of programs that it calls."""

    def made(weights):
        by_count = jnp.asarray(weights)
        return bs.criterion(jax.jit(lambda visits: by_count[visits.accepted]))

    one, again, other = (made(weights).fingerprint(2) for weights in ([1, 2], [1, 2], [1, 3]))
    assert one == again
    assert one != other


def test_a_program_that_is_its_own_inside_is_gone_through_once():
    """As they are from JAX 0.12 on; before, one kind of program held another."""

    def one(consts, called=()):
        made = SimpleNamespace(consts=consts, eqns=[])
        made.jaxpr = made
        made.eqns = [SimpleNamespace(params={"jaxpr": each, "length": 3}) for each in called]
        return made

    assert _arrays(one([1, 2], [one([3]), one([])])) == [1, 2, 3]


def test_every_criterion_is_asked_alike_and_has_no_memory_unless_it_remembers():
    with jax.enable_x64(True):
        seen = example(np.array([0, 1, 2]), 2)
        for rule in (bs.criteria.failed, bs.criteria.below(0.7), bs.criteria.oracle):
            assert rule.init(3) is None
            assert rule.learned(None, seen, seen.mass, seen.mass) is None
            truth = Truth(seen.mass, seen.mass)
            assert (rule.ask(None, seen, None, truth) == rule(seen, truth)).all()
        rule = bs.criteria.hedge()
        memory = rule.init(3)
        assert (rule.ask(memory, seen, as_key(0)) == rule(seen)).all()
        assert rule.learned(memory, seen, seen.mass, seen.mass)[2] < 0.0


def test_many_attempts_with_counts_that_matter():
    procedure = bs.boosting(
        attempts=1000, keep="all", filter=bs.NoisyFilter(0.3), labeler=bs.WeakLabeler(0.3)
    )
    found = bs.simulate(procedure, bs.random_table(0, prompts=3), 3)
    assert np.isfinite(found.accuracy).all()


def test_an_iteration_without_visits_costs_nothing():
    task = bs.table_task(np.tile([1, 0], (5, 1)), initial=np.tile([0.0, 1.0], (5, 1)))
    procedure = bs.boosting(labeler=bs.WeakLabeler(0.0))
    found = bs.simulate(procedure, task, 300, visits=1, visited_share=0.01, key=0)
    # Every visit fails and is labelled: one generation, one filter call, one label.
    assert found.labels.values == pytest.approx(found.generations.values, abs=1e-9)
    assert found.filter_calls.values == pytest.approx(found.generations.values)
    assert 0 < found.generations.values[0, -1] < 60


def test_a_criterion_asked_each_time_sees_the_documented_cells():
    seen = {}

    @bs.criterion
    def spy(visits):
        if not isinstance(visits.mass, jax.core.Tracer):
            seen.update({name: np.asarray(value) for name, value in vars(visits).items()})
        return visits.mass

    task = bs.random_table(0, prompts=3)
    with jax.enable_x64(True):
        loop = bs.kernel(bs.boosting(attempts=2, labeler=bs.WeakLabeler(0.5), criterion=spy), task)
        loop.step(None, loop.init())
    names = {field.name for field in dataclasses.fields(bs.Visits)}
    assert {name: value.shape for name, value in seen.items()} == dict.fromkeys(names, (9,))
    assert seen["mass"].sum() == pytest.approx(1.0)
    assert (seen["prompt"] == seen["group"]).all()
    assert seen["prompt"].tolist() == [0, 1, 2] * 3
    assert (seen["attempts"] == 2).all()
    assert seen["pass_rate"].tolist() == [0, 0, 0, 0.5, 0.5, 0.5, 1, 1, 1]
    p = (task.initial * task.quality).sum(1)
    law = np.concatenate([(1 - p) ** 2, 2 * p * (1 - p), p**2]) / 3
    # The filter is perfect: an attempt is accepted where it is correct.
    assert seen["mass"] == pytest.approx(law)


def test_disagreement_is_the_models_own_diversity():
    @bs.criterion
    def unsure(visits):
        return visits.disagreement

    task = bs.random_table(0, prompts=5)
    procedure = bs.boosting(labeler=bs.WeakLabeler(0.5), criterion=unsure, budget=0.2)
    # Ranked by disagreement with a budget for one prompt's visits: the most diverse row moves.
    before = bs.simulate(procedure, task, 1, record="prompt")
    unlabelled = bs.simulate(bs.filter_only(keep="one"), task, 1, record="prompt")
    moved = np.abs(before.accuracy - unlabelled.accuracy).values[0, 1] > 1e-12
    most = np.argmax(1 - (task.initial**2).sum(1))
    assert moved[most]
    assert moved.sum() == 1


@pytest.mark.parametrize("attempts", [1, 2, 3, 7, 16, 100])
def test_geometric_sums_against_fractions(attempts):
    from fractions import Fraction

    from boostsim.simulation.tables.population import geometric

    for ratio in (0.0, 1e-200, 0.3, 1 - 1e-12, 1.0):
        with jax.enable_x64(True):
            power, total = geometric(jnp.asarray(ratio), attempts)
        exact = [Fraction(ratio) ** j for j in range(attempts + 1)]
        assert float(total) == pytest.approx(float(sum(exact[:-1])), rel=1e-13)
        if float(exact[-1]) > 1e-300:
            assert float(power) == pytest.approx(float(exact[-1]), rel=1e-12)


def test_filters_carry_both_probabilities():
    for filt in (bs.NoisyFilter(1e-200), bs.NoisyFilter(0.2, votes=5), bs.AcceptAll()):
        for accept, reject in zip(filt.accept, filt.reject, strict=True):
            assert accept + reject == pytest.approx(1.0, abs=1e-15)
    assert bs.NoisyFilter(1e-200).accept[1] == 1e-200
    assert bs.NoisyFilter(1e-100, votes=3).reject[0] == pytest.approx(3e-200, rel=1e-12, abs=0.0)
    two = bs.NoisyFilter(false_accept=0.3, false_reject=0.1)
    assert two.accept == (0.9, 0.3)


@pytest.mark.parametrize("wrong", ["spread", "concentrated"])
def test_labelers_have_the_mass_they_promise(wrong):
    task = bs.random_table(0, prompts=6, responses=5, correct=2)
    beta = np.linspace(0, 1, 6)
    labeler = bs.WeakLabeler(beta, wrong=wrong)
    rows = labeler.rows_for(task.quality)
    assert rows.sum(1) == pytest.approx(np.ones(6))
    assert (rows * task.quality).sum(1) == pytest.approx(beta)
    assert labeler.masses_for(task.quality) == pytest.approx(np.stack([beta, 1 - beta]))
    assert ((rows > 0) & (task.quality == 0)).sum(1).max() == (1 if wrong == "concentrated" else 3)
    again = bs.WeakLabeler(rows=rows, beta=beta)
    assert again.masses_for(task.quality) == pytest.approx(labeler.masses_for(task.quality))


def test_random_tables_are_as_described():
    task = bs.random_table(3, prompts=1000, responses=6, correct=2, solvable=0.7)
    assert isinstance(task, TableTask)
    assert (task.quality.sum(1) == 2).all()
    assert ((task.initial * task.quality).sum(1) > 0).sum() == 700
    assert task.initial.sum(1) == pytest.approx(np.ones(1000))
    assert bs.random_table(3, prompts=5).fingerprint == bs.random_table(3, prompts=5).fingerprint
    assert bs.random_table(3, prompts=5).fingerprint != bs.random_table(4, prompts=5).fingerprint
    with pytest.raises(ValueError, match="read-only"):
        task.initial[0, 0] = 1.0


def test_presets_are_settings_of_the_same_slots():
    labeler = bs.WeakLabeler(0.2)
    needs = {"boosting": {}, "labels_only": {}, "random_labels": {"rate": 0.1}}
    for name, make in PRESETS.items():
        extra = {"labeler": labeler, **needs[name]} if name in needs else {}
        if name == "best_of_n":
            extra = {"scores": [1.0, 0.0]}
        assert isinstance(make(**extra), bs.Procedure)
        assert getattr(bs, name) is make
    assert bs.star(labeler=labeler) == bs.boosting(labeler=labeler)
    assert bs.rest_em(attempts=4) == bs.filter_only(attempts=4, keep="all")
    assert bs.raft(attempts=4) == bs.filter_only(attempts=4, keep="one")
    best = bs.best_of_n(attempts=4, scores=[1.0, 0.0])
    assert best == bs.raft(attempts=4, scores=[1.0, 0.0])
    assert best == bs.filter_only(attempts=4, filter=None, keep="best", scores=[1.0, 0.0])
    sure = bs.NoisyFilter(0.0)
    assert bs.raft(filter=sure, scores=[1.0, 0.0]).filter == sure


def test_costs_count_what_was_done():
    # The first program of test_recorded.
    task = bs.random_table(0, prompts=30)
    labeler = bs.WeakLabeler(0.2)
    filt = bs.NoisyFilter(0.1, votes=3)
    trace = bs.simulate(bs.boosting(attempts=3, filter=filt, labeler=labeler), task, 5)
    assert trace.generations.values[0].tolist() == [0, 3, 6, 9, 12, 15]
    assert trace.filter_calls.values[0].tolist() == [0, 9, 18, 27, 36, 45]
    free = bs.simulate(bs.uncurated(attempts=2), task, 2)
    assert free.filter_calls.values[0].tolist() == [0, 0, 0]
    assert free.generations.values[0].tolist() == [0, 2, 4]
    labels = bs.simulate(bs.labels_only(labeler=labeler), task, 2)
    assert labels.generations.values[0].tolist() == [0, 0, 0]
    assert labels.labels.values[0] == pytest.approx([0, 1, 2])


def test_what_is_remembered_of_a_built_in_rule_is_nobodys_to_change():
    given = bs.criteria.failed.priority_by_accepted(3)
    given[:] = 7.0
    assert bs.criteria.failed.priority_by_accepted(3).tolist() == [1, 0, 0, 0]


def test_a_rule_of_ones_own_is_asked_each_time_whatever_wraps_it():
    least = [1]

    @functools.wraps(bs.criteria.failed.function)
    def mine(visits):
        return jnp.where(visits.accepted < least[0], 1.0, 0.0)

    inner = bs.criterion(mine)
    rules = inner, bs.Criterion(inner), bs.criterion(inner)
    task = bs.random_table(0, prompts=5)
    for count in (1, 2):
        least[0] = count
        wanted = [1.0] * count + [0.0] * (4 - count)
        labels = set()
        for rule in rules:
            assert rule.priority_by_accepted(3).tolist() == wanted
            labeler = bs.WeakLabeler(0.5)
            trace = bs.simulate(bs.boosting(attempts=3, labeler=labeler, criterion=rule), task, 1)
            labels.add(float(trace.labels[0, 1]))
        assert len(labels) == 1
    assert all(is_own_rule(rule) for rule in rules)
    assert not is_own_rule(bs.criteria.failed)
