"""Advice: chances that are kept, what a label is worth by hand, and whether it pays."""

import csv
import json

import jax.numpy as jnp
import numpy as np
import pytest
from alarms import alpha, assert_law
from made_logs import log_of, made
from scipy.special import expit, logit
from scipy.stats import binom, binomtest

import boostsim as bs
from boostsim.fitting.advise import advise
from boostsim.fitting.histories import histories
from boostsim.fitting.need import best_forgetting, need
from boostsim.fitting.replay import priorities
from boostsim.fitting.sampling import inclusion, systematic
from boostsim.fitting.world import World
from boostsim.keys import as_key


@pytest.fixture(scope="module")
def told():
    """A log and its world."""
    run = made(0)
    counts = histories(run.log)
    return run, counts, World.estimate(counts)


def test_chances_are_the_best_that_a_floor_allows():
    """No other chances with the same floor and sum gain more: the linear programme, by scipy."""
    from scipy.optimize import linprog

    random = np.random.default_rng(0)
    for budget, exploration in ((5, 0.1), (12, 0.5), (30, 0.1), (3, 1.0)):
        worth = np.round(random.normal(size=20), 1)
        found = inclusion(worth, budget, exploration)
        most = min(budget, 20)
        floor = exploration * most / 20
        best = linprog(-worth, np.ones((1, 20)), [most], bounds=[(floor, 1.0)] * 20)
        assert found.min() >= floor > 0.0
        assert found.max() <= 1.0
        assert found.sum() <= most + 1e-9
        assert worth @ found == pytest.approx(-best.fun, abs=1e-9)
        # Those that tie share alike.
        for value in np.unique(worth):
            assert np.ptp(found[worth == value]) < 1e-12


def test_chances_in_proportion():
    found = inclusion(np.array([4.0, 1.0, 1.0, 0.0]), 2.0, 0.5, "proportional")
    np.testing.assert_allclose(found, [0.25 + 0.75 * share for share in (8 / 9, 2 / 9, 2 / 9, 0.0)])


def test_everybody_is_drawn_as_often_as_stated():
    """So the estimate of Horvitz and Thompson is unbiased: it is linear in who is drawn."""
    random = np.random.default_rng(1)
    chance = inclusion(np.round(random.normal(size=40), 1), 9, 0.3)
    draws, total = 4000, np.zeros(40)
    for _ in range(draws):
        drawn = systematic(chance, random)
        total += drawn
        assert drawn.sum() == 9
    for place in range(40):
        if chance[place] == 1.0:
            assert total[place] == draws
        else:
            cells = [chance[place], 1.0 - chance[place]]
            assert_law("drawn_prompts", [total[place], draws - total[place]], cells)


def test_a_key_decides_who_is_drawn(told):
    run, counts, world = told
    found = [advise(world, run.log, counts, 9, key=key, beta=0.7) for key in (0, 0, 1)]
    assert found[0] == found[1]
    assert not found[0].table.labelled.equals(found[2].table.labelled)
    assert found[0].table.label_probability.equals(found[2].table.label_probability)


@pytest.mark.parametrize("forgetting", [1.0, 0.5])
def test_a_label_is_worth_what_it_changes_there(told, forgetting):
    """For odds w/(1 + w) E[beta - p'], beta by whether the visit fails, w = 1: prompt by prompt."""
    run, counts, world = told
    found = advise(
        world, run.log, counts, 9, key=0, beta=(0.7, 0.2), forgetting=forgetting
    ).table.sort_values("prompt")
    speed = world.dynamics.speed[0]
    inner = logit(world.start[1:-1])
    for prompt in (0, 17, 41):
        joint = world.weights.copy()
        for step, count in enumerate(run.accepted[prompt, :9]):
            right = np.r_[0.0, expit(inner + speed * step), 1.0]
            joint *= binom.pmf(count, 4, right) ** (forgetting ** (8 - step))
        joint /= joint.sum()
        now, after = (np.r_[0.0, expit(inner + speed * step), 1.0] for step in (9, 10))
        fails = (1.0 - now) ** 4
        wanted = joint @ (0.5 * (fails * 0.7 + (1.0 - fails) * 0.2 - after))
        row = found.iloc[prompt]
        assert row.gain == pytest.approx(wanted, rel=1e-7)
        assert row.accuracy == pytest.approx(joint @ now, rel=1e-7)
        assert row.failing == pytest.approx(joint @ fails, rel=1e-7)


