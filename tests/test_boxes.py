"""Rigorous certificates: proved over boxes, by symbols, and never where they are false."""

import contextlib
import inspect
import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

import boostsim as bs
from boostsim.certification.boxes import RANDOM
from boostsim.certification.enclosure import Enclosure
from boostsim.theory.step import weighted_step

HALF = (Fraction(0), Fraction(1, 2))


@pytest.mark.parametrize("name", bs.statements)
def test_it_is_proved_on_all_of_its_box(name):
    proof = bs.prove(name)
    assert proof
    assert proof.verdict == "proved"
    assert proof.share == 1
    assert proof.pieces == len(proof.statement.box.get("attempts", [1]))
    assert proof.open_boxes == len(proof.undecided) == 0
    assert proof.kind == "rigorous"
    assert json.loads(proof.to_json())["share"] == "1"
    assert "Proved on 100% of the box" in proof.summary()


RATIONALS = st.fractions(-3, 3, max_denominator=8)


@st.composite
def intervals(draw):
    low, high = sorted([draw(RATIONALS), draw(RATIONALS)])
    return low, high, low + (high - low) * draw(st.fractions(0, 1, max_denominator=8))


@given(intervals(), intervals(), st.sampled_from(["+", "-", "*", "/", "-u", "2", "3", "-2", "0"]))
def test_an_enclosure_has_every_value(left, right, operation):
    """And its finite ends are values: taken at corners, or, of a power, at 0."""
    (low, high, x), (first, last, y) = left, right
    a, b = Enclosure(low, high), Enclosure(first, last)
    apply = {
        "+": lambda x, y: x + y,
        "-": lambda x, y: x - y,
        "*": lambda x, y: x * y,
        "/": lambda x, y: x / y,
        "-u": lambda x, y: 1 - -x + 2,
    }.get(operation, lambda x, y: x ** int(operation) if operation[-1].isdigit() else None)
    try:
        value = apply(x, y)
    except ZeroDivisionError:
        return
    found = apply(a, b)
    assert found.low <= value <= found.high
    corners = []
    for u in {low, high, *([Fraction(0)] if low < 0 < high else [])}:
        for v in {first, last}:
            with contextlib.suppress(ZeroDivisionError):
                corners.append(apply(u, v))
    divides = operation in ("/", "-2")
    if not (divides and (first <= 0 <= last or low <= 0 <= high)):
        assert (found.low, found.high) == (min(corners), max(corners))


def test_ends_that_grow_without_bound_stay_exact():
    x, tiny = Enclosure(Fraction(0), Fraction(1)), Fraction(1, 10**400)
    assert repr(tiny / x) == f"[{tiny}, inf]"
    assert repr(10**400 + 1 / x) == f"[{10**400 + 1}, inf]"
    assert repr(x / x) == "[0, inf]"
    assert repr(0 * (1 / x)) == "[0, 0]"
    assert repr(1 / (x - Fraction(1, 2))) == "[-inf, inf]"
    assert repr(1 / (1 / x)) == "[0, 1]"
    assert repr(-1 / x - 5) == "[-inf, -6]"
    # A power of 0 is 1 however large the base; a float among ends would count as infinite.
    assert repr(2 * (1 / x) ** 0 - 5) == "[-3, -3]"
    assert repr((1 / x) ** 2) == "[1, inf]"
    assert repr((-1 / x) ** 3) == "[-inf, -1]"
    with pytest.raises(TypeError, match="an end of"):
        Enclosure(0, 1.0)
    with pytest.raises(ZeroDivisionError):
        x / 0


def test_every_theorem_that_has_one_step_is_there():
    theorems = {name.split("/")[0] for name in bs.statements}
    assert theorems == {
        "T1",
        "T3",
        "T4",
        "T5",
        "T6",
        "T9",
        "T10",
        "T16",
        "T17",
        "T18",
        "T19",
        "T22",
    }
    assert not set(bs.statements) & set(bs.claims)


