"""One program makes any number of iterations up to its room, to the same bits as a scan."""

import jax
import numpy as np
import pytest

import boostsim as bs
from boostsim.simulation.tables import averages, loop
from boostsim.simulation.tables.iterating import advance, begin, proceed, room_for
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
