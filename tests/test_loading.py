"""Criteria by name: built in, from a file, from a package."""

from importlib.metadata import EntryPoint

import pytest

import boostsim as bs
from boostsim.curation import loading
from boostsim.tournament.compare import every_criterion

MINE = """
import boostsim as bs
from boostsim.criteria_of_mine import nothing
"""
GOOD = """
import boostsim as bs
from boostsim.curation.criteria import failed

LEVEL = 0.5

@bs.criterion
def mine(visits):
    return (visits.pass_rate < LEVEL) * 1.0
"""


def test_what_is_built_in_has_a_name():
    assert bs.load_criterion("failed") is bs.criteria.failed
    assert bs.load_criterion(" below(0.25) ").name == "below(0.25)"
    assert bs.load_criterion("hedge").name == "hedge(0.5)"
    assert bs.load_criterion("upper_confidence(0.5, 3)").name == "upper_confidence(0.5, 3)"
    for rule in every_criterion():
        assert bs.load_criterion(rule.name) == rule


def test_a_file_has_its_own(tmp_path, monkeypatch):
    file = tmp_path / "rules.py"
    file.write_text(GOOD)
    colons = tmp_path / "a:b.py:c"
    colons.mkdir()
    (colons / "rules:1.py").write_text(GOOD)
    monkeypatch.setenv("HOME", str(tmp_path))
    beside = (f"{colons}/rules:1.py:mine", f"{colons}/rules:1.py")
    for name in (f"{file}:mine", str(file), "~/rules.py", "~/rules.py:mine", *beside):
        assert bs.load_criterion(name).name == "mine"
        assert bs.load_criterion(name).priority_by_accepted(4).tolist() == [1, 1, 0, 0, 0]
    file.write_text(GOOD + GOOD.replace("mine", "other"))
    with pytest.raises(ValueError, match=r"one of those that .*rules.py makes \(mine, other\)"):
        bs.load_criterion(str(file))
    assert bs.load_criterion(f"{file}:other").name == "other"


def test_a_package_has_its_own(tmp_path, monkeypatch):
    (tmp_path / "package_of_rules.py").write_text(GOOD + "\nbroken = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    points = [
        EntryPoint("theirs", "package_of_rules:mine", loading.ENTRY_POINTS),
        EntryPoint("broken", "package_of_rules:broken", loading.ENTRY_POINTS),
        EntryPoint("gone", "package_of_nothing:mine", loading.ENTRY_POINTS),
    ]
    monkeypatch.setattr(loading, "entry_points", lambda group: points)
    assert bs.load_criterion("theirs").name == "mine"
    with pytest.raises(ValueError, match=r"criterion 'broken' must be made by @bs\.criterion"):
        bs.load_criterion("broken")
    with pytest.raises(ValueError, match="'gone' cannot be imported from package_of_nothing:mine"):
        bs.load_criterion("gone")
    with pytest.raises(ValueError, match="theirs"):
        bs.load_criterion("theirz")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("faild", "failed"),
        ("failed(3)", "failed, without numbers"),
        ("below", r"written like below\(threshold\)"),
        ("below(0.5", r"written like below\(threshold\)"),
        ("below(0.5))", r"written like below\(threshold\)"),
        ("below(", r"written like below\(threshold\)"),
        ("below)", "failed"),
        (f"below({'(' * 5000}0.5{')' * 5001}", r"written like below\(threshold\)"),
        ("n" * 100_000, "failed"),
        (f"{'n' * 5_000}.py:mine", "in a file that exists"),
        ("below(1, 2)", r"written like below\(threshold\)"),
        ("below(exit())", r"written like below\(threshold\)"),
        ("below(2)", "threshold must be"),
        ("nowhere.py:mine", "in a file that exists"),
        ("", "a name"),
        (3, "a name"),
    ],
)
def test_what_is_not_there_is_refused(name, words):
    with pytest.raises(ValueError, match=words):
        bs.load_criterion(name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MINE, "cannot be imported; .* raised ModuleNotFoundError"),
        ("def mine(:", "cannot be imported; .* raised SyntaxError"),
        ("raise SystemError('no')", "raised SystemError: no"),
        ("import sys; sys.exit()", "cannot be imported; .* raised SystemExit"),
        ("mine = 3", r"must be made by @bs\.criterion"),
        ("def mine(visits): return visits.mass", r"must be made by @bs\.criterion"),
        ("other = 3", r"must be one that .* makes \(none\)"),
    ],
)
def test_a_bad_file_is_told_by_name(text, words, tmp_path):
    file = tmp_path / "bad.py"
    file.write_text(text)
    with pytest.raises(ValueError, match=f"bad.py:mine' {words}|{words}"):
        bs.load_criterion(f"{file}:mine")