@pytest.mark.parametrize("name", bs.statements)
@given(data=st.data())
def test_the_two_forms_are_one_number_and_it_is_not_negative(name, data):
    statement = bs.statements[name]
    point = {}
    for axis, ends in statement.box.items():
        if isinstance(ends, list):
            point[axis] = data.draw(st.sampled_from(ends))
        else:
            low, high = ends
            share = Fraction(data.draw(st.integers(1, RANDOM - 1)), RANDOM)
            point[axis] = low + (high - low) * share
    assert statement.direct(**point) == statement.slack(**point) >= 0


def textbook_step(beta, gamma, attempts, error):
    """T4's map as it is written in the theorem, not as the package computes it."""
    u = gamma + (1 - 2 * gamma) * error
    return (1 - u**attempts) * gamma * error / (1 - u) + u**attempts * (1 - beta)


# What T1 to T10 say of a step, in floats, by the laws and not by the statements.
def test_statements_are_about_the_laws():
    rng = np.random.default_rng(0)
    for _ in range(50):
        beta, gamma, e, k = rng.uniform(0.01, 1), rng.uniform(0, 0.45), rng.random(), 3
        noisy = bs.laws.noisy_boosting(beta=beta, gamma=gamma)
        point = {"beta": beta, "gamma": gamma}
        assert bs.statements["T3/rate"].direct(**point) == pytest.approx(noisy.rate)
        step = textbook_step(beta, gamma, 1, e)
        share = (e - noisy.floor) / (1 - noisy.floor)
        side = bs.statements["T3/side"].direct(**point, share=share)
        assert side == pytest.approx(step - noisy.floor, abs=1e-12)
        left = bs.statements["T3/limit"].direct(**point, share=share)
        fall = (e - step) - beta * (1 - gamma) * (e - noisy.floor)
        assert left == pytest.approx(fall, abs=1e-12)
        assert bs.statements["T5/floor"].direct(**point) == pytest.approx(
            gamma / beta - noisy.floor
        )
        step = textbook_step(beta, gamma, k, e)
        u = gamma + (1 - 2 * gamma) * e
        inequality = bs.statements["T4/inequality"].direct(**point, attempts=k, e=e)
        assert inequality == pytest.approx(
            gamma * e + (1 - u) * (u**k * (1 - beta) - step), abs=1e-12
        )
        h = 1e-6
        p = min(max(1 - e, 2 * h), 1 - 2 * h)
        ahead, behind = (1 - textbook_step(beta, gamma, k, 1 - p - d) for d in (h, -h))
        accepted = gamma * (1 - p) + (1 - gamma) * p
        slope = bs.statements["T4/monotone"].direct(**point, attempts=k, p=p)
        assert slope == pytest.approx((ahead - behind) / (2 * h) * accepted, abs=1e-6)
        p = share * gamma * beta / (gamma * beta + (1 - gamma) * (1 - beta))
        grown = 1 - textbook_step(beta, gamma, k, 1 - p)
        growth = bs.statements["T4/growth"].direct(**point, attempts=k, share=share)
        assert growth == pytest.approx(
            grown * (1 - p) * gamma - (1 - gamma) * p * (1 - grown), abs=1e-12
        )
        rate, part = rng.random(), rng.random()
        fixed = 1 - rate + rate * part
        assert bs.laws.even_labels_fixed_point(beta=fixed * part, rate=rate) == pytest.approx(fixed)


