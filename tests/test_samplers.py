"""The draws themselves, on the host and in JAX: exact laws, at small and at huge counts."""

import os
import re
import subprocess
import sys
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from alarms import assert_law
from scipy.stats import binom

import boostsim as bs
from boostsim.simulation.tables import sampled, samplers
from boostsim.simulation.tables.prepare import prepare

DRAWS = 20_000
SAMPLERS = {
    "host": samplers.binomial,
    "jax": samplers._jax_binomial,
    "few": lambda key, n, p: samplers.binomial(key, n, p, 12),
    "thinned": lambda key, n, p: samplers.thinned(key, n[None], p[None], 12)[0],
}
ANY_COUNT = ("host", "jax")


@cache
def drawn(kind):
    """As one program for all counts and probabilities."""
    return jax.jit(SAMPLERS[kind])


def draw(kind, count, probability, seed=0):
    with jax.enable_x64(True):
        n, p = jnp.full(DRAWS, float(count)), jnp.full(DRAWS, float(probability))
        return np.asarray(drawn(kind)(jax.random.key(seed), n, p))


@pytest.mark.parametrize(
    ("kind", "count", "probability"),
    [(kind, *law) for kind in SAMPLERS for law in ((1, 0.3), (5, 0.02), (12, 0.5))]
    + [(kind, 40, 0.9) for kind in ANY_COUNT],
)
def test_small_counts_have_the_binomial_law(kind, count, probability):
    drawn = draw(kind, count, probability).astype(int)
    law = binom.pmf(np.arange(count + 1), count, probability)
    common = law * DRAWS >= 5
    counts = np.bincount(drawn, minlength=count + 1)
    assert_law(
        "binomial_sampler",
        [*counts[common], counts[~common].sum()],
        [*law[common], law[~common].sum()],
    )


@pytest.mark.parametrize("kind", ANY_COUNT)
@pytest.mark.parametrize("count", [10**3, 10**6, 10**9])
@pytest.mark.parametrize("probability", [1e-6, 0.05, 0.5, 0.97])
def test_large_counts_have_the_quantiles_of_the_law(kind, count, probability):
    """Cells between quantiles: mean, variance and shape at once."""
    drawn = draw(kind, count, probability, seed=1)
    edges = np.unique(binom.ppf(np.linspace(0.1, 0.9, 9), count, probability))
    law = np.diff(np.r_[0.0, binom.cdf(edges, count, probability), 1.0])
    counts = np.diff(np.r_[0, np.searchsorted(np.sort(drawn), edges, "right"), DRAWS])
    assert_law("binomial_sampler", counts, law)


@pytest.mark.parametrize("kind", SAMPLERS)
def test_the_ends_are_certain(kind):
    assert (draw(kind, 7, 0.0) == 0).all()
    assert (draw(kind, 7, 1.0) == 7).all()
    assert (draw(kind, 0, 0.4) == 0).all()


def multinomial(most):
    return jax.jit(partial(samplers.multinomial, most=most))


def test_a_rare_second_cell_is_not_rounded_away():
    """1 - 1e-18 is no float; the rarer cell is drawn, so nothing is lost."""
    with jax.enable_x64(True):
        p = jnp.stack([jnp.ones(DRAWS), jnp.full(DRAWS, 1e-15)])
        drawn = np.asarray(multinomial(None)(jax.random.key(1), jnp.full(DRAWS, 1e15), p))
    assert_law(
        "multinomial_sampler",
        [(drawn[1] == 0).sum(), (drawn[1] == 1).sum(), (drawn[1] > 1).sum()],
        [np.exp(-1), np.exp(-1), 1 - 2 * np.exp(-1)],
    )


@pytest.mark.parametrize("kind", ["host", "jax", "few"])
def test_multinomial_margins_and_sums(kind, monkeypatch):
    if kind == "jax":
        monkeypatch.setattr(jax, "default_backend", lambda: "elsewhere")
    share = np.array([0.1, 0.0, 0.6, 0.3])
    with jax.enable_x64(True):
        p = jnp.tile(jnp.asarray(share)[:, None], (1, DRAWS))
        most = 6 if kind == "few" else None
        drawn = np.asarray(multinomial(most)(jax.random.key(3), jnp.full(DRAWS, 6.0), p))
    assert (drawn.sum(0) == 6).all()
    for cell, probability in enumerate(share):
        law = binom.pmf(np.arange(7), 6, probability)
        assert_law("multinomial_sampler", np.bincount(drawn[cell].astype(int), minlength=7), law)
    # Two cells together: given the first, the third is binomial in the rest.
    given = drawn[:, drawn[0] == 1]
    assert_law(
        "multinomial_sampler",
        np.bincount(given[2].astype(int), minlength=6),
        binom.pmf(np.arange(6), 5, 0.6 / 0.9),
    )


