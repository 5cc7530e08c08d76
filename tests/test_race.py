"""Races: the confidence sequence by a second way, and how seldom a race errs."""

import itertools
import json

import jax
import numpy as np
import pytest
from alarms import alpha
from scipy.stats import binom, norm

import boostsim as bs
from boostsim.tournament.betting import FRACTIONS, WEIGHTS, bounded_sequence, wealth
from boostsim.tournament.intervals import ASSUMED, always, moved_out, once
from boostsim.tournament.race import run_race
from boostsim.tournament.sequence import SPREADS, half_widths, mixture_ratio


@pytest.mark.parametrize("spread", [1.0, 9.0])
def test_the_mixture_is_its_integral(spread):
    values = np.array([0.3, 1.1, 0.4, 1.9])

    # Over log sigma, for the prior is 1/sigma.
    sigma = np.exp(np.linspace(-5.0, 6.0, 1500))[:, None]
    delta = np.linspace(-8.0, 8.0, 1001) * np.sqrt(spread)

    def likelihood(effect):
        return np.prod([norm.pdf(value, sigma * effect, sigma) for value in values], axis=0)

    mixed = np.trapezoid(likelihood(delta) * norm.pdf(delta, 0, np.sqrt(spread)), delta, axis=1)
    ratio = mixed.sum() / likelihood(np.zeros(1)).sum()
    assert mixture_ratio(values, 0.0, spread) == pytest.approx(ratio, rel=1e-3)


def test_the_interval_ends_where_the_evidence_does():
    values = np.random.default_rng(0).normal(5.0, 2.0, 30)
    half = half_widths(values, 0.02)
    assert np.isinf(half[:2]).all()
    for n in (8, 20, 30):
        first = values[:n]
        evidence = [
            max(mixture_ratio(first, first.mean() + side * half[n - 1], g) for g in SPREADS)
            for side in (-1, 1)
        ]
        assert evidence == pytest.approx([len(SPREADS) / 0.02] * 2)
    low, high = always(values, 0.02, "normal")
    means = np.cumsum(values) / np.arange(1, 31)
    # Moved out, on one side of each interval, for skewness.
    assert low <= max(means - half) < min(means + half) <= high
    # What all values share costs no digits.
    far = half_widths(values + 1e6, 0.02)
    assert far[2:] == pytest.approx(half[2:], rel=1e-6)


def test_intervals_hold_at_every_look():
    """Normal values: in at most 5% of sequences the mean is ever left out, of a hundred looks."""
    rng, sequences = np.random.default_rng(1), 1500
    wrong = 0
    for row in rng.normal(0.0, 3.0, (sequences, 100)):
        means = np.cumsum(row) / np.arange(1, 101)
        wrong += bool((np.abs(means) > half_widths(row, 0.05)).any())
    assert 0 < wrong <= binom.isf(alpha("confidence_sequence"), sequences, 0.05)


def test_wealth_is_a_fair_game_and_the_interval_its_level():
    """E K_n(m) is 1 at the mean by enumeration; ends by the closed form of equal values."""
    for low, high, chance in ((-1.0, 1.0, 0.3), (0.0, 1.0, 0.1), (-0.2, 0.1, 0.5)):
        mean = chance * high + (1 - chance) * low
        fair = 0.0
        for pattern in itertools.product((False, True), repeat=6):
            weight = np.prod(np.where(pattern, chance, 1 - chance))
            fair += weight * np.exp(wealth(np.where(pattern, high, low), mean)[-1])
        assert fair == pytest.approx(1.0, rel=1e-12)
    rich = [wealth(np.array([0.1, -0.3, 1.0, 0.2]), m).max() for m in np.linspace(0.05, 0.95, 50)]
    assert (np.diff(rich) > 0).all()
    for n in (5, 64):
        low, high = bounded_sequence(np.zeros(n), 0.05)
        evidence = WEIGHTS @ (1 + FRACTIONS * high / (1 - high)) ** n
        assert evidence == pytest.approx(2 / 0.05, rel=1e-5)
        assert low == pytest.approx(-high, abs=1e-8)
    assert bounded_sequence(np.ones(3), 0.05)[1] == pytest.approx(1.0, abs=1e-8)
    assert bounded_sequence(np.zeros(0), 0.05) == (-1.0, 1.0)


