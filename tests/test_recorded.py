"""Runs of every kind give the numbers that they gave when they were recorded."""

import json

import pytest
import recorded

RECORD = json.loads(recorded.PATH.read_text())
SAME = recorded.here() == RECORD["here"]


@pytest.mark.parametrize("name", [*recorded.TABLES, *recorded.TOKENS])
def test_it_is_as_recorded(name):
    """Bit for bit where it was recorded; elsewhere to what compilers and processors round."""
    before, now = RECORD["runs"][name], recorded.plain(recorded.run(name))
    assert set(now) == set(before)
    for variable, numbers in now.items():
        was = before[variable]
        if SAME:
            assert numbers["bits"] == was["bits"], variable
        elif name in recorded.TABLES:
            # A hundred additions of numbers below one, and counts that do not turn over.
            assert numbers["sum"] == pytest.approx(was["sum"], rel=1e-9), variable
            assert numbers["last"] == pytest.approx(was["last"], rel=1e-9), variable