def test_numbers_of_several_sites_are_those_of_their_keys():
    with jax.enable_x64(True):
        keys = {name: jax.random.key(seed) for seed, name in enumerate("abc")}
        shapes = {"a": (7, 5), "c": (7, 2, 5)}
        drawn = samplers.uniforms(keys, shapes)
        alone = {name: jax.random.uniform(keys[name], shape) for name, shape in shapes.items()}
        n, p = jnp.full(5, 7.0), jnp.linspace(0.0, 1.0, 5)
        counts = [samplers.binomial(source, n, p, 7) for source in (drawn["a"], keys["a"])]
    assert drawn.keys() == shapes.keys()
    for name, numbers in alone.items():
        assert np.array_equal(drawn[name], numbers)
    assert np.array_equal(*counts)


def test_a_step_of_few_visits_hashes_once_for_all_that_it_draws(monkeypatch):
    """It is most of the program: and nothing is hashed by JAX's loop."""
    hashed, drawn = [], samplers.random_bits
    monkeypatch.setattr(samplers, "random_bits", lambda *of: hashed.append(of) or drawn(*of))
    rule = bs.boosting(
        labeler=bs.WeakLabeler(0.3), criterion=bs.criteria.upper_confidence(), budget=0.1
    )
    task = bs.random_table(0, prompts=5)
    with jax.enable_x64(True):
        loop = bs.kernel(rule, task, visits=10)
        program = str(jax.make_jaxpr(loop.step)(jax.random.key(0), loop.init()))
    ((keys, sizes),) = hashed
    # Of attempts, labels, examples of two kinds, and what the filter says of labels.
    assert sizes == [50, 50, 100, 50]
    assert len(keys) == 4
    assert not re.findall(r"threefry2x32|random_bits|random_fold_in", program)


def test_on_an_accelerator_counts_are_split_by_halves(monkeypatch):
    """Any number of cells, none, rare and common ones, in one program of the same few binomials."""
    monkeypatch.setattr(jax, "default_backend", lambda: "elsewhere")

    def binomials(cells):
        share = jnp.ones((cells, 2)) / cells
        program = jax.make_jaxpr(samplers.multinomial)(jax.random.key(0), 9 * jnp.ones(2), share)
        return str(program).count("while[")

    share = np.array([0.2, 0.0, 0.3, 1e-3, 0.35, 0.149])
    with jax.enable_x64(True):
        assert binomials(64) == binomials(3) > 0
        p = jnp.tile(jnp.asarray(share)[:, None], (1, DRAWS))
        drawn = np.asarray(
            jax.jit(samplers.multinomial)(jax.random.key(4), jnp.full(DRAWS, 9.0), p)
        ).astype(int)
    assert (drawn.sum(0) == 9).all()
    assert (drawn[1] == 0).all()
    # Any cells together are binomial: neighbours, which are split last, and others.
    for some in ([0], [3], [4], [0, 1], [2, 3], [1, 2], [0, 5], [3, 4, 5]):
        law = binom.pmf(np.arange(10), 9, share[some].sum())
        counts, common = np.bincount(drawn[some].sum(0), minlength=10), law * DRAWS >= 5
        assert_law(
            "multinomial_sampler",
            [*counts[common], counts[~common].sum()],
            [*law[common], law[~common].sum()],
        )


@pytest.mark.parametrize("size", [10**5, 10**6])
def test_numbers_cross_to_the_host_in_full_precision(size):
    """1e-200 at a million elements: a probability that float32 would flush to zero."""
    seen = []

    def spy(streams, count, probability):
        seen.append((count.min(), probability.min(), probability.max()))
        return np.zeros(probability.shape)

    with jax.enable_x64(True):
        n, p = jnp.full(size, 2.0**53 - 1), jnp.full(size, 1e-200)
        program = jax.jit(lambda k, n, p: samplers._on_host(spy, k, n, p[None]))
        jax.block_until_ready(program(jax.random.key(0), n, p))
    assert seen[-1] == (2.0**53 - 1, 1e-200, 1e-200)


