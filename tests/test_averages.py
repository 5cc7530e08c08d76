"""What is averaged over many prompts is made in few passes, and is the number that it was."""

import functools
import re

import jax
import numpy as np
import pytest

import boostsim as bs
from boostsim.simulation.tables import averages
from boostsim.simulation.tables.exact import init
from boostsim.simulation.tables.iterating import advance
from boostsim.simulation.tables.prepare import prepare

PROMPTS, WITHIN = averages.MANY + 1, frozenset({"diversity"})


@pytest.fixture(scope="module", params=[frozenset(), WITHIN], ids=["plain", "diversity"])
def programs(request):
    """A run of three iterations, compiled as it is, and with what is summed left to XLA."""
    task = bs.random_table(0, prompts=PROMPTS, responses=4, solvable=0.7)
    weights = np.random.default_rng(0).dirichlet(np.ones(PROMPTS))
    task = bs.table_task(task.quality, weights, task.initial)
    procedure = bs.boosting(attempts=4, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.2))
    compiled = []
    with jax.enable_x64(True), pytest.MonkeyPatch.context() as patch:
        structure, numbers = prepare(procedure, task, sampled=False, wanted=request.param)
        given, form = jax.tree.flatten((numbers, init(structure, numbers)))

        def run(given):
            numbers, state = jax.tree.unflatten(form, given)
            made = advance.__wrapped__(structure, request.param, 3, numbers, None, None, 0, state)
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


@pytest.mark.parametrize("length", [0, 1, 3])
def test_there_are_as_many_rows_as_iterations(length):
    task = bs.random_table(0, prompts=PROMPTS, responses=4)
    wanted = frozenset({"prompt"})
    with jax.enable_x64(True):
        structure, numbers = prepare(bs.uncurated(), task, sampled=False, wanted=wanted)
        state = init(structure, numbers)
        given = structure, wanted, length, numbers, None, None, 0, state
        rows = jax.eval_shape(lambda: advance.__wrapped__(*given)[1])
    assert {name: row.shape[:1] for name, row in rows.items()} == dict.fromkeys(rows, (length,))
    assert rows["error"].shape == (length, PROMPTS)


def test_no_average_makes_what_it_adds(programs):
    """Left to XLA one thread does: of diversity six products, of each average one."""
    texts = [program.as_text() for program in programs[0]]
    ours, left = ([each for each in text.split("\n\n") if _multiplies(each)] for text in texts)
    # That of labels, which is no average of a model.
    assert len(ours) == 1
    assert len(left) >= 3


def _multiplies(computation):
    """Whether it sums over prompts what it multiplies."""
    reads = rf"f64\[(1,)*{PROMPTS}\]\S* multiply\("
    return " reduce(" in computation and re.search(reads, computation) is not None


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
            # What has been traced before has read the other number.
            jax.clear_caches()
            run = bs.population(procedure, task, 2, record="diversity")
            last = functools.partial(_last, run)
            assert ("reduce_precision" in str(jax.make_jaxpr(last)(at))) is (many <= PROMPTS)
            slopes.append(jax.jit(jax.jacrev(last))(at))
    ours, left = (jax.tree.map(float, each) for each in slopes)
    for name, values in left.items():
        assert ours[name] == pytest.approx(values, rel=1e-12), name
        assert all(values.values())