def skewed_values(rng, shape):
    """Draws from a thousand lognormal values within [0, 1], and their mean."""
    population = np.random.default_rng(3).lognormal(0.0, 1.5, 1000)
    population /= population.max()
    return rng.choice(population, shape), population.mean()


@pytest.mark.parametrize("kind", ["rare", "both ways", "lognormal"])
def test_bounded_intervals_hold_at_every_look_whatever_the_values_are(kind):
    rng, sequences, wrong = np.random.default_rng(4), 400, 0
    shape = sequences, 100
    if kind == "lognormal":
        values, mean = skewed_values(rng, shape)
    else:
        side = 1.0 if kind == "rare" else rng.choice([-1.0, 1.0], shape)
        values = (rng.random(shape) < 0.05) * side
        mean = 0.05 if kind == "rare" else 0.0
    for row in values:
        # What any look left out is left out in the end.
        low, high = always(row, 0.05, "bounded")
        wrong += not low <= mean <= high
    assert wrong <= binom.isf(alpha("bounded_sequence"), sequences, 0.05)


LOOKS = (4, 6, 8, 12, 16, 24, 32, 48, 64)


@pytest.mark.parametrize("nonzero", [0.02, 0.1, 0.3, 1.0])
def test_rare_and_skewed_differences_seldom_deceive_the_normal_intervals(nonzero):
    """Values that are mostly 0, and exponential ones (1.0), which the statement does not cover."""
    rng, sequences, wrong = np.random.default_rng(6), 150 if nonzero < 1 else 600, 0
    for _ in range(sequences):
        row = rng.exponential(0.1, 64)
        if nonzero < 1:
            row = (rng.random(64) < nonzero) * 0.1
        ends = [always(row[:n], 0.05, "normal") for n in LOOKS]
        wrong += any(not low <= 0.1 * nonzero <= high for low, high in ends)
    assert wrong <= binom.isf(alpha("rare_differences"), sequences, 0.05)


def test_no_difference_so_far_is_not_no_difference():
    for n in (4, 30, 100):
        for assume in ASSUMED:
            low, high = always(np.zeros(n), 0.05, assume)
            assert low < -1 / n < 1 / n < high
    # Later values widen what equal ones said, and few others do not narrow it.
    low, high = always([0.1, 0.1, 0.1, 0.1, 0.5, 0.6], 0.05, "normal")
    assert low < 0.0 < 0.6 < high
    few = np.zeros(30)
    few[:3] = 0.01, 0.02, 0.03
    assert always(few, 0.05, "normal") == bounded_sequence(few, 0.05)
    assert once(few, 0.05, 0.001, "normal") == bounded_sequence(few, 0.05)


def test_the_longer_tail_moves_its_end_out_by_twice_johnsons_term():
    from scipy.stats import skew, tstd

    values = np.random.default_rng(1).exponential(1.0, 12)
    half = half_widths(values, 0.05)
    for sign in (1.0, -1.0):
        low, high = moved_out(sign * values, half)
        s, n = tstd(values), 12
        t = half[-1] * np.sqrt(n) / s
        term = 2 * skew(values, bias=False) * s * (1 + 2 * t**2) / (6 * n)
        assert term > 0
        ends = sign * values.mean() - half[-1], sign * values.mean() + half[-1]
        want = (ends[0], ends[1] + term) if sign > 0 else (ends[0] - term, ends[1])
        # The sample's unbiased third moment over s^3 instead of over its own.
        assert (low[-1], high[-1]) == pytest.approx(want, rel=1e-9)