def test_statements_of_labels_that_weigh_are_about_their_laws():
    rng = np.random.default_rng(1)
    for _ in range(30):
        beta, gamma, e, k = rng.uniform(0.01, 1), rng.uniform(0, 0.45), rng.random(), 3
        weight, part = rng.uniform(0.01, 1), rng.random()
        point = {"beta": beta, "weight": weight, "e": e}
        once = {"beta": beta, "initial_error": e, "iterations": 1}
        after = bs.laws.weighted_boosting_error(label_weight=weight, **once)
        odds = bs.statements["T16/odds"].direct(**point)
        assert odds == pytest.approx(
            (1 - beta) * weight * e * (1 - after) - (1 - e) * after, abs=1e-12
        )
        step = bs.statements["T16/step"].direct(attempts=1, **point)
        assert step == pytest.approx((1 - beta) * e - after, abs=1e-12)
        # A floor is where the map stands.
        floor = bs.laws.weighted_floor(beta=beta, gamma=gamma, attempts=k, label_weight=weight)
        noisy = {"beta": beta, "gamma": gamma, "attempts": k, "weight": weight}
        share = floor / (1 - beta)
        lower = bs.statements["T16/lighter"].direct(part=part, share=share, **noisy)
        at = weighted_step(beta, gamma, k, part * weight, floor)
        assert lower == pytest.approx(floor - at, abs=1e-12)
        p, h = min(max(1 - e, 1e-5), 1 - 1e-5), 1e-6
        behind, ahead = (weighted_step(beta, gamma, k, weight, 1 - p - d) for d in (-h, h))
        accepted = gamma * (1 - p) + (1 - gamma) * p
        trained = 1 - (1 - weight) * (1 - accepted) ** k
        slope = bs.statements["T16/monotone"].direct(p=p, **noisy)
        assert slope == pytest.approx((behind - ahead) / (2 * h) * accepted * trained**2, abs=1e-6)
        # At the stall of a share an iteration changes nothing.
        share, hard = rng.uniform(0.01, 0.99), rng.uniform(0.01, 1)
        stall = bs.laws.share_stall(beta=beta, label_share=share, hard_share=hard, attempts=k)
        above = bs.statements["T16/share"].direct(beta, k, share, hard, stall)
        least = share * (1 - beta) / ((1 - share) * hard + share)
        assert above == pytest.approx(stall - least, abs=1e-9)
        tried = bs.laws.attempts_until_accepted(acceptance=accepted, attempts=k)
        tries = {"acceptance": accepted, "attempts": k}
        assert bs.statements["T17/least"].direct(**tries) == pytest.approx(tried - 1)
        assert bs.statements["T17/most"].direct(**tries) == pytest.approx(k - tried, abs=1e-12)


NEARLY = {
    "heavy labels leave no more than (1 - beta) e^k": ("T16/step", {"weight": (1, 2)}),
    "with heavy labels and several attempts the map is monotone": (
        "T16/monotone",
        {
            "attempts": [8],
            "beta": (Fraction(9, 10), 1),
            "gamma": (Fraction(1, 20), Fraction(1, 10)),
            "weight": (50, 100),
            "p": (Fraction(1, 4), Fraction(1, 2)),
        },
    ),
    "the error is at most what a share leaves": (
        "T16/share",
        {"hard_share": (Fraction(1), Fraction(2))},
    ),
}


@pytest.mark.parametrize("sentence", NEARLY)
def test_what_is_nearly_a_statement_on_weights_is_not_proved(sentence):
    name, wider = NEARLY[sentence]
    true = bs.statements[name]
    false = replace(true, name="mine", sentence=sentence, box={**true.box, **wider})
    proof = bs.prove(false, halvings=6)
    assert proof.verdict == "refuted"
    assert false.direct(**proof.counterexample) < 0


def test_attempts_that_are_made_are_not_fewer_than_stated():
    """1/A, the mean of a geometric number that nothing cuts, is above what k attempts can be."""
    tried = bs.statements["T17/most"]
    uncut = bs.Statement(
        "mine",
        "a visit that stops at the first accepted attempt makes 1/A at most k",
        tried.box,
        direct=lambda acceptance, attempts: attempts - 1 / acceptance,
        terms=lambda acceptance, attempts: [[attempts * acceptance - 1, 1 / acceptance]],
    )
    proof = bs.prove(uncut, halvings=6)
    assert proof.verdict == "refuted"


