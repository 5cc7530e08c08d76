"""The core's speed as ratios: `make bench`.

Where a ratio has a floor the table says whether it was met; nothing is asserted on time.
"""

import copy
import dataclasses
import functools
import os
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import references
from jax import lax

import boostsim as bs
from boostsim.simulation.tables import exact, sampled
from boostsim.simulation.tables.iterating import begin, measure, proceed, room_for
from boostsim.simulation.tables.prepare import prepare
from boostsim.simulation.tables.state import masses

ATTEMPTS, GAMMA, BETA = 8, 0.1, 0.2
FILTER, LABELER = bs.NoisyFilter(GAMMA), bs.WeakLabeler(BETA)
WITHIN = frozenset({"diversity"})
BOOSTING = bs.boosting(attempts=ATTEMPTS, filter=FILTER, labeler=LABELER)


@bs.criterion
def general(visits):
    """Not known before the run: it reads the mass."""
    return (visits.pass_rate < 0.6) * (1.0 - visits.pass_rate) * (visits.mass + 1.0)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def exact_step(task, diversity=True):
    """One exact step with its measurements, compiled; returns a call without arguments."""
    structure, parameters = prepare(
        BOOSTING, task, sampled=False, wanted=WITHIN if diversity else frozenset()
    )

    @jax.jit
    def step(parameters, state):
        state, info = exact.step(structure, parameters, state)
        measured = measure(structure, parameters, state, WITHIN if diversity else frozenset())
        return state, {**measured, "labels": info.labels}

    state = exact.init(structure, parameters)
    return lambda: jax.block_until_ready(step(parameters, state)), parameters


def recorded(structure, parameters, iterations):
    """So many exact steps with their measurements in one compiled loop, as a call."""
    state, first = begin(structure, WITHIN, parameters, None)
    room = room_for(iterations, iterations)
    given = structure, WITHIN, room, parameters, None, None, 0, iterations, state, first
    return lambda: jax.block_until_ready(proceed(*given))


def table(prompts, responses, solved=False):
    task = bs.random_table(0, prompts=prompts, responses=responses, solvable=1.0)
    if solved:
        rows = 0.98 * task.quality + 0.02 * task.initial
        task = bs.table_task(task.quality, initial=rows)
    return task, np.where(task.quality == 1, 1 - GAMMA, GAMMA), LABELER.rows_for(task.quality)


def test_exact_step_against_dense(benchmark, best, report):
    task, accept, labeler = table(100_000, 64)
    ours, parameters = exact_step(task)
    theirs = lambda: references.dense_exact(  # noqa: E731
        task.initial, accept, labeler, task.quality, task.prompt_weights, ATTEMPTS
    )
    _, measured = ours()
    _, accuracy, labels, diversity = theirs()
    for name, value in (("accuracy", accuracy), ("labels", labels), ("diversity", diversity)):
        assert float(measured[name]) == pytest.approx(value, rel=1e-12)
    mine, dense = best(ours, theirs, rounds=15)
    report("exact step, 100,000 x 64, diversity: dense NumPy / ours", dense / mine, ">=", 12)
    # Bytes that must move: read the state, the parameters; write the state.
    arrays = jax.tree.leaves(parameters)
    moved = sum(array.nbytes for array in arrays) + 2 * parameters.source_mass.nbytes
    source, target = np.ones(32 * 2**20), np.empty(32 * 2**20)
    structure, _ = prepare(BOOSTING, task, sampled=False, wanted=WITHIN)
    run = recorded(structure, parameters, 20)
    copy, twenty = best(lambda: np.copyto(target, source), run, rounds=15)
    bandwidth = 2 * source.nbytes / copy
    # A step that is called by itself is handed its memory by the system, page after page.
    for what, seconds, floor in (
        ("exact step in a run of 20", twenty / 20, (">=", 0.5)),
        ("exact step by itself", mine, (None, None)),
    ):
        reached = moved / seconds
        detail = f"{moved / 2**20:.1f} MiB at {reached / 1e9:.1f} of {bandwidth / 1e9:.1f} GB/s"
        ratio = reached / bandwidth
        report(f"{what}: share of the copy bandwidth", ratio, *floor, detail)
    benchmark.pedantic(ours, rounds=5)


