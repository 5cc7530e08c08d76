"""Plans at finite visits and with so many labels, against a literal planner and exact runs."""

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import boostsim as bs
from boostsim.certification import planning
from boostsim.theory.planning import follow
from boostsim.theory.walk import AtVisits, Groups, Settings, labels_spread

ASKED = {"beta": 0.2, "gamma": 0.1, "error": 0.7}
PRICES = {"price_label": 2.0, "price_generation": 0.05, "price_filter_call": 0.01}


def rates(beta, noise, attempts, error):
    """Return the next error of a prompt (T4), its labels per visit, and its attempts."""
    failed = noise + (1 - 2 * noise) * error
    # Attempt by attempt: the first accepted is kept.
    tried = [failed**each for each in range(attempts)]
    after = sum(tried) * noise * error + failed**attempts * (1 - beta)
    return after, failed**attempts, sum(tried)


def chain(beta, gamma, groups, attempts, votes, visits, iterations):
    """Yield error, labels and attempts per visit so far after 0, 1, ... iterations, literally.

    A law for each group, over its right examples; SciPy has the binomials.
    """
    noise = stats.binom.sf(votes // 2, votes, gamma)
    laws = [{error: 1.0} for _, error in groups]
    labels = tried = 0.0
    for _ in range(iterations + 1):
        told = zip(groups, laws, strict=True)
        mean = sum(w * sum(e * mass for e, mass in law.items()) for (w, _), law in told)
        yield mean, labels, tried
        for number, ((weight, _), law) in enumerate(zip(groups, laws, strict=True)):
            after = dict.fromkeys(((visits - z) / visits for z in range(visits + 1)), 0.0)
            for error, mass in law.items():
                wrong, asked, made = rates(beta, noise, attempts, error)
                labels += weight * mass * asked
                tried += weight * mass * made
                for z, each in enumerate(stats.binom.pmf(range(visits + 1), visits, 1 - wrong)):
                    after[(visits - z) / visits] += mass * each
            laws[number] = after


def by_groups(error, spread):
    return [(error, 1.0), (1 - error, 0.0)] if spread == "prompts" else [(1.0, error)]


@pytest.mark.parametrize(
    ("visits", "spread", "stops"),
    [(1, "prompts", False), (3, "responses", True), (5, "prompts", True)],
)
def test_the_cheapest_of_all_at_so_many_visits_is_found(visits, spread, stops):
    limits = {"most_attempts": 4, "most_votes": 5, "most_iterations": 40, "until_accepted": stops}
    asked = {**ASKED, "target": 0.1, "spread": spread, "visits": visits}
    found = bs.plan(**asked, **PRICES, **limits)
    costs = {}
    for attempts, votes in itertools.product(range(1, 5), (1, 3, 5)):
        way = chain(0.2, 0.1, by_groups(0.7, spread), attempts, votes, visits, 40)
        for iterations, (error, labels, tried) in enumerate(way):
            if error <= 0.1:
                made = tried if stops else attempts * iterations
                cost = 2.0 * labels + made * (0.05 + 0.01 * votes)
                costs[attempts, votes] = iterations, error, labels, made, made * votes, cost
                break
    best = min(costs, key=lambda setting: costs[setting][-1])
    assert (found.attempts, found.votes) == best
    assert found.iterations == costs[best][0]
    for row in found.alternatives.itertuples():
        told = row.iterations, row.error, row.labels, row.generations, row.filter_calls, row.cost
        assert told == pytest.approx(costs[row.attempts, row.votes], rel=1e-9)
        assert row.visits == visits
    names = set(found.alternatives.plan)
    assert {"cheapest", "fewest labels", "fewest generations"} <= names
    for name, change in (("one attempt fewer", -1), ("one attempt more", 1)):
        beside = costs.get((best[0] + change, best[1]))
        assert (name in names) == (beside is not None and beside[-1] <= 10 * costs[best][-1])
    fewest = found.alternatives.set_index("plan").labels["fewest labels"]
    near = [each for each in costs.values() if each[-1] <= 10 * costs[best][-1]]
    assert fewest == pytest.approx(min(each[2] for each in near))


def test_a_plan_for_the_limit_says_what_becomes_of_it_at_few_visits():
    """The plan of README's rates misses its target forty times at one visit."""
    found = bs.plan(**ASKED, target=0.01)
    assert (found.attempts, found.votes, found.iterations) == (8, 1, 5)
    told = found.at_visits.set_index("visits")
    assert told.index.tolist() == [1.0, 4.0, 10.0, 100.0, np.inf]
    for visits in (1, 4, 10):
        *_, (error, labels, _) = chain(0.2, 0.1, [(0.7, 1.0), (0.3, 0.0)], 8, 1, visits, 5)
        assert told.error[visits] == pytest.approx(error, rel=1e-9)
        assert told.labels[visits] == pytest.approx(labels, rel=1e-9)
    assert told.error.round(4).tolist()[:3] == [0.4463, 0.1789, 0.0443]
    assert told.reached.tolist() == [False, False, False, True, True]
    assert told.error[np.inf] == pytest.approx(found.error, rel=1e-9)
    assert told.cost[np.inf] == pytest.approx(found.cost, rel=1e-9)
    second = found.summary().splitlines()[1]
    assert second.startswith("With 1, 4 or 10 visits to a prompt it misses the target.")
    assert "0.4463 at 1, 0.1789 at 4, 0.04429 at 10, 0.001864 at 100" in second
    record = json.loads(found.to_json())
    assert record["at_visits"][0]["error"] == pytest.approx(0.4463, abs=1e-4)
    assert record["at_visits"][-1]["visits"] is None
    assert "0.4463" in found._repr_html_()


def test_few_visits_ask_for_another_plan():
    few, limit = (bs.plan(**ASKED, target=0.01, visits=visits) for visits in (4, None))
    assert few.attempts < limit.attempts
    assert few.error <= 0.01 < limit.at_visits.error[1]
    assert few.at_visits.set_index("visits").error[4.0] == pytest.approx(few.error)
    assert "Verified by the exact law at 4 visits" in few.summary()


@given(
    beta=st.floats(0.01, 1),
    gamma=st.floats(0, 1),
    error=st.floats(0, 1),
    target=st.floats(1e-3, 1),
    visits=st.integers(1, 4),
    spread=st.sampled_from(["prompts", "responses"]),
)
@settings(max_examples=15)
def test_a_plan_at_visits_does_what_it_says_or_says_why_not(**asked):
    """The exact law at so many visits is asked inside: a plan that it contradicts raises."""
    limits = {"most_attempts": 3, "most_votes": 3, "most_iterations": 30}
    found = bs.plan(**asked, **limits)
    if not found.reachable:
        assert "to a prompt the error comes down to" in found.why_not
        assert found.error > asked["target"]
        return
    assert found.error <= asked["target"] * (1 + 1e-9)
    if found.iterations:
        groups = by_groups(asked["error"], asked["spread"])
        how = found.attempts, found.votes, asked["visits"], found.iterations
        *_, last = chain(asked["beta"], asked["gamma"], groups, *how)
        assert found.error == pytest.approx(last[0], rel=1e-8, abs=1e-12)
        assert found.labels == pytest.approx(last[1], rel=1e-8, abs=1e-12)


def literal_least(given, tried, most):
    """Return the error, setting and price of everything that so many labels allow."""
    found = []
    for visits, attempts, votes in itertools.product(tried, range(1, 4), (1, 3)):
        way = chain(0.3, 0.1, [(0.6, 1.0), (0.4, 0.0)], attempts, votes, visits, most)
        for iterations, (error, labels, _) in enumerate(way):
            if visits * labels <= given:
                made = attempts * iterations
                cost = visits * (2.0 * labels + made * (0.05 + 0.01 * votes))
                found.append((error, cost, (attempts, votes, iterations, visits)))
    return found


@pytest.mark.parametrize("given", [0.5, 2.0, 6.0])
def test_the_least_error_that_labels_allow(given, monkeypatch):
    tried = (1, 2, 4)
    monkeypatch.setattr(planning, "TRIED_VISITS", tried)
    limits = {"most_attempts": 3, "most_votes": 3, "most_iterations": 12}
    rest = {"labels": 50 * given, "prompts": 50, **limits, **PRICES}
    found = bs.plan(beta=0.3, gamma=0.1, error=0.6, **rest)
    everything = literal_least(given, tried, 12)
    least = min(everything)[0]
    assert found.least == pytest.approx(least, rel=1e-9)
    good = [each for each in everything if each[0] <= 1.01 * least]
    assert (found.attempts, found.votes, found.iterations, found.visits) == min(
        good, key=lambda each: each[1]
    )[2]
    assert found.error <= 1.01 * least
    assert found.totals["labels"] == pytest.approx(50 * found.visits * found.labels)
    assert found.totals["labels"] <= 50 * given
    assert found.totals["cost"] == pytest.approx(50 * found.visits * found.cost)
    assert found.totals["generations"] == 50 * found.visits * found.iterations * found.attempts
    assert "in expectation" in found.summary()
    table = found.alternatives
    np.testing.assert_allclose(table.labels_in_all, 50 * table.visits * table.labels)
    assert (table.labels_in_all <= 50 * given * (1 + 1e-12)).all()


def test_with_a_target_the_labels_are_a_limit():
    rest = {"most_attempts": 12, "most_votes": 5, "prompts": 100}
    free = bs.plan(**ASKED, target=0.1, labels=10**6, **rest)
    most = free.alternatives.labels_in_all.min() * (1 + 1e-9)
    assert most < 0.999 * free.totals["labels"]
    tight = bs.plan(**ASKED, target=0.1, labels=most, **rest)
    assert tight.totals["labels"] <= most
    assert tight.error <= 0.1
    assert tight.totals["cost"] > free.totals["cost"]
    none = bs.plan(**ASKED, target=0.1, labels=100, **rest)
    assert not none.reachable
    assert "with 100 labels in expectation" in none.summary()
    # At visits of one's own as well.
    own = bs.plan(**ASKED, target=0.1, labels=10**6, visits=7, **rest)
    assert own.visits == 7
    assert set(own.alternatives.visits) == {7}
    assert own.totals["cost"] >= free.totals["cost"]


def test_so_many_labels_as_a_plan_takes_are_enough_for_it():
    """In exact arithmetic they are as many; the shares that both are made of round apart."""
    limits = {"most_attempts": 5, "most_votes": 3, "most_iterations": 60}
    seen = 0
    for visits, prompts, error in itertools.product((1, 2, 3), (7, 30, 33), (0.05, 0.7, 1.0)):
        asked = {"beta": 0.2, "gamma": 0.1, "error": error, "target": error / 2, **limits}
        asked |= {"visits": visits, "prompts": prompts}
        free = bs.plan(**asked)
        if not free.reachable:
            continue
        seen += 1
        same = bs.plan(**asked, labels=free.totals["labels"])
        assert same.reachable
        assert same.cost == free.cost
        assert (same.attempts, same.votes, same.iterations) == (
            free.attempts,
            free.votes,
            free.iterations,
        )
        fewer = bs.plan(**asked, labels=free.totals["labels"] * (1 - 1e-6))
        assert not fewer.reachable or fewer.totals["labels"] < free.totals["labels"]
    assert seen >= 18


@pytest.mark.parametrize("given", [0.5, 2.0, 6.0])
def test_so_many_labels_as_the_least_error_takes_are_enough_for_it(given, monkeypatch):
    monkeypatch.setattr(planning, "TRIED_VISITS", (1, 2, 3))
    limits = {"most_attempts": 3, "most_votes": 3, "most_iterations": 12}
    asked = {"beta": 0.3, "gamma": 0.1, "error": 0.6, **limits}
    for prompts in (7, 30, 33):
        first = bs.plan(**asked, labels=given * prompts, prompts=prompts)
        again = bs.plan(**asked, labels=first.totals["labels"], prompts=prompts)
        assert again.least <= first.error * (1 + 1e-11)


def test_labels_that_are_just_enough_are_enough():
    """All prompts that are failed get one right label: 7 times 0.05 are 0.35."""
    one = {"most_attempts": 1, "most_votes": 1, "visits": 1, "prompts": 7}
    found = bs.plan(beta=1, gamma=0, error=0.05, labels=0.35, **one)
    assert (found.iterations, found.error, found.least) == (1, 0.0, 0.0)
    assert found.totals["labels"] == pytest.approx(0.35)


def test_labels_that_lower_nothing():
    found = bs.plan(**ASKED, labels=1e-3, prompts=10, most_attempts=3, most_votes=1)
    assert found.iterations == 0
    assert "so few labels do not lower" in found.summary()
    # Nor would any number, where there is nothing to lower, or no label is right.
    rest = {"labels": 50, "prompts": 10, "most_attempts": 2, "most_votes": 1}
    assert "makes no errors" in bs.plan(**ASKED | {"error": 0.0}, **rest).summary()
    assert "no label is ever right" in bs.plan(**ASKED | {"beta": 0.0}, **rest).summary()


def literal_labels(beta, noise, attempts, error, visits, iterations):
    """Return the law of all labels of a prompt, from every way in which its visits can go."""
    law = {(error, 0): 1.0}
    for _ in range(iterations):
        after = {}
        for (before, so_far), mass in law.items():
            wrong, failed, _ = rates(beta, noise, attempts, before)
            labelled = {(1, 1): failed * beta, (0, 1): failed * (1 - beta)}
            kept = {(1, 0): 1 - wrong - failed * beta, (0, 0): wrong - failed * (1 - beta)}
            one = labelled | kept
            for ways in itertools.product(one, repeat=visits):
                right, asked = (sum(each) for each in zip(*ways, strict=True))
                place = (visits - right) / visits, so_far + asked
                chance = math.prod(one[way] for way in ways)
                after[place] = after.get(place, 0.0) + mass * chance
        law = after
    total = {}
    for (_, asked), mass in law.items():
        total[asked] = total.get(asked, 0.0) + mass
    return total


@pytest.mark.parametrize("spread", ["prompts", "responses"])
def test_labels_in_all_have_the_variance_that_all_ways_give(spread):
    groups = by_groups(0.7, spread)
    mean = variance = 0.0
    for weight, error in groups:
        law = literal_labels(0.3, 0.2, 2, error, 3, 4)
        first, second = (sum(m * n**power for n, m in law.items()) for power in (1, 2))
        mean, variance = mean + weight * first, variance + weight * (second - first**2)
    weights, errors = np.array(groups).T
    one = Settings(np.array([0.3]), np.array([0.2]), np.array([2]))
    told = labels_spread(one, Groups(weights, errors), 3, 4)
    assert told == pytest.approx((mean, variance), rel=1e-12)


def test_how_often_a_run_takes_more_labels_than_there_are():
    rest = {"most_attempts": 3, "most_votes": 1, "visits": 3, "target": 0.4, "prompts": 40}
    found = bs.plan(**ASKED, **rest, labels=150)
    laws = [
        literal_labels(0.2, 0.1, found.attempts, error, 3, found.iterations) for error in (1.0, 0.0)
    ]
    # The prompts that are failed, and those that are not, one after another.
    whole = np.ones(1)
    for law, prompts in zip(laws, (28, 12), strict=True):
        masses = np.zeros(max(law) + 1)
        masses[list(law)] = list(law.values())
        for _ in range(prompts):
            whole = np.convolve(whole, masses)
    counts = np.arange(len(whole))
    mean = whole @ counts
    assert found.totals["labels"] == pytest.approx(mean)
    spread = np.sqrt(whole @ (counts - mean) ** 2)
    assert found.totals["labels_sd"] == pytest.approx(spread)
    assert found.totals["over"] == pytest.approx(stats.norm.sf((150 - mean) / spread), abs=1e-12)
    assert found.totals["over"] == pytest.approx(whole[151:].sum(), abs=0.05)


def test_one_attempt_and_one_iteration_have_the_same_error_at_all_visits():
    groups = Groups(np.array([0.7, 0.3]), np.array([1.0, 0.0]))
    for attempts, iterations in ((1, 9), (6, 1)):
        one = Settings(np.array([0.2]), np.array([0.1]), np.array([attempts]))
        limit = follow(one, groups, iterations).error
        for visits in (1, 3, 40):
            there = follow(one, groups, iterations, visits).error
            np.testing.assert_allclose(there, limit, rtol=1e-12)


def test_many_visits_come_near_the_limit_like_one_over_them():
    groups = Groups(np.array([0.7, 0.3]), np.array([1.0, 0.0]))
    one = Settings(np.array([0.2]), np.array([0.1]), np.array([4]))
    limit = follow(one, groups, 6).error.item()
    above = [follow(one, groups, 6, visits).error.item() - limit for visits in (100, 200, 400)]
    assert above[0] > above[1] > above[2] > 0.0
    # Where the distance is c/v + d/v^2, the ratio of two halvings is 2 + O(1/v).
    assert abs(above[1] / above[2] - 2.0) < 0.6 * abs(above[0] / above[1] - 2.0)
    assert above[1] / above[2] == pytest.approx(2.0, abs=0.1)


def test_rows_of_the_chain_sum_to_one_and_rise():
    """Each row is a law, and a better state has a better one (T0: the map does not fall)."""
    one = Settings(np.array([0.3]), np.array([0.2]), np.array([3]))
    kernel = AtVisits(one, Groups(np.ones(1), np.ones(1)), 30)._kernel[0]
    np.testing.assert_allclose(kernel.sum(1), 1.0, rtol=1e-13)
    above = kernel[:, ::-1].cumsum(1)
    assert (np.diff(above, axis=0) >= -1e-14).all()
    other = stats.binom.pmf(np.arange(31), 30, 1.0 - rates(0.3, 0.2, 3, 0.5)[0])
    np.testing.assert_allclose(kernel[15], other, rtol=1e-11)


def test_sensitivity_is_that_of_runs_at_other_rates():
    for visits in (None, 3):
        found = bs.plan(**ASKED, target=0.05, visits=visits, most_attempts=6, most_votes=3)
        table = found.sensitivity.set_index("change")
        assert len(table) == 9
        assert table.error["as given"] == pytest.approx(found.error, rel=1e-9)
        for change, beta, gamma in (
            ("beta lower", 0.16, 0.1),
            ("gamma higher", 0.2, 0.12),
            ("beta higher, gamma lower", 0.24, 0.08),
        ):
            procedure = bs.boosting(
                attempts=found.attempts,
                filter=bs.NoisyFilter(gamma, votes=found.votes),
                labeler=bs.WeakLabeler(beta),
            )
            task = bs.table_task([[1, 0]] * 2, [0.7, 0.3], [[0.0, 1.0], [1.0, 0.0]])
            run = bs.simulate(procedure, task, found.iterations, visits=visits, exact=True)
            last = run.isel(seed=0, iteration=-1)
            assert table.error[change] == pytest.approx(float(last.error), rel=1e-9)
            assert table.labels[change] == pytest.approx(float(last.labels), rel=1e-9)
        assert table.error.idxmax() == "beta lower, gamma higher"
        told = f"error {table.error.min():.4g} to {table.error.max():.4g}"
        assert told in found.summary()
        assert json.loads(found.to_json())["sensitivity"][0]["change"] == "as given"


def test_bad_questions_at_visits():
    few = {"target": 0.1, "most_attempts": 2, "most_votes": 1}
    for changes, message in (
        ({"visits": 0}, "visits must be a whole number of at least 1; got 0"),
        ({"visits": 2.5}, "visits must be a whole number"),
        ({"visits": 1001}, "visits must be at most 1000; got 1001"),
        ({"visits": "many"}, "visits must be a whole number"),
        ({"visits": 900, "most_attempts": 64, "most_votes": 63}, "visits must be so few that"),
        ({"labels": 5}, "prompts must be given with labels"),
        ({"labels": 0, "prompts": 3}, "labels must be above 0"),
        ({"labels": -1, "prompts": 3}, "labels must be"),
        ({"labels": np.inf, "prompts": 3}, "labels must be"),
        ({"labels": "5", "prompts": 3}, "labels must be"),
        ({"labels": 5, "prompts": 0}, "prompts must be a whole number"),
        ({"prompts": 5}, "visits must be given with prompts, or labels"),
        ({"target": None}, "target must be given where labels are not"),
        ({"target": 0.0, "labels": 5, "prompts": 3}, "target must be above 0"),
    ):
        with pytest.raises(ValueError, match=message):
            bs.plan(**{**ASKED, **few, **changes})


def test_an_error_far_below_rounding_is_reached():
    """One attempt, a perfect filter: the error halves for ever (T1), at every number of visits."""
    target = 2.0**-90
    asked = {"beta": 0.5, "gamma": 0.0, "error": 1.0, "most_attempts": 1, "most_votes": 1}
    for visits in (1, 3):
        found = bs.plan(visits=visits, target=target, **asked)
        assert (found.reachable, found.iterations) == (True, 90)
        assert found.error == pytest.approx(target, rel=1e-11, abs=0.0)