def test_t3_contracts_symbolically():
    beta, gamma, p = sympy.symbols("beta gamma p")
    right = beta * (1 - gamma)
    fixed = right / (gamma + beta * (1 - 2 * gamma))
    rate = 1 - gamma - beta * (1 - 2 * gamma)
    accepted = gamma * (1 - p) + (1 - gamma) * p
    after = (1 - gamma) * p + (1 - accepted) * beta
    assert sympy.cancel(after.subs(p, fixed) - fixed) == 0
    assert sympy.cancel(after - fixed - rate * (p - fixed)) == 0
    # Bilinear in (beta, gamma): its extremes on a box are at the corners.
    for slack in (rate, 1 - beta * (1 - gamma) - rate):
        assert sympy.Poly(slack, beta, gamma).degree(beta) <= 1
        assert sympy.Poly(slack, beta, gamma).degree(gamma) <= 1
        corners = [slack.subs({beta: b, gamma: g}) for b in (0, 1) for g in (0, 1)]
        assert min(corners) >= 0


def test_t10_s_fixed_point_symbolically():
    b, beta, p = sympy.symbols("b beta p", positive=True)
    fixed = ((1 - b) + sympy.sqrt((1 - b) ** 2 + 4 * b * beta)) / 2
    after = (p + b * beta) / (p + b)
    assert sympy.simplify(fixed * (fixed + b) - (fixed + b * beta)) == 0
    # Distances to it are multiplied by (1 - p*)/(p + b).
    factor = (1 - fixed) / (p + b)
    assert sympy.simplify(after - fixed - factor * (p - fixed)) == 0
    # At beta = 1 it is 1, and 1 - p* falls as beta rises.
    assert sympy.simplify(fixed.subs(beta, 1).subs(b, sympy.Rational(1, 3))) == 1
    assert (
        sympy.diff(fixed, beta).is_positive
        or sympy.simplify(sympy.diff(fixed, beta) * sympy.sqrt((1 - b) ** 2 + 4 * b * beta) - b)
        == 0
    )


@pytest.mark.parametrize("attempts", [1, 2])
@pytest.mark.parametrize("name", bs.statements)
def test_the_two_forms_are_one_symbolically(name, attempts):
    statement = bs.statements[name]
    names = inspect.signature(statement.direct).parameters
    point = {each: sympy.Symbol(each) for each in names if each != "attempts"}
    if "attempts" in names:
        point["attempts"] = attempts
    elif attempts > 1:
        return
    if name in ("T4/growth", "T16/lighter") and attempts > 1:
        # Seconds of cancelling; in exact fractions it is compared above.
        return
    assert sympy.cancel(statement.direct(**point) - statement.slack(**point)) == 0


def test_what_is_false_is_refuted_by_an_exact_point():
    faster = bs.Statement(
        "mine/faster",
        "an error above T3's floor falls to it with T3's rate less a tenth",
        bs.statements["T3/rate"].box,
        direct=lambda beta, gamma: gamma * (1 - beta) - Fraction(1, 10),
        terms=lambda beta, gamma: [[(10 * gamma * (1 - beta) - 1) / 10]],
    )
    proof = bs.prove(faster)
    assert proof.verdict == "refuted"
    assert faster.direct(**proof.counterexample) < 0
    assert "false at beta =" in proof.summary()


def test_a_sum_that_touches_zero_inside_stays_undecided():
    def square(terms):
        name, sentence = "mine/square", "(x - 1/3)^2 is not negative"
        return bs.Statement(
            name, sentence, {"x": (0, 1)}, lambda x: x**2 - 2 * x / 3 + Fraction(1, 9), terms
        )

    proof = bs.prove(square(lambda x: [[(9 * x * x - 6 * x + 1) / 9]]), halvings=10)
    assert proof.verdict == "undecided"
    assert not proof
    assert any(low <= Fraction(1, 3) <= high for low, high in [p["x"] for p in proof.undecided])
    # Every point that was left out lies in a piece that is kept.
    assert proof.share + Fraction(proof.open_boxes, 2**10) == 1
    assert "100%" not in proof.summary()
    # Written as the square that it is, an even power is nowhere negative.
    assert bs.prove(square(lambda x: [[(x - Fraction(1, 3)) ** 2]])).pieces == 1


