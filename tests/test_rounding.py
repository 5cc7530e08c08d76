"""Claims that are true are never called false because of rounding, nor false ones spared."""

import math
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest

import boostsim as bs
from boostsim.certification.readings import told_apart
from boostsim.theory.rounding import in_digits, law_rounding

MEASURED = bs.Measurement(lambda beta: bs.boosting(labeler=bs.WeakLabeler(beta)), sampled=False)
BOX = bs.Box(beta=(0.0, 1.0), initial_error=(0.0, 1.0), iterations=range(33))


def _numpy(beta, initial_error, iterations):
    if beta == 1.0:
        return initial_error if iterations == 0 else 0.0
    return np.exp(iterations * np.log1p(-beta)) * initial_error


# (1 - beta)^T e_0, as users may write it.
WAYS = {
    "arithmetic": lambda beta, initial_error, iterations: (1 - beta) ** iterations * initial_error,
    "numpy": _numpy,
    "math": lambda beta, initial_error, iterations: math.pow(1 - beta, iterations) * initial_error,
    "jnp": lambda beta, initial_error, iterations: jnp.power(1 - beta, iterations) * initial_error,
    "a law": lambda beta, initial_error, iterations: float(
        bs.laws.boosting_error(
            beta=beta, attempts=1, initial_error=initial_error, iterations=iterations
        )
    ),
}
# Formulas that can be evaluated in many digits.
READ = ("arithmetic", "numpy")


def claim(law, kind="equality", domain=BOX, **fields):
    about = {"name": "mine", "statement": "s", "formula": "f"}
    return bs.Claim(kind=kind, law=law, domain=domain, **about, **fields)


@pytest.mark.parametrize("kind", ["equality", "upper", "lower"])
@pytest.mark.parametrize("way", WAYS)
def test_a_true_law_that_loses_its_digits_is_not_violated(way, kind):
    """T1's error as one minus an accuracy: below 1e-16 nothing is left of it."""
    error = WAYS[way]
    true = claim(lambda **point: 1 - (1 - error(**point)), kind)
    found = bs.certify(true, MEASURED, exact_points=32).table
    if way in READ:
        assert set(found.verdict) == {"holds", "inapplicable"}
    else:
        exact = found[found.level == "exact"]
        assert set(exact.verdict) == {"holds", "undecided"}
        told = exact[exact.verdict == "undecided"]
        assert told.why.str.startswith("differs by rounding only").all()
        # What is not spoiled is decided all the same.
        assert (exact.verdict == "holds").sum() > 17


@pytest.mark.parametrize("way", WAYS)
def test_nor_is_a_counterexample_found(way):
    error = WAYS[way]
    found = bs.falsify(
        claim(lambda **point: 1 - (1 - error(**point))), MEASURED, examples=40, ascents=0
    )
    assert not found, found.summary()


@pytest.mark.parametrize("way", WAYS)
def test_a_law_off_by_a_billionth_is_violated_and_told_apart(way):
    error = WAYS[way]
    false = claim(lambda **point: 1 - (1 - error(**point) * (1 + 1e-9)))
    assert bs.certify(false, MEASURED, exact_points=8).verdict == "violated"
    found = bs.falsify(false, MEASURED, examples=20, ascents=0)
    text = found.summary()
    measured, law = text.split("measured ")[1].split(",")[0], text.split("law says ")[1]
    assert float(law.split(" ")[0].rstrip(".")) != float(measured)


@pytest.mark.parametrize("way", WAYS)
def test_tiny_laws_that_keep_their_digits_stay_sharp(way):
    """1e-40 is no rounding of 3e-40."""
    error = WAYS[way]
    tiny = bs.Box(beta=(0.95, 0.99), initial_error=(0.5, 1.0), iterations=range(25, 33))
    assert bs.certify(claim(error, domain=tiny), MEASURED, exact_points=8).verdict == "holds"
    false = claim(lambda **point: 3.0 * error(**point), domain=tiny)
    assert set(bs.certify(false, MEASURED, exact_points=8, levels="exact").table.verdict) == {
        "violated"
    }


