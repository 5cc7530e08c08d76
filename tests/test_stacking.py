"""Traces side by side: what differs is kept, what is the same stays, no number changes."""

import numpy as np
import pytest
import xarray
from test_results import TASK

import boostsim as bs


def run(beta=0.3, iterations=4, task=TASK, **how):
    slots = dict(attempts=2, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(beta))
    return bs.simulate(bs.boosting(**slots), task, iterations, **how)


def test_what_differs_is_a_coordinate_and_what_is_the_same_an_attribute():
    parts = [run(beta, visits=visits, key=0) for beta, visits in ((0.2, 3), (0.3, 3), (0.3, 9))]
    whole = bs.concat(parts)
    assert whole.error.dims == ("run", "seed", "iteration")
    assert whole.beta.values.tolist() == [0.2, 0.3, 0.3]
    assert whole.visits.values.tolist() == [3, 3, 9]
    assert set(whole.coords) == {"beta", "visits", "seed", "iteration"}
    assert set(parts[0].attrs) - set(whole.attrs) == {"procedure", "visits"}
    for number, part in enumerate(parts):
        for name in part.data_vars:
            assert (whole[name][number].values == part[name].values).all()
            assert whole[name].attrs == part[name].attrs
    # xarray's own tells nothing of it, which is why there is this one.
    assert not set(xarray.concat(parts, "run", combine_attrs="drop_conflicts").coords) & {"beta"}


def test_a_dimension_may_be_what_differs():
    whole = bs.concat([run(beta) for beta in (0.2, 0.3)], "beta")
    assert whole.sel(beta=0.3).error.identical(whole.error.isel(beta=1))
    assert whole.sel(beta=0.3).error.values.tolist() == run(0.3).error.values.tolist()


def test_slots_of_another_kind_differ_in_words():
    rules = [
        bs.boosting(labeler=bs.WeakLabeler(0.3), budget=[0.2, 0.1, 0.0]),
        bs.filter_only(filter=bs.NoisyFilter(0.1)),
        bs.filter_only(filter=bs.AcceptAll()),
    ]
    whole = bs.concat([bs.simulate(rule, TASK, 0) for rule in rules])
    assert whole["filter.name"].values.tolist() == ["NoisyFilter", "NoisyFilter", "AcceptAll"]
    assert np.isnan(whole.gamma.values[2])
    assert whole.budget.values.tolist() == ["[0.2, 0.1, 0.0]", "", ""]
    assert whole.beta.values[0] == 0.3


def test_it_is_kept_as_a_trace_is(tmp_path):
    whole = bs.concat([run(), run(0.2), bs.simulate(bs.uncurated(), TASK, 4)])
    assert bs.load(bs.save(whole, tmp_path / "runs.nc")).identical(whole)


def test_one_trace_alone_and_traces_that_are_alike():
    assert set(bs.concat(run()).coords) == {"seed", "iteration"}
    assert bs.concat([run(), run()]).attrs == run().attrs


def test_what_cannot_stand_side_by_side_is_refused():
    def refused(told, traces, *dim):
        with pytest.raises(ValueError, match=told) as error:
            bs.concat(traces, *dim)
        assert "\n" not in str(error.value)

    refused("traces must be several traces that bs.simulate returned; got none", [])
    refused("traces must be several traces", 3)
    refused("traces must be several traces", [run(), run().drop_attrs()])
    refused("dim must be a new name", [run()], "seed")
    refused("dim must be text", [run()], 3)
    refused("dim must be a name; got ''", [run()], "")
    refused("same variables; got some without diversity", [run(), run(record="diversity")])
    refused("same seeds and iterations", [run(), run(iterations=3)])
