"""What is averaged over many prompts is made in few passes, and is the number that it was."""

import functools
import re

import jax
import numpy as np
import pytest

import boostsim as bs
from boostsim.simulation.tables import averages
from boostsim.simulation.tables.exact import init
from boostsim.simulation.tables.loop import advance
from boostsim.simulation.tables.prepare import prepare

PROMPTS, WITHIN = averages.MANY + 1, frozenset({"diversity"})


@pytest.fixture(scope="module")
def programs():
    """A run of three iterations, compiled as it is, and with what is summed left to XLA."""
    task = bs.random_table(0, prompts=PROMPTS, responses=4, solvable=0.7)
    weights = np.random.default_rng(0).dirichlet(np.ones(PROMPTS))
    task = bs.table_task(task.quality, weights, task.initial)
    procedure = bs.boosting(attempts=4, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.2))
    compiled = []
    with jax.enable_x64(True), pytest.MonkeyPatch.context() as patch:
        structure, numbers = prepare(procedure, task, sampled=False, wanted=WITHIN)
        given, form = jax.tree.flatten((numbers, init(structure, numbers)))

        def run(given):
            numbers, state = jax.tree.unflatten(form, given)
            made = advance.__wrapped__(structure, WITHIN, 3, numbers, None, None, 0, state)
            return made[0].mass, made[1]

        for many in (averages.MANY, 10**9):
            patch.setattr(averages, "MANY", many)
            compiled.append(jax.jit(lambda given: run(given)).lower(given).compile())
        yield compiled, given


def test_a_sum_over_many_prompts_is_bit_for_bit_the_same(programs):
    (ours, left), given = programs
    (mass, row), (same, expected) = ours(given), left(given)
    assert np.array_equal(mass, same)
    for name, values in expected.items():
        assert np.array_equal(row[name], values), name


def test_diversity_is_one_pass_over_the_prompts(programs):
    """Left to XLA each of its six products is one, and one thread adds them."""
    pass_over = re.compile(rf"f64\[(1,)*{PROMPTS}\]\S* fusion\(")
    passes = [len(pass_over.findall(program.as_text())) for program in programs[0]]
    assert passes[0] <= passes[1] - 5


def _last(run, at):
    trace = run(at)
    return {name: trace[name][2] for name in ("error", "diversity")}


def test_slopes_are_those_that_they_were(monkeypatch):
    """At a mass of 0 too, where a bound would have none."""
    task = bs.random_table(0, prompts=PROMPTS, responses=4, solvable=0.5)
    procedure = bs.boosting(attempts=2, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.2))
    slopes, at = [], {"beta": 0.2, "gamma": 0.1}
    with jax.enable_x64(True):
        for many in (averages.MANY, 10**9):
            monkeypatch.setattr(averages, "MANY", many)
            run = bs.population(procedure, task, 2, record="diversity")
            last = functools.partial(_last, run)
            assert ("reduce_precision" in str(jax.make_jaxpr(last)(at))) is (many <= PROMPTS)
            slopes.append(jax.jit(jax.jacrev(last))(at))
    ours, left = (jax.tree.map(float, each) for each in slopes)
    for name, values in left.items():
        assert ours[name] == pytest.approx(values, rel=1e-12), name
        assert all(values.values())