def test_whole_call(benchmark, best, report):
    """What is recorded costs little beside the steps, and what comes before them little, too."""
    task, accept, labeler = table(100_000, 64)
    step, _ = exact_step(task)
    structure, parameters = prepare(BOOSTING, task, sampled=False, wanted=WITHIN)
    state = exact.init(structure, parameters)

    @jax.jit
    def bare(parameters, state):
        go = lambda state, _: (exact.step(structure, parameters, state)[0], None)  # noqa: E731
        return lax.scan(go, state, None, length=20)[0]

    run, one, steps = best(
        recorded(structure, parameters, 20),
        step,
        lambda: jax.block_until_ready(bare(parameters, state)),
        rounds=30,
    )
    report("a recorded run of 20 iterations / 20 measured steps", run / one / 20, "<=", 1.3)
    report("a recorded run of 20 iterations / its steps without a measurement", run / steps)
    budgeted = dataclasses.replace(BOOSTING, budget=0.05)

    def dense():
        rows = task.initial
        for _ in range(20):
            given = rows, accept, labeler, task.quality, task.prompt_weights
            rows = references.dense_exact(*given, ATTEMPTS)[0]

    call = functools.partial(bs.simulate, BOOSTING, task, 20)
    ours, limited = best(call, functools.partial(bs.simulate, budgeted, task, 20), rounds=15)
    (theirs,) = best(dense, rounds=2)
    report("a whole call, 100,000 x 64, 20 iterations: seconds", ours, "<=", 0.04)
    report("the same with a budget: seconds", limited, "<=", 0.04)
    report("the same without: dense NumPy / ours", theirs / ours, ">=", 8)
    within = lambda task: bs.simulate(BOOSTING, task, 20, record=("diversity",))  # noqa: E731
    within(task)
    # With a copy nothing is kept that rows were gone over for.
    new, known = best(lambda: within(copy.copy(task)), lambda: within(task), rounds=5)
    report("a whole call with diversity / without, the second on a task", known / ours, "<=", 2)
    report("the same, the first", new / ours)
    benchmark.pedantic(call, rounds=2)


def test_exact_step_by_responses(benchmark, best, report):
    few, _ = exact_step(table(10_000, 8)[0])
    many, _ = exact_step(table(10_000, 4096)[0])
    short, long = best(few, many, rounds=30)
    report("exact step, 10,000 prompts: 4,096 responses / 8", long / short, "<=", 1.5)
    benchmark.pedantic(many, rounds=5)


def sampled_step(task, visits, criterion=bs.criteria.failed):
    procedure = dataclasses.replace(BOOSTING, criterion=criterion)
    loop = bs.kernel(procedure, task, visits=visits)
    step, state, key = jax.jit(loop.step), loop.init(), jax.random.key(0)
    return lambda: jax.block_until_ready(step(key, state))


def test_sampled_step(benchmark, best, report):
    prompts, visits = 1000, 1000
    rng = np.random.default_rng(0)
    for responses in (64, 8):
        task, accept, labeler = table(prompts, responses)
        arguments = rng, task.initial, accept, labeler, visits, ATTEMPTS
        ours, theirs, broad = best(
            sampled_step(task, visits),
            functools.partial(references.collapsed_sampled, *arguments),
            sampled_step(task, visits, general),
            rounds=20,
        )
        size = f"1,000 x {responses}"
        floor = (">=", 5) if responses == 64 else ()
        report(f"sampled step, {size}, failed: collapsed NumPy / ours", theirs / ours, *floor)
        report(f"sampled step, {size}, general criterion: NumPy / ours", theirs / broad)
    task, accept, labeler = table(prompts, 64, solved=True)
    ours, theirs = best(
        sampled_step(task, visits),
        lambda: references.collapsed_sampled(rng, task.initial, accept, labeler, visits, ATTEMPTS),
        rounds=20,
    )
    report("sampled step, 1,000 x 64, solved rows: collapsed NumPy / ours", theirs / ours)
    task, accept, labeler = table(prompts, 64)
    step = sampled_step(task, visits)
    ours, drawn = best(
        step,
        lambda: references.drawn_sampled(rng, task.initial, accept, labeler, visits, ATTEMPTS),
        rounds=3,
    )
    report("sampled step, 1,000 x 64: NumPy drawing every attempt / ours", drawn / ours, ">=", 100)
    thousand, million = best(step, sampled_step(task, 10**6), rounds=40)
    report("sampled step: 1,000,000 visits / 1,000", million / thousand, "<=", 1.5)
    benchmark.pedantic(step, rounds=5)