def test_digits_against_exact_fractions():
    formula = claim(lambda beta, initial_error, iterations: 1 - (1 - beta) ** 40 * initial_error)
    rng = np.random.default_rng(0)
    for point in formula.domain.sample(rng, 50):
        exact = 1 - (1 - Fraction(point["beta"])) ** 40 * Fraction(point["initial_error"])
        assert in_digits(formula, point) == float(exact)
    powers = claim(lambda beta, iterations: beta**iterations)
    assert in_digits(powers, {"beta": 0.0, "iterations": 0}) == 1.0
    for way in set(WAYS) - set(READ):
        assert in_digits(
            claim(WAYS[way]), {"beta": 0.3, "initial_error": 0.4, "iterations": 3}
        ) is (None)


@pytest.mark.parametrize("points", [40, 200])
def test_the_rounding_of_a_law_is_bounded(points):
    """By what it is, over the domain: the float against the same formula in many digits."""
    naive = claim(lambda beta, initial_error, iterations: 1 - (1 - initial_error))
    plain = claim(lambda beta, initial_error, iterations: (1 - beta) ** iterations * initial_error)
    for point in BOX.sample(np.random.default_rng(1), points):
        for law in (naive, plain):
            lost = abs(law.predicted(point) - in_digits(law, point))
            assert lost <= law_rounding(law, point)
        # Nothing cancels: the bound knows it, so that small laws can be told.
        assert law_rounding(plain, point) <= 1e-12 * plain.predicted(point) + 2e-15


def _alternating(e):
    return float(sum((-1) ** j * math.comb(40, j) * math.pow(e, j) for j in range(41)))


def _beside_large(e):
    return math.exp(40 * math.log1p(-e)) + (math.exp(18) + e) - math.exp(18) - e


@pytest.mark.parametrize("lossy", [_alternating, _beside_large])
def test_a_law_in_which_large_numbers_cancel_is_not_violated(lossy):
    """(1 - e)^40 by way of numbers of 1e4 and of 1e8."""
    power = bs.Measurement(value=lambda e: (1 - e) ** 40, sampled=False)
    box = bs.Box(e=(0.01, 0.7))
    found = bs.certify(claim(lossy, domain=box), power, exact_points=64, levels="exact")
    assert found.verdict == "undecided", found.summary()
    assert "differs by rounding only" in found.summary()
    # What is off by more than was lost is caught all the same.
    false = claim(lambda e: lossy(e) * (1 + 1e-5), domain=box)
    assert bs.certify(false, power, exact_points=64, levels="exact").verdict == "violated"


def test_a_jump_of_a_law_is_no_rounding():
    """So whole numbers that are off by one are caught, however the law is written."""
    steps = bs.Measurement(value=lambda x: float(math.ceil(x)), sampled=False)
    false = claim(lambda x: float(math.ceil(x) + 1), domain=bs.Box(x=(0.0, 20.0)))
    table = bs.certify(false, steps, exact_points=32, levels="exact").table
    assert set(table.verdict) == {"violated"}


def test_a_law_in_jnp_has_sixteen_digits():
    law = claim(lambda beta: jnp.asarray(beta) / 3.0, domain=bs.Box(beta=(0.0, 1.0)))
    assert law.predicted({"beta": 0.7}) == 0.7 / 3.0


def test_a_statistic_of_ones_own_may_lose_digits_too():
    """One minus an accuracy, of the trace."""
    own = bs.Measurement(
        MEASURED.procedure,
        lambda trace: 1.0 - trace.accuracy.isel(iteration=-1),
        sampled=False,
    )
    found = bs.certify(claim(WAYS["arithmetic"]), own, exact_points=64)
    assert found.verdict == "undecided"
    assert "differs by rounding only" in found.summary()


def test_numbers_are_told_apart():
    assert told_apart(0.25, 0.5, 0.2, 0.3) == ["0.25", "0.5", "0.2", "0.3"]
    measured, law = told_apart(0.0025, 0.0025 * (1 + 1e-15))
    assert float(measured) != float(law)
