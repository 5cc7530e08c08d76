"""Sharpening: what it does to a row, to an attempt, and to a closed loop."""

import dataclasses

import draw
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from alarms import assert_law
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

import boostsim as bs


def by_hand(row, temperature, top_p, top_k):
    """The words of the docstring, response by response."""
    with np.errstate(divide="ignore"):
        logits = np.log(row) - np.log(row.max())
    weight = np.exp(logits / temperature) if temperature else (row == row.max()) * 1.0
    weight = np.where(row > 0, weight, 0.0)
    weight /= weight.sum()
    for limit in ("k", "p"):
        ranked = sorted(weight, reverse=True)
        if limit == "k":
            last = ranked[min(top_k or len(row), len(row)) - 1]
        else:
            held, count = 0.0, 0
            while held < top_p - 1e-12 and count < len(row):
                held, count = held + ranked[count], count + 1
            last = ranked[count - 1]
        weight = np.array([w if w >= last * (1 - 1e-12) else 0.0 for w in weight])
        weight /= weight.sum()
    return weight


@given(
    st.lists(st.integers(0, 9), min_size=2, max_size=7).filter(any),
    st.sampled_from([0.0, 0.3, 1.0, 2.5]),
    st.sampled_from([0.2, 0.5, 0.9, 1.0]),
    st.sampled_from([None, 1, 2, 5]),
)
def test_a_sharpened_row_is_what_the_words_say(counts, temperature, top_p, top_k):
    row = np.array(counts, float) / sum(counts)
    sharpening = bs.Sharpening(temperature, top_p, top_k)
    with jax.enable_x64(True):
        got = np.asarray(sharpening(jnp.asarray(row)))
        turned = np.asarray(sharpening(jnp.asarray(row[::-1].copy())))
    assert got == pytest.approx(by_hand(row, temperature, top_p, top_k), abs=1e-12)
    assert got.sum() == pytest.approx(1.0, abs=1e-12)
    assert got[::-1] == pytest.approx(turned, abs=1e-12)


@pytest.mark.parametrize(
    ("sharpening", "row", "stays"),
    [
        # 0.4 + 0.3 + 0.2 is less than 0.9 in floating point; no fourth response for that.
        (bs.Sharpening(top_p=0.9), [0.4, 0.3, 0.2, 0.1], 3),
        # The two most probable, and of these the one that holds half: not the other way round.
        (bs.Sharpening(top_k=2, top_p=0.5), [0.4, 0.3, 0.2, 0.1], 1),
        # Temperature first: 0.4^2 is more than half of all squares.
        (bs.Sharpening(0.5, top_p=0.5), [0.4, 0.3, 0.2, 0.1], 1),
        (bs.Sharpening(top_p=1e-20), [0.4, 0.3, 0.2, 0.1], 1),
        (bs.Sharpening(top_p=0.3), [0.1] * 10, 10),
        (bs.Sharpening(top_k=2), [0.4, 0.3, 0.3], 3),
    ],
)
def test_how_many_responses_stay(sharpening, row, stays):
    # What is never said changes nothing, and all rows are of one length.
    row = np.pad(row, (0, 10 - len(row)))
    for precise in (True, False):
        with jax.enable_x64(precise):
            got = np.asarray(sharpening(jnp.asarray(row)))
        assert (got > 0).sum() == stays
        assert got.sum() == pytest.approx(1.0, abs=1e-6)


def test_top_k_and_top_p_in_a_closed_loop():
    """Accumulated, exact: row by row as the words say."""
    task = bs.random_table(3, prompts=20, responses=6, correct=2)
    sharpening = bs.Sharpening(0.8, 0.9, 4)
    procedure = bs.uncurated(sharpening=sharpening, regime="accumulate")
    trace = bs.simulate(procedure, task, 5, record="diversity")
    rows, data = task.initial, task.initial
    for iteration in range(1, 6):
        tried = np.array([by_hand(row, 0.8, 0.9, 4) for row in rows])
        data = data + tried
        rows = data / (iteration + 1)
        diversity = (1 - (rows**2).sum(1)) @ task.prompt_weights
        assert float(trace.diversity[0, iteration]) == pytest.approx(diversity, rel=1e-9)