def test_sampled_step_within_classes(benchmark, best, report):
    """With diversity recorded every response is drawn, as NumPy's collapsed version does."""
    task, accept, labeler = table(1000, 64)
    rng, key = np.random.default_rng(0), jax.random.key(0)
    calls = []
    for visits in (1000, 10**6):
        structure, parameters = prepare(BOOSTING, task, sampled=True, wanted=WITHIN)
        sampling = sampled.Sampling(jnp.asarray(float(visits)), None)

        @jax.jit
        def step(parameters, sampling, state, structure=structure):
            state, _ = sampled.step(structure, parameters, sampling, key, state)
            return state, measure(structure, parameters, state, WITHIN)

        state = sampled.init(structure, parameters, sampling)
        call = functools.partial(step, parameters, sampling, state)
        calls.append(lambda call=call: jax.block_until_ready(call()))

    def collapsed():
        rows = references.collapsed_sampled(rng, task.initial, accept, labeler, 1000, ATTEMPTS)
        return 1.0 - np.einsum("ij,ij->i", rows, rows).mean()

    ours, million, theirs = best(*calls, collapsed, rounds=20)
    # Counts that are the same on every NumPy cost two to three times its own, where they are large.
    report("sampled step with diversity, 1,000 x 64: NumPy / ours", theirs / ours, ">=", 0.3)
    report("sampled step with diversity: 1,000,000 visits / 1,000", million / ours, "<=", 1.5)
    benchmark.pedantic(calls[0], rounds=5)


def test_parameter_points(benchmark, best, report):
    """100,000 settings of (beta, gamma, e_0), one a prompt, 100 iterations in one call."""
    points, iterations = 100_000, 100
    rng = np.random.default_rng(0)
    beta, gamma, error = (
        rng.uniform(0.01, 0.99, points),
        rng.uniform(0, 0.49, points),
        rng.random(points),
    )
    task = bs.table_task(np.tile([1, 0], (points, 1)), initial=np.stack([1 - error, error], 1))
    structure, parameters = prepare(
        bs.boosting(attempts=4, filter=FILTER, labeler=bs.WeakLabeler(beta)),
        task,
        sampled=False,
    )
    noise = jnp.asarray(gamma)
    parameters = dataclasses.replace(
        parameters, accept=jnp.stack([1 - noise, noise]), reject=jnp.stack([noise, 1 - noise])
    )

    @jax.jit
    def run(parameters):
        step = lambda state, _: (exact.step(structure, parameters, state)[0], None)  # noqa: E731
        state, _ = lax.scan(step, exact.init(structure, parameters), None, length=iterations)
        return masses(state)[1]

    some = 300
    given = list(zip(beta[:some], gamma[:some], error[:some], strict=True))
    given = [tuple(map(float, point)) for point in given]
    found = np.asarray(run(parameters))[:some]
    assert found == pytest.approx(references.python_points(given, iterations, 4), rel=1e-10)
    ours, theirs = best(
        lambda: jax.block_until_ready(run(parameters)),
        lambda: references.python_points(given, iterations, 4),
        rounds=5,
    )
    report(
        "lumped map, 100,000 points x 100 iterations: Python loop / ours",
        theirs * points / some / ours,
        ">=",
        100,
        f"{ours * 1e3:.0f} ms in one call; the loop timed on {some} points",
    )
    benchmark.pedantic(lambda: jax.block_until_ready(run(parameters)), rounds=3)


def test_population(benchmark, best, report):
    """10,000 points of (beta, gamma) over 20 prompts, 50 iterations: vmap of it, and by hand."""
    points, prompts, iterations, attempts = 10_000, 20, 50, 4
    rng = np.random.default_rng(0)
    beta, gamma = rng.uniform(0.01, 0.99, points), rng.uniform(0, 0.49, points)
    error = rng.random(prompts)
    task = bs.table_task(np.tile([1, 0], (prompts, 1)), initial=np.stack([1 - error, error], 1))
    run = bs.population(
        bs.boosting(attempts=attempts, filter=FILTER, labeler=LABELER), task, iterations
    )
    ours = jax.jit(lambda at: jax.vmap(run)(at)["error"][:, -1])

    def bare(point):
        beta, gamma = point["beta"], point["gamma"]

        def step(state, _):
            right, wrong = state
            rejected = gamma * right + (1.0 - gamma) * wrong
            terms = (1.0 + rejected) * (1.0 + rejected * rejected)
            failed = (rejected * rejected) ** 2
            right = terms * (1.0 - gamma) * right + failed * beta
            wrong = terms * gamma * wrong + failed * (1.0 - beta)
            whole = right + wrong
            return (right / whole, wrong / whole), None

        first = jnp.asarray(1.0 - error), jnp.asarray(error)
        (_, wrong), _ = lax.scan(step, first, None, length=iterations)
        return jnp.mean(wrong)

    theirs = jax.jit(jax.vmap(bare))
    at = {"beta": jnp.asarray(beta), "gamma": jnp.asarray(gamma)}
    assert np.asarray(ours(at)) == pytest.approx(np.asarray(theirs(at)), rel=1e-10)
    mine, kernel = best(
        lambda: jax.block_until_ready(ours(at)),
        lambda: jax.block_until_ready(theirs(at)),
        rounds=5,
    )
    # It records averages in every iteration, the kernel the last error alone.
    note = f"{mine * 1e3:.0f} ms, the kernel {kernel * 1e3:.0f} ms"
    what = "population, 10,000 points x 20 prompts x 50: vmap / bare vmap of a scan"
    report(what, mine / kernel, note=note)
    took = ours.lower(at).compile().memory_analysis().temp_size_in_bytes
    note = "in float64 numbers for each prompt at each point, while it runs"
    report("population: temporary memory", took / (8 * points * prompts), note=note)
    benchmark.pedantic(lambda: jax.block_until_ready(ours(at)), rounds=3)