def raced(rng, means, most_seeds=24, resolution=0.0, noise=0.02):
    """A race of contenders with these true scores, on common seeds."""
    common = rng.normal(0.0, 0.05, most_seeds)
    rows = {
        f"c{i}": mean + common + rng.normal(0.0, noise, most_seeds) for i, mean in enumerate(means)
    }
    return run_race(
        tuple(rows),
        lambda names, seeds: {name: rows[name][seeds.start : seeds.stop] for name in names},
        confidence=0.95,
        resolution=resolution,
        most_seeds=most_seeds,
        batch=2,
    )


@pytest.mark.parametrize(("gap", "tournaments"), [(0.0, 200), (0.0, 1000), (0.004, 1000)])
def test_false_selection_is_as_seldom_as_stated(gap, tournaments):
    """Tournaments of four equals, or of near-equals: who is out is truly worse in 95%."""
    rng, wrong = np.random.default_rng(2), 0
    means = {f"c{i}": 0.3 + gap * i for i in range(4)}
    for _ in range(tournaments):
        _, out, _, _ = raced(rng, means.values())
        wrong += any(means[each.criterion] <= means[each.by] for each in out)
    assert wrong <= binom.isf(alpha("false_selection"), tournaments, 0.05)


@pytest.mark.parametrize(("gap", "tournaments"), [(0.0, 1000), (0.004, 1000), (0.004, 200)])
def test_who_is_selected_is_nearly_the_best_as_often_as_stated(gap, tournaments):
    """Tournaments that end when settled: the first is within the resolution in 95%."""
    rng, resolution, wrong, ended = np.random.default_rng(5), 0.003, 0, 0
    means = {f"c{i}": 0.3 + gap * i for i in range(4)}
    for _ in range(tournaments):
        left, _, verdict, scores = raced(rng, means.values(), 32, resolution, 0.002)
        ended += verdict != "undecided" and len(scores[left[0]]) < 32
        wrong += verdict != "undecided" and means[left[0]] > 0.3 + resolution
    assert wrong <= binom.isf(alpha("false_selection"), tournaments, 0.05)
    assert ended > 0.95 * tournaments


def test_a_race_ends_when_it_knows():
    rng = np.random.default_rng(3)
    left, out, verdict, scores = raced(rng, [0.3, 0.6, 0.31, 0.9])
    assert (left[0], verdict) in {("c0", "undecided"), ("c0", "decided")}
    assert {each.criterion for each in out} >= {"c1", "c3"}
    assert all(each.low > 0 for each in out)
    assert len(scores["c3"]) < len(scores["c0"])
    # None is better than the first by more than the resolution: that is known, too.
    left, out, verdict, scores = raced(rng, [0.3, 0.3, 0.301, 0.9], 64, 0.02, 0.005)
    assert verdict == "settled"
    assert set(left) == {"c0", "c1", "c2"}
    assert len(scores["c0"]) < 64
    left, _, verdict, scores = raced(rng, [0.3, 0.3], 8)
    assert (verdict, len(left), len(scores["c0"])) == ("undecided", 2, 8)
    alone = raced(rng, [0.3])
    assert alone[2] == "decided"


@bs.criterion
def never(visits):
    return 0.0 * visits.mass


@pytest.mark.parametrize("assume", ASSUMED)
@pytest.mark.parametrize("key", range(4))
def test_a_rule_that_harms_seldom_is_not_settled_on(key, assume):
    """Five prompts, labels never right: who buys any is worse, and hardly ever buys one."""
    task = bs.table_task([[1, 0]] * 5, initial=[[0.9, 0.1]] * 5)
    tasks = {"seldom": bs.Challenge(task, bs.WeakLabeler(0.0), None, attempts=4)}
    how = {"iterations": 5, "visits": 1, "most_seeds": 12}
    found = bs.race(["failed", never], tasks, 0.5, key, assume=assume, **how)
    assert found.verdict == "undecided", found
    assert ASSUMED[assume] in found.summary()