def test_rules_are_set_beside_it_by_the_same_model(told):
    run, counts, world = told
    found = advise(world, run.log, counts, 9, key=0, beta=0.6, criterion="below(0.5)")
    assert found.beside.rule.tolist() == ["advised", "failed", "uniform", "below(0.5)"]
    chance = found.table.sort_values("prompt").label_probability.to_numpy()
    gain = found.table.sort_values("prompt").gain.to_numpy()
    latest = run.accepted[:, 8]
    other = inclusion((latest == 0) * 1.0, 9, 0.1)
    row = found.beside.iloc[1]
    assert row.gain == pytest.approx(other @ gain / 80)
    assert row.overlap == pytest.approx(np.minimum(chance, other).sum() / chance.sum())
    # By its own model nothing gains more at this exploration.
    assert (found.beside.gain <= found.beside.gain.iloc[0] + 1e-15).all()

    @bs.criterion
    def hardest_first(visits):
        return 1.0 - visits.pass_rate

    own = advise(world, run.log, counts, 9, key=0, beta=0.6, criterion=hardest_first)
    assert own.beside.rule.iloc[-1] == "hardest_first"


def test_a_rule_with_a_memory_has_lived_through_the_log():
    """Multiplicative weights grow by the rate times the share that failed, in each iteration."""
    log = log_of([[0, 2, 4], [4, 4, 4]], 4)
    found = priorities(bs.criteria.hedge(0.5), log, as_key(0))
    np.testing.assert_allclose(found, [1.0, np.exp(-0.5 * 1.5)])
    with pytest.raises(ValueError, match=r"oracle.* truth"):
        priorities(bs.criteria.oracle, log, as_key(0))

    @bs.criterion
    def negative(visits):
        return jnp.where(visits.pass_rate < 1.0, -1.0, 1.0)

    with pytest.raises(ValueError, match=r"negative.*at least 0.*prompt 0"):
        priorities(negative, log_of([[2], [4]], 4), as_key(0))


def test_a_rule_without_one_sees_the_latest_visit():
    log = log_of([[0, 2], [4, 0]], 4)
    np.testing.assert_allclose(priorities(bs.criteria.failed, log, as_key(0)), [0.0, 1.0])
    found = priorities(bs.criteria.disagreement, log, as_key(0))
    np.testing.assert_allclose(found, [2 * 2 * 2 / 12, 0.0])


def test_old_counts_are_forgotten_where_prompts_have_ways_of_their_own():
    still = histories(made(2, prompts=150, iterations=12, speed=0.0).log)
    assert best_forgetting(World.estimate(still), still, (0.0, 0.0)) >= 0.98
    random = np.random.default_rng(3)
    jumps = expit(random.normal(size=(150, 12)).cumsum(1) * 1.5)
    moving = histories(log_of(random.binomial(8, jumps), 8))
    assert best_forgetting(World.estimate(moving), moving, (0.0, 0.0)) <= 0.8


def test_what_the_logs_labels_say_is_used():
    """Where labels are right differs by failing or not and by stratum: so does what is expected."""
    random = np.random.default_rng(4)
    accepted = random.binomial(4, np.repeat([[0.05], [0.6]], 100, 0) * np.ones((200, 6)))
    beta = np.where(accepted == 0, 0.3, 0.8)
    log = log_of(
        accepted,
        4,
        labelled=np.ones(1200, int),
        label_correct=random.binomial(1, beta).ravel(),
    )
    counts = histories(log)
    world = World.estimate(counts, beta=0.5)
    found = advise(world, log, counts, 20, key=0)
    failing = log.label_correct[log.accepted == 0].mean()
    others = log.label_correct[log.accepted > 0].mean()
    assert found.conditions["beta"] == {"failing": failing, "others": others}
    table = found.table
    wanted = table.failing * failing + (1.0 - table.failing) * others
    np.testing.assert_allclose(table.beta, wanted)
    assert "does not say" not in found.summary()


def test_strata_have_a_beta_each(told):
    run, _, world = told
    log = log_of(
        run.accepted[:, :9],
        4,
        strata=("easy", "hard"),
        stratum=np.repeat(np.arange(80) % 2, 9),
    )
    found = advise(world, log, histories(log), 9, key=0, beta={"easy": 0.9, "hard": 0.1})
    table = found.table.sort_values("prompt")
    np.testing.assert_allclose(table.beta, np.where(np.arange(80) % 2, 0.1, 0.9))
    with pytest.raises(ValueError, match=r"beta.*stratum.*easy, hard"):
        advise(world, log, histories(log), 9, key=0, beta={"easy": 0.9})


