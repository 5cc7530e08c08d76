"""Counterexamples: found where there are some, and none where there are not."""

import json
import math

import falsehoods
import numpy as np
import pytest

import boostsim as bs
from boostsim.certification.ascent import gradient, try_exactly
from boostsim.certification.measurements import MEASUREMENTS
from boostsim.certification.runs import Exact


@pytest.mark.parametrize("name", falsehoods.FALSEHOODS)
def test_planted_falsehoods_are_found(name):
    claim, measurement = falsehoods.FALSEHOODS[name]
    found = bs.falsify(claim, measurement)
    assert found, found.summary()
    assert claim.domain.contains(found.counterexample)
    assert "is false at" in found.summary()
    assert json.loads(found.to_json())["counterexample"] == found.counterexample
    # By itself the point is a counterexample again.
    if found.level == "exact":
        assert try_exactly(claim, measurement, found.counterexample).violated


# Of true claims there is none: here theorems' main claims and all limits and bounds, exactly.
TRUE = [name for name, claim in bs.claims.items() if "." not in name or claim.kind != "equality"]


def none_is_found(name, **how):
    tried = bs.falsify(name, levels="exact", **how)
    assert not tried, tried.summary()
    assert "no counterexample" in tried.summary()
    assert tried.level is None
    assert math.isnan(tried.measured)
    if MEASUREMENTS[name].exact is not False:
        assert tried.tried["exact_points"] > 0
        assert "from violating it" in tried.summary()


# Every procedure that is drawn, and every ascent, is a program: few of them by day.
@pytest.mark.parametrize("name", TRUE)
def test_of_true_claims_none_is_found(name):
    none_is_found(name, examples=4, ascents=int(name in ("T3", "T4", "Feng.bound", "Ferbach.rise")))


@pytest.mark.parametrize("name", TRUE)
def test_nor_by_more_examples(name):
    none_is_found(name, examples=12, ascents=int(name in ("T10", "T3.worse")))


@pytest.mark.parametrize("name", ["T2.optimal", "T7", "T11.accuracy"])
def test_nor_by_draws(name):
    tried = bs.falsify(name, examples=24, levels="statistical", samples=2048)
    assert not tried, tried.summary()
    assert tried.tried["sampled_points"] >= 2
    assert tried.tried["draws"] > 0


PLACE = {"beta": 0.37, "gamma": 0.21, "initial_error": 0.64}


def _needle(depth, radius):
    """A bound that T3's error after two iterations breaks in a small ball only."""

    def error(beta, gamma, initial_error):
        rate, _, floor = (
            bs.laws.noisy_boosting(beta=beta, gamma=gamma)._asdict()[name]
            for name in ("rate", "fixed_point", "floor")
        )
        return floor + rate**2 * (initial_error - floor)

    def law(beta, gamma, initial_error):
        away = (beta - 0.37) ** 2 + (gamma - 0.21) ** 2 + (initial_error - 0.64) ** 2
        return float(error(beta, gamma, initial_error)) + depth * (away / radius**2 - 1.0)

    return bs.Claim(
        name="a needle",
        statement="Two iterations reach no more than a bound that dips somewhere.",
        formula="e_2 <= F^2(e_0) + d (|x - c|^2/r^2 - 1)",
        kind="upper",
        domain=bs.Box(beta=(0.05, 0.95), gamma=(0.01, 0.45), initial_error=(0.0, 1.0)),
        law=law,
    )


NOISY = bs.Measurement(
    lambda beta, gamma: bs.boosting(filter=bs.NoisyFilter(gamma), labeler=bs.WeakLabeler(beta)),
    iterations=2,
    sampled=False,
)


def test_ascent_finds_what_the_search_does_not():
    needle = _needle(1e-5, 0.01)
    assert not bs.falsify(needle, NOISY, ascents=0)
    found = bs.falsify(needle, NOISY)
    assert found.found_by == "ascent"
    for name, value in PLACE.items():
        assert abs(found.counterexample[name] - value) < 0.01
    assert found.tried["gradients"] > 0


