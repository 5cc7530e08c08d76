"""What is said at the likeliest first mistakes: where it belongs, and what it is called."""

import subprocess
import sys

import numpy as np
import pytest

import boostsim as bs

WEAK = bs.WeakLabeler(0.2)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: bs.boosting(beta=0.1), "got 'beta'. It belongs to labeler=bs.WeakLabeler(0.1)."),
        (lambda: bs.boosting(gamma=0.3), "got 'gamma'. It belongs to filter=bs.NoisyFilter(0.3)."),
        (lambda: bs.filter_only(gamma=0), "got 'gamma'. It belongs to filter=bs.NoisyFilter(0)."),
        (lambda: bs.boosting(atempts=2), "got 'atempts'. Did you mean 'attempts'?"),
    ],
)
def test_a_rate_that_is_given_to_a_preset_belongs_to_a_slot(make, told):
    with pytest.raises(ValueError, match=r"^argument of \w+ must be one of attempts, ") as caught:
        make()
    assert str(caught.value).endswith(told)


def test_a_rate_has_no_slot_where_a_preset_has_none():
    for make in (lambda: bs.filter_only(beta=0.1), lambda: bs.uncurated(gamma=0.1)):
        with pytest.raises(ValueError, match=r"^argument of \w+ must be one of") as caught:
            make()
        assert "belongs" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (bs.boosting, "labeler must be given to boosting, such as bs.WeakLabeler(0.2); got None"),
        (bs.labels_only, "labeler must be given to labels_only, such as bs.WeakLabeler(0.2); got"),
        (bs.best_of_n, "scores must be given to best_of_n, such as [0.0, 1.0]; got None"),
        (bs.random_labels, "rate must be given to random_labels, such as 0.1; got None"),
    ],
)
def test_a_slot_that_has_to_be_filled_is_told_with_what(make, told):
    with pytest.raises(ValueError, match="must be given to") as caught:
        make()
    assert str(caught.value).startswith(told)


def test_what_is_told_for_a_slot_fills_it():
    assert bs.boosting(labeler=bs.WeakLabeler(0.2)).labeler == WEAK
    assert bs.best_of_n(scores=[0.0, 1.0]).keep == "best"
    assert bs.random_labels(rate=0.1, labeler=bs.WeakLabeler(0.2)).budget == 0.1
    assert bs.boosting(labeler=WEAK, regime=bs.Window(3)).trained_on.window == 3


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("failed", "got 'failed'. That is bs.criteria.failed."),
        ("hedge", "got 'hedge'. That is bs.criteria.hedge()."),
        ("hedge()", "got 'hedge()'. That is bs.criteria.hedge()."),
        ("below", "got 'below'. That is bs.criteria.below(threshold)."),
        ("below(0.5)", "got 'below(0.5)'. That is bs.criteria.below(0.5)."),
        (
            "mine.py:rule",
            "got 'mine.py:rule'. A name is read by bs.load_criterion('mine.py:rule').",
        ),
        (3, "got 3. Those with a parameter or a memory are made by a call: bs.criteria.hedge()"),
    ],
)
def test_a_criterion_by_name_is_told_as_the_object(given, told):
    with pytest.raises(ValueError, match=r"^criterion must be made by @bs\.criterion, ") as caught:
        bs.boosting(labeler=WEAK, criterion=given)
    assert told in str(caught.value)
    if isinstance(given, str):
        assert "hedge" in given or "hedge" not in str(caught.value)


def test_every_built_in_criterion_by_name_is_told_as_the_object():
    for name in bs.criteria.__all__:
        with pytest.raises(ValueError, match=rf"That is bs\.criteria\.{name}[(.]"):
            bs.boosting(labeler=WEAK, criterion=name)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("Window", "regime must be an object where it is a window, such as bs.Window(3); got 'Win"),
        ("windw", "regime must be an object where it is a window, such as bs.Window(3); got 'wind"),
        (
            "Subsample",
            "an object where it is a subsample, such as bs.Subsample(3); got 'Subsample'",
        ),
        ("Accumulate", "got 'Accumulate'. Did you mean 'accumulate'?"),
        (
            "nonsense",
            "regime must be one of accumulate, anchor, replace, or an object such as bs.Window(3); "
            "got 'nonsense'",
        ),
        (bs.Window, "This is a class: make one of it, bs.Window(3)."),
        (bs.Replace, "This is a class: make one of it, bs.Replace()."),
        (bs.Anchor, "This is a class: make one of it, bs.Anchor(0.1)."),
        (3, "regime must be one of accumulate, anchor, replace, or an object"),
    ],
)
def test_a_regime_that_is_no_word_is_told_as_the_object(given, told):
    with pytest.raises(ValueError, match=r"^regime must be") as caught:
        bs.boosting(labeler=WEAK, regime=given)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("home", "name", "meant"),
    [
        (bs, "NosyFilter", "NoisyFilter"),
        (bs, "simulte", "simulate"),
        (bs.laws, "attempts_flor", "attempts_floor"),
    ],
)
def test_a_name_that_is_missing_is_told_with_the_nearest(home, name, meant):
    told = rf"^module '{home.__name__}' has no attribute '{name}'\. Did you mean '{meant}'\?$"
    with pytest.raises(AttributeError, match=told) as caught:
        getattr(home, name)
    assert caught.value.name == name
    assert hasattr(home, meant)


def test_a_name_that_is_near_nothing_is_told_alone():
    for home in (bs, bs.laws):
        for name in ("qqqqqqqq", "__wrapped__"):
            assert not hasattr(home, name)
            with pytest.raises(AttributeError, match=rf"has no attribute '{name}'$"):
                getattr(home, name)


def test_a_missing_name_is_told_once_and_loads_nothing():
    """The interpreter looks for a near name too, where it prints a traceback."""
    looked = "import sys, boostsim as bs; hasattr(bs, 'NosyFilter'); print('jax' in sys.modules)"
    command = [sys.executable, "-c", f"{looked}; bs.NosyFilter"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert found.stdout == "False\n"
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1].count("Did you mean") == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"beta": 0.2}, "missing a required argument: 'gamma'"),
        ({"beta": 0.2, "gamma": 0.1, "attempts": 3, "votes": 1}, "unexpected keyword argument 'vo"),
    ],
)
def test_a_law_without_an_argument_is_named(given, told):
    with pytest.raises(TypeError, match=r"^attempts_floor takes beta, gamma, attempts: ") as caught:
        bs.laws.attempts_floor(**given)
    assert told in str(caught.value)
    assert caught.value.__cause__ is None
    assert np.isfinite(bs.laws.attempts_floor(beta=0.2, gamma=0.1, attempts=3))