def test_what_is_written_reads_as_the_columns_of_a_log(told, tmp_path):
    run, counts, world = told
    found = advise(world, run.log, counts, 9, key=0)
    assert found.iteration == 9
    lines = found.write(tmp_path / "plan.jsonl").read_text().splitlines()
    read = [json.loads(line) for line in lines]
    assert len(read) == 80
    assert sum(each["labelled"] for each in read) == 9
    assert all(0.0 < each["label_probability"] <= 1.0 for each in read)
    with open(found.write(tmp_path / "plan.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(each["prompt"]) for each in rows] == [each["prompt"] for each in read]
    assert float(rows[0]["label_probability"]) == read[0]["label_probability"]
    # The next iteration's records, with the columns that were written.
    held = {each["prompt"]: each for each in read}
    log = log_of(
        np.zeros((80, 1), int),
        4,
        labelled=np.array([held[prompt]["labelled"] for prompt in range(80)]),
        label_probability=np.array([held[prompt]["label_probability"] for prompt in range(80)]),
    )
    assert log.labelled.sum() == 9
    assert "every label is taken for right" in found.summary().splitlines()[0]
    assert json.loads(found.to_json())["budget"] == 9
    assert found.plot().axes
    with pytest.raises(ValueError, match=r"path.*\.jsonl or \.csv"):
        found.write(tmp_path / "plan.txt")


def gains(seed, beta=0.5, budget=40):
    """What labels truly gain in mean accuracy, by advice, one iteration's count, and at random."""
    run = made(seed, prompts=300, iterations=8, attempts=2, speed=0.1, accept=(0.95, 0.1))
    counts = histories(run.log)
    world = World.estimate(counts, accept=(0.95, 0.1))
    found = advise(world, run.log, counts, budget, key=seed, beta=beta)
    # One label of weight one: half of what it knows better than the model after its iteration.
    worth = 0.5 * (beta - run.correct[:, 9])
    chance = found.table.sort_values("prompt").label_probability.to_numpy()
    rules = [chance]
    for rule in (bs.criteria.failed, bs.criteria.uniform):
        rules.append(inclusion(priorities(rule, run.log, as_key(0)), budget, 0.1))
    return [each @ worth / 300 for each in rules]


def test_advice_gains_more_in_a_few_logs():
    runs = np.array([gains(seed) for seed in (100, 101)])
    assert (runs[:, :1] > runs[:, 1:]).all()


def test_advice_gains_more_than_one_iterations_count_and_than_chance():
    """In logs whose truth is known, at the same budget and the same exploration."""
    runs = np.array([gains(seed) for seed in range(24)])
    for other in (1, 2):
        wins = int((runs[:, 0] > runs[:, other]).sum())
        level = alpha("better_advice")
        assert binomtest(wins, len(runs), 0.5, alternative="greater").pvalue < level
    # And what it says of itself is about what it is.
    assert runs[:, 0].mean() > 1.1 * runs[:, 1].mean()


@pytest.mark.parametrize(
    ("how", "name"),
    [
        ({"budget": 0}, "budget"),
        ({"exploration": 0.0}, "exploration"),
        ({"exploration": 1.5}, "exploration"),
        ({"forgetting": 0.0}, "forgetting"),
        ({"beta": 1.2}, "beta"),
        ({"beta": (0.1, 0.2, 0.3)}, "beta"),
        ({"beta": "much"}, "beta"),
        ({"criterion": "faild"}, "failed"),
        ({"criterion": bs.criteria.oracle}, "truth"),
        ({"key": -1}, "key"),
    ],
)
def test_bad_input_is_refused(told, how, name):
    run, counts, world = told
    how = {"budget": 5, "key": 0} | how
    with pytest.raises(ValueError, match=name):
        advise(world, run.log, counts, how.pop("budget"), **how)


def test_need_is_nearly_none_where_all_is_solved():
    log = log_of(np.full((5, 3), 8), 8)
    counts = histories(log)
    found = advise(World.estimate(counts), log, counts, 2, key=0, beta=0.9)
    assert (found.table.gain <= 1e-9).all()
    assert found.table.label_probability.sum() == pytest.approx(0.2)
    wants = need(World.estimate(counts), counts, (0.0, 0.0), None)
    np.testing.assert_allclose(wants.failing, 0.0, atol=1e-6)


def test_nobody_is_labelled_is_said_so(told):
    """A budget's chances may draw nobody: of none there is no mean."""
    log = log_of(np.full((2, 3), 8), 8)
    counts = histories(log)
    world = World.estimate(counts)
    found = [advise(world, log, counts, 1, key=key, beta=0.9) for key in range(20)]
    none = [each for each in found if not each.table.labelled.any()]
    assert none
    for each in none:
        first = each.summary().splitlines()[0]
        assert first.startswith("Iteration 3: no prompt of 2 is labelled (budget 1); the expected")
        assert " against " not in first
    run, counts, world = told
    assert "9 of 80 prompts to label (budget 9), whose expected" in (
        advise(world, run.log, counts, 9, key=0, beta=0.7).summary()
    )


@pytest.mark.parametrize("rule", ["failed", bs.criteria.failed, "uniform"])
def test_a_rule_that_is_beside_it_anyway_is_told_once(told, rule):
    run, counts, world = told
    found = advise(world, run.log, counts, 9, key=0, beta=0.7, criterion=rule)
    assert found.beside.rule.tolist() == ["advised", "failed", "uniform"]
    assert found.summary().count("\nfailed: ") == 1