def test_small_masses_survive_and_do_not_overflow():
    with jax.enable_x64(True):
        row = jnp.array([1.0 - 1e-200, 1e-200, 0.0])
        flat = np.asarray(bs.Sharpening(temperature=100.0)(row))
        cold = np.asarray(bs.Sharpening(temperature=1e-3)(row))
    assert flat[1] / flat[0] == pytest.approx(1e-2, rel=1e-12)
    assert flat[2] == 0.0
    assert cold.tolist() == [1.0, 0.0, 0.0]


COLD = [1e-10, 1e-16, 1e-20, 1e-38, 1e-50, 1e-300, 5e-324]
LIMITS = [{}, {"top_k": 2}, {"top_p": 0.4}, {"top_k": 2, "top_p": 0.6}]


@pytest.mark.parametrize("precise", [True, False])
@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("temperatures", [[0.0, COLD[-1]], COLD[:-1]], ids=["coldest", "cold"])
def test_near_temperature_0_only_the_largest_stay(precise, limits, temperatures):
    """Greedy, evenly where several are largest; none of 300 rows is lost to rounding."""
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.ones(5), 300)
    rows[:3] = [[0.3, 0.3, 0.3, 0.1, 0.0], [0.2] * 5, [0.0, 0.0, 1.0, 0.0, 0.0]]
    with jax.enable_x64(precise):
        rows = jnp.asarray(rows)
        largest = np.asarray(rows) == np.asarray(rows).max(1, keepdims=True)
        wanted = largest / largest.sum(1, keepdims=True)
        for temperature in temperatures:
            cold = bs.Sharpening(temperature, **limits)
            for sharpen in (cold, jax.jit(cold)):
                np.testing.assert_allclose(sharpen(rows), wanted, atol=1e-6, err_msg=str(cold))


