"""Chains solved without subtractions, against whole fractions and sums of powers."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boostsim.theory import chains

EPS = np.finfo(np.float64).eps
# Entries far apart: a chain that is all but closed, and states that are all but never met.
SHARES = st.sampled_from([0.0, 1e-200, 1e-18, 0.1, 0.7, 1.0])


def solved(matrix, right):
    """Gauss and Jordan in fractions."""
    rows = [[*row, *ends] for row, ends in zip(matrix, right, strict=True)]
    for column in range(len(rows)):
        pivot = next(i for i in range(column, len(rows)) if rows[i][column] != 0)
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [entry / rows[column][column] for entry in rows[column]]
        for other in range(len(rows)):
            if other != column and rows[other][column] != 0:
                factor = rows[other][column]
                pairs = zip(rows[other], rows[column], strict=True)
                rows[other] = [entry - factor * taken for entry, taken in pairs]
    return [row[len(matrix) :] for row in rows]


def alike(found, exact, roundings):
    """Every entry to so many roundings of itself, however small it is."""
    want = np.array([[float(entry) for entry in row] for row in exact])
    assert (np.abs(found - want) <= roundings * EPS * want + 1e-290).all(), (found, want)


def weighted(draw, states, ends):
    """A chain in fractions that are floats, up to the norm of a row: each state can leave."""
    rows = [[draw(SHARES) for _ in range(states + ends)] for _ in range(states)]
    for row in rows:
        row[-1] = max(row[-1], 1e-18)
    return rows


@given(data=st.data(), states=st.integers(1, 5))
def test_every_entry_of_the_visits_keeps_its_digits(data, states):
    rows = weighted(data.draw, states, 2)
    # Whatever leaves is what does not stay: as it is given, not as one less a sum.
    leaving = [Fraction(row[-2]) + Fraction(row[-1]) for row in rows]
    among = [[Fraction(entry) for entry in row[:-2]] for row in rows]
    matrix = [
        [
            (leaving[i] + sum(among[i]) - among[i][i] if i == j else -among[i][j])
            for j in range(states)
        ]
        for i in range(states)
    ]
    exact = solved(matrix, [[Fraction(i == j) for j in range(states)] for i in range(states)])
    moves, out = np.array([row[:-2] for row in rows]), np.array([float(each) for each in leaving])
    found = chains.expected_visits(moves * (1 - np.eye(states)), out)
    # As rates, not probabilities: a state is left for the others and the ends, at what is given.
    alike(found, exact, 16 * states + 4)


@pytest.mark.parametrize("size", [chains.BLOCK - 1, chains.BLOCK, 2 * chains.BLOCK + 3])
def test_blocks_are_one_elimination(size, monkeypatch):
    rng = np.random.default_rng(0)
    law = rng.dirichlet(np.full(size + 1, 0.1), size)
    visits = chains.expected_visits(law[:, :-1], law[:, -1])
    assert visits @ law[:, -1] == pytest.approx(np.ones(size), rel=64 * EPS * np.sqrt(size))
    monkeypatch.setattr(chains, "BLOCK", 10**6)
    alone = chains.expected_visits(law[:, :-1], law[:, -1])
    assert visits == pytest.approx(alone, rel=4 * size * EPS, abs=0.0)


@pytest.mark.parametrize(("trials", "right"), [(1, 0), (1, 1), (7, 3), (60, 59), (2000, 1)])
def test_binomial_laws_keep_their_digits_far_from_the_middle(trials, right):
    share = Fraction(right, trials)
    masses = np.array(right / trials), np.array((trials - right) / trials)
    found = chains.binomial_law(trials, *masses)
    exact = [
        comb(trials, j) * share**j * (1 - share) ** (trials - j)
        for j in range(0, trials + 1, max(1, trials // 60))
    ]
    # Two roundings a step from the mode, and those of p and q, j and n - j times.
    alike(found[None, :: max(1, trials // 60)], [exact], 6 * trials + 4)


def test_binomial_laws_of_masses_that_floats_can_hardly_hold():
    tiny = chains.binomial_law(3, np.array([1e-200, 1.0]), np.array([1.0, 1e-200]))
    assert tiny[0] == pytest.approx([1.0, 3e-200, 0.0, 0.0], rel=8 * EPS, abs=1e-300)
    assert tiny[1] == pytest.approx([0.0, 0.0, 3e-200, 1.0], rel=8 * EPS, abs=1e-300)
    ends = chains.binomial_law(3, np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    assert ends.tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]


def by_powers(moves, exits, steps=4000):
    """The law of the number of steps until each end, one step after the other."""
    law, ended = np.eye(len(moves)), []
    for _ in range(steps):
        ended.append(law @ exits)
        law = law @ moves
    assert law.max() < 1e-16
    return np.array(ended)


def test_how_a_chain_ends_is_what_the_sum_of_its_steps_says():
    rng = np.random.default_rng(1)
    law = rng.dirichlet(np.ones(8), 6)
    moves, exits = law[:, :6], law[:, 6:]
    ends = chains.absorption(moves, exits)
    ended = by_powers(moves, exits)
    times = np.arange(1.0, len(ended) + 1)[:, None, None]
    chance = ended.sum(0)
    mean = (times * ended).sum((0, 2))
    given = (times * ended).sum(0) / chance
    assert ends.probability == pytest.approx(chance, rel=1e-13)
    assert ends.time == pytest.approx(mean, rel=1e-13)
    assert ends.time_given == pytest.approx(given, rel=1e-13)
    spread = ((times[..., 0] - mean) ** 2 * ended.sum(2)).sum(0)
    assert ends.variance == pytest.approx(spread, rel=1e-12)
    assert ends.variance_given == pytest.approx(
        ((times - given) ** 2 * ended).sum(0) / chance, rel=1e-12
    )
    # And one that begins elsewhere: as one state more, to which nothing leads.
    first = rng.dirichlet(np.ones(8), 1)
    whole = chains.absorption(
        np.block([[moves, np.zeros((6, 1))], [first[:, :6], np.zeros((1, 1))]]),
        np.concatenate([exits, first[:, 6:]]),
    )
    for found, want in zip(chains.begun(first[:, :6], first[:, 6:], ends), whole, strict=True):
        assert found == pytest.approx(want[-1:], rel=1e-13)


def test_what_cannot_be_is_no_number_and_what_is_certain_has_no_spread():
    moves, exits = np.array([[0.0, 1.0], [0.0, 0.0]]), np.array([[0.0, 0.0], [1.0, 0.0]])
    ends = chains.absorption(moves, exits)
    assert ends.time.tolist() == [2.0, 1.0]
    assert ends.variance.tolist() == [0.0, 0.0]
    assert ends.time_given[:, 0].tolist() == [2.0, 1.0]
    assert np.isnan(ends.time_given[:, 1]).all()
    assert np.isnan(ends.variance_given[:, 1]).all()


def test_stationary_laws_keep_their_digits():
    """Of a walk up and down with rates far apart, by the balance of each pair of neighbours."""
    up, down = [1e-6, 0.5, 1e-9, 0.25], [0.5, 1e-12, 0.5, 1e-3]
    moves = np.diag(up, 1) + np.diag(down, -1)
    moves += np.diag(1.0 - moves.sum(1))
    balance = [Fraction(1)]
    for rise, fall in zip(up, down, strict=True):
        balance.append(balance[-1] * Fraction(rise) / Fraction(fall))
    exact = [[each / sum(balance) for each in balance]]
    alike(chains.stationary(moves)[None], exact, 64)
