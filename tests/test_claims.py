"""Claims and their domains: complete, sampled, cut, and refused where they say nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boostsim as bs
from boostsim.certification.measurements import MEASUREMENTS
from boostsim.theory.law import Domain
from boostsim.theory.step import boosting_step

NUMBERS = [f"T{number}" for number in range(1, 23)]


def test_every_theorem_is_claimed_and_measured():
    neighbours = {"Shumailov", "Gerstgrasser", "Seddik", "Ferbach", "Feng", "Beirami"}
    assert {name.split(".")[0] for name in bs.claims} == {*NUMBERS, *neighbours}
    assert set(NUMBERS) <= set(bs.claims)
    assert set(MEASUREMENTS) == set(bs.claims)
    for name, claim in bs.claims.items():
        assert claim.name == name
        for text in (claim.statement, claim.formula, claim.title, claim.proof, claim.reference):
            assert text
    with pytest.raises(TypeError):
        bs.claims["T1"] = None


@pytest.mark.parametrize("name", bs.claims)
def test_laws_are_numbers_at_the_edges_and_inside(name):
    claim = bs.claims[name]
    points = [*claim.domain.edges(), *claim.domain.sample(np.random.default_rng(1), 20)]
    assert len(points) > 20 // 2
    for point in points:
        assert claim.domain.contains(point)
        if claim.along is not None:
            point = {**point, claim.along: 64}
        assert np.isfinite(claim.predicted(point))


@given(
    beta=st.floats(0, 1),
    gamma=st.floats(0, 1),
    error=st.floats(0, 1),
    attempts=st.integers(1, 12),
)
@settings(max_examples=50)
def test_t4_s_step_against_its_textbook_form(beta, gamma, error, attempts):
    u = gamma + (1 - 2 * gamma) * error
    accepted = 1 - u
    if accepted < 1e-6:
        return
    textbook = (1 - u**attempts) * gamma * error / accepted + u**attempts * (1 - beta)
    law = boosting_step(beta=beta, gamma=gamma, attempts=attempts, initial_error=error)
    assert law == pytest.approx(textbook, abs=1e-9)


BOX = bs.Box(
    (("beta at most gamma", lambda beta, gamma: beta <= gamma),),
    beta=(0.0, 1.0),
    gamma=Domain(low_open=True, high_open=True),
    attempts=range(2, 6),
    votes=Domain(low=1, high=8, odd=True),
    regime=["replace", "anchor"],
)


def test_a_box_draws_what_it_contains():
    drawn = BOX.sample(np.random.default_rng(0), 200)
    assert len(drawn) == 200
    for point in drawn:
        assert BOX.contains(point)
        assert 0.0 < point["gamma"] < 1.0
        assert point["beta"] <= point["gamma"]
    assert {point["attempts"] for point in drawn} == {2, 3, 4, 5}
    assert {point["votes"] for point in drawn} == {1, 3, 5, 7}
    assert min(point["beta"] for point in drawn) < 1e-3
    again = BOX.sample(np.random.default_rng(0), 200)
    assert again == drawn
    assert not BOX.contains({**drawn[0], "votes": 2})
    assert not BOX.contains({**drawn[0], "regime": "accumulate"})
    assert not BOX.contains({"beta": 0.1})


def test_a_box_is_cut_without_gap_or_overlap():
    for name in BOX.axes:
        left, right = BOX.split(name)
        for point in BOX.sample(np.random.default_rng(2), 60):
            at_the_cut = isinstance(BOX.axes[name], Domain) and point[name] == right.axes[name].low
            assert left.contains(point) + right.contains(point) == 1 + (
                at_the_cut and not isinstance(point[name], int)
            )
    with pytest.raises(ValueError, match="more than one value"):
        bs.Box(attempts=range(3, 4)).split("attempts")


def test_edges_are_the_ends():
    edges = bs.Box(beta=(0.25, 1.0), attempts=range(1, 4)).edges()
    assert {(point["beta"], point["attempts"]) for point in edges} == {
        (0.25, 1),
        (0.25, 3),
        (1.0, 1),
        (1.0, 3),
        (0.625, 1),
        (0.625, 3),
        (0.25, 2),
        (1.0, 2),
    }


def test_what_says_nothing_is_refused():
    law = {"kind": "upper", "statement": "s", "formula": "f", "law": lambda beta: beta}
    box = bs.Box(beta=(0.0, 1.0))
    with pytest.raises(ValueError, match=r"domain of claim 'mine' must be a bs.Box; got None"):
        bs.Claim(name="mine", domain=None, **law)
    with pytest.raises(ValueError, match="at least one name"):
        bs.Box()
    for bad in ((0.0, np.inf), Domain(low=0, high=np.inf, whole=True), (2.0, 1.0), "wide", []):
        with pytest.raises(ValueError, match="beta must be"):
            bs.Box(beta=bad)
    with pytest.raises(ValueError, match="Did you mean 'upper'"):
        bs.Claim(name="mine", domain=box, **{**law, "kind": "uper"})
    with pytest.raises(ValueError, match="one that also needs 'gamma'"):
        bs.Claim(name="mine", domain=box, **{**law, "law": lambda gamma: gamma})
    with pytest.raises(ValueError, match="along of claim 'mine' must be what grows"):
        bs.Claim(name="mine", domain=box, **{**law, "kind": "limit"})
    nan = bs.Claim(name="mine", domain=box, **{**law, "law": lambda beta: np.log(-1.0 - beta)})
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match="Narrow the domain"):
        nan.predicted({"beta": 0.5})
