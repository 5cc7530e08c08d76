"""What users test with."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boostsim as bs
from boostsim.certification.measurements import MEASUREMENTS


@given(bs.testing.worlds(every_slot=True))
@settings(max_examples=12)
def test_worlds_fit_together(world):
    task, procedure = world
    trace = bs.simulate(procedure, task, 1, visits=2, key=0)
    assert ((trace.error >= 0.0) & (trace.error <= 1.0)).all()


@given(st.data())
def test_points_are_in_the_domain(data):
    name = data.draw(st.sampled_from(sorted(bs.claims)))
    point = data.draw(bs.testing.points(name))
    assert bs.claims[name].domain.contains(point)


def test_assert_claim_passes_and_fails_in_words():
    bs.testing.assert_claim("T4", levels="exact", exact_points=2)
    false = replace(bs.claims["T4"], name="half", law=lambda initial_error: 0.5 * initial_error)
    with pytest.raises(AssertionError, match=r"half .equality.: violated"):
        bs.testing.assert_claim(false, MEASUREMENTS["T4"], levels="exact", exact_points=2)
    with pytest.raises(AssertionError, match="More samples"):
        bs.testing.assert_claim("T4", levels="statistical", samples=64, points=1)
    with pytest.raises(AssertionError, match=r"T9.limit .limit.: inapplicable"):
        bs.testing.assert_claim("T9.limit", levels="statistical")