def test_large_draws_come_in_blocks_of_the_same_law():
    """More cells than one block takes: margins as ever, and different streams in each block."""
    size = samplers.LARGE
    with jax.enable_x64(True):
        n, p = jnp.full(size, 3.0), jnp.full(size, 0.3)
        drawn = np.asarray(samplers.binomial(jax.random.key(5), n, p)).astype(int)
        share = jnp.tile(jnp.array([[0.2], [0.3], [0.5]]), (1, size))
        cells = np.asarray(samplers.multinomial(jax.random.key(6), n, share)).astype(int)
    quarters = drawn.reshape(samplers.BLOCKS, -1)
    assert len({tuple(quarter[:100]) for quarter in quarters}) == samplers.BLOCKS
    law = binom.pmf(np.arange(4), 3, 0.3)
    for quarter in quarters:
        assert_law("binomial_sampler", np.bincount(quarter, minlength=4), law)
    assert (cells.sum(0) == 3).all()
    for row, probability in zip(cells, (0.2, 0.3, 0.5), strict=True):
        law = binom.pmf(np.arange(4), 3, probability)
        assert_law("multinomial_sampler", np.bincount(row, minlength=4), law)


@pytest.mark.parametrize("entries", [1, 2])
def test_few_entries_of_many_cells(entries):
    """One entry is a view that NumPy would not copy, and operands are read-only."""
    with jax.enable_x64(True):
        share = jnp.full((5, entries), 0.2)
        drawn = samplers.multinomial(jax.random.key(0), jnp.full(entries, 7.0), share)
    assert (np.asarray(drawn).sum(0) == 7).all()


def test_a_key_gives_the_same_draws_alone_and_in_a_batch():
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), 3)
        n, p = jnp.full(50, 9.0).at[::3].set(1e6), jnp.linspace(0, 1, 50)
        for most in (None, 9):
            draw = partial(samplers.binomial, most=most)
            batch = jax.jit(jax.vmap(draw, (0, None, None)))(keys, n, p)
            alone = jax.jit(draw)
            for key, row in zip(keys, batch, strict=True):
                assert (np.asarray(alone(key, n, p)) == np.asarray(row)).all()


def test_few_trials_are_thinned_cell_by_cell():
    """Counts of two cells, 3 and 4 of at most 9: margins, and no memory of one another."""
    with jax.enable_x64(True):
        counts = jnp.tile(jnp.array([[3.0], [0.0], [4.0]]), (1, DRAWS))
        chance = jnp.tile(jnp.array([[0.2], [0.9], [0.6]]), (1, DRAWS))
        thinned = jax.jit(partial(samplers.thinned, most=9))
        drawn = np.asarray(thinned(jax.random.key(7), counts, chance)).astype(int)
    assert (drawn[1] == 0).all()
    first, last = binom.pmf(np.arange(4), 3, 0.2), binom.pmf(np.arange(5), 4, 0.6)
    joint = np.bincount(5 * drawn[0] + drawn[2], minlength=20)
    assert_law("multinomial_sampler", joint, np.outer(first, last).ravel())


@pytest.mark.parametrize("most", [4, None])
def test_what_has_no_mass_is_never_drawn(most):
    """Sums that round: the cells before the last add up to a little more or less than one."""
    share = np.array([0.0, *[0.1] * 10, 0.0])
    with jax.enable_x64(True):
        p = jnp.tile(jnp.asarray(share)[:, None], (1, DRAWS))
        drawn = np.asarray(multinomial(most)(jax.random.key(8), jnp.full(DRAWS, 4.0), p))
    assert (drawn.sum(0) == 4).all()
    assert not drawn[[0, -1]].any()


def test_few_and_many_visits_are_one_law():
    """The whole sampled step, one visit at a time or by counts: same mean error, within noise."""
    task = bs.random_table(1, prompts=400, responses=4, solvable=0.5)
    procedure = bs.boosting(
        attempts=3, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.4), budget=0.05
    )
    visits, errors = 5, []
    for few in (visits, None):
        with jax.enable_x64(True):
            structure, parameters = prepare(procedure, task, sampled=True)
            how = sampled.Sampling(jnp.asarray(float(visits)), None, few)
            step = jax.jit(partial(sampled.step, structure))
            first, runs = sampled.init(structure, parameters, how), []
            for seed in range(40):
                state = first
                for t in range(2):
                    key = jax.random.fold_in(jax.random.key(seed), t)
                    state, info = step(parameters, how, key, state)
                runs.append([np.asarray(state.mass)[0, 1].mean(), float(info.labels)])
        errors.append(np.array(runs))
    gap = errors[0].mean(0) - errors[1].mean(0)
    noise = np.sqrt(sum(each.var(0, ddof=1) / 40 for each in errors))
    assert (np.abs(gap) <= 6 * noise).all()
    assert (noise < 0.01).all()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_one_core_does_not_wait_for_itself():
    """Programs in flight and one thread: a callback must not need that thread to read."""
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); import boostsim as bs;"
        "task = bs.random_table(0, prompts=20_000);"
        "procedure = bs.boosting(filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3));"
        "print(bs.simulate(procedure, task, 8, visits=20, seeds=8, key=0).sizes['seed'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "8"
