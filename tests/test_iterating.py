"""One program makes any number of iterations up to its room, to the same bits as a scan."""

import jax
import numpy as np
import pytest

import boostsim as bs
from boostsim.mode import KEYS
from boostsim.simulation.seeing import seeing
from boostsim.simulation.tables import averages, loop
from boostsim.simulation.tables.iterating import advance, begin, opening, proceed, room_for
from boostsim.simulation.tables.kernel import sampling_of
from boostsim.simulation.tables.prepare import prepare

BOOSTING = bs.boosting(attempts=2, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.2))


def test_a_longer_run_is_no_new_program():
    task = bs.random_table(0, prompts=7, responses=3)
    bs.simulate(BOOSTING, task, 9)
    before = loop.proceed._cache_size()
    for iterations in (10, 13, 50):
        bs.simulate(BOOSTING, task, iterations)
    # Nor is one that may end early, whatever it might come to.
    bs.simulate(BOOSTING, task, 200, until=bs.Until(error=0.5))
    assert loop.proceed._cache_size() == before


# A model is measured where it is made, or where the next iteration begins.
@pytest.mark.parametrize("prompts", [5, averages.MANY])
def test_it_is_the_scan_of_so_many(prompts):
    task = bs.random_table(0, prompts=prompts, responses=3)
    with jax.enable_x64(True):
        structure, numbers = prepare(BOOSTING, task, sampled=False, wanted=frozenset())
        state, first = begin(structure, frozenset(), numbers, None)
        given = numbers, None, None, 0
        for length in (1, 6):
            want, rows = advance(structure, frozenset(), length, *given, state)
            room = room_for(length, 100)
            assert room == 64
            found, padded = proceed(structure, frozenset(), room, *given, length, state, first)
            assert np.array_equal(found.mass, want.mass)
            for name, values in rows.items():
                assert np.array_equal(padded[name][:length], values), name
                assert not np.any(padded[name][length:])


def test_what_is_recorded_of_long_rows_has_no_room_beyond_what_may_wait():
    assert room_for(5, 6) == 6
    assert room_for(128, 128) == 128
    assert room_for(1, 1) == 1


OPENING = {
    "labels": BOOSTING,
    "a weight": bs.boosting(labeler=bs.WeakLabeler(0.2), label_weight=3.0, attempts=4),
    "a memory": bs.boosting(
        labeler=bs.WeakLabeler(0.2), criterion=bs.criteria.hedge(), budget=0.1, attempts=3
    ),
    "splits": bs.boosting(labeler=bs.WeakLabeler(0.2, persistent=True)),
    "splits and a memory": bs.boosting(
        labeler=bs.WeakLabeler(0.2, persistent=True), criterion=bs.criteria.hedge(), budget=0.1
    ),
    "a window": bs.boosting(labeler=bs.WeakLabeler(0.2), regime=bs.Window(3)),
    "a drawn first batch": bs.boosting(
        labeler=bs.WeakLabeler(0.2), regime=bs.Accumulate(first="sampled")
    ),
    "real data": bs.boosting(labeler=bs.WeakLabeler(0.2), regime=bs.Anchor(0.3)),
    "a learner": bs.filter_only(learner=bs.PolicyGradient(0.5)),
    "sharpened": bs.filter_only(sharpening=bs.Sharpening(temperature=0.5)),
    "a schedule": bs.boosting(labeler=bs.WeakLabeler(0.2), budget=(0.1, 0.2)),
    "stops": bs.boosting(labeler=bs.WeakLabeler(0.2), until_accepted=True, attempts=2),
}


@pytest.mark.parametrize("visits", [None, 3])
@pytest.mark.parametrize("name", OPENING)
def test_what_a_run_begins_with_does_not_depend_on_how_it_goes_on(name, visits):
    task = bs.random_table(0, prompts=6, responses=3)
    wanted = frozenset({"diversity", "prompt"} if visits else {"entropy", "accuracy_quantiles"})
    with jax.enable_x64(True):
        key = jax.random.key(0, impl=KEYS)
        how = {"sampled": visits is not None, "wanted": wanted, "key": key}
        structure, numbers = prepare(OPENING[name], task, **how)
        sampling = sampling_of(seeing(visits=visits, visited_share=1.0))
        whole = begin(structure, wanted, numbers, sampling, (2,))
        plain, unasked = opening(structure, wanted, numbers)
        short = begin(plain, wanted, unasked, sampling, (2,))
    assert (plain == structure) == (name == "a schedule")
    assert jax.tree.structure(short) == jax.tree.structure(whole)
    for one, other in zip(jax.tree.leaves(short), jax.tree.leaves(whole), strict=True):
        assert np.array_equal(one, other)


def test_runs_that_go_on_otherwise_begin_with_one_program():
    task = bs.random_table(0, prompts=9, responses=3)
    bs.simulate(BOOSTING, task, 1)
    before = loop.begin._cache_size()
    for attempts in (3, 4):
        bs.simulate(bs.boosting(attempts=attempts, labeler=bs.WeakLabeler(0.2)), task, 1)
    bs.simulate(bs.boosting(labeler=bs.WeakLabeler(0.2), criterion=bs.criteria.margin), task, 1)
    assert loop.begin._cache_size() == before