def test_a_row_whose_entries_differ_by_the_last_digit():
    """Never more for the less probable, whatever the temperature; at 1e-16 about exp(-1) to one."""
    with jax.enable_x64(True):
        high = 0.4 + 0.08 * np.arange(7) / 7
        low = np.nextafter(high, 0.0)
        rows = jnp.asarray(np.stack([high, low, 1.0 - high - low], axis=1))
        for temperature in (1e-12, 1e-15, 1e-16, 1e-17, 1e-18, 1e-30):
            got = np.asarray(jax.jit(bs.Sharpening(temperature))(rows))
            ratio = (np.asarray(rows)[:, 1] / np.asarray(rows)[:, 0]) ** (1.0 / temperature)
            np.testing.assert_allclose(got[:, 1], ratio / (1.0 + ratio), rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("temperature", COLD)
@pytest.mark.parametrize("sampled", [{}, {"visits": 3, "seeds": 2, "key": 0}])
def test_runs_near_temperature_0_are_greedy(sampled, temperature):
    task = bs.random_table(0, prompts=40, responses=5, correct=2)
    cold, greedy = (
        bs.simulate(
            bs.boosting(
                attempts=2,
                filter=bs.NoisyFilter(0.2),
                labeler=bs.WeakLabeler(0.3),
                sharpening=bs.Sharpening(each),
            ),
            task,
            3,
            **sampled,
        ).error.values
        for each in (temperature, 0.0)
    )
    np.testing.assert_allclose(cold, greedy, atol=1e-12)


@pytest.mark.parametrize("temperature", [0.8, 1.0, 1.25])
def test_temperature_alone_in_a_closed_loop(temperature):
    """Uncurated and exact: f_t is proportional to f_0^(1/temperature^t)."""
    task = bs.random_table(3, prompts=20, responses=6, correct=2)
    trace = bs.simulate(
        bs.uncurated(sharpening=bs.Sharpening(temperature)), task, 8, record="diversity"
    )
    for iteration in range(9):
        power = temperature**-iteration
        with np.errstate(divide="ignore"):
            logits = power * (np.log(task.initial) - np.log(task.initial.max(1, keepdims=True)))
        rows = np.exp(logits)
        rows /= rows.sum(1, keepdims=True)
        diversity = (1 - (rows**2).sum(1)) @ task.prompt_weights
        accuracy = (rows * task.quality).sum(1) @ task.prompt_weights
        assert float(trace.diversity[0, iteration]) == pytest.approx(diversity, rel=1e-9)
        assert float(trace.accuracy[0, iteration]) == pytest.approx(accuracy, rel=1e-9)


@pytest.mark.parametrize(
    "sharpening", [bs.Sharpening(0.5), bs.Sharpening(top_k=2), bs.Sharpening(top_p=0.6)]
)
def test_sampled_attempts_come_from_the_sharpened_row(sharpening):
    row, prompts, visits = np.array([0.3, 0.45, 0.15, 0.1]), 40_000, 6
    task = bs.table_task(np.tile([1, 0, 0, 0], (prompts, 1)), initial=np.tile(row, (prompts, 1)))
    procedure = bs.uncurated(attempts=2, sharpening=sharpening)
    trace = bs.simulate(procedure, task, 1, visits=visits, key=2, record="prompt")
    share = by_hand(row, sharpening.temperature, sharpening.top_p, sharpening.top_k)[0]
    right = np.rint(trace.accuracy.values[0, 1] * 2 * visits).astype(int)
    chance = binom.pmf(np.arange(2 * visits + 1), 2 * visits, share)
    assert_law("sharpened_attempts", np.bincount(right, minlength=2 * visits + 1), chance)


def test_no_change_is_no_sharpening():
    task = bs.random_table(0, prompts=7)
    plain, idle = (
        bs.simulate(bs.boosting(labeler=bs.WeakLabeler(0.3), sharpening=s), task, 4)
        for s in (None, bs.Sharpening())
    )
    assert plain.drop_attrs().identical(idle.drop_attrs())


def test_a_criterion_sees_the_disagreement_of_what_was_tried():
    seen = []

    @bs.criterion
    def watched(visits):
        seen.append(visits.disagreement)
        return visits.disagreement

    task = bs.table_task([[1, 0, 0]], initial=[[0.5, 0.25, 0.25]])
    procedure = bs.boosting(
        labeler=bs.WeakLabeler(0.5), criterion=watched, sharpening=bs.Sharpening(temperature=0.5)
    )
    with jax.enable_x64(True):
        loop = bs.kernel(procedure, task)
        # As one program, which gives what the criterion was shown as well.
        shown = jax.jit(lambda state: (loop.step(None, state), seen[-1])[1])(loop.init())
    sharp = np.array([4, 1, 1]) / 6
    assert np.asarray(shown) == pytest.approx(1 - (sharp**2).sum())


def test_prompts_that_learn_nothing_keep_their_row_unsharpened():
    task = bs.table_task([[1, 0, 0]], initial=[[0.0, 0.7, 0.3]])
    procedure = bs.filter_only(sharpening=bs.Sharpening(temperature=0.1))
    for visits in ({}, {"visits": 5, "key": 0}):
        trace = bs.simulate(procedure, task, 3, record="diversity", **visits)
        assert trace.diversity.values[0] == pytest.approx([1 - 0.49 - 0.09] * 4)


@given(draw.worlds(all_slots=True))
@settings(max_examples=8)
def test_every_world_runs_with_every_sharpening(world):
    """No setting makes a number that is no probability."""
    task, procedure = world
    for sharpening in (bs.Sharpening(0.0), bs.Sharpening(1.5, 0.7, 2)):
        trace = bs.simulate(
            dataclasses.replace(procedure, sharpening=sharpening), task, 2, visits=3, key=1
        )
        total = (trace.accuracy + trace.error).values
        assert total == pytest.approx(np.ones_like(total), abs=1e-9)


@pytest.mark.parametrize(
    "sharpening", [bs.Sharpening(temperature=0.6), bs.Sharpening(top_p=0.8)], ids=str
)
def test_a_ranked_budget_is_kept_by_a_rule_that_reads_what_is_sharpened(sharpening):
    """Who is tied is seen in last bits: they are the same bits wherever they are read."""
    rule = bs.Procedure(
        attempts=2,
        filter=bs.NoisyFilter(0.1),
        labeler=bs.WeakLabeler(0.1, wrong="concentrated"),
        criterion=bs.criteria.disagreement,
        budget=0.2,
        label_weight=0.3,
        sharpening=sharpening,
    )
    for number in range(14):
        task = bs.random_table(number, responses=4, solvable=0.6)
        trace = bs.simulate(rule, task, 5)
        np.testing.assert_allclose(trace.accuracy + trace.error, 1.0, rtol=1e-14)
        assert np.all(trace.labels.diff("iteration") <= 0.2 + 1e-14)
