"""The false-alarm table and the tests that use it name the same things."""

import re
from pathlib import Path

import alarms
import pytest


def test_every_entry_is_used_and_every_use_has_an_entry():
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    used = set(re.findall(r'"([a-z_]+)"', text)) & set(alarms.LOOKS)
    assert used == set(alarms.LOOKS)


def test_overdrawing_is_caught(monkeypatch):
    monkeypatch.setitem(alarms.LOOKS, "planted", 3)
    alarms.alpha("planted", 3)
    with pytest.raises(AssertionError, match="more than 3"):
        alarms.alpha("planted")


def test_a_wrong_law_is_caught():
    """The power that the budget leaves: a share off by 3% among 100,000."""
    with pytest.raises(AssertionError):
        alarms.assert_share("affine_mean", 51_500, 100_000, 0.5)