X = {"x": (0, 1)}
FALSE_SOMEWHERE = {
    "at a face": (lambda x: 20_000 * x - 1, lambda x: [[20_000 * x - 1]]),
    "inside": (
        lambda x: (3 * x - 1) ** 2 * 10**10 - 1,
        lambda x: [[(3 * x - 1) ** 2 * 10**10 - 1]],
    ),
}


@pytest.mark.parametrize("where", FALSE_SOMEWHERE)
def test_what_is_false_on_a_sliver_is_not_called_proved(where):
    direct, terms = FALSE_SOMEWHERE[where]
    proof = bs.prove(bs.Statement("mine", "s", X, direct=direct, terms=terms))
    assert proof.verdict in ("refuted", "undecided")
    if proof.counterexample:
        assert direct(**proof.counterexample) < 0


def _piecewise(x):
    return -1 + 0 * x if 100 * x > 70 and 100 * x < 71 else 1 + 0 * x


def _smaller(x):
    return min(x * 0 + 1, (100 * x - 70) * (100 * x - 71))


@pytest.mark.parametrize(
    "number", [_piecewise, _smaller, lambda x: abs(x), lambda x: 1 if x == 0 else x]
)
def test_what_branches_is_refused(number):
    """A ball takes one branch for all of its points: the first two are false, and were proved."""
    with pytest.raises(ValueError, match="made of the names, whole numbers"):
        bs.prove(bs.Statement("mine", "s", X, number, lambda x: [[number(x)]]))


@pytest.mark.parametrize(
    ("box", "number"),
    [(X, lambda x: 10**6 * x - 1), ({**X, "y": (0, 1)}, lambda x, y: x * 10**6 - y)],
)
def test_what_is_false_at_a_corner_is_refuted(box, number):
    proof = bs.prove(bs.Statement("mine", "s", box, number, lambda **point: [[number(**point)]]))
    assert proof.verdict == "refuted"
    assert not proof
    assert number(**proof.counterexample) < 0


def test_rounded_numbers_prove_nothing():
    """Each is false, and was proved while floats were let through."""
    for box, direct, terms in (
        (X, lambda x: (x + 1e20) - (1e20 + 2 * x), lambda x: [[0 * x]]),
        (
            {**X, "k": [10**17]},
            lambda x, k: x * ((1 - 1 / k) - 1),
            lambda x, k: [[x, (1 - 1 / k) - 1]],
        ),
        (X, lambda x: x**0.5, lambda x: [[x**0.5]]),
    ):
        with pytest.raises(ValueError, match="made of the names, whole numbers"):
            bs.prove(bs.Statement("mine", "s", box, direct=direct, terms=terms))
    with pytest.raises(ValueError, match="k must be"):
        bs.Statement("mine", "s", {"k": [Fraction(-1, 2)]}, lambda k: k, lambda k: [[k]])


def test_whole_numbers_alone_are_decided():
    true = bs.Statement("mine", "s", {"k": [2, 3]}, lambda k: k - 1, lambda k: [[k], [-1]])
    assert bs.prove(true).verdict == "proved"
    false = bs.Statement("mine", "s", {"k": [0, 2]}, lambda k: k - 1, lambda k: [[k], [-1]])
    assert bs.prove(false).verdict == "refuted"


def test_a_sliver_at_a_corner_is_not_called_proved():
    """It is 1/60,000 of the square, and was left out as too thin to matter."""
    proof = bs.prove(
        bs.Statement(
            "mine",
            "30000 x^2 >= x y",
            {"x": (0, 1), "y": (0, 1)},
            direct=lambda x, y: 30_000 * x**2 - x * y,
            terms=lambda x, y: [[x, 30_000 * x - y]],
        )
    )
    assert proof.verdict == "refuted"
    assert proof.statement.direct(**proof.counterexample) < 0