@pytest.mark.parametrize("name", ["T3", "T4", "T10", "T3.limit", "T5.bound", "T8", "T14"])
def test_gradients_are_those_of_whole_runs(name):
    """Forward through the recursion against a difference of two runs."""
    claim, measurement = bs.claims[name], MEASUREMENTS[name]
    point = claim.domain.sample(np.random.default_rng(3), 1, near_ends=False)[0]
    slopes = gradient(claim, measurement, point)
    assert slopes
    place = {**point}
    if claim.along is not None:
        place[claim.along] = Exact(measurement).rungs(claim.along)[-1]
    for axis, slope in slopes.items():
        domain = claim.domain.axes[axis]
        step, span = 1e-5, domain.high - domain.low
        sides = []
        for sign in (1.0, -1.0):
            moved = {**place, axis: place[axis] + sign * step * span}
            law = claim.predicted(moved)
            sides.append((Exact(measurement).population(moved) - law) / max(abs(law), 0.05))
        assert slope == pytest.approx((sides[0] - sides[1]) / (2 * step), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "point", "axis"),
    [
        ("T10", {"beta": 0.5, "rate": 1.0, "initial_accuracy": 1.0}, "rate"),
        ("T14", {"beta": 0.0, "initial_error": 1.0, "iterations": 1}, "beta"),
        ("T3", {"beta": 1.0, "gamma": 0.0, "initial_error": 1.0, "iterations": 2}, "gamma"),
    ],
)
def test_true_equalities_have_no_gradient_at_the_ends(name, point, axis):
    """Where minima tie and branches meet: to first order about the middle of what is inside."""
    assert abs(gradient(bs.claims[name], MEASUREMENTS[name], point)[axis]) < 1e-6


def test_a_slow_start_is_not_a_counterexample():
    """A limit that is true, and reached long after what is read."""
    point = {"gamma": 0.4, "attempts": 1, "initial_accuracy": 1e-200}
    assert bs.claims["T9.limit"].domain.contains(point)
    trial = try_exactly(bs.claims["T9.limit"], MEASUREMENTS["T9.limit"], point)
    assert trial.reading.verdict == "undecided"
    tiny = {"gamma": 1e-10, "votes": 61}
    assert not try_exactly(bs.claims["T5.noise"], MEASUREMENTS["T5.noise"], tiny).violated


def test_where_weights_move_the_gradient_knows():
    """The mean error falls as the weight of solved prompts rises."""
    moving = bs.Claim(
        name="weights",
        statement="s",
        formula="f",
        kind="upper",
        domain=bs.Box(initial_error=(0.1, 0.9)),
        law=lambda: 1.0,
    )
    measurement = bs.Measurement(
        lambda: bs.boosting(labeler=bs.WeakLabeler(0.5)),
        task=lambda initial_error: bs.table_task(
            [[1, 0]] * 2, [initial_error, 1.0 - initial_error], [[0.0, 1.0], [1.0, 0.0]]
        ),
        iterations=1,
    )
    slope = gradient(moving, measurement, {"initial_error": 0.4})["initial_error"]
    # e_1 = e_0 / 2, per length 0.8 of the interval.
    assert slope == pytest.approx(0.4, abs=1e-9)


def test_it_is_the_same_again_and_stops_in_time():
    claim, measurement = falsehoods.T4_CONTRACTS
    first, again = (bs.falsify(claim, measurement, key=5) for _ in range(2))
    assert first.counterexample == again.counterexample
    assert first.measured == again.measured
    stopped = bs.falsify("T3", time_limit=0.0)
    assert not stopped
    assert "Time ran out" in stopped.summary()


def test_the_simplest_point_is_simple():
    wrong = bs.Claim(
        name="never above a half",
        statement="s",
        formula="e_T <= 1/2 for beta >= 0.2",
        kind="upper",
        domain=bs.Box(
            (("beta below one half", lambda beta: beta < 0.5),),
            beta=(0.2, 1.0),
            initial_error=(0.0, 1.0),
            iterations=range(1, 9),
        ),
        law=lambda: 0.5,
    )
    measurement = bs.Measurement(lambda beta: bs.boosting(labeler=bs.WeakLabeler(beta)))
    found = bs.falsify(wrong, measurement, key=3)
    assert found.counterexample == {"beta": 0.2, "initial_error": 1.0, "iterations": 1}


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="Did you mean 'T3'"):
        bs.falsify("T33")
    with pytest.raises(ValueError, match="examples must be"):
        bs.falsify("T3", examples=0)
    with pytest.raises(ValueError, match="measurement must be given for the claim"):
        bs.falsify(falsehoods.T3_FLOOR[0])
    with pytest.raises(ValueError, match="confidence must be strictly between"):
        bs.falsify("T3", confidence=1.0)