def test_command(benchmark, report, tmp_path):
    command = [sys.executable, "-m", "boostsim.cli"]

    def call(*arguments):
        began = time.perf_counter()
        subprocess.run(
            [*command, *arguments],
            check=True,
            capture_output=True,
            env={**os.environ, "BOOSTSIM_CACHE": str(tmp_path / "cache")},
        )
        return time.perf_counter() - began

    report("boostsim --help, seconds, best of 5", min(call("--help") for _ in range(5)), "<=", 0.5)
    smoke = ["reproduce", "--scale", "smoke", "--out", str(tmp_path / "figures")]
    first, second = call(*smoke), call(*smoke)
    report("reproduce --scale smoke, seconds, nothing cached", first, "<=", 180, "as README says")
    report("reproduce --scale smoke, second run / first", second / first, "<=", 1.0)
    benchmark.pedantic(lambda: call("--help"), rounds=1)


def test_finite_visits_exactly(benchmark, best, report):
    """1,000 prompts that all differ, 100 visits, 50 iterations: the law, and runs that draw it."""
    task = bs.random_table(0, prompts=1000, solvable=1.0)
    alone = bs.filter_only(attempts=4, filter=FILTER, keep="one")
    for name, procedure, states in (("boosting", BOOSTING, 101), ("filter only", alone, 3045)):
        exactly = functools.partial(bs.simulate, procedure, task, 50, visits=100, exact=True)
        drawn = functools.partial(bs.simulate, procedure, task, 50, visits=100, seeds=10, key=0)
        law, runs = best(exactly, drawn, rounds=2)
        report(f"exact at 100 visits, {name}, {states:,} states: seconds", law, "<=", 5)
        report(f"the same: 1,000 sampled seeds / the law, {name}", 100 * runs / law)
    benchmark.pedantic(exactly, rounds=1)


def test_classes_of_a_filter(benchmark, best, report):
    """A step of a filter that tells responses apart, beside one that knows right from wrong."""
    task = bs.random_table(0, prompts=10_000, responses=16, solvable=1.0)
    levels = np.linspace(0.05, 0.4, 7)[np.arange(16) % 7]
    filters = (
        bs.NoisyFilter(0.1),
        bs.ClassFilter(np.where(task.quality == 1.0, 0.9, 0.1)),
        bs.ClassFilter(np.where(task.quality == 1.0, 0.9, levels)),
    )
    # A sampled class is a draw more: eight take seven, where two take one.
    for what, how, most in (("exact", {}, 4.0), ("sampled, 100 visits", {"visits": 100}, None)):
        runs = [
            functools.partial(bs.simulate, bs.filter_only(attempts=4, filter=each), task, length)
            for each in filters
            for length in (64, 448)
        ]
        given = {**how, "key": 0} if how else {}
        calls = [functools.partial(run, **given) for run in runs]
        seconds = np.reshape(best(*calls, rounds=3), (3, 2))
        usual, two, eight = seconds[:, 1] - seconds[:, 0]
        report(f"{what}: 2 classes of responses / right and wrong", two / usual)
        relation = None if most is None else "<="
        report(f"{what}: 8 classes of responses / right and wrong", eight / usual, relation, most)
    benchmark.pedantic(lambda: None, rounds=1)
