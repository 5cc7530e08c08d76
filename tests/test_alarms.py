"""The false-alarm table and the tests that use it name the same things."""

import re
from pathlib import Path

import alarms


def test_every_entry_is_used_and_every_use_has_an_entry():
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    used = set(re.findall(r'"([a-z_]+)"', text)) & set(alarms.LOOKS)
    assert used == set(alarms.LOOKS)


def test_the_budget_adds_up():
    total = sum(alarms.alpha(test) * looks for test, looks in alarms.LOOKS.items())
    assert abs(total - alarms.SUITE) < 1e-12