def test_only_the_same_function_is_equal_for_certain():
    again = bs.Criterion(lambda visits: bs.criteria.failed(visits))
    object.__setattr__(again.function, "__name__", "again")
    # Twice the priority: another function, though it asks for the same labels.
    almost = bs.Criterion(lambda visits: 2.0 * (visits.accepted == 0), again.allocation)
    object.__setattr__(almost.function, "__name__", "almost")
    # The programs of the race below.
    tasks = {"helpless": bs.stress_suite(0, prompts=50)["helpless"]}
    how = {"labels_per_visit": 0.02, "iterations": 15, "most_seeds": 8}
    failed = bs.Criterion(bs.criteria.failed.function, again.allocation)
    same, other = (bs.race([failed, rule], tasks, **how) for rule in (again, almost))
    assert (same.verdict, same.seeds["failed"]) == ("settled", 4)
    assert (other.scores["failed"] == other.scores["almost"]).all()
    assert (other.verdict, other.seeds["failed"]) == ("undecided", 8)


# Of one structure, programs are shared; where verdicts persist they are others.
@pytest.mark.parametrize(("other", "key"), [("helpless", 1), ("blind spots", 0)])
def test_a_race_is_a_tournament_that_stops(other, key):
    suite = bs.stress_suite(0, prompts=50)
    other = bs.stress_suite(key, prompts=50)[other]
    tasks = {"helpless": suite["helpless"], "other": other}
    how = {"labels_per_visit": 0.02, "key": 5, "iterations": 15}
    rules = ["failed", "uniform"]
    found = bs.race(rules, tasks, most_seeds=8, resolution=0.0, **how)
    board = bs.compare(rules, tasks, seeds=8, **how)
    for name, count in found.seeds.items():
        assert found.scores[name] == pytest.approx(board.scores()[name][:count], rel=1e-12)
    assert [each.criterion for each in found.eliminated] == ["uniform"]
    assert found.runs == 2 * sum(found.seeds.values()) < 2 * 2 * 8
    assert "uniform is worse than" in found.summary()
    assert json.loads(found.to_json())["runs"] == found.runs
    for bad, words in (
        ({"confidence": 0.0}, "strictly between"),
        ({"resolution": -1.0}, "resolution must be"),
        ({"most_seeds": 3}, "most_seeds must be"),
        ({"batch": 0}, "batch must be"),
        ({"assume": "nothing"}, "assume must be one of bounded, normal"),
        ({"tasks": {"all": suite["helpless"]}}, "named by words other than 'all'"),
    ):
        with pytest.raises(ValueError, match=words):
            bs.race(rules, **{"tasks": tasks, **how, **bad})


def test_a_range_of_seeds_goes_on_where_a_number_ended():
    task = bs.random_table(0, prompts=20)
    procedure = bs.boosting(filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3))
    how = {"iterations": 3, "visits": 5, "key": jax.random.key(4)}
    whole = bs.simulate(procedure, task, seeds=6, **how)
    parts = [bs.simulate(procedure, task, seeds=each, **how) for each in (range(4), range(4, 6))]
    assert (np.concatenate([part.error.values for part in parts]) == whole.error.values).all()
    assert parts[1].seed.values.tolist() == [4, 5]
    last = bs.simulate(procedure, task, seeds=range(2**32 - 1, 2**32), **how)
    assert last.seed.values.tolist() == [2**32 - 1]
    beyond = range(2**32, 2**32 + 1), range(2**33, 2**33 + 1)
    for bad in (range(0), range(-1, 3), range(0, 6, 2), *beyond):
        with pytest.raises(ValueError, match="seeds must be a range of numbers"):
            bs.simulate(procedure, task, seeds=bad, **how)
    assert list(itertools.chain(range(4), range(4, 6))) == whole.seed.values.tolist()


def test_a_difference_beyond_one_by_rounding_is_one():
    beyond = np.array([1.0 + 1e-12, 0.5, -1.0 - 1e-12])
    assert bounded_sequence(beyond, 0.05) == bounded_sequence(np.clip(beyond, -1, 1), 0.05)
