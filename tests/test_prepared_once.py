"""What a task alone decides is kept with it: a second run does not go over its table again."""

import jax
import numpy as np
import pytest

import boostsim as bs
from boostsim.curation import behaviour
from boostsim.simulation.tables import collisions
from boostsim.simulation.tables.prepare import prepare

FILTER = bs.NoisyFilter(0.1)


class Counted(np.ndarray):
    """A table that counts how often it, or what is made of it, is summed over."""

    sums = 0

    def sum(self, *arguments, **named):
        """Count, and sum."""
        Counted.sums += 1
        return np.asarray(super().sum(*arguments, **named))


@pytest.fixture
def task():
    task = bs.random_table(0, prompts=50, responses=4)
    for name in ("quality", "initial"):
        object.__setattr__(task, name, getattr(task, name).view(Counted))
    Counted.sums = 0
    return task


def procedures():
    """Return procedures that differ in all but the task."""
    for beta in (0.2, 0.3):
        for attempts in (1, 2):
            labeler = bs.WeakLabeler(beta)
            yield bs.boosting(attempts=attempts, filter=FILTER, labeler=labeler)


@pytest.mark.parametrize("sampled", [{}, {"visits": 3, "key": 0}], ids=["exact", "sampled"])
def test_the_second_run_on_a_task_sums_nothing_of_its_table(task, sampled):
    first, *others = procedures()
    bs.simulate(first, task, 1, **sampled)
    assert 0 < Counted.sums <= 4
    Counted.sums = 0
    for procedure in others:
        bs.simulate(procedure, task, 1, **sampled)
    assert Counted.sums == 0


def together(task):
    """What runs many procedures, or seeds, on a task."""
    challenge = {"one": bs.Challenge(task, bs.WeakLabeler(0.3))}
    rules, few = [bs.criteria.failed, bs.criteria.uniform], {"iterations": 2, "visits": 2}
    yield "compare", lambda: bs.compare(rules, challenge, seeds=3, **few)
    yield "race", lambda: bs.race(rules, challenge, most_seeds=6, batch=2, **few)
    over = {"attempts": [1, 2], "beta": [0.2, 0.3, 0.4]}
    yield "sweep", lambda: bs.sweep(next(procedures()), task, 2, over=over)


@pytest.mark.parametrize("place", range(3), ids=["compare", "race", "sweep"])
def test_what_runs_many_on_a_task_sums_its_table_once(task, place):
    name, run = list(together(task))[place]
    run()
    assert 0 < Counted.sums <= 4, name


def test_the_numbers_are_those_of_a_task_that_is_new():
    for procedure in procedures():
        same = bs.random_table(0, prompts=50, responses=4)
        again = [bs.simulate(procedure, same, 1).error.values for _ in range(2)]
        assert np.array_equal(*again)


def test_numbers_of_another_size_are_put_there_without_a_program(caplog):
    """Asked for an array of NumPy's, JAX compiles a program for each shape."""
    procedure = next(procedures())
    with jax.enable_x64(True):
        prepare(procedure, bs.random_table(0, prompts=7), sampled=False)
        behaviour._visits(4, 5, 3, 0)
        with jax.log_compiles():
            prepare(procedure, bs.random_table(0, prompts=8), sampled=False)
            behaviour._visits(4, 6, 3, 0)
            assert "Compiling" not in caplog.text
            jax.numpy.full(4099, 0.5).block_until_ready()
            assert "Compiling" in caplog.text


@pytest.fixture
def asked(monkeypatch):
    """The shapes of the tables that labelers make rows for."""
    shapes, rows_for = [], bs.WeakLabeler.rows_for

    def counted(labeler, quality):
        shapes.append(quality.shape)
        return rows_for(labeler, quality)

    monkeypatch.setattr(bs.WeakLabeler, "rows_for", counted)
    return shapes


def test_the_second_measure_of_diversity_makes_no_rows(task, asked):
    def diversity(filter, labeler):
        procedure = bs.boosting(filter=filter, labeler=labeler)
        return bs.simulate(procedure, task, 1, record=("diversity",)).diversity.values

    weak, other = bs.WeakLabeler(0.2), bs.WeakLabeler(0.2, wrong="concentrated")
    first = diversity(FILTER, weak)
    assert asked
    assert Counted.sums
    asked.clear()
    Counted.sums = 0
    again = diversity(FILTER, bs.WeakLabeler(0.2))
    diversity(bs.NoisyFilter(0.2), weak)
    assert not asked
    assert not Counted.sums
    assert np.array_equal(first, again)
    # What decides them is another thing.
    assert not np.array_equal(first, diversity(FILTER, other))
    assert asked


def test_rows_are_made_in_blocks_that_a_cache_holds(asked, monkeypatch):
    """No copy of the table, and bit for bit what the whole table gives."""
    monkeypatch.setattr(collisions, "BLOCK", 2**5)
    betas = np.linspace(0.0, 1.0, 50)
    procedure = bs.boosting(filter=FILTER, labeler=bs.WeakLabeler(betas))

    def diversity():
        task = bs.random_table(0, prompts=50, responses=4)
        return bs.simulate(procedure, task, 1, record=("diversity",)).diversity.values

    blocks = diversity()
    assert len(asked) == 6
    assert max(prompts for prompts, _ in asked) <= 9
    monkeypatch.setattr(collisions, "BLOCK", 2**20)
    assert np.array_equal(blocks, diversity())


def test_what_is_kept_with_a_task_is_bounded_and_goes_with_it(monkeypatch):
    monkeypatch.setattr(collisions, "KEPT", 2 * 8 * 10)
    task, made = bs.random_table(0, prompts=5, responses=2), []

    def ask(what):
        return collisions.kept(task, what, lambda: made.append(what) or np.zeros(10))

    for what in ("a", "b", "a", "c", "a", "b", None, None):
        ask(what)
    # "b" was asked for before "a" was the last time, so "c" took its place.
    assert made == ["a", "b", "c", "b", None, None]
    place = id(task)
    assert place in collisions._kept
    del task
    assert place not in collisions._kept