def test_what_divides_by_zero_everywhere_is_no_number():
    """Where it has no value it was taken for 0, so it was proved."""
    nowhere = bs.Statement(
        "mine",
        "s",
        {"x": (0, 1), "k": [1]},
        direct=lambda x, k: -x / (k - 1),
        terms=lambda x, k: [[-x / (k - 1)]],
    )
    with pytest.raises(ValueError, match=r"must be a number on its box; got .* division by 0"):
        bs.prove(nowhere)
    somewhere = replace(nowhere, box={"x": (0, 1), "k": [2]})
    assert bs.prove(somewhere).verdict == "refuted"


def test_a_power_of_nothing_is_one_however_large_the_base():
    """It came to a float, which counted as infinite, so -4 was proved not to be negative."""
    for box in ({"y": (-1, 0), "k": [0]}, {"y": (-1, 1), "k": [0]}):
        proof = bs.prove(
            bs.Statement(
                "mine",
                "s",
                box,
                direct=lambda y, k: 2 * (1 / y) ** k - 5,
                terms=lambda y, k: [[2, (1 / y) ** k], [-5]],
            )
        )
        assert proof.verdict == "refuted"


def test_a_denominator_that_reaches_zero_is_followed():
    """Where it is 0 there is no number; as near to it as one likes there is."""

    def over(sign):
        return bs.Statement(
            "mine",
            "(x^2 - x y)/x over y has the sign of x - y",
            {"x": (0, 1), "y": (0, 1)},
            direct=lambda x, y: (x**2 + sign * x * y) / x,
            terms=lambda x, y: [[x], [sign, y]],
        )

    assert bs.prove(over(1)).share == 1
    refuted = bs.prove(over(-1))
    assert refuted.verdict == "refuted"
    assert refuted.counterexample["x"] < refuted.counterexample["y"]
    # False at every point, and the middle of the box is the one where it has no value.
    singular = bs.Statement(
        "mine",
        "s",
        {"x": (0, 1)},
        direct=lambda x: -1 - (x - Fraction(1, 2)) / (x - Fraction(1, 2)),
        terms=lambda x: [[-2]],
    )
    proof = bs.prove(singular)
    assert proof.verdict == "refuted"
    assert singular.direct(**proof.counterexample) == -2


def test_little_time_is_said_to_be_undecided():
    proof = bs.prove("T4/growth", halvings=5, time_limit=0.0)
    assert (proof.verdict, proof.share, proof.open_boxes) == ("undecided", 0, 16)
    assert "16 of 16 pieces undecided" in proof.summary()
    assert json.loads(proof.to_json())["halvings"] == 5


def test_bad_statements_are_refused():
    with pytest.raises(ValueError, match="terms of statement 'mine' must add up to direct"):
        bs.prove(
            bs.Statement("mine", "s", {"x": (0, 1)}, direct=lambda x: x, terms=lambda x: [[x, x]])
        )
    wrong = {"direct": lambda x: x, "terms": lambda x: [[x]]}
    for box in ({"x": (0.0, 0.1)}, {"x": (1, 0)}, {"x": []}, {"x": (0, 1, 2)}):
        with pytest.raises(ValueError, match="x must be"):
            bs.Statement("mine", "s", box, **wrong)
    with pytest.raises(ValueError, match="direct of statement 'mine' must be a function of x"):
        bs.Statement("mine", "s", X, direct=lambda y: y, terms=lambda x: [[x]])
    with pytest.raises(ValueError, match="a list of terms, each a list of factors"):
        bs.prove(bs.Statement("mine", "s", X, direct=lambda x: x, terms=lambda x: x))
    with pytest.raises(ValueError, match="prove_all"):
        bs.prove("T3")
    with pytest.raises(ValueError, match="box must be"):
        bs.Statement("mine", "s", {}, **wrong)
    with pytest.raises(ValueError, match="Did you mean 'T3/side'"):
        bs.prove("T3/sides")
    with pytest.raises(ValueError, match="statement must be one of"):
        bs.prove_all(["T2"])
    with pytest.raises(ValueError, match="names must be"):
        bs.prove_all([bs.statements["T3/side"]])
    with pytest.raises(ValueError, match="halvings must be"):
        bs.prove("T3/side", halvings=-1)
